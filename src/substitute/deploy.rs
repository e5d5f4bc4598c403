//! What `deploy` of a service says: how a swarm runs it.

use serde_json::Value;

use super::interpolate::Environment;
use super::view::{Said, View};
use crate::yaml::{Content, Node, Scalar};

/// What `deploy` says of a service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deploy {
    /// How many tasks it has, and whether they end.
    pub mode: Mode,
    /// When an ended task is followed by another one; none if it does not say, which is always.
    pub restart: Option<Restart>,
    /// True with `endpoint_mode: dnsrr`: its name stands for its tasks, not for a virtual address.
    pub dnsrr: bool,
    /// `update_config` as it is written, `${…}` filled in; null if there is none.
    pub update: Value,
    /// `rollback_config`, likewise.
    pub rollback: Value,
    /// `placement`, likewise.
    pub placement: Value,
}

/// How many tasks a service of a swarm has, and whether they end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// So many as `replicas` says, which go on.
    #[default]
    Replicated,
    /// One on each node, which goes on.
    Global,
    /// So many as `replicas` says, each until it has ended with exit code 0.
    ReplicatedJob,
    /// One on each node, until it has ended with exit code 0.
    GlobalJob,
}

impl Mode {
    /// True where every task comes to its end.
    pub fn is_job(self) -> bool {
        matches!(self, Mode::ReplicatedJob | Mode::GlobalJob)
    }

    /// True where each node has a task.
    pub fn is_global(self) -> bool {
        matches!(self, Mode::Global | Mode::GlobalJob)
    }
}

/// When an ended task of a swarm's service is followed by another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Never.
    None,
    /// When it has failed: one that ends well stays complete.
    OnFailure,
    /// Always.
    Any,
}

/// Where a swarm publishes a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PortMode {
    /// On every node, by the routing mesh.
    #[default]
    Ingress,
    /// On the node of each task.
    Host,
}

impl PortMode {
    /// Of an entry of `ports`.
    pub(super) fn of(said: &Said<'_>, entry: &Node) -> PortMode {
        let mode = entry.entry("mode").and_then(|mode| said.fill(mode));
        match mode.is_some_and(|mode| mode.eq_ignore_ascii_case("host")) {
            true => PortMode::Host,
            false => PortMode::Ingress,
        }
    }
}

/// Reads what the layers say; of each key the last one counts.
pub(super) fn read(view: &View<'_>) -> Deploy {
    let all = view.all("deploy");
    let part = |key: &str| {
        let mut said = all.iter().rev();
        said.find_map(|said| {
            said.node
                .entry(key)
                .filter(|node| !node.is_null())
                .map(|node| (said, node))
        })
    };
    let text = |key: &str| part(key).and_then(|(said, node)| said.fill(node));
    let value = |key: &str| part(key).map_or(Value::Null, |(said, node)| value(said, node));
    let policy = part("restart_policy");
    let restart = match &policy {
        Some((said, node)) => node.entry("condition").and_then(|condition| said.fill(condition)),
        // The tool says that it ignores a container's policy, and takes it all the same.
        None => view.last("restart").and_then(|said| said.text()),
    };
    Deploy {
        mode: match text("mode").as_deref() {
            Some("global") => Mode::Global,
            Some("replicated-job") => Mode::ReplicatedJob,
            Some("global-job") => Mode::GlobalJob,
            _ => Mode::Replicated,
        },
        restart: restart.and_then(|condition| match condition.split(':').next()? {
            "none" => Some(Restart::None),
            "on-failure" => Some(Restart::OnFailure),
            "any" | "always" | "unless-stopped" => Some(Restart::Any),
            _ => None,
        }),
        dnsrr: text("endpoint_mode").is_some_and(|mode| mode == "dnsrr"),
        update: value("update_config"),
        rollback: value("rollback_config"),
        placement: value("placement"),
    }
}

/// A part as it is written, `${…}` filled in as far as it is known.
fn value(said: &Said<'_>, node: &Node) -> Value {
    filled(node, &said.environment).value()
}

fn filled(node: &Node, environment: &Environment) -> Node {
    let content = match &node.content {
        Content::Scalar(scalar) => {
            let text = super::interpolate::fill(&scalar.text, environment).value;
            Content::Scalar(Scalar {
                text: text.unwrap_or_else(|| super::HOLE.to_owned()),
                style: scalar.style,
            })
        }
        Content::List(items) => Content::List(items.iter().map(|item| filled(item, environment)).collect()),
        Content::Map(entries) => {
            let entries = entries.iter();
            Content::Map(
                entries
                    .map(|(key, value)| (key.clone(), filled(value, environment)))
                    .collect(),
            )
        }
    };
    Node {
        content,
        ..node.clone()
    }
}
