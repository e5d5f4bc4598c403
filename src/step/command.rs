//! Commands as written, and the result that `exec`, `run` and `shell` give of one.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{Binder, Cx, Done, Started, Step};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::engine::logs::ProcessLog;
use crate::engine::{Frame, Stream};
use crate::event::{Detail, Fault};
use crate::expect::{Field, FieldKind, visible};
use crate::host::{Kept, Process};
use crate::shape::{Named, Problems, Shape, Text, wrong_type};
use crate::yaml::Node;

/// What is kept of each end of a command's outputs.
pub(super) const KEEP: usize = 4 * 1024 * 1024;
/// Lines of a log or of an output that a fault shows.
pub(super) const TAIL: usize = 30;

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

/// Refuses what has no meaning for a command that goes on in the background: it has no result yet.
pub(super) fn check_background(background: Option<&Spanned<String>>, step: &Step, binder: &mut Binder<'_>) {
    let Some(background) = background else { return };
    let common = &step.common;
    let waits = [("within", &common.within), ("holds-for", &common.holds_for)];
    let waits = waits
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_ref()?.span())));
    let expect = step.expect.as_ref().map(|expect| ("expect", &expect.span));
    let probe = common.probe.as_ref().map(|probe| ("probe", &probe.span));
    let save = step.save.0.values().next().map(|(span, _)| ("save", span));
    for (key, span) in waits.chain(expect).chain(probe).chain(save) {
        let message = format!(
            "`{key}` needs a result, and `{}` goes on in the background",
            background.value
        );
        binder.error(
            span,
            message,
            "take it out; at the scenario's end its exit code is checked",
        );
    }
}

/// Binds the name of a process in the background.
pub(super) fn bind_process(name: &Spanned<String>, binder: &mut Binder<'_>) {
    let problem = background_problem(name, &binder.processes);
    binder.problems.extend(problem);
    binder.once(name, "the process");
    binder.processes.push(name.value.clone());
}

/// The log of a process that is about to be started in the background; a second one of a name is refused.
pub(super) fn process_log(cx: &Cx, name: &str) -> Done<Arc<ProcessLog>> {
    if cx.case.state().processes.contains_key(name) {
        return Err(cx.error(format!(
            "process `{name}` has been started before: a name is for one process"
        )));
    }
    cx.case.spools.process(name).map(Arc::new).map_err(|why| cx.error(why))
}

/// Keeps a process that goes on in the background: it is ended with the case, and its exit is checked.
pub(super) fn goes_on(cx: &Cx, name: &str, (process, is_here): (Arc<dyn Process>, bool)) {
    let started = Started {
        process,
        place: cx.span.place(),
        is_here,
    };
    cx.case.state().processes.insert(name.to_owned(), started);
}

/// What tells about a name for something that goes on in the background, if it cannot be used.
pub(super) fn background_problem(name: &Spanned<String>, taken: &[String]) -> Option<Diagnostic> {
    let plain = !name.value.is_empty()
        && name.value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !plain {
        return Some(
            Diagnostic::error(&name.span, format!("`{}` is no name", name.value))
                .help("a name has letters, digits, `-` and `_`"),
        );
    }
    if matches!(name.value.as_str(), "true" | "false" | "yes" | "no") {
        let help = "it is the name by which it is found again: `background: server`";
        return Some(Diagnostic::error(&name.span, format!("`{}` is no name", name.value)).help(help));
    }
    taken.contains(&name.value).then(|| {
        Diagnostic::error(
            &name.span,
            format!("another step has started `{}` in the background", name.value),
        )
        .help("choose another name")
    })
}

/// The output of a command, of which both ends are kept.
#[derive(Debug)]
pub(super) struct Output {
    /// Its standard output.
    pub(super) stdout: Kept,
    /// Its standard error.
    pub(super) stderr: Kept,
}

impl Output {
    /// Nothing yet.
    pub(super) fn new() -> Output {
        Output::keeping(KEEP)
    }

    /// Nothing yet, and of each end so many bytes later.
    pub(super) fn keeping(bytes: usize) -> Output {
        Output {
            stdout: Kept::new(bytes),
            stderr: Kept::new(bytes),
        }
    }

    /// Takes a frame in.
    pub(super) fn add(&mut self, frame: &Frame) {
        self.of(frame.stream).add(&frame.bytes);
    }

    /// Takes a line in.
    pub(super) fn add_line(&mut self, stream: Stream, line: &str) {
        let kept = self.of(stream);
        kept.add(line.as_bytes());
        kept.add(b"\n");
    }

    fn of(&mut self, stream: Stream) -> &mut Kept {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    /// The result of a command that has ended. What something is expected of, or what is saved, must be whole.
    pub(super) fn result(&self, exit: i64, took: Duration, cx: &Cx) -> Done<Value> {
        let outputs = [
            ("stdout", &self.stdout, ["stdout", "json"].as_slice()),
            ("stderr", &self.stderr, &["stderr"]),
        ];
        for (name, kept, fields) in outputs.into_iter().filter(|(_, kept, _)| kept.left_out() > 0) {
            let Some(cannot) = cx.needs_whole(fields) else { continue };
            let limit = (2 * KEEP) >> 20;
            let fault = Fault::error(format!(
                "`{name}` cannot be {cannot}: it is longer than the {limit} MiB that are kept, by {} bytes",
                kept.left_out()
            ));
            return Err(vec![fault.at(cx.span.place()).hint(
                "let the command itself look (`grep`, `tail`, `wc`), or write to a file",
            )]);
        }
        Ok(self.value(exit, took))
    }

    fn value(&self, exit: i64, took: Duration) -> Value {
        let text = |kept: &Kept| kept.text().trim_end_matches('\n').to_owned();
        let stdout = text(&self.stdout);
        let mut value =
            json!({"exit": exit, "stdout": stdout, "stderr": text(&self.stderr), "duration": took.as_secs_f64()});
        if self.stdout.left_out() == 0
            && let Ok(json) = serde_json::from_str::<Value>(&stdout)
        {
            value["json"] = json;
        }
        value
    }

    /// The last lines of both outputs, for a fault.
    pub(super) fn described(&self, mut fault: Fault) -> Fault {
        for (name, kept) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let text = kept.text();
            if !text.trim().is_empty() {
                fault = fault.detail(format!("last lines of `{name}`"), last_lines(&text, TAIL));
            }
        }
        fault
    }
}

/// Lets a step tell the last lines of an output that is still written where something ends it.
pub(super) fn follow(cx: &Cx, output: &Arc<Mutex<Output>>) {
    for (name, stream) in [("stdout", Stream::Stdout), ("stderr", Stream::Stderr)] {
        let output = Arc::clone(output);
        cx.follows(name, move || last_lines(&lock(&output).of(stream).text(), TAIL));
    }
}

/// An output that is still written.
pub(super) fn lock(output: &Mutex<Output>) -> MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a command wrote, for a result that is not as it should be; what a fault shows as found is not shown twice.
pub(super) fn explain(outputs: &Value, faults: &[Fault]) -> Vec<Detail> {
    let told = ["stdout", "stderr"].into_iter().filter_map(|name| {
        let lines = last_lines(outputs.get(name)?.as_str()?, TAIL);
        let is_shown = |fault: &Fault| {
            let actual = fault.actual.as_deref().unwrap_or_default();
            // Of a long one the middle is left out there.
            let same_end = actual.trim_end().lines().last() == lines.lines().last().map(visible).as_deref();
            fault.message.contains(&format!("`{name}`")) && same_end
        };
        (!lines.trim().is_empty() && !faults.iter().any(is_shown)).then(|| Detail {
            title: format!("last lines of `{name}`"),
            text: lines,
        })
    });
    told.collect()
}

/// The last lines of a text.
pub(super) fn last_lines(text: &str, lines: usize) -> String {
    let mut last = VecDeque::with_capacity(lines);
    let mut before = None;
    for line in text.trim_end().lines() {
        if last.len() == lines {
            before = last.pop_front();
        }
        last.push_back(line);
    }
    // What is hidden behind a cut is known by its mark.
    if let Some(mark) = before.filter(|line| !crate::cut::marks(line).is_empty()) {
        last.push_front(mark);
    }
    Vec::from(last).join("\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::{Output, explain, last_lines};
    use crate::engine::{Frame, Stream};
    use crate::event::Fault;

    fn check(stdout: &str, expected: Value) {
        let mut output = Output::new();
        for (stream, text) in [(Stream::Stdout, stdout), (Stream::Stderr, "warning\n")] {
            output.add(&Frame {
                stream,
                at: None,
                bytes: Bytes::copy_from_slice(text.as_bytes()),
            });
        }
        let value = output.value(3, Duration::from_millis(1500));
        assert_eq!(value, expected, "{stdout:?}");
    }

    #[test]
    fn the_result_has_text_without_final_newlines_and_json_where_it_is() {
        check(
            "a\nb\n\n",
            json!({"exit": 3, "stdout": "a\nb", "stderr": "warning", "duration": 1.5}),
        );
        check(
            "{\"a\": [1]}\n",
            json!({"exit": 3, "stdout": "{\"a\": [1]}", "stderr": "warning", "duration": 1.5, "json": {"a": [1]}}),
        );
        check(
            "",
            json!({"exit": 3, "stdout": "", "stderr": "warning", "duration": 1.5}),
        );
    }

    fn check_explained(message: &str, actual: &str, expected: &[&str]) {
        let outputs = json!({"exit": 0, "stdout": "a\nb", "stderr": "warning"});
        let fault = Fault {
            actual: Some(actual.to_owned()),
            ..Fault::failure(message)
        };
        let told = explain(&outputs, &[fault]).into_iter().map(|detail| detail.title);
        assert_eq!(told.collect::<Vec<_>>(), expected, "{message}");
    }

    #[test]
    fn what_it_wrote_is_told_once() {
        let both = ["last lines of `stdout`", "last lines of `stderr`"];
        check_explained("`exit` is 1", "1", &both);
        check_explained("the lines of `stdout`", "a", &both);
        check_explained("`stdout` is not empty", "a\nb", &both[1..]);
        let outputs = json!({"exit": 0, "stdout": "\u{1b}[1mb"});
        let fault = Fault {
            actual: Some("\\u{1b}[1mb".to_owned()),
            ..Fault::failure("`stdout` is not what was expected")
        };
        assert_eq!(explain(&outputs, &[fault]), []);
    }

    #[test]
    fn the_last_lines_are_the_last_ones() {
        assert_eq!(last_lines("a\nb\nc\n\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }
}
