//! The engine's one swarm, which tests side by side use together.

use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::stage::docker;

/// How long a run that another test has killed waits for that test's `gc`.
const OTHERS: Duration = Duration::from_secs(100);

/// Where the locks of swarms are.
const LOCKS: &str = "/var/tmp";

/// The run that made the engine's swarm, if one of e2erun's did.
pub(crate) fn swarm_of() -> Option<String> {
    let label = "{{with .Swarm.Cluster}}{{index .Spec.Labels \"e2erun.swarm\"}}{{end}}";
    docker(&["info", "--format", label]).filter(|run| !run.is_empty())
}

/// Whether a run uses a swarm, or somebody leaves it: seen in the system's list of locks, since to take one would be a use, too.
fn swarm_is_used() -> bool {
    let files = std::fs::read_dir(LOCKS).unwrap().filter_map(Result::ok);
    let is_lock = |file: &std::fs::DirEntry| file.file_name().to_string_lossy().starts_with("e2erun-swarm-");
    let locks: Vec<String> = files
        .filter(is_lock)
        .filter_map(|file| Some(format!(":{} 0 EOF", file.metadata().ok()?.ino())))
        .collect();
    let held = std::fs::read_to_string("/proc/locks").unwrap();
    held.lines().any(|line| locks.iter().any(|lock| line.ends_with(lock)))
}

/// Whether nothing is in the engine's swarm that would keep a run from leaving it.
fn swarm_is_empty() -> bool {
    let lists: [&[&str]; 5] = [
        &["service", "ls", "-q"],
        &["secret", "ls", "-q"],
        &["config", "ls", "-q"],
        &["network", "ls", "--filter", "driver=overlay", "--format", "{{.Name}}"],
        &["ps", "--format", "{{.Ports}}"],
    ];
    let all = lists.map(|list| docker(list).unwrap_or_default());
    let mut lines = all.iter().flat_map(|list| list.lines());
    lines.all(|line| line == "ingress" || line.is_empty())
}

/// The network by which a swarm's containers reach the outside, where it is there without a swarm: by its id.
pub(crate) fn stray_network() -> Option<String> {
    let id = docker(&["network", "inspect", "--format", "{{.Id}}", "docker_gwbridge"])?;
    let state = docker(&["info", "--format", "{{.Swarm.LocalNodeState}}"])?;
    // Asked in this order, and once more: somebody may have left the swarm meanwhile, and removes it next.
    let is_stray = state == "inactive" && !swarm_is_used();
    let is_there = || docker(&["network", "inspect", "docker_gwbridge"]).is_some_and(|told| told.contains(&id));
    (is_stray && is_there()).then_some(id)
}

/// Whether that network is one that its engine keeps although it lists nothing on it: before 28.1 one may lose count of that when
/// several containers go at once. One that it lets go was left behind, and is not any more.
fn is_kept_by_its_engine() -> bool {
    let lists_none = docker(&[
        "network",
        "inspect",
        "--format",
        "{{len .Containers}}",
        "docker_gwbridge",
    ]);
    let removed = Command::new("docker")
        .args(["network", "rm", "docker_gwbridge"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&removed.stderr);
    lists_none.as_deref() == Some("0") && told.contains("has active endpoints")
}

/// Whether nothing is left of the swarm that a run made: where it is still there, another run uses it, or has something in it.
/// One that another test has killed meanwhile left it to that test's `gc`: that is waited for. What was left before the test is
/// nothing of its run, nor is what the engine keeps.
pub(crate) fn is_left(run: &str, stray: Option<&str>) -> bool {
    let locks = Watch::locks();
    let until = Instant::now() + OTHERS;
    let is_there = || swarm_of().is_some_and(|made| made == run) && !swarm_is_used() && swarm_is_empty();
    while is_there() || stray_network().is_some_and(|id| Some(id.as_str()) != stray) {
        if !locks.changed(until) {
            return !is_there() && is_kept_by_its_engine();
        }
    }
    true
}

/// What is told of the locks of swarms from now on. No engine tells that it has left its swarm, but who has left one takes its
/// lock away.
struct Watch(OwnedFd);

impl Watch {
    fn locks() -> Watch {
        let watch = inotify::init(CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&watch, LOCKS, WatchFlags::CREATE | WatchFlags::DELETE).unwrap();
        Watch(watch)
    }

    /// Waits until one was made or taken away; false when none was until then.
    fn changed(&self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let limit = Timespec::try_from(left).unwrap();
        if poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&limit)).unwrap() == 0 {
            return false;
        }
        rustix::io::read(&self.0, &mut [0u8; 4096]).unwrap();
        true
    }
}
