//! What stands in a report already is not told there again: a log that explains several faults, a case that failed each
//! time it was repeated.

use std::collections::BTreeMap;

use crate::event::{Detail, Fault};
use crate::report::case::{Case, Found};

/// What was told so far.
#[derive(Default)]
pub struct Told {
    /// Long details, and whose they were.
    details: BTreeMap<(String, String), Owner>,
    /// How repeated cases went, and the first that went so.
    ways: Vec<(Way, String)>,
}

/// A case.
#[derive(Clone, PartialEq)]
struct Owner {
    file: String,
    name: String,
}

/// How a case went: all that is shown of it but the time that it took.
#[derive(PartialEq)]
struct Way {
    file: String,
    case: String,
    faults: Vec<(u32, Option<String>, Fault)>,
    unreached: Vec<String>,
    wrote: Vec<Detail>,
}

impl Told {
    /// A log that explains several faults stands at the first of them.
    pub(super) fn details_once(&mut self, case: &Case, faults: &mut [Found<'_>]) {
        let own = Owner {
            file: case.info.file.clone(),
            name: case.info.name.clone(),
        };
        for found in faults {
            for at in 0..found.fault.details.len() {
                let Detail { title, text } = &found.fault.details[at];
                if !text.contains('\n') {
                    continue;
                }
                let owner = self.details.get(&(title.clone(), text.clone()));
                let told = match owner {
                    Some(owner) if *owner == own => "the same as above".to_owned(),
                    Some(Owner { file, .. }) if *file != own.file => format!("the same as in {file}"),
                    Some(Owner { name, .. }) => format!("the same as in `{name}`"),
                    None => {
                        self.details.insert((title.clone(), text.clone()), own.clone());
                        continue;
                    }
                };
                found.fault.to_mut().details[at].text = told;
            }
        }
    }

    /// The name of a repetition of the same case that went the same way.
    pub(super) fn went_so(&mut self, case: &Case, faults: &[Found<'_>]) -> Option<String> {
        case.info.repetition?;
        if faults.is_empty() {
            // Of one without them there is nothing to be found where it was first.
            return None;
        }
        let way = Way::of(case, faults);
        let same = self.ways.iter().find(|(known, _)| *known == way);
        if let Some((_, name)) = same {
            return Some(name.clone());
        }
        self.ways.push((way, case.info.name.clone()));
        None
    }
}

impl Way {
    fn of(case: &Case, faults: &[Found<'_>]) -> Way {
        let steps = || case.attempts.values().flat_map(|attempt| attempt.steps.values());
        let faults = faults.iter().map(|found| {
            let path = found.step.map(|step| step.info.path.clone());
            (found.attempt, path, found.fault.clone().into_owned())
        });
        let wrote = steps().filter_map(|step| step.end.as_ref());
        Way {
            file: case.info.file.clone(),
            case: case.info.base().to_owned(),
            faults: faults.collect(),
            unreached: case.unreached().map(|step| step.info.path.clone()).collect(),
            wrote: wrote.flat_map(|end| end.wrote.clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Told;
    use crate::event::{CaseInfo, Fault, Outcome, What};
    use crate::report::fault::case_lines_after;
    use crate::report::sample;
    use crate::report::tally::Tally;

    /// What is told of cases that each have one fault of their own, or none, one after the other.
    fn check(cases: Vec<CaseInfo>, faults: &[Option<Fault>], expected: &[&str]) {
        let numbers: Vec<usize> = cases.iter().map(|case| case.number).collect();
        let mut tally = Tally::default();
        tally.event(&sample::run_started(cases));
        for (number, fault) in numbers.into_iter().zip(faults) {
            let outcome = fault.as_ref().map_or(Outcome::NotVerified, |_| Outcome::Failed);
            let mut ended = sample::case_ended(outcome, 1.0);
            if let What::CaseEnded { faults, .. } = &mut ended {
                faults.extend(fault.clone());
            }
            tally.event(&sample::event(2.0, Some(number), ended));
        }
        let mut told = Told::default();
        let run = &tally.runs[0];
        let lines = run.cases.values().map(|case| {
            let lines = case_lines_after(run, case, &mut told);
            lines.iter().map(|line| line.text() + "\n").collect::<String>()
        });
        assert_eq!(lines.collect::<Vec<_>>(), expected);
    }

    fn log() -> Option<Fault> {
        Some(Fault::error("not built").detail("its log", "a\nb"))
    }

    #[test]
    fn a_log_that_explains_several_cases_stands_at_the_first() {
        let cases = vec![
            sample::case(1, "h.yaml", "h"),
            sample::case(2, "i.yaml", "i"),
            sample::case(3, "h.yaml", "k"),
        ];
        let of = |number: &str, log: &str| {
            format!(
                "errored: not built\n --> {number}:1:11\n  |\n1 | scenario: NAME\n  |           ^\n  = its log: {log}\n"
            )
        };
        let first = of("h.yaml", "\n    | a\n    | b").replace("log: \n", "log:\n");
        check(
            cases,
            &[log(), log(), log()],
            &[
                &first.replace("NAME", "h"),
                &of("i.yaml", "the same as in h.yaml").replace("NAME", "i"),
                &of("h.yaml", "the same as in `h`").replace("NAME", "k"),
            ],
        );
    }

    #[test]
    fn a_repetition_that_went_as_one_before_is_told_in_a_line() {
        let run = |number: usize| CaseInfo {
            repetition: u32::try_from(number).ok(),
            ..sample::case(number, "a.yaml", &format!("a [run {number}]"))
        };
        let of = |number: usize, message: &str| {
            format!("failed: {message}\n --> a.yaml:1:11\n  |\n1 | scenario: a [run {number}]\n  |           ^\n")
        };
        let fault = |message: &str| Some(Fault::failure(message));
        check(
            vec![run(1), run(2), run(3), run(4)],
            &[fault("x"), fault("x"), fault("y"), fault("y")],
            &[
                &of(1, "x"),
                "the same as in `a [run 1]`\n",
                &of(3, "y"),
                "the same as in `a [run 3]`\n",
            ],
        );
        // Nothing is shown of the first one.
        check(vec![run(1), run(2)], &[None, None], &["", ""]);
    }
}
