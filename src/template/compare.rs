//! How values are compared in an expression: those of different kinds are never quietly unequal, more or less.

use std::cmp::Ordering;

use serde_json::Value;

use super::path::noun;
use crate::quantity::{self, Quantity};
use crate::version::Version;

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

/// A value, and how the expression says it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) value: &'a Value,
    /// Its code, where that is known.
    pub(super) code: Option<&'a str>,
    /// True where the code is the value.
    pub(super) literal: bool,
}

impl<'a> Side<'a> {
    /// A value of which nobody knows the code.
    pub(super) fn of(value: &'a Value) -> Side<'a> {
        Side {
            value,
            code: None,
            literal: false,
        }
    }

    fn item(self, value: &'a Value) -> Side<'a> {
        Side {
            value,
            ..Side::of(value)
        }
    }
}

/// Whether it holds; or why nobody can say, in a line.
pub(super) fn holds(sign: Sign, left: Side<'_>, right: Side<'_>) -> Result<bool, String> {
    Ok(match sign {
        Sign::Equal => equal(left, right)?,
        Sign::Unequal => !equal(left, right)?,
        Sign::In => contains(left, right)?,
        Sign::NotIn => !contains(left, right)?,
        Sign::Less => order(left, right)? == Ordering::Less,
        Sign::LessOrEqual => order(left, right)? != Ordering::Greater,
        Sign::Greater => order(left, right)? == Ordering::Greater,
        Sign::GreaterOrEqual => order(left, right)? != Ordering::Less,
    })
}

/// Whether data is the same; 1 and 1.0 are, and the order of keys does not count.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => quantity::order(one, other) == Some(Ordering::Equal),
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

/// Which is more: of two numbers, of two versions, durations, sizes or times as they are written, or of two other texts by
/// their letters. All else is refused.
pub(super) fn order(left: Side<'_>, right: Side<'_>) -> Result<Ordering, String> {
    let known = match (left.value, right.value) {
        (Value::Number(one), Value::Number(other)) => quantity::order(one, other),
        (Value::String(one), Value::String(other)) => match Quantity::of_texts(one, other) {
            [None, None] => Some(one.cmp(other)),
            [Some(Quantity::Number(_)), Some(Quantity::Number(_))] => None,
            [Some(one), Some(other)] => one.order(&other),
            _ => None,
        },
        _ => None,
    };
    known.ok_or_else(|| {
        let hint = hint(left, right).unwrap_or_else(|| {
            "only two numbers have an order, or two texts: versions, durations, sizes, times, or none of these"
                .to_owned()
        });
        format!("{}; {hint}", both(left, right))
    })
}

fn equal(left: Side<'_>, right: Side<'_>) -> Result<bool, String> {
    match alike(left.value, right.value) {
        Some((one, other)) => Err(unlike(left, right, (one, other))),
        None => Ok(same(left.value, right.value)),
    }
}

/// Whether a list has an item, a mapping a key, a text a part.
fn contains(part: Side<'_>, whole: Side<'_>) -> Result<bool, String> {
    match (whole.value, part.value) {
        (Value::Array(items), wanted) => {
            if items.iter().any(|item| same(wanted, item)) {
                return Ok(true);
            }
            match items
                .iter()
                .find_map(|item| alike(wanted, item).map(|pair| (item, pair)))
            {
                Some((item, pair)) => Err(unlike(part, whole.item(item), pair)),
                None => Ok(false),
            }
        }
        (Value::Object(map), Value::String(key)) => Ok(map.contains_key(key)),
        (Value::String(text), Value::String(part)) => Ok(text.contains(part.as_str())),
        (Value::Object(_) | Value::String(_), _) => Err(format!("{}; only a text is in it or not", both(part, whole))),
        _ => Err(format!("{}; nothing can be in that", both(part, whole))),
    }
}

/// Two leaves at the same place that would be equal if they were of one kind, or could be: a text that reads as a number
/// and a number, `true` as text and as a boolean, 1 and true.
fn alike<'v>(one: &'v Value, other: &'v Value) -> Option<(&'v Value, &'v Value)> {
    let reads = |text: &str, value: &Value| match value {
        Value::Number(_) => quantity::number(text.trim()).is_some(),
        Value::Bool(_) => matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "false"),
        _ => false,
    };
    pair(one, other, &|one, other| match (one, other) {
        (Value::String(text), value) | (value, Value::String(text)) => reads(text, value),
        (Value::Number(number), Value::Bool(_)) | (Value::Bool(_), Value::Number(number)) => {
            matches!(number.as_f64(), Some(0.0 | 1.0))
        }
        _ => false,
    })
}

/// The first two values at the same place of two others of which something holds.
pub(crate) fn pair<'v>(
    one: &'v Value,
    other: &'v Value,
    holds: &impl Fn(&Value, &Value) -> bool,
) -> Option<(&'v Value, &'v Value)> {
    if holds(one, other) {
        return Some((one, other));
    }
    match (one, other) {
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            let mut both = items.iter().zip(others);
            both.find_map(|(one, other)| pair(one, other, holds))
        }
        (Value::Object(map), Value::Object(others)) => {
            map.iter().find_map(|(key, one)| pair(one, others.get(key)?, holds))
        }
        _ => None,
    }
}

/// What to say of values that are equal but for their kinds, somewhere within two others.
fn unlike<'a>(left: Side<'a>, right: Side<'a>, (one, other): (&'a Value, &'a Value)) -> String {
    let within = |whole: Side<'a>, part: &'a Value| {
        if std::ptr::eq(whole.value, part) {
            whole
        } else {
            Side::of(part)
        }
    };
    let (left, right) = (within(left, one), within(right, other));
    let hint = hint(left, right).map_or_else(String::new, |hint| format!("; {hint}"));
    format!("{}, and these are never equal{hint}", both(left, right))
}

/// What both are: "`n` is text (\"10\") and `3` is a number".
fn both(left: Side<'_>, right: Side<'_>) -> String {
    let side = |side: Side<'_>| match side.code {
        Some(code) if side.literal => format!("`{code}` is {}", noun(side.value)),
        Some(code) => format!("`{code}` is {}", told(side.value)),
        None => told(side.value),
    };
    format!("{} and {}", side(left), side(right))
}

/// The most of a value that is shown. A longer one is not: a part of what is hidden would not be known again.
const MAX_SHOWN: usize = 60;

/// What a value is, and the value where it is short: "text (\"10\")".
pub(crate) fn told(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= MAX_SHOWN && !value.is_null() {
        format!("{} ({text})", noun(value))
    } else {
        noun(value).to_owned()
    }
}

/// What to write instead.
fn hint(left: Side<'_>, right: Side<'_>) -> Option<String> {
    let code = |side: Side<'_>| {
        let code = side.code.filter(|_| !side.literal).unwrap_or("…");
        if code.contains([' ', '|']) {
            format!("({code})")
        } else {
            code.to_owned()
        }
    };
    let number = |text: &str| match quantity::number(text.trim()) {
        Some(number) if number.is_f64() => Some("float"),
        Some(_) => Some("int"),
        None => None,
    };
    let (text_side, text, other) = match (left.value, right.value) {
        (Value::String(one), Value::String(other)) => {
            let both = number(one).is_some() && number(other).is_some();
            let name = code(if left.literal { right } else { left });
            let versions = [one, other].map(|text| Version::parse(text));
            let may_be_versions = versions.iter().all(Option::is_some) && format!("{one}{other}").contains('.');
            return both.then(|| match may_be_versions {
                true => format!("they may be versions or numbers: write `{name} | version`, or make numbers of both, `{name} | float`"),
                false => format!("as texts they have the order of their letters: make numbers of both, `{name} | float`"),
            });
        }
        (Value::String(text), other) => (left, text, other),
        (other, Value::String(text)) => (right, text, other),
        (Value::Bool(_), Value::Number(_)) | (Value::Number(_), Value::Bool(_)) => {
            return Some("compare a number with a number".to_owned());
        }
        _ => return None,
    };
    let name = code(text_side);
    match other {
        Value::Number(_) => match (number(text), Quantity::of_text(text)) {
            (Some(filter), _) if text_side.literal => {
                Some(format!("write the number without quotes, or `… | {filter}`"))
            }
            (Some(filter), _) => Some(format!(
                "write `{name} | {filter}`, quote the number, or judge it with `expect`"
            )),
            (None, Some(Quantity::Seconds(_))) => Some(format!("`{name} | seconds` is a number of seconds")),
            (None, Some(Quantity::Version(_))) => {
                let number = if text_side.value == left.value { right } else { left };
                Some(format!(
                    "a version is compared with one in quotes: `'{}'`",
                    number.code.filter(|_| number.literal).unwrap_or("…")
                ))
            }
            _ => None,
        },
        Value::Bool(value) => Some(format!("compare with the text: `'{value}'`")),
        _ => None,
    }
}
