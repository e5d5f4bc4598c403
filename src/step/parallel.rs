//! `parallel`: lists of steps at once.

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::do_::{Do, some_steps};
use super::{About, Binder, Body, Sort, Step, Written};
use crate::diagnostic::Diagnostic;
use crate::shape::{Named, Problems, Shape};
use crate::yaml::Node;

/// See the table.
pub(super) const ABOUT: About = About {
    name: "parallel",
    does: "Runs several lists of steps at once, each under a name of its own.",
    manual: "It fails when a lane fails, after all of them have ended. A lane's first failure ends that lane. What a lane \
             saves is there after the step.",
    example: "- parallel:\n    readers:\n      - exec: {service: web, command: ./read}\n    writers:\n      - exec: {service: web, command: ./write}",
    sort: Sort::Block,
    limit: Duration::from_secs(3600),
    results: &[],
    defaults: &[],
    locals: &[],
};

/// Lanes by name.
#[derive(Debug)]
pub(super) struct Parallel(Named<Lane>);

/// The steps of one.
#[derive(Debug)]
struct Lane(Vec<Step>);

impl Shape for Lane {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        some_steps(node, "the lane", problems).map(Lane)
    }
}

impl JsonSchema for Lane {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Do::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Do::json_schema(generator)
    }
}

impl Shape for Parallel {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let lanes = Named::<Lane>::read(node, problems)?;
        if lanes.is_empty() {
            problems.push(
                Diagnostic::error(&node.span, "`parallel` has no lane")
                    .help("give it lists of steps, each under a name"),
            );
            return None;
        }
        Some(Parallel(lanes))
    }
}

impl JsonSchema for Parallel {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Parallel".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut lanes = generator.subschema_for::<Named<Lane>>();
        lanes.insert("minProperties".into(), 1.into());
        lanes
    }
}

impl Written for Parallel {
    fn title(&self) -> String {
        self.0.names().collect::<Vec<_>>().join(", ")
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        Some(binder.lanes(self.0.iter().map(|(name, steps)| (name, steps.0.as_slice()))))
    }
}
