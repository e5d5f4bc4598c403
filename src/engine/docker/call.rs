//! One call of the Engine API, as it will be made: where, with what, for how long at most, and what it attempts.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderName;
use serde_json::Value;

use super::encode;
use crate::engine::{EngineError, Reason};

/// How long a call may take that says nothing else.
pub(super) const LIMIT: Duration = Duration::from_secs(60);
/// How long a call may take that moves an image, or waits for a container's own grace.
pub(super) const LONG_LIMIT: Duration = Duration::from_secs(20 * 60);
/// One call: how it will be made, and what it attempts, for the error.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Bytes,
    pub(super) content: Option<&'static str>,
    pub(super) limit: Duration,
    /// What is attempted: "start container `web`".
    pub(super) attempt: String,
}

impl Call {
    /// A call of a path, its parts encoded already.
    pub(super) fn new(method: Method, path: String, attempt: String) -> Call {
        let headers = Vec::new();
        Call {
            method,
            path,
            headers,
            body: Bytes::new(),
            content: None,
            limit: LIMIT,
            attempt,
        }
    }

    /// A question.
    pub(super) fn get(path: String, attempt: String) -> Call {
        Call::new(Method::GET, path, attempt)
    }

    /// A change.
    pub(super) fn post(path: String, attempt: String) -> Call {
        Call::new(Method::POST, path, attempt)
    }

    /// Adds a parameter to the address.
    pub(super) fn query(mut self, name: &str, value: &str) -> Call {
        let mark = if self.path.contains('?') { '&' } else { '?' };
        self.path = format!("{}{mark}{name}={}", self.path, encode(value, ""));
        self
    }

    /// Keeps what has all of the labels; everything if there are none.
    pub(super) fn labels(self, labels: &[String]) -> Call {
        if labels.is_empty() {
            self
        } else {
            self.query("filters", &serde_json::json!({"label": labels}).to_string())
        }
    }

    /// Sends JSON.
    pub(super) fn json(mut self, value: &Value) -> Call {
        self.body = Bytes::from(value.to_string());
        self.content = Some("application/json");
        self
    }

    /// Sends a tar.
    pub(super) fn tar(mut self, tar: Bytes) -> Call {
        self.body = tar;
        self.content = Some("application/x-tar");
        self
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: HeaderName, value: String) -> Call {
        self.headers.push((name, value));
        self
    }

    /// Gives it another limit.
    pub(super) fn limit(mut self, limit: Duration) -> Call {
        self.limit = limit;
        self
    }

    /// The error of an answer.
    pub(super) fn error(&self, answer: impl Into<String>, reason: Reason) -> EngineError {
        error(&self.attempt, answer, reason)
    }
}

/// An error of an attempt.
pub(super) fn error(attempt: &str, answer: impl Into<String>, reason: Reason) -> EngineError {
    EngineError {
        attempt: attempt.to_owned(),
        answer: answer.into(),
        reason,
    }
}
