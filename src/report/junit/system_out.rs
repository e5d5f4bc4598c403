//! What stands in a testcase's `system-out`: the lines that people read where no properties are shown, and the steps.

use crate::event::Outcome;
use crate::report::case::{Attempt, Case};
use crate::report::junit::plain;
use crate::report::junit::xml::ATTRIBUTE;
use crate::report::outcome::word;
use crate::report::{measures, text};

/// How many steps a testcase lists.
const STEPS: usize = 200;

/// Tags, properties, matrix values and notes, as lines.
pub(super) fn facts(case: &Case) -> String {
    let mut lines = Vec::new();
    if !case.info.tags.is_empty() {
        lines.push(format!("tags: {}", case.info.tags.join(", ")));
    }
    let matrix = case.info.matrix.iter();
    lines.extend(matrix.map(|(name, value)| format!("matrix {name}: {}", plain(value))));
    lines.extend(
        case.info
            .properties
            .iter()
            .map(|(name, value)| format!("property {name}: {value}")),
    );
    lines.extend(measures::of_case(case).map(|(name, value)| format!("measure {name}: {value}")));
    if case.outcome() == Outcome::NotVerified {
        lines.push(format!("not verified: {}", case.reason().unwrap_or_default()));
    }
    for attempt in case.attempts.values() {
        lines.extend(attempt.retried.iter().map(|what| format!("retried: {what}")));
    }
    clipped(&lines) + &noted(case)
}

/// What became of each step of a try, a line each.
pub(super) fn step_list(attempt: &Attempt) -> String {
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

/// The notes of a case, as lines.
pub(super) fn noted(case: &Case) -> String {
    let notes = case.attempts.values().flat_map(|attempt| &attempt.notes);
    let notes: Vec<String> = notes.map(|note| format!("note: {note}")).collect();
    clipped(&notes)
}

fn clipped(lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| format!("{}\n", text::clip(line, ATTRIBUTE)))
        .collect()
}
