//! Commands as written, and the result that `exec`, `run` and `shell` give of one.

mod background;
mod output;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Cx, Done};
use crate::diagnostic::Diagnostic;
use crate::expect::{Field, FieldKind};
use crate::shape::{Named, Problems, Shape, Text, wrong_type};
use crate::yaml::Node;
pub(super) use background::{background_problem, bind_process, check_background, goes_on, process_log};
pub(super) use output::{KEEP, Output, TAIL, explain, follow, lock};

/// The fields of a command's result.
pub(super) const RESULT: &[Field] = &[
    Field {
        name: "exit",
        kind: FieldKind::EXIT,
        doc: "Its exit code; 128 and the number of a signal that ended it.",
    },
    Field {
        name: "stdout",
        kind: FieldKind::Text,
        doc: "What it wrote, without the newlines at its end.",
    },
    Field {
        name: "stderr",
        kind: FieldKind::Text,
        doc: "What it wrote to the error stream, likewise.",
    },
    Field {
        name: "json",
        kind: FieldKind::Json,
        doc: "What it wrote, read as JSON; not there where it is none.",
    },
    Field {
        name: "duration",
        kind: FieldKind::Duration,
        doc: "How long it took.",
    },
];

/// A command: a list is its words, a text is a line for `sh -c`.
#[derive(Debug, Clone)]
pub(super) enum Command {
    /// The program and its arguments.
    Words(Vec<Text>),
    /// A line for the shell.
    Line(Text),
}

impl Shape for Command {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let command = match node.list() {
            Some(_) => Command::Words(Vec::read(node, problems)?),
            None if node.map().is_some() || node.is_null() => {
                problems.push(
                    wrong_type(node, "a command").help("a list is taken word by word, a text is a line for `sh -c`"),
                );
                return None;
            }
            None => Command::Line(Text::read(node, problems)?),
        };
        let empty = match &command {
            Command::Words(words) => words.is_empty(),
            Command::Line(line) => line.as_literal().is_some_and(|line| line.trim().is_empty()),
        };
        if empty {
            problems.push(Diagnostic::error(&node.span, "the command is empty"));
            return None;
        }
        Some(command)
    }
}

impl JsonSchema for Command {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = generator.subschema_for::<Text>();
        json_schema!({
            "description": "A list is taken word by word, a text is a line for `sh -c`.",
            "anyOf": [text, {"type": "array", "items": text, "minItems": 1}],
        })
    }
}

impl Command {
    /// As it is shown in a step's title: its first line.
    pub(super) fn shown(&self) -> String {
        let text = match self {
            Command::Words(words) => {
                let words: Vec<String> = words.iter().map(Text::shown).collect();
                words.join(" ")
            }
            Command::Line(line) => line.shown(),
        };
        let first = text.trim().lines().next().unwrap_or_default().to_owned();
        if first.len() < text.trim().len() {
            format!("{first} …")
        } else {
            first
        }
    }

    /// The program and its arguments.
    pub(super) async fn argv(&self, cx: &Cx) -> Done<Vec<String>> {
        match self {
            Command::Words(words) => texts(cx, words).await,
            Command::Line(line) => Ok(vec!["sh".into(), "-c".into(), cx.text(line).await?]),
        }
    }
}

/// Renders a list of texts.
pub(super) async fn texts(cx: &Cx, texts: &[Text]) -> Done<Vec<String>> {
    let mut rendered = Vec::with_capacity(texts.len());
    for text in texts {
        rendered.push(cx.text(text).await?);
    }
    Ok(rendered)
}

/// Renders an environment.
pub(super) async fn env(cx: &Cx, env: &Named<Text>) -> Done<Vec<(String, String)>> {
    let mut rendered = Vec::new();
    for (name, value) in env.iter() {
        rendered.push((name.to_owned(), cx.text(value).await?));
    }
    Ok(rendered)
}

/// An environment as an engine wants it.
pub(super) fn assignments(env: Vec<(String, String)>) -> Vec<String> {
    env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}
