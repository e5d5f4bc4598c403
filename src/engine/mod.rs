//! What a Docker engine does for us, in our words: no type of the Docker client crosses this border.
//!
//! `docker/` speaks to the API, `command.rs` runs the docker tools, `fake.rs` is scripted for tests, `world.rs` folds
//! the events of a node into what is known of its containers. Every call has a limit, and none asks again and again: but that a
//! task of a swarm is gone nobody tells (`docker/removal.rs`).

pub mod command;
mod container;
pub mod docker;
mod error;
mod exec;
pub mod fake;
pub mod logs;
pub mod membership;
mod pulls;
mod resource;
mod surroundings;
pub mod swarm;
mod tool;
pub mod tunnel;
pub mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

pub use container::{Container, ContainerSpec, Listed};
pub use error::{EngineError, EngineResult, Reason};
pub use exec::{Conversation, ExecEnd, ExecSpec, Running};
pub use membership::of_no_service;
pub use pulls::Pulls;
pub use resource::{Resource, ResourceKind};
pub use surroundings::of_the_surroundings;
pub use swarm::Swarm;
pub use tool::{Tool, ToolCall, ToolEnd, ToolLine};

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// What an engine says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EngineInfo {
    /// `20.10.24`, without a distribution's suffix.
    pub version: String,
    /// `1.41`.
    pub api: String,
    /// `linux`.
    pub os: String,
    /// Docker's word: `amd64`, `arm64`.
    pub arch: String,
    /// The kernel's version.
    pub kernel: String,
    /// The engine's id: two ways to one engine have the same.
    pub id: String,
    /// True in a swarm.
    pub swarm: bool,
    /// True as a manager of it.
    pub manager: bool,
    /// Its id as a node of the swarm; empty in none.
    pub node: String,
    /// Where images and containers are kept.
    pub root: String,
}

/// Which stream a piece of output came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output; all of a terminal's.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
}

impl std::fmt::Display for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        })
    }
}

/// A piece of a container's log or of an exec's output, as the engine framed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Which stream.
    pub stream: Stream,
    /// When, as the engine wrote it (RFC 3339, nanoseconds), where timestamps were asked for; taken off the bytes.
    pub at: Option<String>,
    /// The bytes, newline included where there is one.
    pub bytes: Bytes,
}

/// Which part of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogRange {
    /// Goes on as it grows.
    pub follow: bool,
    /// With timestamps.
    pub timestamps: bool,
    /// Only the last so many lines.
    pub tail: Option<u64>,
    /// Whether the container has a terminal, where that is known: else the engine is asked first.
    pub tty: Option<bool>,
}

/// Something that the engine tells of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EngineEvent {
    /// `container`, `network`, `volume`, `image`, `service`, `node`, …
    pub of: String,
    /// `start`, `die`, `health_status: healthy`, `destroy`, …
    pub action: String,
    /// The id of what it is about.
    pub id: String,
    /// Labels, name, image, `exitCode`, `signal`, …
    pub attributes: Labels,
    /// Nanoseconds of Unix time.
    pub at: i64,
}

/// A network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `bridge`, `overlay`, …
    pub driver: String,
    /// `local` to its engine, or of the `swarm`.
    pub scope: String,
    /// Its labels.
    pub labels: Labels,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// The ids of the containers on it.
    pub containers: Vec<String>,
}

/// A volume.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// Its labels.
    pub labels: Labels,
}

/// What a network is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkSpec {
    /// Its name.
    pub name: String,
    /// The driver; `bridge` if empty.
    pub driver: String,
    /// Whether containers that are no tasks of a swarm may join it.
    pub attachable: bool,
    /// Whether nothing gets out of it.
    pub internal: bool,
    /// Whether it has IPv6.
    pub ipv6: bool,
    /// A subnet; the engine's choice if none.
    pub subnet: Option<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Its labels.
    pub labels: Labels,
}

/// What a volume is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VolumeSpec {
    /// Its name.
    pub name: String,
    /// The driver; `local` if empty.
    pub driver: String,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Its labels.
    pub labels: Labels,
}

/// An image.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Its references.
    pub tags: Vec<String>,
    /// Its labels.
    pub labels: Labels,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it last got a name, Unix seconds; 0 if the engine does not say.
    pub named: i64,
    /// The user that its containers run as.
    pub user: String,
    /// True with a healthcheck.
    pub healthcheck: bool,
}

/// What stands at a path in a container.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PathStat {
    /// Its last part.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Go's mode bits: permissions in the low nine, `1 << 31` a folder, `1 << 27` a link.
    pub mode: u32,
    /// Where a link points.
    pub link: String,
}

/// One engine. Every method fails only because of the engine: what it found is in the answer.
#[async_trait]
pub trait Engine: Swarm {
    /// What it says of itself.
    async fn info(&self) -> EngineResult<EngineInfo>;
    /// Its events from now on (or from a Unix time in seconds and nanoseconds, `1700000000.000000001`).
    async fn events(&self, since: Option<String>) -> EngineResult<BoxStream<'static, EngineResult<EngineEvent>>>;

    /// The containers with all of the labels (`name` or `name=value`), the stopped ones too.
    async fn containers(&self, labels: &[String]) -> EngineResult<Vec<Container>>;
    /// The containers of everybody, the stopped ones too, as the engine's list tells of them: one question, however many
    /// there are.
    async fn listed(&self) -> EngineResult<Vec<Listed>>;
    /// A container by id or name.
    async fn inspect(&self, container: &str) -> EngineResult<Container>;
    /// Makes a container; gives its id.
    async fn create(&self, spec: &ContainerSpec) -> EngineResult<String>;
    /// Starts a container.
    async fn start(&self, container: &str) -> EngineResult<()>;
    /// Starts a container whose stdin is open, and writes that to it; it need not read it all.
    async fn start_with(&self, container: &str, stdin: Bytes) -> EngineResult<()>;
    /// Stops a container: its stop signal, then after the limit a kill.
    async fn stop(&self, container: &str, grace: Option<Duration>) -> EngineResult<()>;
    /// Restarts a container.
    async fn restart(&self, container: &str, grace: Option<Duration>) -> EngineResult<()>;
    /// Sends a signal.
    async fn kill(&self, container: &str, signal: &str) -> EngineResult<()>;
    /// Freezes its processes.
    async fn pause(&self, container: &str) -> EngineResult<()>;
    /// Thaws them.
    async fn unpause(&self, container: &str) -> EngineResult<()>;
    /// Makes an image of it: `name:tag`, with labels.
    async fn commit(&self, container: &str, image: &str, labels: &Labels) -> EngineResult<String>;
    /// Its log.
    async fn logs(&self, container: &str, range: LogRange) -> EngineResult<BoxStream<'static, EngineResult<Frame>>>;
    /// Runs a command in it.
    async fn exec(&self, container: &str, spec: &ExecSpec) -> EngineResult<Running>;
    /// Runs a command in it that is to be spoken with.
    async fn converse(&self, container: &str, command: &[String]) -> EngineResult<Conversation>;
    /// How an exec whose output has ended ended; one that goes on is waited for, for as long as the caller likes.
    async fn exec_exit(&self, exec: &str) -> EngineResult<ExecEnd>;

    /// What stands at a path of a container; `None` if nothing does.
    async fn stat(&self, container: &str, path: &str) -> EngineResult<Option<PathStat>>;
    /// A path of a container as a tar stream.
    async fn read_archive(&self, container: &str, path: &str) -> EngineResult<BoxStream<'static, EngineResult<Bytes>>>;
    /// Unpacks a tar at a folder of a container.
    async fn write_archive(&self, container: &str, folder: &str, tar: Bytes) -> EngineResult<()>;

    /// An image by reference or id; `None` if it is not here.
    async fn image(&self, reference: &str) -> EngineResult<Option<Image>>;
    /// Pulls an image.
    async fn pull(&self, reference: &str) -> EngineResult<()>;
    /// Gives an image another reference.
    async fn tag(&self, image: &str, reference: &str) -> EngineResult<()>;

    /// The networks with all of the labels.
    async fn networks(&self, labels: &[String]) -> EngineResult<Vec<Network>>;
    /// Makes a network.
    async fn create_network(&self, spec: &NetworkSpec) -> EngineResult<String>;
    /// Takes a container off a network.
    async fn disconnect(&self, network: &str, container: &str) -> EngineResult<()>;
    /// The volumes with all of the labels.
    async fn volumes(&self, labels: &[String]) -> EngineResult<Vec<Volume>>;
    /// Makes a volume.
    async fn create_volume(&self, spec: &VolumeSpec) -> EngineResult<()>;

    /// All resources with a label (`name` or `name=value`), in the order in which they can be removed.
    async fn labelled(&self, label: &str) -> EngineResult<Vec<Resource>>;
    /// Removes a resource, a running container killed, its anonymous volumes with it; a task is waited for. One that is gone
    /// is a success.
    async fn remove(&self, kind: ResourceKind, id: &str) -> EngineResult<()>;

    /// Waits for the calls that change the engine and whose callers have gone: these are made to their end all the same.
    async fn settled(&self) {}

    /// Runs one of the docker tools against this engine, to its end; its output is told line by line to `line`.
    async fn tool(&self, call: ToolCall, line: ToolLine) -> EngineResult<ToolEnd>;
}
