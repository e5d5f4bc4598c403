//! What a matcher wants, in words.

use serde_json::Value;

use super::super::Order;
use super::super::text_of;
use super::super::verdict::brief;
use super::{Check, What};

impl Check {
    /// What it wants, in words.
    pub(super) fn describe(&self) -> String {
        let put =
            |checks: &[Check], between: &str| checks.iter().map(Check::describe).collect::<Vec<_>>().join(between);
        let values = |values: &[Value]| values.iter().map(brief).collect::<Vec<_>>().join(", ");
        match &self.what {
            What::Anything => "anything".to_owned(),
            What::Equals(value) => text_of(value),
            What::Contains(parts) => format!("contains {}", values(parts)),
            What::Matches(regex) => format!("matches `{regex}`"),
            What::StartsWith(text) => format!("starts with `{text}`"),
            What::EndsWith(text) => format!("ends with `{text}`"),
            What::OneOf(these) => format!("one of {}", values(these)),
            What::Compare(order, value) => format!("{} {}", order.words(), text_of(value)),
            What::Length(check) => format!("length {}", check.describe()),
            What::Empty(true) => "empty".to_owned(),
            What::Empty(false) => "not empty".to_owned(),
            What::Exists(true) => "is there".to_owned(),
            What::Exists(false) => "is not there".to_owned(),
            What::Lines(check) => format!("lines: {}", check.describe()),
            What::Golden(golden) => format!("as in `{}`", golden.file),
            What::Includes(value) => format!("includes {}", text_of(value)),
            What::Not(check) => format!("not: {}", check.describe()),
            What::All(checks) => put(checks, ", and "),
            What::Any(checks) => put(checks, ", or "),
            What::EachItem(check) => format!("every item {}", check.describe()),
            What::SomeItem(check) => format!("an item {}", check.describe()),
            What::At(path, check) => format!("`{}` {}", path.text(), check.describe()),
        }
    }
}

impl Order {
    pub(in crate::expect) fn words(self) -> &'static str {
        match self {
            Order::Less => "less than",
            Order::LessOrEqual => "at most",
            Order::Greater => "more than",
            Order::GreaterOrEqual => "at least",
        }
    }
}
