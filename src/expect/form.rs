//! What can never be true of a field: a word that it never is, a text where it is a number; and what was meant.

use serde_json::Value;

use super::read::{For, MATCHERS, is_list, suits};
use super::{Field, FieldKind};
use crate::diagnostic::{Diagnostic, known_names};
use crate::shape::Word as _;
use crate::yaml::{Content, Node, Style};

/// What people write for what is not there.
const NOTHING: [&str; 5] = ["none", "null", "nothing", "no", ""];

/// Says of a literal text that the field is never that.
pub(super) fn never(node: &Node, text: &str, what: For<'_>) -> Option<Diagnostic> {
    let text = super::compare::trimmed(text);
    let help = match what.kind {
        FieldKind::Words(words) if words.contains(&text) => return None,
        FieldKind::Words(_) if NOTHING.contains(&text) => "write `{exists: false}` for what is not there".to_owned(),
        FieldKind::Words(words) => known_names(text, words),
        FieldKind::Mode => {
            let is_octal = |digit: u8| matches!(digit, b'0'..=b'7');
            if text.len() == 4 && text.bytes().all(is_octal) {
                return None;
            }
            written_mode(text).unwrap_or_else(|| "it has four octal digits: `'0644'`".to_owned())
        }
        FieldKind::Owner => {
            let is_number = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
            if text
                .split_once(':')
                .is_some_and(|(user, group)| is_number(user) && is_number(group))
            {
                return None;
            }
            written_owner(text)
        }
        _ => return None,
    };
    let message = format!("`{}` is never `{text}`", what.field);
    Some(Diagnostic::error(&node.span, message).help(help))
}

/// What is to be written for a matcher as an item of a list, which is compared with a whole one.
pub(super) fn of_items(item: &Node) -> String {
    let raw = item.span.text();
    let matcher = match raw.starts_with('{') && !raw.contains('\n') {
        true => raw,
        false => "{contains: …}",
    };
    format!(
        "a list is compared with the whole one: write `{{any: {matcher}}}` for one of its items, `{{all: {matcher}}}` for each"
    )
}

/// A plain number or the like where text is compared: what it would have to be.
pub(super) fn no_text(node: &Node, what: For<'_>) -> Diagnostic {
    let problem = super::operand::not_text(node, &format!("`{}`", what.field));
    let raw = node.span.text();
    match what.kind {
        FieldKind::Words(words) if node.scalar().is_some() => problem.help(known_names(raw, words)),
        FieldKind::Mode => match written_mode(raw.trim_start_matches("0o")) {
            Some(help) => problem.help(help),
            None => problem,
        },
        FieldKind::Owner => problem.help(written_owner(raw)),
        _ => problem,
    }
}

fn written_mode(digits: &str) -> Option<String> {
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777)?;
    Some(format!("it has four octal digits: write `'{mode:04o}'`"))
}

fn written_owner(text: &str) -> String {
    let example = match text {
        "root" => "0:0".to_owned(),
        number if number.parse::<u32>().is_ok() => format!("{number}:{number}"),
        _ => "1000:1000".to_owned(),
    };
    format!("it is user and group in numbers: `'{example}'`")
}

/// Says of a matcher for a part of a word that no word has it.
pub(super) fn fits_no_word(name: &str, value: &Node, what: For<'_>) -> Option<Diagnostic> {
    let FieldKind::Words(words) = what.kind else {
        return None;
    };
    let part = value.scalar().filter(|text| !text.contains("${{"))?;
    let fits = match name {
        "contains" => words.iter().any(|word| word.contains(part)),
        "starts-with" => words.iter().any(|word| word.starts_with(part)),
        "ends-with" => words.iter().any(|word| word.ends_with(part)),
        "matches" => {
            let regex = crate::template::regex(part).ok()?;
            words.iter().any(|word| regex.is_match(word))
        }
        _ => return None,
    };
    let message = format!("this fits no word that `{}` can be", what.field);
    (!fits).then(|| Diagnostic::error(&value.span, message).help(known_names(part, words)))
}

/// What to write instead of a value of the wrong type.
pub(super) fn instead(node: &Node, what: For<'_>) -> Option<String> {
    let raw = node.span.text();
    if node.list().is_some() && !matches!(what.kind, FieldKind::Map) {
        return Some(format!("write `{{one-of: {raw}}}`"));
    }
    let text = node.scalar()?;
    match what.kind {
        kind if is_list(kind) => Some(format!("write `[{raw}]` or `{{contains: {raw}}}`")),
        FieldKind::Boolean => truth(node),
        FieldKind::Duration => duration(node, text),
        FieldKind::Number(..) => Some(number(text)),
        _ => None,
    }
}

/// What to write for `yes`, or for `true` in quotes.
pub(super) fn truth(node: &Node) -> Option<String> {
    let text = node.scalar()?;
    match bool::from_text(text) {
        Some(_) => Some("take the quotes away".to_owned()),
        None => bool::advice(text),
    }
}

fn duration(node: &Node, text: &str) -> Option<String> {
    if node.value().is_number() {
        return Some(format!(
            "write its unit, and a limit rather than the value: `{{le: {text}s}}`"
        ));
    }
    std::time::Duration::advice(text)
}

/// What was meant by a text where a number is.
fn number(text: &str) -> String {
    let unsigned = text.trim();
    if unsigned.parse::<f64>().is_ok() {
        return "take the quotes away".to_owned();
    }
    for (sign, matcher) in [(">=", "ge"), ("<=", "le"), (">", "gt"), ("<", "lt"), ("!=", "not")] {
        let value = unsigned.strip_prefix(sign).map(str::trim);
        if let Some(value) = value.filter(|value| value.parse::<f64>().is_ok()) {
            return format!("write `{{{matcher}: {value}}}`");
        }
    }
    let class = unsigned.to_ascii_lowercase();
    let class = class.strip_suffix("xx").and_then(|class| class.parse::<u32>().ok());
    match class.filter(|class| (1..=5).contains(class)) {
        Some(2) => "2xx is wanted when nothing is said; written out it is `{ge: 200, lt: 300}`".to_owned(),
        Some(class) => format!("write `{{ge: {class}00, lt: {}00}}`", class + 1),
        None => "write a number, or a matcher: `{ge: 1}`".to_owned(),
    }
}

/// What others call matchers.
const OTHER_MATCHERS: [(&[&str], &str); 9] = [
    (&["between", "range"], "{ge: …, le: …}"),
    (&["regex", "regexp", "pattern", "like"], "matches"),
    (&["eq", "is", "equal-to", "value"], "equals"),
    (&["ne", "neq", "is-not", "not-equals"], "not"),
    (&["not-contains", "excludes"], "{not: {contains: …}}"),
    (&["in", "any-of"], "one-of"),
    (&["min", "gte", "at-least"], "ge"),
    (&["max", "lte", "at-most"], "le"),
    (&["size", "count"], "length"),
];

/// What others call fields of results, and what they are called here: the first that there is.
const OTHER_FIELDS: [(&[&str], &[&str]); 7] = [
    (
        &["code", "exit-code", "rc", "returncode", "status-code"],
        &["status", "exit"],
    ),
    (&["status"], &["state", "exit"]),
    (
        &["output", "out", "response", "content", "text", "message"],
        &["stdout", "body", "text", "answer", "lines"],
    ),
    (&["err"], &["stderr", "error"]),
    (&["time", "elapsed"], &["duration"]),
    (&["permissions", "perms"], &["mode"]),
    (&["user", "uid"], &["owner"]),
];

/// The matcher that is meant by a word of others.
pub(super) fn other_matcher(name: &str) -> Option<&'static str> {
    let name = name.replace('_', "-");
    let known = OTHER_MATCHERS.iter().find(|(words, _)| words.contains(&name.as_str()));
    known.map(|(_, ours)| *ours)
}

/// What is meant by a name that is no field of the result: a field that others call so, or a matcher of one.
pub(super) fn meant_by(name: &str, fields: &[Field]) -> Option<String> {
    let judged = || {
        let judged = fields
            .iter()
            .find(|field| suits(name, field.kind) && field.kind != FieldKind::Json);
        judged.filter(|_| MATCHERS.contains(&name))
    };
    match other_field(name, fields) {
        Some("state") => Some(
            "of a container it is `state: running`; of a service numbers tell it: `running: 1`, `healthy: 1`, `completed: 1`"
                .to_owned(),
        ),
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        None => judged().map(|field| format!("`{name}` judges a field: `{{{}: {{{name}: …}}}}`", field.name)),
    }
}

/// The field that is meant by a word of others.
fn other_field(name: &str, fields: &[Field]) -> Option<&'static str> {
    let name = name.replace('_', "-");
    let (_, ours) = OTHER_FIELDS.iter().find(|(words, _)| words.contains(&name.as_str()))?;
    ours.iter()
        .copied()
        .find(|ours| fields.iter().any(|field| field.name == *ours))
}

/// The mapping that was meant by a bare value: of the first field that can be that.
pub(super) fn meant(node: &Node, fields: &[Field]) -> Option<String> {
    let Content::Scalar(scalar) = &node.content else {
        return None;
    };
    let fits = |kind: FieldKind| match node.value() {
        Value::Number(_) => matches!(kind, FieldKind::Number(..)),
        Value::Bool(_) => kind == FieldKind::Boolean,
        Value::String(_) => kind == FieldKind::Text && scalar.style == Style::Plain,
        _ => false,
    };
    let field = fields.iter().find(|field| fits(field.kind))?;
    Some(format!("{{{}: {}}}", field.name, node.span.text()))
}
