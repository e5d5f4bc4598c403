//! A container: as the engine describes it, as it is listed, and what it is made of.

use std::collections::BTreeMap;

use super::Labels;

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
