//! Problems in files: where, what, and what to do; drawn with the source line and a caret.

mod draw;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One file's text, the only owner of it; spans index it.
#[derive(Debug)]
pub struct Source {
    /// The path as the user would write it (relative to where the run was started).
    pub path: String,
    /// The text as it was read.
    pub text: String,
    /// The same with all hidden that nobody is shown, byte for byte; none where nothing is.
    shown: Mutex<Option<Vec<u8>>>,
}

impl Source {
    /// Makes a source of a path and its text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Arc<Source> {
        Arc::new(Source {
            path: path.into(),
            text: text.into(),
            shown: Mutex::default(),
        })
    }

    /// Shows these bytes no more.
    pub fn hide(&self, hidden: Vec<Range<usize>>) {
        if hidden.is_empty() {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = shown.get_or_insert_with(|| self.text.clone().into_bytes());
        // A range that cut a letter would leave a part of it.
        let cuts = |at: &usize| !self.text.is_char_boundary(*at);
        for Range { mut start, mut end } in hidden {
            end = end.min(self.text.len());
            while cuts(&start.min(end)) {
                start -= 1;
            }
            while cuts(&end) {
                end += 1;
            }
            let bytes = shown.get_mut(start..end).unwrap_or_default().iter_mut();
            let black = bytes.filter(|byte| !byte.is_ascii_whitespace());
            black.for_each(|byte| *byte = b'*');
        }
    }

    /// A part of the text as pictures and places show it, byte for byte as long.
    fn shown(&self, range: Range<usize>) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = shown.as_deref().unwrap_or(self.text.as_bytes());
        String::from_utf8_lossy(bytes.get(range).unwrap_or_default()).into_owned()
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Source) -> bool {
        (&self.path, &self.text) == (&other.path, &other.text)
    }
}

impl Eq for Source {}

/// A word as a shell takes it: commands in hints are there to be pasted.
pub fn shell_word(word: &str) -> String {
    let safe = |c: char| c.is_alphanumeric() || "/._-+,=:@%".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A range of bytes in a source; it keeps the source alive, so a place can always be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    /// The file.
    pub source: Arc<Source>,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The text that the span covers.
    pub fn text(&self) -> &str {
        self.source.text.get(self.start..self.end).unwrap_or("")
    }

    /// A part of this span, in bytes relative to its start; clipped to the text.
    pub fn part(&self, start: usize, end: usize) -> Span {
        let limit = self.source.text.len();
        Span {
            source: Arc::clone(&self.source),
            start: (self.start + start).min(limit),
            end: (self.start + end).min(limit),
        }
    }

    /// File, line and column (both from 1, columns in characters), and the line itself.
    pub fn place(&self) -> Place {
        let text = &self.source.text;
        let mut start = self.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        // No editor counts a byte order mark as a column.
        let first = if text.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8().min(start)
        } else {
            0
        };
        let line_start = text[..start].rfind('\n').map_or(first, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        Place {
            path: self.source.path.clone(),
            line: line_of(text, start),
            column: text[line_start..start].chars().count() + 1,
            source_line: self
                .source
                .shown(line_start..line_end)
                .trim_end_matches('\r')
                .chars()
                .take(400)
                .collect(),
        }
    }
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> usize {
    // Bytes rather than a search: ten times faster, and files may be large.
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// A place that can travel in events: a replay needs no source file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file as the user would write it.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line's text.
    pub source_line: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts a place to a value.
    pub fn new(value: T, span: Span) -> Self {
        Spanned { value, span }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing is started.
    Error,
    /// Told, and a failure under `--strict`.
    Warning,
    /// Told by `check`.
    Note,
}

/// A problem in a file. Messages are lower-case, with the author's words in backticks and no final period.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// How bad it is.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// Where; a file that cannot be read has a span of an empty source with its path.
    pub span: Span,
    /// Other places that belong to it, each with a label ("first written here").
    pub related: Vec<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(span: &Span, message: impl Into<String>) -> Self {
        Diagnostic {
            level: Level::Error,
            message: message.into(),
            span: span.clone(),
            related: Vec::new(),
            help: None,
        }
    }

    /// A warning at a place.
    pub fn warning(span: &Span, message: impl Into<String>) -> Self {
        Diagnostic {
            level: Level::Warning,
            ..Diagnostic::error(span, message)
        }
    }

    /// A note at a place.
    pub fn note(span: &Span, message: impl Into<String>) -> Self {
        Diagnostic {
            level: Level::Note,
            ..Diagnostic::error(span, message)
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn related(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.related.push((span.clone(), label.into()));
        self
    }

    /// The same with each text changed that it says; where it is stays.
    #[must_use]
    pub fn reworded(mut self, word: impl Fn(&str) -> String) -> Self {
        self.message = word(&self.message);
        self.help = self.help.as_deref().map(&word);
        self.related.iter_mut().for_each(|(_, label)| *label = word(label));
        self
    }

    /// Shows nothing more, in its pictures, of what is found in the texts of their files.
    pub fn hide(&self, find: impl Fn(&str) -> Vec<Range<usize>>) {
        let spans = self.related.iter().map(|(span, _)| span).chain([&self.span]);
        let sources: BTreeMap<*const Source, &Source> =
            spans.map(|span| (Arc::as_ptr(&span.source), &*span.source)).collect();
        sources.values().for_each(|source| source.hide(find(&source.text)));
    }

    /// An unknown name, with what is known and what may have been meant.
    pub fn unknown<'a>(span: &Span, what: &str, got: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        Diagnostic::error(span, format!("unknown {what} `{got}`")).help(known_names(got, &known))
    }
}

/// Puts diagnostics in the order of path, line and column, and removes what is told twice.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|one, other| {
        let key = |of: &Diagnostic| (of.span.start, of.span.end, of.level);
        one.span
            .source
            .path
            .cmp(&other.span.source.path)
            .then_with(|| key(one).cmp(&key(other)))
            .then_with(|| one.message.cmp(&other.message))
            // Of what is told twice the one that says more stays, whoever was first.
            .then_with(|| other.related.len().cmp(&one.related.len()))
    });
    // What a template does wrong is told once, however many use it.
    diagnostics
        .dedup_by(|other, one| one.message == other.message && one.level == other.level && one.span == other.span);
}

/// The names of a table of names, each with a line that tells of it: what is known and what is told are one list.
pub const fn names_of<const N: usize>(table: &[(&'static str, &'static str); N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = table[at].0;
        at += 1;
    }
    names
}

/// A help and more of it; a question ends by its own mark.
pub fn and_more(help: &str, more: &str) -> String {
    match help.ends_with('?') {
        true => format!("{help} If not: {more}"),
        false => format!("{help}; {more}"),
    }
}

/// The help of an unknown name: what there is, and the nearest of it.
pub fn known_names(got: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return "there is none".to_owned();
    }
    let shown = known
        .iter()
        .take(20)
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let more = if known.len() > 20 {
        format!(" and {} more", known.len() - 20)
    } else {
        String::new()
    };
    match did_you_mean(got, known) {
        // A long list is no help to whom one of it is told.
        // Nor is one that has nothing else.
        Some(near) if known.len() > 20 || known.len() == 1 => format!("did you mean `{near}`?"),
        Some(near) => format!("there is {shown}{more}; did you mean `{near}`?"),
        None => format!("there is {shown}{more}"),
    }
}

/// The known name nearest to what was written, if one is near: by its letters, or as `logs` is to `log-assert`.
pub fn did_you_mean<'a>(got: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |least: f32| similar::get_close_matches(got, known, 1, least).first().copied();
    let one = got.trim_end_matches('s');
    let begins = |name: &&&str| one.len() > 2 && name.split_once('-').is_some_and(|(first, _)| first == one);
    // `envs` is nearer to `env` than to `env-file`, and `state` to `state-assert` than to `start`.
    near(0.81)
        .or_else(|| known.iter().find(begins).copied())
        .or_else(|| near(0.6))
}
