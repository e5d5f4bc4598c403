//! What an earlier run left, read from its events: the cases with the results of their steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::known;
use crate::event::{CaseId, CaseInfo, Event, Fault, Outcome, Phase, ScannedLog, StepInfo, What};
use crate::mask::HIDDEN;

/// How the answer begins for a step that was not reached.
pub(super) const UNREACHED: &str = "it was skipped: not reached: ";
/// Why a step was not reached when an interruption, or a limit, had ended what it is in.
pub(super) const ENDED: &str = "not reached: the scenario was ended";

/// What an earlier run left: its cases by their names.
#[derive(Debug, Default)]
pub struct Stored {
    /// As they were planned, by their names.
    planned: BTreeMap<String, CaseInfo>,
    cases: BTreeMap<usize, Arc<StoredCase>>,
}

/// What was told of the last try of a case.
#[derive(Debug, Default, Clone)]
pub(crate) struct StoredCase {
    attempt: u32,
    /// What seeded its unique names.
    unique: String,
    /// What its variables were.
    vars: BTreeMap<String, Value>,
    pub(super) steps: BTreeMap<String, StoredStep>,
    /// What its logs were looked through for; none where that was not told.
    pub(super) scanned: Option<Scanned>,
    /// How it ended; none where it did not come to its end.
    pub(super) ended: Option<StoredEnd>,
}

/// How a case ended.
#[derive(Debug, Clone)]
pub(super) struct StoredEnd {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
    /// What was wrong with the case itself.
    pub(super) faults: Vec<Fault>,
}

/// What the logs of a case were looked through for.
#[derive(Debug, Clone)]
pub(super) struct Scanned {
    /// What none may hold, and what may be there all the same, in words.
    pub(super) rules: Vec<String>,
    pub(super) logs: Vec<ScannedLog>,
    /// The messages of the faults that this made.
    pub(super) found: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct StoredStep {
    pub(super) info: StepInfo,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
    pub(super) outputs: Value,
    pub(super) cut: Vec<String>,
    pub(super) faults: Vec<Fault>,
}

impl Stored {
    /// Takes an event of that run in.
    pub fn event(&mut self, event: Event) {
        if let What::RunStarted { cases, .. } = &event.what {
            self.planned = cases.iter().map(|case| (case.name.clone(), case.clone())).collect();
        }
        let Some(CaseId { number, attempt }) = event.case else {
            return;
        };
        let case = Arc::make_mut(self.cases.entry(number).or_default());
        if attempt > case.attempt {
            *case = StoredCase {
                attempt,
                ..StoredCase::default()
            };
        }
        match event.what {
            What::StepEnded {
                step,
                outcome,
                reason,
                outputs,
                cut,
                faults,
                ..
            } => {
                let stored = StoredStep {
                    outcome,
                    reason,
                    outputs,
                    cut,
                    faults,
                    info: step,
                };
                case.steps.insert(stored.info.path.clone(), stored);
            }
            What::CaseStarted { unique, vars } => (case.unique, case.vars) = (unique, vars),
            What::LogsScanned { rules, logs, found } => case.scanned = Some(Scanned { rules, logs, found }),
            What::CaseEnded {
                outcome,
                reason,
                faults,
                ..
            } => {
                case.ended = Some(StoredEnd {
                    outcome,
                    reason,
                    faults,
                });
            }
            _ => {}
        }
    }

    /// True when no case is in it.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// How often its cases ran, where they were repeated.
    pub fn repeated(&self) -> Option<u32> {
        self.planned.values().filter_map(|case| case.repetition).max()
    }

    /// True where that run was to have a case.
    pub fn has(&self, info: &CaseInfo) -> bool {
        self.planned.contains_key(&info.name)
    }

    /// A number that none of its cases had.
    pub fn next_number(&self) -> usize {
        self.planned
            .values()
            .map(|case| case.number)
            .max()
            .map_or(1, |last| last + 1)
    }

    /// Gives a case the number and the folder that it had; and which of its tries was the last, with what seeded its names:
    /// none of one that did not begin.
    pub fn names_of(&self, info: &mut CaseInfo) -> Option<(u32, Option<String>)> {
        let planned = self.planned.get(&info.name)?;
        info.number = planned.number;
        info.folder.clone_from(&planned.folder);
        let case = self.cases.get(&planned.number)?;
        let unique = Some(case.unique.clone()).filter(|unique| !unique.is_empty());
        Some((case.attempt, unique))
    }

    pub(super) fn case(&self, name: &str) -> Option<&Arc<StoredCase>> {
        self.cases.get(&self.planned.get(name)?.number)
    }
}

impl StoredCase {
    /// True for a step that the run did not come to, since it was ended before; not for one that a failure before it kept
    /// from being reached: that may be judged as another one now.
    pub(super) fn ended_before(&self, path: &str) -> bool {
        let Some(step) = self.steps.get(path) else {
            return self.ended.is_none() && !self.began(path);
        };
        step.outcome == Outcome::Skipped && step.reason.as_deref() == Some(ENDED)
    }

    /// True where something within a step ended.
    fn began(&self, path: &str) -> bool {
        let after = self.steps.range(path.to_owned()..).map(|(path, _)| path.as_str());
        let mut within = after.map_while(|known| known.strip_prefix(path));
        within.any(|rest| rest.starts_with(['.', '[', '@']))
    }

    /// What was told of a step, where that is an answer to what is asked now; or why it is none.
    pub(super) fn answer(&self, info: &StepInfo) -> Result<&StoredStep, String> {
        let stored = self.steps.get(&info.path).ok_or("the run had no such step")?;
        let then = &stored.info;
        if then.kind != info.kind {
            return Err(format!("it was a `{}`", then.kind));
        }
        if stored.outcome == Outcome::Skipped {
            let why = stored.reason.clone().unwrap_or_default();
            return Err(format!("it was skipped: {why}"));
        }
        // Of an older run nothing is known, and what is hidden is a chance likeness.
        let known = !then.asks.is_empty() && !then.asks.contains(HIDDEN);
        if known && then.asks != info.asks {
            return Err("it asked for something else then".to_owned());
        }
        if let Some((name, value)) = then
            .given
            .iter()
            .find(|(name, value)| is_other(value, info.given.get(*name)))
        {
            return Err(format!("it asked for something else then: `{name}` was {value}"));
        }
        Ok(stored)
    }

    /// The variables that have another value now, each with that of then.
    pub(super) fn changed_vars(&self, now: &BTreeMap<String, Value>) -> Vec<(&String, &Value)> {
        let vars = self.vars.iter();
        vars.filter(|(name, then)| is_other(then, now.get(*name))).collect()
    }

    /// The steps of its cleanup in which something went wrong: they are not judged again.
    pub(super) fn cleanup(&self) -> impl Iterator<Item = &StoredStep> {
        let of_cleanup = self.steps.values().filter(|step| step.info.phase == Phase::Cleanup);
        of_cleanup.filter(|step| !step.faults.is_empty())
    }

    /// What was wrong with the case itself: what is said in the light of a known issue apart, which is judged again; and
    /// what was found in the logs, where these are looked through again.
    pub(super) fn own_faults(&self, of_steps: &[Fault], scans_again: bool) -> Vec<Fault> {
        let of_scan = |fault: &&Fault| {
            self.scanned
                .as_ref()
                .is_some_and(|scan| scan.found.contains(&fault.message))
        };
        match &self.ended {
            Some(ended) => ended
                .faults
                .iter()
                .filter(|fault| !(known::tells(fault) || scans_again && of_scan(fault)))
                .cloned()
                .collect(),
            // The step tells why there is no end.
            None if of_steps.iter().any(|fault| fault.message == "interrupted") => Vec::new(),
            None => {
                let why = "the run did not come to this case's end: it was killed, or it is not through yet";
                vec![Fault::error(why)]
            }
        }
    }
}

/// True where a value is not what it was, as far as that is known: what is hidden is a chance likeness.
fn is_other(then: &Value, now: Option<&Value>) -> bool {
    now.is_some_and(|now| now != then && !then.to_string().contains(HIDDEN))
}

impl StoredStep {
    /// Its faults as the step's own: what they count as is said anew, by the words of now.
    pub(super) fn as_it_went(&self) -> Vec<Fault> {
        let faults = self.faults.iter().cloned();
        let anew = |fault| Fault {
            soft: false,
            counts: crate::event::Counts::default(),
            ..fault
        };
        faults.map(anew).collect()
    }
}
