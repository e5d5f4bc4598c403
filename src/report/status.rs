//! What runs now, for a live terminal: which case, which step, what it waits for and since when.

use console::{measure_text_width, truncate_str};

use crate::event::{Outcome, Phase};
use crate::report::case::{Attempt, Case, Step};
use crate::report::line::{Line, Tone};
use crate::report::outcome::word;
use crate::report::tally::{Run, Tally};
use crate::report::text;

/// How many running cases are shown; the others are counted.
const SHOWN: usize = 8;

/// The lines, at `elapsed` seconds of the run, for a terminal so wide; none before a run began and after it ended.
pub fn lines(tally: &Tally, elapsed: f64, width: usize) -> Vec<Line> {
    tally
        .runs
        .values()
        .filter(|run| run.started && run.ended.is_none())
        .flat_map(|run| of_run(run, elapsed, width))
        .collect()
}

fn of_run(run: &Run, elapsed: f64, width: usize) -> Vec<Line> {
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
            .map(|(case, attempt)| of_case(case, attempt, elapsed, width)),
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

fn of_case(case: &Case, attempt: &Attempt, elapsed: f64, width: usize) -> Line {
    let spent = text::running(elapsed - attempt.since);
    let head = format!("{:>12}  {spent:>7}", "");
    let again = match case.attempts.len() {
        0 | 1 => String::new(),
        tries => format!(" (try {tries})"),
    };
    let mut parts = Parts::default();
    parts.put(Part::Name, &format!("  {}{again}", case.info.name));
    match innermost(attempt) {
        Some(step) => parts.of_step(step, elapsed),
        None => parts.put(
            Part::Since,
            &format!("  {}", attempt.phase.map_or("starts", Phase::word)),
        ),
    }
    parts.line(&head, width)
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

/// The parts of a case's line, in the order in which they stand; each can be shortened by itself.
#[derive(Clone, Copy)]
enum Part {
    Name,
    Step,
    WaitsFor,
    Since,
    Observed,
}

/// What is cut first where the terminal is narrow, and what is left of it: the end is what tells why nothing moves.
const LEAST: [(Part, usize); 8] = [
    (Part::Name, 42),
    (Part::Step, 18),
    (Part::Observed, 0),
    (Part::Name, 28),
    (Part::WaitsFor, 24),
    (Part::Step, 0),
    (Part::Name, 0),
    (Part::WaitsFor, 0),
];
const TONES: [Tone; 5] = [Tone::Plain, Tone::Frame, Tone::Plain, Tone::Plain, Tone::Dim];

/// The texts of the parts.
#[derive(Default)]
struct Parts([String; 5]);

impl Parts {
    fn put(&mut self, part: Part, told: &str) {
        self.0[part as usize] = text::one_line(told);
    }

    fn of_step(&mut self, step: &Step, elapsed: f64) {
        let name = &step.info.name;
        let Some(wait) = step.waits.last().filter(|wait| wait.until.is_none()) else {
            self.put(Part::Step, &format!("  {name}"));
            self.put(Part::Since, &format!("  {}", text::running(elapsed - step.since)));
            return;
        };
        // A question waits for itself to be answered well: its name is not said twice.
        if *name != wait.waits_for {
            self.put(Part::Step, &format!("  {name}"));
        }
        let (spent, limit) = (text::running(elapsed - wait.since), text::running(wait.limit));
        self.put(Part::WaitsFor, &format!("  waits for {}", wait.waits_for));
        self.put(Part::Since, &format!(", {spent} of {limit}"));
        if !wait.observed.is_empty() {
            self.put(Part::Observed, &format!(": {}", wait.observed));
        }
    }

    fn line(&self, head: &str, width: usize) -> Line {
        let room = width.saturating_sub(measure_text_width(head));
        let widths = fitted(self.0.each_ref().map(|part| measure_text_width(part)), room);
        let parts = self.0.iter().zip(widths).zip(TONES).enumerate();
        // What tells one case from another often stands at its name's end.
        let shortened = |at: usize, part: &str, width| match at == Part::Name as usize {
            true => text::without_middle(part, width),
            false => truncate_str(part, width, "…").into_owned(),
        };
        // Cut to nothing a part would still be the sign that it was cut.
        let parts = parts.filter(|(_, ((_, width), _))| *width > 0);
        parts.fold(
            Line::new().with(Tone::Dim, head),
            |line, (at, ((part, width), tone))| line.with(tone, shortened(at, part, width)),
        )
    }
}

/// The widths that the parts get where they have so much room together.
fn fitted(mut widths: [usize; 5], room: usize) -> [usize; 5] {
    for (part, least) in LEAST {
        let excess = widths.iter().sum::<usize>().saturating_sub(room);
        let width = &mut widths[part as usize];
        *width -= excess.min(width.saturating_sub(least));
        // A few letters of what is least important say nothing.
        if least == 0 && *width < 8 && excess > 0 {
            *width = 0;
        }
    }
    widths
}
