//! One question of a chain of redirects: what is sent and where, and where its answer sends to.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::connect::Target;
use super::url::Url;
use super::{HttpAnswer, HttpRequest, NetError};

/// What a form encodes; a space is written `+`.
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b' ');

/// One question of a chain of redirects.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    pub(super) target: Target,
    /// Whether `target` is another one than the URL's.
    elsewhere: bool,
}

impl Hop {
    pub(super) fn first(request: &HttpRequest) -> Result<Hop, NetError> {
        let url = Url::parse(&request.url)
            .map_err(|why| NetError::request(format!("`{}` cannot be asked: {why}", request.url)))?;
        let target = match &request.connect_to {
            Some(address) => Target::parse(address)?,
            None => target_of(&url),
        };
        let method = request
            .method
            .parse()
            .map_err(|_| NetError::request(format!("`{}` is no method of HTTP", request.method)))?;
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| header_of(name, value))
            .collect::<Result<_, _>>()?;
        Ok(Hop {
            method,
            url,
            headers,
            body: request.body.clone(),
            target,
            elsewhere: request.connect_to.is_some(),
        })
    }

    pub(super) fn request(&self) -> Result<Request<Full<Bytes>>, NetError> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(self.url.path.as_str());
        let own = |name: HeaderName| self.headers.iter().any(|(known, _)| *known == name);
        if !own(header::HOST) {
            request = request.header(header::HOST, self.url.authority());
        }
        if !own(header::USER_AGENT) {
            request = request.header(header::USER_AGENT, concat!("e2erun/", env!("CARGO_PKG_VERSION")));
        }
        if !own(header::ACCEPT) {
            request = request.header(header::ACCEPT, "*/*");
        }
        if let Some((user, password)) = &self.url.user
            && !own(header::AUTHORIZATION)
        {
            request = request.header(header::AUTHORIZATION, basic(user, password));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
            .body(Full::new(self.body.clone()))
            .map_err(|error| NetError::request(format!("`{}` cannot be asked: {error}", self.url)))
    }

    /// Where an answer sends to; nothing when it sends nowhere.
    pub(super) fn after(&self, answer: &HttpAnswer) -> Option<Hop> {
        if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let url = self.url.join(answer.headers.get("location")?)?;
        let same_origin = url.is_same_origin(&self.url);
        let becomes_get = match answer.status {
            303 => self.method != Method::HEAD,
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        let kept = |name: &HeaderName| {
            let of_body = name.as_str().starts_with("content-");
            // What was meant for one server is not told to another.
            let of_origin = [header::AUTHORIZATION, header::COOKIE, header::HOST].contains(name);
            !(becomes_get && of_body) && (same_origin || !of_origin)
        };
        let elsewhere = self.elsewhere && same_origin;
        Some(Hop {
            method: if becomes_get { Method::GET } else { self.method.clone() },
            headers: self.headers.iter().filter(|(name, _)| kept(name)).cloned().collect(),
            body: if becomes_get { Bytes::new() } else { self.body.clone() },
            target: if elsewhere {
                self.target.clone()
            } else {
                target_of(&url)
            },
            elsewhere,
            url,
        })
    }
}

fn target_of(url: &Url) -> Target {
    Target::Host(url.host.clone(), url.port)
}

/// A URL as it may be shown: without user and password. What is no URL stays as it is.
pub fn without_user(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.to_string())
}

/// The body of a form: `application/x-www-form-urlencoded`.
pub fn form(pairs: &[(String, String)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, FORM).to_string().replace(' ', "+");
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The value of `authorization` for a user and a password.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

fn header_of(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), NetError> {
    let wrong = |part: &str| {
        NetError::request(format!(
            "header `{name}` cannot be sent: its {part} has a character that none may have"
        ))
    };
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong("value"))?;
    Ok((name.parse().map_err(|_| wrong("name"))?, value))
}

#[cfg(test)]
mod tests {
    use super::form;

    #[test]
    fn a_form_is_encoded() {
        let pairs = [("name", "Ada L."), ("a+b", "é&=\n"), ("empty", "")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(form(&pairs), "name=Ada+L.&a%2Bb=%C3%A9%26%3D%0A&empty=");
    }
}
