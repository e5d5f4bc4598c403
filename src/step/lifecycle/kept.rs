//! `start` and `restart` of a swarm's service: a task that has ended is not started again, another one follows it by itself.

use std::slice;
use std::time::Duration;

use super::super::changing::{Changing, STABLE};
use super::super::converging::Converging;
use super::super::{ContainerRef, Cx, Done, ServiceRef};
use crate::engine::swarm::{Rules, Service};
use crate::engine::world::ContainerState;
use crate::event::Fault;

/// How long a swarm is given to decide whether another task follows one that has ended: this is asked once.
const DECIDES: Duration = Duration::from_secs(20);

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
    let changing = Changing::of_service(cx, service.clone()).await?;
    let node = &changing.node;
    for last in cx.containers(service) {
        let places = (slice::from_ref(&last), Some(last.number));
        let is_over = cx.are_over_once_decided(node, places, DECIDES).await;
        // Another one is not to come where the service was scaled down meanwhile, and that replica is not asked for.
        if is_over && (service.replica.is_some() || is_kept(&changing, &last).await?) {
            let message = format!("`{}` has ended, and the swarm has no other task follow", last.shown());
            let hint = format!(
                "`- update: {{service: {}, force: true}}` makes new ones",
                service.service
            );
            return Err(cx.failure_with_hint(message, hint));
        }
    }
    let rules = Rules {
        known: changing.known.clone(),
        unchanged: true,
        ..Rules::default()
    };
    let converging = changing.converging(rules, stable.max(STABLE));
    match cx.timed("wait", converging.wait()).await {
        Ok(_) => cx.asked(node.world.sync()).await,
        Err(faults) => Err(hinted(&converging, faults).await),
    }
}

/// True for a container whose place the swarm has not scaled away.
async fn is_kept(changing: &Changing<'_>, container: &ContainerState) -> Done<bool> {
    let look = changing.converging(Rules::default(), STABLE).look().await?;
    let mut tasks = look.tasks.iter().filter(|task| task.desired != "remove");
    Ok(tasks.any(|task| Some(&task.id) == container.task.as_ref()))
}

/// What did not come back, with what to do where an update has stopped half way: what follows is made from that one.
async fn hinted(converging: &Converging<'_>, mut faults: Vec<Fault>) -> Vec<Fault> {
    let Ok(look) = converging.look().await else {
        return faults;
    };
    let is_paused = |service: &&Service| {
        service
            .update
            .as_ref()
            .is_some_and(|update| update.state.ends_with("paused"))
    };
    if let (Some(service), Some(fault)) = (look.services.iter().find(is_paused), faults.first_mut())
        && fault.hint.is_none()
    {
        let name = &service.name;
        fault.hint = Some(format!(
            "its last update stands paused, and the tasks that follow are made from that: `- rollback: {name}` first, or `update` it"
        ));
    }
    faults
}
