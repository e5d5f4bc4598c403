//! What there is with all of some labels; everything if there are none.

use std::collections::HashMap;

use bollard::models::{ContainerSummary, ImageSummary, Network, Volume};
use bollard::query_parameters::{ListContainersOptions, ListImagesOptions, ListNetworksOptions, ListVolumesOptions};

use super::api::Api;
use crate::engine::EngineResult;

/// Containers, the stopped ones too.
pub(super) async fn containers(api: &Api, labels: &[String]) -> EngineResult<Vec<ContainerSummary>> {
    let options = ListContainersOptions {
        all: true,
        filters: filters(labels),
        ..ListContainersOptions::default()
    };
    let listed = api.client.list_containers(Some(options));
    api.ask(&attempt("containers", labels), listed).await
}

/// Networks.
pub(super) async fn networks(api: &Api, labels: &[String]) -> EngineResult<Vec<Network>> {
    let filters = filters(labels);
    let listed = api.client.list_networks(Some(ListNetworksOptions { filters }));
    api.ask(&attempt("networks", labels), listed).await
}

/// Volumes.
pub(super) async fn volumes(api: &Api, labels: &[String]) -> EngineResult<Vec<Volume>> {
    let filters = filters(labels);
    let listed = api.client.list_volumes(Some(ListVolumesOptions { filters }));
    let listed = api.ask(&attempt("volumes", labels), listed).await?;
    Ok(listed.volumes.unwrap_or_default())
}

/// Images.
pub(super) async fn images(api: &Api, labels: &[String]) -> EngineResult<Vec<ImageSummary>> {
    let options = ListImagesOptions {
        filters: filters(labels),
        ..ListImagesOptions::default()
    };
    let listed = api.client.list_images(Some(options));
    api.ask(&attempt("images", labels), listed).await
}

fn filters(labels: &[String]) -> Option<HashMap<String, Vec<String>>> {
    let filter = || HashMap::from([("label".to_owned(), labels.to_vec())]);
    (!labels.is_empty()).then(filter)
}

fn attempt(what: &str, labels: &[String]) -> String {
    format!("list the {what} labelled {}", labels.join(", "))
}
