//! JUnit XML: a testsuite a scenario file, a testcase a case or a step; valid against Jenkins' junit-10 for any input, but
//! for the properties of a testcase, which that schema lacks and Jenkins' reader takes.
//!
//! Places stand in the first line of the failure's text, which is what GitLab shows. GitLab shows no properties: tags,
//! properties and measured values stand in `system-out`, too, as lines that people read.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde_json::Value;

use crate::event::{CaseInfo, DiagnosticInfo, FaultKind, Outcome, Test};
use crate::report::case::{Case, Found, Step, StepEnd, told_in_a_line};
use crate::report::junit::system_out::{facts, noted, step_list};
use crate::report::junit::xml::{Cause, Suite, TestCase, TestResult, classname};
use crate::report::line::Line;
use crate::report::outcome::word;
use crate::report::tally::{Run, Tally};
use crate::report::{Artifact, Grain, Reporter, Settings, afterwards, fault, measures, text};

mod system_out;
mod xml;

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
    let mut suites: IndexMap<&str, Suite> = IndexMap::new();
    for diagnostic in tally.diagnostics.iter().filter(|one| tally.rules.refuses(one.level)) {
        let at = tally.runs.values().next().map_or("", |run| run.at.as_str());
        let suite = suites.entry(&diagnostic.place.path);
        let suite = suite.or_insert_with_key(|path| Suite::new(path, at));
        suite.testcases.push(of_diagnostic(diagnostic));
    }
    for run in tally.runs.values() {
        for case in run.cases.values() {
            let at = case.attempts.values().next().map_or(&run.at, |attempt| &attempt.at);
            let suite = suites
                .entry(&case.info.file)
                .or_insert_with_key(|file| Suite::new(file, at));
            if suite.system_out.is_none() {
                let about = about(run);
                suite.system_out = Some(about.iter().map(|(name, value)| format!("{name}: {value}\n")).collect());
                suite.properties = [about, named(&case.info)].concat();
            }
            match grain {
                Grain::Scenario => suite.testcases.push(of_case(run, case)),
                Grain::Step => suite.testcases.extend(of_steps(run, case)),
            }
            suite.testcases.extend(inside(case));
        }
        if !run.faults.is_empty() {
            let suite = suites
                .entry("e2erun")
                .or_insert_with_key(|name| Suite::new(name, &run.at));
            suite.testcases.push(of_run(run));
        }
    }
    xml::file(suites.values())
}

/// The run's circumstances: names and values.
fn about(run: &Run) -> Vec<(String, String)> {
    let mut all = vec![("e2erun".to_owned(), run.version.clone())];
    all.extend((!run.command.is_empty()).then(|| ("command".to_owned(), run.command.join(" "))));
    all.extend(run.shuffle.iter().map(|seed| ("shuffle".to_owned(), seed.clone())));
    all.extend(run.nodes.iter().map(|node| {
        let (engine, api) = (&node.engine, &node.api);
        let told = format!("engine {engine} (API {api}), compose {}, {}", node.compose, node.system);
        (format!("node {}", node.name), told)
    }));
    all
}

/// What a scenario says of itself, the same for all its cases: names and values.
fn named(info: &CaseInfo) -> Vec<(String, String)> {
    let tags = (!info.tags.is_empty()).then(|| ("tags".to_owned(), info.tags.join(", ")));
    let own = info
        .properties
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    tags.into_iter().chain(own).collect()
}

/// What is said of a case: its scenario's properties, its matrix values, and what it measured.
fn properties(case: &Case) -> Vec<(String, String)> {
    let mut all = named(&case.info);
    let matrix = case.info.matrix.iter();
    all.extend(matrix.map(|(name, value)| (format!("matrix {name}"), plain(value))));
    all.extend(measures::of_case(case).map(|(name, value)| (format!("measure {name}"), value)));
    all
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// The tests of suites in its containers: their own names, and classes below that of the case.
fn inside(case: &Case) -> Vec<TestCase> {
    let above = class_of(case);
    let tests = case.last().into_iter().flat_map(|attempt| attempt.tests.values());
    // What is known of the case is known of what failed in it.
    let known = (case.outcome() == Outcome::KnownIssue).then(|| case.reason().unwrap_or_default());
    let tests = tests.flatten().map(|test| {
        let mut testcase = of_test(&above, test, known.as_deref());
        testcase.properties = properties(case);
        testcase
    });
    tests.collect()
}

fn of_test(above: &str, test: &Test, known: Option<&str>) -> TestCase {
    let cause = || Cause {
        type_: word(test.outcome).to_owned(),
        message: match test.message.is_empty() {
            true => test.text.lines().next().unwrap_or_default().to_owned(),
            false => test.message.clone(),
        },
        text: (!test.text.is_empty()).then(|| test.text.clone()),
    };
    let result = match (test.outcome, known) {
        (Outcome::Failed | Outcome::Errored, Some(reason)) => TestResult::Skipped(Cause {
            type_: word(Outcome::KnownIssue).to_owned(),
            message: reason.to_owned(),
            ..cause()
        }),
        (Outcome::Failed, None) => TestResult::Failure(cause()),
        (Outcome::Errored, None) => TestResult::Error(cause()),
        (Outcome::Skipped, _) => TestResult::Skipped(cause()),
        _ => TestResult::Success,
    };
    let class = match test.class.is_empty() {
        true => above.to_owned(),
        false => format!("{above}.{}", test.class),
    };
    TestCase::new(&test.name, &class, test.seconds, result)
}

/// The class of what is in a case. Jenkins takes what is behind the last point for the class: there stands the case.
fn class_of(case: &Case) -> String {
    format!("{}.{}", classname(&case.info.file), case.info.name.replace('.', "_"))
}

fn of_diagnostic(diagnostic: &DiagnosticInfo) -> TestCase {
    let place = &diagnostic.place;
    let name = format!("{}:{} {}", place.line, place.column, diagnostic.message);
    let cause = Cause {
        type_: "invalid".to_owned(),
        message: diagnostic.message.clone(),
        text: Some(format!("{place}\n{}", diagnostic.drawn)),
    };
    TestCase::new(&name, &classname(&place.path), 0.0, TestResult::Error(cause))
}

fn of_run(run: &Run) -> TestCase {
    let lines: Vec<Line> = run.faults.iter().flat_map(fault::run_lines).collect();
    let place = run.faults.iter().find_map(|fault| fault.place.as_ref());
    let first = place.map(|place| format!("{place}\n")).unwrap_or_default();
    let failed = run.faults.iter().all(|fault| fault.kind == FaultKind::Failure);
    let outcome = if failed { Outcome::Failed } else { Outcome::Errored };
    let cause = Cause {
        type_: word(outcome).to_owned(),
        message: run
            .faults
            .first()
            .map(|fault| fault.message.clone())
            .unwrap_or_default(),
        text: Some(first + &joined(&lines)),
    };
    let result = if failed {
        TestResult::Failure(cause)
    } else {
        TestResult::Error(cause)
    };
    TestCase::new("the run itself", "e2erun", run.seconds, result)
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
    let class = classname(&case.info.file);
    let mut testcase = TestCase::new(&case.info.name, &class, case.seconds(), told.result(case));
    testcase.properties = properties(case);
    let mut out = facts(case);
    if case.outcome() == Outcome::Flaky {
        out.push_str(&format!("\n{}:\n{}", case.reason().unwrap_or_default(), joined(&lines)));
    }
    if let Some(attempt) = case.last() {
        out.push_str(&step_list(attempt));
    }
    testcase.system_out = (!out.is_empty()).then_some(out);
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
        said |= one.is_bad();
        all.push(one);
    }
    let outcome = case.outcome();
    let unsaid = match outcome {
        Outcome::Failed | Outcome::Errored => !said || attempt.end.iter().any(|end| !end.faults.is_empty()),
        Outcome::Passed => all.is_empty(),
        _ => true,
    };
    let notes = noted(case);
    if unsaid {
        all.push(of_case(run, case));
    } else if let Some(last) = all.last_mut().filter(|_| !notes.is_empty()) {
        // They are of no step; most are told at the case's end.
        last.system_out.get_or_insert_default().push_str(&notes);
    }
    all
}

fn of_step_alone(case: &Case, step: &Step, faults: &[&Found<'_>]) -> TestCase {
    let lines: Vec<Vec<Line>> = faults.iter().map(|found| fault::lines(case, found)).collect();
    let known = case.outcome() == Outcome::KnownIssue;
    let made = faults.iter().filter_map(|found| found.fault.makes()).max();
    let (outcome, reason) = match &step.end {
        Some(StepEnd {
            outcome: Outcome::Failed | Outcome::Errored,
            ..
        }) if known => (Outcome::KnownIssue, case.reason()),
        // What is a failure of the step may count as an error of its case.
        Some(StepEnd {
            outcome: Outcome::Failed | Outcome::Errored,
            reason,
            ..
        }) if made.is_some() => (made.unwrap_or(Outcome::Errored), reason.clone()),
        Some(end) => (end.outcome, end.reason.clone()),
        None => (Outcome::Errored, Some("interrupted".to_owned())),
    };
    let told = Told {
        outcome,
        reason,
        faults: faults.to_vec(),
        text: lines.iter().map(|lines| joined(lines)).collect::<Vec<_>>().join("\n"),
    };
    let seconds = step.end.as_ref().map_or(0.0, |end| end.seconds);
    let name = format!("{} {}", step.info.path, step.info.name);
    let mut testcase = TestCase::new(&name, &class_of(case), seconds, told.result(case));
    testcase.properties = properties(case);
    let wrote = afterwards::of_step(step);
    testcase.system_out = (!wrote.is_empty()).then(|| joined(&wrote));
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
        let cause = Cause {
            message: message.unwrap_or_else(|| type_.clone()),
            type_,
            text: Some(format!("{}\n{}", self.place(case), self.text)),
        };
        match self.outcome {
            Outcome::Passed | Outcome::Flaky | Outcome::NotVerified => TestResult::Success,
            Outcome::Failed => TestResult::Failure(cause),
            Outcome::Errored => TestResult::Error(cause),
            Outcome::Skipped | Outcome::KnownIssue => TestResult::Skipped(Cause {
                text: cause.text.filter(|_| !self.text.is_empty()),
                ..cause
            }),
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

fn joined(lines: &[Line]) -> String {
    lines.iter().map(|line| line.text() + "\n").collect()
}

#[cfg(test)]
mod tests;
