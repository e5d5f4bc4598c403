//! What steps save: found in their results, hidden where it is masked, kept in the names.

use std::sync::Arc;

use serde_json::Value;

use super::walk::Walk;
use crate::event::{Fault, StepInfo};
use crate::step::{Bound, Done};
use crate::template::Scope;

/// So many bytes of a result are told.
const MAX_RESULT: usize = 2048;

impl Walk {
    /// Keeps what a step saves, all of it or nothing; masked names are hidden from here on, in this step's own event too.
    pub(super) async fn save(&self, step: &Bound, info: &StepInfo, outputs: &Value, scope: &mut Scope) -> Done<()> {
        if step.save.is_empty() {
            return Ok(());
        }
        let mut results = scope.clone();
        for (name, value) in outputs.as_object().into_iter().flatten() {
            results.values.insert(name.clone(), Arc::new(value.clone()));
        }
        let cx = self.cx(step, info, &results);
        let (mut values, mut wrong) = (Vec::new(), None);
        for (name, expression) in &step.save {
            match cx.found_in_result(expression).await {
                Ok(value) => {
                    // Hidden also where another name cannot be saved: the result is told then.
                    self.hide(name, &value, false);
                    values.push((name, value));
                }
                Err(faults) => drop(wrong.get_or_insert(faults)),
            }
        }
        if let Some(faults) = wrong {
            return Err(self.with_result(faults, outputs));
        }
        for (name, value) in values {
            self.set(scope, name, value, false);
        }
        Ok(())
    }

    /// What could not be saved, with the result that it was looked for in.
    fn with_result(&self, faults: Vec<Fault>, outputs: &Value) -> Vec<Fault> {
        let outputs = self.case.emitter.masks.hidden_in(outputs.clone());
        let result = crate::cut::head_and_tail(&outputs.to_string(), MAX_RESULT);
        let told = faults.into_iter().map(|fault| fault.detail("result", result.clone()));
        told.collect()
    }

    /// Gives a name its value; a hidden one is hidden from here on.
    pub(super) fn set(&self, scope: &mut Scope, name: &str, value: Value, hidden: bool) {
        self.hide(name, &value, hidden);
        scope.values.insert(name.to_owned(), Arc::new(value));
        scope.folders.remove(name);
    }

    /// Hides a value that is masked by its name, or hidden anyway.
    fn hide(&self, name: &str, value: &Value, hidden: bool) {
        if hidden || self.case.masked.iter().any(|masked| masked == name) {
            self.case.emitter.masks.add(value);
        }
    }
}

/// The names that have another value than before.
pub(super) fn newer(before: &Scope, after: Scope) -> impl Iterator<Item = (String, Arc<Value>)> {
    after.values.into_iter().filter(|(name, value)| {
        let old = before.values.get(name);
        old.is_none_or(|old| !Arc::ptr_eq(old, value))
    })
}
