//! What has a label, and removing it. What is gone already is removed.

use futures_util::future::try_join4;
use hyper::Method;

use super::api::Api;
use super::call::{Call, LIMIT};
use super::{containers, encode, networks, read};
use crate::engine::{EngineResult, Reason, Resource, ResourceKind};

/// How often a network is tried again after taking off what is still on it.
const ROUNDS: usize = 3;

/// All resources with a label, in the order in which they can be removed.
pub(super) async fn labelled(api: &Api, label: &str) -> EngineResult<Vec<Resource>> {
    let (containers, networks, volumes, images) = try_join4(
        list(api, ResourceKind::Container, label),
        list(api, ResourceKind::Network, label),
        list(api, ResourceKind::Volume, label),
        list(api, ResourceKind::Image, label),
    )
    .await?;
    Ok([containers, networks, volumes, images].concat())
}

async fn list(api: &Api, kind: ResourceKind, label: &str) -> EngineResult<Vec<Resource>> {
    let (path, word) = match kind {
        ResourceKind::Container => ("/containers/json?all=1", "containers"),
        ResourceKind::Network => ("/networks", "networks"),
        ResourceKind::Volume => ("/volumes", "volumes"),
        ResourceKind::Image => ("/images/json", "images"),
    };
    let call = Call::get(path.to_owned(), format!("list the {word} labelled `{label}`"));
    let listed = api.json(&call.labels(&[label.to_owned()])).await?;
    let entries = if kind == ResourceKind::Volume {
        &listed["Volumes"]
    } else {
        &listed
    };
    Ok(read::array(entries)
        .iter()
        .map(|raw| read::resource(kind, raw))
        .collect())
}

/// Removes a resource.
pub(super) async fn remove(api: &Api, kind: ResourceKind, id: &str) -> EngineResult<()> {
    match kind {
        ResourceKind::Container => container(api, id).await,
        ResourceKind::Network => network(api, id).await,
        ResourceKind::Volume => gone(delete(api, format!("/volumes/{}", encode(id, "")), "volume", id).await),
        ResourceKind::Image => gone(delete(api, format!("/images/{}?force=1", encode(id, "/")), "image", id).await),
    }
}

async fn delete(api: &Api, path: String, word: &str, id: &str) -> EngineResult<()> {
    let call = Call::new(Method::DELETE, path, format!("remove {word} `{id}`")).limit(2 * LIMIT);
    api.change(call).await.map(drop)
}

fn gone(answer: EngineResult<()>) -> EngineResult<()> {
    match answer {
        Err(why) if why.reason == Reason::NotFound => Ok(()),
        answer => answer,
    }
}

async fn container(api: &Api, id: &str) -> EngineResult<()> {
    let removed = delete(
        api,
        format!("/containers/{}?force=1&v=1", encode(id, "")),
        "container",
        id,
    )
    .await;
    match removed {
        // Somebody else removes it, perhaps a `--rm`: it is gone when that has come to its end.
        Err(why) if why.reason == Reason::Conflict && why.answer.contains("already in progress") => {
            containers::wait_removed(api, id).await
        }
        removed => gone(removed),
    }
}

/// A network can have endpoints of containers that are on their way out, or were left by a crash.
async fn network(api: &Api, id: &str) -> EngineResult<()> {
    let mut rounds = 0;
    loop {
        let removed = gone(delete(api, format!("/networks/{}", encode(id, "")), "network", id).await);
        rounds += 1;
        match removed {
            Err(why) if why.answer.contains("active endpoints") && rounds <= ROUNDS => take_all_off(api, id).await?,
            removed => return removed,
        }
    }
}

async fn take_all_off(api: &Api, network: &str) -> EngineResult<()> {
    let inspected = match networks::inspect(api, network).await {
        Err(why) if why.reason == Reason::NotFound => return Ok(()),
        inspected => inspected?,
    };
    for (id, endpoint) in inspected["Containers"].as_object().into_iter().flatten() {
        // An endpoint without a container is known by its name only.
        let name = if id.starts_with("ep-") {
            read::text(&endpoint["Name"])
        } else {
            id.clone()
        };
        // Best effort: it may have gone by itself, and the removal that follows tells what is left.
        drop(networks::disconnect(api, network, &name, true).await);
    }
    Ok(())
}
