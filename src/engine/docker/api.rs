//! Making calls of the Engine API: a call in, the engine's answer or an `EngineError` out.
//!
//! A call that changes the engine runs in a task of its own: whoever drops the future no longer learns how it ended,
//! but the call is made to its end. `settled` waits for those.

use std::io;
use std::time::Duration;

use bollard::errors::Error;
use bollard::{ClientVersion, Docker};
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use serde_json::Value;
use tokio_util::task::TaskTracker;

use super::streams::Chunks;
use super::transport::{Failure, Transport, UNREACHABLE, get, post};
use super::{Endpoint, error};
use crate::engine::{EngineError, EngineResult, Reason};
use crate::wait::Caller;

/// How long a call may take that says nothing else.
pub(super) const LIMIT: Duration = Duration::from_secs(60);
/// How long a call may take that moves an image, or waits for a container's own grace.
pub(super) const LONG_LIMIT: Duration = Duration::from_secs(20 * 60);
/// The newest version of the API that is spoken here.
const NEWEST: (usize, usize) = (1, 51);
/// The oldest version that has all that is asked for: Docker 20.10's.
const OLDEST: (usize, usize) = (1, 41);
/// bollard's own limit, in seconds: ours always passes first.
const NEVER: u64 = 1 << 32;

/// The newest version with all that docker-compose 1 asks for.
const OF_FIRST_COMPOSE: (usize, usize) = (1, 44);

/// The API of one engine, its version settled.
#[derive(Clone)]
pub(super) struct Api {
    /// What makes the calls.
    pub(super) client: Docker,
    transport: Transport,
    abandoned: TaskTracker,
}

impl Api {
    /// The version that docker-compose 1 is to speak. By itself it takes the engine's newest, and where that no longer tells of
    /// an image what it reads there, it ends with a traceback when it puts a container in another's place.
    pub(super) fn for_first_compose(&self) -> String {
        let ClientVersion {
            major_version,
            minor_version,
        } = self.client.client_version();
        let (major, minor) = (major_version, minor_version).min(OF_FIRST_COMPOSE);
        format!("{major}.{minor}")
    }

    /// Reaches an engine and settles the version: the newest that both sides speak.
    pub(super) async fn negotiate(endpoint: &Endpoint) -> EngineResult<Api> {
        let attempt = format!("reach the engine at {}", endpoint.named());
        let wrong = |answer: String| error(&attempt, answer, Reason::Other);
        let transport = Transport::of(endpoint).map_err(wrong)?;
        // bollard would ask for `/version`, for which an engine starts several programs.
        let ping = async { transport.send(get("/_ping")?).await };
        let answer = within(LIMIT, &attempt, ping).await.map_err(|error| EngineError {
            // The attempt says so itself.
            answer: error
                .answer
                .strip_prefix(UNREACHABLE)
                .unwrap_or(&error.answer)
                .to_owned(),
            ..error
        })?;
        let said = answer.headers().get("api-version").and_then(|said| said.to_str().ok());
        let theirs = said
            .and_then(version_of)
            .ok_or_else(|| wrong("what answers there is not a Docker engine".to_owned()))?;
        let (major_version, minor_version) = theirs.min(NEWEST);
        let version = ClientVersion {
            major_version,
            minor_version,
        };
        if theirs < OLDEST {
            let answer = format!("it speaks version {version} of the API; 1.41 (Docker 20.10) or newer is needed");
            return Err(wrong(answer));
        }
        let transport = transport.speaking(&version.to_string());
        let ours = transport.clone();
        let send = move |request| {
            let transport = ours.clone();
            async move {
                let answer = transport.send(request).await;
                answer.map_err(|why| Error::from(io::Error::other(why)))
            }
        };
        let client = Docker::connect_with_custom_transport(send, Some("http://engine"), NEVER, &version);
        let abandoned = TaskTracker::new();
        // Closed from the start: `wait` then waits for what is in it, and more may still come in.
        abandoned.close();
        Ok(Api {
            client: client.map_err(|why| Failure::from(why).of(&attempt))?,
            transport,
            abandoned,
        })
    }

    /// Asks.
    pub(super) async fn ask<T>(&self, attempt: &str, call: impl Future<Output = Result<T, Error>>) -> EngineResult<T> {
        within(LIMIT, attempt, call).await
    }

    /// Changes something: the call goes on to its end even if this future is dropped.
    pub(super) async fn change<T, F>(
        &self,
        attempt: String,
        limit: Duration,
        call: impl FnOnce(Docker) -> F,
    ) -> EngineResult<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let call = call(self.client.clone());
        self.finish(async move { within(limit, &attempt, call).await }).await
    }

    /// Runs something to its end in a task of its own, that `settled` knows of once its caller has gone.
    async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = EngineResult<T>> + Send + 'static,
    ) -> EngineResult<T> {
        let (caller, held) = Caller::new(&self.abandoned);
        let task = tokio::spawn(async move {
            let answer = work.await;
            drop(held);
            answer
        });
        let ended = task.await;
        caller.ended();
        match ended {
            Ok(answer) => answer,
            Err(why) => match why.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(why) => Err(error("finish a call", why.to_string(), Reason::Away)),
            },
        }
    }

    /// Waits for the changes whose callers have gone.
    pub(super) async fn settled(&self) {
        self.abandoned.wait().await;
    }

    /// Asks for JSON as the engine writes it: bollard's models drop the fields that they do not know.
    pub(super) async fn json(&self, attempt: &str, path: &str) -> EngineResult<Value> {
        let asked = async { json_of(self.transport.send(get(path)?).await?).await };
        within(LIMIT, attempt, asked).await
    }

    /// Changes something by a call that bollard has no words for; like `change`, it goes on to its end.
    pub(super) async fn post(&self, attempt: String, path: &str, body: &Value) -> EngineResult<Value> {
        let (transport, request) = (self.transport.clone(), post(path, body));
        let call = async move { json_of(transport.send(request?).await?).await };
        self.finish(async move { within(LIMIT, &attempt, call).await }).await
    }

    /// Asks for what comes bit by bit, and tells at once whether it comes: a stream of bollard's asks only when it is
    /// first read, so that nobody knows when the engine has begun to tell its events.
    pub(super) async fn stream(&self, attempt: &str, path: &str) -> EngineResult<Chunks> {
        let begun = async { self.transport.stream(get(path)?, attempt.to_owned()).await };
        within(LIMIT, attempt, begun).await
    }
}

async fn json_of(answer: Response<Incoming>) -> Result<Value, Failure> {
    let whole = answer.into_body().collect().await.map_err(|why| Failure::away(&why))?;
    let whole = whole.to_bytes();
    // To some changes the answer is a status alone.
    if whole.is_empty() {
        return Ok(Value::Null);
    }
    let read = serde_json::from_slice(&whole);
    read.map_err(|why| Failure::of_ours(format!("its answer cannot be read: {why}")))
}

/// What bollard says of a call, in our words.
impl From<Error> for Failure {
    fn from(why: Error) -> Failure {
        match why {
            // Of our transport, or of a connection that broke.
            Error::IOError { err } => err.downcast().unwrap_or_else(|broken| Failure::away(&broken)),
            Error::HyperResponseError { err } => Failure::away(&err),
            Error::DockerStreamError { error: answer } => {
                let missing = answer.contains("not found") || answer.contains("manifest unknown");
                let reason = if missing { Reason::NotFound } else { Reason::Other };
                Failure { answer, reason }
            }
            Error::JsonDataError { .. } | Error::JsonSerdeError { .. } => {
                Failure::of_ours(format!("its answer cannot be read: {why}"))
            }
            why => Failure::of_ours(why.to_string()),
        }
    }
}

/// The answer of a call, unless its limit passes.
async fn within<T, E: Into<Failure>>(
    limit: Duration,
    attempt: &str,
    call: impl Future<Output = Result<T, E>>,
) -> EngineResult<T> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(|why| why.into().of(attempt)),
        Err(_) => Err(error(
            attempt,
            format!("the engine did not answer within {limit:?}"),
            Reason::Limit,
        )),
    }
}

fn version_of(text: &str) -> Option<(usize, usize)> {
    let (major, minor) = text.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
