//! Tree → plain data, scalars resolved by YAML 1.2's core schema.

use serde_json::{Map, Number, Value};

use super::{Content, Node, Scalar, Style};

/// The node as plain data. What JSON's numbers cannot hold (`.inf`, an integer above 64 bits) stays text as written.
pub(super) fn value(node: &Node) -> Value {
    match &node.content {
        Content::Scalar(scalar) => scalar_value(scalar, node.tag.as_deref()),
        Content::List(items) => items.iter().map(value).collect(),
        Content::Map(entries) => {
            let mut map = Map::new();
            for (key, entry) in entries {
                // A key that is no scalar is named as it is written: its data as JSON, with JSON keys in it in turn,
                // would double its backslashes at each level.
                let name = key.scalar().unwrap_or_else(|| key.span.text());
                map.insert(name.to_owned(), value(entry));
            }
            Value::Object(map)
        }
    }
}

fn scalar_value(scalar: &Scalar, tag: Option<&str>) -> Value {
    let plain = match tag {
        None => scalar.style == Style::Plain,
        Some("!!int" | "!!bool" | "!!null") => true,
        Some("!!float") => {
            return float(&scalar.text).unwrap_or_else(|| scalar.text.clone().into());
        }
        Some(tag) => scalar.style == Style::Plain && !tag.starts_with("!!") && !matches!(tag, "!"),
    };
    if plain {
        resolve(&scalar.text)
    } else {
        Value::String(scalar.text.clone())
    }
}

fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    // Most texts end here, without a look at each of their characters.
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
        return Value::String(text.to_owned());
    }
    integer(text)
        .or_else(|| float(text))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn integer(text: &str) -> Option<Value> {
    let based = |digits: &str, base| {
        // `from_str_radix` takes a sign, YAML does not.
        let bare = digits.starts_with(|first: char| first.is_ascii_hexdigit());
        u64::from_str_radix(digits, base).ok().filter(|_| bare).map(Value::from)
    };
    if let Some(digits) = text.strip_prefix("0o") {
        return based(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return based(digits, 16);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if text.starts_with('-') {
        return Some(text.parse::<i64>().map_or_else(|_| text.into(), Value::from));
    }
    // A number with more digits than fit would lose them as a float.
    Some(digits.parse::<u64>().map_or_else(|_| text.into(), Value::from))
}

fn float(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let numeric = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'));
    let begins = digits
        .trim_start_matches('.')
        .starts_with(|first: char| first.is_ascii_digit());
    if !numeric || !begins {
        return None;
    }
    Number::from_f64(text.parse().ok()?).map(Value::Number)
}
