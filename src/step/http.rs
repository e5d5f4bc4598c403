//! `http`: a question over http, on a connection of its own.

mod answer;
mod mesh;
mod request;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::{About, Binder, Body, Sort, Written};
use crate::diagnostic::Diagnostic;
use crate::expect::HTTP_SUCCESS;
use crate::net::{check_url, is_socket};
use crate::shape::{Computed, Named, OneOrMany, Rule, Text, shape};
use crate::template::Data;

pub(super) use self::answer::{no_answer, outputs, reached, unheard};
pub(super) use self::mesh::lacking;
pub(super) use self::request::{Request, is_at_limit, time_left};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "http",
    does: "Asks over http and judges the answer.",
    manual: "One of `get`, `post`, `put`, `patch`, `delete`, `head` and `options` is the URL; a text alone is `get`. The \
             host port that a service has now is `${{ url('web', 80) }}`, with the container's port. Each question has a \
             connection of its own and is asked from this machine; with `inside: web` from within the network of that \
             service's container, by the names and ports that are known there: `http://db:8080/`, and what listens on \
             its 127.0.0.1.\n\nThe status must be 2xx unless `expect` says \
             otherwise. No answer is a failure unless it is expected: `expect: {error: refused}`; `error` is one of \
             `refused` (also by `url('web', 80)` of a container that does not run), `reset` (also a connection that ends before \
             the answer is whole), `timeout`, `dns`, `tls` and `other`. A port that Docker publishes opens even when nothing listens in the container: that is `reset`.\n\n\
             Redirects are not followed unless `redirects` says how many; an answer after that is judged as it is.",
    example: "- http: {get: \"${{ url('web', 80) }}/members\"}\n  within: 30s\n  expect:\n    json: {$.members: {length: 3}}\n- http:\n    post: \"${{ url('web', 80) }}/members\"\n    json: {name: Ada}\n  expect: {status: 201}",
    sort: Sort::Question,
    limit: Duration::from_secs(10),
    results: &answer::FIELDS,
    defaults: HTTP_SUCCESS,
    locals: &[],
};

shape! {
    /// A question over http.
    pub struct Http ("`http`") short get rules [
        Rule::One(&["get", "post", "put", "patch", "delete", "head", "options"]),
        Rule::AtMostOne(&["json", "body", "form"]),
    ] {
        /// The URL of a GET.
        get: Option<Text>,
        /// The URL of a POST.
        post: Option<Text>,
        /// The URL of a PUT.
        put: Option<Text>,
        /// The URL of a PATCH.
        patch: Option<Text>,
        /// The URL of a DELETE.
        delete: Option<Text>,
        /// The URL of a HEAD.
        head: Option<Text>,
        /// The URL of an OPTIONS.
        options: Option<Text>,
        /// Headers by name; a list of values sends the name several times.
        headers: Named<OneOrMany<Text>>,
        /// The body as data, sent as JSON.
        json: Option<Data>,
        /// The body as text.
        body: Option<Text>,
        /// The body as the fields of a form.
        form: Option<Named<Text>>,
        /// A user, sent as basic authorization.
        auth: Option<Auth>,
        /// How TLS is done.
        tls: Option<TlsKeys>,
        /// How many redirects are followed (default none).
        redirects: Option<Computed<u64>>,
        /// Where to connect instead of the URL's own address: `host:port`, or the path of a unix socket.
        connect_to: Option<Text>,
        /// A service or container: asks from inside its network.
        inside: Option<Text>,
    }
}

shape! {
    /// A user, sent as basic authorization.
    pub struct Auth ("`auth`") {
        /// The user.
        user: Text,
        /// The password.
        password: Text,
    }
}

shape! {
    /// How TLS is done. Paths are relative to this file.
    pub struct TlsKeys ("`tls`") rules [Rule::Needs("cert", &["key"]), Rule::Needs("key", &["cert"])] {
        /// Takes any certificate.
        insecure: Option<Computed<bool>>,
        /// A PEM file of certificates to trust beside the system's.
        ca: Option<Text>,
        /// A PEM file with the certificate to show.
        cert: Option<Text>,
        /// A PEM file with the key of that certificate.
        key: Option<Text>,
    }
}

impl Http {
    fn methods(&self) -> [(&'static str, &Option<Text>); 7] {
        [
            ("GET", &self.get),
            ("POST", &self.post),
            ("PUT", &self.put),
            ("PATCH", &self.patch),
            ("DELETE", &self.delete),
            ("HEAD", &self.head),
            ("OPTIONS", &self.options),
        ]
    }

    /// What the step is called: `GET …`.
    pub(super) fn title(&self) -> String {
        let written = self
            .methods()
            .into_iter()
            .find_map(|(method, url)| Some((method, url.as_ref()?)));
        written.map_or(String::new(), |(method, url)| format!("{method} {}", url.shown()))
    }

    /// The question with its one method known; tells what cannot stand together.
    pub(super) fn bind(&self, binder: &mut Binder<'_>) -> Option<Request> {
        let mut given = self
            .methods()
            .into_iter()
            .filter_map(|(method, url)| Some((method, url.as_ref()?)));
        let methods = "`get`, `post`, `put`, `patch`, `delete`, `head`, `options`";
        let Some((method, url)) = given.next() else {
            let problem = Diagnostic::error(&self.span, "`http` asks nothing: its URL is missing");
            binder.lacks(problem.help(format!("it stands under one of {methods}")));
            return None;
        };
        let mut whole = true;
        if let Some((second, at)) = given.next() {
            let message = format!("`http` asks one question, and these are two: {method} and {second}");
            binder.error(&at.span, message, "make it two steps, each beginning with `- `");
            whole = false;
        }
        if let Some(literal) = url.as_literal()
            && !["http://", "https://"].iter().any(|scheme| literal.starts_with(scheme))
        {
            binder.problems.push(
                Diagnostic::error(
                    &url.span,
                    format!("`{literal}` begins with neither `http://` nor `https://`"),
                )
                .help("the address that a service has now is `${{ url('web', 80) }}`"),
            );
            whole = false;
        } else if let Some(text) = binder.constant_text(url)
            && let Err(why) = check_url(&text)
        {
            binder.error(&url.span, why, "a URL is like `http://host:8080/path`");
            whole = false;
        }
        if self.inside.is_none() && self.connect_to.is_none() {
            binder.freed_port(&address(&url.shown()), &url.span);
        }
        whole &= self.agrees(binder);
        let inside = match &self.inside {
            Some(inside) => Some(binder.container(inside)?),
            None => None,
        };
        whole.then(|| Request {
            method,
            url: url.clone(),
            http: Arc::new(self.clone()),
            inside,
        })
    }

    /// Tells keys that cannot stand together; true when there are none.
    fn agrees(&self, binder: &mut Binder<'_>) -> bool {
        let mut whole = true;
        let bodies = [
            self.json.as_ref().map(|json| ("json", &json.span)),
            self.body.as_ref().map(|body| ("body", &body.span)),
            self.form.as_ref().map(|_| ("form", &self.span)),
        ];
        if let [(first, _), (second, at), ..] = bodies.into_iter().flatten().collect::<Vec<_>>().as_slice() {
            binder.error(
                at,
                format!("`{first}` and `{second}`: a question has one body"),
                "take one of them out",
            );
            whole = false;
        }
        if let Some(to) = &self.connect_to {
            whole &= super::tcp::check_address(to, "", binder).is_some();
        }
        if let (Some(to), Some(_)) = (&self.connect_to, &self.inside) {
            whole &= !refuse_socket(binder, "connect-to", to);
        }
        if let Some(tls) = &self.tls
            && tls.cert.is_some() != tls.key.is_some()
        {
            binder.error(
                &tls.span,
                "`cert` and `key` belong together, and one is missing",
                "name the PEM file of each",
            );
            whole = false;
        }
        whole
    }
}

/// Where a URL is asked: `host:port`.
pub(super) fn address(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit(']').next().is_some_and(|rest| rest.contains(':')) {
        true => authority.to_owned(),
        false if scheme.eq_ignore_ascii_case("https") => format!("{authority}:443"),
        false => format!("{authority}:80"),
    }
}

/// Tells of a socket beside `inside`, where it is written; true if it is one.
pub(super) fn refuse_socket(binder: &mut Binder<'_>, key: &str, to: &Text) -> bool {
    let is_socket = to.as_literal().is_some_and(is_socket);
    if is_socket {
        let message = format!("`{key}` is a socket, and beside `inside` it cannot be one");
        let help = format!("a socket is a file of this machine, which is not there: give `{key}` as `host:port`");
        binder.error(&to.span, message, help);
    }
    is_socket
}

impl Written for Http {
    fn title(&self) -> String {
        Http::title(self)
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        Http::bind(self, binder).map(|request| Body::Act(Arc::new(request)))
    }
}
