//! Paths into data: dotted (`leader.name`, `members.1.role`) or JSONPath (`$.members[?@.role=='leader']`).

use jsonpath_rust::parser::model::{JpQuery, Segment, Selector};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;

/// How long a JSONPath may be: its parser recurses.
const MAX_PATH: usize = 4096;

/// A JSONPath (RFC 9535), parsed once.
#[derive(Debug, Clone)]
pub(crate) struct JsonPath {
    query: JpQuery,
    /// True when it can name one value at most: then it is that value, and no list.
    one: bool,
}

impl JsonPath {
    /// Parses one; the problem is told in a line.
    pub(crate) fn of(path: &str) -> Result<JsonPath, String> {
        let deep = path.matches(['(', '[']).count() > 128;
        if path.len() > MAX_PATH || deep {
            return Err("the JSONPath is too long".to_owned());
        }
        let query = parse_json_path(path).map_err(|_| format!("`{path}` is no JSONPath"))?;
        let one = query
            .segments
            .iter()
            .all(|segment| matches!(segment, Segment::Selector(Selector::Name(_) | Selector::Index(_))));
        Ok(JsonPath { query, one })
    }

    /// Whether it may find several values, which makes what it finds a list.
    pub(crate) fn finds_several(&self) -> bool {
        !self.one
    }

    /// What it finds: one value where it can only name one, else the list of all that match, which may be empty.
    pub(crate) fn find(&self, data: &Value) -> Option<Value> {
        let found = js_path_process(&self.query, data).unwrap_or_default();
        let mut values = found.into_iter().map(|found| found.val().clone());
        if self.one {
            values.next()
        } else {
            Some(Value::Array(values.collect()))
        }
    }
}

/// The value of a part of a path: a key, or an index from 0 (from the end where negative).
pub(crate) fn part<'v>(data: &'v Value, part: &str) -> Option<&'v Value> {
    match data {
        Value::Object(map) => map.get(part),
        Value::Array(items) => {
            let index: i64 = part.parse().ok()?;
            let index = if index < 0 {
                items.len().checked_sub(index.unsigned_abs() as usize)?
            } else {
                index as usize
            };
            items.get(index)
        }
        _ => None,
    }
}

/// The value at the end of a path, or why there is none: "`leader` has no `nam`; it has `name`, `role`".
pub(crate) fn walk<'v>(data: &'v Value, name: &str, parts: &[String]) -> Result<&'v Value, String> {
    let mut value = data;
    let mut walked = name.to_owned();
    for wanted in parts {
        value = part(value, wanted).ok_or_else(|| missing(value, &walked, wanted))?;
        walked = if walked.is_empty() {
            wanted.clone()
        } else {
            format!("{walked}.{wanted}")
        };
    }
    Ok(value)
}

fn missing(value: &Value, at: &str, wanted: &str) -> String {
    let at = if at.is_empty() {
        "it".to_owned()
    } else {
        format!("`{at}`")
    };
    match value {
        Value::Object(map) if map.is_empty() => format!("{at} has no `{wanted}`; it is empty"),
        Value::Object(map) => {
            let names: Vec<&str> = map.keys().map(String::as_str).collect();
            let there = crate::diagnostic::known_names(wanted, &names).replacen("there is", "it has", 1);
            format!("{at} has no `{wanted}`; {there}")
        }
        Value::Array(items) if wanted.parse::<i64>().is_ok() => match items.len() {
            1 => format!("{at} has no `{wanted}`; it has 1 item, counted from 0"),
            count => format!("{at} has no `{wanted}`; it has {count} items, counted from 0"),
        },
        other => format!("{at} has no `{wanted}`; it is {}", noun(other)),
    }
}

/// What a value is, for messages.
pub(crate) fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
