//! Tasks that no node takes: where nothing changes that, it is not waited for.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::swarm::{Failed, Look, Rules, Service, SwarmNode, Task};

/// How long nothing has to change where nodes are excluded by what they are.
const CERTAIN: Duration = Duration::from_secs(5);
/// The same where they are by what others have taken of them, and may give back.
const TAKEN: Duration = Duration::from_secs(20);

/// How the scheduler says that no node takes a task.
const UNPLACED: &str = "no suitable node";
/// And that others have what it takes.
const BY_OTHERS: [&str; 2] = ["insufficient resources", "port already in use"];
/// And that nodes are there which take none now: those that are down may come back.
const AWAY: &str = "not available for new tasks";

/// What was seen last of those that wait for a node, and since when.
#[derive(Default)]
pub(super) struct Unplaced {
    seen: Option<(Seen, Instant)>,
}

/// The nodes, and the tasks that wait for one, with what the scheduler says.
#[derive(PartialEq)]
struct Seen {
    nodes: Vec<SwarmNode>,
    tasks: Vec<(String, String)>,
}

impl Unplaced {
    /// The services that no node takes, once nothing has changed for a while.
    pub(super) fn since(&mut self, look: &Look, rules: &Rules) -> Vec<Failed> {
        let waits = |task: &&Task| task.state == "pending" && task.is_wanted() && task.error.starts_with(UNPLACED);
        let pending: Vec<&Task> = look.tasks.iter().filter(waits).collect();
        if pending.is_empty() || rules.to_the_end {
            self.seen = None;
            return Vec::new();
        }
        let tasks = pending.iter().map(|task| (task.id.clone(), task.error.clone()));
        let seen = Seen {
            nodes: look.nodes.clone(),
            tasks: tasks.collect(),
        };
        let same = self.seen.take().filter(|(before, _)| *before == seen);
        let since = same.map_or_else(Instant::now, |(_, since)| since);
        self.seen = Some((seen, since));
        let gives_back = gives_back(look, rules);
        let is_away = look.nodes.iter().any(|node| node.state != "ready");
        let is_certain = |task: &Task| match BY_OTHERS.iter().any(|said| task.error.contains(said)) {
            true => since.elapsed() >= TAKEN && !gives_back,
            false if is_away && task.error.contains(AWAY) => false,
            false => since.elapsed() >= CERTAIN,
        };
        let stuck = look.services.iter().filter_map(|service| {
            let own = |task: &&&Task| task.service == service.id && is_certain(task);
            let task = pending.iter().find(own)?;
            Some(Failed {
                service: service.name.clone(),
                task: Some((*task).clone()),
                why: format!("{}, and nothing changes that", task.error),
                begins_again: false,
            })
        });
        stuck.collect()
    }
}

/// True while something goes on that comes to its end by itself, and leaves what it has to others.
fn gives_back(look: &Look, rules: &Rules) -> bool {
    let ends = |service: &&Service| service.ends() || rules.completes.contains(&service.name);
    let mut ends = look.services.iter().filter(ends);
    ends.any(|service| {
        let mut own = look.tasks.iter().filter(|task| task.service == service.id);
        own.any(|task| task.state == "running")
    })
}
