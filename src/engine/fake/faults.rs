//! What goes wrong around the fake engine.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Fake;
use crate::engine::{EngineError, EngineResult, Reason};

/// The limit that the real engine gives each of its calls: a call that hangs ends with it.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(120);

/// How a call of the engine goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Fails without effect.
    Fail(Reason, &'static str),
    /// Answers after this time, as usual.
    Late(Duration),
    /// Hangs until its limit.
    Hang,
    /// Hangs for good: only cancelling ends it.
    Forever,
    /// Panics, as a bug of the caller's would.
    Panic(&'static str),
}

/// What happens to an event, once: a later subscription that begins before it gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventFault {
    /// It never comes.
    Lost,
    /// It comes twice.
    Doubled,
    /// The stream ends before it.
    Cut,
}

/// How a call of a tool goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolFault {
    /// As it should.
    None,
    /// Ends with a code and these words, without effect.
    Fails(i32, &'static str),
    /// Dies by a signal after it made so many containers.
    DiesAfter(usize),
    /// Goes on with its work when its parent is gone (the call dropped, or its limit passed).
    Orphan,
    /// Begins its work only after so long.
    Slow(Duration),
}

/// The error of a call.
pub(super) fn error(attempt: &str, reason: Reason, answer: impl Into<String>) -> EngineError {
    EngineError {
        attempt: attempt.into(),
        answer: answer.into(),
        reason,
    }
}

impl Fake {
    /// Every call of a method begins here: it is written down, counted, and may go wrong.
    pub(super) async fn enter(&self, method: &str, subject: &str) -> EngineResult<()> {
        let attempt = format!("{method} `{subject}`");
        let (reply, away) = {
            let mut state = self.lock();
            state.journal.push(format!("{method} {subject}").trim_end().to_owned());
            let nth = state.counts.entry(method.into()).or_default();
            *nth += 1;
            let nth = *nth;
            let all = state.counts.entry("*".into()).or_default();
            *all += 1;
            let all = *all;
            let mut replies = state.replies.iter();
            let reply = replies
                .find(|(name, number, _)| (name == method && *number == nth) || (name == "*" && *number == all))
                .map(|(_, _, reply)| reply.clone());
            (reply, state.away)
        };
        if away {
            return Err(error(&attempt, Reason::Away, "connection refused"));
        }
        match reply {
            None => Ok(()),
            Some(Reply::Fail(reason, answer)) => Err(error(&attempt, reason, answer)),
            Some(Reply::Late(by)) => {
                sleep_until(Instant::now() + by).await;
                Ok(())
            }
            Some(Reply::Hang) => {
                sleep_until(Instant::now() + CALL_LIMIT).await;
                Err(error(
                    &attempt,
                    Reason::Limit,
                    format!("no answer within {CALL_LIMIT:?}"),
                ))
            }
            Some(Reply::Forever) => pending().await,
            Some(Reply::Panic(words)) => panic!("{words}"),
        }
    }
}
