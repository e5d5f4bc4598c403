//! What steps did not save, and who cannot do without.

use serde_json::Value;

use super::walk::Walk;
use crate::event::StepInfo;
use crate::step::Bound;
use crate::template::{Scope, Unsaved};

/// What became of a step that did not save.
pub(super) enum After<'a> {
    /// It has begun: until it passes it did not, and what steps in it save is theirs to tell of.
    Beginning,
    /// It failed, or was not made since another one did.
    Failure(&'a str),
    /// It was not made.
    Other(&'a str),
}

/// Remembers why a step does not save what it would, for messages about names without a value.
pub(super) fn unsaved(step: &Bound, info: &StepInfo, scope: &mut Scope, after: After<'_>) {
    let is_own = |name: &str| step.save.iter().any(|(own, _)| own == name);
    for name in step.saves() {
        let (how, failed) = match after {
            After::Beginning if is_own(name) => ("did not pass", true),
            After::Beginning => ("has not passed", false),
            After::Failure(how) => (how, true),
            After::Other(how) => (how, false),
        };
        let why = format!("the step `{}` ({}) that saves it {how}", info.name, info.path);
        scope.unsaved.insert(name.to_owned(), Unsaved { why, failed });
    }
}

/// Why a check is not reached that needs what a failed step would have saved: the failure is told there, and that the check
/// cannot be made is no news of the system.
pub(super) fn unmet(step: &Bound, scope: &Scope) -> Option<String> {
    let mut needs = step.needs.iter().filter(|_| step.is_check());
    needs.find_map(|name| {
        let unsaved = scope.unsaved.get(name).filter(|unsaved| unsaved.failed)?;
        let is_unset = !scope.values.contains_key(name);
        is_unset.then(|| format!("not reached: it needs `{name}`, and {}", unsaved.why))
    })
}

impl Walk {
    /// What no round of a step has saved is a list, too.
    pub(super) fn no_rounds(&self, step: &Bound, scope: &mut Scope) {
        for name in step.saves() {
            self.set(scope, name, Value::Array(Vec::new()), false);
        }
    }
}
