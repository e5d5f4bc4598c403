//! What a command writes, as far as it is kept; and the result that is made of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Cx, Done};
use crate::engine::{Frame, Stream};
use crate::event::{Detail, Fault};
use crate::expect::visible;
use crate::host::Kept;

/// What is kept of each end of a command's outputs.
pub(in crate::step) const KEEP: usize = 4 * 1024 * 1024;
/// Lines of a log or of an output that a fault shows.
pub(in crate::step) const TAIL: usize = 30;

/// The output of a command, of which both ends are kept.
#[derive(Debug)]
pub(in crate::step) struct Output {
    /// Its standard output.
    pub(in crate::step) stdout: Kept,
    /// Its standard error.
    pub(in crate::step) stderr: Kept,
}

impl Output {
    /// Nothing yet.
    pub(in crate::step) fn new() -> Output {
        Output::keeping(KEEP)
    }

    /// Nothing yet, and of each end so many bytes later.
    pub(in crate::step) fn keeping(bytes: usize) -> Output {
        Output {
            stdout: Kept::new(bytes),
            stderr: Kept::new(bytes),
        }
    }

    /// Takes a frame in.
    pub(in crate::step) fn add(&mut self, frame: &Frame) {
        self.of(frame.stream).add(&frame.bytes);
    }

    /// Takes a line in.
    pub(in crate::step) fn add_line(&mut self, stream: Stream, line: &str) {
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
    pub(in crate::step) fn result(&self, exit: i64, took: Duration, cx: &Cx) -> Done<Value> {
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
    pub(in crate::step) fn described(&self, mut fault: Fault) -> Fault {
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
pub(in crate::step) fn follow(cx: &Cx, output: &Arc<Mutex<Output>>) {
    for (name, stream) in [("stdout", Stream::Stdout), ("stderr", Stream::Stderr)] {
        let output = Arc::clone(output);
        cx.follows(name, move || last_lines(&lock(&output).of(stream).text(), TAIL));
    }
}

/// An output that is still written.
pub(in crate::step) fn lock(output: &Mutex<Output>) -> MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a command wrote, for a result that is not as it should be; what a fault shows as found is not shown twice.
pub(in crate::step) fn explain(outputs: &Value, faults: &[Fault]) -> Vec<Detail> {
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
pub(in crate::step) fn last_lines(text: &str, lines: usize) -> String {
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
