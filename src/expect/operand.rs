//! What matchers compare with: data that suits the field, or the trap that it is.

use serde_json::Value;

use super::compare;
use super::form;
use super::read::{For, is_text, noun, tell};
use super::{FieldKind, MatcherKind, Order, Regex, range, vacuous};
use crate::diagnostic::Diagnostic;
use crate::quantity::Quantity;
use crate::shape::{Problems, Shape, is_plain_non_text, wrong_type};
use crate::template::{Data, DataContent, Template};
use crate::yaml::{Content, Node};

/// Data whose templates are told for the check of names.
pub(super) fn kept(data: Data, problems: &mut Problems) -> Data {
    problems.templates.extend(data.templates());
    data
}

pub(super) fn equals(node: &Node, what: For<'_>, problems: &mut Problems) -> Option<MatcherKind> {
    let data = problems.take(Data::of(node))?;
    if let Some(never) = data
        .literal()
        .and_then(|literal| range::never_equal(node, &literal, what))
    {
        return tell(problems, never);
    }
    let wanted = match (&data.content, what.kind) {
        (DataContent::Value(Value::Null, _), FieldKind::Json | FieldKind::List) => None,
        (DataContent::Value(Value::Null, _), _) => {
            return tell(
                problems,
                Diagnostic::error(&node.span, "no value is expected here")
                    .help("write `{empty: true}` or `{exists: false}`"),
            );
        }
        (DataContent::Value(..), kind) if is_text(kind) => return tell(problems, form::no_text(node, what)),
        (DataContent::Value(Value::Number(_), _), FieldKind::Number(..)) => None,
        (DataContent::Value(Value::Bool(_), _), FieldKind::Boolean) => None,
        (DataContent::Text(template), kind) => {
            if let Some(never) = template.as_literal().and_then(|text| form::never(node, text, what)) {
                return tell(problems, never);
            }
            literal_text(template, kind)
        }
        (DataContent::List(items), FieldKind::Lines | FieldKind::Names) => {
            let pairs = items.iter().zip(node.list().unwrap_or_default());
            let bad = pairs.filter(|(item, _)| !matches!(item.content, DataContent::Text(_)));
            let told = bad.map(|(_, item)| match item.map() {
                Some(_) => wrong_type(item, "text").help(form::of_items(item)),
                None => not_text(item, &format!("an item of `{}`", what.field)),
            });
            let told: Vec<Diagnostic> = told.collect();
            problems.take(if told.is_empty() { Ok(()) } else { Err(told) })?;
            None
        }
        (DataContent::List(_), FieldKind::List | FieldKind::Json) | (_, FieldKind::Json) => None,
        (_, FieldKind::Map) if matches!(data.content, DataContent::Map(_)) => None,
        (_, kind) => Some(noun(kind)),
    };
    if let Some(wanted) = wanted {
        let problem = wrong_type(node, wanted);
        return tell(
            problems,
            match form::instead(node, what) {
                Some(instead) => problem.help(instead),
                None => problem,
            },
        );
    }
    Some(MatcherKind::Equals(kept(data, problems)))
}

/// What a literal text should have been; a computed one is known later.
fn literal_text(template: &Template, kind: FieldKind) -> Option<&'static str> {
    let fits = match (template.as_literal(), kind) {
        (None, _) | (_, FieldKind::Json) => true,
        (_, kind) if is_text(kind) => true,
        (Some(text), FieldKind::Duration) => {
            matches!(compare::quantity(&text.into(), kind), Some(Quantity::Seconds(_)))
        }
        (Some(text), FieldKind::Number(..)) => {
            matches!(compare::quantity(&text.into(), kind), Some(Quantity::Bytes(_)))
        }
        (Some(_), _) => false,
    };
    if fits { None } else { Some(noun(kind)) }
}

/// A plain number where text is compared: `3.10` is 3.1 to YAML, and `012` is 12.
pub(super) fn not_text(node: &Node, what: &str) -> Diagnostic {
    if node.scalar().is_none() {
        return wrong_type(node, "text");
    }
    let raw = node.span.text();
    let message = format!("`{raw}` is {} to YAML, and {what} is text", node.noun());
    let meant = raw.trim_matches(['\'', '"']);
    Diagnostic::error(&node.span, message).help(format!("write `'{meant}'`"))
}

/// The same of several, all of them told.
fn not_texts<'n>(bad: impl Iterator<Item = &'n Node>, what: &str, problems: &mut Problems) -> Option<()> {
    let told: Vec<Diagnostic> = bad.map(|node| not_text(node, what)).collect();
    problems.take(if told.is_empty() { Ok(()) } else { Err(told) })
}

/// What a value contains: text, or one or several items.
pub(super) fn part(node: &Node, what: For<'_>, problems: &mut Problems) -> Option<Data> {
    let data = problems.take(Data::of(node))?;
    let text_only = is_text(what.kind) || matches!(what.kind, FieldKind::Lines | FieldKind::Names | FieldKind::Map);
    let nodes = node.list().unwrap_or(std::slice::from_ref(node));
    let bad = nodes
        .iter()
        .filter(|node| text_only && !matches!(node.value(), Value::String(_)));
    not_texts(bad, &format!("what `{}` contains", what.field), problems)?;
    if data.literal().is_some_and(|literal| vacuous::is_empty(&literal)) {
        return tell(problems, Diagnostic::error(&node.span, vacuous::EMPTY));
    }
    Some(kept(data, problems))
}

pub(super) fn regex(node: &Node, what: For<'_>, problems: &mut Problems) -> Option<Regex> {
    if is_plain_non_text(node) && !node.is_null() {
        return tell(problems, not_text(node, &format!("what `{}` matches", what.field)));
    }
    let template = Template::read(node, problems)?;
    match template.as_literal().map(vacuous::check) {
        None | Some(Ok(())) => Some(Regex(template)),
        Some(Err(why)) => tell(problems, Diagnostic::error(&node.span, why)),
    }
}

/// What a text begins or ends with.
pub(super) fn end(node: &Node, field: &str, problems: &mut Problems) -> Option<Template> {
    if matches!(node.content, Content::Scalar(_)) && !matches!(node.value(), Value::String(_)) {
        return tell(problems, not_text(node, &format!("`{field}`")));
    }
    let template = Template::read(node, problems)?;
    if template.as_literal() == Some("") {
        return tell(problems, Diagnostic::error(&node.span, vacuous::EMPTY));
    }
    Some(template)
}

pub(super) fn one_of(node: &Node, what: For<'_>, problems: &mut Problems) -> Option<MatcherKind> {
    let Some(nodes) = node.list() else {
        // A computed list is known later.
        let template = node.scalar().is_some_and(|text| text.contains("${{"));
        if !template {
            return tell(problems, wrong_type(node, "a list"));
        }
        return problems
            .take(Data::of(node))
            .map(|data| MatcherKind::OneOf(kept(data, problems)));
    };
    if nodes.is_empty() {
        return tell(problems, Diagnostic::error(&node.span, "nothing is one of nothing"));
    }
    let fine: Vec<bool> = nodes
        .iter()
        .map(|node| equals(node, what, problems).is_some())
        .collect();
    if fine.contains(&false) {
        return None;
    }
    // The templates were told with the items.
    problems.take(Data::of(node)).map(MatcherKind::OneOf)
}

pub(super) fn quantity(node: &Node, order: Order, what: For<'_>, problems: &mut Problems) -> Option<Data> {
    let data = problems.take(Data::of(node))?;
    if let Some(literal) = data.literal() {
        let bare = what.kind == FieldKind::Duration && literal.is_number();
        if bare {
            let help = format!("write `{}s` for seconds", node.span.text());
            return tell(problems, wrong_type(node, "a duration").help(help));
        }
        let fits = compare::quantity(&literal, what.kind).is_some_and(|quantity| compare::suits(&quantity, what.kind));
        if !data.is_leaf() || !fits {
            return tell(problems, wrong_type(node, comparable(what.kind)));
        }
        if let Some(never) = range::never_ordered(node, &literal, order, what) {
            return tell(problems, never);
        }
    }
    Some(kept(data, problems))
}

/// What `lt` and the like compare a field with.
fn comparable(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Number(..) => "a number or a size (`64KiB`)",
        FieldKind::Duration => "a duration (`250ms`, `30s`)",
        _ => "a number, a size (`64KiB`), a duration (`5s`), an RFC 3339 time or a version (`2.10.1`)",
    }
}

pub(super) fn boolean(node: &Node, problems: &mut Problems) -> Option<bool> {
    match node.value() {
        Value::Bool(value) => Some(value),
        _ => {
            let problem = wrong_type(node, "`true` or `false`");
            tell(
                problems,
                match form::truth(node) {
                    Some(advice) => problem.help(advice),
                    None => problem,
                },
            )
        }
    }
}
