//! A question over http that is asked: its templates rendered, its files read.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::answer::{asked, no_answer, outputs, reached, shown, unheard, whole_enough};
use super::mesh::lacking;
use super::{Http, address};
use crate::event::{Detail, Fault};
use crate::net::{self, HttpRequest, NetError, Tls};
use crate::shape::Text;
use crate::step::{Act, ContainerRef, Cx, Done, Ref, inside};

/// What is left of an attempt's limit when a question gives up, so that it is the question that tells of it.
const MARGIN: Duration = Duration::from_millis(100);

/// A question whose method is known.
#[derive(Debug, Clone)]
pub(in crate::step) struct Request {
    pub(super) method: &'static str,
    pub(super) url: Text,
    pub(super) http: Arc<Http>,
    /// Whose network it is asked in; this machine's if none.
    pub(in crate::step) inside: Option<Ref<ContainerRef>>,
}

#[async_trait]
impl Act for Request {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let began = Instant::now();
        let request = match self.rendered(cx).await? {
            Ok(request) => request,
            Err(refused) => return no_answer(cx, &self.shown(), &refused, began.elapsed()),
        };
        let net = inside::net(cx, self.inside.as_ref()).await?;
        let began = Instant::now();
        match net.http(&request, time_left(cx)).await {
            Ok(answer) => {
                whole_enough(cx, &answer)?;
                Ok(outputs(&request, &answer))
            }
            Err(error) => {
                let told = no_answer(cx, &asked(&request), &error, began.elapsed());
                let is_here = self.inside.is_none() && request.connect_to.is_none();
                let address = is_here.then(|| address(&request.url));
                let told = unheard(cx, address.as_deref(), &error, told);
                match request.connect_to {
                    None => self.without_mesh(cx, &request.url, &error, told),
                    Some(_) => told,
                }
            }
        }
    }

    async fn explain(&self, cx: &Cx, outputs: &Value, _faults: &[Fault]) -> Vec<Detail> {
        let wants_json = cx.expect.as_ref().is_some_and(|expect| expect.expects("json"));
        shown(&cx.case.emitter.masks.hidden_in(outputs.clone()), wants_json)
    }

    fn asks_inside(&self) -> bool {
        self.inside.is_some()
    }

    fn may_change(&self) -> bool {
        !matches!(self.method, "GET" | "HEAD" | "OPTIONS")
    }
}

impl Request {
    /// Adds to the hint of a question without an answer what the kernel may lack for one.
    fn without_mesh(&self, cx: &Cx, url: &str, error: &NetError, told: Done<Value>) -> Done<Value> {
        let Some(lacking) = lacking(cx, (&address(url), self.inside.is_some()), error) else {
            return told;
        };
        told.map_err(|faults| faults.into_iter().map(|fault| fault.and_hint(lacking)).collect())
    }

    /// The question with its templates rendered and its files read, unless nobody can be asked where it goes to.
    pub(in crate::step) async fn rendered(&self, cx: &Cx) -> Done<Result<HttpRequest, NetError>> {
        let http = &self.http;
        let (url, connect_to) = match reached(cx, self.to(cx).await)? {
            Ok(to) => to,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut headers = Vec::new();
        for (name, values) in http.headers.iter() {
            for value in &values.0 {
                headers.push((name.to_owned(), cx.text(value).await?));
            }
        }
        let has = |headers: &[(String, String)], name: &str| {
            headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let (body, kind) = self.body(cx).await?;
        if let Some(kind) = kind
            && !has(&headers, "content-type")
        {
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        if let Some(auth) = &http.auth
            && !has(&headers, "authorization")
        {
            let value = net::basic(&cx.text(&auth.user).await?, &cx.text(&auth.password).await?);
            headers.push(("authorization".to_owned(), value));
        }
        if self.inside.is_some() && connect_to.as_ref().is_some_and(|to| net::is_socket(to)) {
            return Err(cx.error("`connect-to` is a socket, a file of this machine, which is not there `inside`"));
        }
        let redirects = match &http.redirects {
            Some(redirects) => cx.computed(redirects).await?,
            None => 0,
        };
        Ok(Ok(HttpRequest {
            method: self.method.to_owned(),
            url,
            headers,
            body,
            tls: self.tls(cx).await?,
            redirects: u32::try_from(redirects).unwrap_or(u32::MAX),
            connect_to,
        }))
    }

    /// Where it goes to: its URL, and where to connect instead of that.
    async fn to(&self, cx: &Cx) -> Done<(String, Option<String>)> {
        let url = cx.text(&self.url).await?;
        Ok((url, cx.optional(self.http.connect_to.as_ref()).await?))
    }

    /// What it asks, as it is written.
    fn shown(&self) -> String {
        format!("{} {}", self.method, self.url.shown())
    }

    /// The body, and the type that it has when no header says another.
    async fn body(&self, cx: &Cx) -> Done<(Bytes, Option<&'static str>)> {
        let http = &self.http;
        if let Some(json) = &http.json {
            return Ok((cx.data(json).await?.to_string().into(), Some("application/json")));
        }
        if let Some(form) = &http.form {
            let mut pairs = Vec::new();
            for (name, value) in form.iter() {
                pairs.push((name.to_owned(), cx.text(value).await?));
            }
            return Ok((net::form(&pairs).into(), Some("application/x-www-form-urlencoded")));
        }
        Ok((cx.optional(http.body.as_ref()).await?.unwrap_or_default().into(), None))
    }

    async fn tls(&self, cx: &Cx) -> Done<Tls> {
        let Some(keys) = &self.http.tls else {
            return Ok(Tls::default());
        };
        let insecure = match &keys.insecure {
            Some(insecure) => cx.computed(insecure).await?,
            None => false,
        };
        let cert = pem(cx, keys.cert.as_ref()).await?;
        let key = pem(cx, keys.key.as_ref()).await?;
        Ok(Tls {
            insecure,
            ca: pem(cx, keys.ca.as_ref()).await?,
            identity: cert.zip(key),
        })
    }
}

async fn pem(cx: &Cx, path: Option<&Text>) -> Done<Option<Vec<u8>>> {
    let Some(written) = path else { return Ok(None) };
    let path = cx.path(written, &cx.text(written).await?);
    match cx.case.host.read_text(&path).await {
        Ok(text) => Ok(Some(text.into_bytes())),
        Err(why) => {
            let message = format!("cannot read `{}`: {why}", path.display());
            Err(vec![Fault::error(message).at(written.span.place())])
        }
    }
}

/// How long a question may take: a little less than is left, so that its own words tell of it.
pub(in crate::step) fn time_left(cx: &Cx) -> Duration {
    let left = cx.deadline.saturating_duration_since(Instant::now());
    left.saturating_sub(MARGIN.min(left / 10))
}

/// True when what was left has gone: it was the step's limit that ended a question.
pub(in crate::step) fn is_at_limit(cx: &Cx) -> bool {
    Instant::now() + MARGIN >= cx.deadline
}
