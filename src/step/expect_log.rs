//! `expect-log` of a `do`: lines that must be written while its steps run, and that `log-scan` allows from then on.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{Binder, Ref, ServiceRef};
use crate::diagnostic::{Diagnostic, Span};
use crate::engine::logs::Mark;
use crate::expect::{LineMatcher, LineOf, LinePattern};
use crate::shape::{Problems, Shape};
use crate::yaml::Node;

/// Lines that must be written, as written down.
#[derive(Debug, Clone)]
pub struct ExpectLog {
    /// Where it is written.
    pub span: Span,
    /// The lines.
    pub lines: Vec<LineOf>,
}

/// One of them, bound.
#[derive(Debug, Clone)]
pub struct ExpectedLine {
    /// The condition on it.
    pub line: LineMatcher,
    /// Whose log must have it; none where it may be any.
    pub service: Option<Ref<ServiceRef>>,
}

/// Lines that a block expects while the case runs.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Where the logs were when the block began.
    pub since: Mark,
    /// The lines, each with whose log must have it.
    pub lines: Vec<(LinePattern, Option<ServiceRef>)>,
}

impl Shape for ExpectLog {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let lines: Vec<LineOf> = Vec::read(node, problems)?;
        if lines.is_empty() {
            let problem = Diagnostic::error(&node.span, "`expect-log` expects nothing");
            problems.push(problem.help("name a line, or take it out"));
            return None;
        }
        Some(ExpectLog {
            span: node.span.clone(),
            lines,
        })
    }
}

impl JsonSchema for ExpectLog {
    fn schema_name() -> Cow<'static, str> {
        "ExpectLog".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut list = generator.subschema_for::<Vec<LineOf>>();
        list.insert("minItems".into(), 1.into());
        list
    }
}

impl ExpectLog {
    /// Binds the services of its lines; one whose service there is not is told, and left out.
    pub(super) fn bind(&self, binder: &mut Binder<'_>) -> Vec<ExpectedLine> {
        let bound = self.lines.iter().filter_map(|LineOf { line, service }| {
            let service = match service {
                Some(service) => Some(binder.service(service)?),
                None => None,
            };
            Some(ExpectedLine {
                line: line.clone(),
                service,
            })
        });
        bound.collect()
    }
}
