//! How values are compared: text one final newline apart, numbers by their value, quantities by what they measure.

use std::cmp::Ordering;

use serde_json::Value;

use super::{FieldKind, Order, text_of};
use crate::quantity::Quantity;
use crate::template::same;

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
        FieldKind::Duration => match (quantity(expected, kind), quantity(actual, kind)) {
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
        FieldKind::Number => matches!(quantity, Quantity::Number(_) | Quantity::Bytes(_)),
        FieldKind::Duration => matches!(quantity, Quantity::Seconds(_)),
        _ => true,
    }
}

/// Whether the order holds; values that have none between them are refused.
pub(super) fn compare(wanted: Order, kind: FieldKind, expected: &Value, actual: &Value) -> Result<bool, String> {
    let read = |value: &Value| {
        quantity(value, kind).ok_or_else(|| {
            let value = super::verdict::limited(&value.to_string());
            format!("{value} is neither a number nor a size, a duration or an RFC 3339 time")
        })
    };
    let (expected, actual) = (read(expected)?, read(actual)?);
    let found = actual
        .order(&expected)
        .ok_or_else(|| format!("{} cannot be compared with {}", actual.noun(), expected.noun()))?;
    Ok(match wanted {
        Order::Less => found == Ordering::Less,
        Order::LessOrEqual => found != Ordering::Greater,
        Order::Greater => found == Ordering::Greater,
        Order::GreaterOrEqual => found != Ordering::Less,
    })
}
