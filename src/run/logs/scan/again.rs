//! `--validate-only`: the logs that a run left, looked through by other rules than then.

use super::Scan;
use super::judge::Read;
use super::rules::{found, pattern};
use crate::engine::logs::each_line;
use crate::engine::world::ContainerState;
use crate::event::{Fault, ScannedLog};
use crate::expect::LinePattern;
use crate::mask::HIDDEN;
use crate::run::stored::Scanned;
use crate::step::{Bound, ServiceRef};
use crate::template::Scope;

/// Where the logs of a case are in its results.
const FOLDER: &str = "logs";

/// A line that steps expected, and whose log may have it.
type Expected = (LinePattern, Option<ServiceRef>);

impl Scan<'_> {
    /// Looks through the logs that a run left, where other lines are forbidden now than then; gives whether it did so.
    /// Where a value is hidden, nobody knows whether they are others.
    pub(in crate::run) fn again(&mut self, scope: &Scope, then: &Scanned) -> bool {
        if self.plan.log_scans.iter().any(|scan| !scan.never.is_empty()) {
            self.make_ready(scope);
        }
        let hidden = |words: &[String]| words.iter().any(|word| word.contains(HIDDEN));
        let now: Vec<String> = self.judge.rules.words();
        let masks = &self.case.emitter.masks;
        let now: Vec<String> = now.iter().map(|word| masks.hide(word)).collect();
        if now == then.rules || hidden(&now) || hidden(&then.rules) {
            return false;
        }
        let expected = self.expected_then(scope);
        for log in &then.logs {
            if let Err(fault) = self.one_again(log, &expected) {
                self.broken.push(*fault);
            }
        }
        true
    }

    fn one_again(&mut self, log: &ScannedLog, expected: &[Expected]) -> Result<(), Box<Fault>> {
        let mut container = ContainerState::default();
        container.name.clone_from(&log.name);
        container.project.clone_from(&log.project);
        container.service.clone_from(&log.service);
        container.number = log.number;
        let is_of = |service: &Option<ServiceRef>| {
            let service = service.as_ref();
            service.is_none_or(|service| self.case.is_of(&container, service))
        };
        let expected: Vec<LinePattern> = expected
            .iter()
            .filter(|(_, service)| is_of(service))
            .map(|(pattern, _)| pattern.clone())
            .collect();
        let mut read = Read::by(self.rules_of(Some(&container)));
        let path = self.case.results.join(FOLDER).join(&log.file);
        let judge = &mut self.judge;
        let mut left = log.lines.unwrap_or(u64::MAX);
        let taken = each_line(&path, |line| {
            if left > 0 {
                judge.line(&mut read, (&log.name, line), &expected);
            }
            left = left.saturating_sub(1);
        });
        judge.end(&mut read, &log.name, &expected);
        self.read.insert(log.name.clone(), read);
        taken.map_err(|why| {
            let path = path.display();
            Box::new(Fault::error(format!(
                "the log that the run left cannot be read: `{path}`: {why}"
            )))
        })
    }

    /// The lines of `expect-log`. Where in the logs their steps began is not known any more: they are allowed all over.
    fn expected_then(&self, scope: &Scope) -> Vec<Expected> {
        let mut expected = Vec::new();
        let mut of_step = |step: &Bound| {
            for line in &step.expect_log {
                // Of one that is not known now nobody knows which logs it has.
                let service = line.service.as_ref().and_then(|service| {
                    let written = (service.clone(), line.line.span.clone());
                    found(&written, &self.case, scope).ok()
                });
                if let Ok((pattern, _)) = pattern(&line.line, scope) {
                    expected.push((pattern, service));
                }
            }
        };
        self.plan
            .phases
            .values()
            .flatten()
            .for_each(|step| each(step, &mut of_step));
        if !expected.is_empty() {
            let text = "`log-scan` is judged again: lines of `expect-log` are allowed wherever they stand in the logs";
            self.case.emitter.note(text);
        }
        expected
    }
}

/// A step, and all in it.
fn each(step: &Bound, of_step: &mut impl FnMut(&Bound)) {
    of_step(step);
    step.inner().for_each(|inner| each(inner, of_step));
}
