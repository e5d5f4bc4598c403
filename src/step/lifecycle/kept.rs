//! `start` and `restart` of a swarm's service: a task that has ended is not started again, another one follows it by itself.

use std::collections::BTreeSet;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use super::super::changing::STABLE;
use super::super::converging::Converging;
use super::super::{ContainerRef, Cx, Done, NodeHandle, ServiceRef};
use crate::engine::swarm::{Look, Rules};

/// The service of a swarm that a target is, or is a replica of.
pub(super) fn service(cx: &Cx, target: &ContainerRef) -> Option<ServiceRef> {
    match target {
        ContainerRef::Service(service) => cx.case.in_swarm(service).map(|_| service.clone()),
        ContainerRef::Background(_) => None,
    }
}

/// Waits until the swarm has a service as it should be, and that stays so.
pub(super) async fn back(cx: &Cx, service: &ServiceRef, stable: Duration) -> Done<()> {
    cx.one(&ContainerRef::Service(service.clone())).await?;
    let plan = cx
        .case
        .state()
        .stacks
        .get(&service.stack)
        .map(|it| Arc::clone(&it.plan));
    let plan = plan.ok_or_else(|| cx.error(format!("`{}` is not there", service.stack_name)))?;
    let node = cx.case.node_of(service.stack);
    cx.asked(node.world.sync()).await?;
    for last in cx.containers(service) {
        if cx.are_over(&node, slice::from_ref(&last), Some(last.number)).await {
            let message = format!("`{}` has ended, and the swarm has no other task follow", last.shown());
            let hint = format!(
                "`- update: {{service: {}, force: true}}` makes new ones",
                service.service
            );
            return Err(cx.failure_with_hint(message, hint));
        }
    }
    let state = node.world.snapshot();
    let ever = state.ever_of_service(&plan.project, &service.service);
    let ended = ever.iter().filter(|container| container.has_ended());
    // How these ended is no news, also where the manager still has to learn of it.
    let known = ended.filter_map(|container| container.task.clone()).collect();
    let converging = Converging {
        cx,
        node: &node,
        plan: &plan,
        services: BTreeSet::from([service.service.to_string()]),
        whole: false,
        rules: Rules {
            known,
            unchanged: true,
            ..Rules::default()
        },
        stable: stable.max(STABLE),
    };
    loop {
        let look = cx.timed("wait", converging.wait()).await?;
        cx.asked(node.world.sync()).await?;
        if !is_late(&node, &look) {
            return Ok(());
        }
    }
}

/// True where the manager takes a task for running whose container has ended.
fn is_late(node: &NodeHandle, look: &Look) -> bool {
    let state = node.world.snapshot();
    let of = |service: &str| look.services.iter().any(|known| known.id == service);
    let mut running = look
        .tasks
        .iter()
        .filter(|task| task.state == "running" && of(&task.service));
    running.any(|task| {
        let container = task.container.as_ref().and_then(|id| state.container(id));
        container.is_some_and(|container| container.has_ended())
    })
}
