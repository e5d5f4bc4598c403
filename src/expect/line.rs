//! Conditions on one line of a log: a plain text means contains.

use std::borrow::Cow;
use std::ops::{Deref, Range};
use std::sync::OnceLock;

use regex::bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::shape::{Problems, Shape, Word, wrong_type};
use crate::template::{Scope, Template, Unrendered};
use crate::yaml::{Node, key_trap};

/// A condition on a line, as it is written: `text`, `{contains: text}` or `{matches: regex}`.
#[derive(Debug, Clone)]
pub struct LineMatcher {
    /// Where it is written.
    pub span: Span,
    text: Template,
    regex: bool,
    /// Compiled when it is first wanted, where it is literal: `check` never wants it.
    ready: OnceLock<LinePattern>,
}

/// A text that lines are compared with: a plain number is another one to YAML than it is written.
#[derive(Debug, Clone)]
pub struct LineText(pub Template);

impl Deref for LineText {
    type Target = Template;
    fn deref(&self) -> &Template {
        &self.0
    }
}

impl Shape for LineText {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if crate::shape::is_plain_non_text(node) && !node.is_null() {
            problems.push(super::operand::not_text(node, "a line of a log"));
            return None;
        }
        Template::read(node, problems).map(LineText)
    }
}

impl JsonSchema for LineText {
    fn schema_name() -> Cow<'static, str> {
        "LineText".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

/// A condition on a line that is ignored, and why.
#[derive(Debug, Clone)]
pub struct Ignored {
    /// The condition.
    pub line: LineMatcher,
    /// Why it may be: told in the reports.
    pub reason: Option<String>,
}

/// A condition on a line, compiled.
#[derive(Debug, Clone)]
pub struct LinePattern {
    regex: bytes::Regex,
    shown: String,
}

impl LineMatcher {
    /// Makes one of a regular expression or, where that is not meant, of a text that the line contains.
    pub fn of(text: Template, regex: bool) -> Result<LineMatcher, Diagnostic> {
        let span = text.span.clone();
        let checked = text.as_literal().map_or(Ok(()), |literal| check(literal, regex));
        checked.map_err(|why| Diagnostic::error(&span, why))?;
        Ok(LineMatcher {
            span,
            text,
            regex,
            ready: OnceLock::new(),
        })
    }

    /// The condition, compiled; only a pattern with templates in it is compiled anew.
    pub fn ready(&self, scope: &Scope) -> Result<LinePattern, Unrendered> {
        if let Some(ready) = self.ready.get() {
            return Ok(ready.clone());
        }
        let text = self.text.text(scope)?;
        let checked = check(&text, self.regex);
        let ready = checked.and_then(|()| LinePattern::of(&text, self.regex));
        let ready = ready.map_err(|message| Unrendered::failed(self.span.clone(), message))?;
        if self.text.has_code() {
            return Ok(ready);
        }
        Ok(self.ready.get_or_init(|| ready).clone())
    }
}

/// What is wrong with a condition, also that every line fits it.
fn check(text: &str, regex: bool) -> Result<(), String> {
    match (text, regex) {
        ("", false) => Err("an empty text is in every line".to_owned()),
        (_, false) => Ok(()),
        (pattern, true) => super::vacuous::check(pattern),
    }
}

impl LinePattern {
    /// Compiles one.
    pub fn of(text: &str, regex: bool) -> Result<LinePattern, String> {
        let pattern = if regex {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(regex::escape(text))
        };
        // Its messages are the same as everywhere.
        crate::template::check_regex(&pattern)?;
        let built = bytes::RegexBuilder::new(&pattern)
            .size_limit(crate::template::REGEX_LIMIT)
            .build();
        let compiled = built.map_err(|_| format!("the regular expression `{text}` is too large"))?;
        let shown = if regex {
            format!("matches `{text}`")
        } else {
            format!("contains `{text}`")
        };
        Ok(LinePattern { regex: compiled, shown })
    }

    /// Where a line fits, if it does.
    pub fn find(&self, line: &str) -> Option<Range<usize>> {
        self.find_bytes(line.as_bytes())
    }

    /// Where a line fits that may not be UTF-8.
    pub fn find_bytes(&self, line: &[u8]) -> Option<Range<usize>> {
        self.regex.find(line).map(|found| found.range())
    }

    /// True where a line fits.
    pub fn is_match(&self, line: &[u8]) -> bool {
        self.regex.is_match(line)
    }

    /// The named groups of the first place where a line fits.
    pub fn groups(&self, line: &[u8]) -> Option<Map<String, Value>> {
        let captures = self.regex.captures(line)?;
        let named = self.regex.capture_names().flatten().filter_map(|name| {
            let text = String::from_utf8_lossy(captures.name(name)?.as_bytes()).into_owned();
            Some((name.to_owned(), Value::String(text)))
        });
        Some(named.collect())
    }

    /// What it wants, for messages: "contains `ready`".
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl Shape for LineMatcher {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        read(node, problems, &[]).map(|(line, _)| line)
    }
}

impl Shape for Ignored {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let (line, reason) = read(node, problems, &["reason"])?;
        Some(Ignored { line, reason })
    }
}

fn read(node: &Node, problems: &mut Problems, more: &[&str]) -> Option<(LineMatcher, Option<String>)> {
    let Some(entries) = node.map() else {
        return Some((one(node, false, problems)?, None));
    };
    let (mut line, mut reason, mut conditions) = (None, None, 0);
    for (key, value) in entries {
        match key.scalar() {
            Some(name @ ("contains" | "matches")) => {
                conditions += 1;
                line = one(value, name == "matches", problems);
            }
            Some("reason") if more.contains(&"reason") => {
                reason = Some(Spanned::<String>::read(value, problems)?.value)
            }
            Some(name) => {
                let known = ["contains", "matches"].into_iter().chain(more.iter().copied());
                problems.push(
                    key_trap(key).unwrap_or_else(|| {
                        Diagnostic::unknown(&key.span, "key in a condition on a line,", name, known)
                    }),
                );
                return None;
            }
            None => {
                problems.push(key_trap(key).unwrap_or_else(|| wrong_type(key, "a key")));
                return None;
            }
        }
    }
    if conditions != 1 {
        problems.push(
            Diagnostic::error(&node.span, "expected either `contains` or `matches`")
                .help("put two conditions into two items"),
        );
        return None;
    }
    Some((line?, reason))
}

fn one(node: &Node, regex: bool, problems: &mut Problems) -> Option<LineMatcher> {
    let LineText(template) = LineText::read(node, problems)?;
    problems.take(LineMatcher::of(template, regex).map_err(|problem| vec![problem]))
}

impl JsonSchema for LineMatcher {
    fn schema_name() -> Cow<'static, str> {
        "LineMatcher".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let (contains, matches) = word_schemas();
        json_schema!({
            "description": "A condition on a line: a text that it contains, or a regular expression that it matches.",
            "anyOf": [
                {"type": "string"},
                {"type": "object", "properties": {"contains": contains}, "required": ["contains"], "additionalProperties": false},
                {"type": "object", "properties": {"matches": matches}, "required": ["matches"], "additionalProperties": false},
            ]
        })
    }
}

/// The schemas of `contains` and `matches`.
fn word_schemas() -> (Value, Value) {
    (
        serde_json::json!({"type": "string", "description": "The line has this text in it."}),
        serde_json::json!({"type": "string", "description": "This regular expression matches somewhere in the line."}),
    )
}

impl JsonSchema for Ignored {
    fn schema_name() -> Cow<'static, str> {
        "IgnoredLine".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let (contains, matches) = word_schemas();
        let reason = serde_json::json!({"type": "string", "description": "Why it may be: told in the reports."});
        json_schema!({
            "description": "Lines that do not count, and why.",
            "anyOf": [
                {"type": "string"},
                {"type": "object", "properties": {"contains": contains, "reason": reason}, "required": ["contains"], "additionalProperties": false},
                {"type": "object", "properties": {"matches": matches, "reason": reason}, "required": ["matches"], "additionalProperties": false},
            ]
        })
    }
}

/// A regular expression that is written literally, compiled.
#[derive(Debug, Clone)]
pub struct RegexText(pub regex::Regex);

impl Word for RegexText {
    const WHAT: &'static str = "a regular expression";
    fn from_text(text: &str) -> Option<Self> {
        crate::template::regex(text).ok().map(RegexText)
    }
    fn advice(text: &str) -> Option<String> {
        crate::template::regex(text).err()
    }
    fn word_schema() -> Value {
        serde_json::json!({"type": "string", "not": crate::shape::computed_schema()})
    }
}
