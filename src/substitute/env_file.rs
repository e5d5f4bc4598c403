//! Env files, that beside a compose file and those of services, read as the compose tool reads them.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::files::Looking;
use super::interpolate::{self, Environment, ProblemKind, Value};
use super::unset;
use crate::diagnostic::{Diagnostic, Source, Span};

/// What `${…}` sees: what is around wins over the files, a later file over an earlier one. Each has the place that names
/// it.
pub(super) fn read(
    files: &[(PathBuf, Span)],
    around: &Environment,
    looking: &Looking<'_>,
    (problems, unset): (&mut Vec<Diagnostic>, &mut Vec<Diagnostic>),
) -> Environment {
    let mut read = Environment::new();
    for (path, at) in files {
        let Some(source) = looking.text(path, at, problems) else {
            continue;
        };
        let mut seen = read.clone();
        seen.extend(around.clone());
        match values(&source, &seen) {
            Ok((values, empty)) => {
                read.extend(values);
                unset.extend(empty);
            }
            Err(problem) => problems.push(*problem),
        }
    }
    let mut environment = around.clone();
    for (name, value) in read {
        environment.entry(name).or_insert(value);
    }
    environment
}

/// The values of one file, and what it fills in that is not set: compose would go on with an empty text.
pub(super) fn values(
    source: &Arc<Source>,
    around: &Environment,
) -> Result<(Environment, Vec<Diagnostic>), Box<Diagnostic>> {
    source.hide(hidden(&source.text));
    let Parsed { values, unset } =
        parse(&source.text, around).map_err(|(line, why)| Box::new(Diagnostic::error(&line_of(source, line), why)))?;
    let told = unset.into_iter().map(|(line, kind)| {
        let line = line_of(source, line);
        unset::diagnostic(&filled_in(&line, &kind), kind)
    });
    Ok((values, told.collect()))
}

/// Where in the lines of an env file values stand: any of them may be a secret. What they fill in is none.
fn hidden(text: &str) -> Vec<Range<usize>> {
    let (mut ranges, mut at) = (Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        let (from, end) = (at, at + line.len());
        at = end;
        if line.trim_start().starts_with('#') {
            continue;
        }
        let name = line.find(['=', ':']).filter(|name| is_name(&line[..*name]));
        let mut rest = from + name.map_or(0, |name| name + 1);
        while let Some(open) = text[rest..end].find("${").map(|open| rest + open) {
            ranges.push(rest..open);
            rest = text[open..end].find('}').map_or(end, |close| open + close + 1);
        }
        ranges.push(rest..end);
    }
    ranges
}

fn is_name(text: &str) -> bool {
    let name = text.trim().trim_start_matches("export ");
    name.chars()
        .all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '.' | '-'))
}

/// Where a line has the variable; the line where that cannot be told.
fn filled_in(line: &Span, kind: &ProblemKind) -> Span {
    let (ProblemKind::Unset(name) | ProblemKind::Required(name, _)) = kind else {
        return line.clone();
    };
    let found = [format!("${{{name}"), format!("${name}")].into_iter().find_map(|text| {
        let at = line.text().find(&text)?;
        Some(line.part(at, at + text.len() + usize::from(text.starts_with("${"))))
    });
    found.unwrap_or_else(|| line.clone())
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

/// What an env file says.
#[derive(Debug, Default)]
struct Parsed {
    values: Environment,
    /// What is not set, with its line (from 1).
    unset: Vec<(usize, ProblemKind)>,
}

/// Reads the lines of an env file. Earlier ones and `around` are seen by later ones; nothing in it can fail but a quote
/// that is not closed, which is told with its line (from 1).
fn parse(text: &str, around: &Environment) -> Result<Parsed, (usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut parsed = Parsed::default();
    let mut seen = around.clone();
    let mut rest = text.as_str();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(parsed);
        }
        if rest.starts_with('#') {
            rest = after_line(rest);
            continue;
        }
        let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let Entry { name, raw, after } = entry(rest, line)?;
        let value = match raw {
            // A name alone is taken from around, if it is there.
            None => seen.get(&name).cloned(),
            Some(Raw::Literal(text)) => Some(Value::Known(text)),
            Some(Raw::Filled(text)) => {
                let filled = interpolate::fill(&text, &seen);
                let unset = filled.problems.into_iter().map(|problem| problem.kind);
                // What is no `${NAME}` stays as it is in an env file.
                let unset = unset.filter(|kind| *kind != ProblemKind::Malformed);
                parsed.unset.extend(unset.map(|kind| (line, kind)));
                Some(filled.value.map_or(Value::Late, Value::Known))
            }
        };
        if let Some(value) = value {
            seen.insert(name.clone(), value.clone());
            parsed.values.insert(name, value);
        }
        rest = after;
    }
}

/// One `NAME=value`, or a name alone, and what follows it.
struct Entry<'t> {
    name: String,
    raw: Option<Raw>,
    after: &'t str,
}

fn entry(rest: &str, line: usize) -> Result<Entry<'_>, (usize, String)> {
    let rest = rest.strip_prefix("export ").map_or(rest, str::trim_start);
    let end = rest.find(['=', ':', '\n']).unwrap_or(rest.len());
    let name = rest[..end].trim().to_owned();
    if !rest[end..].starts_with(['=', ':']) {
        let after = &rest[end..];
        return Ok(Entry { name, raw: None, after });
    }
    if name.is_empty() || name.contains(char::is_whitespace) {
        // What stands there instead may be a part of a value.
        return Err((
            line,
            "this line does not begin with the name of a variable and `=`".to_owned(),
        ));
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
    let raw = Some(raw);
    Ok(Entry { name, raw, after })
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
    use super::{Environment, ProblemKind, Value, parse};
    use crate::diagnostic::Source;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let around = Environment::from([("HOST".to_owned(), Value::from("h"))]);
        let read = parse(text, &around).unwrap().values;
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
    fn tells_what_is_not_set() {
        let unset = |text: &str| -> Vec<(usize, ProblemKind)> { parse(text, &Environment::new()).unwrap().unset };
        let kind = |name: &str| ProblemKind::Unset(name.to_owned());
        assert_eq!(
            unset("A=1\nB=${A}$NO\nC='$NO'\nD=${NO:-d}\nE=\"${OTHER}\"\nF"),
            [(2, kind("NO")), (5, kind("OTHER"))]
        );
        assert_eq!(unset("A=5$\nB=${\n"), []);
    }

    #[test]
    fn tells_the_line_of_a_problem() {
        assert_eq!(parse("A=1\nB='x\n", &Environment::new()).unwrap_err().0, 2);
        assert_eq!(parse("A=1\n\nB C=2\n", &Environment::new()).unwrap_err().0, 3);
    }

    #[test]
    fn a_line_without_a_name_is_told_without_its_words() {
        let source = Source::new("a.env", "TOKEN dGVzdHNlY3JldA==\n");
        let told = super::values(&source, &Environment::new()).unwrap_err().draw(false);
        assert!(told.contains("a.env:1:1") && !told.contains("dGVz"), "{told}");
    }
}
