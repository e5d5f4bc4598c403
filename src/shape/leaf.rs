//! Leaves: text with templates, expressions, plain data, and typed values that stand in one scalar.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Problems, Shape, Word, wrong_type};
use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::template::{Data, Expression, Template};
use crate::yaml::{Content, Node, Style};

/// A text with `${{ }}`, the usual leaf. A plain number, date or boolean is taken as it is written.
pub type Text = Template;

impl Shape for Template {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if node.scalar().is_none() || node.is_null() {
            let problem = wrong_type(node, "text");
            let only = match node.list() {
                Some([only]) => only.scalar(),
                _ => None,
            };
            problems.push(match only {
                Some(only) => problem.help(format!("write `{only}`, without the brackets")),
                None => problem,
            });
            return None;
        }
        let template = problems.take(Template::of(node))?;
        if template.has_code() {
            problems.templates.push(template.clone());
        }
        Some(template)
    }
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

impl Shape for Expression {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if node.scalar().is_none() || node.is_null() {
            problems.push(wrong_type(node, "an expression"));
            return None;
        }
        let expression = problems.take(Expression::of(node))?;
        problems.templates.push(expression.as_template());
        Some(expression)
    }
}

impl JsonSchema for Expression {
    fn schema_name() -> Cow<'static, str> {
        "Expression".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // An expression already: it has no `${{ }}`, which a text has.
        json_schema!({"type": ["string", "number", "boolean"], "pattern": r"\S", "not": computed_schema()})
    }
}

/// The schema of a text with `${{ }}`, which stands for what it gives.
pub fn computed_schema() -> serde_json::Value {
    serde_json::json!({"type": "string", "pattern": r"\$\{\{"})
}

impl Shape for Data {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let data = problems.take(Data::of(node))?;
        problems.templates.extend(data.templates());
        // A value may become text: a name, a tag, a part of a command.
        problems.diagnostics.extend(data.number_traps());
        Some(data)
    }
}

impl JsonSchema for Data {
    fn schema_name() -> Cow<'static, str> {
        "Data".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

/// A typed leaf: known when it is read, or computed by a template when it is needed.
#[derive(Debug, Clone)]
pub enum Computed<T> {
    /// Written literally.
    Known(Spanned<T>),
    /// Text with `${{ }}`.
    Late(Template),
}

impl<T: Word> Computed<T> {
    /// The literal value, if it is one.
    pub fn known(&self) -> Option<T> {
        match self {
            Computed::Known(value) => Some(value.value.clone()),
            Computed::Late(_) => None,
        }
    }

    /// Where it is written.
    pub fn span(&self) -> &Span {
        match self {
            Computed::Known(value) => &value.span,
            Computed::Late(template) => &template.span,
        }
    }
}

impl<T: Word> Shape for Computed<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Some(text) = node.scalar()
            && text.contains("${{")
        {
            return Template::read(node, problems).map(Computed::Late);
        }
        Spanned::<T>::read(node, problems).map(Computed::Known)
    }
}

impl<T: Word> JsonSchema for Computed<T> {
    fn schema_name() -> Cow<'static, str> {
        "Computed".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [T::word_schema(), computed_schema()]})
    }
}

impl<T: Word> Shape for Spanned<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Content::Scalar(scalar) = &node.content else {
            problems.push(wrong_type(node, T::WHAT));
            return None;
        };
        if node.is_null() {
            problems.push(wrong_type(node, T::WHAT));
            return None;
        }
        let text = &scalar.text;
        if text.contains("${{") {
            let problem = Diagnostic::error(&node.span, "no `${{ … }}` is possible here");
            problems.push(problem.help(format!(
                "this has to be known before anything starts: write {} itself",
                T::WHAT
            )));
            return None;
        }
        if T::UNQUOTED && scalar.style != Style::Plain {
            let problem = Diagnostic::error(&node.span, format!("expected {}, found text in quotes", T::WHAT));
            problems.push(problem.help("take the quotes away"));
            return None;
        }
        let Some(value) = T::from_text(text) else {
            let problem = Diagnostic::error(&node.span, format!("expected {}, found `{}`", T::WHAT, shortened(text)));
            problems.push(match T::advice(text) {
                Some(advice) => problem.help(advice),
                None => problem,
            });
            return None;
        };
        Some(Spanned::new(value, node.span.clone()))
    }
}

/// The beginning of a long text, for a message of one line.
fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    let cut: String = line.chars().take(60).collect();
    if cut.len() < text.len() {
        format!("{cut}…")
    } else {
        cut
    }
}

impl<T: Word> JsonSchema for Spanned<T> {
    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        T::word_schema().try_into().unwrap_or_default()
    }
}

/// True for a plain scalar that YAML does not read as text, where text would be compared: `3.10`, `012`, `yes` is text.
pub fn is_plain_non_text(node: &Node) -> bool {
    matches!(&node.content, Content::Scalar(scalar) if scalar.style == Style::Plain) && !node.value().is_string()
}
