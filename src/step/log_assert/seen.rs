//! What the lines of a log come to: which fit, which must never be there, how far an order was found.

use serde_json::{Map, Value, json};

use crate::expect::LinePattern;

/// So many bytes of the lines that fit are kept: a log is not bounded.
pub(super) const KEPT: usize = 16 << 20;
/// What a line that is kept takes beside its text.
const AROUND: usize = 64;

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
    /// The lines that fit, as the result has them; what is not whole is not judged.
    pub(super) lines: Vec<Value>,
    /// The bytes that all of these take, kept or not.
    pub(super) size: usize,
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
        self.size = self.size.saturating_add(line.len() + AROUND);
        if self.is_whole() {
            self.lines.push(line.into());
        } else {
            self.lines = Vec::new();
        }
    }

    /// True when all the lines that fit were kept.
    pub(super) fn is_whole(&self) -> bool {
        self.size <= KEPT
    }

    pub(super) fn outputs(&self) -> Value {
        let mut outputs = json!({"count": self.count, "matches": self.groups});
        if self.is_whole() {
            outputs["lines"] = self.lines.clone().into();
        }
        outputs
    }
}
