//! A step as written: exactly one kind, and the common keys beside it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{BUILT_IN, ExpectLog, ForEach, Kind, LATER_KINDS, Sort, Written, advice, kind};
use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::expect::Expectation;
use crate::shape::{Computed, Fields, Named, Problems, Rule, Shape, Text, key_of, shape, words, wrong_type};
use crate::template::{Expression, Template};
use crate::yaml::{Node, key_trap};

words! {
    /// Whether what a scenario started is left for a look.
    pub enum Keep {
        /// It is removed.
        Never = "never",
        /// It is left when the scenario did not pass.
        Failed = "failed",
        /// It is left.
        Always = "always",
    }
}

shape! {
    /// A condition under which it is skipped, and why.
    pub struct Skip ("a skip") {
        /// An expression; without one always.
        r#if: Option<Expression>,
        /// Why it is skipped: told in the reports.
        reason: Spanned<String>,
        /// Where the reason is discussed.
        link: Option<Spanned<String>>,
    }
}

shape! {
    /// A failure that is known: it is not counted, and passing fails.
    pub struct KnownIssue ("a known issue") {
        /// An expression; without one always.
        r#if: Option<Expression>,
        /// What the issue is.
        reason: Spanned<String>,
        /// Where it is tracked.
        link: Option<Spanned<String>>,
        /// A regular expression that one of the failure's lines must match.
        matches: Option<Spanned<crate::expect::RegexText>>,
        /// The first day on which it counts again: `2027-01-01`.
        until: Option<Spanned<Day>>,
    }
}

/// A calendar day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub jiff::civil::Date);

impl crate::shape::Word for Day {
    const WHAT: &'static str = "a day (`2027-01-01`)";
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().map(Day)
    }
    fn word_schema() -> serde_json::Value {
        serde_json::json!({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"})
    }
}

/// A key that a later version of the language has: using it says so.
#[derive(Debug, Clone)]
pub struct Later;

impl Shape for Later {
    fn is_later() -> bool {
        true
    }

    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        problems.push(
            Diagnostic::error(&node.span, "this part of the language is not there yet in this version")
                .help("take it out: a later version will have it"),
        );
        None
    }

    fn read_field(key: &Node, _: &Node, problems: &mut Problems) -> Option<Self> {
        let name = key.scalar().unwrap_or_default();
        problems.push(
            Diagnostic::error(&key.span, format!("`{name}` is not there yet in this version"))
                .help("take it out: a later version will have it"),
        );
        None
    }
}

impl JsonSchema for Later {
    fn schema_name() -> Cow<'static, str> {
        "Later".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"not": {}, "description": "Not there yet in this version."})
    }
}

shape! {
    /// The keys that stand beside a step's kind.
    pub struct Common ("a step") rules [Rule::Needs("must-hold", &["probe"])] {
        /// What the report calls it; without one, the kind and its target.
        name: Option<Text>,
        /// An expression; false: skipped.
        r#if: Option<Expression>,
        /// Conditions under which it is skipped, each with its reason.
        skip: Vec<Skip>,
        /// On which nodes.
        at: Option<Later>,
        /// Limit of one attempt.
        timeout: Option<Computed<Duration>>,
        /// The expectation may become true until then: the whole step is asked again.
        within: Option<Computed<Duration>>,
        /// How often it is asked again where no event tells (default 200ms; 50ms for a probe).
        every: Option<Computed<Duration>>,
        /// Once true it must stay true for that long.
        holds_for: Option<Computed<Duration>>,
        /// A name: the question goes on in the background from here.
        probe: Option<Spanned<String>>,
        /// With `probe`: one failure fails the scenario.
        must_hold: Option<Spanned<bool>>,
        /// A failure is reported and the phase goes on.
        soft: Option<Spanned<bool>>,
        /// The step once for each item.
        for_each: Option<ForEach>,
        /// Beside `do`: lines that must be written while its steps run, `within` as long after them; `log-scan` allows them.
        expect_log: Option<ExpectLog>,
    }
}

/// A step as written.
#[derive(Debug, Clone)]
pub struct Step {
    /// The whole step.
    pub at: Span,
    /// Its kind.
    pub kind: &'static Kind,
    /// Where the kind's name is written.
    pub kind_at: Span,
    /// The kind's value.
    pub body: Arc<dyn Written>,
    /// A digest of what it asks or does, without what only judges the answer.
    pub asks: String,
    /// The author's names in what it asks or does.
    pub asks_with: BTreeSet<String>,
    /// The common keys.
    pub common: Common,
    /// What its result must be.
    pub expect: Option<Expectation>,
    /// Expressions over its result, by the names that they are kept under.
    pub save: Named<Expression>,
    /// The templates of all but `save`, those of the steps inside it apart.
    pub templates: Vec<Template>,
    /// The templates of `save`: they see the result.
    pub save_templates: Vec<Template>,
}

pub(super) const APART: [&str; 2] = ["expect", "save"];

pub(super) fn is_common(key: &str) -> bool {
    APART.contains(&key) || Common::keys().iter().any(|known| known == key)
}

impl Shape for Step {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let outer = std::mem::take(&mut problems.templates);
        let step = read_step(node, problems);
        problems.templates = outer;
        step
    }
}

fn read_step(node: &Node, problems: &mut Problems) -> Option<Step> {
    let (kind_key, kind, value) = find_kind(node, problems)?;
    let before = problems.diagnostics.len();
    let body = (kind.read)(value, problems);
    advice::tell_misplaced(kind, value, &mut problems.diagnostics[before..]);
    advice::tell_meant(kind, value, &mut problems.diagnostics[before..]);
    advice::tell_data_body(kind, value, &mut problems.diagnostics[before..]);
    let asks_with = author_names(&problems.templates);
    let common = Common::read_fields(&Fields::among(node, Common::keys()), problems);
    let expect = match node.entry("expect") {
        Some(expect) if kind.results.is_empty() => {
            problems.push(Diagnostic::error(
                &expect.span,
                format!("`{}` has no result to expect anything of", kind.name),
            ));
            Some(None)
        }
        Some(expect) => Expectation::read(expect, kind.results, problems).map(Some),
        None => Some(None),
    };
    let templates = std::mem::take(&mut problems.templates);
    let before = problems.diagnostics.len();
    let save = node
        .entry("save")
        .map_or(Some(Named::default()), |save| Named::read(save, problems));
    advice::tell_bare_save(node, kind, &mut problems.diagnostics[before..]);
    let save_templates = std::mem::take(&mut problems.templates);
    let step = Step {
        at: node.span.clone(),
        kind,
        kind_at: kind_key.span.clone(),
        body: body?,
        asks: super::asks::of(node, kind, value),
        asks_with,
        common: common?,
        expect: expect?,
        save: save?,
        templates,
        save_templates,
    };
    check_combination(&step, problems);
    Some(step)
}

/// The names in templates that are no built-in ones.
fn author_names(templates: &[Template]) -> BTreeSet<String> {
    let names = templates.iter().flat_map(Template::names).filter(|path| !path.call);
    let names = names
        .map(|path| path.parts[0].as_str())
        .filter(|name| !BUILT_IN.contains(name));
    names.map(str::to_owned).collect()
}

/// Finds the one key that is a kind; tells when there is none, more than one, or an unknown key.
fn find_kind<'n>(node: &'n Node, problems: &mut Problems) -> Option<(&'n Node, &'static Kind, &'n Node)> {
    let Some(entries) = node.map() else {
        problems.push(
            crate::yaml::flow_trap(node)
                .unwrap_or_else(|| wrong_type(node, "a step (a mapping)"))
                .help(advice::kinds_help()),
        );
        return None;
    };
    let mut found: Option<(&Node, &'static Kind, &Node)> = None;
    let mut unknown = false;
    let mut strange = Vec::new();
    for (key, value) in entries {
        let Some(name) = key.scalar() else {
            problems.push(key_trap(key).unwrap_or_else(|| wrong_type(key, "a key")));
            unknown = true;
            continue;
        };
        if let Some(this) = kind(name) {
            if let Some((first, first_kind, _)) = found {
                let message = format!(
                    "a step has one kind, and this one has two: `{}` and `{name}`",
                    first_kind.name
                );
                problems.push(
                    Diagnostic::error(&key.span, message)
                        .related(&first.span, "the first")
                        .help("make it two steps, each beginning with `- `"),
                );
            } else {
                found = Some((key, this, value));
            }
        } else if LATER_KINDS.contains(&name) {
            problems.push(
                Diagnostic::error(&key.span, format!("`{name}` is not there yet in this version"))
                    .help(advice::kinds_help()),
            );
            unknown = true;
        } else if !is_common(name) {
            strange.push((key, name));
            unknown = true;
        }
    }
    for (key, name) in strange {
        problems.push(advice::unknown_step_key(key, name, found.map(|(_, kind, _)| kind)));
    }
    if found.is_none() && !unknown {
        problems.push(
            Diagnostic::error(&node.span, "a step needs a kind, and this one has none").help(advice::kinds_help()),
        );
    }
    found
}

/// Refuses common keys that have no meaning for the kind.
fn check_combination(step: &Step, problems: &mut Problems) {
    let kind = step.kind;
    let waits = [
        ("within", &step.common.within),
        ("holds-for", &step.common.holds_for),
        ("every", &step.common.every),
    ];
    for (key, value) in waits {
        let Some(value) = value else { continue };
        let waits_for_lines = key == "within" && step.common.expect_log.is_some();
        if matches!(kind.sort, Sort::Action | Sort::Block) && !waits_for_lines {
            problems.push(
                Diagnostic::error(
                    value.span(),
                    format!("`{key}` asks again, and `{}` only acts", kind.name),
                )
                .help("its limit is `timeout`; a condition to wait for is a step of its own"),
            );
        }
    }
    if let Some(probe) = &step.common.probe
        && kind.sort != Sort::Question
    {
        problems.push(Diagnostic::error(
            &probe.span,
            format!("`{}` is no question: it cannot be a probe", kind.name),
        ));
    }
    let limits = [("timeout", &step.common.timeout)];
    for (key, value) in limits.into_iter().chain(waits) {
        if let Some(limit) = value.as_ref().filter(|limit| limit.known() == Some(Duration::ZERO)) {
            problems.push(no_time(key, limit.span()));
        }
    }
    tell_idle(step, problems);
    tell_expected_lines(step, problems);
    if let (Some(must_hold), None) = (&step.common.must_hold, &step.common.probe) {
        problems.push(Diagnostic::error(
            &must_hold.span,
            "`must-hold` belongs to `probe`, and there is none",
        ));
    }
}

/// A limit within which nothing can be done.
pub fn no_time(key: &str, span: &Span) -> Diagnostic {
    Diagnostic::error(span, format!("`{key}` is no time at all")).help("write how long: `30s`")
}

/// Refuses keys that would do nothing beside the others.
fn tell_idle(step: &Step, problems: &mut Problems) {
    let Common {
        within,
        every,
        holds_for,
        probe,
        ..
    } = &step.common;
    let waits = [("within", within), ("holds-for", holds_for)];
    if probe.is_some() && step.kind.sort == Sort::Question {
        let waits = waits
            .iter()
            .filter_map(|(key, value)| Some((*key, value.as_ref()?.span())));
        let save = step.save.0.values().next().map(|(span, _)| ("save", span));
        for (key, span) in waits.chain(save) {
            let message = format!("`{key}` does nothing beside `probe`: the question goes on in the background");
            let help = "what it has found is asked by a step of its own: `state-assert: {probe: NAME}`";
            problems.push(Diagnostic::error(span, message).help(help));
        }
    } else if let (Some(every), None) = (every, probe)
        && !matches!(step.kind.sort, Sort::Action | Sort::Block)
        && waits.iter().all(|(_, value)| value.is_none())
    {
        let message = "`every` says how often it is asked again, and nothing asks again";
        let help = "add `within`, `holds-for` or `probe`, or take it out";
        problems.push(Diagnostic::error(every.span(), message).help(help));
    }
}

/// Refuses `expect-log` where no steps are during which the lines could come.
fn tell_expected_lines(step: &Step, problems: &mut Problems) {
    let expected = step.common.expect_log.as_ref();
    if let Some(expected) = expected.filter(|_| step.kind.name != "do") {
        let message = format!("`expect-log` belongs to `do`, and this is `{}`", step.kind.name);
        let help = "put the step below a `do:`, as a line that begins with `- `, and `expect-log` beside that";
        problems.push(Diagnostic::error(&expected.span, message).help(help));
    }
}

/// The keys of a step that are not its kind, for the manual.
pub fn common_keys() -> Vec<Cow<'static, str>> {
    let mut keys = Common::keys().to_vec();
    keys.extend([key_of("expect"), key_of("save")]);
    keys
}
