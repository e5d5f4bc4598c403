//! A call of one of the docker tools, and how it ended.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Stream;

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
