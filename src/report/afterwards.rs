//! What the steps of `on-failure` wrote: they are there for what they tell, so it stands with the failure.

use serde_json::Value;

use crate::event::{Detail, Phase};
use crate::report::case::{Case, Step};
use crate::report::fault::titled;
use crate::report::line::{Line, Tone};
use crate::report::text;

/// The texts of a result that are shown: a command's, and an answer's.
const TEXTS: [&str; 3] = ["stdout", "stderr", "body"];
/// How many lines of each.
const TAIL: usize = 30;

/// What of a step's result is kept to be shown.
pub(super) fn wrote(phase: Phase, outputs: &Value) -> Vec<Detail> {
    if phase != Phase::OnFailure {
        return Vec::new();
    }
    let texts = TEXTS.iter().filter_map(|name| {
        let lines: Vec<&str> = outputs.get(name)?.as_str()?.trim_end().lines().collect();
        let left_out = lines.len().saturating_sub(TAIL);
        let title = match left_out {
            0 => (*name).to_owned(),
            _ => format!("last {TAIL} lines of `{name}`"),
        };
        (!lines.is_empty()).then(|| Detail {
            title,
            text: lines[left_out..].join("\n"),
        })
    });
    texts.collect()
}

/// What a step wrote; where one did not pass, that stands with its fault.
pub(super) fn of_step(step: &Step) -> Vec<Line> {
    let passed = step.end.iter().filter(|end| end.faults.is_empty());
    let wrote = passed.flat_map(|end| &end.wrote);
    wrote
        .flat_map(|detail| titled(&detail.title, &detail.text, 1))
        .collect()
}

/// What all of them wrote, step by step.
pub(super) fn of_case(case: &Case) -> Vec<Line> {
    let mut all = Vec::new();
    for (number, attempt) in &case.attempts {
        let of_try = match case.attempts.len() {
            1 => String::new(),
            tries => format!(", try {number} of {tries}"),
        };
        for step in attempt.steps.values() {
            let lines = of_step(step);
            if lines.is_empty() {
                continue;
            }
            if !all.is_empty() {
                all.push(Line::new());
            }
            let seconds = text::duration(step.end.as_ref().map_or(0.0, |end| end.seconds));
            let head = Line::new().with(Tone::Bold, &step.info.path);
            all.push(head.and(format!(" `{}`, {seconds}{of_try}", step.info.name)));
            all.extend(lines);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use snapbox::str;

    use super::of_case;
    use crate::report::outcome::Rules;
    use crate::report::sample;
    use crate::report::tally::Tally;

    #[test]
    fn the_last_lines_of_what_each_wrote_are_shown() {
        let mut tally = Tally::new(Rules::default());
        for event in sample::looked_into() {
            tally.event(&event);
        }
        let lines = tally.cases().flat_map(of_case);
        let told: String = lines.map(|line| line.text() + "\n").collect();
        snapbox::assert_data_eq!(
            told,
            str![[r#"
on-failure[1] `exec web: dump`, 0.50s
  = stdout:
    | a
    | b
  = stderr: c

on-failure[2] `shell count`, 0.50s
  = last 30 lines of `stdout`:
    | 3
    | 4
    | 5
    | 6
    | 7
    | 8
    | 9
    | 10
    | 11
    | 12
    | 13
    | 14
    | 15
    | 16
    | 17
    | 18
    | 19
    | 20
    | 21
    | 22
    | 23
    | 24
    | 25
    | 26
    | 27
    | 28
    | 29
    | 30
    | 31
    | 32

on-failure[4] `http get /`, 0.50s
  = body: state: ok

"#]]
        );
    }
}
