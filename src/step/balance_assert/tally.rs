//! The answers that came, and what is wrong with them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::event::{Fault, count_text, times_text};
use crate::step::Cx;

/// The most different answers that are told apart.
const MAX_DISTINCT: usize = 1000;

/// What to do where one answers each time.
const ALONE: &str = "a published port may be that of one replica alone (`url('web', 80)`: the first one's), and a replica may find itself under its service's name: ask that name from another service (`inside: client`), or ask what is in front of them";

/// What came so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) answers: BTreeMap<String, u64>,
    /// Questions without an answer, and why the first of them has none.
    errors: u64,
    first_error: Option<String>,
    lacking: Option<&'static str>,
    /// Answers of a status that is not 2xx, and the first of these.
    refused: u64,
    first_refused: Option<u16>,
}

/// What must come of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) distinct: Option<u64>,
    pub(super) least: Option<u64>,
}

impl Tally {
    pub(super) fn answer(&mut self, key: String) {
        *self.answers.entry(key).or_default() += 1;
    }

    pub(super) fn error(&mut self, why: String) {
        self.errors += 1;
        self.first_error.get_or_insert(why);
    }

    /// What the engine's kernel may lack for an answer.
    pub(super) fn lacks(&mut self, what: Option<&'static str>) {
        self.lacking = self.lacking.or(what);
    }

    /// The faults of too few questions: with the setting that gives them more time.
    pub(super) fn late(&self, cx: &Cx, problem: String) -> Vec<Fault> {
        let mut faults = self.faults(cx, vec![problem]);
        if let Some(fault) = faults.pop() {
            let (_, setting) = cx.passed_limit();
            let lacking = fault.hint.clone();
            let fault = fault.hint(setting);
            faults.push(match lacking {
                Some(lacking) => fault.and_hint(&lacking),
                None => fault,
            });
        }
        faults
    }

    pub(super) fn refused(&mut self, status: u16) {
        self.refused += 1;
        self.first_refused.get_or_insert(status);
    }

    /// What no later answer can make good.
    pub(super) fn too_many(&self, wanted: Wanted) -> Option<String> {
        let distinct = self.answers.len();
        match wanted.distinct {
            Some(most) if distinct as u64 > most => Some(unequal(distinct as u64, most)),
            None if distinct > MAX_DISTINCT => Some(format!("more than {MAX_DISTINCT} different answers")),
            _ => None,
        }
    }

    pub(super) fn problems(&self, wanted: Wanted, allows_errors: bool) -> Vec<String> {
        let mut problems = match allows_errors {
            true => Vec::new(),
            false => self.uncounted(),
        };
        let distinct = self.answers.len() as u64;
        // That there is none at all follows from what kept them from counting.
        let follows = distinct == 0 && !problems.is_empty();
        if let Some(expected) = wanted.distinct
            && distinct != expected
            && !follows
        {
            problems.push(unequal(distinct, expected));
        }
        if let Some(least) = wanted.least {
            let rare = self.answers.iter().filter(|(_, count)| **count < least);
            problems.extend(rare.map(|(key, count)| {
                format!(
                    "`{key}` answered {}, and at least {least} are expected",
                    times_text(*count)
                )
            }));
        }
        // Zero is never a pass.
        if distinct == 0 && problems.is_empty() {
            problems.push("no answer came".to_owned());
        }
        problems
    }

    /// What does not count as an answer: none, and those that were refused.
    pub(super) fn uncounted(&self) -> Vec<String> {
        let none = self.first_error.as_ref().map(|first| {
            let questions = count_text(self.errors, "question", "questions");
            format!("{questions} had no answer, the first: {first}")
        });
        let refused = self.first_refused.map(|first| {
            let answers = count_text(self.refused, "answer was", "answers were");
            format!("{answers} not of status 2xx, the first: status {first}")
        });
        none.into_iter().chain(refused).collect()
    }

    pub(super) fn faults(&self, cx: &Cx, problems: Vec<String>) -> Vec<Fault> {
        let told = problems
            .into_iter()
            .map(|problem| Fault::failure(problem).at(cx.span.place()));
        let mut faults: Vec<Fault> = told.collect();
        if let Some(first) = faults.first_mut() {
            first.details.push(crate::event::Detail {
                title: "answers".to_owned(),
                text: self.text(),
            });
            first.hint = self.lacking.map(str::to_owned).or_else(|| first.hint.take());
        }
        faults
    }

    /// The faults of what was asked to its end.
    pub(super) fn judged(&self, cx: &Cx, wanted: Wanted, problems: Vec<String>) -> Vec<Fault> {
        let mut faults = self.faults(cx, problems);
        let is_alone = self.answers.len() == 1 && wanted.distinct.is_some_and(|distinct| distinct > 1);
        if let Some(first) = faults.first_mut().filter(|first| is_alone && first.hint.is_none()) {
            first.hint = Some(ALONE.to_owned());
        }
        faults
    }

    /// The tally, the most frequent answer first.
    fn text(&self) -> String {
        let mut rows: Vec<(&String, &u64)> = self.answers.iter().collect();
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let mut lines: Vec<String> = rows
            .iter()
            .take(50)
            .map(|(key, count)| format!("{count} × {key}"))
            .collect();
        if rows.len() > lines.len() {
            lines.push(format!("… and {} more", rows.len() - lines.len()));
        }
        if let Some(first) = &self.first_error {
            lines.push(format!("{} × no answer, the first: {first}", self.errors));
        }
        if let Some(first) = self.first_refused {
            lines.push(format!("{} × no status 2xx, the first: status {first}", self.refused));
        }
        if lines.is_empty() {
            "none".to_owned()
        } else {
            lines.join("\n")
        }
    }

    pub(super) fn outputs(&self) -> Value {
        json!({"distinct": self.answers.len(), "answers": self.answers, "errors": self.errors + self.refused})
    }
}

/// "1 different answer, and 2 are expected".
fn unequal(distinct: u64, expected: u64) -> String {
    let are = if expected == 1 { "is" } else { "are" };
    let answers = count_text(distinct, "different answer", "different answers");
    format!("{answers}, and {expected} {are} expected")
}

#[cfg(test)]
mod tests {
    use super::{Tally, Wanted};

    /// Checks the problems of a tally, given as `a=3 b=2`; `!` is an error, and `404` a status.
    fn check(answers: &str, distinct: Option<u64>, least: Option<u64>, expected: &[&str]) {
        let mut tally = Tally::default();
        for answer in answers.split_whitespace() {
            match answer.split_once('=') {
                Some((key, count)) => (0..count.parse().unwrap()).for_each(|_| tally.answer(key.to_owned())),
                None if answer == "!" => tally.error("refused".to_owned()),
                None => tally.refused(answer.parse().unwrap()),
            }
        }
        assert_eq!(tally.problems(Wanted { distinct, least }, false), expected, "{answers}");
    }

    #[test]
    fn what_does_not_count_is_borne_where_it_is_said() {
        let mut tally = Tally::default();
        tally.answer("a".to_owned());
        tally.error("refused".to_owned());
        tally.refused(404);
        let wanted = Wanted {
            distinct: Some(1),
            least: Some(1),
        };
        assert_eq!(tally.problems(wanted, true), Vec::<String>::new());
        let seen = tally.problems(wanted, false);
        let expected = [
            "1 question had no answer, the first: refused",
            "1 answer was not of status 2xx, the first: status 404",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn judges_how_many_answered_and_how_often() {
        check("a=3 b=2", Some(2), Some(2), &[]);
        check(
            "a=3 b=2",
            None,
            Some(3),
            &["`b` answered 2 times, and at least 3 are expected"],
        );
        check("a=5", Some(2), Some(1), &["1 different answer, and 2 are expected"]);
        check(
            "a=5 ! !",
            Some(1),
            None,
            &["2 questions had no answer, the first: refused"],
        );
        check("", None, Some(1), &["no answer came"]);
        check(
            "a=1",
            None,
            Some(2),
            &["`a` answered once, and at least 2 are expected"],
        );
    }

    #[test]
    fn what_does_not_count_is_told_once_and_as_what_it_is() {
        let refused = "3 answers were not of status 2xx, the first: status 404";
        check("404 404 500", Some(1), None, &[refused]);
        check("404 404 500", None, Some(1), &[refused]);
        let both = [
            "1 question had no answer, the first: refused",
            "1 answer was not of status 2xx, the first: status 503",
        ];
        check("! 503", Some(2), None, &both);
        check(
            "a=2 503",
            Some(2),
            None,
            &[both[1], "1 different answer, and 2 are expected"],
        );
    }

    #[test]
    fn one_answer_too_many_is_told_at_once() {
        let mut tally = Tally::default();
        let wanted = Wanted {
            distinct: Some(1),
            least: None,
        };
        tally.answer("a".into());
        assert_eq!(tally.too_many(wanted), None);
        tally.answer("b".into());
        tally.answer("b".into());
        assert_eq!(
            tally.too_many(wanted).unwrap(),
            "2 different answers, and 1 is expected"
        );
        assert_eq!(tally.text(), "2 × b\n1 × a");
    }
}
