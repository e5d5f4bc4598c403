//! What cases that were repeated came to: how often each failed.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::event::Outcome;
use crate::report::case::Case;
use crate::report::line::{Line, Tone};
use crate::report::outcome::{WORST_FIRST, word};
use crate::report::tally::Tally;
use crate::report::text;

/// A line for each that did not pass each time, and one for all others.
pub(super) fn lines(tally: &Tally) -> Vec<Line> {
    let mut all: IndexMap<&str, Vec<&Case>> = IndexMap::new();
    for case in tally.cases().filter(|case| case.info.repetition.is_some()) {
        all.entry(case.info.base()).or_default().push(case);
    }
    let passed = |cases: &[&Case]| cases.iter().all(|case| case.outcome() == Outcome::Passed);
    let (well, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, cases)| passed(cases));
    let mut lines: Vec<Line> = others.iter().map(|(name, cases)| line(name, cases)).collect();
    let times = well.iter().map(|(_, cases)| cases.len()).max();
    lines.extend(times.map(|times| {
        let cases = text::count(well.len(), "case", "cases");
        Line::plain(format!("{:>14}repeated: {cases} passed {times} of {times} times", ""))
    }));
    lines
}

/// `3 of 10 failed, 1 not reached`.
fn line(name: &str, cases: &[&Case]) -> Line {
    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    let reached = cases.iter().filter(|case| !case.attempts.is_empty());
    reached.for_each(|case| *counts.entry(case.outcome()).or_default() += 1);
    let unreached = cases.iter().filter(|case| case.attempts.is_empty()).count();
    let told = WORST_FIRST.iter().filter_map(|outcome| {
        let count = *counts.get(outcome)?;
        Some(format!("{count} {}", word(*outcome)))
    });
    let mut told: Vec<String> = told.collect();
    told.extend((unreached > 0).then(|| format!("{unreached} not reached")));
    let line = Line::plain(format!("{:>14}repeated: of {} runs ", "", cases.len()));
    let worst = counts.keys().max().copied().unwrap_or(Outcome::Skipped);
    line.with(Tone::of(worst), told.join(", ")).and(format!("  {name}"))
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::event::{CaseInfo, Outcome};
    use crate::report::sample;
    use crate::report::tally::Tally;

    /// What is told of cases by name, each with the outcomes of its runs; none for one that was not reached.
    fn check(cases: &[(&str, &[Option<Outcome>])], expected: &[&str]) {
        let (mut infos, mut ended) = (Vec::new(), Vec::new());
        for (name, outcomes) in cases {
            for (repetition, outcome) in (1..).zip(*outcomes) {
                let number = infos.len() + 1;
                infos.push(CaseInfo {
                    repetition: Some(repetition),
                    ..sample::case(number, "a.yaml", &format!("{name} [run {repetition}]"))
                });
                let end = |outcome| sample::event(1.0, Some(number), sample::case_ended(outcome, 1.0));
                ended.extend(outcome.map(end));
            }
        }
        let mut tally = Tally::default();
        tally.event(&sample::run_started(infos));
        ended.iter().for_each(|event| tally.event(event));
        let told: Vec<String> = lines(&tally).iter().map(|line| line.text().trim().to_owned()).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn how_often_each_case_failed_is_told_and_those_that_never_did_in_one_line() {
        let (passed, failed) = (Some(Outcome::Passed), Some(Outcome::Failed));
        check(
            &[
                ("a", &[passed, failed, passed, None]),
                ("b", &[passed, passed]),
                ("c", &[passed, passed]),
            ],
            &[
                "repeated: of 4 runs 1 failed, 2 passed, 1 not reached  a",
                "repeated: 2 cases passed 2 of 2 times",
            ],
        );
        check(&[("b", &[passed])], &["repeated: 1 case passed 1 of 1 times"]);
        check(&[], &[]);
    }
}
