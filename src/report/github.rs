//! GitHub Actions: annotations at the places of what went wrong, and the step summary.

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Level, Place};
use crate::event::Outcome;
use crate::report::case::{Case, told_in_a_line};
use crate::report::line::Line;
use crate::report::outcome::{Rules, WORST_FIRST, word};
use crate::report::tally::{Run, Tally};
use crate::report::{Artifact, Piece, Reporter, Settings, fault, text};

/// GitHub shows so many annotations of a kind in a step, and passes over the rest in silence.
const SHOWN: usize = 10;
/// GitHub refuses a summary of more than 1 MiB.
const SUMMARY_LIMIT: usize = 900 * 1024;
/// How much of one case's failures is in the summary.
const CASE_LIMIT: usize = 16 * 1024;

/// Speaks once, at the end.
pub struct Github {
    summary: Option<PathBuf>,
    folder: PathBuf,
}

impl Github {
    /// Makes the reporter.
    pub fn new(settings: &Settings) -> Github {
        Github {
            summary: settings.step_summary.clone(),
            folder: settings.github_folder.clone(),
        }
    }
}

impl Reporter for Github {
    fn end(&mut self, tally: &Tally) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = annotations(tally, &self.folder).into_iter().map(Piece::Line).collect();
        if let Some(path) = &self.summary {
            let bytes = summary(tally).into_bytes();
            pieces.push(Piece::Append(Artifact {
                path: path.clone(),
                bytes,
            }));
        }
        pieces
    }
}

/// A line of the log with no command to GitHub in it, also where a container wrote one: those of today begin a line
/// with `::`, those of old stand anywhere in it.
pub fn defused(line: &str) -> String {
    let line = line.replace("##[", "# #[");
    let start = line.len() - line.trim_start().len();
    match line[start..].strip_prefix("::") {
        Some(rest) => format!("{}: :{rest}", &line[..start]),
        None => line,
    }
}

/// An annotation before it is written.
struct Annotation {
    kind: &'static str,
    place: Place,
    title: String,
    message: String,
}

impl Annotation {
    fn line(&self, folder: &Path) -> String {
        let Place { path, line, column, .. } = &self.place;
        let path = from_root(folder, path);
        format!(
            "::{} file={},line={line},col={column},title={}::{}",
            self.kind,
            property(&path),
            property(&text::one_line(&self.title)),
            message(&self.message)
        )
    }
}

/// A path as seen from the repository's root; GitHub finds no other.
fn from_root(folder: &Path, path: &str) -> String {
    let mut whole = folder.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if whole.file_name().is_some() => {
                whole.pop();
            }
            part => whole.push(part),
        }
    }
    whole.display().to_string()
}

fn message(text: &str) -> String {
    text::plain(text)
        .replace("##[", "# #[")
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

fn annotations(tally: &Tally, folder: &Path) -> Vec<String> {
    let mut all: Vec<Annotation> = tally.diagnostics.iter().map(of_diagnostic).collect();
    for (_, case) in worst_first(tally) {
        all.extend(of_case(case, tally.rules));
    }
    let mut lines = Vec::new();
    for kind in ["error", "warning", "notice"] {
        let of_kind: Vec<&Annotation> = all.iter().filter(|one| one.kind == kind).collect();
        let shown = if of_kind.len() > SHOWN {
            SHOWN - 1
        } else {
            of_kind.len()
        };
        lines.extend(of_kind[..shown].iter().map(|one| one.line(folder)));
        if of_kind.len() > shown {
            lines.push(format!("::{kind}::and {} more, see the summary", of_kind.len() - shown));
        }
    }
    lines
}

fn of_diagnostic(diagnostic: &crate::event::DiagnosticInfo) -> Annotation {
    let kind = match diagnostic.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let help = diagnostic
        .help
        .as_ref()
        .map(|help| format!("\nhelp: {help}"))
        .unwrap_or_default();
    Annotation {
        kind,
        place: diagnostic.place.clone(),
        title: "invalid scenario".to_owned(),
        message: format!("{}{help}", diagnostic.message),
    }
}

fn of_case(case: &Case, rules: Rules) -> Vec<Annotation> {
    let outcome = case.outcome();
    let kind = match outcome {
        Outcome::Failed | Outcome::Errored => "error",
        outcome if rules.fails(outcome) => "error",
        Outcome::Flaky | Outcome::NotVerified => "warning",
        Outcome::Passed | Outcome::Skipped | Outcome::KnownIssue => return Vec::new(),
    };
    let title = format!("{}: {}", word(outcome), case.info.name);
    let mut all: Vec<Annotation> = Vec::new();
    for found in case.faults() {
        let compared = match (&found.fault.expected, &found.fault.actual) {
            (Some(expected), Some(actual)) => format!("\nexpected: {expected}\n  actual: {actual}"),
            _ => String::new(),
        };
        let text = format!("{}{compared}", found.fault.message);
        let (place, message) = (fault::place(case, &found).clone(), text::clip(&text, 4096).into_owned());
        all.push(Annotation {
            kind,
            place,
            title: title.clone(),
            message,
        });
    }
    if all.is_empty() {
        let message = case.reason().unwrap_or_else(|| word(outcome).to_owned());
        all.push(Annotation {
            kind,
            place: case.info.place.clone(),
            title,
            message,
        });
    }
    all
}

/// The cases with their runs, the worst first, else in their order.
fn worst_first(tally: &Tally) -> Vec<(&Run, &Case)> {
    let mut all: Vec<(&Run, &Case)> = tally
        .runs
        .values()
        .flat_map(|run| run.cases.values().map(move |case| (run, case)))
        .collect();
    all.sort_by_key(|(_, case)| WORST_FIRST.iter().position(|outcome| *outcome == case.outcome()));
    all
}

/// The step summary: counts, a table of what did not pass, and each failure in full, folded.
fn summary(tally: &Tally) -> String {
    let told: Vec<String> = tally.counts_told().map(|(_, told)| told).collect();
    let mut out = format!(
        "## e2erun: {}\n\n",
        if told.is_empty() {
            "no case ran".to_owned()
        } else {
            told.join(", ")
        }
    );
    let cases = text::count(tally.cases().count(), "case", "cases");
    let interrupted = if tally.interrupted() { ", interrupted" } else { "" };
    let _ = writeln!(out, "{cases} in {}{interrupted}\n", text::duration(tally.seconds()));
    for diagnostic in &tally.diagnostics {
        out.push_str(&fenced(&diagnostic.drawn));
    }
    for run_fault in tally.runs.values().flat_map(|run| &run.faults) {
        out.push_str(&fenced(&joined(&fault::run_lines(run_fault))));
    }
    out.push_str(&table(tally));
    for (run, case) in worst_first(tally) {
        let lines = fault::case_lines(run, case);
        if lines.is_empty() || matches!(case.outcome(), Outcome::KnownIssue | Outcome::Skipped) {
            continue;
        }
        let title = format!("{}: {}", word(case.outcome()), text::one_line(&case.info.name));
        let block = fenced(&joined(&lines));
        let folded = format!("<details><summary>{}</summary>\n\n{block}</details>\n\n", html(&title));
        if out.len() + folded.len() > SUMMARY_LIMIT {
            out.push_str("The rest is too long for a step summary; it is in the JUnit file and in the log.\n");
            break;
        }
        out.push_str(&folded);
    }
    out
}

fn table(tally: &Tally) -> String {
    const ROWS: usize = 500;
    let looked_at = |case: &Case| case.outcome() != Outcome::Passed;
    let rows: Vec<&Case> = worst_first(tally)
        .into_iter()
        .map(|(_, case)| case)
        .filter(|case| looked_at(case))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut out = "| outcome | scenario | where | time | why |\n|---|---|---|---|---|\n".to_owned();
    for case in rows.iter().take(ROWS) {
        let why = case.reason().or_else(|| told_in_a_line(&case.of_last()));
        let cells = [
            word(case.outcome()).to_owned(),
            case.info.name.clone(),
            case.place_of_fault().to_string(),
            text::duration(case.seconds()),
            why.unwrap_or_default(),
        ];
        let _ = writeln!(out, "| {} |", cells.map(|text| cell(&text)).join(" | "));
    }
    if rows.len() > ROWS {
        let _ = writeln!(out, "\nand {} more", rows.len() - ROWS);
    }
    out.push('\n');
    out
}

fn joined(lines: &[Line]) -> String {
    lines.iter().map(|line| line.text() + "\n").collect()
}

/// A block of code whose fence is longer than any run of backticks in it.
fn fenced(body: &str) -> String {
    let body = text::plain(&text::clip(body, CASE_LIMIT));
    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n\n", body.trim_end())
}

/// Text in a cell of a table: one line, and nothing in it is Markdown or HTML.
fn cell(body: &str) -> String {
    let mut out = String::new();
    for c in text::one_line(&text::clip(body, 500)).chars() {
        if "\\`*_[]|~#!".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    html(&out)
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
