//! Conditions on one line of a log: a plain text means contains.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::{Deref, Range};
use std::sync::OnceLock;

use regex::bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::shape::{Problems, Shape, Text, Word, wrong_type};
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

/// A condition on a line that may be there although it must not, and why: without a reason nobody knows whether it still
/// may.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// The condition.
    pub line: LineMatcher,
    /// Why it may be.
    pub reason: String,
    /// What one of the lines shortly before it has to be like, so that it may.
    pub after: Option<LineMatcher>,
}

/// A condition on a line that must come, and whose log has to have it, where that is said.
#[derive(Debug, Clone)]
pub struct LineOf {
    /// The condition.
    pub line: LineMatcher,
    /// The service.
    pub service: Option<Text>,
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
        let (line, beside) = read(node, problems, &["reason"])?;
        let reason = reason(&beside, problems)?;
        Some(Ignored { line, reason })
    }
}

impl Shape for Allowed {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let (line, beside) = read(node, problems, &["reason", "after"])?;
        let Some(reason) = reason(&beside, problems)?.filter(|reason| !reason.trim().is_empty()) else {
            let problem = Diagnostic::error(&node.span, "a `reason` is missing: why may this line be there?");
            problems.push(problem.help("write it as `{contains: …, reason: known noise of the driver}`"));
            return None;
        };
        let after = match beside.get("after") {
            Some(after) => Some(LineMatcher::read(after, problems)?),
            None => None,
        };
        Some(Allowed { line, reason, after })
    }
}

/// Why a line may be there; none where that cannot be read.
fn reason(beside: &Beside<'_>, problems: &mut Problems) -> Option<Option<String>> {
    match beside.get("reason") {
        Some(reason) => Some(Some(Spanned::<String>::read(reason, problems)?.value)),
        None => Some(None),
    }
}

impl Shape for LineOf {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let (line, beside) = read(node, problems, &["service"])?;
        let service = match beside.get("service") {
            Some(service) => Some(Text::read(service, problems)?),
            None => None,
        };
        Some(LineOf { line, service })
    }
}

/// What stands beside a condition, by its key.
type Beside<'n> = BTreeMap<&'n str, &'n Node>;

/// Reads a condition, and gives what stands under the keys that it may have beside it.
fn read<'n>(node: &'n Node, problems: &mut Problems, more: &[&str]) -> Option<(LineMatcher, Beside<'n>)> {
    let Some(entries) = node.map() else {
        return Some((one(node, false, problems)?, Beside::new()));
    };
    let (mut line, mut beside, mut conditions) = (None, Beside::new(), 0);
    for (key, value) in entries {
        match key.scalar() {
            Some(name @ ("contains" | "matches")) => {
                conditions += 1;
                line = one(value, name == "matches", problems);
            }
            Some(name) if more.contains(&name) => {
                beside.insert(name, value);
            }
            Some(name) => {
                let known = ["contains", "matches"].iter().chain(more).copied();
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
    Some((line?, beside))
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
        let reason = ("reason", "Why it may be: told in the reports.");
        let [contains, matches] = with_beside(reason, false);
        json_schema!({
            "description": "Lines that do not count, and why.",
            "anyOf": [{"type": "string"}, contains, matches]
        })
    }
}

impl JsonSchema for Allowed {
    fn schema_name() -> Cow<'static, str> {
        "AllowedLine".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut forms = with_beside(("reason", "Why it may be there."), true);
        for form in &mut forms {
            let line = generator.subschema_for::<LineMatcher>();
            form["properties"]["after"] = serde_json::json!({
                "description": "It may be there only where one of the 10 lines before it, in the same log, is like that.",
                "allOf": [line]
            });
        }
        json_schema!({"description": "Lines that may be there, and why.", "anyOf": forms})
    }
}

impl JsonSchema for LineOf {
    fn schema_name() -> Cow<'static, str> {
        "LineOfService".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let service = (
            "service",
            "The service that writes it (default: any container of the scenario).",
        );
        let [contains, matches] = with_beside(service, false);
        json_schema!({
            "description": "A condition on a line, and whose it is.",
            "anyOf": [{"type": "string"}, contains, matches]
        })
    }
}

/// The schemas of a condition with one more key beside it.
fn with_beside((key, doc): (&str, &str), required: bool) -> [Value; 2] {
    let (contains, matches) = word_schemas();
    [("contains", contains), ("matches", matches)].map(|(word, schema)| {
        let beside = serde_json::json!({"type": "string", "description": doc});
        let needed = [word].into_iter().chain(required.then_some(key)).collect::<Vec<_>>();
        serde_json::json!({
            "type": "object",
            "properties": {word: schema, key: beside},
            "required": needed,
            "additionalProperties": false,
        })
    })
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
