//! YAML text as a tree with places: raw text, quoting and tags kept, so that it can be written back word for word.

mod alias;
mod events;
mod merge;
mod parse;
mod quotes;
mod syntax;
mod tags;
#[cfg(test)]
mod tests;
mod traps;
mod value;
mod write;

use crate::diagnostic::Span;

pub use parse::{MAX_DEPTH, parse, parse_all};
pub use tags::foreign_tags;
pub use traps::{cut_trap, flow_trap, key_trap, number_trap};
pub use write::{write, write_all};

/// A node of the tree. Aliases are expanded: the span is where the content was written first.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where the content stands.
    pub span: Span,
    /// Where an alias brought it in, if one did.
    pub alias: Option<Span>,
    /// An explicit tag as written (`!reset`, `!!str`), with its place.
    pub tag: Option<String>,
    /// What it is.
    pub content: Content,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A scalar.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order written; keys are unique unless they are merge keys.
    Map(Vec<(Node, Node)>),
}

/// A scalar: its text after unquoting and unfolding, and how it was quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text.
    pub text: String,
    /// How it was quoted.
    pub style: Style,
}

/// How a scalar is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Not at all: its type is resolved from its text.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

impl Node {
    /// The scalar's text, if it is one.
    pub fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn list(&self) -> Option<&[Node]> {
        match &self.content {
            Content::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if it is a mapping.
    pub fn map(&self) -> Option<&[(Node, Node)]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key, if it is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Node> {
        self.map()?
            .iter()
            .find(|(name, _)| name.scalar() == Some(key))
            .map(|(_, value)| value)
    }

    /// True for a plain scalar that YAML 1.2 reads as null.
    pub fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(Scalar { text, style: Style::Plain })
            if self.tag.is_none() && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What it is, for messages: "a mapping", "a list", "text", "a number", …
    pub fn noun(&self) -> &'static str {
        match &self.content {
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
            Content::Scalar(_) => match self.value() {
                serde_json::Value::Null => "nothing",
                serde_json::Value::Bool(_) => "a boolean",
                serde_json::Value::Number(_) => "a number",
                _ => "text",
            },
        }
    }

    /// The node as plain data, scalars resolved by YAML 1.2's core schema.
    pub fn value(&self) -> serde_json::Value {
        value::value(self)
    }
}
