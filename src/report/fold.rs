//! Events folded into a try: its steps as they begin, wait and end.

use crate::event::{StepInfo, What};
use crate::report::afterwards;
use crate::report::case::{Attempt, End, Measured, Step, StepEnd, Wait};

impl Attempt {
    /// Takes an event of the try.
    pub(super) fn event(&mut self, what: &What, (at, elapsed): (&str, f64)) {
        match what {
            What::PhaseStarted { phase } => self.phase = Some(*phase),
            What::StepStarted { step } => {
                self.steps.insert(step.path.clone(), Step::new(step, elapsed));
            }
            What::StepWaiting {
                path,
                waits_for,
                limit,
                observed,
            } => {
                if let Some(step) = self.steps.get_mut(path) {
                    step.wait(waits_for, *limit, observed, elapsed);
                }
            }
            What::Retried { text, .. } => self.retried.push(text.clone()),
            What::StepEnded { step, .. } => self.step_ended(step, what, elapsed),
            What::Note { text } => self.notes.push(text.clone()),
            What::Kept { text } => self.kept.push(text.clone()),
            What::CaseEnded {
                outcome,
                reason,
                seconds,
                faults,
                retried,
                started,
                ..
            } => {
                self.close_waits(elapsed);
                self.end = Some(End {
                    outcome: *outcome,
                    reason: reason.clone(),
                    seconds: *seconds,
                    faults: faults.clone(),
                    retried: *retried,
                    started: *started,
                });
            }
            other => self.found(other, at),
        }
    }

    fn step_ended(&mut self, info: &StepInfo, what: &What, elapsed: f64) {
        let What::StepEnded {
            outcome,
            reason,
            seconds,
            faults,
            attempts,
            outputs,
            ..
        } = what
        else {
            return;
        };
        // A skipped step may never have begun.
        let step = self
            .steps
            .entry(info.path.clone())
            .or_insert_with(|| Step::new(info, elapsed));
        step.close_wait(elapsed);
        step.end = Some(StepEnd {
            outcome: *outcome,
            reason: reason.clone(),
            seconds: *seconds,
            faults: faults.clone(),
            attempts: *attempts,
            wrote: afterwards::wrote(info.phase, outputs),
        });
    }

    /// Takes what a step found out beside its result.
    fn found(&mut self, what: &What, at: &str) {
        match what {
            What::Measured { path, measure } => {
                let (at, measure) = (at.to_owned(), measure.clone());
                self.measures.insert(path.clone(), Measured { at, measure });
            }
            What::Tested { path, tests } => drop(self.tests.insert(path.clone(), tests.clone())),
            _ => {}
        }
    }

    fn close_waits(&mut self, elapsed: f64) {
        for step in self.steps.values_mut() {
            step.close_wait(elapsed);
        }
    }
}

impl Step {
    fn new(info: &StepInfo, since: f64) -> Step {
        Step {
            info: info.clone(),
            since,
            waits: Vec::new(),
            end: None,
        }
    }

    fn wait(&mut self, waits_for: &str, limit: f64, observed: &str, elapsed: f64) {
        let goes_on = self
            .waits
            .last()
            .is_some_and(|wait| wait.until.is_none() && wait.waits_for == waits_for);
        if !goes_on {
            self.close_wait(elapsed);
            let waits_for = waits_for.to_owned();
            self.waits.push(Wait {
                waits_for,
                limit,
                observed: String::new(),
                since: elapsed,
                until: None,
            });
        }
        if let Some(wait) = self.waits.last_mut() {
            observed.clone_into(&mut wait.observed);
        }
    }

    fn close_wait(&mut self, elapsed: f64) {
        if let Some(wait) = self.waits.last_mut() {
            wait.until.get_or_insert(elapsed);
        }
    }
}
