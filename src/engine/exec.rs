//! A command in a container: what it is, as it runs, and how it ended.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;

use super::{EngineResult, Frame};

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
