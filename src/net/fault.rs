//! Why there was no answer, told by the types in an error's chain and never by its text.

use std::error::Error;
use std::future::Future;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::NetError;

/// What was attempted, and what came of it.
pub(super) fn net_error(attempt: &str, error: &(dyn Error + 'static)) -> NetError {
    NetError {
        kind: kind_of(error).unwrap_or("other"),
        message: format!("{attempt}: {}", words(error)),
    }
}

/// The first error of the chain that says what kind it is.
fn kind_of(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let own = if error.is::<rustls::Error>() {
        Some("tls")
    } else if let Some(error) = error.downcast_ref::<hyper::Error>() {
        // The other side ended in the middle of its answer, or before it.
        let ended = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
        ended.then_some("reset")
    } else if let Some(error) = error.downcast_ref::<io::Error>() {
        // The inner error of an io error is not its source.
        let inner = error.get_ref().and_then(|inner| kind_of(inner));
        inner.or_else(|| kind_of_io(error.kind()))
    } else {
        None
    };
    own.or_else(|| kind_of(error.source()?))
}

fn kind_of_io(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some("refused"),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::NotConnected => Some("reset"),
        io::ErrorKind::TimedOut => Some("timeout"),
        _ => None,
    }
}

/// The chain in words; what a cause only repeats is told once.
pub(crate) fn words(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// How a limit that passes is told.
pub(crate) const NOTHING: &str = "no answer";

fn shown(limit: Duration) -> String {
    crate::event::duration_text(limit.as_secs_f64())
}

/// How far a question has come: what a limit that passes tells.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<String>);

impl Progress {
    /// Says what is being done now.
    pub(super) fn at(&self, doing: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = doing.into();
    }

    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for an answer at most that long.
    pub(super) async fn limited<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, NetError>>,
    ) -> Result<T, NetError> {
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(NetError {
                kind: "timeout",
                message: format!("{NOTHING} within {}: {}", shown(limit), self.text()),
            }),
        }
    }
}
