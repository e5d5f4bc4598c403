//! The `.env` beside a compose file, read as the compose tool reads it.

use std::path::PathBuf;
use std::sync::Arc;

use super::files::Looking;
use super::interpolate::{self, Environment, Value};
use crate::diagnostic::{Diagnostic, Source, Span};

/// What `${…}` sees: what is around wins over the files, a later file over an earlier one. Each has the place that names
/// it.
pub(super) fn read(
    files: &[(PathBuf, Span)],
    around: &Environment,
    looking: &Looking<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Environment {
    let mut read = Environment::new();
    for (path, at) in files {
        let Some(source) = looking.text(path, at, problems) else {
            continue;
        };
        let mut seen = read.clone();
        seen.extend(around.clone());
        match parse(&source.text, &seen) {
            Ok(values) => read.extend(values),
            Err((line, why)) => problems.push(Diagnostic::error(&line_of(&source, line), why)),
        }
    }
    let mut environment = around.clone();
    for (name, value) in read {
        environment.entry(name).or_insert(value);
    }
    environment
}

fn line_of(source: &Arc<Source>, line: usize) -> Span {
    let lines = source.text.split_inclusive('\n');
    let start: usize = lines.take(line - 1).map(str::len).sum();
    let length = source.text[start..].lines().next().map_or(0, str::len);
    Span {
        source: Arc::clone(source),
        start,
        end: start + length,
    }
}

/// Reads the lines of an env file. Earlier ones and `around` are seen by later ones; nothing in it can fail but a quote
/// that is not closed, which is told with its line (from 1).
pub(super) fn parse(text: &str, around: &Environment) -> Result<Environment, (usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut values = Environment::new();
    let mut seen = around.clone();
    let mut rest = text.as_str();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(values);
        }
        if rest.starts_with('#') {
            rest = after_line(rest);
            continue;
        }
        let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let (name, value, after) = entry(rest, line, &seen)?;
        if let Some(value) = value {
            seen.insert(name.clone(), value.clone());
            values.insert(name, value);
        }
        rest = after;
    }
}

/// One `NAME=value`, and what follows it.
type Entry<'t> = (String, Option<Value>, &'t str);

fn entry<'t>(rest: &'t str, line: usize, seen: &Environment) -> Result<Entry<'t>, (usize, String)> {
    let rest = rest.strip_prefix("export ").map_or(rest, str::trim_start);
    let end = rest.find(['=', ':', '\n']).unwrap_or(rest.len());
    let name = rest[..end].trim().to_owned();
    if !rest[end..].starts_with(['=', ':']) {
        // A name alone is taken from around, if it is there.
        let value = seen.get(&name).cloned();
        return Ok((name, value, &rest[end..]));
    }
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err((line, format!("`{}` is no name of a variable", rest[..end].trim())));
    }
    let value = rest[end + 1..].trim_start_matches([' ', '\t']);
    let (raw, after) = match value.chars().next() {
        Some(quote @ ('\'' | '"')) => {
            let Some(close) = closing_quote(&value[1..], quote) else {
                return Err((line, format!("the quote of `{name}` is not closed")));
            };
            let inside = &value[1..=close];
            let raw = if quote == '"' {
                Raw::Filled(unescape(inside))
            } else {
                Raw::Literal(inside.to_owned())
            };
            (raw, after_line(&value[close + 2..]))
        }
        _ => {
            let line = value.lines().next().unwrap_or("");
            (
                Raw::Filled(without_comment(line).trim_end().to_owned()),
                after_line(value),
            )
        }
    };
    let value = match raw {
        Raw::Literal(text) => Value::Known(text),
        // A variable that is not set is empty here, as it is for compose.
        Raw::Filled(text) => interpolate::fill(&text, seen).value.map_or(Value::Late, Value::Known),
    };
    Ok((name, Some(value), after))
}

enum Raw {
    Literal(String),
    Filled(String),
}

fn after_line(text: &str) -> &str {
    text.find('\n').map_or("", |at| &text[at + 1..])
}

fn without_comment(line: &str) -> &str {
    let hash = line
        .char_indices()
        .find(|(at, c)| *c == '#' && (*at == 0 || line[..*at].ends_with([' ', '\t'])));
    hash.map_or(line, |(at, _)| &line[..at])
}

fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return Some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            // An escaped dollar stays one when variables are filled in.
            Some('$') => out.push_str("$$"),
            Some(c @ ('"' | '\\')) => out.push(c),
            Some(c) => out.extend(['\\', c]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Environment, Value, parse};

    fn check(text: &str, expected: &[(&str, &str)]) {
        let around = Environment::from([("HOST".to_owned(), Value::from("h"))]);
        let read = parse(text, &around).unwrap();
        let read: Vec<(&str, &str)> = read
            .iter()
            .map(|(k, v)| (k.as_str(), v.known().unwrap_or("late")))
            .collect();
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn reads_what_compose_reads() {
        check("A=1\nB=two words \n", &[("A", "1"), ("B", "two words")]);
        check("# c\n\n  A=1 # c\nB=a#b\n", &[("A", "1"), ("B", "a#b")]);
        check("export A=1\r\nB = 2\r\n", &[("A", "1"), ("B", "2")]);
        check(
            "A='x $HOST \\n' # c\nB=\"x $HOST \\n\\$HOST\"",
            &[("A", "x $HOST \\n"), ("B", "x h \n$HOST")],
        );
        check("A=1\nB=${A}${NO:-d}$NO", &[("A", "1"), ("B", "1d")]);
        check("A=\"two\nlines\"\nB=2", &[("A", "two\nlines"), ("B", "2")]);
        check("HOST\nNO\nA=", &[("A", ""), ("HOST", "h")]);
        check("A: yaml", &[("A", "yaml")]);
        check("\u{feff}A=1", &[("A", "1")]);
        check("A=http://x:1/y?a=b", &[("A", "http://x:1/y?a=b")]);
        check("", &[]);
    }

    #[test]
    fn tells_the_line_of_a_problem() {
        assert_eq!(parse("A=1\nB='x\n", &Environment::new()).unwrap_err().0, 2);
        assert_eq!(parse("A=1\n\nB C=2\n", &Environment::new()).unwrap_err().0, 3);
    }
}
