//! Making calls of the Engine API: a call in, the engine's answer or an `EngineError` out.
//!
//! A call that changes the engine runs in a task of its own: whoever drops the future no longer learns how it ended,
//! but the call is made to its end. `settled` waits for those.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::call::{Call, error};
use super::transport::Transport;
use super::{Endpoint, direct};
use crate::engine::{EngineError, EngineResult, Reason};

/// The greatest answer that is read whole.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;
/// The newest version of the API that is spoken here.
const NEWEST: (u32, u32) = (1, 51);
/// The oldest version that has all that is asked for: Docker 20.10's.
const OLDEST: (u32, u32) = (1, 41);

/// The API of one engine, its version settled.
#[derive(Clone)]
pub(super) struct Api {
    transport: Transport,
    /// The beginning of each address: `http://engine/v1.41`.
    base: Arc<str>,
    abandoned: TaskTracker,
}

impl Api {
    /// Reaches an engine and settles the version: the newest that both sides speak.
    pub(super) async fn negotiate(endpoint: &Endpoint) -> EngineResult<Api> {
        let attempt = format!("reach the engine at {}", endpoint.named());
        let (transport, base) = Transport::of(endpoint).map_err(|answer| error(&attempt, answer, Reason::Other))?;
        let mut api = Api {
            transport,
            base: base.as_str().into(),
            abandoned: TaskTracker::new(),
        };
        // Closed from the start: `wait` then waits for what is in it, and more may still come in.
        api.abandoned.close();
        let answer = api.send(&Call::get("/_ping".to_owned(), attempt.clone())).await?;
        let version = answer
            .headers()
            .get("api-version")
            .and_then(|value| value.to_str().ok());
        let Some(theirs) = version.and_then(version_of) else {
            return Err(error(
                &attempt,
                "what answers there is not a Docker engine",
                Reason::Other,
            ));
        };
        if theirs < OLDEST {
            let (major, minor) = theirs;
            let answer =
                format!("it speaks version {major}.{minor} of the API; 1.41 (Docker 20.10) or newer is needed");
            return Err(error(&attempt, answer, Reason::Other));
        }
        let (major, minor) = theirs.min(NEWEST);
        api.base = format!("{base}/v{major}.{minor}").into();
        Ok(api)
    }

    /// Asks, and reads the answer whole.
    pub(super) async fn ask(&self, call: &Call) -> EngineResult<Bytes> {
        let whole = async {
            let answer = self.send(call).await?;
            body(answer, call).await
        };
        tokio::time::timeout(call.limit, whole)
            .await
            .unwrap_or_else(|_| Err(passed(call)))
    }

    /// Asks for JSON.
    pub(super) async fn json(&self, call: &Call) -> EngineResult<Value> {
        let bytes = self.ask(call).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        let read = serde_json::from_slice(&bytes);
        read.map_err(|why| call.error(format!("its answer cannot be read: {why}"), Reason::Other))
    }

    /// Changes something: the call goes on to its end even if this future is dropped.
    pub(super) async fn change(&self, call: Call) -> EngineResult<Value> {
        let api = self.clone();
        self.finish(async move { api.json(&call).await }).await
    }

    /// Runs something to its end in a task of its own, that `settled` knows of once its caller has gone.
    pub(super) async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = EngineResult<T>> + Send + 'static,
    ) -> EngineResult<T> {
        let held = Arc::new(Mutex::new(None));
        let mut caller = Caller {
            held: held.clone(),
            abandoned: self.abandoned.clone(),
            ended: false,
        };
        let task = tokio::spawn(async move {
            let answer = work.await;
            drop(held);
            answer
        });
        let ended = task.await;
        caller.ended = true;
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

    /// Asks for something that comes bit by bit, over a connection of its own; the limit is that of its beginning.
    pub(super) async fn stream(&self, call: &Call) -> EngineResult<BoxStream<'static, EngineResult<Bytes>>> {
        let begun = async {
            let (answer, flow) = direct::ask(&self.transport, self.request(call)?, call).await?;
            flow.judge(answer, call).await
        };
        tokio::time::timeout(call.limit, begun)
            .await
            .unwrap_or_else(|_| Err(passed(call)))
    }

    /// Asks for the headers of an answer only.
    pub(super) async fn head(&self, call: &Call) -> EngineResult<Response<Incoming>> {
        tokio::time::timeout(call.limit, self.send(call))
            .await
            .unwrap_or_else(|_| Err(passed(call)))
    }

    /// Takes the connection over after the answer.
    pub(super) async fn upgrade(&self, call: Call) -> EngineResult<Upgraded> {
        let call = call
            .header(CONNECTION, "Upgrade".to_owned())
            .header(UPGRADE, "tcp".to_owned());
        let taken = async {
            let answer = self.send(&call).await?;
            if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                return Err(call.error(
                    format!("it did not hand the connection over ({})", answer.status()),
                    Reason::Other,
                ));
            }
            let upgraded = hyper::upgrade::on(answer).await;
            upgraded.map_err(|why| call.error(format!("the engine went away: {}", chain(&why)), Reason::Away))
        };
        tokio::time::timeout(call.limit, taken)
            .await
            .unwrap_or_else(|_| Err(passed(&call)))
    }

    /// Sends a call over the pool and judges the status of its answer.
    async fn send(&self, call: &Call) -> EngineResult<Response<Incoming>> {
        let answer = self.transport.send(self.request(call)?).await;
        let answer = answer.map_err(|why| call.error(away(&why), Reason::Away))?;
        if !refused(answer.status()) {
            return Ok(answer);
        }
        let status = answer.status();
        let said = if call.method == Method::HEAD {
            Bytes::new()
        } else {
            body(answer, call).await?
        };
        Err(refusal(&said, status, call))
    }

    fn request(&self, call: &Call) -> EngineResult<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(&call.method)
            .uri(format!("{}{}", self.base, call.path));
        if let Some(content) = call.content {
            request = request.header(CONTENT_TYPE, content);
        }
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(call.body.clone()));
        request.map_err(|why| call.error(format!("the call cannot be written: {why}"), Reason::Other))
    }
}

pub(super) fn refused(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// The error of a refusal.
pub(super) fn refusal(said: &[u8], status: StatusCode, call: &Call) -> EngineError {
    let reason = match status {
        StatusCode::NOT_FOUND => Reason::NotFound,
        StatusCode::CONFLICT => Reason::Conflict,
        _ => Reason::Other,
    };
    call.error(message(said, status), reason)
}

/// Whoever waits for a call; when it goes before the call's end, the call is held to be abandoned until then.
struct Caller {
    /// Shared with the call's task: what is in here lives until the task ends.
    held: Arc<Mutex<Option<TaskTrackerToken>>>,
    abandoned: TaskTracker,
    ended: bool,
}

impl Drop for Caller {
    fn drop(&mut self) {
        if !self.ended {
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.abandoned.token());
        }
    }
}

async fn body(answer: Response<Incoming>, call: &Call) -> EngineResult<Bytes> {
    match Limited::new(answer.into_body(), ANSWER_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(why) if why.is::<LengthLimitError>() => {
            Err(call.error(format!("its answer is longer than {ANSWER_LIMIT} bytes"), Reason::Other))
        }
        Err(why) => Err(call.error(format!("the engine went away: {}", chain(why.as_ref())), Reason::Away)),
    }
}

fn passed(call: &Call) -> EngineError {
    call.error(
        format!("the engine did not answer within {:?}", call.limit),
        Reason::Limit,
    )
}

fn away(why: &hyper_util::client::legacy::Error) -> String {
    let what = if why.is_connect() {
        "the engine cannot be reached"
    } else {
        "the engine went away"
    };
    match why.source() {
        Some(source) => format!("{what}: {}", chain(source)),
        None => what.to_owned(),
    }
}

/// An error with its causes, each of them once.
pub(super) fn chain(why: &dyn Error) -> String {
    let mut text = why.to_string();
    let mut source = why.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

/// What an engine says of its refusal: `{"message": "…"}`, or plain text from a proxy before it.
fn message(said: &[u8], status: StatusCode) -> String {
    let json: Value = serde_json::from_slice(said).unwrap_or_default();
    if let Some(message) = json["message"].as_str() {
        return message.trim().to_owned();
    }
    let text = String::from_utf8_lossy(said);
    match text.trim() {
        "" => status.to_string(),
        text => format!("{status}: {}", text.chars().take(2000).collect::<String>()),
    }
}

fn version_of(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
