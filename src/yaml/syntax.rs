//! What is wrong with a text that is no YAML, said so that its author can put it right.

use std::ops::Range;
use std::sync::Arc;

use super::events::Trouble;
use super::quotes::{after_quote, escape, unclosed_quote};
use super::traps::quoted;
use crate::diagnostic::{Diagnostic, Source, Span};

/// A list or mapping that was open where the trouble was met.
pub(super) struct Opened {
    /// A mapping; else a list.
    pub(super) map: bool,
    /// In flow style.
    pub(super) flow: bool,
    /// Where it begins.
    pub(super) start: usize,
    /// Its first key or item.
    pub(super) first: Option<Range<usize>>,
}

/// Where the trouble was met.
pub(super) struct Surroundings<'s> {
    /// The file.
    pub(super) source: &'s Arc<Source>,
    /// What is open, the outermost first.
    pub(super) opened: Vec<Opened>,
    /// The last thing that was read.
    pub(super) last: Range<usize>,
}

impl Surroundings<'_> {
    /// The file's text.
    pub(super) fn text(&self) -> &str {
        &self.source.text
    }

    /// A place in the file.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span {
            source: Arc::clone(self.source),
            start: range.start,
            end: range.end,
        }
    }

    /// The word at a place, never empty but at the end of the text.
    fn word(&self, at: usize) -> Span {
        let rest = &self.text()[at..];
        let word = rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        self.span(at..at + word.max(first))
    }

    /// From a place to the end of its line.
    pub(super) fn rest_of_line(&self, at: usize) -> Span {
        let rest = &self.text()[at..];
        let line = rest.find('\n').map_or(rest, |end| &rest[..end]);
        self.span(at..at + line.trim_end().len())
    }

    fn line_start(&self, at: usize) -> usize {
        self.text()[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// How far the line at a place is indented.
    fn indentation(&self, at: usize) -> usize {
        let line = &self.text()[self.line_start(at)..];
        line.len() - line.trim_start_matches(' ').len()
    }
}

/// The diagnostic of a trouble.
pub(super) fn explain(trouble: &Trouble, at: usize, near: &Surroundings<'_>) -> Diagnostic {
    let at = char_floor(near.text(), at);
    let template = matches!(
        trouble,
        Trouble::Separator | Trouble::Key | Trouble::Indentation | Trouble::Item | Trouble::StrayBracket
    );
    if template && let Some(trap) = unquoted_template(at, near) {
        return trap;
    }
    match trouble {
        Trouble::UnclosedQuote => unclosed_quote(at, near),
        Trouble::AfterQuote => after_quote(at, near),
        Trouble::Escape => escape(at, near),
        Trouble::UnclosedBracket(open) => unclosed_bracket(*open, at, near),
        Trouble::WrongBracket(open, close) => {
            Diagnostic::error(&near.span(at..at + 1), format!("`{open}` is closed by `{close}`")).help(
                "close the brackets in the order in which they were opened, or quote the text that they belong to",
            )
        }
        Trouble::StrayBracket => Diagnostic::error(&near.word(at), "this bracket closes nothing")
            .help("remove it, or quote the text that it belongs to"),
        Trouble::Separator => separator(at, near),
        Trouble::Tab => tab(at, near),
        Trouble::Indentation | Trouble::Item => misplaced_line(at, near),
        Trouble::Key => key(at, near),
        Trouble::Dash => Diagnostic::error(&near.rest_of_line(at), "a list cannot begin on the line of its key")
            .help("put the `- ` on a line of its own below the key, or quote the text that begins with it"),
        Trouble::UnknownAnchor => alias(at, near),
        Trouble::Reserved(first) => reserved(*first, at, near),
        Trouble::Depth => Diagnostic::error(
            &near.word(at),
            format!("nested more than {} levels deep", super::MAX_DEPTH),
        )
        .help("this is more than any of our files needs: is a bracket or an indentation wrong above?"),
        Trouble::Other(words) => {
            let words = words.rsplit_once(", ").map_or(words.as_str(), |(_, last)| last);
            Diagnostic::error(&near.word(at), format!("this is no YAML: {words}"))
                .help("quote the value, if it is meant as text")
        }
    }
}

fn char_floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// `${{ … }}` or `{{ … }}` without quotes where YAML makes something else of its brackets, commas or colons.
fn unquoted_template(at: usize, near: &Surroundings<'_>) -> Option<Diagnostic> {
    let line = near.rest_of_line(near.line_start(at));
    let text = line.text();
    let met = at - line.start;
    // The opening just before the place is the one that was misread; the parser may stop at its `{`.
    let open = text
        .match_indices("{{")
        .map(|(open, _)| open)
        .filter(|open| *open <= met)
        .last()?;
    let dollar = text[..open].ends_with('$');
    let start = open - usize::from(dollar);
    let end = text[open..].find("}}").map(|close| open + close + 2);
    let flow = near.opened.last().is_some_and(|opened| opened.flow);
    if dollar {
        // After its end, something else is the cause.
        if end.is_some_and(|end| met >= end) {
            return None;
        }
        let end = end.unwrap_or(text.len());
        let cause = if flow {
            "an expression needs quotes between brackets: there a `{` or a comma ends the text before it"
        } else {
            "an expression with `: ` in it needs quotes: else it is read as a key and a value"
        };
        let span = line.part(start, end);
        let help = format!("write {}", quoted(span.text()));
        return Some(Diagnostic::error(&span, cause).help(help));
    }
    let before = text[..open].trim_end();
    if !(before.is_empty() || before.ends_with([':', '-', '[', ',', '{'])) {
        return None;
    }
    let span = line.part(start, end.unwrap_or(text.len()));
    let whole = near.rest_of_line(span.start);
    Some(
        Diagnostic::error(
            &span,
            "a text that begins with `{{` needs quotes: else it is read as a mapping",
        )
        .help(format!(
            "write {}; an expression begins with `${{{{`",
            quoted(whole.text())
        )),
    )
}

fn unclosed_bracket(open: char, at: usize, near: &Surroundings<'_>) -> Diagnostic {
    let close = if open == '[' { ']' } else { '}' };
    Diagnostic::error(
        &near.span(at..at + open.len_utf8()),
        format!("the `{open}` that opens here is not closed"),
    )
    .help(format!("close it with `{close}`, or quote the text that it belongs to"))
}

fn separator(at: usize, near: &Surroundings<'_>) -> Diagnostic {
    let Some(opened) = near.opened.last().filter(|opened| opened.flow) else {
        return Diagnostic::error(&near.word(at), "neither a comma nor a closing bracket stands here")
            .help("quote the value, if it is meant as text");
    };
    let open = if opened.map { '{' } else { '[' };
    let below = near.line_start(at) > near.line_start(opened.start);
    // A line as far left as the one with the bracket is the next key, not more of what is in the brackets.
    if below && near.indentation(at) <= near.indentation(opened.start) {
        return unclosed_bracket(open, opened.start, near)
            .related(&near.word(near.line_start(at)), "so this is read as a part of it");
    }
    // A value that goes on to this line is where the comma is missing; the parser stops behind it.
    let at = if near.last.end == at && near.last.start < near.line_start(at) {
        near.line_start(at) + near.indentation(at)
    } else {
        at
    };
    let close = if opened.map { "`}`" } else { "`]`" };
    Diagnostic::error(&near.word(at), format!("a comma or {close} is missing before this"))
        .related(
            &near.span(opened.start..opened.start + 1),
            "the bracket was opened here",
        )
        .help("put a comma between the values, and quotes around text with brackets, commas or `: ` in it")
}

fn tab(at: usize, near: &Surroundings<'_>) -> Diagnostic {
    let text = near.text();
    let line = near.line_start(at);
    let indentation = |from: usize| {
        let rest = &text[from..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        rest[..blank].find('\t').map(|tab| from + tab)
    };
    let below = text[at..].find('\n').map(|newline| at + newline + 1);
    let tab = indentation(line)
        .or_else(|| below.and_then(indentation))
        .or_else(|| text[at..].find('\t').map(|tab| at + tab))
        .unwrap_or(at);
    Diagnostic::error(
        &near.span(tab..(tab + 1).min(text.len())),
        "a tab stands where YAML takes only blanks",
    )
    .help("indent with blanks: most editors can replace the tabs of a file")
}

fn misplaced_line(at: usize, near: &Surroundings<'_>) -> Diagnostic {
    let text = near.text();
    let line = near.line_start(at);
    // Something before it on the same line: the value has ended, and more follows.
    if !text[line..at].trim().is_empty() {
        return Diagnostic::error(&near.rest_of_line(at), "text stands behind the end of a value")
            .help("quote the whole value, if this belongs to it");
    }
    let column = |at: usize| text[near.line_start(at)..at].chars().count() + 1;
    let here = column(at);
    let Some(opened) = near.opened.last() else {
        return Diagnostic::error(&near.word(at), "this line belongs to nothing above").help("check its indentation");
    };
    let what = if opened.map { "keys" } else { "items" };
    let begin = column(opened.start);
    let first = opened
        .first
        .clone()
        .map_or(near.word(opened.start), |first| near.span(first));
    let problem = if here == begin {
        let wanted = if opened.map {
            "a key was expected here"
        } else {
            "an item of the list, with `- `, was expected here"
        };
        Diagnostic::error(&near.word(at), wanted)
    } else {
        Diagnostic::error(&near.word(at), "this line is indented as nothing above it")
    };
    let help = if opened.map {
        format!("its {what} begin at column {begin}: indent this line so, or as far as the lines that it belongs to")
    } else {
        format!("its {what} begin with `- ` at column {begin}: begin this line so, or indent it below its key or item")
    };
    problem
        .related(
            &first,
            if opened.map {
                "it stands in this mapping"
            } else {
                "it stands in this list"
            },
        )
        .help(help)
}

fn key(at: usize, near: &Surroundings<'_>) -> Diagnostic {
    let text = near.text();
    let last = text.get(near.last.clone()).unwrap_or("");
    let line = near.line_start(at);
    if near.last.end == at && near.last.start < line {
        let key = near.span(line + near.indentation(at)..at);
        let above = near
            .span(near.last.start..near.last.start + last.find('\n').unwrap_or(last.len()))
            .text()
            .trim_end()
            .to_owned();
        let first = near.span(near.last.start..near.last.start + above.len());
        let help = match above.split_once(':') {
            Some((key, value)) if !value.starts_with(char::is_whitespace) && !value.is_empty() => {
                format!("a blank is missing after the colon above: `{key}: {value}`")
            }
            _ => "indent this line like the key that it follows; or is a `:` missing at the end of the line above?"
                .to_owned(),
        };
        return Diagnostic::error(
            &key,
            format!(
                "`{}` cannot be a key here: the text above goes on to this line",
                key.text()
            ),
        )
        .related(&first, "the text begins here")
        .help(help);
    }
    let value = near.rest_of_line(if near.last.end <= at && near.last.start >= line {
        near.last.start
    } else {
        at
    });
    Diagnostic::error(
        &near.span(at..(at + 1).min(text.len())),
        "a second key on the same line",
    )
    .help(format!(
        "quote the value, if the colon belongs to it: {}; else begin a new line",
        quoted(value.text())
    ))
}

fn alias(at: usize, near: &Surroundings<'_>) -> Diagnostic {
    let word = near.word(at);
    let name = word.text().trim_end_matches([',', ']', '}']).to_owned();
    let span = word.part(0, name.len());
    Diagnostic::error(&span, format!("`{name}` refers to an anchor that is not above")).help(format!(
        "an anchor is written `&{}`; text that begins with `*` needs quotes",
        &name[1.min(name.len())..]
    ))
}

fn reserved(first: char, at: usize, near: &Surroundings<'_>) -> Diagnostic {
    if first.is_control() {
        // In a plain text the parser stops at its beginning.
        let at = near.text()[at..].find(first).map_or(at, |found| at + found);
        let end = (at + first.len_utf8()).min(near.text().len());
        return Diagnostic::error(
            &near.span(at..end),
            format!("the control character U+{:04X} is not allowed in YAML", first as u32),
        )
        .help(format!(
            "remove it, or write it as `\\x{:02x}` in double quotes",
            first as u32
        ));
    }
    let span = near.rest_of_line(at);
    let name = if first == '`' {
        "a backtick".to_owned()
    } else {
        format!("`{first}`")
    };
    Diagnostic::error(&span, format!("text cannot begin with {name}"))
        .help(format!("quote it: {}", quoted(span.text())))
}
