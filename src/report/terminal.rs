//! The terminal's lines: each case as it ends, all failures in full at the end, a summary.

mod summary;

use crate::diagnostic::Level;
use crate::event::{CaseId, Event, NOT_BUILT, NodeInfo, Outcome, Phase, StepInfo, What};
use crate::report::case::{Attempt, Case};
use crate::report::line::{Line, Tone, lines_of};
use crate::report::once::Told;
use crate::report::outcome::{WORST_FIRST, word};
use crate::report::tally::{FAILED_TOO, Run, Tally};
use crate::report::{Piece, Reporter, Settings, fault, github, text};

/// The bound of one diagnostic, one note.
const SHOWN: usize = 32 * 1024;

/// Lines for people. The live status below them is `status`'s.
pub struct Terminal {
    color: bool,
    width: Option<usize>,
    quiet: bool,
    github: bool,
}

impl Terminal {
    /// Makes the reporter.
    pub fn new(settings: &Settings) -> Terminal {
        Terminal {
            color: settings.color,
            width: settings.width,
            quiet: settings.quiet,
            github: settings.github,
        }
    }

    /// After Ctrl-C: a live status shows them anyway.
    fn tells_steps(&self) -> bool {
        !self.quiet && self.width.is_none()
    }

    fn pieces(&self, lines: Vec<Line>) -> Vec<Piece> {
        let fitting = lines.into_iter().flat_map(|line| self.fitted(line));
        fitting.map(|line| Piece::Line(self.painted(&line))).collect()
    }

    /// A line of the margin's form broken at words, where the terminal is narrower; what programs wrote stays as it is.
    fn fitted(&self, line: Line) -> Vec<Line> {
        match (self.width, line.hang().or_else(|| margin(&line.text()))) {
            (Some(width), Some(indent)) => line.wrapped(width, indent),
            _ => vec![line],
        }
    }

    fn painted(&self, line: &Line) -> String {
        let text = line.painted(self.color);
        if self.github { github::defused(&text) } else { text }
    }
}

impl Reporter for Terminal {
    fn event(&mut self, event: &Event, tally: &Tally) -> Vec<Piece> {
        let lines = match &event.what {
            What::Invalid { diagnostics, .. } => diagnostics
                .iter()
                .flat_map(|one| drawn(one.level, &one.drawn))
                .collect(),
            What::RunStarted { .. } if !self.quiet => tally.runs.get(&event.run).map(header).unwrap_or_default(),
            What::ImageReady {
                image,
                how,
                seconds,
                error,
            } => image_line(image, how, *seconds, error.is_some(), self.quiet),
            What::Note { text } if !self.quiet => note("note", name(event, tally), text),
            What::Retried { text, .. } if !self.quiet => note("retrying", name(event, tally), text),
            What::Interrupted { .. } if self.tells_steps() => still_running(&event.run, tally),
            What::StepStarted { step } if self.tells_steps() => match tally.runs.get(&event.run) {
                Some(run) if run.interrupted => step_line(step, name(event, tally)),
                _ => Vec::new(),
            },
            What::CaseEnded { .. } => event
                .case
                .as_ref()
                .and_then(|id| Some((tally.case(&event.run, id)?, id)))
                .and_then(|(case, id)| ended(case, id, self.quiet))
                .into_iter()
                .collect(),
            _ => Vec::new(),
        };
        self.pieces(lines)
    }

    fn end(&mut self, tally: &Tally) -> Vec<Piece> {
        let mut lines = failures(tally);
        lines.extend(summary::lines(tally, self.quiet));
        self.pieces(lines)
    }
}

fn name<'a>(event: &Event, tally: &'a Tally) -> Option<&'a str> {
    let case = tally.case(&event.run, event.case.as_ref()?)?;
    Some(&case.info.name)
}

/// A diagnostic as it was drawn, with its first word painted.
fn drawn(level: Level, text: &str) -> Vec<Line> {
    let tone = if level == Level::Error { Tone::Bad } else { Tone::Warn };
    let mut lines = lines_of(Tone::Plain, text, SHOWN);
    if let Some(first) = lines.first_mut() {
        let whole = first.text();
        if let Some((word, rest)) = whole.split_once(':') {
            *first = Line::new().with(tone, word).with(Tone::Bold, format!(":{rest}"));
        }
    }
    let mut lines: Vec<Line> = lines.into_iter().enumerate().map(own_words).collect();
    lines.push(Line::new());
    lines
}

fn own_words((at, line): (usize, Line)) -> Line {
    match text::hang_of_drawn(at, &line.text()) {
        Some(indent) => line.hanging(indent),
        None => line,
    }
}

fn header(run: &Run) -> Vec<Line> {
    let mut files: Vec<&str> = run.cases.values().map(|case| case.info.file.as_str()).collect();
    files.dedup();
    let cases = text::count(run.cases.len(), "case", "cases");
    let files = text::count(files.len(), "file", "files");
    let at_once = if run.jobs > 1 {
        format!(", {} at once", run.jobs)
    } else {
        String::new()
    };
    let head = Line::new().with(Tone::Bold, format!("{:>12}", "e2erun"));
    let mut all = vec![head.and(format!("  {}: {cases} in {files}{at_once}", run.version))];
    all.extend(run.shuffle.iter().map(|seed| {
        let line = Line::new().with(Tone::Frame, format!("{:>12}", "shuffled"));
        line.and(format!("  `--shuffle={seed}` gives the same order again"))
    }));
    all.extend(run.nodes.iter().map(|node| node_line(node, run.nodes.len() > 1)));
    all
}

fn node_line(node: &NodeInfo, several: bool) -> Line {
    let api = if node.api.is_empty() {
        String::new()
    } else {
        format!(" (API {})", node.api)
    };
    let engine = if node.engine.is_empty() {
        String::new()
    } else {
        format!("engine {}{api}", node.engine)
    };
    let compose = if node.compose.is_empty() {
        String::new()
    } else {
        format!("compose {}", node.compose)
    };
    let facts: Vec<String> = [engine, compose, node.system.clone()]
        .into_iter()
        .filter(|f| !f.is_empty())
        .collect();
    let label = if several { node.name.as_str() } else { "" };
    Line::new().with(Tone::Dim, format!("{label:>12}  {}", facts.join(", ")))
}

/// Why there is none is told by each case that wants it.
fn image_line(image: &str, how: &str, seconds: f64, missing: bool, quiet: bool) -> Vec<Line> {
    if missing {
        let word = if how == NOT_BUILT { NOT_BUILT } else { "no image" };
        return vec![row(Tone::Bad, word, seconds).with(Tone::Bold, image)];
    }
    // One that was there already is no news.
    let news = !quiet && !matches!(how, "present" | "cached");
    let line = || row(Tone::Good, how, seconds).and(image);
    news.then(line).into_iter().collect()
}

/// Where the text begins of a line with a word in the margin, and perhaps a time behind it.
fn margin(text: &str) -> Option<usize> {
    let (word, rest) = text.split_at_checked(12)?;
    let is_margin = word.starts_with(' ') && rest.starts_with("  ");
    let time = rest.split_at_checked(11).map(|(time, _)| time.trim());
    let is_time = time.is_some_and(|time| {
        time.is_empty() || time.starts_with(|c: char| c.is_ascii_digit()) && time.ends_with(['s', 'm'])
    });
    is_margin.then_some(if is_time { 23 } else { 14 })
}

/// The beginning of a line about something that took time: the word, the seconds.
fn row(tone: Tone, word: &str, seconds: f64) -> Line {
    Line::new()
        .with(tone, format!("{word:>12}"))
        .with(Tone::Dim, format!("  {:>7}  ", text::duration(seconds)))
}

fn note(word: &str, case: Option<&str>, text: &str) -> Vec<Line> {
    let mut lines = lines_of(Tone::Plain, text, SHOWN).into_iter();
    let first = lines.next().unwrap_or_default().text();
    let case = case.map(|name| format!("{name}: ")).unwrap_or_default();
    let head = Line::new()
        .with(Tone::Frame, format!("{word:>12}"))
        .and(format!("  {case}{first}"));
    std::iter::once(head)
        .chain(lines.map(|line| line.indented(14)))
        .collect()
}

/// The steps that clean up already when Ctrl-C is pressed.
fn still_running(run: &str, tally: &Tally) -> Vec<Line> {
    let cases = tally.runs.get(run).into_iter().flat_map(|run| run.cases.values());
    let steps = cases.flat_map(|case| {
        let running = case.last().into_iter().flat_map(Attempt::running);
        running.flat_map(|step| step_line(&step.info, Some(&case.info.name)))
    });
    steps.collect()
}

/// A step that goes on after Ctrl-C: nobody should wait for what is not told.
fn step_line(step: &StepInfo, case: Option<&str>) -> Vec<Line> {
    match step.phase {
        Phase::OnFailure | Phase::Cleanup => note(step.phase.word(), case, &step.name),
        Phase::Given | Phase::Steps | Phase::Then => Vec::new(),
    }
}

/// The line of a case's try that ended.
fn ended(case: &Case, id: &CaseId, quiet: bool) -> Option<Line> {
    let end = case.attempts.get(&id.attempt)?.end.as_ref()?;
    if end.retried {
        let line = row(Tone::Warn, "retried", end.seconds).and(&case.info.name);
        let why = format!("  try {} {}", id.attempt, word(end.outcome));
        return (!quiet).then(|| line.with(Tone::Dim, format!("  {}", case.place_of_fault())).and(why));
    }
    let ok = matches!(case.outcome(), Outcome::Passed | Outcome::Skipped | Outcome::KnownIssue);
    (!quiet || !ok).then(|| case_line(case))
}

/// Outcome, time, name, where, and why if the outcome does not say it.
fn case_line(case: &Case) -> Line {
    let outcome = case.outcome();
    let line = match outcome {
        // What did not begin, or did not end, has no time.
        _ if outcome == Outcome::Skipped || case.end().is_none() => Line::new()
            .with(Tone::of(outcome), format!("{:>12}", word(outcome)))
            .and(" ".repeat(11)),
        _ => row(Tone::of(outcome), word(outcome), case.seconds()),
    };
    let place = match outcome {
        Outcome::Failed | Outcome::Errored => case.place_of_fault().to_string(),
        _ => case.info.file.clone(),
    };
    let line = line.and(&case.info.name).with(Tone::Dim, format!("  {place}"));
    let too = (outcome == Outcome::Errored && case.failed()).then(|| FAILED_TOO.to_owned());
    match case.reason().or(too) {
        Some(reason) => line.and(format!("  ({})", text::one_line(&reason))),
        None => line,
    }
}

/// The cases that a user looks at after the run, worst first.
fn looked_at(tally: &Tally) -> Vec<(&Run, &Case)> {
    let mut all: Vec<(&Run, &Case)> = tally
        .runs
        .values()
        .flat_map(|run| run.cases.values().map(move |case| (run, case)))
        .filter(|(_, case)| !matches!(case.outcome(), Outcome::Passed | Outcome::Skipped | Outcome::KnownIssue))
        .collect();
    all.sort_by_key(|(_, case)| WORST_FIRST.iter().position(|outcome| *outcome == case.outcome()));
    all
}

/// What is wrong, in full: of the run, then of each case, the worst first. And what was kept of the others.
fn failures(tally: &Tally) -> Vec<Line> {
    let mut all = Vec::new();
    for run in tally.runs.values() {
        for of_run in &run.faults {
            all.push(Line::new());
            all.extend(fault::run_lines(of_run));
        }
    }
    let bad = looked_at(tally);
    let kept = |case: &&Case| case.attempts.values().any(|attempt| !attempt.kept.is_empty());
    let others = tally
        .runs
        .values()
        .flat_map(|run| run.cases.values().filter(kept).map(move |case| (run, case)));
    let others = others.filter(|(_, case)| !bad.iter().any(|(_, one)| std::ptr::eq(*one, *case)));
    let mut told = Told::default();
    for (run, case) in bad.iter().copied().chain(others) {
        let lines = fault::case_lines_after(run, case, &mut told);
        if lines.is_empty() {
            continue;
        }
        all.push(Line::new());
        all.push(title(case));
        all.extend(lines);
    }
    all
}

fn title(case: &Case) -> Line {
    let outcome = case.outcome();
    let rule = "─".repeat(4);
    let head = Line::new()
        .with(Tone::Dim, format!("{rule} "))
        .with(Tone::of(outcome), word(outcome));
    head.with(Tone::Bold, format!("  {}", case.info.name))
        .with(Tone::Dim, format!("  {} {rule}", case.info.file))
}

#[cfg(test)]
mod tests;
