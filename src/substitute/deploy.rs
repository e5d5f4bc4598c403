//! What `deploy` of a service says: how a swarm runs it.

use super::view::{Said, View};
use crate::yaml::Node;

/// What `deploy` says of a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deploy {
    /// How many tasks it has, and whether they end.
    pub mode: Mode,
    /// True with `endpoint_mode: dnsrr`: its name stands for its tasks, not for a virtual address.
    pub dnsrr: bool,
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
    let text = |key: &str| {
        let mut parts = all.iter().rev().filter_map(|said| Some((said, said.node.entry(key)?)));
        let (said, node) = parts.find(|(_, node)| !node.is_null())?;
        said.fill(node)
    };
    Deploy {
        mode: match text("mode").as_deref() {
            Some("global") => Mode::Global,
            Some("replicated-job") => Mode::ReplicatedJob,
            Some("global-job") => Mode::GlobalJob,
            _ => Mode::Replicated,
        },
        dnsrr: text("endpoint_mode").is_some_and(|mode| mode == "dnsrr"),
    }
}
