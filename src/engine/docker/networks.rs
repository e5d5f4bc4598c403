//! Networks and volumes.

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::api::Api;
use super::call::Call;
use super::{encode, found, read};
use crate::engine::{EngineResult, Labels, Network, Volume};

/// The networks with all of the labels.
pub(super) async fn networks(api: &Api, labels: &[String]) -> EngineResult<Vec<Network>> {
    let attempt = format!("list the networks labelled {}", labels.join(", "));
    let listed = api
        .json(&Call::get("/networks".to_owned(), attempt).labels(labels))
        .await?;
    // The list does not say which containers are on them.
    let ids = read::array(&listed).iter().map(|entry| read::text(&entry["Id"]));
    let each = try_join_all(ids.map(|id| async move { found(inspect(api, &id).await) })).await?;
    Ok(each.into_iter().flatten().map(|raw| read::network(&raw)).collect())
}

/// A network's inspection.
pub(super) async fn inspect(api: &Api, network: &str) -> EngineResult<Value> {
    let path = format!("/networks/{}", encode(network, ""));
    api.json(&Call::get(path, format!("inspect network `{network}`"))).await
}

/// Makes a network; gives its id.
pub(super) async fn create(
    api: &Api,
    name: &str,
    driver: &str,
    attachable: bool,
    labels: &Labels,
) -> EngineResult<String> {
    let mut body = json!({"Name": name, "CheckDuplicate": true, "Attachable": attachable, "Labels": labels});
    if !driver.is_empty() {
        body["Driver"] = json!(driver);
    }
    let call = Call::post("/networks/create".to_owned(), format!("create network `{name}`"));
    Ok(read::text(&api.change(call.json(&body)).await?["Id"]))
}

/// Takes a container off a network, by force if what is there is only what was left of one.
pub(super) async fn disconnect(api: &Api, network: &str, container: &str, force: bool) -> EngineResult<()> {
    let path = format!("/networks/{}/disconnect", encode(network, ""));
    let call = Call::post(
        path,
        format!("disconnect container `{container}` from network `{network}`"),
    );
    api.change(call.json(&json!({"Container": container, "Force": force})))
        .await
        .map(drop)
}

/// The volumes with all of the labels.
pub(super) async fn volumes(api: &Api, labels: &[String]) -> EngineResult<Vec<Volume>> {
    let attempt = format!("list the volumes labelled {}", labels.join(", "));
    let listed = api
        .json(&Call::get("/volumes".to_owned(), attempt).labels(labels))
        .await?;
    Ok(read::array(&listed["Volumes"]).iter().map(read::volume).collect())
}

/// Makes a volume.
pub(super) async fn create_volume(api: &Api, name: &str, driver: &str, labels: &Labels) -> EngineResult<()> {
    let driver = if driver.is_empty() { "local" } else { driver };
    let call = Call::post("/volumes/create".to_owned(), format!("create volume `{name}`"));
    api.change(call.json(&json!({"Name": name, "Driver": driver, "Labels": labels})))
        .await
        .map(drop)
}
