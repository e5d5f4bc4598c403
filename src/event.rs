//! What happens in a run, as data: owned, serialisable, masked before it is made; reports are folds over it.
//!
//! Longer than most files: it is one vocabulary, nearly all of it types with their words, and is read as a whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Level, Place};

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

/// One case of a scenario and one try of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CaseId {
    /// Its number in the order of the files, from 1: reports keep that order.
    pub number: usize,
    /// The try, from 1.
    pub attempt: u32,
}

/// A case as it was planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CaseInfo {
    /// Its number, from 1.
    pub number: usize,
    /// The scenario file, as the user would write it.
    pub file: String,
    /// Where the scenario's name stands.
    pub place: Place,
    /// The scenario's name.
    pub scenario: String,
    /// The name with its matrix values: `shop survives [db=pg15]`, and `… [run 2]` where it is repeated.
    pub name: String,
    /// Which of its repetitions it is, from 1; none where it is not repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition: Option<u32>,
    /// The matrix values.
    pub matrix: BTreeMap<String, Value>,
    /// The scenario's tags.
    pub tags: Vec<String>,
    /// The scenario's properties, copied into the reports.
    pub properties: BTreeMap<String, String>,
    /// The case's folder below the results folder.
    pub folder: String,
}

impl CaseInfo {
    /// Its name, the same for all its repetitions.
    pub fn base(&self) -> &str {
        let own = self.repetition.map(repetition_text).unwrap_or_default();
        self.name.strip_suffix(&*own).unwrap_or(&self.name)
    }
}

/// What stands behind the name of a repetition.
pub fn repetition_text(number: u32) -> String {
    format!(" [run {number}]")
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

/// A diagnostic that can travel: drawn already, as plain text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DiagnosticInfo {
    /// How bad it is.
    pub level: Level,
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Drawn with source line and caret, without colour.
    pub drawn: String,
}

impl From<&Diagnostic> for DiagnosticInfo {
    fn from(diagnostic: &Diagnostic) -> Self {
        DiagnosticInfo {
            level: diagnostic.level,
            place: diagnostic.span.place(),
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            drawn: diagnostic.draw(false),
        }
    }
}

/// A node and what is on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeInfo {
    /// Its name; `local` for the local engine.
    pub name: String,
    /// The engine's version.
    pub engine: String,
    /// The engine's API version.
    pub api: String,
    /// The compose tool and its version.
    pub compose: String,
    /// Kernel and architecture.
    pub system: String,
}

/// The phases of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Prepares; a failure makes every check errored.
    Given,
    /// What the scenario does.
    Steps,
    /// Checks.
    Then,
    /// After a failure.
    OnFailure,
    /// Always.
    Cleanup,
}

impl Phase {
    /// The scenario's key.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Given => "given",
            Phase::Steps => "steps",
            Phase::Then => "then",
            Phase::OnFailure => "on-failure",
            Phase::Cleanup => "cleanup",
        }
    }
}

/// Which step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepInfo {
    /// Its path, the key of its events: `then[2].use[1][item=b]@core2`.
    pub path: String,
    /// Its phase.
    pub phase: Phase,
    /// Its kind.
    pub kind: String,
    /// What the report calls it.
    pub name: String,
    /// Where it is written, with the line.
    pub place: Place,
    /// Where its template is used, from the inside out.
    pub used_at: Vec<Place>,
    /// How deep it stands in blocks.
    pub depth: usize,
    /// A digest of what it asks or does, as it is written: judged again is only the answer to the same question.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub asks: String,
    /// The values of the author's names in that; of long ones a digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, Value>,
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

/// So many of something: `1 case`, `2 cases`.
pub fn count_text(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// How often: `once`, `2 times`.
pub fn times_text(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

/// Seconds as people write a duration: `50ms`, `1.2s`, `2m5s`.
pub fn duration_text(seconds: f64) -> String {
    if seconds < 1.0 {
        return format!("{}ms", (seconds * 1000.0).round());
    }
    if seconds < 60.0 {
        let text = format!("{seconds:.1}");
        return format!("{}s", text.trim_end_matches(".0"));
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    let parts = [(hours, 'h'), (minutes, 'm'), (seconds, 's')];
    parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect()
}

/// A value with its unit as people read it, to four digits: `1.235 s`, `12 requests/s`, `0.00012`.
pub fn figure_text(value: f64, unit: &str) -> String {
    let size = value.abs();
    let decimals = if size == 0.0 || size >= 1000.0 {
        0
    } else {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is below 4, and above that of the least float"
        )]
        let whole = size.log10().floor() as i32;
        usize::try_from(3 - whole).unwrap_or(0).min(12)
    };
    let text = format!("{value:.decimals$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{text} {unit}").trim_end().to_owned()
}

/// How far a value is from another one: `+12%`.
pub fn change_text(value: f64, from: f64) -> String {
    if from == 0.0 {
        return format!("{}{}", if value < 0.0 { "" } else { "+" }, figure_text(value, ""));
    }
    let part = (value - from) / from.abs() * 100.0;
    if part.round() == 0.0 {
        return "the same".to_owned();
    }
    format!("{:+.0}%", part.round())
}

#[cfg(test)]
mod tests {
    use super::{change_text, figure_text};

    #[test]
    fn figures_have_four_digits_and_no_zeros_behind_them() {
        for (value, unit, expected) in [
            (1.234_56, "s", "1.235 s"),
            (12.0, "requests/s", "12 requests/s"),
            (123_456.7, "", "123457"),
            (0.000_12, "s", "0.00012 s"),
            (0.0, "", "0"),
            (-2.5, "ms", "-2.5 ms"),
            (100.0, "%", "100 %"),
        ] {
            assert_eq!(figure_text(value, unit), expected);
        }
    }

    #[test]
    fn a_change_is_told_in_percent() {
        for (value, from, expected) in [
            (112.0, 100.0, "+12%"),
            (90.0, 100.0, "-10%"),
            (100.1, 100.0, "the same"),
            (3.0, 0.0, "+3"),
        ] {
            assert_eq!(change_text(value, from), expected);
        }
    }
}
