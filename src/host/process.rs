//! Starting processes, reading what they write, and ending them with all of their group.

use std::collections::VecDeque;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::task_tracker::TaskTracker;

use super::kept::Lines;
use super::{Command, Ended, Exit, GRACE, Group, Groups, Kept, Output, Process};
use crate::engine::{Stream, ToolLine};
use crate::wait::Caller;

/// What has not been read when a process and its group have ended is waited for this long: somebody outside of the
/// group may hold the other end.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);
/// How much of a background process's output is kept for its tail.
const TAIL: usize = 64 * 1024;

/// Runs a process to its end.
pub(super) async fn run(
    groups: &Arc<dyn Groups>,
    abandoned: &TaskTracker,
    command: Command,
    line: ToolLine,
) -> io::Result<Ended> {
    let capture = Arc::new(Mutex::new(Capture::new(command.keep, line)));
    let output: Output = {
        let capture = Arc::clone(&capture);
        Arc::new(move |stream, bytes| lock(&capture).add(stream, bytes))
    };
    let running = Running::start(groups, command, output)?;
    let (caller, held) = Caller::new(abandoned);
    let _ended_if_dropped: DropGuard = running.cancel.clone().drop_guard();
    let mut end = running.end.clone();
    let mut task_end = running.end.clone();
    tokio::spawn(async move {
        drop(task_end.wait_for(Option::is_some).await);
        drop(held);
    });
    let last = end.wait_for(Option::is_some).await.ok().and_then(|end| *end);
    caller.ended();
    let Some(End { status, late }) = last else {
        return Err(io::Error::other("the process's task ended before the process"));
    };
    let (stdout, stderr) = lock(&capture).end();
    Ok(Ended {
        exit: status.code(),
        signal: status.signal(),
        late,
        stdout,
        stderr,
    })
}

/// Starts a process in the background.
pub(super) fn start(groups: &Arc<dyn Groups>, command: Command, output: Output) -> io::Result<Arc<dyn Process>> {
    let tail: Arc<Mutex<VecDeque<u8>>> = Arc::default();
    let kept = Arc::clone(&tail);
    let told: Output = Arc::new(move |stream, bytes| {
        let mut kept = lock(&kept);
        kept.extend(bytes);
        let over = kept.len().saturating_sub(TAIL);
        kept.drain(..over);
        drop(kept);
        output(stream, bytes);
    });
    Ok(Arc::new(Background {
        running: Running::start(groups, command, told)?,
        tail,
    }))
}

/// What `run` keeps and tells of the output.
struct Capture {
    outputs: [(Lines, Kept); 2],
    line: ToolLine,
}

impl Capture {
    fn new(keep: usize, line: ToolLine) -> Capture {
        Capture {
            outputs: [(); 2].map(|()| (Lines::default(), Kept::new(keep))),
            line,
        }
    }

    fn add(&mut self, stream: Stream, bytes: &[u8]) {
        let (lines, kept) = &mut self.outputs[usize::from(stream == Stream::Stderr)];
        kept.add(bytes);
        lines.add(bytes, |line| (self.line)(stream, line));
    }

    fn end(&mut self) -> (Kept, Kept) {
        for (stream, (lines, _)) in [Stream::Stdout, Stream::Stderr].into_iter().zip(&mut self.outputs) {
            lines.end(|line| (self.line)(stream, line));
        }
        let [(_, stdout), (_, stderr)] = &mut self.outputs;
        (std::mem::take(stdout), std::mem::take(stderr))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a process ended.
#[derive(Debug, Clone, Copy)]
struct End {
    status: ExitStatus,
    late: bool,
}

/// A process and the task that sees it to its end.
struct Running {
    /// Cancelled: the process is ended.
    cancel: CancellationToken,
    end: watch::Receiver<Option<End>>,
    /// How long it has to end by itself once it was asked to.
    grace: Arc<Mutex<Duration>>,
}

impl Running {
    fn start(groups: &Arc<dyn Groups>, command: Command, output: Output) -> io::Result<Running> {
        let (mut child, group) = spawn(&command)?;
        groups.started(&group);
        let (cancel, grace) = (CancellationToken::new(), Arc::new(Mutex::new(GRACE)));
        let (told, end) = watch::channel(None);
        let seen = Seen {
            groups: Arc::clone(groups),
            group,
            limit: command.limit,
            cancel: cancel.clone(),
            grace: Arc::clone(&grace),
        };
        let writer = child
            .stdin
            .take()
            .map(|stdin| tokio::spawn(write(stdin, command.stdin)));
        let readers = [
            child
                .stdout
                .take()
                .map(|out| tokio::spawn(read(out, Stream::Stdout, Arc::clone(&output)))),
            child
                .stderr
                .take()
                .map(|err| tokio::spawn(read(err, Stream::Stderr, output))),
        ];
        tokio::spawn(async move {
            let end = seen.to_its_end(&mut child).await;
            if let Some(writer) = writer {
                writer.abort();
            }
            let drained = async {
                for mut reader in readers.into_iter().flatten() {
                    if tokio::time::timeout(DRAIN_LIMIT, &mut reader).await.is_err() {
                        reader.abort();
                    }
                }
            };
            drained.await;
            seen.groups.ended(&seen.group);
            told.send_replace(end);
        });
        Ok(Running { cancel, end, grace })
    }

    async fn ended(&self) -> Option<End> {
        self.end
            .clone()
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|end| *end)
    }
}

/// Whoever sees a process to its end.
struct Seen {
    groups: Arc<dyn Groups>,
    group: Group,
    limit: Duration,
    cancel: CancellationToken,
    grace: Arc<Mutex<Duration>>,
}

impl Seen {
    async fn to_its_end(&self, child: &mut Child) -> Option<End> {
        let by_itself = async {
            tokio::select! {
                status = child.wait() => Some(status),
                () = self.cancel.cancelled() => None,
            }
        };
        let late = match tokio::time::timeout(self.limit, by_itself).await {
            Ok(Some(status)) => {
                // What it left behind in its group ends with it.
                drop(self.group.signal(Signal::KILL));
                return status.ok().map(|status| End { status, late: false });
            }
            Ok(None) => false,
            Err(_) => true,
        };
        drop(self.group.signal(Signal::TERM));
        let grace = *lock(&self.grace);
        let status = tokio::time::timeout(grace, child.wait()).await;
        drop(self.group.signal(Signal::KILL));
        let status = match status {
            Ok(status) => status,
            Err(_) => child.wait().await,
        };
        status.ok().map(|status| End { status, late })
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the host part of Outside")]
fn spawn(command: &Command) -> io::Result<(Child, Group)> {
    let (program, arguments) = command.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let stdin = if command.stdin.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    };
    let child = tokio::process::Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(&command.env)
        .current_dir(&command.folder)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    // Nobody has waited for it yet: its number is its own.
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .ok_or(io::ErrorKind::NotFound)?;
    let group = Group::of(pid).ok_or(io::ErrorKind::NotFound)?;
    Ok((child, group))
}

/// Writes what the process reads, then closes it. A process that does not read it all is no error.
async fn write(mut stdin: ChildStdin, content: Option<Bytes>) {
    drop(stdin.write_all(&content.unwrap_or_default()).await);
}

async fn read(mut from: impl AsyncRead + Unpin, stream: Stream, output: Output) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut buffer).await
        && length > 0
    {
        output(stream, &buffer[..length]);
    }
}

struct Background {
    running: Running,
    tail: Arc<Mutex<VecDeque<u8>>>,
}

fn code(end: End) -> i32 {
    end.status
        .code()
        .or(end.status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}

#[async_trait]
impl Process for Background {
    fn exit_now(&self) -> Option<Exit> {
        (*self.running.end.borrow()).map(|end| Ok(code(end)))
    }

    async fn wait(&self) -> Exit {
        let end = self.running.ended().await;
        end.map(code).ok_or_else(|| "nobody waits for it any more".to_owned())
    }

    async fn tail(&self, lines: usize) -> String {
        let kept: Vec<u8> = lock(&self.tail).iter().copied().collect();
        let text = String::from_utf8_lossy(&kept);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    async fn end(&self, grace: Duration) {
        *lock(&self.running.grace) = grace;
        self.running.cancel.cancel();
        self.running.ended().await;
    }
}

#[cfg(test)]
mod tests;
