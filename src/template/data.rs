//! YAML data with templates for leaves: bodies, variables, expected values.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{Data, DataContent, Scope, Template, Unrendered};
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::{Content, Node, flow_trap, key_trap, number_trap};

impl Data {
    /// Reads data; keys are plain text, merge keys are applied.
    pub fn of(node: &Node) -> Result<Data, Vec<Diagnostic>> {
        if let Some(trap) = flow_trap(node) {
            return Err(vec![trap]);
        }
        let content = match &node.content {
            Content::Scalar(_) => match node.value() {
                Value::String(_) => DataContent::Text(Template::of(node)?),
                value => DataContent::Value(value, node.scalar().unwrap_or_default().to_owned()),
            },
            Content::List(items) => DataContent::List(all(items.iter().map(Data::of))?),
            // Only a mapping that merges is made anew.
            Content::Map(entries) if entries.iter().any(|(key, _)| key.is_merge()) => map_of(node.clone().merged())?,
            Content::Map(entries) => map(entries)?,
        };
        Ok(Data {
            span: node.span.clone(),
            content,
        })
    }

    /// The templates in it, in order; literal texts too.
    pub fn templates(&self) -> Vec<Template> {
        let mut templates = Vec::new();
        self.gather(&mut templates);
        templates
    }

    fn gather(&self, templates: &mut Vec<Template>) {
        match &self.content {
            DataContent::Value(..) => {}
            DataContent::Text(template) => templates.push(template.clone()),
            DataContent::List(items) => items.iter().for_each(|item| item.gather(templates)),
            DataContent::Map(entries) => entries.iter().for_each(|(_, _, value)| value.gather(templates)),
        }
    }

    /// Numbers that are not written as they are told: `1.10` where a version is meant.
    pub fn number_traps(&self) -> Vec<Diagnostic> {
        match &self.content {
            DataContent::Value(value, written) => number_trap(&self.span, written, value).into_iter().collect(),
            DataContent::Text(_) => Vec::new(),
            DataContent::List(items) => items.iter().flat_map(Data::number_traps).collect(),
            DataContent::Map(entries) => entries.iter().flat_map(|(_, _, value)| value.number_traps()).collect(),
        }
    }

    /// The data with every template rendered. All questions that it has are asked at once.
    pub fn render(&self, scope: &Scope) -> Result<Value, Unrendered> {
        match &self.content {
            DataContent::Value(value, _) => Ok(value.clone()),
            DataContent::Text(template) => template.value(scope),
            DataContent::List(items) => {
                Unrendered::gather(items.iter().map(|item| item.render(scope))).map(Value::Array)
            }
            DataContent::Map(entries) => {
                let rendered = entries
                    .iter()
                    .map(|(key, _, value)| Ok((key.clone(), value.render(scope)?)));
                let rendered: Vec<(String, Value)> = Unrendered::gather(rendered)?;
                Ok(Value::Object(rendered.into_iter().collect::<Map<String, Value>>()))
            }
        }
    }

    /// The data, where it has no expression in it.
    pub fn literal(&self) -> Option<Value> {
        match &self.content {
            DataContent::Value(value, _) => Some(value.clone()),
            DataContent::Text(template) => template.as_literal().map(Value::from),
            DataContent::List(items) => items.iter().map(Data::literal).collect::<Option<_>>().map(Value::Array),
            DataContent::Map(entries) => {
                let literal = entries
                    .iter()
                    .map(|(key, _, value)| Some((key.clone(), value.literal()?)));
                literal.collect::<Option<_>>().map(Value::Object)
            }
        }
    }

    /// Shows in pictures no more what is written there, but for its expressions.
    pub fn hide(&self) {
        match &self.content {
            DataContent::Value(..) | DataContent::Text(_) => self.span.source.hide(written(&self.span)),
            DataContent::List(items) => items.iter().for_each(Data::hide),
            DataContent::Map(entries) => entries.iter().for_each(|(_, _, value)| value.hide()),
        }
    }

    /// The name that its text begins with the value of, if it does.
    pub fn leading_name(&self) -> Option<&str> {
        match &self.content {
            DataContent::Text(template) => template.leading_name(),
            _ => None,
        }
    }

    /// True where it is text, a number, a boolean or null.
    pub fn is_leaf(&self) -> bool {
        matches!(self.content, DataContent::Value(..) | DataContent::Text(_))
    }
}

/// Where a value is written: expressions in it stay, which are no secret and may be wrong.
pub fn written(span: &Span) -> Vec<Range<usize>> {
    let text = span.text();
    let bare = text.strip_prefix(['"', '\'']).unwrap_or(text);
    let begin = span.start + text.len() - bare.len();
    let text = if bare.len() < text.len() {
        bare.trim_end_matches(['"', '\''])
    } else {
        bare
    };
    let (mut ranges, mut from) = (Vec::new(), 0);
    while let Some(open) = text[from..].find("${{") {
        ranges.push(begin + from..begin + from + open);
        from += open;
        from += text[from..].find("}}").map_or(text.len() - from, |close| close + 2);
    }
    ranges.push(begin + from..begin + text.len());
    ranges
}

fn map_of(node: Node) -> Result<DataContent, Vec<Diagnostic>> {
    map(node.map().unwrap_or_default())
}

fn map(entries: &[(Node, Node)]) -> Result<DataContent, Vec<Diagnostic>> {
    all(entries.iter().map(|(key, value)| {
        if let Some(trap) = key_trap(key) {
            return Err(vec![trap]);
        }
        let Some(name) = key.scalar() else {
            return Err(vec![Diagnostic::error(
                &key.span,
                format!("expected a key, found {}", key.noun()),
            )]);
        };
        Ok((name.to_owned(), key.span.clone(), Data::of(value)?))
    }))
    .map(DataContent::Map)
}

/// All of them, or the problems of all.
fn all<T>(results: impl Iterator<Item = Result<T, Vec<Diagnostic>>>) -> Result<Vec<T>, Vec<Diagnostic>> {
    let (mut values, mut problems) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(more) => problems.extend(more),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}
