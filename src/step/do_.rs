//! `do`: a list of steps under common keys.

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{About, Binder, Body, Sort, Step, Written};
use crate::diagnostic::Diagnostic;
use crate::shape::{Problems, Shape};
use crate::yaml::Node;

/// See the table.
pub(super) const ABOUT: About = About {
    name: "do",
    does: "Runs a list of steps, for a common `if`, `for-each`, `soft` or `timeout`.",
    manual: "The steps run in their order, in the phase's own way: in `given` and `steps` a failure ends the list, in \
             `then` and `cleanup` the next one runs all the same. What they save is there afterwards. With `expect-log` beside \
             it, lines have to be written from its beginning to its end, or `within` so long after it: by any container of the \
             scenario, or by one of the `service` that is named; where each replica has to write it, `web.1` and `web.2` have \
             a line each. `log-scan` allows them from then on.",
    example: "- do:\n    - exec: {service: db, command: redis-cli incr visits}\n    - exec: {service: db, command: redis-cli save}\n  for-each: {round: [1, 2, 3]}\n- do:\n    - kill: db\n  expect-log: [{service: web, contains: db is away}]\n  within: 10s",
    sort: Sort::Block,
    limit: Duration::from_secs(3600),
    results: &[],
    defaults: &[],
    locals: &[],
};

/// A list of steps.
#[derive(Debug)]
pub(super) struct Do(Vec<Step>);

impl Shape for Do {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        some_steps(node, "`do`", problems).map(Do)
    }
}

/// Reads a list of at least one step.
pub(super) fn some_steps(node: &Node, whose: &str, problems: &mut Problems) -> Option<Vec<Step>> {
    if node.list().is_some_and(<[Node]>::is_empty) {
        let problem = Diagnostic::error(&node.span, format!("{whose} has no step"));
        problems.push(problem.help("give it one, as a line that begins with `- `, or take it out"));
        return None;
    }
    Vec::read(node, problems)
}

impl JsonSchema for Do {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Do".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut list = generator.subschema_for::<Vec<Step>>();
        list.insert("minItems".into(), 1.into());
        list
    }
}

impl Written for Do {
    fn title(&self) -> String {
        String::new()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        Some(binder.block(&self.0))
    }
}
