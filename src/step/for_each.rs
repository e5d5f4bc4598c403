//! `for-each`: a step once for each item of a list.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::diagnostic::{Diagnostic, Spanned};
use crate::shape::{Problems, Shape, wrong_type};
use crate::template::{Data, Expression};
use crate::yaml::{Node, key_trap};

/// `for-each`: the step once for each item.
#[derive(Debug, Clone)]
pub struct ForEach {
    /// The name that the item has.
    pub name: Spanned<String>,
    /// The items.
    pub items: Items,
}

/// The items of a `for-each`.
#[derive(Debug, Clone)]
pub enum Items {
    /// Written as a list.
    List(Vec<Data>),
    /// An expression that gives the list.
    Computed(Expression),
}

impl Items {
    /// The name that the list begins with, if it does.
    pub fn leading_name(&self) -> Option<&str> {
        match self {
            Items::List(_) => None,
            Items::Computed(expression) => expression.leading_name(),
        }
    }
}

impl Shape for ForEach {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let example = "e.g. `{user: [ann, bob]}`: in the step `${{ user }}` is the item";
        if let Some(several @ [_, _, ..]) = node.map() {
            let message = format!("`for-each` goes through one list, and these are {}", several.len());
            let help = "nest them: one around a `do`, the other at the steps in it: \
                        `{for-each: {user: […]}, do: [{for-each: {key: […]}, …}]}`";
            problems.push(Diagnostic::error(&several[1].0.span, message).help(help));
            return None;
        }
        let Some([(key, value)]) = node.map() else {
            problems.push(wrong_type(node, "a mapping of one name to a list").help(example));
            return None;
        };
        let Some(name) = key.scalar() else {
            problems.push(key_trap(key).unwrap_or_else(|| wrong_type(key, "a name").help(example)));
            return None;
        };
        let name = Spanned::new(name.to_owned(), key.span.clone());
        let items = match value.list() {
            Some([]) => {
                let problem = Diagnostic::error(&value.span, "`for-each` has no item: the step would never run");
                problems.push(problem.help("write its items, or an expression that gives them"));
                return None;
            }
            Some(_) => Items::List(Vec::read(value, problems)?),
            None => Items::Computed(Expression::read(value, problems)?),
        };
        Some(ForEach { name, items })
    }
}

impl JsonSchema for ForEach {
    fn schema_name() -> Cow<'static, str> {
        "ForEach".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let computed = generator.subschema_for::<Expression>();
        json_schema!({
            "type": "object", "minProperties": 1, "maxProperties": 1,
            "additionalProperties": {"anyOf": [{"type": "array", "minItems": 1}, computed]},
        })
    }
}
