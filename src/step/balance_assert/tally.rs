//! The answers that came, and what is wrong with them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::event::Fault;
use crate::step::Cx;

/// The most different answers that are told apart.
const MAX_DISTINCT: usize = 1000;

/// What came so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) answers: BTreeMap<String, u64>,
    errors: u64,
    first_error: Option<String>,
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

    /// What no later answer can make good.
    pub(super) fn too_many(&self, wanted: Wanted) -> Option<String> {
        let distinct = self.answers.len();
        match wanted.distinct {
            Some(most) if distinct as u64 > most => {
                Some(format!("{distinct} different answers, and {most} are expected"))
            }
            None if distinct > MAX_DISTINCT => Some(format!("more than {MAX_DISTINCT} different answers")),
            _ => None,
        }
    }

    pub(super) fn problems(&self, wanted: Wanted, allows_errors: bool) -> Vec<String> {
        let mut problems = Vec::new();
        if let (Some(first), false) = (&self.first_error, allows_errors) {
            problems.push(format!("{} questions had no answer, the first: {first}", self.errors));
        }
        let distinct = self.answers.len() as u64;
        if let Some(expected) = wanted.distinct
            && distinct != expected
        {
            problems.push(format!("{distinct} different answers, and {expected} are expected"));
        }
        if let Some(least) = wanted.least {
            let rare = self.answers.iter().filter(|(_, count)| **count < least);
            problems.extend(
                rare.map(|(key, count)| format!("`{key}` answered {count} times, and at least {least} are expected")),
            );
        }
        // Zero is never a pass.
        if distinct == 0 && problems.is_empty() {
            problems.push("no answer came".to_owned());
        }
        problems
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
        if lines.is_empty() {
            "none".to_owned()
        } else {
            lines.join("\n")
        }
    }

    pub(super) fn outputs(&self) -> Value {
        json!({"distinct": self.answers.len(), "answers": self.answers, "errors": self.errors})
    }
}

#[cfg(test)]
mod tests {
    use super::{Tally, Wanted};

    /// Checks the problems of a tally, given as `a=3 b=2`; `!` is an error.
    fn check(answers: &str, distinct: Option<u64>, least: Option<u64>, expected: &[&str]) {
        let mut tally = Tally::default();
        for answer in answers.split_whitespace() {
            match answer.split_once('=') {
                Some((key, count)) => (0..count.parse().unwrap()).for_each(|_| tally.answer(key.to_owned())),
                None => tally.error("refused".to_owned()),
            }
        }
        assert_eq!(tally.problems(Wanted { distinct, least }, false), expected, "{answers}");
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
        check("a=5", Some(2), Some(1), &["1 different answers, and 2 are expected"]);
        check(
            "a=5 ! !",
            Some(1),
            None,
            &["2 questions had no answer, the first: refused"],
        );
        check("", None, Some(1), &["no answer came"]);
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
            "2 different answers, and 1 are expected"
        );
        assert_eq!(tally.text(), "2 × b\n1 × a");
    }
}
