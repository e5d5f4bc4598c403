//! Tree → text, word for word in meaning, for readers of YAML 1.1 and 1.2 alike.
//!
//! The docker tools disagree on what plain scalars mean (`0440`, `22:22`, `yes`, `2001-12-14`), so a plain scalar is
//! written as its author wrote it and nothing is ever resolved; whatever was quoted stays quoted.

use std::fmt::Write as _;

use super::{Content, Node, Scalar, Style};

/// YAML's limit on a key that stands before its colon on one line, with room for its quotes.
const MAX_SIMPLE_KEY: usize = 500;

/// Writes a tree as one document.
pub fn write(node: &Node) -> String {
    let mut out = String::new();
    tagged(node, &mut out);
    match &node.content {
        Content::Scalar(scalar) => scalar_value(scalar, 0, &mut out),
        _ if is_empty(node) => brackets(node, &mut out),
        _ => {
            if node.tag.is_some() {
                new_line(0, &mut out);
            }
            block(node, 0, &mut out);
        }
    }
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// Writes several documents, each after the first begun by `---`.
pub fn write_all(nodes: &[Node]) -> String {
    nodes.iter().map(write).collect::<Vec<_>>().join("---\n")
}

fn tagged(node: &Node, out: &mut String) {
    if let Some(tag) = &node.tag {
        out.push_str(tag);
        // Nothing follows an empty value; a blank would stand at the line's end.
        if node.scalar() != Some("") || !matches!(&node.content, Content::Scalar(s) if s.style == Style::Plain) {
            out.push(' ');
        }
    }
}

fn is_empty(node: &Node) -> bool {
    node.list().is_some_and(<[Node]>::is_empty) || node.map().is_some_and(<[(Node, Node)]>::is_empty)
}

fn brackets(node: &Node, out: &mut String) {
    out.push_str(if node.map().is_some() { "{}" } else { "[]" });
}

fn new_line(indent: usize, out: &mut String) {
    while out.ends_with(' ') {
        out.pop();
    }
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A list or mapping that has something in it; its first line goes where the text ends now.
fn block(node: &Node, indent: usize, out: &mut String) {
    match &node.content {
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    separate(indent, out);
                }
                out.push('-');
                item_value(item, indent, out);
            }
        }
        Content::Map(entries) => {
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    separate(indent, out);
                }
                entry(key, value, indent, out);
            }
        }
        Content::Scalar(scalar) => scalar_value(scalar, indent, out),
    }
}

/// Begins the next item's line; a block scalar has ended its own.
fn separate(indent: usize, out: &mut String) {
    if out.ends_with('\n') {
        out.extend(std::iter::repeat_n(' ', indent));
    } else {
        new_line(indent, out);
    }
}

/// What follows `-`, `?` or the `:` of a `?` key: on the same line whatever it is.
fn item_value(item: &Node, indent: usize, out: &mut String) {
    if item.tag.is_some() || is_empty(item) || item.scalar().is_some() {
        value(item, indent, out);
        return;
    }
    out.push(' ');
    block(item, indent + 2, out);
}

fn entry(key: &Node, entry: &Node, indent: usize, out: &mut String) {
    let simple = key.scalar().is_some_and(|text| text.len() <= MAX_SIMPLE_KEY)
        && !matches!(&key.content, Content::Scalar(s) if s.style == Style::Plain && s.text.is_empty());
    if let (true, Content::Scalar(scalar)) = (simple, &key.content) {
        tagged(key, out);
        one_line(scalar, out);
        out.push(':');
        value(entry, indent, out);
        return;
    }
    out.push('?');
    item_value(key, indent, out);
    separate(indent, out);
    out.push(':');
    item_value(entry, indent, out);
}

/// What follows a key's colon: a scalar on the same line, else a block below.
fn value(node: &Node, indent: usize, out: &mut String) {
    if node.tag.is_some() || node.scalar().is_some_and(|text| !text.is_empty()) || is_empty(node) || is_quoted(node) {
        out.push(' ');
    }
    tagged(node, out);
    match &node.content {
        Content::Scalar(scalar) => scalar_value(scalar, indent + 2, out),
        _ if is_empty(node) => brackets(node, out),
        _ => {
            new_line(indent + 2, out);
            block(node, indent + 2, out);
        }
    }
}

fn is_quoted(node: &Node) -> bool {
    matches!(&node.content, Content::Scalar(scalar) if scalar.style != Style::Plain)
}

fn scalar_value(scalar: &Scalar, indent: usize, out: &mut String) {
    if matches!(scalar.style, Style::Literal | Style::Folded) && is_literal(&scalar.text) {
        literal(&scalar.text, indent.max(2), out);
    } else {
        one_line(scalar, out);
    }
}

fn one_line(scalar: &Scalar, out: &mut String) {
    if scalar.style == Style::Plain && is_plain(&scalar.text) {
        out.push_str(&scalar.text);
    } else {
        double_quoted(&scalar.text, out);
    }
}

/// True for a text that means the same without quotes wherever it stands in block style: each plain scalar that was
/// read is one, unless it had empty lines in it; one that a substitution made may be none.
fn is_plain(text: &str) -> bool {
    let mut letters = text.chars();
    let Some(first) = letters.next() else {
        return true;
    };
    let second = letters.next();
    let begins = match first {
        '-' | '?' | ':' => second.is_some_and(|second| !second.is_whitespace()),
        ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => false,
        _ => true,
    };
    begins
        && !is_document_marker(text)
        && !text.as_bytes().windows(2).any(ends_plain)
        && !text.ends_with(':')
        && text.trim() == text
        && !text.chars().any(needs_escape)
}

/// True for what would make a key of the text before it, or a comment of the text after it.
fn ends_plain(pair: &[u8]) -> bool {
    matches!(pair, [b':', b' ' | b'\t'] | [b' ' | b'\t', b'#'])
}

/// True for a text that begins or ends a document where it stands at the beginning of a line.
pub(super) fn is_document_marker(text: &str) -> bool {
    let marked = text.strip_prefix("---").or_else(|| text.strip_prefix("..."));
    marked.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// Line breaks of YAML 1.1 and what its readers refuse to see unescaped.
fn needs_escape(letter: char) -> bool {
    (letter.is_control() && letter != '\t')
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// True for a text that a literal block gives back as it is, without an indentation indicator.
fn is_literal(text: &str) -> bool {
    let first = text.chars().next();
    first.is_some_and(|first| !first.is_whitespace())
        && !text.chars().any(|letter| letter != '\n' && needs_escape(letter))
        // PyYAML reads a line of blanks only as an empty one where it ends the block.
        && !text.lines().next_back().is_some_and(|last| last.trim().is_empty() && !last.is_empty())
}

fn literal(text: &str, indent: usize, out: &mut String) {
    let trimmed = text.trim_end_matches('\n');
    out.push_str(match text.len() - trimmed.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    out.push('\n');
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn double_quoted(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            other if needs_escape(other) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(other));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
