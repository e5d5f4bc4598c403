//! What runs now, for a live terminal: which case, which step, what it waits for and since when.

use crate::event::{Outcome, Phase};
use crate::report::case::{Attempt, Case, Step};
use crate::report::line::{Line, Tone};
use crate::report::outcome::word;
use crate::report::tally::{Run, Tally};
use crate::report::text;

/// How many running cases are shown; the others are counted.
const SHOWN: usize = 8;

/// The lines, at `elapsed` seconds of the run; none before a run began and after it ended.
pub fn lines(tally: &Tally, elapsed: f64) -> Vec<Line> {
    tally
        .runs
        .values()
        .filter(|run| run.started && run.ended.is_none())
        .flat_map(|run| of_run(run, elapsed))
        .collect()
}

fn of_run(run: &Run, elapsed: f64) -> Vec<Line> {
    let mut running: Vec<(&Case, &Attempt)> = run
        .cases
        .values()
        .filter(|case| case.is_running())
        .filter_map(|case| Some((case, case.last()?)))
        .collect();
    running.sort_by(|(_, a), (_, b)| a.since.total_cmp(&b.since));
    let mut all = vec![head(run, running.len(), elapsed)];
    all.extend(
        running
            .iter()
            .take(SHOWN)
            .map(|(case, attempt)| of_case(case, attempt, elapsed)),
    );
    if running.len() > SHOWN {
        all.push(Line::new().with(Tone::Dim, format!("{:>14}and {} more", "", running.len() - SHOWN)));
    }
    all
}

fn head(run: &Run, running: usize, elapsed: f64) -> Line {
    let ended = |outcome: Outcome| {
        run.cases
            .values()
            .filter(|c| c.end().is_some() && c.outcome() == outcome)
            .count()
    };
    let done = run.cases.values().filter(|case| case.end().is_some()).count();
    let mut line = Line::new().with(
        Tone::Frame,
        format!("{:>12}", if running + done == 0 { "preparing" } else { "running" }),
    );
    line = line.and(format!(
        "  {:>7}  {done} of {} done",
        text::running(elapsed),
        run.cases.len()
    ));
    for outcome in [Outcome::Errored, Outcome::Failed] {
        if ended(outcome) > 0 {
            line = line
                .and(", ")
                .with(Tone::of(outcome), format!("{} {}", ended(outcome), word(outcome)));
        }
    }
    if running + done == 0 && run.images > 0 {
        line = line.and(format!(", {} ready", text::count(run.images, "image", "images")));
    }
    line
}

fn of_case(case: &Case, attempt: &Attempt, elapsed: f64) -> Line {
    let spent = text::running(elapsed - attempt.since);
    let line = Line::new()
        .with(Tone::Dim, format!("{:>12}  {spent:>7}  ", ""))
        .and(&case.info.name);
    let line = if case.attempts.len() > 1 {
        line.and(format!(" (try {})", case.attempts.len()))
    } else {
        line
    };
    match innermost(attempt) {
        Some(step) => of_step(line, step, elapsed),
        None => line.with(Tone::Dim, format!("  {}", phase(attempt.phase))),
    }
}

/// The step to show: of several at once the one that has waited longest, else the last one that began.
fn innermost(attempt: &Attempt) -> Option<&Step> {
    let waits = |step: &&Step| step.waits.last().is_some_and(|wait| wait.until.is_none());
    let since = |step: &Step| step.waits.last().map_or(0.0, |wait| wait.since);
    let waiting = attempt
        .running()
        .filter(waits)
        .min_by(|a, b| since(a).total_cmp(&since(b)));
    waiting.or_else(|| attempt.running().last())
}

/// What matters most comes first: a narrow terminal cuts the line.
fn of_step(line: Line, step: &Step, elapsed: f64) -> Line {
    let line = line.with(Tone::Frame, format!("  {}", step.info.name));
    match step.waits.last().filter(|wait| wait.until.is_none()) {
        Some(wait) => {
            let (spent, limit) = (text::running(elapsed - wait.since), text::running(wait.limit));
            let line = line.and(format!("  waits for {}, {spent} of {limit}", wait.waits_for));
            if wait.observed.is_empty() {
                line
            } else {
                line.with(Tone::Dim, format!(": {}", wait.observed))
            }
        }
        None => line.with(Tone::Dim, format!("  {}", text::running(elapsed - step.since))),
    }
}

fn phase(phase: Option<Phase>) -> &'static str {
    match phase {
        None => "starts",
        Some(Phase::Given) => "given",
        Some(Phase::Steps) => "steps",
        Some(Phase::Then) => "then",
        Some(Phase::OnFailure) => "on-failure",
        Some(Phase::Cleanup) => "cleanup",
    }
}
