//! How a try of a case ended.

use crate::event::{Fault, Outcome};

/// How a try ended.
#[derive(Clone)]
pub(super) struct TryEnded {
    /// How.
    pub(super) outcome: Outcome,
    /// Why, for a skipped one or a known issue.
    pub(super) reason: Option<String>,
    /// Faults of the case itself, outside its steps.
    pub(super) faults: Vec<Fault>,
    /// Faults of its steps, that were told with them.
    pub(super) of_steps: Vec<Fault>,
    /// True when it was ended from outside: then nothing is known of how it would have ended.
    pub(super) interrupted: bool,
    /// True when another try follows.
    pub(super) retried: bool,
}

impl TryEnded {
    pub(super) fn new(outcome: Outcome, faults: Vec<Fault>) -> Self {
        TryEnded {
            outcome,
            reason: None,
            faults,
            of_steps: Vec::new(),
            interrupted: false,
            retried: false,
        }
    }

    pub(super) fn skipped(reason: String) -> Self {
        TryEnded {
            reason: Some(reason),
            ..TryEnded::new(Outcome::Skipped, Vec::new())
        }
    }
}
