//! JUnit XML: a testsuite a scenario file, a testcase a case or a step; valid against Jenkins' junit-10 for any input.
//!
//! That schema has no properties, places or retries on a testcase. Places stand in the first line of the failure's
//! text, which is what GitLab shows; the rest goes into `system-out` as lines that people read.

use std::path::PathBuf;

use indexmap::IndexMap;
use junit_report::{Report, TestCase, TestResult, TestSuite};
use serde_json::Value;

use crate::event::{DiagnosticInfo, FaultKind, Outcome};
use crate::report::case::{Attempt, Case, Found, Step, StepEnd, told_in_a_line};
use crate::report::junit::xml::{ATTRIBUTE, attribute, cdata, classname, suite, testcase, with_short_times};
use crate::report::line::Line;
use crate::report::outcome::word;
use crate::report::tally::{Run, Tally};
use crate::report::{Artifact, Grain, Reporter, Settings, afterwards, fault, text};

mod xml;

/// How many steps a testcase lists.
const STEPS: usize = 200;

/// Gives the whole file, whenever it is asked.
pub struct Junit {
    path: PathBuf,
    grain: Grain,
}

impl Junit {
    /// Makes the reporter.
    pub fn new(settings: &Settings) -> Junit {
        Junit {
            path: settings.junit.clone().unwrap_or_default(),
            grain: settings.junit_grain,
        }
    }
}

impl Reporter for Junit {
    fn artifacts(&self, tally: &Tally) -> Vec<Artifact> {
        vec![Artifact {
            path: self.path.clone(),
            bytes: xml(tally, self.grain),
        }]
    }
}

/// The file.
pub fn xml(tally: &Tally, grain: Grain) -> Vec<u8> {
    let mut suites: IndexMap<&str, TestSuite> = IndexMap::new();
    for diagnostic in tally.diagnostics.iter().filter(|one| tally.rules.refuses(one.level)) {
        let at = tally.runs.values().next().map_or("", |run| run.at.as_str());
        let suite = suites
            .entry(&diagnostic.place.path)
            .or_insert_with_key(|path| suite(path, at));
        suite.add_testcase(of_diagnostic(diagnostic));
    }
    for run in tally.runs.values() {
        for case in run.cases.values() {
            let at = case.attempts.values().next().map_or(&run.at, |attempt| &attempt.at);
            let suite = suites.entry(&case.info.file).or_insert_with_key(|file| suite(file, at));
            suite.system_out.get_or_insert_with(|| cdata(&about(run)));
            match grain {
                Grain::Scenario => suite.add_testcase(of_case(run, case)),
                Grain::Step => suite.add_testcases(of_steps(run, case)),
            }
        }
        if !run.faults.is_empty() {
            let suite = suites.entry("e2erun").or_insert_with_key(|name| suite(name, &run.at));
            suite.add_testcase(of_run(run));
        }
    }
    let mut report = Report::new();
    report.add_testsuites(suites.into_values());
    let mut bytes = Vec::new();
    // Writing into memory cannot fail, and the texts were made safe; a report cut short would be seen as such.
    let _ = report.write_xml(&mut bytes);
    bytes.push(b'\n');
    match std::str::from_utf8(&bytes) {
        Ok(file) => with_short_times(file).into_bytes(),
        Err(_) => bytes,
    }
}

/// The run's circumstances, as lines.
fn about(run: &Run) -> String {
    let mut lines = vec![format!("e2erun {}", run.version)];
    lines.extend((!run.command.is_empty()).then(|| format!("command: {}", run.command.join(" "))));
    lines.extend(run.nodes.iter().map(|node| {
        let (engine, api) = (&node.engine, &node.api);
        format!(
            "node {}: engine {engine} (API {api}), compose {}, {}",
            node.name, node.compose, node.system
        )
    }));
    lines.join("\n") + "\n"
}

fn of_diagnostic(diagnostic: &DiagnosticInfo) -> TestCase {
    let place = &diagnostic.place;
    let name = format!("{}:{} {}", place.line, place.column, diagnostic.message);
    let cause = Some(cdata(&format!("{place}\n{}", diagnostic.drawn)));
    let (type_, message) = ("invalid".to_owned(), attribute(&diagnostic.message));
    testcase(
        &name,
        &classname(&place.path),
        0.0,
        TestResult::Error { type_, message, cause },
    )
}

fn of_run(run: &Run) -> TestCase {
    let lines: Vec<Line> = run.faults.iter().flat_map(fault::run_lines).collect();
    let place = run.faults.iter().find_map(|fault| fault.place.as_ref());
    let first = place.map(|place| format!("{place}\n")).unwrap_or_default();
    let cause = Some(cdata(&(first + &joined(&lines))));
    let message = attribute(
        &run.faults
            .first()
            .map(|fault| fault.message.clone())
            .unwrap_or_default(),
    );
    let failed = run.faults.iter().all(|fault| fault.kind == FaultKind::Failure);
    let result = match failed {
        true => TestResult::Failure {
            type_: word(Outcome::Failed).to_owned(),
            message,
            cause,
        },
        false => TestResult::Error {
            type_: word(Outcome::Errored).to_owned(),
            message,
            cause,
        },
    };
    testcase("the run itself", "e2erun", run.seconds, result)
}

/// A testcase of a case.
fn of_case(run: &Run, case: &Case) -> TestCase {
    let lines = fault::case_lines(run, case);
    // The last try counts; a fault of an earlier one is told below it.
    let (last, all) = (case.of_last(), case.faults());
    let faults = if last.is_empty() { &all } else { &last };
    let told = Told {
        outcome: case.outcome(),
        reason: case.reason(),
        faults: faults.iter().collect(),
        text: joined(&lines),
    };
    let mut testcase = testcase(
        &case.info.name,
        &classname(&case.info.file),
        case.seconds(),
        told.result(case),
    );
    let mut out = facts(case);
    if case.outcome() == Outcome::Flaky {
        out.push_str(&format!("\n{}:\n{}", case.reason().unwrap_or_default(), joined(&lines)));
    }
    if let Some(attempt) = case.last() {
        out.push_str(&step_list(attempt));
    }
    testcase.system_out = (!out.is_empty()).then(|| cdata(&out));
    testcase
}

/// A testcase a step, and one of the scenario itself where its steps do not say it all.
fn of_steps(run: &Run, case: &Case) -> Vec<TestCase> {
    let Some(attempt) = case.last() else {
        return vec![of_case(run, case)];
    };
    let blocks = attempt.blocks();
    let faults = case.of_last();
    let mut all = Vec::new();
    let mut said = false;
    for step in attempt.steps.values() {
        let of_step: Vec<&Found<'_>> = faults
            .iter()
            .filter(|one| one.step.is_some_and(|its| std::ptr::eq(its, step)))
            .collect();
        // A block's steps speak for it, unless something is wrong with the block itself.
        if blocks.contains(step.info.path.as_str()) && of_step.is_empty() {
            continue;
        }
        let one = of_step_alone(case, step, &of_step);
        said |= one.is_failure() || one.is_error();
        all.push(one);
    }
    let outcome = case.outcome();
    let unsaid = match outcome {
        Outcome::Failed | Outcome::Errored => !said || attempt.end.iter().any(|end| !end.faults.is_empty()),
        Outcome::Passed => all.is_empty(),
        _ => true,
    };
    if unsaid {
        all.push(of_case(run, case));
    }
    all
}

fn of_step_alone(case: &Case, step: &Step, faults: &[&Found<'_>]) -> TestCase {
    let lines: Vec<Vec<Line>> = faults.iter().map(|found| fault::lines(case, found)).collect();
    let known = case.outcome() == Outcome::KnownIssue;
    let (outcome, reason) = match &step.end {
        Some(StepEnd {
            outcome: Outcome::Failed | Outcome::Errored,
            ..
        }) if known => (Outcome::KnownIssue, case.reason()),
        Some(end) => (end.outcome, end.reason.clone()),
        None => (Outcome::Errored, Some("interrupted".to_owned())),
    };
    let told = Told {
        outcome,
        reason,
        faults: faults.to_vec(),
        text: lines.iter().map(|lines| joined(lines)).collect::<Vec<_>>().join("\n"),
    };
    // Jenkins takes what is behind the last point for the class: there stands the case.
    let class = format!("{}.{}", classname(&case.info.file), case.info.name.replace('.', "_"));
    let seconds = step.end.as_ref().map_or(0.0, |end| end.seconds);
    let name = format!("{} {}", step.info.path, step.info.name);
    let mut testcase = testcase(&name, &class, seconds, told.result(case));
    let wrote = afterwards::of_step(step);
    testcase.system_out = (!wrote.is_empty()).then(|| cdata(&joined(&wrote)));
    testcase
}

/// What a testcase tells of how it ended.
struct Told<'a> {
    outcome: Outcome,
    reason: Option<String>,
    faults: Vec<&'a Found<'a>>,
    text: String,
}

impl Told<'_> {
    fn result(&self, case: &Case) -> TestResult {
        let type_ = word(self.outcome).to_owned();
        let of_fault = told_in_a_line(self.faults.iter().copied());
        let message = match self.outcome {
            Outcome::Skipped | Outcome::KnownIssue => self.reason.clone().or(of_fault),
            _ => of_fault.or(self.reason.clone()),
        };
        let message = attribute(&message.unwrap_or_else(|| type_.clone()));
        let cause = Some(cdata(&format!("{}\n{}", self.place(case), self.text)));
        match self.outcome {
            Outcome::Passed | Outcome::Flaky | Outcome::NotVerified => TestResult::Success,
            Outcome::Failed => TestResult::Failure { type_, message, cause },
            Outcome::Errored => TestResult::Error { type_, message, cause },
            Outcome::Skipped | Outcome::KnownIssue => {
                let cause = cause.filter(|_| !self.text.is_empty());
                TestResult::SkippedWithCause { type_, message, cause }
            }
        }
    }

    /// The first line of a failure's text.
    fn place(&self, case: &Case) -> String {
        let place = self
            .faults
            .first()
            .map_or(&case.info.place, |found| fault::place(case, found));
        text::one_line(&place.to_string())
    }
}

/// Tags, properties, matrix values and notes, as lines.
fn facts(case: &Case) -> String {
    let mut lines = Vec::new();
    if !case.info.tags.is_empty() {
        lines.push(format!("tags: {}", case.info.tags.join(", ")));
    }
    lines.extend(case.info.matrix.iter().map(|(name, value)| match value {
        Value::String(text) => format!("matrix {name}: {text}"),
        value => format!("matrix {name}: {value}"),
    }));
    lines.extend(
        case.info
            .properties
            .iter()
            .map(|(name, value)| format!("property {name}: {value}")),
    );
    if case.outcome() == Outcome::NotVerified {
        lines.push(format!("not verified: {}", case.reason().unwrap_or_default()));
    }
    for attempt in case.attempts.values() {
        lines.extend(attempt.retried.iter().map(|what| format!("retried: {what}")));
    }
    lines
        .iter()
        .map(|line| format!("{}\n", text::clip(line, ATTRIBUTE)))
        .collect()
}

fn step_list(attempt: &Attempt) -> String {
    let mut out = String::new();
    for step in attempt.steps.values().take(STEPS) {
        let (how, seconds) = match &step.end {
            Some(end) => (word(end.outcome), end.seconds),
            None => ("interrupted", 0.0),
        };
        let indent = "  ".repeat(step.info.depth.min(20));
        let why = step.end.iter().find_map(|end| end.reason.as_ref());
        let why = why.map(|why| format!(" ({})", text::one_line(why))).unwrap_or_default();
        let (path, name) = (&step.info.path, text::one_line(&step.info.name));
        out.push_str(&format!(
            "{how:>12} {:>7}  {indent}{path} {name}{why}\n",
            text::duration(seconds)
        ));
    }
    if attempt.steps.len() > STEPS {
        out.push_str(&format!("and {} more steps\n", attempt.steps.len() - STEPS));
    }
    out
}

fn joined(lines: &[Line]) -> String {
    lines.iter().map(|line| line.text() + "\n").collect()
}

#[cfg(test)]
mod tests;
