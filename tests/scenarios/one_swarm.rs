//! The engine's one swarm, which tests side by side use together.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use super::stage::docker;

/// The run that made the engine's swarm, if one of e2erun's did.
pub(crate) fn swarm_of() -> Option<String> {
    let label = "{{with .Swarm.Cluster}}{{index .Spec.Labels \"e2erun.swarm\"}}{{end}}";
    docker(&["info", "--format", label]).filter(|run| !run.is_empty())
}

/// Whether a run uses a swarm, or somebody leaves it: seen in the system's list of locks, since to take one would be a use, too.
fn swarm_is_used() -> bool {
    let files = std::fs::read_dir("/var/tmp").unwrap().filter_map(Result::ok);
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

/// Whether nothing is left of the swarm that a run made: where it is still there, another run uses it, or has something in it.
/// One that another test has killed meanwhile left it to that test's `gc`: asked again until then, for so long.
pub(crate) fn is_left(run: &str, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    while swarm_of().is_some_and(|made| made == run) && !swarm_is_used() && swarm_is_empty() {
        if Instant::now() > until {
            return false;
        }
    }
    true
}
