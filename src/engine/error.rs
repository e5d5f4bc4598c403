//! An engine call that did not succeed.

/// An engine call that did not succeed: what was attempted, on what, and the engine's answer.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("cannot {attempt}: {answer}")]
pub struct EngineError {
    /// What was attempted, on what: "start container `abc`".
    pub attempt: String,
    /// Why it did not succeed.
    pub answer: String,
    /// What sort of answer.
    pub reason: Reason,
}

/// What sort of answer an engine gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no such thing (404).
    NotFound,
    /// It is in the way of something else (409), or already so.
    Conflict,
    /// The engine cannot be reached, or went away.
    Away,
    /// The call's limit passed.
    Limit,
    /// Anything else.
    Other,
}

/// The result of an engine call.
pub type EngineResult<T> = Result<T, EngineError>;
