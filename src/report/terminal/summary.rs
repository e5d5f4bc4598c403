//! The terminal's last lines: each case once more, what they came to together, the longest waits.

use super::{case_line, looked_at};
use crate::event::{Earlier, Outcome};
use crate::report::case::Case;
use crate::report::line::{Line, Tone};
use crate::report::tally::Tally;
use crate::report::{measures, repeated, text};

/// A wait below this is not worth a line.
const LONG: f64 = 0.1;

/// What all came to, and where the time went.
pub(super) fn lines(tally: &Tally, quiet: bool) -> Vec<Line> {
    if let Some(line) = refused(tally) {
        return vec![line];
    }
    let cases: Vec<&Case> = tally.cases().collect();
    let mut all = vec![Line::new()];
    if let [_, _, ..] = cases[..] {
        let shown = looked_at(tally).into_iter();
        // What is judged again is so at once: the line of a case without a fault stands right above.
        let shown = shown.filter(|(run, case)| !run.judges_again() || case.outcome() != Outcome::NotVerified);
        all.extend(shown.map(|(_, case)| case_line(case)));
    }
    all.push(counts_line(tally, cases.len()));
    let passed_over: usize = tally.runs.values().map(|run| run.passed_over).sum();
    if passed_over > 0 && !quiet {
        let files = text::count(passed_over, "YAML file", "YAML files");
        all.push(Line::plain(format!(
            "{:>14}passed over: {files} without a scenario",
            ""
        )));
    }
    all.extend(repeated::lines(tally));
    all.extend(earlier(tally));
    if !quiet {
        all.extend(measures::lines(tally));
        all.extend(waits(tally));
    }
    all
}

/// What is known of the run before, and not run again.
fn earlier(tally: &Tally) -> Option<Line> {
    let all: Vec<&Earlier> = tally.runs.values().flat_map(|run| &run.earlier).collect();
    let failed = |outcome| outcome >= Outcome::Failed || tally.rules.fails(outcome);
    let failed = all.iter().filter(|case| failed(case.outcome)).count();
    let well = all.len() - failed;
    let told = match (well, failed) {
        (0, 0) => return None,
        (well, 0) => format!("{well} more did not fail before"),
        (0, failed) => format!("{failed} more did not pass before"),
        (well, failed) => format!("{well} more did not fail before, and {failed} did not pass"),
    };
    Some(Line::plain(format!("{:>14}not run again: {told}", "")))
}

/// The last line where the files have problems and nothing was started.
fn refused(tally: &Tally) -> Option<Line> {
    let refusing = || tally.diagnostics.iter().filter(|one| tally.rules.refuses(one.level));
    let problems = refusing().count();
    let mut files: Vec<&str> = refusing().map(|one| one.place.path.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    (problems > 0).then(|| {
        let spread = match files.len() {
            1 => String::new(),
            files => format!(" in {files} files"),
        };
        let problems = text::count(problems, "problem", "problems");
        let told = format!(": {problems}{spread}; nothing was started");
        Line::new().with(Tone::Bad, "invalid").with(Tone::Bold, told)
    })
}

fn counts_line(tally: &Tally, cases: usize) -> Line {
    let state = if tally.interrupted() { "interrupted" } else { "summary" };
    let line = Line::new().with(Tone::Bold, format!("{state:>12}"));
    if cases == 0 {
        return line.and("  no case was selected");
    }
    let line = line.and(format!(
        "  {:>7}  {}: ",
        text::duration(tally.seconds()),
        text::count(cases, "case", "cases")
    ));
    let told = tally.counts_told();
    told.enumerate().fold(line, |line, (at, (outcome, told))| {
        let line = if at > 0 { line.and(", ") } else { line };
        line.with(Tone::of(outcome), told)
    })
}

fn waits(tally: &Tally) -> Vec<Line> {
    let long: Vec<_> = tally
        .longest_waits(5)
        .into_iter()
        .filter(|wait| wait.seconds >= LONG)
        .collect();
    let mut all = Vec::new();
    if !long.is_empty() {
        all.push(Line::plain(format!("{:>14}longest waits:", "")));
    }
    for one in long {
        let line = Line::new().with(Tone::Dim, format!("{:>12}  {:>7}  ", "", text::duration(one.seconds)));
        let line = line.and(format!("{}  {}", one.waits_for, one.case.info.name));
        all.push(line.with(Tone::Dim, format!("  {}", one.step.info.place)));
    }
    all
}
