//! A fault in full, the same for every reporter: message, place with source line, expected and actual, facts, hint.

use std::time::Duration;

use similar::TextDiff;

use crate::diagnostic::Place;
use crate::event::{Counts, Fault, FaultKind, Outcome, Phase};
use crate::report::case::{Case, Found, Step};
use crate::report::line::{Line, Tone, lines_of};
use crate::report::once::Told;
use crate::report::outcome::word;
use crate::report::tally::Run;
use crate::report::text;
use crate::report::{afterwards, inside};

/// How much of one text (a log's tail, a body) a report shows; there is head and tail of a longer one.
const SHOWN: usize = 32 * 1024;
/// How many steps that were not reached are listed.
const UNREACHED: usize = 10;
/// How many lines of what was found are shown, its first and its last ones.
const HEAD: usize = 10;
const TAIL: usize = 20;
/// How much of a source line is shown.
const SOURCE_WIDTH: usize = 120;

/// Where a fault points to: its own place, its step's, or the scenario's name.
pub fn place<'a>(case: &'a Case, found: &'a Found<'_>) -> &'a Place {
    let step = found.step.map(|step| &step.info.place);
    found.fault.place.as_ref().or(step).unwrap_or(&case.info.place)
}

/// The fault in full.
pub fn lines(case: &Case, found: &Found<'_>) -> Vec<Line> {
    let place = place(case, found);
    let gutter = place.line.to_string().len();
    let mut all = headline(&found.fault, found.phase());
    all.extend(source(place, gutter));
    if let Some(step) = found.step {
        all.extend(step_lines(step, gutter));
    }
    all.extend(compared(&found.fault, gutter));
    for detail in &found.fault.details {
        all.extend(titled(&detail.title, &detail.text, gutter));
    }
    if let Some(hint) = &found.fault.hint {
        all.extend(titled("hint", hint, gutter));
    }
    all
}

/// A fault of the run itself: no case, no step, perhaps no place.
pub fn run_lines(fault: &Fault) -> Vec<Line> {
    let gutter = fault.place.as_ref().map_or(1, |place| place.line.to_string().len());
    let mut all = headline(fault, None);
    all.extend(fault.place.iter().flat_map(|place| source(place, gutter)));
    all.extend(compared(fault, gutter));
    for detail in &fault.details {
        all.extend(titled(&detail.title, &detail.text, gutter));
    }
    all.extend(fault.hint.iter().flat_map(|hint| titled("hint", hint, gutter)));
    all
}

/// All of a case's faults, try by try, what was not reached for them and done after them, and at the end how to look inside.
pub fn case_lines(run: &Run, case: &Case) -> Vec<Line> {
    case_lines_after(run, case, &mut Told::default())
}

/// The same, without what was told of other cases before.
pub fn case_lines_after(run: &Run, case: &Case, told: &mut Told) -> Vec<Line> {
    let mut faults = told_once(case.faults());
    if let Some(before) = told.went_so(case, &faults) {
        let same = Line::plain(format!("the same as in `{before}`"));
        return std::iter::once(same).chain(inside::kept(case)).collect();
    }
    told.details_once(case, &mut faults);
    // In the order in which it was done; with several tries each fault stands at its try.
    let is_late = |found: &Found<'_>| case.attempts.len() == 1 && found.phase() == Some(Phase::Cleanup);
    let (late, faults): (Vec<Found<'_>>, Vec<Found<'_>>) = faults.into_iter().partition(is_late);
    let parts = [
        faults_lines(case, &faults),
        not_reached(case),
        afterwards::of_case(case),
        faults_lines(case, &late),
        inside::lines(run, case),
    ];
    let mut all = Vec::new();
    for part in parts {
        if !part.is_empty() && !all.is_empty() {
            all.push(Line::new());
        }
        all.extend(part);
    }
    all
}

/// Faults, one after the other, each below its try where there are several.
fn faults_lines(case: &Case, faults: &[Found<'_>]) -> Vec<Line> {
    let several = case.attempts.len() > 1;
    let mut all = Vec::new();
    let mut attempt = 0;
    for found in faults {
        if !all.is_empty() {
            all.push(Line::new());
        }
        if several && found.attempt != attempt {
            attempt = found.attempt;
            all.push(Line::new().with(Tone::Bold, format!("try {attempt} of {}", case.attempts.len())));
        }
        all.extend(lines(case, found));
    }
    all
}

/// Without what is said elsewhere: what was not reached is listed, and a case that was interrupted was so in a step.
fn told_once(faults: Vec<Found<'_>>) -> Vec<Found<'_>> {
    let of_steps: Vec<(u32, String, String)> = faults
        .iter()
        .filter_map(|found| {
            let path = found.step?.info.path.clone();
            Some((found.attempt, path, found.fault.message.clone()))
        })
        .collect();
    // A limit ends a step, and is told there; the block or the case whose limit it is says the same.
    let within = |found: &Found<'_>, block: &str| {
        of_steps.iter().any(|(attempt, path, message)| {
            let inside = path.len() > block.len() && path.starts_with(block);
            inside && *attempt == found.attempt && *message == found.fault.message
        })
    };
    let news = |found: &Found<'_>| match found.step {
        Some(step) => !step.is_unreached() && !within(found, &step.info.path),
        None => !within(found, ""),
    };
    faults.into_iter().filter(news).collect()
}

/// The steps that were not reached: never left out in silence.
fn not_reached(case: &Case) -> Vec<Line> {
    let steps: Vec<&Step> = case.unreached().collect();
    if steps.is_empty() {
        return Vec::new();
    }
    let title = format!("{} not reached:", text::count(steps.len(), "step", "steps"));
    let mut all = vec![Line::new().with(Tone::Bold, title)];
    all.extend(steps.iter().take(UNREACHED).map(|step| {
        let line = Line::new().with(Tone::Dim, format!("  {}", step.info.path));
        line.and(format!(" {}", step.info.name))
    }));
    if steps.len() > UNREACHED {
        all.push(Line::plain(format!("  and {} more", steps.len() - UNREACHED)));
    }
    all
}

/// The word for what a fault makes of its case.
pub fn kind_word(fault: &Fault) -> &'static str {
    match fault.kind {
        FaultKind::Failure => word(Outcome::Failed),
        FaultKind::Error => word(Outcome::Errored),
    }
}

fn headline(fault: &Fault, phase: Option<Phase>) -> Vec<Line> {
    let soft = if fault.soft { " (soft)" } else { "" };
    // What failed there makes the case something else than failed.
    let phase = phase.filter(|_| fault.counts != Counts::AsItIs);
    let phase = phase.map_or_else(String::new, |phase| format!(" in `{}`", phase.word()));
    let mut message = lines_of(Tone::Bold, &fault.message, SHOWN).into_iter();
    let first = message.next().unwrap_or_default().text();
    let head = Line::new()
        .with(Tone::Bad, kind_word(fault))
        .and(format!("{phase}{soft}"))
        .with(Tone::Bold, format!(": {first}"))
        .hanging(2);
    std::iter::once(head)
        .chain(message.map(|line| line.indented(2).hanging(2)))
        .collect()
}

/// `-->` with the place, and the source line with a caret.
fn source(place: &Place, gutter: usize) -> Vec<Line> {
    let pad = " ".repeat(gutter);
    let arrow = Line::new()
        .with(Tone::Frame, format!("{pad}--> "))
        .and(place.to_string());
    if place.source_line.trim().is_empty() {
        return vec![arrow];
    }
    // A tab is shown as four spaces, so the caret counts it as four.
    let mut shown: Vec<char> = Vec::new();
    let mut caret = 0;
    for (at, c) in place.source_line.chars().enumerate() {
        if at + 1 == place.column {
            caret = shown.len();
        }
        if c == '\t' {
            shown.extend([' '; 4])
        } else {
            shown.push(c)
        }
    }
    if place.column > place.source_line.chars().count() {
        caret = shown.len();
    }
    let from = if caret > SOURCE_WIDTH - 20 {
        caret - SOURCE_WIDTH / 2
    } else {
        0
    };
    let part: String = shown.iter().skip(from).take(SOURCE_WIDTH).collect();
    let (before, after) = (
        if from > 0 { "…" } else { "" },
        if shown.len() > from + SOURCE_WIDTH { "…" } else { "" },
    );
    let caret = caret - from + before.chars().count();
    vec![
        arrow,
        Line::new().with(Tone::Frame, format!("{pad} |")),
        Line::new()
            .with(Tone::Frame, format!("{} | ", place.line))
            .and(format!("{before}{part}{after}")),
        Line::new()
            .with(Tone::Frame, format!("{pad} | "))
            .with(Tone::Bad, format!("{}^", " ".repeat(caret))),
    ]
}

fn step_lines(step: &Step, gutter: usize) -> Vec<Line> {
    let info = &step.info;
    let asked = match &step.end {
        Some(end) if end.attempts > 1 => {
            format!(
                ", asked {} in {}",
                text::count(end.attempts as usize, "time", "times"),
                text::duration(end.seconds)
            )
        }
        Some(end) => format!(", {}", text::duration(end.seconds)),
        None => String::new(),
    };
    let mut all = vec![labelled(
        "step",
        &format!("{} `{}`{asked}", info.path, info.name),
        gutter,
    )];
    all.extend(
        info.used_at
            .iter()
            .map(|place| labelled("used at", &place.to_string(), gutter)),
    );
    all
}

/// Expected and actual, one below the other; longer than a line, their difference.
fn compared(fault: &Fault, gutter: usize) -> Vec<Line> {
    let short = |text: &String| !text.trim_end_matches('\n').contains('\n');
    match (&fault.expected, &fault.actual, &fault.diff) {
        (_, _, Some(diff)) => difference(diff, gutter),
        (Some(expected), Some(actual), None) if short(expected) && short(actual) => {
            vec![
                labelled("expected", seen(expected), gutter),
                labelled("  actual", seen(actual), gutter),
            ]
        }
        // A condition on a text is no text to compare it with: `contains …` has no line that the text lacks.
        (Some(expected), Some(actual), None) if short(expected) => {
            let expected = labelled("expected", expected, gutter);
            let actual = titled("  actual", &head_and_tail(actual), gutter);
            std::iter::once(expected).chain(actual).collect()
        }
        (Some(expected), Some(actual), None) => difference(&unified(expected, actual), gutter),
        (Some(expected), None, None) => titled("expected", expected, gutter),
        (None, Some(actual), None) => titled("actual", actual, gutter),
        (None, None, None) => Vec::new(),
    }
}

/// A text that is compared: nothing would be seen of an empty one.
fn seen(text: &str) -> &str {
    match text {
        "" => "(empty)",
        text => text,
    }
}

/// The first and the last lines of a text of many.
fn head_and_tail(text: &str) -> String {
    let text = text.trim_end_matches('\n');
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= HEAD + TAIL + 1 {
        return text.to_owned();
    }
    let left_out = format!("… {} lines left out here …", lines.len() - HEAD - TAIL);
    let (head, tail) = (&lines[..HEAD], &lines[lines.len() - TAIL..]);
    [head, &[left_out.as_str()], tail].concat().join("\n")
}

/// The difference of two texts, with three lines around each change.
fn unified(expected: &str, actual: &str) -> String {
    let (expected, actual) = (text::clip(expected, SHOWN), text::clip(actual, SHOWN));
    let (expected, actual) = (text::plain(&expected), text::plain(&actual));
    // Lines that differ all over take long to compare well; after a while a coarse answer is better.
    let diff = TextDiff::configure()
        .timeout(Duration::from_millis(500))
        .diff_lines(&expected, &actual);
    diff.unified_diff()
        .context_radius(3)
        .missing_newline_hint(false)
        .to_string()
}

fn difference(diff: &str, gutter: usize) -> Vec<Line> {
    let title = labelled("difference", "- expected, + actual", gutter);
    let body = lines_of(Tone::Plain, diff, SHOWN).into_iter().map(|line| {
        let text = line.text();
        let tone = match text.chars().next() {
            Some('-') => Tone::Bad,
            Some('+') => Tone::Good,
            Some('@') => Tone::Dim,
            _ => Tone::Plain,
        };
        Line::new().with(tone, text).indented(gutter + 3)
    });
    std::iter::once(title).chain(body).collect()
}

/// `= title: text`; a text of several lines stands below, each behind a bar.
pub(super) fn titled(title: &str, body: &str, gutter: usize) -> Vec<Line> {
    let mut lines = lines_of(Tone::Plain, body, SHOWN);
    if lines.len() <= 1 {
        return vec![labelled(title, &lines.pop().unwrap_or_default().text(), gutter)];
    }
    let bar = |line: Line| {
        Line::new()
            .with(Tone::Frame, format!("{}| ", " ".repeat(gutter + 3)))
            .and(line.text())
    };
    std::iter::once(labelled(title, "", gutter))
        .chain(lines.into_iter().map(bar))
        .collect()
}

fn labelled(label: &str, text: &str, gutter: usize) -> Line {
    let line = Line::new()
        .with(Tone::Frame, format!("{} = ", " ".repeat(gutter)))
        .with(Tone::Bold, format!("{label}:"))
        .hanging(gutter + 3);
    if text.is_empty() {
        line
    } else {
        line.and(format!(" {text}"))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_empty_text_is_told_as_one() {
        let fault = crate::event::Fault {
            expected: Some("x".to_owned()),
            actual: Some(String::new()),
            ..crate::event::Fault::failure("`body` is not what was expected")
        };
        let told: Vec<String> = super::compared(&fault, 1).into_iter().map(|line| line.text()).collect();
        assert_eq!(told, ["  = expected: x", "  =   actual: (empty)"]);
    }
}
