//! What the lines of a log come to: which fit, which must never be there, how far an order was found.

use serde_json::{Value, json};

use crate::expect::LinePattern;

/// So many bytes of the lines that fit are kept: a log is not bounded.
pub(super) const KEPT: usize = 16 << 20;
/// What a line that is kept takes beside its text.
const AROUND: usize = 64;

/// The conditions on lines, ready.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    pub(super) counted: Option<LinePattern>,
    pub(super) ordered: Vec<LinePattern>,
    pub(super) never: Vec<LinePattern>,
    pub(super) ignore: Vec<LinePattern>,
}

/// What was seen so far; each line is taken once.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) patterns: Patterns,
    /// How many lines each `ignore` dropped.
    pub(super) dropped: Vec<u64>,
    pub(super) read: u64,
    pub(super) count: u64,
    /// The result as it is judged, again and again, and given in the end: the lines that fit are nowhere else, and never
    /// copied. Its `count` is that of when it was last asked for.
    outputs: Value,
    /// The bytes that all lines that fit take, kept or not.
    size: usize,
    pub(super) forbidden: Option<(String, String)>,
}

impl Seen {
    /// Nothing was seen yet.
    pub(super) fn of(patterns: Patterns) -> Seen {
        Seen {
            dropped: vec![0; patterns.ignore.len()],
            patterns,
            read: 0,
            count: 0,
            outputs: json!({"count": 0, "matches": {}, "lines": []}),
            size: 0,
            forbidden: None,
        }
    }

    /// Takes a line; `next` is the first of `ordered` that its log has not had.
    pub(super) fn line(&mut self, line: &str, next: &mut usize) {
        self.read += 1;
        let (bytes, patterns) = (line.as_bytes(), &self.patterns);
        if let Some(at) = patterns.ignore.iter().position(|pattern| pattern.is_match(bytes)) {
            self.dropped[at] += 1;
            return;
        }
        if let Some(never) = patterns.never.iter().find(|pattern| pattern.is_match(bytes)) {
            self.forbidden
                .get_or_insert_with(|| (never.shown().to_owned(), line.to_owned()));
        }
        if patterns
            .ordered
            .get(*next)
            .is_some_and(|pattern| pattern.is_match(bytes))
        {
            *next += 1;
        }
        let Some(counted) = patterns.counted.as_ref().filter(|pattern| pattern.is_match(bytes)) else {
            return;
        };
        if self.count == 0 {
            self.outputs["matches"] = counted.groups(bytes).unwrap_or_default().into();
        }
        self.count += 1;
        self.keep(line);
    }

    /// Keeps a line that fits, unless they are too long together: then none, as what is not whole is not judged.
    fn keep(&mut self, line: &str) {
        let was_whole = self.is_whole();
        self.size = self.size.saturating_add(line.len() + AROUND);
        if self.is_whole() {
            if let Some(lines) = self.outputs["lines"].as_array_mut() {
                lines.push(line.into());
            }
        } else if let Some(outputs) = self.outputs.as_object_mut().filter(|_| was_whole) {
            outputs.remove("lines");
        }
    }

    /// True when all the lines that fit were kept.
    pub(super) fn is_whole(&self) -> bool {
        self.size <= KEPT
    }

    /// The result as of now.
    pub(super) fn outputs(&mut self) -> &Value {
        self.outputs["count"] = self.count.into();
        &self.outputs
    }

    /// The result, given away.
    pub(super) fn take_outputs(&mut self) -> Value {
        self.outputs();
        self.outputs.take()
    }
}
