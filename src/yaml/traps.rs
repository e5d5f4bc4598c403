//! What is YAML, and surely not what its author meant: templates without quotes, expressions cut in two.

use serde_json::Value;

use super::{Content, Node, Style};
use crate::diagnostic::{Diagnostic, Span};

/// A key that is no key, in a tree whose merge keys were applied: a template, or a piece of an expression that a comma or a colon cut.
pub fn key_trap(key: &Node) -> Option<Diagnostic> {
    let written = key.span.text();
    if key.map().is_some() && written.starts_with('{') {
        return Some(mapping_for_template(&key.span));
    }
    if key.is_merge() {
        return Some(
            Diagnostic::error(&key.span, "`<<` merges nothing here: its value is no mapping")
                .help("give it an alias of a mapping, or a list of them"),
        );
    }
    let text = key.scalar()?;
    if text.contains("${{") {
        let span = key.span.part(written.find("${{").unwrap_or(0), written.len());
        return Some(
            Diagnostic::error(&span, "a key is never a template")
                .help("write the name itself; values may be templates"),
        );
    }
    if matches!(&key.content, Content::Scalar(scalar) if scalar.style == Style::Plain) {
        let what = unbalanced(text)?;
        let problem = Diagnostic::error(&key.span, format!("the key `{text}` has {what}"));
        return Some(match flow_comma_before(&key.span) {
            true => problem.help(
                "between brackets a comma ends a value, also within an expression: quote the value that this is a part of",
            ),
            false => problem.help("quote the key, if it is meant so; else quote the value that this is a part of"),
        });
    }
    None
}

/// A number that is not written as it is told: `3.10` is 3.1, `012` is 12, `1e3` is 1000.
pub fn number_trap(span: &Span, text: &str, value: &Value) -> Option<Diagnostic> {
    let Value::Number(number) = value else { return None };
    (number.to_string() != text).then(|| {
        Diagnostic::error(span, format!("`{text}` is the number {number}"))
            .help(format!("quote it if text is meant: \"{text}\"; else write `{number}`"))
    })
}

/// A mapping where text was expected: `{{ x }}` without quotes.
pub fn flow_trap(node: &Node) -> Option<Diagnostic> {
    let (key, _) = node.map()?.first()?;
    // A block mapping begins where its first key does; that key then is the trap.
    let flow = key.span.start > node.span.start;
    (flow && node.span.text().starts_with("{{")).then(|| mapping_for_template(&node.span))
}

/// A plain text that was cut: by a comment within `${{ … }}`, or by a comma within an expression's brackets.
pub fn cut_trap(node: &Node, expression: bool) -> Option<Diagnostic> {
    let Content::Scalar(scalar) = &node.content else {
        return None;
    };
    if scalar.style != Style::Plain {
        return None;
    }
    let rest = rest_of_line(&node.span);
    let open = scalar
        .text
        .rfind("${{")
        .filter(|open| !scalar.text[*open..].contains("}}"));
    if open.is_some() && rest.trim_start().starts_with('#') {
        let whole = Span {
            end: node.span.end + rest.trim_end().len(),
            ..node.span.clone()
        };
        return Some(
            Diagnostic::error(&whole, "a ` #` begins a comment, also within an expression")
                .help(format!("quote the whole: {}", quoted(whole.text()))),
        );
    }
    let cut = expression && unbalanced(&scalar.text).is_some() && rest.trim_start().starts_with(',');
    cut.then(|| {
        Diagnostic::error(
            &node.span,
            format!("the expression `{}` is cut at a comma", scalar.text),
        )
        .help("between brackets a comma ends a value, also within an expression: put the whole expression in quotes")
    })
}

fn mapping_for_template(span: &Span) -> Diagnostic {
    let written = span.text();
    let line = written.find('\n').map_or(written, |end| &written[..end]);
    let inner = line.trim_start_matches('{').trim_end_matches('}').trim();
    let span = span.part(0, line.len());
    Diagnostic::error(&span, "`{{ … }}` without quotes is a mapping, not text").help(format!(
        "quote it: {} for an expression, {} for the text itself",
        quoted(&format!("${{{{ {inner} }}}}")),
        quoted(line)
    ))
}

/// A text in the quotes that suit it, in backticks.
pub(super) fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) {
        format!("`'{}'`", text.replace('\'', "''"))
    } else {
        format!("`\"{text}\"`")
    }
}

fn rest_of_line(span: &Span) -> &str {
    let rest = span.source.text.get(span.end..).unwrap_or("");
    rest.find('\n').map_or(rest, |end| &rest[..end])
}

/// True where what stands before it in the text is a comma, which only in flow style separates.
fn flow_comma_before(span: &Span) -> bool {
    span.source
        .text
        .get(..span.start)
        .is_some_and(|before| before.trim_end().ends_with(','))
}

/// What is unbalanced in a text: a bracket or a quote.
fn unbalanced(text: &str) -> Option<String> {
    let mut open = Vec::new();
    let mut quote: Option<char> = None;
    let mut before = ' ';
    for letter in text.chars() {
        match (quote, letter) {
            (Some(opened), _) if letter == opened => quote = None,
            (Some(_), _) => {}
            (None, '(' | '[' | '{') => open.push(letter),
            (None, ')' | ']' | '}') => {
                let opening = match letter {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                if open.pop() != Some(opening) {
                    return Some(format!("a `{letter}` that closes nothing"));
                }
            }
            (None, '"') => quote = Some(letter),
            // Between letters it is an apostrophe.
            (None, '\'') if !before.is_alphanumeric() => quote = Some(letter),
            _ => {}
        }
        before = letter;
    }
    let left = quote.or_else(|| open.pop())?;
    Some(format!("a `{left}` that is not closed"))
}
