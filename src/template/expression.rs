//! Expressions: read with their problems told, their names known, evaluated against a scope.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::code::{self, Comparison, Found};
use super::compiled::Compiled;
use super::place::Places;
use super::render;
use super::right::Right;
use super::{Expression, NamePath, Piece, Scope, Template, Unrendered, path};
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::{Content, Node, cut_trap};

/// What an expression shares with its clones.
pub(super) struct Inner {
    pub(super) found: Vec<Found>,
    pub(super) comparisons: Vec<Comparison>,
    /// Where the code stands in its file.
    pub(super) places: Places,
    /// Made when it is first run: `check` never does.
    pub(super) compiled: OnceLock<Compiled>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.found.iter().map(|found| &found.path.parts))
            .finish()
    }
}

thread_local! {
    static RIGHT: Right = Right::default();
}

impl Expression {
    /// Reads a bare expression, which is never rendered first.
    pub fn of(node: &Node) -> Result<Expression, Vec<Diagnostic>> {
        let Content::Scalar(scalar) = &node.content else {
            return Err(vec![Diagnostic::error(
                &node.span,
                format!("expected an expression, found {}", node.noun()),
            )]);
        };
        if node.is_null() || scalar.text.trim().is_empty() {
            return Err(vec![Diagnostic::error(
                &node.span,
                "expected an expression, found nothing",
            )]);
        }
        if let Some(trap) = cut_trap(node, true) {
            return Err(vec![trap]);
        }
        let places = Places::of(node, scalar);
        if let Some(open) = scalar.text.find("${{") {
            let close = scalar.text[open..]
                .find("}}")
                .map_or(open + 3, |close| open + close + 2);
            let whole = open == 0 && close == scalar.text.len();
            let help = match scalar.text.get(open + 3..close - 2).filter(|_| whole) {
                Some(inner) => format!("write `{}`", inner.trim()),
                None => "names stand for themselves here; put texts together with `~`".to_owned(),
            };
            let span = places.span(&node.span, open, close);
            return Err(vec![
                Diagnostic::error(&span, "this is an expression already, so it has no `${{ }}`").help(help),
            ]);
        }
        Expression::parse(&scalar.text, &places, node.span.clone())
    }

    /// The name that it begins with, if it does: `f` of `f.path`.
    pub fn leading_name(&self) -> Option<&str> {
        self.name_at(0)
    }

    /// The name that the first argument of a call begins with, if it does: `f` of `file(f ~ '.txt')`.
    pub(super) fn leading_argument(&self, call: usize) -> Option<&str> {
        let rest = &self.code[self.inner.found.get(call)?.range.end..];
        let first = rest.trim_start().strip_prefix('(')?.trim_start();
        self.name_at(self.code.len() - first.len())
    }

    /// The name that stands at a place of the code.
    fn name_at(&self, place: usize) -> Option<&str> {
        let mut found = self.inner.found.iter();
        let there = found.find(|found| found.range.start == place && !found.path.call)?;
        there.path.parts.first().map(String::as_str)
    }

    pub(super) fn parse(text: &str, places: &Places, span: Span) -> Result<Expression, Vec<Diagnostic>> {
        let code = text.trim_start();
        let places = places.after(text.len() - code.len());
        let code = code.trim_end();
        if code.is_empty() {
            return Err(vec![
                Diagnostic::error(&span, "the expression is empty").help("write `$${{` for the text `${{`"),
            ]);
        }
        let words = code::read(code, &places, &span)?;
        let parses = || render::engine().compile_expression(code).map(drop);
        if let Err(error) = RIGHT.with(|right| right.check(code, parses)) {
            let at = error.range().map_or_else(
                || span.clone(),
                |range| places.span(&span, range.start, range.end.min(code.len())),
            );
            return Err(vec![Diagnostic::error(
                &at,
                format!("the expression does not parse: {}", render::message(&error)),
            )]);
        }
        if !words.misread.is_empty() {
            return Err(words.misread);
        }
        let inner = Inner {
            found: words.found,
            comparisons: words.comparisons,
            places,
            compiled: OnceLock::new(),
        };
        Ok(Expression {
            span,
            code: code.into(),
            inner: Arc::new(inner),
        })
    }

    /// The expression as a template of nothing else, for what takes templates.
    pub fn as_template(&self) -> Template {
        Template {
            span: self.span.clone(),
            pieces: [Piece::Code(self.clone())].into(),
        }
    }

    /// The names that it uses.
    pub fn names(&self) -> impl Iterator<Item = &NamePath> {
        self.inner.found.iter().map(|found| &found.path)
    }

    /// Those of them that must have a value: nothing in it says what is to be done without.
    pub fn wanted(&self) -> impl Iterator<Item = &NamePath> {
        let wanted = self.inner.found.iter().filter(|found| !found.optional);
        wanted.map(|found| &found.path)
    }

    /// Its value.
    pub fn value(&self, scope: &Scope) -> Result<Value, Unrendered> {
        render::evaluate(self, scope)
    }

    /// Whether it holds: empty texts, lists and mappings, 0 and null do not. The text `false` is refused.
    pub fn truth(&self, scope: &Scope) -> Result<bool, Unrendered> {
        Ok(match self.value(scope)? {
            Value::Null => false,
            Value::Bool(value) => value,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text)
                if matches!(
                    text.to_lowercase().as_str(),
                    "true" | "false" | "yes" | "no" | "on" | "off" | "0" | "1"
                ) =>
            {
                let message = format!(
                    "`{}` is the text `{text}`, which is neither true nor false: compare it with `== '{text}'`",
                    self.code
                );
                return Err(Unrendered::failed(self.span.clone(), message));
            }
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty(),
        })
    }

    /// The values of the names in it, each once, for an `assert` that does not hold.
    pub fn explain(&self, scope: &Scope) -> Vec<(String, Value)> {
        let mut values: Vec<(String, Value)> = Vec::new();
        for found in self.inner.found.iter().filter(|found| !found.path.call) {
            let parts = &found.path.parts;
            let name = self.code[found.range.clone()].to_owned();
            let value = scope
                .values
                .get(&parts[0])
                .and_then(|head| path::walk(head, "", &parts[1..]).ok());
            if let Some(value) = value.filter(|_| !values.iter().any(|(known, _)| *known == name)) {
                values.push((name, value.clone()));
            }
        }
        values
    }
}
