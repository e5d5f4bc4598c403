//! What happens in a run, as data: owned, serialisable, masked before it is made; reports are folds over it.

mod fault;
mod figures;
mod info;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use fault::{Counts, Detail, Fault, FaultKind};
pub use figures::{change_text, count_text, duration_text, figure_text, times_text};
pub use info::{CaseId, CaseInfo, DiagnosticInfo, NodeInfo, Phase, StepInfo, repetition_text};

/// How an image came that is built where nobody has it.
pub const NOT_BUILT: &str = "not built";

/// What stands in place of a value that is hidden.
pub const HIDDEN: &str = "***";

/// Something that happened, in happened-before order within a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// The run's id.
    pub run: String,
    /// Wall clock, RFC 3339 in UTC with milliseconds.
    pub at: String,
    /// Seconds since the run began, by the monotonic clock.
    pub elapsed: f64,
    /// The case that it belongs to; none for what belongs to the run.
    pub case: Option<CaseId>,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum What {
    /// The files have problems: nothing was started.
    Invalid {
        /// All of them.
        diagnostics: Vec<DiagnosticInfo>,
        /// What the command line said.
        #[serde(default)]
        rules: Rules,
    },
    /// The run begins.
    RunStarted {
        /// e2erun's version.
        version: String,
        /// The command line, masked.
        command: Vec<String>,
        /// The cases that will run, in order.
        cases: Vec<CaseInfo>,
        /// The nodes with the versions found on them.
        nodes: Vec<NodeInfo>,
        /// YAML files that are none of ours, passed over.
        passed_over: usize,
        /// How many cases run at once.
        jobs: usize,
        /// What the command line said about outcomes.
        #[serde(default)]
        rules: Rules,
        /// `--shuffle`: the seed of the order in which they begin.
        #[serde(default)]
        shuffle: Option<String>,
    },
    /// What cases of the run before came to, of those that are not run now.
    Earlier {
        /// The cases.
        cases: Vec<Earlier>,
    },
    /// An image is ready, or cannot be had.
    ImageReady {
        /// Its reference, or its name in the scenario.
        image: String,
        /// How it came: built, pulled, present, cached; or [`NOT_BUILT`], or failed.
        how: String,
        /// Seconds.
        seconds: f64,
        /// Why it cannot be had, with the tool's last lines.
        error: Option<String>,
    },
    /// Something that the user should know, and that is no fault: a lock waited for, a port in use, what was swept.
    Note {
        /// The text.
        text: String,
    },
    /// Ctrl-C: cases end, and clean up.
    Interrupted {
        /// How long that may take, in seconds.
        limit: f64,
    },
    /// A case begins.
    CaseStarted {
        /// The values of its variables; of long ones a digest.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        vars: BTreeMap<String, Value>,
        /// What seeds its unique names: with it they are the same when it is judged again.
        #[serde(default)]
        unique: String,
    },
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// A step begins.
    StepStarted {
        /// Which.
        step: StepInfo,
    },
    /// A step waits: told when it begins to and when the last observation changes.
    StepWaiting {
        /// The step's path.
        path: String,
        /// For what: "`web` to be healthy".
        waits_for: String,
        /// The limit in seconds.
        limit: f64,
        /// The last observation: "`db` is starting".
        observed: String,
    },
    /// An error of the surroundings was met and the call is made again.
    Retried {
        /// The step's path, if it was in a step.
        path: Option<String>,
        /// What, and why.
        text: String,
    },
    /// A step ended.
    StepEnded {
        /// Which.
        step: StepInfo,
        /// How.
        outcome: Outcome,
        /// Why it was skipped: its `if`, or what kept it from being reached.
        #[serde(default)]
        reason: Option<String>,
        /// Seconds.
        seconds: f64,
        /// Seconds by part: `pull build create wait exec remove`.
        parts: BTreeMap<String, f64>,
        /// Its result, bounded and masked.
        outputs: Value,
        /// The fields of it that are told only in part.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        cut: Vec<String>,
        /// Why it did not pass.
        faults: Vec<Fault>,
        /// How many times it was asked.
        attempts: u32,
        /// True when it judged something: a scenario without any is not verified.
        checks: bool,
    },
    /// A step measured something; where it did so again, the last one counts.
    Measured {
        /// The step's path.
        path: String,
        /// What.
        measure: Measure,
    },
    /// The results that a test suite in a container wrote.
    Tested {
        /// The path of the step that ran it.
        path: String,
        /// Its tests.
        tests: Vec<Test>,
    },
    /// A probe's answers.
    ProbeEnded {
        /// Its name.
        probe: String,
        /// `answers failures max_outage outage first_failure`.
        summary: Value,
    },
    /// What the case left behind on purpose, and how to get in and remove it.
    Kept {
        /// Lines of advice.
        text: String,
    },
    /// The logs of the case were looked through at its end, or would have been.
    LogsScanned {
        /// What none may hold, and what may be there all the same, in words.
        rules: Vec<String>,
        /// The logs.
        logs: Vec<ScannedLog>,
        /// The messages of the faults that this made.
        found: Vec<String>,
    },
    /// A case's try ended, everything removed.
    CaseEnded {
        /// How.
        outcome: Outcome,
        /// Why, for a skipped one or a known issue.
        reason: Option<String>,
        /// Seconds, cleanup included.
        seconds: f64,
        /// Seconds by part: `pull build create wait step remove`.
        parts: BTreeMap<String, f64>,
        /// What is wrong with the case itself, outside its steps (cleanup, limit, log-scan, …).
        faults: Vec<Fault>,
        /// True when another try follows.
        retried: bool,
        /// True where something that runs was there at its end: `--keep` would have left it.
        #[serde(default = "may_have_started")]
        started: bool,
    },
    /// The run ended; the last event.
    RunEnded {
        /// Seconds.
        seconds: f64,
        /// True after Ctrl-C.
        interrupted: bool,
        /// What is wrong with the run itself.
        faults: Vec<Fault>,
    },
}

/// Older events do not say it.
fn may_have_started() -> bool {
    true
}

/// What the command line says about outcomes: told with the run, so that its reports can be made again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Rules {
    /// `--strict`: a case that checked nothing failed; a warning about a file is an error.
    pub strict: bool,
    /// `--flaky fail`: a case that passed on a retry fails the run.
    pub flaky_fails: bool,
}

/// A case of a run before this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Earlier {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// A log of a case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScannedLog {
    /// Its file among the logs in the case's results.
    pub file: String,
    /// What messages call its container or process.
    pub name: String,
    /// The container's compose project or swarm stack, if it has one.
    pub project: String,
    /// Its service, if it has one.
    pub service: String,
    /// Its number among the service's replicas.
    pub number: u32,
    /// How many lines it had when it was looked through last, if it was: what was written later is nobody's fault.
    #[serde(default)]
    pub lines: Option<u64>,
}

/// A value that a step measured, with what it was compared with, all in its unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Its unit; empty for a plain number.
    pub unit: String,
    /// The least that it may be.
    pub min: Option<f64>,
    /// The most that it may be.
    pub max: Option<f64>,
    /// The value in the baseline.
    pub baseline: Option<f64>,
    /// The worst value that the baseline and its tolerance allow.
    pub allowed: Option<f64>,
    /// True where it has a tolerance, and the baseline no value.
    pub unknown: bool,
    /// True where more is better.
    pub higher: bool,
    /// False where it is not as it must be.
    pub good: bool,
}

/// A test of a test suite in a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Test {
    /// Its class, as the suite says it.
    pub class: String,
    /// Its name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Seconds.
    pub seconds: f64,
    /// Why it did not pass, in a line.
    pub message: String,
    /// The rest of that, bounded.
    pub text: String,
}

/// How a step or a case ended; ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Not run, for a reason.
    Skipped,
    /// Failed as described.
    KnownIssue,
    /// All expectations held.
    Passed,
    /// Nothing was checked.
    NotVerified,
    /// Passed on a retry.
    Flaky,
    /// The system is wrong.
    Failed,
    /// It could not be found out.
    Errored,
}
