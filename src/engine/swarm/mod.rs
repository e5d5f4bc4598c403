//! What a swarm's manager does for us, in our words. A swarm tells of no task by an event: who waits for tasks asks again
//! when a container or a service has changed.

mod converge;
mod eligible;
mod failing;
mod followed;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use super::{EngineResult, Labels};

pub use converge::{ENDED, Failed, Life, Look, Rules, Verdict, convergence};
pub use eligible::{eligible, unmet};
pub use failing::{Restarted, begins_again, restarted, standing, undone_by};
pub use followed::goes_on;

/// The label of a stack, on its services and their containers.
pub const STACK: &str = "com.docker.stack.namespace";

/// The swarm that an engine is in, as a manager of it tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SwarmInfo {
    /// Its labels.
    pub labels: Labels,
}

/// A service as a manager describes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Service {
    /// Its id.
    pub id: String,
    /// Its name, the stack's before it: `shop_web`.
    pub name: String,
    /// Its labels: those of `deploy`, not its containers'.
    pub labels: Labels,
    /// Grows with each change; an update of an older version is refused.
    pub version: u64,
    /// How many tasks it is to have.
    pub mode: ServiceMode,
    /// How its last update goes, or went; none before the first.
    pub update: Option<UpdateStatus>,
    /// The ports of its endpoint: those that the routing mesh has.
    pub ports: Vec<ServicePort>,
    /// What each of its tasks is made from, as the engine wrote it.
    pub template: Value,
    /// All that it is made from, as the engine wrote it: an update hands it back changed.
    pub spec: Value,
    /// True with a former version, to which it can be rolled back.
    pub has_former: bool,
}

/// How many tasks a service is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceMode {
    /// So many.
    Replicated(u64),
    /// One on each eligible node.
    Global,
    /// Tasks that end: so many have to complete.
    ReplicatedJob(u64),
    /// A task that ends on each eligible node.
    GlobalJob,
}

impl Default for ServiceMode {
    fn default() -> Self {
        ServiceMode::Replicated(1)
    }
}

impl Service {
    /// How long after their stop signal its containers are killed; none is the engine's own time.
    pub fn grace(&self) -> Option<Duration> {
        let grace = self.template["ContainerSpec"]["StopGracePeriod"].as_u64();
        grace.map(Duration::from_nanos)
    }
}

/// How an update of a service goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateStatus {
    /// `updating paused completed rollback_started rollback_paused rollback_completed`.
    pub state: String,
    /// What the swarm says of it.
    pub message: String,
}

/// A port of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServicePort {
    /// The container's port.
    pub target: u16,
    /// The port that is published, 0 if none is yet.
    pub published: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
    /// True where the routing mesh publishes it, false where each task does so on its node.
    pub by_mesh: bool,
}

/// A task: one try to run a container of a service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// The id of its service.
    pub service: String,
    /// Its number among the replicas, from 1; none of a global service.
    pub slot: Option<u64>,
    /// The id of its node, once it has one.
    pub node: String,
    /// Where it is: `new pending assigned accepted preparing ready starting running complete shutdown failed rejected
    /// remove orphaned`.
    pub state: String,
    /// Where it is to be.
    pub desired: String,
    /// What the swarm says of it.
    pub message: String,
    /// Why it did not come that far.
    pub error: String,
    /// Its container, once it has one.
    pub container: Option<String>,
    /// The exit code of its container; 0 before it has ended.
    pub exit: i64,
    /// What it is made from, as the engine wrote it.
    pub template: Value,
    /// When it came where it is, nanoseconds of Unix time.
    pub at: i64,
    /// When it was made, nanoseconds of Unix time.
    pub created: i64,
}

/// A node as a manager describes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SwarmNode {
    /// Its id.
    pub id: String,
    /// Its host's name.
    pub hostname: String,
    /// `manager`, `worker`.
    pub role: String,
    /// `active`, `pause`, `drain`.
    pub availability: String,
    /// `ready`, `down`, `disconnected`, `unknown`.
    pub state: String,
    /// Its labels, those of the swarm.
    pub labels: Labels,
    /// The labels of its engine.
    pub engine_labels: Labels,
    /// Its platform as the swarm calls it: (`linux`, `x86_64`).
    pub platform: (String, String),
}

/// What a service is to become.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// This spec.
    To(Value),
    /// What it was before its last update.
    Former,
}

/// The names of things by their ids.
pub type NamesById = BTreeMap<String, String>;

/// What an engine does as a manager of a swarm. On one that is none these fail, unless they say otherwise.
#[async_trait]
pub trait Swarm: Send + Sync {
    /// The swarm; none where the engine is in none, or no manager of it.
    async fn swarm(&self) -> EngineResult<Option<SwarmInfo>>;
    /// Makes a swarm of this engine alone, with labels.
    async fn swarm_init(&self, labels: &Labels) -> EngineResult<()>;
    /// Leaves the swarm, as its last manager too.
    async fn swarm_leave(&self) -> EngineResult<()>;
    /// The nodes.
    async fn swarm_nodes(&self) -> EngineResult<Vec<SwarmNode>>;

    /// The services with all of the labels (`name` or `name=value`).
    async fn services(&self, labels: &[String]) -> EngineResult<Vec<Service>>;
    /// A service by id or name.
    async fn service(&self, service: &str) -> EngineResult<Service>;
    /// Changes a service as it was known: somebody else's change in between is a `Conflict`.
    async fn change_service(&self, known: &Service, change: &Change) -> EngineResult<()>;
    /// The tasks of the services with all of the labels, those that have ended too.
    async fn tasks(&self, labels: &[String]) -> EngineResult<Vec<Task>>;

    /// Makes a secret; gives its id.
    async fn create_secret(&self, name: &str, content: Bytes, labels: &Labels) -> EngineResult<String>;
    /// Makes a config; gives its id.
    async fn create_config(&self, name: &str, content: Bytes, labels: &Labels) -> EngineResult<String>;
    /// The secrets with all of the labels.
    async fn secrets(&self, labels: &[String]) -> EngineResult<NamesById>;
    /// The configs with all of the labels.
    async fn configs(&self, labels: &[String]) -> EngineResult<NamesById>;
}
