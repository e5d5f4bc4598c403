//! `cluster`: what a scenario runs on. For now that is the local engine, which can be made a swarm.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::shape::{Problems, Shape, shape};
use crate::step::Later;
use crate::yaml::Node;

/// The local engine as a swarm: made one where it is in none.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Where it is written.
    pub span: Span,
}

shape! {
    /// The cluster that a scenario runs on.
    pub struct ClusterFull ("`cluster`") {
        /// `true`: the local engine is made a swarm for the scenarios that ask for one, if it is in none.
        swarm: Spanned<bool>,
        /// How the cluster comes to be.
        provider: Option<Later>,
        /// The image of its nodes.
        image: Option<Later>,
        /// Its nodes.
        nodes: Option<Later>,
        /// How many alike there are.
        instances: Option<Later>,
        /// What scenarios may need alone or shared.
        resources: Option<Later>,
    }
}

/// What there is for now.
const NOW: &str = "`cluster: {swarm: true}` makes a swarm of the local engine; a later version will have more";

impl Shape for Cluster {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Some(name) = node.scalar().filter(|_| !node.is_null()) {
            let message = format!("a cluster by its name, `{name}`, is not there yet in this version");
            problems.push(Diagnostic::error(&node.span, message).help(NOW));
            return None;
        }
        let before = problems.diagnostics.len();
        let Some(full) = ClusterFull::read(node, problems) else {
            let mut told = problems.diagnostics[before..].iter_mut();
            if let Some(lacks) = told.find(|problem| problem.message == "`swarm` is missing") {
                lacks.help = Some("add a line `swarm: true`".to_owned());
            }
            return None;
        };
        if !full.swarm.value {
            let problem = Diagnostic::error(
                &full.swarm.span,
                "a cluster without a swarm is the local engine as it is",
            );
            problems.push(problem.help("take `cluster` out, or write `swarm: true`"));
            return None;
        }
        Some(Cluster { span: full.span })
    }
}

impl JsonSchema for Cluster {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cluster".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ClusterFull::json_schema(generator);
        let swarm = schema.pointer_mut("/properties/swarm").and_then(Value::as_object_mut);
        swarm.map(|swarm| swarm.insert("const".to_owned(), Value::Bool(true)));
        schema
    }
}
