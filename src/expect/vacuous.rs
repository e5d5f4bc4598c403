//! Operands that every text fits, so that nothing would be checked: told where they are literal, an error where computed.

use serde_json::Value;

use super::text_of;
use crate::diagnostic::Span;
use crate::template::{Unrendered, check_regex};

/// What a text contains, begins or ends with.
pub(super) const EMPTY: &str = "everything contains an empty text";

/// Texts that one of them fits by something, and none that a pattern wants nothing of.
const ODD: [&str; 5] = ["\u{1}", "a", "0", " ", "\""];

/// What is to be contained, none of it an empty text.
pub(super) fn parts(parts: Vec<Value>, span: &Span) -> Result<Vec<Value>, Unrendered> {
    if parts.is_empty() || parts.contains(&Value::from("")) {
        return Err(failed(span, EMPTY));
    }
    Ok(parts)
}

/// Whether a literal has an empty text in it.
pub(super) fn is_empty(literal: &Value) -> bool {
    match literal {
        Value::Array(items) => items.is_empty() || items.contains(&Value::from("")),
        other => text_of(other).is_empty(),
    }
}

/// What a text begins or ends with, if it is something.
pub(super) fn end(text: String, span: &Span) -> Result<String, Unrendered> {
    match text.as_str() {
        "" => Err(failed(span, EMPTY)),
        _ => Ok(text),
    }
}

/// A regular expression that wants something.
pub(super) fn regex(regex: regex::Regex, span: &Span) -> Result<regex::Regex, Unrendered> {
    match fits_all(regex.as_str()) {
        Some(why) => Err(failed(span, &why)),
        None => Ok(regex),
    }
}

/// Why every text fits a regular expression, if it is so: it may match nothing, wherever that is. One that takes the whole
/// text, as `.*` does, is meant so.
pub(super) fn fits_all(pattern: &str) -> Option<String> {
    // Few can match nothing: only those are compiled.
    let read = regex_syntax::Parser::new().parse(pattern).ok()?;
    if read.properties().minimum_len() != Some(0) {
        return None;
    }
    let compiled = crate::template::regex(pattern).ok()?;
    let found = ODD.map(|text| compiled.find(text));
    let everywhere = compiled.is_match("") && found.iter().all(Option::is_some);
    let nothing = found.iter().flatten().any(|found| found.is_empty());
    (everywhere && nothing)
        .then(|| format!("the regular expression `{pattern}` fits every text: it may match nothing at all"))
}

/// Tells what is wrong with a literal regular expression, also that it checks nothing.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    check_regex(pattern)?;
    fits_all(pattern).map_or(Ok(()), Err)
}

fn failed(span: &Span, message: &str) -> Unrendered {
    Unrendered::failed(span.clone(), message)
}
