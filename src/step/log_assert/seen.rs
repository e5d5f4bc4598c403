//! What the lines of a log come to: which fit, which must never be there, how far an order was found.

use serde_json::{Map, Value, json};

use crate::expect::LinePattern;

/// So many of the lines that fit are kept.
const KEPT: usize = 100;

/// What was seen so far; each line is taken once.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) counted: Option<LinePattern>,
    pub(super) ordered: Vec<LinePattern>,
    pub(super) never: Vec<LinePattern>,
    pub(super) ignore: Vec<LinePattern>,
    /// How many lines each `ignore` dropped.
    pub(super) dropped: Vec<u64>,
    pub(super) read: u64,
    pub(super) count: u64,
    pub(super) lines: Vec<String>,
    pub(super) groups: Map<String, Value>,
    pub(super) forbidden: Option<(String, String)>,
}

impl Seen {
    /// Takes a line; `next` is the first of `ordered` that its log has not had.
    pub(super) fn line(&mut self, line: &str, next: &mut usize) {
        self.read += 1;
        let bytes = line.as_bytes();
        if let Some(at) = self.ignore.iter().position(|pattern| pattern.is_match(bytes)) {
            self.dropped[at] += 1;
            return;
        }
        if let Some(never) = self.never.iter().find(|pattern| pattern.is_match(bytes)) {
            self.forbidden
                .get_or_insert_with(|| (never.shown().to_owned(), line.to_owned()));
        }
        if self.ordered.get(*next).is_some_and(|pattern| pattern.is_match(bytes)) {
            *next += 1;
        }
        let Some(counted) = self.counted.as_ref().filter(|pattern| pattern.is_match(bytes)) else {
            return;
        };
        self.count += 1;
        if self.count == 1 {
            self.groups = counted.groups(bytes).unwrap_or_default();
        }
        if self.lines.len() < KEPT {
            self.lines.push(line.to_owned());
        }
    }

    pub(super) fn outputs(&self) -> Value {
        json!({"count": self.count, "lines": self.lines, "matches": self.groups})
    }
}
