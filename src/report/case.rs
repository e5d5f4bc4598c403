//! A case in the tally: its tries, their steps, what these waited for, and what is wrong.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use crate::diagnostic::Place;
use crate::event::{CaseInfo, Detail, Fault, Measure, Outcome, Phase, StepInfo, Test};

/// How the reason of a step begins that was not reached.
const NOT_REACHED: &str = "not reached: ";
/// How the error of a check begins that was not made, since what prepares it failed.
const NOT_CHECKED: &str = "not checked: ";

/// One case and its tries.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// As it was planned.
    pub info: CaseInfo,
    /// The tries by number; none where it was not reached.
    pub attempts: BTreeMap<u32, Attempt>,
    /// False once its run ended by itself: what was not reached then was left out, by `--fail-fast` for one.
    pub interrupted: bool,
}

/// One try of a case.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attempt {
    /// Its first event's wall clock.
    pub at: String,
    /// When it began, in seconds of the run.
    pub since: f64,
    /// Where it is.
    pub phase: Option<Phase>,
    /// The steps by path, in the order in which they began.
    pub steps: IndexMap<String, Step>,
    /// What its steps measured, by their paths.
    pub measures: IndexMap<String, Measured>,
    /// The tests of suites in containers, by the paths of the steps that ran these.
    pub tests: IndexMap<String, Vec<Test>>,
    /// What was done again because of the surroundings.
    pub retried: Vec<String>,
    /// What is worth knowing of it, though nothing is wrong.
    pub notes: Vec<String>,
    /// What it left behind, and how to get in.
    pub kept: Vec<String>,
    /// How it ended.
    pub end: Option<End>,
}

/// A measured value, and when it was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Wall clock.
    pub at: String,
    /// The value.
    pub measure: Measure,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// How.
    pub outcome: Outcome,
    /// Why, for a skipped one or a known issue.
    pub reason: Option<String>,
    /// Seconds, cleanup included.
    pub seconds: f64,
    /// What is wrong with the case itself.
    pub faults: Vec<Fault>,
    /// True when another try follows.
    pub retried: bool,
    /// True where something that runs was there at its end.
    pub started: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which.
    pub info: StepInfo,
    /// When it began, in seconds of the run.
    pub since: f64,
    /// What it waited for, in order; the last one goes on while the step does.
    pub waits: Vec<Wait>,
    /// How it ended.
    pub end: Option<StepEnd>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq)]
pub struct StepEnd {
    /// How.
    pub outcome: Outcome,
    /// Why it was skipped.
    pub reason: Option<String>,
    /// Seconds.
    pub seconds: f64,
    /// Why it did not pass.
    pub faults: Vec<Fault>,
    /// How many times it was asked.
    pub attempts: u32,
    /// What it wrote, of a step of `on-failure`.
    pub wrote: Vec<Detail>,
}

/// A wait within a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// For what.
    pub waits_for: String,
    /// The limit in seconds.
    pub limit: f64,
    /// The last observation.
    pub observed: String,
    /// When it began, in seconds of the run.
    pub since: f64,
    /// When it ended.
    pub until: Option<f64>,
}

/// A fault, and what it is of.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// The try.
    pub attempt: u32,
    /// The step, if it is of one.
    pub step: Option<&'a Step>,
    /// The fault.
    pub fault: Cow<'a, Fault>,
}

impl Case {
    /// A case whose plan was not recorded: the events' beginning is missing.
    pub(super) fn unannounced(number: usize) -> Case {
        let place = Place {
            path: String::new(),
            line: 1,
            column: 1,
            source_line: String::new(),
        };
        let name = format!("case {number}");
        Case {
            info: CaseInfo {
                number,
                file: "unknown".to_owned(),
                place,
                scenario: name.clone(),
                name,
                repetition: None,
                matrix: BTreeMap::new(),
                tags: Vec::new(),
                properties: BTreeMap::new(),
                folder: String::new(),
            },
            attempts: BTreeMap::new(),
            interrupted: true,
        }
    }

    /// The last try: the one that counts.
    pub fn last(&self) -> Option<&Attempt> {
        self.attempts.values().next_back()
    }

    /// The end of the case, if it is through.
    pub fn end(&self) -> Option<&End> {
        self.last()?.end.as_ref().filter(|end| !end.retried)
    }

    /// True when a try began and the case is not through.
    pub fn is_running(&self) -> bool {
        !self.attempts.is_empty() && self.end().is_none()
    }

    /// What it came to, as the run says; of one that the stream ended before, nobody else can: it is errored, and one that
    /// was not reached skipped.
    pub fn outcome(&self) -> Outcome {
        match self.end() {
            Some(end) if end.outcome == Outcome::Passed && self.attempts.len() > 1 => Outcome::Flaky,
            Some(end) => end.outcome,
            None if self.attempts.is_empty() => Outcome::Skipped,
            None => Outcome::Errored,
        }
    }

    /// True where its last try failed, also where something else of it could not be found out: it is errored, and who looks
    /// at the exit code alone must still see that the system is wrong.
    pub fn failed(&self) -> bool {
        match self.outcome() {
            Outcome::Failed => true,
            Outcome::Errored => self
                .of_last()
                .iter()
                .any(|found| found.fault.makes() == Some(Outcome::Failed)),
            _ => false,
        }
    }

    /// Why it came to that, where the outcome alone does not say it.
    pub fn reason(&self) -> Option<String> {
        match self.end() {
            Some(end) => match (&end.reason, self.outcome()) {
                (Some(reason), _) => Some(reason.clone()),
                (None, Outcome::NotVerified) => Some("nothing was checked".to_owned()),
                (None, Outcome::Flaky) => Some(format!("passed on try {}", self.attempts.len())),
                (None, _) => None,
            },
            None if self.attempts.is_empty() && self.interrupted => Some("not reached: interrupted".to_owned()),
            None if self.attempts.is_empty() => Some("not reached: the run ended before it".to_owned()),
            None => Some("interrupted".to_owned()),
        }
    }

    /// All that is wrong with it, of all its tries.
    pub fn faults(&self) -> Vec<Found<'_>> {
        let tries = self.attempts.iter();
        tries.flat_map(|(number, attempt)| attempt.faults(*number)).collect()
    }

    /// All that is wrong with its last try: the one that counts.
    pub fn of_last(&self) -> Vec<Found<'_>> {
        let last = self.attempts.last_key_value();
        last.map_or_else(Vec::new, |(number, attempt)| attempt.faults(*number))
    }

    /// The place of the first thing that is wrong with its last try, or of the scenario's name.
    pub fn place_of_fault(&self) -> Place {
        // A case that is not through is at the step that runs.
        let running = self.last().filter(|last| last.end.is_none());
        let running = running.and_then(|last| last.running().last());
        let place = match running {
            Some(step) => Some(step.info.place.clone()),
            None => self.of_last().into_iter().next().and_then(Found::into_place),
        };
        place.unwrap_or_else(|| self.info.place.clone())
    }

    /// The steps of its last try that were not reached.
    pub fn unreached(&self) -> impl Iterator<Item = &Step> {
        let steps = self.last().into_iter().flat_map(|attempt| attempt.steps.values());
        steps.filter(|step| step.is_unreached())
    }

    /// Seconds of the last try; 0 where it did not end.
    pub fn seconds(&self) -> f64 {
        self.end().map_or(0.0, |end| end.seconds)
    }
}

impl Attempt {
    /// Under `--strict` a try that checked nothing failed.
    pub(super) fn must_verify(&mut self, place: &Place) {
        if let Some(end) = self.end.as_mut().filter(|end| end.outcome == Outcome::NotVerified) {
            end.outcome = Outcome::Failed;
            let (why, help) = match end.reason.take() {
                Some(why) => (why, "run it again: these steps have no result to judge"),
                None => (
                    "nothing was checked".to_owned(),
                    "check something: an `expect`, or a check under `then`",
                ),
            };
            let fault = Fault::failure(format!("{why}: `--strict` counts this as failed"));
            end.faults.push(fault.hint(help).at(place.clone()));
        }
    }

    /// The steps that run now, the innermost last.
    pub fn running(&self) -> impl Iterator<Item = &Step> {
        self.steps.values().filter(|step| step.end.is_none())
    }

    /// True when a step of it ran.
    pub fn ran(&self) -> bool {
        let skipped = |step: &Step| step.end.as_ref().is_some_and(|end| end.outcome == Outcome::Skipped);
        self.steps.values().any(|step| !skipped(step))
    }

    /// The paths of the steps that have others inside.
    pub fn blocks(&self) -> BTreeSet<&str> {
        let paths = self.steps.keys();
        paths
            .flat_map(|path| path.match_indices(['.', '[', '@']).map(|(at, _)| &path[..at]))
            .collect()
    }

    /// All that is wrong with it: what failed, what could not be found out, and what does not count; each of its steps in
    /// their order, then of its own.
    fn faults(&self, attempt: u32) -> Vec<Found<'_>> {
        let steps = self.steps.values().flat_map(|step| {
            let faults = step.end.iter().flat_map(|end| &end.faults);
            faults.map(move |fault| (Some(step), fault))
        });
        let own = self.end.iter().flat_map(|end| &end.faults);
        let all = steps.chain(own.map(|fault| (None, fault)));
        let mut all: Vec<Found<'_>> = all
            .map(|(step, fault)| Found {
                attempt,
                step,
                fault: Cow::Borrowed(fault),
            })
            .collect();
        all.extend(self.end.is_none().then(|| self.interrupted(attempt)));
        all.sort_by_key(|found| match found.fault.makes() {
            Some(Outcome::Failed) => 0,
            Some(_) if found.phase() != Some(Phase::Cleanup) => 1,
            None => 2,
            Some(_) => 3,
        });
        all
    }

    /// What to tell of a try that did not come to its end.
    fn interrupted(&self, attempt: u32) -> Found<'_> {
        let step = self.running().last();
        let wait = step
            .and_then(|step| step.waits.last())
            .filter(|wait| wait.until.is_none());
        let fault = match wait {
            Some(wait) => Fault::error(format!("interrupted while it waited for {}", wait.waits_for))
                .detail("last observation", &wait.observed),
            None => Fault::error("interrupted"),
        };
        let fault = match step {
            Some(step) => fault.at(step.info.place.clone()),
            None => fault,
        };
        Found {
            attempt,
            step,
            fault: Cow::Owned(fault),
        }
    }
}

impl Found<'_> {
    /// The phase of its step.
    pub fn phase(&self) -> Option<Phase> {
        Some(self.step?.info.phase)
    }

    fn into_place(self) -> Option<Place> {
        let of_step = self.step.map(|step| &step.info.place);
        self.fault.place.as_ref().or(of_step).cloned()
    }
}

/// What is wrong, in a line: the first that failed, and what could not be found out beside it.
pub fn told_in_a_line<'f>(faults: impl IntoIterator<Item = &'f Found<'f>>) -> Option<String> {
    let faults: Vec<&Found<'_>> = faults.into_iter().collect();
    let first = |outcome| faults.iter().find(|found| found.fault.makes() == Some(outcome));
    match (first(Outcome::Failed), first(Outcome::Errored)) {
        (Some(failed), Some(errored)) => Some(format!(
            "failed: {}; and errored: {}",
            failed.fault.message, errored.fault.message
        )),
        _ => faults.first().map(|found| found.fault.message.clone()),
    }
}

impl Step {
    /// Where its time went: its waits, each with what for, and the rest, for itself.
    pub fn times(&self) -> Vec<(Cow<'_, str>, f64)> {
        let waits = self.waits.iter();
        let waits = waits.filter_map(|wait| Some((Cow::Borrowed(&*wait.waits_for), wait.until? - wait.since)));
        let mut times: Vec<(Cow<'_, str>, f64)> = waits.collect();
        if let Some(end) = &self.end {
            let name = &self.info.name;
            let name = match times[..] {
                [] => Cow::Borrowed(&**name),
                [..] => Cow::Owned(format!("{name}, beside its waits")),
            };
            let waited: f64 = times.iter().map(|(_, seconds)| seconds).sum();
            times.push((name, end.seconds - waited));
        }
        times
    }

    /// True where it was kept from beginning by what came before it, and not by an `if` or a `skip` of its own.
    pub fn is_unreached(&self) -> bool {
        let Some(end) = &self.end else { return false };
        let skipped = end.reason.iter().any(|reason| reason.starts_with(NOT_REACHED));
        skipped || matches!(&end.faults[..], [only] if only.message.starts_with(NOT_CHECKED))
    }
}
