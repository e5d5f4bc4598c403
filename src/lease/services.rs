//! Ending what services of a swarm do: nothing of them is started again, and their containers on this engine end at once.

use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::{Instant, timeout};

use crate::engine::swarm::Service;
use crate::engine::world::{State, World};
use crate::engine::{Engine, EngineResult, ResourceKind};

/// The label of a task's container with the id of its service.
const SERVICE: &str = "com.docker.swarm.service.id";
/// How long the first container of a service may take to its end before the service is removed, where it is killed; one that is
/// stopped has its grace period, since the agent of a service that is gone would send it another stop signal.
const FIRST: Duration = Duration::from_secs(1);
/// The grace period that a service has if it names none.
const GRACE: Duration = Duration::from_secs(10);
/// How long after it the others may take.
///
/// Once a node's agent has heard that a task is to go it waits for two seconds before it stops the container; what has ended
/// by then it is done with. So they end first. In this time no successor comes up: it is made some 100 ms after an end,
/// scheduled 50 ms later, and told to an agent 100 ms after that.
const OTHERS: Duration = Duration::from_millis(300);

/// How the containers of services end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// By their stop signal, and killed after their service's grace period.
    Stopped,
    /// At once.
    Killed,
}

/// Removes the services with all of the labels, and ends their containers on this engine, which a world knows. Those on other
/// nodes, and what cannot be ended here, their agents end. Gives whether there was one.
pub async fn dissolve(engine: &dyn Engine, world: &World, labels: &[String], how: Ends) -> EngineResult<bool> {
    let services = engine.services(labels).await?;
    let ended = services.iter().map(|service| end(engine, world, service, how));
    let ended: EngineResult<()> = join_all(ended).await.into_iter().collect();
    ended.map(|()| !services.is_empty())
}

async fn end(engine: &dyn Engine, world: &World, service: &Service, how: Ends) -> EngineResult<()> {
    let running = world.snapshot().running_with(SERVICE, &service.id);
    let ends = running.iter().map(async |container| {
        let ended = match how {
            Ends::Stopped => engine.stop(container, service.grace()).await,
            Ends::Killed => engine.kill(container, "KILL").await,
        };
        // One that has ended by itself meanwhile is as good.
        drop(ended);
    });
    let first = match how {
        Ends::Stopped => service.grace().unwrap_or(GRACE) + FIRST,
        Ends::Killed => FIRST,
    };
    let removal = async {
        ended(world, &running, first).await;
        engine.remove(ResourceKind::Service, &service.id).await
    };
    join(join_all(ends), removal).await.1
}

/// Waits for the ends of containers, as long as a service may be kept for that.
async fn ended(world: &World, containers: &[String], first: Duration) {
    let running = |state: &State| {
        let known = containers.iter().filter_map(|id| state.container(id));
        known.filter(|container| container.is_running()).count()
    };
    let becomes = async |fewer: usize, within: Duration| {
        let few = |state: &State| (running(state) <= fewer).then_some(());
        // Whatever comes of it, the service goes next.
        drop(timeout(within, world.until(few, Instant::now() + 2 * within)).await);
    };
    if let Some(others) = containers.len().checked_sub(1) {
        becomes(others, first).await;
        becomes(0, OTHERS).await;
    }
}
