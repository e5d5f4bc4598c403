//! What is seen of each thing that `state-assert` looks at.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

use super::super::{ContainerRef, Cx, Done, ServiceRef};
use crate::engine::world::ContainerState;
use crate::engine::{Container, Reason};

/// The containers of a target, as they are known.
pub(super) fn containers(cx: &Cx, target: &ContainerRef) -> Vec<Arc<ContainerState>> {
    match target {
        ContainerRef::Service(service) => cx.containers(service),
        ContainerRef::Background(name) => {
            let known = cx.case.state().backgrounds.get(name).cloned();
            let container = known.and_then(|(node, id)| {
                let state = cx.case.nodes[node].world.snapshot();
                state.container(&id).cloned()
            });
            container.into_iter().collect()
        }
    }
}

/// True where all run, and none has a healthcheck.
pub(super) fn has_no_healthcheck(containers: &[Arc<ContainerState>]) -> bool {
    let has_none = |it: &Arc<ContainerState>| it.is_running() && it.settled && it.health.is_none();
    !containers.is_empty() && containers.iter().all(has_none)
}

/// What is known of a target's containers, for finding out whether it has changed.
pub(super) fn known(cx: &Cx, target: &ContainerRef) -> Value {
    let containers = containers(cx, target);
    let each = containers
        .iter()
        .map(|it| json!([it.id, it.state, it.health, it.exit, it.restarts, it.removed]));
    each.collect()
}

/// How often each node's engine has told of a volume, a network or an image.
pub(super) fn told_of_others(cx: &Cx) -> Value {
    let nodes = cx.case.nodes.iter();
    nodes.map(|node| node.world.snapshot().others).collect()
}

/// A service by its containers. Of none nothing is said, except where that is what is asked: how many run, or should.
pub(super) async fn service(cx: &Cx, service: &ServiceRef) -> Done<Value> {
    let asked = |field| cx.expect.as_ref().is_some_and(|expect| expect.expects(field));
    if !asked("running") && !asked("wanted") {
        cx.one(&ContainerRef::Service(service.clone())).await?;
    }
    let state = cx.case.state().stacks.get(&service.stack).cloned();
    let wanted = state.and_then(|state| {
        let info = state.plan.planned.services.get(&*service.service)?;
        Some(if service.replica.is_some() { 1 } else { info.replicas })
    });
    let mut value = summary(&cx.containers(service));
    value["wanted"] = wanted.unwrap_or(0).into();
    if value["nodes"] == true {
        value["nodes"] = json!([&*cx.case.node_of(service.stack).name]);
    } else {
        value["nodes"] = json!([]);
    }
    Ok(value)
}

/// What the containers of a service come to; `nodes` is whether there are any.
fn summary(containers: &[Arc<ContainerState>]) -> Value {
    let count = |is: fn(&ContainerState) -> bool| containers.iter().filter(|it| is(it)).count();
    let mut value = json!({
        "running": count(|it| it.state == "running"),
        "healthy": count(|it| it.state == "running" && it.health.as_deref() == Some("healthy")),
        "completed": count(|it| it.has_ended() && it.exit == Some(0)),
        "restarts": containers.iter().map(|it| it.restarts).sum::<u64>(),
        "nodes": !containers.is_empty(),
    });
    let exits: Vec<i64> = containers
        .iter()
        .filter(|it| !it.is_running())
        .filter_map(|it| it.exit)
        .collect();
    if let Some(exit) = exits.iter().find(|exit| **exit != 0).or(exits.first()) {
        value["exit"] = (*exit).into();
    }
    if let Some(first) = containers.first() {
        value["image"] = first.image.clone().into();
    }
    value
}

/// The first container of a service that is there: one that is known may go before the question for it comes to the engine.
async fn first_inspected(cx: &Cx, service: &ServiceRef) -> Done<Option<Container>> {
    let node = cx.case.node_of(service.stack);
    for container in cx.containers(service) {
        let inspected = async {
            match node.engine.inspect(&container.id).await {
                Err(error) if error.reason == Reason::NotFound => Ok(None),
                inspected => inspected.map(Some),
            }
        };
        if let Some(inspected) = cx.asked(inspected).await? {
            return Ok(Some(inspected));
        }
    }
    Ok(None)
}

/// The networks that a service is on, by their names in the file.
pub(super) async fn networks(cx: &Cx, service: &ServiceRef) -> Done<Map<String, Value>> {
    let Some(inspected) = first_inspected(cx, service).await? else {
        return Ok(Map::new());
    };
    let names = cx.case.stacks.iter().find(|stack| stack.name == *service.stack_name);
    let in_file = |real: &String| {
        let found = names?.networks.iter().find(|(_, name)| *name == real)?;
        Some(found.0.clone())
    };
    let networks: Vec<String> = inspected
        .networks
        .keys()
        .map(|real| in_file(real).unwrap_or_else(|| real.clone()))
        .collect();
    Ok(Map::from_iter([("networks".to_owned(), json!(networks))]))
}

/// A container as it is known.
pub(super) async fn container(cx: &Cx, target: &ContainerRef) -> Done<Value> {
    let (node, id) = cx.one(target).await?;
    let state = node.world.snapshot();
    let Some(container) = state.container(&id).filter(|container| !container.removed) else {
        return Err(cx.failure("its container was removed"));
    };
    let mut value = json!({
        "state": container.state,
        "restarts": container.restarts,
        "image": container.image,
        "node": &*node.name,
    });
    if let Some(health) = &container.health {
        value["health"] = health.clone().into();
    }
    if let Some(exit) = container.exit.filter(|_| !container.is_running()) {
        value["exit"] = exit.into();
    }
    Ok(value)
}

/// What does not change of a container.
pub(super) async fn described(cx: &Cx, target: &ContainerRef) -> Done<Map<String, Value>> {
    let (node, id) = cx.one(target).await?;
    let inspected = cx.asked(node.engine.inspect(&id)).await?;
    let mounts: Vec<Value> = inspected
        .mounts
        .iter()
        .map(|(kind, source, destination, writable)| {
            json!({"type": kind, "source": source, "destination": destination, "writable": writable})
        })
        .collect();
    Ok(Map::from_iter([
        ("user".to_owned(), inspected.user.into()),
        ("mounts".to_owned(), mounts.into()),
    ]))
}

/// Something on a node: what it is, and what it is labelled with.
struct OnNode {
    node: String,
    /// What else is known of it, by field.
    fields: Value,
    labels: crate::engine::Labels,
}

/// What is on some of the nodes: whether, where, and what is known of the first.
fn existing(found: Vec<OnNode>) -> Value {
    let nodes: Vec<&String> = found.iter().map(|on| &on.node).collect();
    let mut value = json!({"exists": !found.is_empty(), "nodes": nodes});
    if let Some(first) = found.first() {
        value["labels"] = json!(first.labels);
        for (name, field) in first.fields.as_object().into_iter().flatten() {
            value[name] = field.clone();
        }
    }
    value
}

/// A volume by its real name, or one that a `run` of the scenario made.
pub(super) async fn volume(cx: &Cx, name: &str) -> Done<Value> {
    let mut found = Vec::new();
    let own = format!("{}_{name}", cx.case.id);
    for node in &cx.case.nodes {
        let volumes = cx.asked(node.engine.volumes(&[])).await?;
        let volume = volumes
            .into_iter()
            .find(|volume| volume.name == own || volume.name == name);
        found.extend(volume.map(|volume| OnNode {
            node: node.name.to_string(),
            fields: json!({"driver": volume.driver, "name": volume.name}),
            labels: volume.labels,
        }));
    }
    Ok(existing(found))
}

/// A network by its real name.
pub(super) async fn network(cx: &Cx, name: &str) -> Done<Value> {
    let mut found = Vec::new();
    for node in &cx.case.nodes {
        let networks = cx.asked(node.engine.networks(&[])).await?;
        let network = networks.into_iter().find(|network| network.name == name);
        found.extend(network.map(|network| OnNode {
            node: node.name.to_string(),
            fields: json!({"driver": network.driver, "name": network.name, "id": network.id}),
            labels: network.labels,
        }));
    }
    Ok(existing(found))
}

/// An image by its reference.
pub(super) async fn image(cx: &Cx, reference: &str) -> Done<Value> {
    let mut found = Vec::new();
    for node in &cx.case.nodes {
        let image = cx.asked(node.engine.image(reference)).await?;
        found.extend(image.map(|image| OnNode {
            node: node.name.to_string(),
            fields: Value::Null,
            labels: image.labels,
        }));
    }
    Ok(existing(found))
}

/// A probe's answers so far. Of one that has had none yet, and no failure, nothing is known but that: the first is waited
/// for as long as `within` lets.
pub(super) async fn probe(cx: &Cx, name: &str) -> Done<Value> {
    let seen = cx.case.state().seen.get(name).cloned();
    let judged = cx.expect.as_ref().is_some_and(|expect| !expect.expects("answers"));
    let until = cx.within.map_or_else(Instant::now, |within| within.min(cx.deadline));
    if let Some(seen) = seen.filter(|_| judged)
        && timeout_at(until, seen.first()).await.is_err()
    {
        return Err(cx.error(format!("probe `{name}` never had an answer")));
    }
    let probes = cx.case.probes();
    let Some(Value::Object(mut fields)) = probes.get(name).cloned() else {
        return Err(cx.error(format!("probe `{name}` was not started")));
    };
    let wanted = cx.expect.as_ref().is_some_and(|expect| expect.expects("values"));
    if wanted && fields.get("values").is_some_and(Value::is_null) {
        let why = "`values` cannot be judged: the answers are longer than the 1 MiB that are kept: let the question give less";
        return Err(cx.error(why));
    }
    fields.retain(|_, value| !value.is_null());
    Ok(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{OnNode, existing, summary};
    use crate::engine::Labels;
    use crate::engine::world::ContainerState;

    fn container(state: &str, health: Option<&str>, exit: Option<i64>) -> Arc<ContainerState> {
        let mut container = ContainerState::default();
        container.state = state.to_owned();
        container.health = health.map(str::to_owned);
        container.exit = exit;
        container.image = "app".to_owned();
        container.restarts = 1;
        Arc::new(container)
    }

    fn check(containers: &[Arc<ContainerState>], expected: Value) {
        assert_eq!(summary(containers), expected);
    }

    #[test]
    fn a_service_is_what_its_containers_come_to() {
        check(
            &[],
            json!({"running": 0, "healthy": 0, "completed": 0, "restarts": 0, "nodes": false}),
        );
        let two = [
            container("running", Some("healthy"), None),
            container("running", Some("starting"), Some(1)),
        ];
        check(
            &two,
            json!({"running": 2, "healthy": 1, "completed": 0, "restarts": 2, "nodes": true, "image": "app"}),
        );
        let ended = [
            container("exited", None, Some(0)),
            container("exited", Some("healthy"), Some(3)),
        ];
        check(
            &ended,
            json!({"running": 0, "healthy": 0, "completed": 1, "restarts": 2, "nodes": true, "image": "app", "exit": 3}),
        );
        check(
            &[container("paused", None, None)],
            json!({"running": 0, "healthy": 0, "completed": 0, "restarts": 1, "nodes": true, "image": "app"}),
        );
    }

    #[test]
    fn absence_is_told() {
        assert_eq!(existing(Vec::new()), json!({"exists": false, "nodes": []}));
        let found = vec![OnNode {
            node: "local".to_owned(),
            fields: json!({"driver": "bridge"}),
            labels: Labels::from([("a".into(), "b".into())]),
        }];
        assert_eq!(
            existing(found),
            json!({"exists": true, "nodes": ["local"], "labels": {"a": "b"}, "driver": "bridge"})
        );
    }
}
