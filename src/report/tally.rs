//! The fold that all reporters share: events → runs → cases → tries → steps, with what each came to.

use std::borrow::Cow;
use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::event::{CaseId, DiagnosticInfo, Earlier, Event, Fault, NodeInfo, Outcome, What};
use crate::report::case::{Attempt, Case, Step};
use crate::report::outcome::{Rules, WORST_FIRST, word};

/// What is said of an errored case that failed as well.
pub const FAILED_TOO: &str = "failed, too";

/// All that was told so far. Several runs, of shards, lie beside each other: case numbers count within a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// What makes an outcome a failure: `--strict` turns "not verified" into "failed" here, for every report.
    pub rules: Rules,
    /// The runs by id, in the order in which they were first heard of.
    pub runs: IndexMap<String, Run>,
    /// Problems in the files; where there are errors, nothing was started.
    pub diagnostics: Vec<DiagnosticInfo>,
}

/// One run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// The first event's wall clock, RFC 3339.
    pub at: String,
    /// e2erun's version.
    pub version: String,
    /// The command line.
    pub command: Vec<String>,
    /// The nodes.
    pub nodes: Vec<NodeInfo>,
    /// YAML files that are none of ours.
    pub passed_over: usize,
    /// The seed of the order in which the cases begin, where it is one by chance.
    pub shuffle: Option<String>,
    /// What cases of the run before came to, of those that are not run now.
    pub earlier: Vec<Earlier>,
    /// How many cases run at once.
    pub jobs: usize,
    /// True once the run has told its cases.
    pub started: bool,
    /// The cases by number.
    pub cases: BTreeMap<usize, Case>,
    /// How many images are ready, or cannot be had.
    pub images: usize,
    /// What is wrong with the run itself.
    pub faults: Vec<Fault>,
    /// Seconds from the beginning to the last event.
    pub seconds: f64,
    /// True once Ctrl-C was pressed: what still runs is told as it begins.
    pub interrupted: bool,
    /// Set by the last event: true after Ctrl-C.
    pub ended: Option<bool>,
}

/// One of the longest waits: for what a step waited for, or for the step itself.
#[derive(Debug, Clone)]
pub struct LongWait<'a> {
    /// The case.
    pub case: &'a Case,
    /// The step.
    pub step: &'a Step,
    /// For what.
    pub waits_for: Cow<'a, str>,
    /// Seconds.
    pub seconds: f64,
}

impl Tally {
    /// An empty one.
    pub fn new(rules: Rules) -> Tally {
        Tally {
            rules,
            ..Tally::default()
        }
    }

    /// Takes one event in.
    pub fn event(&mut self, event: &Event) {
        match &event.what {
            What::Invalid { diagnostics, rules } => {
                self.rules = self.rules.and(*rules);
                self.diagnostics.extend(diagnostics.iter().cloned());
            }
            What::RunStarted { rules, .. } => self.rules = self.rules.and(*rules),
            _ => {}
        }
        let run = self.runs.entry(event.run.clone()).or_insert_with(|| Run {
            at: event.at.clone(),
            ..Run::default()
        });
        run.event(event, self.rules);
    }

    /// All cases, in the order of the runs and of the files.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.runs.values().flat_map(|run| run.cases.values())
    }

    /// The case of an event.
    pub fn case(&self, run: &str, id: &CaseId) -> Option<&Case> {
        self.runs.get(run)?.cases.get(&id.number)
    }

    /// How many cases came to each outcome; those that are not through count as if the run had been interrupted now.
    pub fn counts(&self) -> BTreeMap<Outcome, usize> {
        let mut counts = BTreeMap::new();
        for case in self.cases() {
            *counts.entry(case.outcome()).or_insert(0) += 1;
        }
        counts
    }

    /// The same in words, worst first: `2 errored (1 of them failed, too)`.
    pub fn counts_told(&self) -> impl Iterator<Item = (Outcome, String)> {
        let counts = self.counts();
        let both = |case: &&Case| case.outcome() == Outcome::Errored && case.failed();
        let both = self.cases().filter(both).count();
        WORST_FIRST.iter().filter_map(move |outcome| {
            let count = *counts.get(outcome)?;
            let too = match outcome {
                Outcome::Errored if both > 0 && both == count => format!(" ({FAILED_TOO})"),
                Outcome::Errored if both > 0 => format!(" ({both} of them {FAILED_TOO})"),
                _ => String::new(),
            };
            Some((*outcome, format!("{count} {}{too}", word(*outcome))))
        })
    }

    /// The time from the first event to the last, of the longest run.
    pub fn seconds(&self) -> f64 {
        self.runs.values().map(|run| run.seconds).fold(0.0, f64::max)
    }

    /// True after Ctrl-C, and where a run's events just end.
    pub fn interrupted(&self) -> bool {
        self.runs
            .values()
            .any(|run| run.started && run.ended != Some(false) || run.ended == Some(true))
    }

    /// The longest waits, the longest first.
    pub fn longest_waits(&self, how_many: usize) -> Vec<LongWait<'_>> {
        let mut all: Vec<LongWait<'_>> = Vec::new();
        for case in self.cases() {
            for attempt in case.attempts.values() {
                // The time of a block is that of the steps within it.
                let blocks = attempt.blocks();
                let steps = attempt.steps.values();
                for step in steps.filter(|step| !blocks.contains(step.info.path.as_str())) {
                    all.extend(step.times().into_iter().map(|(waits_for, seconds)| LongWait {
                        case,
                        step,
                        waits_for,
                        seconds,
                    }));
                }
            }
        }
        // Stable: among equals the order of the files stays.
        all.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        all.truncate(how_many);
        all
    }
}

impl Run {
    /// True for one that only judges again what another one left.
    pub fn judges_again(&self) -> bool {
        self.command.iter().any(|word| word.starts_with("--validate-only"))
    }

    fn event(&mut self, event: &Event, rules: Rules) {
        if event.elapsed.is_finite() {
            self.seconds = self.seconds.max(event.elapsed);
        }
        match &event.what {
            What::RunStarted {
                version,
                command,
                cases,
                nodes,
                passed_over,
                jobs,
                shuffle,
                ..
            } => {
                self.shuffle.clone_from(shuffle);
                self.version.clone_from(version);
                self.command.clone_from(command);
                self.nodes.clone_from(nodes);
                self.passed_over = *passed_over;
                self.jobs = *jobs;
                self.started = true;
                for info in cases {
                    self.cases.insert(
                        info.number,
                        Case {
                            info: info.clone(),
                            attempts: BTreeMap::new(),
                            interrupted: true,
                        },
                    );
                }
            }
            What::Earlier { cases } => self.earlier.extend(cases.iter().cloned()),
            What::ImageReady { .. } => self.images += 1,
            What::Interrupted { .. } => self.interrupted = true,
            What::RunEnded {
                seconds,
                interrupted,
                faults,
                ..
            } => {
                self.seconds = if seconds.is_finite() { *seconds } else { self.seconds };
                self.ended = Some(*interrupted);
                for case in self.cases.values_mut() {
                    case.interrupted = *interrupted;
                }
                self.faults.extend(faults.iter().cloned());
            }
            _ => self.of_case(event, rules),
        }
    }

    fn of_case(&mut self, event: &Event, rules: Rules) {
        let Some(id) = &event.case else { return };
        let case = self
            .cases
            .entry(id.number)
            .or_insert_with(|| Case::unannounced(id.number));
        let attempt = case.attempts.entry(id.attempt).or_insert_with(|| Attempt {
            at: event.at.clone(),
            since: event.elapsed,
            ..Attempt::default()
        });
        attempt.event(&event.what, (&event.at, event.elapsed));
        if rules.strict {
            attempt.must_verify(&case.info.place);
        }
    }
}
