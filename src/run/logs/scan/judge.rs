//! The lines of logs held against the rules: what was found, with what stands around it.

use std::collections::{BTreeMap, VecDeque};

use super::rules::{BEFORE, Rules};
use crate::engine::logs::{Joined, Records};
use crate::event::Fault;
use crate::expect::LinePattern;
use crate::mask::Masks;

/// Lines that are shown before and after a finding.
const AROUND: usize = 3;
/// Lines of a traceback that are shown with one of them.
const TRACE: usize = 100;
/// Findings that are told, each with the number of its like.
const TOLD: usize = 20;
/// So much of a line is shown.
const LINE: usize = 2000;
/// So much of what stands around a finding is shown.
const SHOWN: usize = 16 * 1024;

/// How a log was read.
#[derive(Default)]
pub(super) struct Read {
    /// The rules that it is read by.
    pub(super) rules: Vec<usize>,
    /// Its last lines: those that may be why the next one is there, and those of the traceback that it may be of.
    before: VecDeque<String>,
    records: Records,
    /// How many lines the record has that its last line is of.
    length: usize,
    /// The lines that may go on, where those of a traceback are one.
    joined: Joined,
    /// Findings whose next lines are still to come.
    open: Vec<Open>,
    /// Its findings by the rule.
    found: BTreeMap<usize, usize>,
}

/// A finding whose next lines are still to come.
struct Open {
    finding: usize,
    /// True while these are of its traceback.
    in_trace: bool,
    /// How many there are to be behind that.
    left: usize,
}

/// The first line of a log that a rule forbids, and how many there are.
pub(super) struct Finding {
    rule: usize,
    log: String,
    around: Vec<String>,
    line: String,
    count: u64,
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Judge {
    pub(super) rules: Rules,
    pub(super) findings: Vec<Finding>,
}

impl Judge {
    /// Takes the next line of a log.
    pub(super) fn line(&mut self, read: &mut Read, (id, line): (&str, &str), expected: &[LinePattern]) {
        if self.rules.joins {
            if let Some(record) = read.joined.push(line) {
                self.record(read, (id, &record), expected);
            }
            self.follow(read, line, false);
            return;
        }
        let continues = read.records.continues(line);
        let own = if continues { read.length } else { 0 };
        self.follow(read, line, continues);
        self.judge(read, (id, line, AROUND.max(own)), expected);
        read.length = TRACE.min(own + 1);
        read.remember(line, BEFORE.max(read.length));
    }

    /// Judges what may go on: nothing more comes of it.
    pub(super) fn end(&mut self, read: &mut Read, id: &str, expected: &[LinePattern]) {
        if let Some(record) = read.joined.end() {
            self.record(read, (id, &record), expected);
        }
    }

    /// True where what may go on is a finding as it is.
    pub(super) fn would_find(&self, read: &Read, expected: &[LinePattern]) -> bool {
        let pending = read.joined.pending().map(str::as_bytes);
        pending.is_some_and(|record| {
            self.rules.broken_by(&read.rules, record).is_some()
                && !is_expected(expected, record)
                && !self.rules.allow(record, &read.before)
        })
    }

    /// Lines that are one.
    fn record(&mut self, read: &mut Read, (id, record): (&str, &str), expected: &[LinePattern]) {
        self.judge(read, (id, record, AROUND), expected);
        record.lines().for_each(|line| read.remember(line, BEFORE));
    }

    /// Shows a line with the findings before it.
    fn follow(&mut self, read: &mut Read, line: &str, continues: bool) {
        for open in &mut read.open {
            let around = &mut self.findings[open.finding].around;
            open.in_trace &= continues && around.len() < TRACE;
            if !open.in_trace {
                open.left -= 1;
            }
            around.push(format!("  {line}"));
        }
        read.open.retain(|open| open.in_trace || open.left > 0);
    }

    /// Judges a line; so many before it are shown with it.
    fn judge(&mut self, read: &mut Read, (id, line, shown): (&str, &str, usize), expected: &[LinePattern]) {
        let bytes = line.as_bytes();
        let Some(rule) = self.rules.broken_by(&read.rules, bytes) else {
            return;
        };
        if is_expected(expected, bytes) || self.rules.allows(bytes, &read.before) {
            return;
        }
        if let Some(finding) = read.found.get(&rule) {
            self.findings[*finding].count += 1;
            return;
        }
        let before = read.before.iter().skip(read.before.len().saturating_sub(shown));
        let mut around: Vec<String> = before.map(|line| format!("  {line}")).collect();
        around.extend(line.lines().take(TRACE).map(|line| format!("> {line}")));
        let finding = self.findings.len();
        read.found.insert(rule, finding);
        read.open.push(Open {
            finding,
            in_trace: true,
            left: AROUND,
        });
        let (log, line, count) = (id.to_owned(), line.to_owned(), 1);
        self.findings.push(Finding {
            rule,
            log,
            around,
            line,
            count,
        });
    }

    /// A fault for each finding; a log is told by its name.
    pub(super) fn found(&self, masks: &Masks, name: impl Fn(&str) -> String) -> Vec<Fault> {
        // Hidden before it is cut: a part of a value is not known again.
        let shown = |line: &String| crate::cut::head_and_tail(&masks.hide(line), LINE);
        let mut faults = Vec::new();
        for finding in self.findings.iter().take(TOLD) {
            let (rule, name) = (&self.rules.rules[finding.rule], name(&finding.log));
            let message = format!(
                "a line that no log may have, in that of `{name}`: it {}",
                rule.pattern.shown()
            );
            let mut fault = Fault::failure(message).at(rule.place.clone());
            fault.actual = Some(shown(&finding.line));
            let around: Vec<String> = finding.around.iter().map(shown).collect();
            let around = crate::cut::head_and_tail(&around.join("\n"), SHOWN);
            fault = fault.detail(format!("in the log of `{name}`"), around);
            if finding.count > 1 {
                fault = fault.detail("such lines in it", format!("{}; this is the first", finding.count));
            }
            faults.push(fault.hint(
                "where it may be there, say so: `ignore: [{contains: …, reason: …}]` under `log-scan`; where steps bring it \
                 about, let a `do` with `expect-log` hold them",
            ));
        }
        if self.findings.len() > TOLD {
            let more = self.findings.len() - TOLD;
            faults.push(Fault::failure(format!(
                "{more} more lines that no log may have, of other logs or kinds"
            )));
        }
        faults
    }
}

impl Read {
    /// Nothing was read yet; it will be by these rules.
    pub(super) fn by(rules: Vec<usize>) -> Read {
        Read {
            rules,
            ..Read::default()
        }
    }

    fn remember(&mut self, line: &str, most: usize) {
        while self.before.len() > most {
            self.before.pop_front();
        }
        // The oldest one's memory is used again: most lines are looked at and forgotten.
        let oldest = self.before.len() >= most;
        let mut last = oldest.then(|| self.before.pop_front()).flatten().unwrap_or_default();
        last.clear();
        last.push_str(line);
        self.before.push_back(last);
    }
}

fn is_expected(expected: &[LinePattern], line: &[u8]) -> bool {
    expected.iter().any(|pattern| pattern.is_match(line))
}
