//! How values are compared: text one final newline apart, numbers by their value, quantities by what they measure.

use std::cmp::Ordering;
use std::time::Duration;

use serde_json::Value;

use super::{FieldKind, Order, text_of};
use crate::shape::{Size, Word};

/// Text without its one final newline.
pub(super) fn trimmed(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Whether a value is the expected one, as values of this kind are compared.
pub(super) fn equal(kind: FieldKind, expected: &Value, actual: &Value) -> bool {
    match kind {
        FieldKind::Text | FieldKind::Words(_) | FieldKind::Mode | FieldKind::Owner => {
            trimmed(&text_of(expected)) == trimmed(&text_of(actual))
        }
        FieldKind::Number | FieldKind::Boolean => {
            same(expected, actual) || matches!(expected, Value::String(text) if *text == text_of(actual))
        }
        FieldKind::Duration => match (Quantity::of(expected, kind), Quantity::of(actual, kind)) {
            (Some(expected), Some(actual)) => expected == actual,
            _ => false,
        },
        FieldKind::Names => match (expected, actual) {
            (Value::Array(expected), Value::Array(actual)) => {
                let sorted = |items: &[Value]| {
                    let mut names: Vec<String> = items.iter().map(text_of).collect();
                    names.sort();
                    names
                };
                sorted(expected) == sorted(actual)
            }
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

/// Whether data is the same; 1 and 1.0 are, and the order of keys does not count.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one_number), Value::Number(other_number)) => {
            one_number == other_number
                || order(&Quantity::Number(one.as_f64()), &Quantity::Number(other.as_f64())) == Some(Ordering::Equal)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

/// Whether data has at least what is expected: keys recursively, items somewhere in the list.
pub(super) fn includes(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => expected
            .iter()
            .all(|(key, value)| actual.get(key).is_some_and(|actual| includes(value, actual))),
        (Value::Array(expected), Value::Array(actual)) => expected
            .iter()
            .all(|expected| actual.iter().any(|actual| includes(expected, actual))),
        _ => same(expected, actual),
    }
}

/// Whether a value has this in it: a text, an item, a key.
pub(super) fn has(value: &Value, part: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| same(part, item)),
        Value::Object(map) => map.contains_key(&text_of(part)),
        other => text_of(other).contains(&text_of(part)),
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
    value.is_null() || trimmed(&text_of(value)).is_empty() || length(value) == Some(0)
}

/// What can be more or less.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Quantity {
    Number(Option<f64>),
    Bytes(u64),
    Seconds(f64),
    Time(jiff::Timestamp),
}

impl Quantity {
    /// Reads one; a number in a field of durations is seconds.
    pub(super) fn of(value: &Value, kind: FieldKind) -> Option<Quantity> {
        match value {
            Value::Number(number) if kind == FieldKind::Duration => number.as_f64().map(Quantity::Seconds),
            Value::Number(number) => Some(Quantity::Number(number.as_f64())),
            Value::String(text) => {
                let text = text.trim();
                let number = || {
                    text.parse::<f64>()
                        .ok()
                        .filter(|number| number.is_finite())
                        .map(|number| Quantity::Number(Some(number)))
                };
                let duration = || Duration::from_text(text).map(|duration| Quantity::Seconds(duration.as_secs_f64()));
                let size = || Size::from_text(text).map(|size| Quantity::Bytes(size.0));
                let time = || text.parse().ok().map(Quantity::Time);
                number().or_else(duration).or_else(size).or_else(time)
            }
            _ => None,
        }
    }

    /// Whether a field of this kind can be compared with it.
    pub(super) fn suits(&self, kind: FieldKind) -> bool {
        match kind {
            FieldKind::Number => matches!(self, Quantity::Number(_) | Quantity::Bytes(_)),
            FieldKind::Duration => matches!(self, Quantity::Seconds(_)),
            _ => true,
        }
    }

    fn noun(&self) -> &'static str {
        match self {
            Quantity::Number(_) => "a number",
            Quantity::Bytes(_) => "a size",
            Quantity::Seconds(_) => "a duration",
            Quantity::Time(_) => "a time",
        }
    }
}

fn order(one: &Quantity, other: &Quantity) -> Option<Ordering> {
    match (one, other) {
        (Quantity::Number(one), Quantity::Number(other)) => one.partial_cmp(other),
        (Quantity::Seconds(one), Quantity::Seconds(other)) => one.partial_cmp(other),
        (Quantity::Bytes(one), Quantity::Bytes(other)) => Some(one.cmp(other)),
        // A plain number may be a number of bytes.
        (Quantity::Number(one), Quantity::Bytes(other)) => one.as_ref()?.partial_cmp(&(*other as f64)),
        (Quantity::Bytes(one), Quantity::Number(other)) => (*one as f64).partial_cmp(other.as_ref()?),
        (Quantity::Time(one), Quantity::Time(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

/// Whether the order holds; values that have none between them are refused.
pub(super) fn compare(wanted: Order, kind: FieldKind, expected: &Value, actual: &Value) -> Result<bool, String> {
    let read = |value: &Value| {
        Quantity::of(value, kind).ok_or_else(|| {
            let value = super::verdict::limited(&value.to_string());
            format!("{value} is neither a number nor a size, a duration or an RFC 3339 time")
        })
    };
    let (expected, actual) = (read(expected)?, read(actual)?);
    let found = order(&actual, &expected)
        .ok_or_else(|| format!("{} cannot be compared with {}", actual.noun(), expected.noun()))?;
    Ok(match wanted {
        Order::Less => found == Ordering::Less,
        Order::LessOrEqual => found != Ordering::Greater,
        Order::Greater => found == Ordering::Greater,
        Order::GreaterOrEqual => found != Ordering::Less,
    })
}
