//! Matchers that look at a value alone.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::super::FieldKind;
use super::super::compare::{Incomparable, compare, equal, has, includes, is_empty, length, trimmed};
use super::super::golden::{compared, fitted, fitted_anywhere, replaced, sorted};
use super::super::verdict::{Verdict, Why, brief, data_diff, diff, reads_as};
use super::{Check, GoldenCheck, Subject, What};
use crate::quantity;
use crate::template::{noun, pair, printed, told};

impl Check {
    /// The matchers that look at the value alone.
    pub(super) fn judge_value(&self, subject: &Subject<'_>, value: &Value) -> Option<Verdict> {
        let verdict = self.unfit(subject, value)?;
        let Some((expected, found)) = self.lookalikes(value) else {
            return Some(verdict);
        };
        let hint = |one: &str, other: &str| {
            Some(format!(
                "expected is {one}, found is {other}: quote what is text, and only that"
            ))
        };
        Some(
            match std::ptr::eq(found, value) && matches!(self.what, What::Equals(_)) {
                true => Verdict {
                    hint: hint(noun(expected), noun(found)),
                    expected: told(expected),
                    actual: told(found),
                    ..verdict
                },
                false => Verdict {
                    hint: hint(&told(expected), &told(found)),
                    ..verdict
                },
            },
        )
    }

    /// Of what was expected and what was found the first two that look the same and are of different kinds.
    fn lookalikes<'v>(&'v self, value: &'v Value) -> Option<(&'v Value, &'v Value)> {
        let is_number = |text: &str, number: &Number| {
            quantity::number(text).is_some_and(|read| quantity::order(&read, number) == Some(Ordering::Equal))
        };
        let of_other_kind = |one: &Value, other: &Value| match (one, other) {
            (Value::String(text), Value::Number(number)) | (Value::Number(number), Value::String(text)) => {
                is_number(text, number)
            }
            _ => noun(one) != noun(other) && reads_as(one, other),
        };
        let among = |these: &'v [Value], value| these.iter().find_map(|one| pair(one, value, &of_other_kind));
        match &self.what {
            What::Equals(expected) | What::Includes(expected) => pair(expected, value, &of_other_kind),
            What::OneOf(these) => among(these, value),
            What::Contains(parts) => value.as_array()?.iter().find_map(|item| among(parts, item)),
            _ => None,
        }
    }

    fn unfit(&self, subject: &Subject<'_>, value: &Value) -> Option<Verdict> {
        let (label, kind) = (&subject.label, subject.kind);
        let message = match &self.what {
            What::Equals(expected) => {
                return (!equal(kind, expected, value)).then(|| self.unequal(label, expected, value));
            }
            What::Includes(expected) => {
                let message = format!("{label} does not include what was expected");
                return (!includes(expected, value)).then(|| Verdict {
                    diff: data_diff(expected, value),
                    ..self.verdict(message, Some(value))
                });
            }
            What::Golden(golden) => return self.golden(golden, label, &compared(kind, value)),
            What::SomeItem(check) => return self.some_item(check, subject, value),
            What::Contains(parts) => {
                let missing = parts.iter().filter(|part| !has(value, part)).map(brief);
                let missing: Vec<String> = missing.collect();
                if missing.is_empty() {
                    return None;
                }
                format!("{label} does not contain {}", missing.join(", nor "))
            }
            // `$` may stand before a final newline, as one apart is equal, too.
            What::Matches(regex) if !regex.is_match(&printed(value)) && !regex.is_match(trimmed(&printed(value))) => {
                format!("{label} does not match `{regex}`")
            }
            What::StartsWith(begin) if !printed(value).starts_with(begin) => {
                format!("{label} does not start with `{begin}`")
            }
            What::EndsWith(end) if !trimmed(&printed(value)).ends_with(trimmed(end)) => {
                format!("{label} does not end with `{end}`")
            }
            What::OneOf(values) if !values.iter().any(|one| equal(kind, one, value)) => {
                format!("{label} is {}, which is none of those expected", brief(value))
            }
            What::Empty(true) if !is_empty(value) => format!("{label} is not empty"),
            What::Empty(false) if is_empty(value) => format!("{label} is empty"),
            What::Compare(order, expected) => match compare(*order, kind, expected, value) {
                Ok(true) => return None,
                Ok(false) => format!("{label} is {}, not {}", brief(value), self.describe()),
                Err(Incomparable::Actual(why)) => {
                    return Some(self.unjudged(format!("{label} cannot be compared: {why}"), value));
                }
                Err(Incomparable::Expected(why)) => {
                    let error = self.unjudged(format!("{label} cannot be compared: {why}"), value);
                    return Some(Verdict {
                        why: Why::Error,
                        ..error
                    });
                }
            },
            _ => return None,
        };
        Some(self.verdict(message, Some(value)))
    }

    fn unequal(&self, label: &str, expected: &Value, value: &Value) -> Verdict {
        let diff = if expected.is_array() || expected.is_object() {
            data_diff(expected, value)
        } else {
            diff(&printed(expected), &printed(value))
        };
        Verdict {
            diff,
            ..self.verdict(format!("{label} is not what was expected"), Some(value))
        }
    }

    fn golden(&self, golden: &GoldenCheck, label: &str, value: &str) -> Option<Verdict> {
        let file = &golden.file;
        let text = replaced(value, &golden.replacements);
        let fitted: fn(&str, &str) -> String = if golden.sort { fitted_anywhere } else { fitted };
        let (expected, text) = match golden.sort {
            true => (sorted(&golden.text), sorted(&text)),
            false => (golden.text.clone(), text),
        };
        let expected = &expected;
        if expected.trim().is_empty() && text.trim().is_empty() {
            let message = format!("{label} and `{file}` are both empty: that shows nothing");
            let hint = "if nothing is to be found, say so: `empty: true` in the place of `golden`";
            return Some(Verdict {
                hint: Some(hint.to_owned()),
                ..self.verdict(message, None)
            });
        }
        let fitted = fitted(expected, &text);
        let differs = trimmed(expected).lines().ne(trimmed(&fitted).lines());
        differs.then(|| Verdict {
            expected: expected.clone(),
            diff: diff(expected, &fitted),
            hint: Some(format!("`--update` makes `{file}` what was found")),
            ..self.verdict(format!("{label} differs from `{file}`"), Some(&text.into()))
        })
    }

    pub(super) fn length(&self, check: &Check, label: &str, value: &Value) -> Vec<Verdict> {
        let Some(length) = length(value) else {
            return vec![self.unjudged(format!("{label} has no length: it is {}", noun(value)), value)];
        };
        check.judge(&Subject::new(
            format!("the length of {label}"),
            FieldKind::COUNT,
            Some(&length.into()),
        ))
    }
}
