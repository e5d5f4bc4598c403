//! How calls reach an engine: over a unix socket, TCP, or TCP with TLS, each call on a connection of its own.
//!
//! bollard is given this as its transport, and the few calls that go past it take the same way.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bollard::BollardRequest;
use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt};
use http_body_util::{BodyDataStream, BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::uri::InvalidUri;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::Endpoint;
use super::streams::Chunks;
use crate::cut::head_and_tail;
use crate::engine::{EngineError, Reason};
use crate::net::{self, Target, words};

/// An engine that does not take a connection within this is away.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// What an address with `https` needs beside it.
const NO_CERTIFICATES: &str = "`https://` needs the folder of the certificates: DOCKER_TLS_VERIFY=1, DOCKER_CERT_PATH";
/// How much of a refusal that is no engine's is shown.
const SHOWN_REFUSAL: usize = 2000;
/// A refusal is read up to here.
const REFUSAL_LIMIT: usize = 64 * 1024;

/// What bollard sends as the body of a request; it does not name the type.
type Body = http_body_util::Either<
    http_body_util::Full<Bytes>,
    http_body_util::StreamBody<Pin<Box<dyn Stream<Item = io::Result<hyper::body::Frame<Bytes>>> + Send>>>,
>;

/// How an answer begins where there was nobody to give one.
pub(super) const UNREACHABLE: &str = "the engine cannot be reached: ";

/// Why a call has no answer, in an engine's words or ours.
#[derive(Debug, thiserror::Error)]
#[error("{answer}")]
pub(super) struct Failure {
    pub(super) answer: String,
    pub(super) reason: Reason,
}

impl Failure {
    /// As the error of an attempt.
    pub(super) fn of(self, attempt: &str) -> EngineError {
        super::error(attempt, self.answer, self.reason)
    }

    /// What an engine has no part in.
    pub(super) fn of_ours(answer: String) -> Failure {
        let reason = Reason::Other;
        Failure { answer, reason }
    }

    /// The engine is not there any more.
    pub(super) fn away(why: &(dyn std::error::Error + 'static)) -> Failure {
        Failure {
            answer: format!("the engine went away: {}", words(why)),
            reason: Reason::Away,
        }
    }

    fn unreachable(why: &(dyn std::error::Error + 'static)) -> Failure {
        Failure {
            answer: format!("{UNREACHABLE}{}", words(why)),
            reason: Reason::Away,
        }
    }

    /// `{"message": "…"}`, or plain text from a proxy before the engine.
    fn refused(status: StatusCode, said: &[u8]) -> Failure {
        let json: Value = serde_json::from_slice(said).unwrap_or_default();
        let text = String::from_utf8_lossy(said);
        let answer = match (json["message"].as_str(), text.trim()) {
            (Some(message), _) => message.trim().to_owned(),
            (None, "") => status.to_string(),
            (None, text) => format!("{status}: {}", head_and_tail(text, SHOWN_REFUSAL)),
        };
        let reason = match status {
            StatusCode::NOT_FOUND => Reason::NotFound,
            StatusCode::CONFLICT => Reason::Conflict,
            // No engine says so of itself: whoever stands before it does.
            StatusCode::BAD_GATEWAY => Reason::Away,
            _ => Reason::Other,
        };
        Failure { answer, reason }
    }
}

/// The way to one engine.
#[derive(Clone)]
pub(super) struct Transport {
    to: Target,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// The engine as a `Host` header has it.
    host: HeaderValue,
    /// The beginning of every path, once it is settled: `/v1.41`.
    version: String,
}

/// A connection that nobody drives yet.
type Idle = http1::Connection<TokioIo<Box<dyn net::Stream>>, Body>;

impl Transport {
    /// The way to an endpoint; nothing is opened yet.
    pub(super) fn of(endpoint: &Endpoint) -> Result<Transport, String> {
        let url = endpoint.named();
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| format!("`{url}` is not an engine's address; write `unix://PATH` or `tcp://HOST:PORT`"))?;
        let address = rest.trim_end_matches('/');
        let (to, host) = match scheme {
            "unix" => (Target::Socket(rest.into()), "engine"),
            "tcp" | "http" | "https" => (Target::parse(address).map_err(|why| why.message)?, address),
            _ => {
                return Err(format!(
                    "`{scheme}://` is not supported; use `unix://`, `tcp://`, `http://` or `ssh://`"
                ));
            }
        };
        let tls = match (&to, &endpoint.tls) {
            (Target::Host(host, _), Some(folder)) => Some((connector(folder)?, server_name(host)?)),
            (Target::Host(..), None) if scheme == "https" => return Err(NO_CERTIFICATES.to_owned()),
            _ => None,
        };
        let host = HeaderValue::from_str(host).map_err(|why| format!("`{url}`: {why}"))?;
        let version = String::new();
        Ok(Transport { to, tls, host, version })
    }

    /// The same, with a version of the API that each call asks for. bollard 0.21 negotiates one and never sends it.
    pub(super) fn speaking(self, version: &str) -> Transport {
        Transport {
            version: format!("/v{version}"),
            ..self
        }
    }

    /// Asks, with a task that drives the connection.
    pub(super) async fn send(&self, request: BollardRequest) -> Result<Response<Incoming>, Failure> {
        let (mut sender, connection) = self.open().await?;
        let driver = tokio::spawn(connection.with_upgrades());
        let answer = sender.send_request(self.addressed(request)?).await;
        match answer {
            Ok(answer) if is_refusal(&answer) => Err(refusal(answer).await),
            Ok(answer) => Ok(answer),
            // The connection broke before it took the call, as one does on which the engine wants to know us: it tells why.
            Err(why) if why.is_canceled() => match driver.await {
                Ok(Err(broken)) => Err(Failure::away(&broken)),
                _ => Err(Failure::away(&why)),
            },
            Err(why) => Err(Failure::away(&why)),
        }
    }

    /// Asks for what comes bit by bit; whoever reads it drives the connection. The engine sends a log in pieces of a
    /// line, and handing each of them from task to task took twice as long as all the rest.
    pub(super) async fn stream(&self, request: BollardRequest, attempt: String) -> Result<Chunks, Failure> {
        let (mut sender, connection) = self.open().await?;
        let mut driven = Driven {
            connection: Box::pin(connection),
            ended: false,
        };
        let mut answer = pin!(sender.send_request(self.addressed(request)?));
        let answer = poll_fn(|cx| driven.drive(cx, |cx| answer.as_mut().poll(cx))).await;
        let answer = answer.map_err(|why| Failure::away(&why))?;
        if is_refusal(&answer) {
            tokio::spawn(driven.connection);
            return Err(refusal(answer).await);
        }
        let mut body = BodyDataStream::new(answer.into_body());
        let pieces = futures_util::stream::poll_fn(move |cx| driven.drive(cx, |cx| body.poll_next_unpin(cx)));
        let pieces = pieces.map_err(move |why| Failure::away(&why).of(&attempt));
        Ok(pieces.boxed())
    }

    async fn open(&self) -> Result<(http1::SendRequest<Body>, Idle), Failure> {
        let opened = tokio::time::timeout(CONNECT_LIMIT, self.dial()).await;
        let stream = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = stream.map_err(|why| Failure::unreachable(&why))?;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        shaken.map_err(|why| Failure::unreachable(&why))
    }

    async fn dial(&self) -> io::Result<Box<dyn net::Stream>> {
        let (host, port) = match &self.to {
            Target::Socket(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
            Target::Host(host, port) => (host.as_str(), *port),
        };
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            Some((tls, name)) => Ok(Box::new(tls.connect(name.clone(), stream).await?)),
            None => Ok(Box::new(stream)),
        }
    }

    /// The address as it is written on a connection to the engine itself.
    fn addressed(&self, mut request: BollardRequest) -> Result<BollardRequest, Failure> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("{}{path}", self.version)
            .parse()
            .map_err(|why: InvalidUri| Failure::of_ours(format!("the call cannot be written: {why}")))?;
        request.headers_mut().insert(HOST, self.host.clone());
        Ok(request)
    }
}

/// A call of the API that goes past bollard.
pub(super) fn get(path: &str) -> Result<BollardRequest, Failure> {
    let request = Request::get(path).body(bollard::body_full(Bytes::new()));
    request.map_err(|why| Failure::of_ours(format!("the call cannot be written: {why}")))
}

/// A call of the API with a body that goes past bollard.
pub(super) fn post(path: &str, body: &Value) -> Result<BollardRequest, Failure> {
    let request = Request::post(path).header(CONTENT_TYPE, "application/json");
    let request = request.body(bollard::body_full(body.to_string().into()));
    request.map_err(|why| Failure::of_ours(format!("the call cannot be written: {why}")))
}

fn is_refusal(answer: &Response<Incoming>) -> bool {
    answer.status().is_client_error() || answer.status().is_server_error()
}

async fn refusal(answer: Response<Incoming>) -> Failure {
    let status = answer.status();
    let said = Limited::new(answer.into_body(), REFUSAL_LIMIT).collect().await;
    // Where its text does not come, the status says what there is to say.
    Failure::refused(status, &said.map(|said| said.to_bytes()).unwrap_or_default())
}

/// A connection that no task drives.
struct Driven {
    connection: Pin<Box<Idle>>,
    /// True once the connection has come to its end; what it read before may still be in the body.
    ended: bool,
}

impl Driven {
    /// Asks for what comes over the connection; if it is not here yet, lets the connection read, and asks again.
    fn drive<T>(&mut self, cx: &mut Context<'_>, mut ask: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if let Poll::Ready(here) = ask(cx) {
            return Poll::Ready(here);
        }
        // Its error is told by what is asked for, too.
        if !self.ended {
            self.ended = self.connection.poll_unpin(cx).is_ready();
        }
        ask(cx)
    }
}

/// TLS as the docker tools set it up: `ca.pem`, and `cert.pem` with `key.pem` where the engine wants to know us.
fn connector(folder: &Path) -> Result<TlsConnector, String> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).map_err(|why| format!("`{}`: {why}", path.display()))
    };
    let identity = if folder.join("cert.pem").exists() {
        Some((read("cert.pem")?, read("key.pem")?))
    } else {
        None
    };
    let tls = net::Tls {
        insecure: false,
        ca: Some(read("ca.pem")?),
        identity,
    };
    // What else this machine trusts is no engine's concern.
    net::connector(&tls, &[]).map_err(|why| format!("`{}`: {}", folder.display(), why.message))
}

fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned()).map_err(|_| format!("`{host}` is no name that a certificate can have"))
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use serde_json::json;

    use super::{Failure, SHOWN_REFUSAL};
    use crate::mask::Masks;

    #[test]
    fn of_a_secret_over_the_cut_of_a_refusal_no_part_is_told() {
        const SECRET: &str = "s3cret-word";
        let masks = Masks::default();
        masks.add(&json!(SECRET));
        for at in 0..=SECRET.len() {
            for before in [SHOWN_REFUSAL / 2, 3 * SHOWN_REFUSAL - SHOWN_REFUSAL / 2] {
                let dots = ".".repeat(before - at);
                let said = format!(
                    "{dots}{SECRET}{}",
                    ".".repeat(3 * SHOWN_REFUSAL - SECRET.len() - dots.len())
                );
                let refused = Failure::refused(StatusCode::BAD_GATEWAY, said.as_bytes());
                let hidden = masks.hide(&refused.answer).replace(['.', '*', '\n'], "");
                let rest = hidden.split('…').step_by(2).collect::<String>();
                assert_eq!(rest, "502 Bad Gateway: ", "{at}");
            }
        }
    }
}
