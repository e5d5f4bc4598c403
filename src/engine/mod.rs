//! What a Docker engine does for us, in our words: no type of the Docker client crosses this border.
//!
//! `docker/` speaks to the API, `command.rs` runs the docker tools, `fake.rs` is scripted for tests, `world.rs` folds
//! the events of a node into what is known of its containers. Every call has a limit, and none asks again and again: but that a
//! task of a swarm is gone nobody tells (`docker/removal.rs`).
//!
//! Longer than most files: it is one border, types and a trait without code, and is read as a whole.

pub mod command;
pub mod docker;
pub mod fake;
pub mod logs;
mod membership;
mod pulls;
mod surroundings;
pub mod swarm;
pub mod tunnel;
pub mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;

pub use membership::of_no_service;
pub use pulls::Pulls;
pub use surroundings::of_the_surroundings;
pub use swarm::Swarm;

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// An engine call that did not succeed: what was attempted, on what, and the engine's answer.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("cannot {attempt}: {answer}")]
pub struct EngineError {
    /// What was attempted, on what: "start container `abc`".
    pub attempt: String,
    /// Why it did not succeed.
    pub answer: String,
    /// What sort of answer.
    pub reason: Reason,
}

/// What sort of answer an engine gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no such thing (404).
    NotFound,
    /// It is in the way of something else (409), or already so.
    Conflict,
    /// The engine cannot be reached, or went away.
    Away,
    /// The call's limit passed.
    Limit,
    /// Anything else.
    Other,
}

/// The result of an engine call.
pub type EngineResult<T> = Result<T, EngineError>;

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

/// A container as the engine describes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// The image as it was asked for.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// Labels, the image's too.
    pub labels: Labels,
    /// `created running paused restarting removing exited dead`.
    pub state: String,
    /// The health status: `starting`, `healthy`, `unhealthy`; none without a healthcheck.
    pub health: Option<String>,
    /// The last outputs of the healthcheck, oldest first, with their exit codes.
    pub health_log: Vec<(i64, String)>,
    /// The exit code, once it has ended.
    pub exit: Option<i64>,
    /// The engine's own error of starting it.
    pub error: String,
    /// True when the kernel killed it for its memory.
    pub oom_killed: bool,
    /// How often its restart policy started it again.
    pub restarts: u64,
    /// `no`, `always`, `on-failure`, `unless-stopped`; with `on-failure` the greatest number of tries.
    pub restart_policy: (String, u64),
    /// When it was last started and ended, RFC 3339; empty if never.
    pub started_at: String,
    /// See `started_at`.
    pub finished_at: String,
    /// True with a terminal: its log is raw.
    pub tty: bool,
    /// The log driver.
    pub log_driver: String,
    /// The user of its process.
    pub user: String,
    /// Host ports by container port and protocol: `(80, "tcp")` → (host address, port). IPv4 first.
    pub ports: BTreeMap<(u16, String), Vec<(String, u16)>>,
    /// Networks: name → (address, aliases).
    pub networks: BTreeMap<String, (String, Vec<String>)>,
    /// The network mode: `default`, `host`, `container:…`.
    pub network_mode: String,
    /// Mounts: (type, source or volume name, destination, writable).
    pub mounts: Vec<(String, String, String, bool)>,
    /// The inspect answer whole, for the results folder and for what is not above.
    pub raw: serde_json::Value,
}

/// What a container is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContainerSpec {
    /// Its name; the engine's choice if empty.
    pub name: String,
    /// The image.
    pub image: String,
    /// The command; the image's if none.
    pub command: Option<Vec<String>>,
    /// The entrypoint; the image's if none.
    pub entrypoint: Option<Vec<String>>,
    /// Environment: `NAME=value`.
    pub env: Vec<String>,
    /// The working directory.
    pub workdir: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// Labels.
    pub labels: Labels,
    /// Binds and named volumes: `source:destination[:options]`.
    pub volumes: Vec<String>,
    /// Container ports to publish on free host ports: `80`, `53/udp`.
    pub expose: Vec<String>,
    /// Networks to join by name, each with aliases; the default one if empty.
    pub networks: Vec<(String, Vec<String>)>,
    /// Opens stdin, for the one who writes to it when it is started.
    pub stdin: bool,
    /// The network mode instead of `networks`: `host`, `container:…`.
    pub network_mode: Option<String>,
}

/// A command to run in a container.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExecSpec {
    /// The command.
    pub command: Vec<String>,
    /// Environment: `NAME=value`.
    pub env: Vec<String>,
    /// The working directory.
    pub workdir: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// What it reads; written while its output is read.
    pub stdin: Option<Bytes>,
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

/// An exec that runs: its output, then its exit code.
pub struct Running {
    /// The exec's id, to ask for its exit code.
    pub id: String,
    /// Its output as it comes; ends when it does.
    pub output: BoxStream<'static, EngineResult<Frame>>,
}

/// An exec that is spoken with for as long as both sides are held; let go of, what it reads ends.
pub struct Conversation {
    /// What it reads.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// Its output as it comes; ends when it does.
    pub output: BoxStream<'static, EngineResult<Frame>>,
}

/// How an exec ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecEnd {
    /// Its exit code; of one that is not whole, what the engine takes for it.
    pub code: i64,
    /// False where its output had ended before it did: the connection was cut, and what it wrote then is lost.
    pub whole: bool,
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

/// A container as it is listed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listed {
    /// Its name, without the slash.
    pub name: String,
    /// The image's id.
    pub image_id: String,
    /// Labels, the image's too.
    pub labels: Labels,
    /// See `Container`.
    pub state: String,
    /// Where its ports are published: protocol, host address, host port.
    pub ports: Vec<(String, String, u16)>,
}

impl Listed {
    /// True for one that has the ports that it publishes: it runs, if only in a moment.
    pub fn has_ports(&self) -> bool {
        matches!(self.state.as_str(), "running" | "paused" | "restarting")
    }
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

/// The resources that a label can be on, in the order in which they can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceKind {
    /// Services of a swarm: their containers would be made again.
    Service,
    /// Containers.
    Container,
    /// Tasks of services that are gone: nobody can remove them, they go by themselves.
    Task,
    /// Networks.
    Network,
    /// Volumes.
    Volume,
    /// Secrets of a swarm.
    Secret,
    /// Configs of a swarm.
    Config,
    /// Images.
    Image,
}

impl ResourceKind {
    /// All of them, in the order in which they can be removed.
    pub const ALL: [ResourceKind; 8] = [
        ResourceKind::Service,
        ResourceKind::Container,
        ResourceKind::Task,
        ResourceKind::Network,
        ResourceKind::Volume,
        ResourceKind::Secret,
        ResourceKind::Config,
        ResourceKind::Image,
    ];

    /// True for what runs, or makes something run.
    pub fn runs(self) -> bool {
        matches!(
            self,
            ResourceKind::Service | ResourceKind::Container | ResourceKind::Task
        )
    }

    /// What messages call one.
    pub fn word(self) -> &'static str {
        match self {
            ResourceKind::Service => "service",
            ResourceKind::Container => "container",
            ResourceKind::Task => "task",
            ResourceKind::Network => "network",
            ResourceKind::Volume => "volume",
            ResourceKind::Secret => "secret",
            ResourceKind::Config => "config",
            ResourceKind::Image => "image",
        }
    }
}

/// A labelled resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its id, by which it is removed (a volume's name).
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// When it was made, Unix seconds; 0 if the engine does not say.
    pub created: i64,
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

/// Told each line of a tool's output as it comes.
pub type ToolLine = Arc<dyn Fn(Stream, &str) + Send + Sync>;

/// A call of one of the docker tools.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Which tool.
    pub tool: Tool,
    /// Its arguments after the tool's own words: `["-p", "x", "up", "-d"]`.
    pub arguments: Vec<String>,
    /// What interpolation sees; nothing of this machine's but what the tool itself needs (PATH, HOME, DOCKER_*).
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub folder: PathBuf,
    /// What it reads.
    pub stdin: Option<Bytes>,
    /// When it is ended.
    pub limit: Duration,
}

/// The docker tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `docker compose`, or `docker-compose`.
    Compose,
    /// `docker`.
    Docker,
}

/// How a tool ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolEnd {
    /// Its exit code; none when a signal ended it.
    pub exit: Option<i32>,
    /// Its standard output, the first and last 64 KiB of it.
    pub stdout: String,
    /// Its standard error, likewise.
    pub stderr: String,
}
