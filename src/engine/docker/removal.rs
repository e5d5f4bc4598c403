//! What has a label, and removing it. What is gone already is removed.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::NetworkDisconnectRequest;
use bollard::query_parameters::{RemoveImageOptions, RemoveVolumeOptions, WaitContainerOptions};
use futures_util::StreamExt;
use tokio::time::Instant;

use super::api::{Api, LIMIT};
use super::containers::BY_FORCE;
use super::swarm::is_remembered;
use super::{encode, encode_path, error, found, list, read};
use crate::engine::{EngineResult, Reason, Resource, ResourceKind};
use crate::wait::{Pace, every};

/// How often a task that is on its way out is asked for.
const TASKS: Pace = Pace::steady(Duration::from_millis(100));
/// How long a task is waited for at once: what is removed after it has its turn while there is time left for that.
const TASK_LIMIT: Duration = Duration::from_secs(20);
/// How an engine says that something is still on a network of its own.
const ON_IT: &str = "active endpoints";
/// And on one of the swarm.
const BY_TASK: &str = "in use by task";
/// How often one of the swarm is tried again after taking off what is still on it.
const ROUNDS: usize = 3;
/// How often what is on its way out of a network is looked for.
const ENDPOINTS: Pace = Pace::growing(Duration::from_millis(5), Duration::from_millis(500));
/// How long it is waited for before it counts as left behind.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the network is tried again once that is taken off.
const LAST: Duration = Duration::from_secs(1);
/// The same of one that nothing is on.
const UNLISTED: Duration = Duration::from_secs(1);
/// Why one of them cannot be removed. Such engines write down a count, of which they lose some when several containers go at once.
const MISCOUNTED: &str =
    " (and lists none: engines before 28.1 may lose count of them, and keep the network until they are restarted)";

/// All resources with a label, in the order in which they can be removed.
pub(super) async fn all(api: &Api, label: &str) -> EngineResult<Vec<Resource>> {
    let labels = [label.to_owned()];
    let (containers, networks, volumes, images) = futures_util::try_join!(
        list::containers(api, &labels),
        list::networks(api, &labels),
        list::volumes(api, &labels),
        list::images(api, &labels),
    )?;
    let containers = containers.into_iter().map(read::left_container);
    let networks = networks.into_iter().map(read::left_network);
    let volumes = volumes.into_iter().map(read::left_volume);
    let images = images.into_iter().map(read::left_image);
    Ok(containers.chain(networks).chain(volumes).chain(images).collect())
}

/// Removes a resource.
pub(super) async fn remove(api: &Api, kind: ResourceKind, id: &str) -> EngineResult<()> {
    let part = encode(id);
    match kind {
        ResourceKind::Container => container(api, id).await,
        ResourceKind::Network => network(api, id).await,
        ResourceKind::Service => {
            let call = |client: Docker| async move { client.delete_service(&part).await };
            gone(api, format!("remove service `{id}`"), call).await
        }
        ResourceKind::Secret => {
            let call = |client: Docker| async move { client.delete_secret(&part).await };
            gone(api, format!("remove secret `{id}`"), call).await
        }
        ResourceKind::Config => {
            let call = |client: Docker| async move { client.delete_config(&part).await };
            gone(api, format!("remove config `{id}`"), call).await
        }
        ResourceKind::Task => task_gone(api, id).await,
        ResourceKind::Volume => {
            gone(api, format!("remove volume `{id}`"), |client| async move {
                client.remove_volume(&part, None::<RemoveVolumeOptions>).await
            })
            .await
        }
        ResourceKind::Image => {
            let (path, force) = (
                encode_path(id),
                RemoveImageOptions {
                    force: true,
                    ..RemoveImageOptions::default()
                },
            );
            gone(api, format!("remove image `{id}`"), |client| async move {
                client.remove_image(&path, Some(force), None).await.map(drop)
            })
            .await
        }
    }
}

/// Removes; what is not there is gone.
async fn gone<F>(api: &Api, attempt: String, call: impl FnOnce(Docker) -> F) -> EngineResult<()>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    found(api.change(attempt, 2 * LIMIT, call).await).map(drop)
}

/// Waits until a task is gone: its service is, and nobody tells when its node has let it go.
async fn task_gone(api: &Api, id: &str) -> EngineResult<()> {
    let (attempt, path) = (
        format!("wait for the removal of task `{id}`"),
        format!("/tasks/{}", encode(id)),
    );
    let asked = || async {
        match found(api.json(&attempt, &path).await)? {
            None => Ok(()),
            // It was on its way when it was listed.
            Some(task) if is_remembered(&task) => Ok(()),
            Some(task) => {
                let state = task["Status"]["State"].as_str().unwrap_or_default();
                Err(error(&attempt, format!("it is still there ({state})"), Reason::Limit))
            }
        }
    };
    every(TASKS, Instant::now() + TASK_LIMIT, asked).await
}

async fn container(api: &Api, id: &str) -> EngineResult<()> {
    let name = encode(id);
    let removed = gone(api, format!("remove container `{id}`"), |client| async move {
        client.remove_container(&name, Some(BY_FORCE)).await
    });
    match removed.await {
        // Somebody else removes it, perhaps a `--rm`: it is gone when that has come to its end.
        Err(why) if why.answer.contains("already in progress") => wait_removed(api, id).await,
        removed => removed,
    }
}

async fn wait_removed(api: &Api, id: &str) -> EngineResult<()> {
    let removed = WaitContainerOptions {
        condition: "removed".to_owned(),
    };
    let mut waited = api.client.wait_container(&encode(id), Some(removed));
    let end = async {
        match waited.next().await {
            // That is how it ended, and it is gone.
            Some(Err(Error::DockerContainerWaitError { .. })) => Ok(()),
            Some(Err(why)) => Err(why),
            Some(Ok(_)) | None => Ok(()),
        }
    };
    found(api.ask(&format!("wait for the removal of container `{id}`"), end).await).map(drop)
}

/// A network can have endpoints of containers that are on their way out, or were left by a crash.
async fn network(api: &Api, id: &str) -> EngineResult<()> {
    let (mut rounds, begun) = (0, Instant::now());
    let tried = || {
        rounds += 1;
        let is_last_of_tasks = rounds > ROUNDS;
        async move {
            match network_gone(api, id).await {
                Err(why) if why.answer.contains(ON_IT) => match take_off(api, id, begun.elapsed() >= PATIENCE).await? {
                    true => Err(why),
                    // What is on its way out is counted a little longer than it is listed.
                    false => Ok(uncounted(api, id).await),
                },
                Err(why) if why.answer.contains(BY_TASK) && !is_last_of_tasks => {
                    take_off(api, id, true).await?;
                    Err(why)
                }
                removed => Ok(removed),
            }
        }
    };
    every(ENDPOINTS, begun + PATIENCE + LAST, tried).await?
}

async fn network_gone(api: &Api, id: &str) -> EngineResult<()> {
    let (attempt, name) = (format!("remove network `{id}`"), encode(id));
    let call = |client: Docker| async move { client.remove_network(&name).await };
    gone(api, attempt.clone(), call).await?;
    if !is_of_swarm(id) {
        return Ok(());
    }
    // Its manager has let it go now, and the engine itself does a little later.
    let name = encode(id);
    let asked = || async {
        match found(api.ask(&attempt, api.client.inspect_network(&name, None)).await)? {
            None => Ok(()),
            Some(_) => Err(error(&attempt, "it is still there", Reason::Limit)),
        }
    };
    every(ENDPOINTS, Instant::now() + PATIENCE, asked).await
}

/// True for a network's id where a manager gave it: those of an engine are longer.
fn is_of_swarm(id: &str) -> bool {
    id.len() == 25
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Removes a network that nothing is on once its engine counts so, too.
async fn uncounted(api: &Api, id: &str) -> EngineResult<()> {
    let removed = every(ENDPOINTS, Instant::now() + UNLISTED, || network_gone(api, id)).await;
    removed.map_err(|mut why| {
        if why.answer.contains(ON_IT) {
            why.answer.push_str(MISCOUNTED);
        }
        why
    })
}

/// Takes containers off a network; what has none as well, which is on its way out or was left behind, where it is not to be
/// waited for any longer. False where nothing is on it.
async fn take_off(api: &Api, network: &str, left_too: bool) -> EngineResult<bool> {
    let (attempt, name) = (format!("inspect network `{network}`"), encode(network));
    let inspected = api.ask(&attempt, api.client.inspect_network(&name, None)).await;
    let on = found(inspected)?.and_then(|network| network.containers);
    let on = on.unwrap_or_default();
    let is_used = !on.is_empty();
    for (id, endpoint) in on {
        // Known by its name only: an endpoint without a container, or one by which a swarm's network reaches the outside.
        let is_known = |name: &String| id.starts_with("ep-") || name.starts_with("gateway_");
        let name = match endpoint.name.filter(is_known) {
            Some(_) if !left_too => continue,
            Some(name) => name,
            None => id,
        };
        // Best effort: it may have gone by itself, and the removal that follows tells what is left.
        drop(disconnect(api, network, name, true).await);
    }
    Ok(is_used)
}

/// Takes a container off a network, by force if what is there is only what was left of one.
pub(super) async fn disconnect(api: &Api, network: &str, container: String, force: bool) -> EngineResult<()> {
    let attempt = format!("disconnect container `{container}` from network `{network}`");
    let network = encode(network);
    let request = NetworkDisconnectRequest {
        container,
        force: Some(force),
    };
    let call = |client: Docker| async move { client.disconnect_network(&network, request).await };
    api.change(attempt, LIMIT, call).await
}
