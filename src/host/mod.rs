//! This machine: processes, each in a group of its own, and files.
//!
//! A process whose caller goes is not left half way: it is ended in a task of its own, and `settled` waits for that. A
//! process group is known to the lease from its first moment to its last, so that a crash leaves none behind.

mod file;
mod group;
mod hide;
mod kept;
mod listen;
mod piped;
mod process;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio_util::io::{StreamReader, SyncIoBridge};
use tokio_util::task::TaskTracker;

use crate::engine::{Stream, ToolLine};
use crate::mask::Masks;
pub use group::Group;
pub use kept::Kept;
pub use listen::Listener;
pub use piped::{Ending, PipedProcess};
pub use program::Program;

/// How long a process has to end by itself before it is killed.
pub const GRACE: Duration = Duration::from_secs(5);
/// What is kept of each end of a process's output unless it is said otherwise.
pub const KEEP: usize = 2 * 1024 * 1024;

/// A process to start.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The program, absolute or found in `env`'s PATH, and its arguments.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Its working directory.
    pub folder: PathBuf,
    /// What it reads; nothing if none.
    pub stdin: Option<Bytes>,
    /// When it is ended.
    pub limit: Duration,
    /// How much is kept of the beginning, and as much of the end, of each of its outputs.
    pub keep: usize,
}

/// How a process ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// True when it was ended because its limit had passed.
    pub late: bool,
    /// Its standard output.
    pub stdout: Kept,
    /// Its standard error.
    pub stderr: Kept,
}

impl Ended {
    /// The exit code as a shell tells it: 128 and the number of the signal.
    pub fn code(&self) -> i32 {
        self.exit.or(self.signal.map(|signal| 128 + signal)).unwrap_or(-1)
    }
}

/// What stands at a path, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// True for a folder.
    pub folder: bool,
    /// True for a file with content: no folder, socket, pipe or device.
    pub plain: bool,
    /// Bytes.
    pub size: u64,
    /// Permissions.
    pub mode: u32,
    /// The number of the user whose it is.
    pub user: u32,
    /// The number of the group.
    pub group: u32,
}

/// Told what a process writes, as it comes, in pieces that need not be lines.
pub type Output = Arc<dyn Fn(Stream, &[u8]) + Send + Sync>;

/// How a process ended: its exit code (128 and the number of a signal that ended it), or why that is not known.
pub type Exit = Result<i32, String>;

/// A process that runs in the background.
#[async_trait]
pub trait Process: Send + Sync {
    /// How it ended, if it has.
    fn exit_now(&self) -> Option<Exit>;
    /// Waits for its end.
    async fn wait(&self) -> Exit;
    /// True where it did not end by itself: what it ran in was ended by the engine's users.
    fn was_ended(&self) -> bool {
        false
    }
    /// The last lines that it wrote.
    async fn tail(&self, lines: usize) -> String;
    /// Ends it and all of its group: asked first, killed after the grace.
    async fn end(&self, grace: Duration);
}

/// Told of the process groups that are started, so that somebody can end them if this process cannot.
pub trait Groups: Send + Sync {
    /// A group has been started.
    fn started(&self, group: &Group);
    /// A group has ended.
    fn ended(&self, group: &Group);
}

/// Nobody is told of the groups.
pub struct NoGroups;

impl Groups for NoGroups {
    fn started(&self, _: &Group) {}
    fn ended(&self, _: &Group) {}
}

/// This machine's processes and files.
#[async_trait]
pub trait Host: Send + Sync {
    /// Runs a process to its end, telling each line of its output. What it leaves in its group is ended with it.
    async fn run(&self, command: Command, line: ToolLine) -> io::Result<Ended>;
    /// Starts a process in the background, telling its output; it is ended by `end`, its limit, or with the lease.
    async fn start(&self, command: Command, output: Output) -> io::Result<Arc<dyn Process>>;
    /// Ends a process group that somebody else started: asked first, killed after the grace. One that is gone is a success.
    async fn end_group(&self, group: &Group, grace: Duration) -> io::Result<()>;
    /// Sends a signal (`KILL`, `TERM`, `HUP`, …) to a process that somebody else started.
    async fn signal(&self, pid: u32, signal: &str) -> io::Result<()>;
    /// Waits for the end of processes whose callers have gone.
    async fn settled(&self);

    /// True if something stands at a path.
    async fn exists(&self, path: &Path) -> bool;
    /// What stands at a path, links followed; `None` if nothing does.
    async fn stat(&self, path: &Path) -> io::Result<Option<Standing>>;
    /// The names of what is in a folder.
    async fn entries(&self, path: &Path) -> io::Result<BTreeSet<String>>;
    /// A file, whole; one that is longer than the limit is refused.
    async fn read_bytes(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;
    /// A text file, whole.
    async fn read_text(&self, path: &Path) -> io::Result<String>;
    /// Makes a folder and those above it.
    async fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with all that is in it. One that is gone is a success.
    async fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// Writes a file and the folders above it; a link that stands there is replaced, not followed.
    async fn write_file(&self, path: &Path, content: &[u8]) -> io::Result<()>;
    /// Writes a file that nobody but this user finds, and whoever it is mounted for can read: the folder that it is in is
    /// this user's alone.
    async fn write_hidden(&self, path: &Path, content: &[u8]) -> io::Result<()>;
    /// Copies a file or a folder to a path, links as links, modes kept; what stands there already is joined.
    async fn copy_tree(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A file or folder as a tar, under another name, links below it as links; one that is longer than the limit is refused.
    async fn pack(&self, path: &Path, name: &str, limit: usize) -> io::Result<Bytes>;
    /// Unpacks a tar into a folder, that is made; nothing is written outside of it.
    async fn unpack(&self, tar: Bytes, folder: &Path) -> io::Result<()>;
    /// Unpacks the tar of one file or folder while it comes, without holding it; what it calls `name` stands at a path
    /// afterwards, in place of what stood there, and can be read and removed by this user.
    async fn unpack_as(&self, tar: Coming, name: &str, to: &Path) -> io::Result<()>;
    /// Hides values in all files below a folder, a piece at a time, and in their names; bytes that are no text stay as they
    /// are, and so do the files that are clean already. Tells where it could not be done, and why.
    async fn hide_in_files(&self, folder: &Path, masks: Arc<Masks>, clean: BTreeSet<PathBuf>) -> Vec<String>;
    /// How many bytes are free where a path is or would be; `None` if it cannot be found out.
    async fn free_space(&self, path: &Path) -> Option<u64>;
    /// Who has one of these ports of this machine; the protocol is `tcp` or `udp`.
    async fn listeners(&self, protocol: &str, ports: &[u16]) -> Vec<Listener>;
    /// This program, and what it needs to run in an image of its own.
    async fn program(&self) -> io::Result<Program>;
    /// The files of that image as a tar.
    async fn pack_program(&self, program: &Program) -> io::Result<Bytes>;
}

/// What of a text a file may be called: letters of any script, digits, `=`, `.` and `_`; for all else there is a `-`.
pub fn file_name_of(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut name = String::new();
    for c in text.chars() {
        match c {
            c if c.is_alphanumeric() || matches!(c, '=' | '.' | '_') => name.push(c),
            _ if !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    let name: String = name.chars().take(LONGEST).collect();
    name.trim_matches(['-', '.']).to_owned()
}

/// The user and group that this process runs as, as containers take them: `1000:1000`.
pub fn user() -> String {
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    format!("{}:{}", user.as_raw(), group.as_raw())
}

/// Bytes as they come.
pub type Coming = BoxStream<'static, io::Result<Bytes>>;

/// The real machine.
pub struct RealHost {
    groups: Arc<dyn Groups>,
    abandoned: TaskTracker,
}

impl RealHost {
    /// This machine, with whoever is told of the process groups: the lease.
    pub fn new(groups: Arc<dyn Groups>) -> RealHost {
        let abandoned = TaskTracker::new();
        abandoned.close();
        RealHost { groups, abandoned }
    }
}

#[async_trait]
impl Host for RealHost {
    async fn run(&self, command: Command, line: ToolLine) -> io::Result<Ended> {
        process::run(&self.groups, &self.abandoned, command, line).await
    }

    async fn start(&self, command: Command, output: Output) -> io::Result<Arc<dyn Process>> {
        process::start(&self.groups, command, output)
    }

    async fn end_group(&self, group: &Group, grace: Duration) -> io::Result<()> {
        group::end(group, grace).await
    }

    async fn signal(&self, pid: u32, signal: &str) -> io::Result<()> {
        group::signal(pid, signal)
    }

    async fn settled(&self) {
        self.abandoned.wait().await;
    }

    async fn exists(&self, path: &Path) -> bool {
        tokio::fs::try_exists(path).await.unwrap_or(false)
    }

    async fn stat(&self, path: &Path) -> io::Result<Option<Standing>> {
        let path = path.to_owned();
        file::blocking(move || file::stat(&path)).await
    }

    async fn entries(&self, path: &Path) -> io::Result<BTreeSet<String>> {
        let path = path.to_owned();
        file::blocking(move || file::entries(&path)).await
    }

    async fn read_bytes(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let path = path.to_owned();
        file::blocking(move || file::read(&path, limit)).await
    }

    async fn pack(&self, path: &Path, name: &str, limit: usize) -> io::Result<Bytes> {
        let (path, name) = (path.to_owned(), name.to_owned());
        file::blocking(move || file::pack(&path, &name, limit)).await
    }

    async fn read_text(&self, path: &Path) -> io::Result<String> {
        let path = path.to_owned();
        file::blocking(move || file::read_text(&path)).await
    }

    async fn make_folder(&self, path: &Path) -> io::Result<()> {
        tokio::fs::create_dir_all(path).await
    }

    async fn remove_folder(&self, path: &Path) -> io::Result<()> {
        match tokio::fs::remove_dir_all(path).await {
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    async fn write_file(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let (path, content) = (path.to_owned(), content.to_vec());
        file::blocking(move || file::write(&path, &content)).await
    }

    async fn write_hidden(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let (path, content) = (path.to_owned(), content.to_vec());
        file::blocking(move || file::write_hidden(&path, &content)).await
    }

    async fn copy_tree(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        file::blocking(move || file::copy_tree(&from, &to)).await
    }

    async fn unpack(&self, tar: Bytes, folder: &Path) -> io::Result<()> {
        let folder = folder.to_owned();
        file::blocking(move || file::unpack(&tar, &folder)).await
    }

    async fn unpack_as(&self, tar: Coming, name: &str, to: &Path) -> io::Result<()> {
        let (name, to) = (name.to_owned(), to.to_owned());
        let tar = SyncIoBridge::new(StreamReader::new(tar));
        file::blocking(move || file::unpack_as(tar, &name, &to)).await
    }

    async fn hide_in_files(&self, folder: &Path, masks: Arc<Masks>, clean: BTreeSet<PathBuf>) -> Vec<String> {
        let below = folder.to_owned();
        let hidden = file::blocking(move || Ok(hide::hide_in_files(&below, &masks, &clean))).await;
        hidden.unwrap_or_else(|why| vec![format!("`{}`: {why}", folder.display())])
    }

    async fn free_space(&self, path: &Path) -> Option<u64> {
        let path = path.to_owned();
        file::blocking(move || file::free_space(&path)).await.ok()
    }

    async fn listeners(&self, protocol: &str, ports: &[u16]) -> Vec<Listener> {
        let (protocol, ports) = (protocol.to_owned(), ports.to_vec());
        let found = file::blocking(move || Ok(listen::listeners(&protocol, &ports))).await;
        found.unwrap_or_default()
    }

    async fn program(&self) -> io::Result<Program> {
        file::blocking(program::program).await
    }

    async fn pack_program(&self, program: &Program) -> io::Result<Bytes> {
        let program = program.clone();
        file::blocking(move || program.pack()).await
    }
}
