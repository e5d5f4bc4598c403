//! A process that is spoken with: both ends of what it reads and writes are this program's, and its end is theirs.

use std::collections::BTreeMap;
use std::io;
use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

/// What is kept of what it complains of.
const KEPT: u64 = 16 * 1024;

/// A process that is spoken with. One that is dropped is killed; when this program dies, however it does, what the process
/// reads ends.
pub struct PipedProcess {
    /// What it reads.
    pub stdin: ChildStdin,
    /// What it writes.
    pub stdout: ChildStdout,
    /// How it ends.
    pub ending: Ending,
}

/// The end of a process that is spoken with.
pub struct Ending {
    child: Child,
    stderr: ChildStderr,
}

impl PipedProcess {
    /// Starts it, with this as its whole environment, in a group of its own: a Ctrl-C is not for it.
    #[expect(clippy::disallowed_methods, reason = "this is the host part of Outside")]
    pub fn start(argv: &[String], env: &BTreeMap<String, String>) -> io::Result<PipedProcess> {
        let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut child = tokio::process::Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(env)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let ends = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = ends else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let ending = Ending { child, stderr };
        Ok(PipedProcess { stdin, stdout, ending })
    }
}

impl Ending {
    /// Ends it.
    #[cfg(test)]
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// True when it has ended.
    pub fn has_come(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has ended; gives its exit code, none when a signal ended it, and what it complained of.
    pub async fn told(mut self) -> (Option<i32>, String) {
        let mut told = Vec::new();
        // What cannot be read is not told; and more than this nobody would read.
        drop((&mut self.stderr).take(KEPT).read_to_end(&mut told).await);
        drop(self.stderr);
        let status = self.child.wait().await;
        let told = String::from_utf8_lossy(&told).trim().replace('\r', "");
        (status.ok().and_then(|status| status.code()), told)
    }
}
