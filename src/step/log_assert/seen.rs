//! What the lines of a log come to: which fit, which must never be there, how far an order was found.

use serde_json::{Value, json};

use super::between::{Part, Within};
use crate::engine::logs::Joined;
use crate::expect::LinePattern;

/// So many bytes of the lines that fit are kept: a log is not bounded.
pub(super) const KEPT: usize = 16 << 20;
/// What a line that is kept takes beside its text.
const AROUND: usize = 64;

/// The conditions on lines, ready.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    /// True where all lines count.
    pub(super) all: bool,
    /// True where the lines of a traceback are one.
    pub(super) joins: bool,
    pub(super) counted: Option<LinePattern>,
    pub(super) ordered: Vec<LinePattern>,
    pub(super) last: Option<LinePattern>,
    pub(super) between: Option<Part<LinePattern>>,
    pub(super) never: Vec<LinePattern>,
    pub(super) ignore: Vec<LinePattern>,
}

/// How far one log has come.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    /// The lines of it that those of `ordered` are, as far as they were found.
    pub(super) ordered: Vec<String>,
    /// Its last line, where that is asked for.
    pub(super) last: Option<String>,
    /// Its number.
    pub(super) last_at: u64,
    /// Where in its parts it stands, where it is read by parts.
    pub(super) within: Option<Within>,
    /// The lines that may go on, where those of a traceback are one.
    joined: Option<Joined>,
    /// How many of its lines were read.
    pub(super) read: u64,
    /// The numbers of the first and the last one that was judged, and how many there were.
    pub(super) judged: Option<(u64, u64)>,
    pub(super) inside: u64,
}

/// A line that must never be there.
#[derive(Debug, Clone)]
pub(super) struct Forbidden {
    /// What it does that it must not: "contains `FATAL`".
    pub(super) why: String,
    pub(super) line: String,
    /// The id of its log.
    pub(super) log: String,
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
    pub(super) forbidden: Option<Forbidden>,
}

/// What was seen before lines were judged that may go on.
#[derive(Debug)]
pub(super) struct Before {
    dropped: Vec<u64>,
    count: u64,
    matches: Value,
    /// How many lines that fit were kept; none where they were too long.
    kept: Option<usize>,
    size: usize,
    forbidden: Option<Forbidden>,
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

    /// Where a log stands of which nothing was read.
    pub(super) fn course(&self) -> Course {
        Course {
            within: self.patterns.between.as_ref().map(Part::at_first),
            joined: self.patterns.joins.then(Joined::default),
            ..Course::default()
        }
    }

    /// Takes the next line of a log.
    pub(super) fn line(&mut self, line: &str, (log, course): (&str, &mut Course)) {
        self.read += 1;
        course.read += 1;
        match &mut course.joined {
            None => self.judge(line, course.read, (log, course)),
            Some(joined) => {
                if let Some(record) = joined.push(line) {
                    self.judge(&record, course.read - 1, (log, course));
                }
            }
        }
    }

    /// Judges what may go on as far as it has come, until it is taken back.
    pub(super) fn judge_pending(&mut self, (log, course): (&str, &mut Course)) {
        let pending = course
            .joined
            .as_ref()
            .and_then(|joined| joined.pending().map(str::to_owned));
        if let Some(record) = pending {
            self.judge(&record, course.read, (log, course));
        }
    }

    /// What was seen, to come back to.
    pub(super) fn before(&self) -> Before {
        Before {
            dropped: self.dropped.clone(),
            count: self.count,
            matches: self.outputs["matches"].clone(),
            kept: self.outputs["lines"].as_array().map(Vec::len),
            size: self.size,
            forbidden: self.forbidden.clone(),
        }
    }

    /// Comes back to it.
    pub(super) fn take_back(&mut self, before: Before) {
        self.outputs["matches"] = before.matches;
        let lines = self.outputs.get_mut("lines").and_then(Value::as_array_mut);
        if let (Some(lines), Some(kept)) = (lines, before.kept) {
            lines.truncate(kept);
            self.size = before.size;
        }
        (self.dropped, self.count, self.forbidden) = (before.dropped, before.count, before.forbidden);
    }

    /// Judges a line, or several that are one, of which the last one has that number.
    fn judge(&mut self, line: &str, last: u64, (log, course): (&str, &mut Course)) {
        let (bytes, patterns) = (line.as_bytes(), &self.patterns);
        if let (Some(part), Some(within)) = (&patterns.between, &mut course.within)
            && !part.takes(bytes, within)
        {
            return;
        }
        if patterns.between.is_some() || patterns.last.is_some() {
            let more = line.bytes().filter(|byte| *byte == b'\n').count() as u64;
            let first = course.judged.map_or(last.saturating_sub(more), |(first, _)| first);
            course.judged = Some((first, last));
            course.inside += 1 + more;
        }
        if let Some(at) = patterns.ignore.iter().position(|pattern| pattern.is_match(bytes)) {
            self.dropped[at] += 1;
            return;
        }
        if patterns.last.is_some() {
            let text = course.last.get_or_insert_default();
            text.clear();
            text.push_str(line);
            course.last_at = last;
        }
        if let Some(never) = patterns.never.iter().find(|pattern| pattern.is_match(bytes)) {
            self.forbidden.get_or_insert_with(|| Forbidden {
                why: never.shown().to_owned(),
                line: line.to_owned(),
                log: log.to_owned(),
            });
        }
        let next = patterns.ordered.get(course.ordered.len());
        if next.is_some_and(|pattern| pattern.is_match(bytes)) {
            course.ordered.push(line.to_owned());
        }
        let fits = patterns
            .counted
            .as_ref()
            .map_or(patterns.all, |pattern| pattern.is_match(bytes));
        if !fits {
            return;
        }
        if self.count == 0
            && let Some(counted) = &patterns.counted
        {
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
