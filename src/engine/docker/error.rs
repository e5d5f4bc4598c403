//! What an engine's call did not come to: the attempt and the answer, as people read them.

use crate::engine::{EngineError, EngineResult, Reason};

/// An error of an attempt, with the ids that we asked with as Docker's own tools show them. Another word that looks like an
/// id may be an author's secret, whose beginning alone nobody would know to hide.
pub(super) fn error(attempt: &str, answer: impl Into<String>, reason: Reason) -> EngineError {
    let shorter = |text: String| asked_ids(attempt).fold(text, |text, id| with_short_id(&text, id));
    EngineError {
        attempt: shorter(attempt.to_owned()),
        answer: shorter(answer.into()),
        reason,
    }
}

/// What there is: a "not found" is nothing, another error stays one.
pub(super) fn found<T>(answer: EngineResult<T>) -> EngineResult<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(why) if why.reason == Reason::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

/// The ids of containers, execs and networks in an attempt's words.
fn asked_ids(attempt: &str) -> impl Iterator<Item = &str> {
    let words = ["container `", "exec `", "network `"].into_iter();
    let named = words.flat_map(|word| attempt.split(word).skip(1));
    named.filter_map(|rest| rest.split('`').next()).filter(|id| is_id(id))
}

fn is_id(word: &str) -> bool {
    word.len() == 64 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A text in which an id is told by 12 of its 64 digits.
fn with_short_id(text: &str, id: &str) -> String {
    text.replace(id, id.get(..12).unwrap_or(id))
}
