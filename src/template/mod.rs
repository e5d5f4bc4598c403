//! Text with `${{ expression }}`: parsed once, its names known, rendered against a scope.

mod code;
mod comparable;
mod compare;
mod compiled;
mod data;
mod expression;
mod filter;
mod function;
mod path;
mod place;
mod render;
mod right;
mod token;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::expression::Inner;
use self::place::Places;
use self::token::{Unclosed, tokens};
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::{Content, Node, Scalar, cut_trap};

pub(crate) use self::code::is_keyword;
pub(crate) use self::compare::{pair, same, told};
pub use self::data::written;
pub use self::filter::{FILTER_TABLE, TEST_TABLE};
pub(crate) use self::filter::{REGEX_LIMIT, check_regex, regex};
pub use self::function::{functions, is_function, unique_seed};
pub(crate) use self::function::{only_computes, port_of};
pub(crate) use self::path::{JsonPath, noun, part, walk};

/// How long a text may become when it is rendered.
const MAX_TEXT: usize = 16 << 20;

/// A string leaf of a scenario: plain text and expressions in turn. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Template {
    /// Where it is written.
    pub span: Span,
    pieces: Arc<[Piece]>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Code(Expression),
}

/// A bare expression (`if`, `assert`, `save`, …), or the inside of a `${{ }}`.
#[derive(Debug, Clone)]
pub struct Expression {
    /// Where it is written.
    pub span: Span,
    /// Its text.
    pub code: Arc<str>,
    inner: Arc<Inner>,
}

/// A name that an expression uses, with the attributes written after it: `stacks.shop.project`.
#[derive(Debug, Clone, PartialEq)]
pub struct NamePath {
    /// The parts, the name first. Only attributes that are written literally are in it.
    pub parts: Vec<String>,
    /// Where it is written, as exactly as the quoting lets it be known.
    pub span: Span,
    /// True where it is called: `url('web', 80)`.
    pub call: bool,
    /// The literal arguments of a call, where they are literal: `web`, `80`.
    pub arguments: Vec<Option<Value>>,
    /// Where they are written.
    pub argument_spans: Vec<Span>,
}

impl NamePath {
    /// Where an argument is written, from 0; the name's place where there is none.
    pub fn argument(&self, index: usize) -> &Span {
        self.argument_spans.get(index).unwrap_or(&self.span)
    }
}

/// Plain YAML data whose string leaves are templates: bodies, variables, expected values.
#[derive(Debug, Clone)]
pub struct Data {
    /// Where it is written.
    pub span: Span,
    /// What it is.
    pub content: DataContent,
}

/// What a [`Data`] is.
#[derive(Debug, Clone)]
pub enum DataContent {
    /// A leaf that is no text: null, a boolean, a number; with its text as it was written.
    Value(Value, String),
    /// Text.
    Text(Template),
    /// A list.
    List(Vec<Data>),
    /// A mapping.
    Map(Vec<(String, Span, Data)>),
}

/// What only the interpreter can answer, afresh at each attempt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Question {
    /// `port(service, port)`: the host port that a container port has now.
    Port(String, u16),
    /// `address(service or node)`: where it is reached from here.
    Address(String),
    /// `url(service, port)`: `http://address:port`.
    Url(String, u16),
    /// `containers(service)`: the ids of its containers.
    Containers(String),
    /// `file(path)`: a file's text. The path is as written; one that begins with a parameter's value is relative to the
    /// folder in which that was written.
    File(String, Option<PathBuf>),
}

/// The values that a rendering sees.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Names: variables, saved values, built-in ones. Their values are shared: a scope is cloned for each step.
    pub values: BTreeMap<String, Arc<Value>>,
    /// Answers to questions that an earlier rendering asked.
    pub answers: BTreeMap<Question, Value>,
    /// Seeds `random()`: the same for one try of one case, and secret.
    pub seed: String,
    /// Seeds `unique()`; no secret, so that it can be told.
    pub unique: String,
    /// Where in the run: the step, its attempt, its item. Only `random()` differs by it.
    pub salt: String,
    /// Where a template's parameters were written, by name: a relative path is relative to that folder.
    pub folders: BTreeMap<String, Arc<Path>>,
    /// Names whose values are others in each run.
    pub by_chance: BTreeSet<String>,
    /// Names that a step would have saved, and why it did not.
    pub unsaved: BTreeMap<String, Unsaved>,
}

/// Why a name was not saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsaved {
    /// The step that would have done so, and what became of it.
    pub why: String,
    /// True where that is a failure, which is told there.
    pub failed: bool,
}

impl Scope {
    /// Where the value of a name was written, if it is a template's parameter: a path that begins with it is relative to
    /// that folder.
    pub fn folder_of(&self, name: Option<&str>) -> Option<PathBuf> {
        let folder = self.folders.get(name?)?;
        Some(folder.to_path_buf())
    }
}

/// Why a rendering gave no value.
#[derive(Debug, Clone, PartialEq)]
pub enum Unrendered {
    /// It needs these answers first.
    Needs(Vec<Question>),
    /// It cannot be rendered.
    Failed {
        /// Where.
        span: Span,
        /// Why.
        message: String,
        /// What was not there, where that is why.
        absent: Option<Absent>,
    },
}

/// What an expression names and is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// The name itself has no value.
    Name,
    /// Its value has no such part.
    Part,
}

impl Unrendered {
    /// It cannot be rendered, and not because of something that is not there.
    pub fn failed(span: Span, message: impl Into<String>) -> Unrendered {
        Unrendered::Failed {
            span,
            message: message.into(),
            absent: None,
        }
    }

    /// Puts results together: a failure counts before questions, and all questions are asked at once.
    pub fn gather<T>(results: impl Iterator<Item = Result<T, Unrendered>>) -> Result<Vec<T>, Unrendered> {
        let (mut values, mut needs): (Vec<T>, Vec<Question>) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(value) => values.push(value),
                Err(Unrendered::Needs(more)) => {
                    let fresh: Vec<Question> = more.into_iter().filter(|question| !needs.contains(question)).collect();
                    needs.extend(fresh);
                }
                Err(failed) => return Err(failed),
            }
        }
        if needs.is_empty() {
            Ok(values)
        } else {
            Err(Unrendered::Needs(needs))
        }
    }
}

impl Template {
    /// Reads a scalar; its expressions are parsed, and their problems told at their places.
    pub fn of(node: &Node) -> Result<Template, Vec<Diagnostic>> {
        let Content::Scalar(scalar) = &node.content else {
            return Err(vec![Diagnostic::error(
                &node.span,
                format!("expected text, found {}", node.noun()),
            )]);
        };
        if !scalar.text.contains("${{") {
            return Ok(Template::literal(&scalar.text, node.span.clone()));
        }
        let pieces = pieces(node, scalar)?;
        Ok(Template {
            span: node.span.clone(),
            pieces: pieces.into(),
        })
    }

    /// Plain text, in which nothing is an expression.
    pub fn literal(text: &str, span: Span) -> Template {
        Template {
            span,
            pieces: [Piece::Text(text.to_owned())].into(),
        }
    }

    /// The text, where it has no expression in it.
    pub fn as_literal(&self) -> Option<&str> {
        match &*self.pieces {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The name that its text begins with the value of, if it does: `f` of `${{ f }}/data`.
    pub fn leading_name(&self) -> Option<&str> {
        match self.pieces.first()? {
            Piece::Code(code) => code.leading_name(),
            Piece::Text(_) => None,
        }
    }

    /// As it is written, for titles and messages.
    pub fn shown(&self) -> String {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Code(expression) => format!("${{{{ {} }}}}", expression.code),
        });
        pieces.collect()
    }

    /// True where it has an expression in it.
    pub fn has_code(&self) -> bool {
        self.as_literal().is_none()
    }

    /// Its expressions, in order.
    pub fn code(&self) -> impl Iterator<Item = &Expression> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Code(expression) => Some(expression),
            Piece::Text(_) => None,
        })
    }

    /// The names that its expressions use.
    pub fn names(&self) -> impl Iterator<Item = &NamePath> {
        self.code().flat_map(Expression::names)
    }

    /// Those of them that must have a value.
    pub fn wanted(&self) -> impl Iterator<Item = &NamePath> {
        self.code().flat_map(Expression::wanted)
    }

    /// Its value: of the expression's type where it is exactly one `${{ }}`, else text.
    pub fn value(&self, scope: &Scope) -> Result<Value, Unrendered> {
        match &*self.pieces {
            [Piece::Code(expression)] => expression.value(scope),
            _ => self.text(scope).map(Value::String),
        }
    }

    /// Its text; what an expression gives is printed as JSON, text plain.
    pub fn text(&self, scope: &Scope) -> Result<String, Unrendered> {
        let parts = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Ok(text.clone()),
            Piece::Code(expression) => expression.value(scope).map(|value| print(&value)),
        });
        let text = Unrendered::gather(parts)?.concat();
        if text.len() > MAX_TEXT {
            let message = format!("the text is longer than {} MiB", MAX_TEXT >> 20);
            return Err(Unrendered::failed(self.span.clone(), message));
        }
        Ok(text)
    }
}

/// A value as text: text as it is, everything else as JSON.
pub fn print(value: &Value) -> String {
    printed(value).into_owned()
}

/// The same, without a copy of what is text.
pub(crate) fn printed(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// A scalar's text and code in turn; `$${{` is a literal `${{`.
fn pieces(node: &Node, scalar: &Scalar) -> Result<Vec<Piece>, Vec<Diagnostic>> {
    let places = Places::of(node, scalar);
    let (mut pieces, mut problems) = (Vec::new(), Vec::new());
    let mut text = String::new();
    let mut at = 0;
    while let Some(found) = scalar.text[at..].find("${{") {
        let open = at + found;
        if scalar.text[at..open].ends_with('$') {
            text.push_str(&scalar.text[at..open - 1]);
            text.push_str("${{");
            at = open + 3;
            continue;
        }
        text.push_str(&scalar.text[at..open]);
        let inside = &scalar.text[open + 3..];
        let length = match tokens(inside, true) {
            Ok((_, length)) => length,
            Err(unclosed) => {
                problems.push(not_closed(node, &places, (open, inside), unclosed));
                return Err(problems);
            }
        };
        at = open + 3 + length + 2;
        let span = places.span(&node.span, open, at);
        match Expression::parse(&inside[..length], &places.after(open + 3), span) {
            Ok(expression) => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Code(expression));
            }
            Err(more) => problems.extend(more),
        }
    }
    text.push_str(&scalar.text[at..]);
    if !text.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(text));
    }
    if problems.is_empty() { Ok(pieces) } else { Err(problems) }
}

/// `open` is the place of the `${{` and what follows it.
fn not_closed(node: &Node, places: &Places, open: (usize, &str), unclosed: Unclosed) -> Diagnostic {
    if let Some(trap) = cut_trap(node, false) {
        return trap;
    }
    let (open, inside) = open;
    let (place, length, message) = match unclosed.tell(inside) {
        Some((at, message)) => (open + 3 + at, 1, message),
        None => (open, 3, "this `${{` is not closed: its `}}` is missing".to_owned()),
    };
    let span = places.span(&node.span, place, place + length);
    Diagnostic::error(&span, message).help("an expression ends with `}}`; write `$${{` for the text `${{`")
}

/// The values of the names in an expression, for an `assert` that does not hold.
pub fn explain(expression: &Expression, scope: &Scope) -> Vec<(String, Value)> {
    expression.explain(scope)
}

#[cfg(test)]
mod tests;
