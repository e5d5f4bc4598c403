//! From a place in a scalar's text to the place in the file: quoting, folding and indentation lie between.

use std::sync::Arc;

use crate::diagnostic::Span;
use crate::yaml::{Node, Scalar, Style};

/// Where the bytes of a text stand in its source.
#[derive(Debug, Clone)]
pub(super) enum Places {
    /// The text stands in the file as it is, from this byte on.
    Shift(usize),
    /// The byte in the file for each byte of the text, and for its end.
    Table(Arc<[usize]>),
    /// Not known: all of it is the scalar's place.
    Whole,
}

impl Places {
    /// The places of a scalar's text.
    pub(super) fn of(node: &Node, scalar: &Scalar) -> Places {
        let written = node.span.text();
        if written == scalar.text {
            return Places::Shift(node.span.start);
        }
        let quote = match scalar.style {
            Style::Single => "'",
            Style::Double => "\"",
            _ => "",
        };
        let inner = written.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if !quote.is_empty() && inner == Some(scalar.text.as_str()) {
            return Places::Shift(node.span.start + 1);
        }
        match align(&scalar.text, written, scalar.style) {
            Some(table) => Places::Table(table.into_iter().map(|at| at + node.span.start).collect()),
            None => Places::Whole,
        }
    }

    /// The place of a part of the text; `whole` is the scalar's place.
    pub(super) fn span(&self, whole: &Span, start: usize, end: usize) -> Span {
        let (start, end) = match self {
            Places::Shift(by) => (start + by, end + by),
            // The last byte's place and one more: what follows the text may stand lines away.
            Places::Table(table) => match (table.get(start), end.checked_sub(1).and_then(|last| table.get(last))) {
                (Some(start), Some(last)) => (*start, (last + 1).max(*start)),
                _ => return whole.clone(),
            },
            Places::Whole => return whole.clone(),
        };
        let text = &whole.source.text;
        let known = start <= end && text.is_char_boundary(start) && end <= text.len();
        let end = (end..=text.len())
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(text.len());
        if known {
            Span {
                source: Arc::clone(&whole.source),
                start,
                end,
            }
        } else {
            whole.clone()
        }
    }

    /// The same places for a part of the text that begins at this byte.
    pub(super) fn after(&self, start: usize) -> Places {
        match self {
            Places::Shift(by) => Places::Shift(by + start),
            Places::Table(table) => table
                .get(start..)
                .map_or(Places::Whole, |rest| Places::Table(rest.into())),
            Places::Whole => Places::Whole,
        }
    }
}

/// Walks both texts at once: only white space and escapes differ between them.
fn align(text: &str, written: &str, style: Style) -> Option<Vec<usize>> {
    let mut table = Vec::with_capacity(text.len() + 1);
    let mut at = match style {
        Style::Single | Style::Double => 1,
        Style::Literal | Style::Folded if written.starts_with(['|', '>']) => written.find('\n')? + 1,
        _ => 0,
    };
    for c in text.chars() {
        if !c.is_whitespace() {
            at = skip_blank(written, at, style);
        }
        let next = written.get(at..)?.chars().next();
        let length = match next {
            Some('\\') if style == Style::Double => escape_length(&written[at..]),
            Some('\'') if style == Style::Single => 2,
            Some(found) if found == c => found.len_utf8(),
            // A line break was folded into a blank, or away.
            Some(found) if c.is_whitespace() => {
                if found.is_whitespace() {
                    found.len_utf8()
                } else {
                    0
                }
            }
            None if c.is_whitespace() => 0,
            _ => return None,
        };
        table.extend((0..c.len_utf8()).map(|byte| if length == c.len_utf8() { at + byte } else { at }));
        at += length;
    }
    table.push(at);
    Some(table)
}

fn skip_blank(written: &str, mut at: usize, style: Style) -> usize {
    while let Some(rest) = written.get(at..) {
        match rest.chars().next() {
            Some(c) if c.is_whitespace() => at += c.len_utf8(),
            // An escaped line break, and the indentation after it.
            Some('\\') if style == Style::Double && rest[1..].starts_with(['\n', '\r']) => at += 1,
            _ => break,
        }
    }
    at
}

fn escape_length(rest: &str) -> usize {
    match rest[1..].chars().next() {
        Some('x') => 4,
        Some('u') => 6,
        Some('U') => 10,
        Some(c) => 1 + c.len_utf8(),
        None => 1,
    }
    .min(rest.len())
}
