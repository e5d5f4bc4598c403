//! Tasks that no node takes: where nothing changes that, it is not waited for.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::swarm::{Failed, Look, Rules, Service, SwarmNode, Task, unmet};

/// How long nothing has to change where nodes are excluded by what they are.
const CERTAIN: Duration = Duration::from_secs(5);
/// The same where they are by what others have taken of them, and may give back.
const TAKEN: Duration = Duration::from_secs(20);

/// How the scheduler says that no node takes a task.
const UNPLACED: &str = "no suitable node";
/// And that others have what it takes.
const BY_OTHERS: [&str; 2] = ["insufficient resources", "port already in use"];
/// And that the service's constraints exclude nodes.
const CONSTRAINTS: &str = "scheduling constraints";
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
                why: format!(
                    "{}{}, and nothing changes that",
                    task.error,
                    unmet_by(look, service, task)
                ),
                begins_again: false,
            })
        });
        stuck.collect()
    }
}

/// Which constraints it is that no node meets: the scheduler tells only that it is they.
fn unmet_by(look: &Look, service: &Service, task: &Task) -> String {
    let met_by_none = met_by_none(look, service).filter(|_| task.error.contains(CONSTRAINTS));
    met_by_none.map_or_else(String::new, |told| format!(": {told}"))
}

/// The constraints of a service that no node meets, if there are any.
pub(super) fn met_by_none(look: &Look, service: &Service) -> Option<String> {
    let unmet = unmet(&service.template, &look.nodes).into_iter();
    let unmet: Vec<String> = unmet.map(|constraint| format!("`{constraint}`")).collect();
    (!unmet.is_empty()).then(|| format!("no node meets {}", unmet.join(" and ")))
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
