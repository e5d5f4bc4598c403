//! What does not hold of a number or of a list of lines, and does not when that grows either.

use serde_json::Value;

use super::super::compare::compare;
use super::super::{FieldKind, Order};
use super::{Check, Subject, What};

impl Check {
    /// True where it does not hold, and will not with more. What is not known to last does not.
    pub(in crate::expect) fn fails_for_good(&self, subject: &Subject<'_>) -> bool {
        let Some(value) = subject.value.filter(|_| !self.judge(subject).is_empty()) else {
            return false;
        };
        let kind = subject.kind;
        let is_lines = kind == FieldKind::Lines;
        match &self.what {
            What::Compare(Order::Less | Order::LessOrEqual, _) => matches!(kind, FieldKind::Number(..)),
            What::Equals(expected) if is_lines => !is_beginning(value, expected),
            What::Equals(expected) => matches!(compare(Order::Greater, kind, expected, value), Ok(true)),
            What::Empty(true) | What::EachItem(_) => is_lines,
            What::Length(check) => value.as_array().filter(|_| is_lines).is_some_and(|items| {
                let length = Value::from(items.len());
                check.fails_for_good(&Subject::new(subject.label.clone(), FieldKind::COUNT, Some(&length)))
            }),
            What::All(checks) => checks.iter().any(|check| check.fails_for_good(subject)),
            What::Any(checks) => checks.iter().all(|check| check.fails_for_good(subject)),
            _ => false,
        }
    }
}

/// True where a list may become another one by growing.
fn is_beginning(list: &Value, of: &Value) -> bool {
    let lists = list.as_array().zip(of.as_array());
    // What is no list may be equal in a way of its own.
    lists.is_none_or(|(list, of)| of.starts_with(list))
}
