//! What a manager tells of a swarm's service: how many tasks it wants and has, how its update went, what became of each task.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::{Cx, Done, NodeHandle, ServiceRef};
use crate::engine::Reason;
use crate::engine::swarm::{STACK, Service, SwarmNode, Task};
use crate::event::Fault;

/// What is known of a service's tasks.
struct Told {
    service: Service,
    /// Its tasks, the newest first; of a replica, that one's.
    tasks: Vec<Task>,
    /// The numbers of the replicas that it has.
    replicas: BTreeSet<u64>,
    nodes: Vec<SwarmNode>,
}

/// A service as the manager tells of it. Of one that is not there nothing is said, except where that is what is asked: how
/// many tasks run, or should.
pub(super) async fn service(cx: &Cx, service: &ServiceRef, project: &str) -> Done<Value> {
    let node = cx.case.node_of(service.stack);
    match told(cx, &node, service, project).await? {
        Some(told) if told.tasks.is_empty() && !had_replica(&node, service, project) => {
            Err(no_replica(cx, &told, service))
        }
        Some(told) => Ok(summary(cx, &told, service.replica)),
        None => {
            let asked = |field| cx.expect.as_ref().is_some_and(|expect| expect.expects(field));
            if asked("running") || asked("wanted") {
                return Ok(
                    json!({"wanted": 0, "running": 0, "healthy": 0, "completed": 0, "restarts": 0, "nodes": [], "tasks": []}),
                );
            }
            let hint = format!("deploy it first: `- deploy: {}`", service.stack_name);
            Err(cx.failure_with_hint(format!("`{service}` is no service of the swarm"), hint))
        }
    }
}

async fn told(cx: &Cx, node: &NodeHandle, service: &ServiceRef, project: &str) -> Done<Option<Told>> {
    let found = match node.engine.service(&format!("{project}_{}", service.service)).await {
        Err(why) if why.reason == Reason::NotFound => return Ok(None),
        found => cx.asked(async { found }).await?,
    };
    let labels = [format!("{STACK}={project}")];
    let asked = async { futures_util::try_join!(node.engine.tasks(&labels), node.engine.swarm_nodes()) };
    let (mut tasks, nodes) = cx.asked(asked).await?;
    tasks.retain(|task| task.service == found.id);
    tasks.sort_by_key(|task| Reverse(task.created));
    let mut seen = BTreeSet::new();
    let last = tasks.iter().filter(|task| seen.insert(task.slot));
    let replicas = last
        .filter(|task| task.desired != "remove")
        .filter_map(|task| task.slot);
    let replicas = replicas.collect();
    let replica = service.replica.map(u64::from);
    tasks.retain(|task| replica.is_none() || task.slot == replica);
    Ok(Some(Told {
        service: found,
        tasks,
        replicas,
        nodes,
    }))
}

/// True but of a replica that there never was: of one that was scaled away its container is known.
fn had_replica(node: &NodeHandle, service: &ServiceRef, project: &str) -> bool {
    let ever = node.world.snapshot().ever_of_service(project, &service.service);
    service
        .replica
        .is_none_or(|replica| ever.iter().any(|container| container.number == replica))
}

fn no_replica(cx: &Cx, told: &Told, service: &ServiceRef) -> Vec<Fault> {
    let name = &service.service;
    let numbers: Vec<String> = told.replicas.iter().map(u64::to_string).collect();
    let has = match (told.service.is_global(), numbers.as_slice()) {
        (true, _) => format!("`{name}` is global: its tasks have no numbers"),
        (false, []) => format!("`{name}` has no replicas"),
        (false, [only]) => format!("`{name}` has replica {only} alone"),
        (false, [some @ .., last]) => format!("`{name}` has replicas {} and {last}", some.join(", ")),
    };
    cx.failure(format!("there is no `{service}`, and never was: {has}"))
}

fn summary(cx: &Cx, told: &Told, replica: Option<u32>) -> Value {
    let containers = told.tasks.iter().filter_map(|task| task.container.as_deref());
    let states: BTreeMap<&str, _> = containers.filter_map(|id| Some((id, known(cx, id)?))).collect();
    let is_healthy = |task: &&Task| {
        let state = task.container.as_deref().and_then(|id| states.get(id));
        state.is_some_and(|(_, state)| state.health.as_deref() == Some("healthy"))
    };
    let node_of = |task: &Task| match task.container.as_deref().and_then(|id| states.get(id)) {
        Some((node, _)) => node.clone(),
        None => {
            let node = told.nodes.iter().find(|node| node.id == task.node);
            node.map(|node| node.hostname.clone()).unwrap_or_default()
        }
    };
    let all: Vec<&Task> = told.tasks.iter().collect();
    // The manager learns late that a container has ended.
    let runs = |task: &&Task| {
        let state = task.container.as_deref().and_then(|id| states.get(id));
        task.state == "running" && state.is_none_or(|(_, state)| !state.removed && state.state == "running")
    };
    let running: Vec<&Task> = all.iter().copied().filter(runs).collect();
    let mut seen = BTreeSet::new();
    let last = all.iter().copied().filter(|task| seen.insert(told.service.place(task)));
    let last: Vec<&Task> = last.collect();
    let nodes: BTreeSet<String> = running.iter().map(|task| node_of(task)).collect();
    let wanted = told.service.wanted(&told.nodes, &all);
    let mut value = json!({
        "wanted": replica.map_or(wanted, |replica| usize::from(told.replicas.contains(&u64::from(replica)))),
        "running": running.len(),
        "healthy": running.iter().copied().filter(is_healthy).count(),
        "completed": last.iter().filter(|task| task.state == "complete").count(),
        "restarts": all.iter().filter(|task| was_restarted(told, task)).count(),
        "image": told.service.template["ContainerSpec"]["Image"],
        "nodes": nodes,
        "tasks": all.iter().map(|task| history(task, node_of(task))).collect::<Vec<_>>(),
    });
    if let Some(update) = &told.service.update {
        value["update"] = update.state.clone().into();
    }
    let ended = || last.iter().filter(|task| task.has_ended() && task.container.is_some());
    if let Some(task) = ended().find(|task| task.exit != 0).or(ended().next()) {
        value["exit"] = task.exit.into();
    }
    value
}

/// True for a task that follows one of the same version in its place: that ended, and a restart policy acted. What was of
/// that version before another one was in between has nothing to do with it.
fn was_restarted(told: &Told, task: &Task) -> bool {
    let place = told.service.place(task);
    let mut others = told.tasks.iter().filter(|other| told.service.place(other) == place);
    let before = others.find(|other| other.created < task.created);
    before.is_some_and(|before| before.template == task.template)
}

/// A container, with the name of its node.
fn known(cx: &Cx, id: &str) -> Option<(String, std::sync::Arc<crate::engine::world::ContainerState>)> {
    let mut nodes = cx.case.nodes.iter();
    nodes.find_map(|node| Some((node.name.to_string(), node.world.snapshot().container(id)?.clone())))
}

/// One task, as `docker service ps` tells of it.
fn history(task: &Task, node: String) -> Value {
    let mut value = json!({
        "state": task.state, "desired": task.desired, "node": node, "image": task.template["ContainerSpec"]["Image"],
    });
    if let Some(slot) = task.slot {
        value["replica"] = slot.into();
    }
    if !task.error.is_empty() {
        value["error"] = task.error.clone().into();
    }
    if task.has_ended() && task.container.is_some() {
        value["exit"] = task.exit.into();
    }
    value
}
