//! Process groups: which one it is, even after its number was given to another, and ending it.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};
use serde::{Deserialize, Serialize};

/// How often a group is looked at again after it was killed: it may have forked meanwhile.
const ROUNDS: usize = 5;
/// A process that was killed is gone within this, or hangs in the kernel.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// A process group, and what tells it from a later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    /// Its number: that of its first process.
    pub id: i32,
    /// When its first process was started, in the kernel's ticks since the machine's start.
    pub started: u64,
    /// The session that it is in.
    pub session: i32,
    /// Which start of the machine.
    pub boot: String,
}

/// What `/proc` says of a process.
#[derive(Debug, PartialEq)]
struct Stat {
    pid: i32,
    state: char,
    group: i32,
    session: i32,
    started: u64,
}

impl Group {
    /// The group of which a living process is the first one; none if there is no such process.
    pub fn of(pid: i32) -> Option<Group> {
        let stat = stat(pid)?;
        Some(Group {
            id: pid,
            started: stat.started,
            session: stat.session,
            boot: boot()?,
        })
    }

    /// The processes of it that still run. Those of a later group with its number are none of it.
    pub fn members(&self) -> Vec<i32> {
        if boot().as_ref() != Some(&self.boot) {
            return Vec::new();
        }
        // The number is not given away while somebody is in the group. So it is still ours if its first process is
        // the one that was noted; without a first process it is if the others are of our session and not older.
        if stat(self.id).is_some_and(|first| first.started != self.started) {
            return Vec::new();
        }
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let members = pids.filter_map(stat).filter(|stat| {
            stat.group == self.id
                && stat.session == self.session
                && stat.started >= self.started
                && !matches!(stat.state, 'Z' | 'X')
        });
        members.map(|stat| stat.pid).collect()
    }

    /// Sends a signal to all of it, if it is still there.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        if self.members().is_empty() {
            return Ok(());
        }
        let pid = Pid::from_raw(self.id).ok_or(io::ErrorKind::InvalidInput)?;
        match kill_process_group(pid, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(why) => Err(why.into()),
        }
    }
}

/// Sends a signal to one process.
pub(super) fn signal(pid: u32, name: &str) -> io::Result<()> {
    let signal = match name {
        "KILL" => Signal::KILL,
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "QUIT" => Signal::QUIT,
        "HUP" => Signal::HUP,
        "ABRT" => Signal::ABORT,
        "SEGV" => Signal::SEGV,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        _ => {
            let why = format!("`{name}` is none of KILL, TERM, INT, QUIT, HUP, ABRT, SEGV, USR1, USR2");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
    };
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(pid, signal)?)
}

/// Ends a group that is not this process's child: asked first, killed after the grace.
pub(super) async fn end(group: &Group, grace: Duration) -> io::Result<()> {
    group.signal(Signal::TERM)?;
    gone(group, grace).await?;
    for _ in 0..ROUNDS {
        if group.members().is_empty() {
            return Ok(());
        }
        group.signal(Signal::KILL)?;
        gone(group, KILL_LIMIT).await?;
    }
    Err(io::Error::other(format!("process group {} does not end", group.id)))
}

/// Waits until the processes that are in the group now are gone, or the limit has passed.
async fn gone(group: &Group, limit: Duration) -> io::Result<()> {
    let watched = group
        .members()
        .into_iter()
        .filter_map(|pid| pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok());
    // They are opened before any is waited for: each stands for its process whatever becomes of the number.
    let watched: Vec<OwnedFd> = watched.collect();
    let deadline = Instant::now() + limit;
    let waited = tokio::task::spawn_blocking(move || -> io::Result<()> {
        for process in watched {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            // Readable means ended; being interrupted means another look by the caller.
            match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)) {
                Ok(_) | Err(Errno::INTR) => (),
                Err(why) => return Err(why.into()),
            }
        }
        Ok(())
    });
    waited.await.map_err(io::Error::other)?
}

fn boot() -> Option<String> {
    Some(
        fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .ok()?
            .trim()
            .to_owned(),
    )
}

fn stat(pid: i32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `pid (name) state ppid group session … started …`; the name can have anything in it.
fn parse(text: &str) -> Option<Stat> {
    let (pid, rest) = text.split_once(' ')?;
    let fields: Vec<&str> = rest[rest.rfind(')')? + 1..].split_whitespace().collect();
    Some(Stat {
        pid: pid.parse().ok()?,
        state: fields.first()?.chars().next()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Group, Stat, parse};

    #[test]
    fn a_process_may_have_any_name() {
        let text = "42 (a) b ((c) S 1 40 41 0 -1 4194304 1 0 0 0 1 2 3 4 20 0 1 0 777 9 9";
        let expected = Stat {
            pid: 42,
            state: 'S',
            group: 40,
            session: 41,
            started: 777,
        };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("42 (a"), None);
    }

    #[test]
    fn a_group_with_the_same_number_and_another_beginning_is_none_of_ours() {
        let me = Group::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        let later = Group {
            started: me.started + 1,
            ..me.clone()
        };
        assert_eq!(later.members(), Vec::<i32>::new());
        let rebooted = Group {
            boot: "another".to_owned(),
            ..me
        };
        assert_eq!(rebooted.members(), Vec::<i32>::new());
    }
}
