//! Why something did not pass: whose fault it is, where, and what it makes of its case.

use serde::{Deserialize, Serialize};

use super::{Outcome, Phase};
use crate::diagnostic::Place;

/// Why something did not pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fault {
    /// Failure (the system is wrong) or error (we could not find out).
    pub kind: FaultKind,
    /// What is wrong, lower-case, in one line or a few.
    pub message: String,
    /// Where in the author's file.
    pub place: Option<Place>,
    /// What was expected.
    pub expected: Option<String>,
    /// What was found.
    pub actual: Option<String>,
    /// Their difference, when longer than a line.
    pub diff: Option<String>,
    /// Further facts, each a title and a text: last log lines of a service, health output, exit code, names' values.
    pub details: Vec<Detail>,
    /// What to do.
    pub hint: Option<String>,
    /// True where it was reported and the phase went on.
    pub soft: bool,
    /// What it makes of its case.
    #[serde(default)]
    pub counts: Counts,
    /// The step whose result it is about, by its path: all such faults are about one result.
    #[serde(skip)]
    pub step: Option<String>,
}

/// A fact beside a fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Detail {
    /// "last 30 lines of `web`".
    pub title: String,
    /// The text.
    pub text: String,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The system is wrong.
    Failure,
    /// We could not find out.
    Error,
}

/// What a fault makes of its case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// What its kind says.
    #[default]
    AsItIs,
    /// An error, of whatever kind it is.
    AsError,
    /// Nothing.
    Not,
}

impl Fault {
    /// The system is wrong.
    pub fn failure(message: impl Into<String>) -> Self {
        Fault {
            kind: FaultKind::Failure,
            message: message.into(),
            place: None,
            expected: None,
            actual: None,
            diff: None,
            details: Vec::new(),
            hint: None,
            soft: false,
            counts: Counts::default(),
            step: None,
        }
    }

    /// It could not be found out.
    pub fn error(message: impl Into<String>) -> Self {
        Fault {
            kind: FaultKind::Error,
            ..Fault::failure(message)
        }
    }

    /// Puts the place, unless there is one already.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn detail(mut self, title: impl Into<String>, text: impl Into<String>) -> Self {
        self.details.push(Detail {
            title: title.into(),
            text: text.into(),
        });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same fault with a hint beside what it has.
    #[must_use]
    pub fn and_hint(mut self, hint: &str) -> Self {
        self.hint = Some(match self.hint.take() {
            Some(known) => format!("{known}; {hint}"),
            None => hint.to_owned(),
        });
        self
    }

    /// As the fault of a step of this phase: a preparation or a cleanup that did not work is no failure of the system, and
    /// what is done after a failure does not count.
    #[must_use]
    pub fn in_phase(mut self, phase: Phase) -> Self {
        self.counts = match phase {
            Phase::OnFailure => Counts::Not,
            Phase::Given | Phase::Cleanup if !self.soft => Counts::AsError,
            _ => self.counts,
        };
        self
    }

    /// What it makes of its case; nothing where it does not count.
    pub fn makes(&self) -> Option<Outcome> {
        match self.counts {
            Counts::AsItIs => Some(self.outcome()),
            Counts::AsError => Some(Outcome::Errored),
            Counts::Not => None,
        }
    }

    /// The outcome that it makes of its step.
    pub fn outcome(&self) -> Outcome {
        match self.kind {
            FaultKind::Failure => Outcome::Failed,
            FaultKind::Error => Outcome::Errored,
        }
    }
}
