//! How values are compared: text one final newline apart, numbers by their value, quantities by what they measure.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::{FieldKind, Order};
use crate::quantity::Quantity;
use crate::template::{printed, same};

/// Text without its one final newline.
pub(super) fn trimmed(text: &str) -> &str {
    text.strip_suffix("\r\n")
        .or_else(|| text.strip_suffix('\n'))
        .unwrap_or(text)
}

/// Whether a value is the expected one, as values of this kind are compared.
pub(super) fn equal(kind: FieldKind, expected: &Value, actual: &Value) -> bool {
    match kind {
        FieldKind::Text | FieldKind::Words(_) | FieldKind::Mode | FieldKind::Owner => {
            trimmed(&printed(expected)) == trimmed(&printed(actual))
        }
        FieldKind::Number(..) | FieldKind::Boolean => {
            let is_as_written = |text: &str| {
                let size = crate::quantity::size(text).map(Quantity::Bytes);
                text == printed(actual) || is_same_quantity(size, quantity(actual, kind))
            };
            same(expected, actual) || expected.as_str().is_some_and(is_as_written)
        }
        FieldKind::Duration => match (quantity(expected, kind), quantity(actual, kind)) {
            (Some(expected), Some(actual)) => expected == actual,
            _ => false,
        },
        FieldKind::Names => match (expected, actual) {
            (Value::Array(expected), Value::Array(actual)) => sorted(expected) == sorted(actual),
            _ => false,
        },
        FieldKind::Lines => match (expected, actual) {
            (Value::Array(expected), Value::Array(actual)) => {
                expected.len() == actual.len()
                    && expected
                        .iter()
                        .zip(actual)
                        .all(|(one, other)| equal(FieldKind::Text, one, other))
            }
            _ => false,
        },
        FieldKind::Json | FieldKind::Map | FieldKind::List => same(expected, actual),
    }
}

fn sorted(names: &[Value]) -> Vec<Cow<'_, str>> {
    let mut names: Vec<_> = names.iter().map(printed).collect();
    names.sort();
    names
}

fn is_same_quantity(one: Option<Quantity>, other: Option<Quantity>) -> bool {
    one.zip(other)
        .is_some_and(|(one, other)| one.order(&other) == Some(Ordering::Equal))
}

/// Whether data has at least what is expected: keys recursively, items somewhere in the list, each in a place of its own.
pub(super) fn includes(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => expected
            .iter()
            .all(|(key, value)| actual.get(key).is_some_and(|actual| includes(value, actual))),
        (Value::Array(expected), Value::Array(actual)) => {
            let mut taken = vec![None; actual.len()];
            (0..expected.len()).all(|item| {
                let mut seen = vec![false; actual.len()];
                place(item, (expected, actual), &mut taken, &mut seen)
            })
        }
        _ => same(expected, actual),
    }
}

/// Finds a place for an expected item, moving one that has it already to another place that suits that, too.
fn place(item: usize, lists: (&[Value], &[Value]), taken: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    let (expected, actual) = lists;
    for at in 0..actual.len() {
        if seen[at] || !includes(&expected[item], &actual[at]) {
            continue;
        }
        seen[at] = true;
        if taken[at].is_none_or(|other| place(other, lists, taken, seen)) {
            taken[at] = Some(item);
            return true;
        }
    }
    false
}

/// Whether a value has this in it: a text, an item, a key.
pub(super) fn has(value: &Value, part: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| same(part, item)),
        Value::Object(map) => map.contains_key(&*printed(part)),
        other => printed(other).contains(&*printed(part)),
    }
}

/// Characters, items or keys.
pub(super) fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(map) => Some(map.len()),
        _ => None,
    }
}

/// Whether nothing is in it.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => trimmed(text).is_empty(),
        other => length(other) == Some(0),
    }
}

/// Reads what can be more or less; a number in a field of durations is seconds.
pub(super) fn quantity(value: &Value, kind: FieldKind) -> Option<Quantity> {
    match value {
        Value::Number(number) if kind == FieldKind::Duration => number.as_f64().map(Quantity::Seconds),
        Value::Number(number) => Some(Quantity::Number(number.clone())),
        Value::String(text) => Quantity::of_text(text),
        _ => None,
    }
}

/// Whether a field of this kind can be compared with a quantity.
pub(super) fn suits(quantity: &Quantity, kind: FieldKind) -> bool {
    match kind {
        FieldKind::Number(..) => matches!(quantity, Quantity::Number(_) | Quantity::Bytes(_)),
        FieldKind::Duration => matches!(quantity, Quantity::Seconds(_)),
        _ => true,
    }
}

/// Why two values have no order between them.
#[derive(Debug)]
pub(super) enum Incomparable {
    /// What was expected has no order.
    Expected(String),
    /// What was found has none, or another kind of it.
    Actual(String),
}

/// Whether the order holds; values that have none between them are refused.
pub(super) fn compare(wanted: Order, kind: FieldKind, expected: &Value, actual: &Value) -> Result<bool, Incomparable> {
    let quantities = match (expected, actual) {
        (Value::String(expected), Value::String(actual)) => Quantity::of_texts(expected, actual),
        _ => [expected, actual].map(|value| quantity(value, kind)),
    };
    let none = |value: &Value| {
        let value = super::verdict::json(value);
        format!("{value} is neither a number nor a size, a duration, an RFC 3339 time or a version")
    };
    let [bound, found] = quantities;
    let bound = bound.ok_or_else(|| Incomparable::Expected(none(expected)))?;
    let found = found.ok_or_else(|| Incomparable::Actual(none(actual)))?;
    let order = found.order(&bound).ok_or_else(|| {
        let message = format!("{} cannot be compared with {}", found.noun(), bound.noun());
        Incomparable::Actual(message)
    })?;
    Ok(match wanted {
        Order::Less => order == Ordering::Less,
        Order::LessOrEqual => order != Ordering::Greater,
        Order::Greater => order == Ordering::Greater,
        Order::GreaterOrEqual => order != Ordering::Less,
    })
}
