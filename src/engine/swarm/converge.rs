//! Whether services of a swarm are as they should be: a pure look at what a manager tells of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::eligible::meets;
use super::failing::{begun_again, completions, failure, undone};
use super::{Service, ServiceMode, SwarmNode, Task, eligible};

/// What a manager tells at one moment.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The services that are judged.
    pub services: Vec<Service>,
    /// All their tasks.
    pub tasks: Vec<Task>,
    /// The nodes.
    pub nodes: Vec<SwarmNode>,
    /// How many tasks go on of services that are no more.
    pub orphans: usize,
    /// What is known of the containers of tasks that have ended, by their ids.
    pub lives: BTreeMap<String, Life>,
}

/// The life of a container that has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Life {
    /// How long it ran, where that was seen.
    pub lasted: Option<Duration>,
    /// True where its healthcheck has succeeded.
    pub was_healthy: bool,
}

/// What is wanted beside what the services themselves say.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The services (their names in the swarm) whose tasks have to complete.
    pub completes: BTreeSet<String>,
    /// How many tasks, one after the other, may fail in a place on the way; none is what their restart policy says.
    pub may_fail: Option<usize>,
    /// The tasks that had ended before: they are no news.
    pub known: BTreeSet<String>,
    /// True where an update that was rolled back is what was wanted.
    pub rolls_back: bool,
    /// True where tasks may fail as they like: the swarm's own judgement of the update is waited for.
    pub to_the_end: bool,
    /// True where nothing of the services is changed: how their last update ended is no news.
    pub unchanged: bool,
}

/// What a look says.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// All is as it should be.
    Converged,
    /// Not yet: an observation for each service that is not.
    NotYet(Vec<String>),
    /// It will not become so, or not by itself.
    Failed(Vec<Failed>),
}

/// Why a service does not become what it should.
#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    /// The service's name in the swarm.
    pub service: String,
    /// The task that it failed with, if it did so with one.
    pub task: Option<Task>,
    /// Why, reading on from the task's or the service's name: "was rejected: No such image".
    pub why: String,
    /// True where its tasks complete, and its restart policy has others follow.
    pub begins_again: bool,
}

/// The states in which a task has ended.
pub const ENDED: [&str; 6] = ["complete", "shutdown", "failed", "rejected", "remove", "orphaned"];

/// How an update ends that does not complete.
const UNDONE: [&str; 3] = ["paused", "rollback_paused", "rollback_completed"];

impl Task {
    /// True once nothing of it runs, or will.
    pub fn has_ended(&self) -> bool {
        ENDED.contains(&self.state.as_str())
    }

    /// True where it is to run, as far as the swarm is concerned.
    pub fn is_wanted(&self) -> bool {
        matches!(self.desired.as_str(), "running" | "ready" | "complete")
    }

    /// True where it did not do what it was made for.
    pub fn has_failed(&self) -> bool {
        matches!(self.state.as_str(), "failed" | "rejected")
    }
}

impl Service {
    /// True where a task that has ended well is not followed by another one.
    pub(super) fn may_complete(&self) -> bool {
        let condition = self.template["RestartPolicy"]["Condition"].as_str();
        matches!(condition, Some("none" | "on-failure"))
    }

    /// What its tasks that follow each other have in common: their number, or of a global service their node.
    pub fn place<'t>(&self, task: &'t Task) -> (u64, &'t str) {
        match self.mode {
            ServiceMode::Global | ServiceMode::GlobalJob => (0, &task.node),
            // Those of a job are counted from 0, which the engine does not write.
            ServiceMode::Replicated(_) | ServiceMode::ReplicatedJob(_) => (task.slot.unwrap_or_default(), ""),
        }
    }

    /// True for a task that is made from what the service is now. Where only the placement has changed, and its node is as
    /// that wants it, the swarm leaves it as it is.
    pub fn made(&self, task: &Task, nodes: &[SwarmNode]) -> bool {
        let unplaced = |template: &Value| {
            let mut template = template.clone();
            if let Some(fields) = template.as_object_mut() {
                fields.remove("Placement");
            }
            template
        };
        let fits = || {
            nodes
                .iter()
                .any(|node| node.id == task.node && meets(&self.template, node))
        };
        task.template == self.template || fits() && unplaced(&task.template) == unplaced(&self.template)
    }

    /// How many tasks it is to have. On a node that takes no new ones a global service keeps the one that it has.
    pub fn wanted(&self, nodes: &[SwarmNode], tasks: &[&Task]) -> usize {
        let keeps = |node: &SwarmNode| {
            let has = |task: &&&Task| task.node == node.id && task.state == "running" && task.is_wanted();
            node.availability == "pause" && tasks.iter().any(|task| has(&task))
        };
        match self.mode {
            ServiceMode::Replicated(count) | ServiceMode::ReplicatedJob(count) => {
                usize::try_from(count).unwrap_or(usize::MAX)
            }
            ServiceMode::Global | ServiceMode::GlobalJob => {
                let has_one = |node: &&SwarmNode| eligible(&self.template, node) || keeps(node);
                nodes.iter().filter(has_one).count()
            }
        }
    }

    /// True for one with a task on each node.
    pub fn is_global(&self) -> bool {
        matches!(self.mode, ServiceMode::Global | ServiceMode::GlobalJob)
    }

    /// True for one whose tasks may come to their end by themselves.
    pub fn ends(&self) -> bool {
        self.is_job() || self.may_complete()
    }

    /// True for one whose tasks come to their end.
    pub fn is_job(&self) -> bool {
        matches!(self.mode, ServiceMode::ReplicatedJob(_) | ServiceMode::GlobalJob)
    }
}

/// Judges the services.
pub fn convergence(look: &Look, rules: &Rules) -> Verdict {
    let (mut failed, mut not_yet) = (Vec::new(), Vec::new());
    for service in &look.services {
        let tasks: Vec<&Task> = look.tasks.iter().filter(|task| task.service == service.id).collect();
        if let Some(one) = failure(service, &tasks, look, rules) {
            failed.push(one);
        } else {
            not_yet.extend(observed(service, &tasks, look, rules));
        }
    }
    match (failed.is_empty(), not_yet.is_empty()) {
        (false, _) => Verdict::Failed(failed),
        (true, false) => Verdict::NotYet(not_yet),
        (true, true) => Verdict::Converged,
    }
}

/// What is seen of a service that is not as it should be yet.
fn observed(service: &Service, tasks: &[&Task], look: &Look, rules: &Rules) -> Option<String> {
    let update = service.update.as_ref();
    if rules.to_the_end && update.is_some_and(|update| UNDONE.contains(&update.state.as_str())) {
        return None;
    }
    if let Some(undone) = undone(service, rules) {
        return Some(format!("`{}`: {undone}", service.name));
    }
    let completes = service.is_job() || rules.completes.contains(&service.name);
    let stands = stands(service, rules);
    let current = match (completes, stands) {
        (true, _) => best(service, tasks, &look.nodes),
        (false, true) => last(service, tasks.iter().copied()),
        (false, false) => current(service, tasks, &look.nodes),
    };
    let is_good = |task: &Task| match task.state.as_str() {
        "running" => !completes && task.is_wanted(),
        "complete" => completes || service.may_complete(),
        _ => false,
    };
    let good = current.iter().filter(|task| is_good(task)).count();
    let wanted = service.wanted(&look.nodes, tasks);
    let name = &service.name;
    if good < wanted {
        let what = if completes { "complete" } else { "running" };
        let others = current.iter().filter(|task| !is_good(task)).copied();
        let again = match completions(service, tasks, look, rules) {
            0 => String::new(),
            count => format!("; {}", begun_again(count)),
        };
        return Some(format!(
            "`{name}` has {good} of {wanted} tasks {what}{}{again}",
            states(others)
        ));
    }
    if let Some(update) = update.filter(|update| matches!(update.state.as_str(), "updating" | "rollback_started")) {
        return Some(format!("`{name}` is being updated: {}", update.message));
    }
    let is_current = |task: &Task| current.iter().any(|one| one.id == task.id) && is_good(task);
    let down = |task: &Task| {
        look.nodes
            .iter()
            .any(|node| node.id == task.node && node.state == "down")
    };
    // What has completed may be followed by another one, which is no matter.
    let follows = |task: &Task| completes && !service.may_complete() && service.made(task, &look.nodes);
    let surplus = tasks
        .iter()
        .filter(|task| !task.has_ended() && !is_current(task) && !down(task) && !follows(task));
    let surplus: Vec<&Task> = surplus.copied().collect();
    match surplus.len() + good {
        count if count == wanted || stands => None,
        count => Some(format!("`{name}` still has {count} tasks, and {wanted} are wanted")),
    }
}

/// True where an update has stopped half way, and is no matter: some places keep what they had before it, and the swarm
/// leaves it so.
fn stands(service: &Service, rules: &Rules) -> bool {
    let mut update = service.update.iter();
    rules.unchanged && update.any(|update| update.state.ends_with("paused"))
}

/// The last task in each place that is made from what the service is now. One that had completed before the service was
/// something else is of an earlier time: what it is now has still to begin there.
pub(super) fn current<'t>(service: &Service, tasks: &[&'t Task], nodes: &[SwarmNode]) -> Vec<&'t Task> {
    let mut last = last(service, tasks.iter().copied().filter(|task| service.made(task, nodes)));
    last.retain(|task| task.state != "complete" || !is_outlived(service, task, (tasks, nodes)));
    last
}

/// The same where they are to complete: one that has done so counts, whatever follows it.
fn best<'t>(service: &Service, tasks: &[&'t Task], nodes: &[SwarmNode]) -> Vec<&'t Task> {
    let completed = |last: &'t Task| {
        let mut same = tasks.iter().copied();
        let done = same.find(|task| {
            task.state == "complete"
                && service.place(task) == service.place(last)
                && service.made(task, nodes)
                && !is_outlived(service, task, (tasks, nodes))
        });
        done.unwrap_or(last)
    };
    current(service, tasks, nodes).into_iter().map(completed).collect()
}

/// True where a later task in the same place is made from something else.
fn is_outlived(service: &Service, task: &Task, (tasks, nodes): (&[&Task], &[SwarmNode])) -> bool {
    let in_place = tasks.iter().filter(|other| service.place(other) == service.place(task));
    let mut later = in_place.filter(|other| task.created < other.created);
    later.any(|other| !service.made(other, nodes))
}

/// The last task in each place.
pub(super) fn last<'t>(service: &Service, tasks: impl Iterator<Item = &'t Task>) -> Vec<&'t Task> {
    let mut last = BTreeMap::<(u64, &str), &Task>::new();
    for task in tasks {
        let known = last.entry(service.place(task)).or_insert(task);
        if known.created < task.created {
            *known = task;
        }
    }
    last.into_values().collect()
}

/// ` (2 preparing, 1 pending: no suitable node)`.
fn states<'t>(tasks: impl Iterator<Item = &'t Task>) -> String {
    let mut counts = BTreeMap::<String, usize>::new();
    for task in tasks {
        let why = if task.error.is_empty() {
            String::new()
        } else {
            format!(": {}", task.error)
        };
        *counts.entry(format!("{}{why}", task.state)).or_default() += 1;
    }
    let all: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!(" ({})", all.join(", ")),
    }
}

#[cfg(test)]
mod tests;
