//! What the fake compose tool is told: its arguments, and its files as one.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::diagnostic::Source;
use crate::engine::ToolCall;

/// The arguments of a call.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) project: String,
    pub(super) files: Vec<String>,
    pub(super) profiles: Vec<String>,
    pub(super) scale: BTreeMap<String, u64>,
    pub(super) command: String,
    pub(super) rest: Vec<String>,
}

impl Words {
    /// Takes the arguments apart as far as the fake needs them.
    pub(super) fn read(arguments: &[String]) -> Words {
        let mut words = Words::default();
        let mut left = arguments.iter();
        while let Some(word) = left.next() {
            let mut value = || left.next().cloned().unwrap_or_default();
            match word.as_str() {
                "-p" | "--project-name" if words.command.is_empty() => words.project = value(),
                "-f" | "--file" if words.command.is_empty() => words.files.push(value()),
                "--profile" => words.profiles.push(value()),
                "--project-directory"
                | "--env-file"
                | "--ansi"
                | "--progress"
                | "-t"
                | "--timeout"
                | "--format"
                | "--pull" => drop(value()),
                "--scale" => {
                    if let Some((service, count)) = value().split_once('=') {
                        words.scale.insert(service.into(), count.parse().unwrap_or(1));
                    }
                }
                flag if words.command.is_empty() && flag.starts_with('-') => {}
                command if words.command.is_empty() => words.command = command.into(),
                other => words.rest.push(other.into()),
            }
        }
        words
    }

    pub(super) fn services(&self) -> Vec<&String> {
        self.rest.iter().filter(|word| !word.starts_with('-')).collect()
    }
}

/// Reads the files of a call, later ones over earlier ones, variables filled in.
pub(super) fn read(call: &ToolCall, words: &Words) -> Result<Value, String> {
    let mut whole = Value::Object(Map::new());
    for file in &words.files {
        let path = call.folder.join(file);
        let text = match (file.as_str(), &call.stdin) {
            ("-", Some(stdin)) => String::from_utf8_lossy(stdin).into_owned(),
            _ => std::fs::read_to_string(&path).map_err(|problem| format!("open {}: {problem}", path.display()))?,
        };
        let tree = crate::yaml::parse(&Source::new(file.as_str(), text));
        let tree = tree.map_err(|problems| format!("yaml: {problems:?}"))?;
        let mut value = tree.merged().value();
        fill_in(&mut value, &call.env);
        merge(&mut whole, value);
    }
    Ok(whole)
}

/// `${NAME}`, `${NAME:-default}` and `$$` in all text.
fn fill_in(value: &mut Value, env: &BTreeMap<String, String>) {
    match value {
        Value::String(text) if text.contains('$') => {
            let mut filled = String::new();
            let mut rest = text.as_str();
            while let Some(at) = rest.find('$') {
                filled.push_str(&rest[..at]);
                rest = &rest[at + 1..];
                if let Some((inside, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                    let (name, default) = inside.split_once(":-").unwrap_or((inside, ""));
                    filled.push_str(env.get(name).map_or(default, String::as_str));
                    rest = after;
                } else {
                    filled.push('$');
                    rest = rest.strip_prefix('$').unwrap_or(rest);
                }
            }
            filled.push_str(rest);
            *text = filled;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, env)),
        Value::Object(map) => map.values_mut().for_each(|item| fill_in(item, env)),
        _ => {}
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from),
        (into, from) => *into = from,
    }
}
