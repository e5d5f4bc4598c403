//! What there is with all of some labels; everything if there are none.

use std::collections::HashMap;

use bollard::models::{ContainerSummary, ImageSummary, Network, Volume};
use bollard::query_parameters::{ListContainersOptions, ListImagesOptions, ListNetworksOptions, ListVolumesOptions};
use futures_util::{StreamExt, TryStreamExt};

use super::api::Api;
use crate::engine::EngineResult;

/// How many things of a list are asked for at once: an engine may have hundreds.
pub(super) const AT_ONCE: usize = 16;

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

/// Asks for each thing of a list, in its order; those that are none any more are left out.
pub(super) async fn each<T, Asked>(
    ids: impl Iterator<Item = String>,
    ask: impl FnMut(String) -> Asked,
) -> EngineResult<Vec<T>>
where
    Asked: Future<Output = EngineResult<Option<T>>>,
{
    let asked = futures_util::stream::iter(ids.map(ask)).buffered(AT_ONCE);
    asked
        .try_filter_map(|found| std::future::ready(Ok(found)))
        .try_collect()
        .await
}

fn filters(labels: &[String]) -> Option<HashMap<String, Vec<String>>> {
    let filter = || HashMap::from([("label".to_owned(), labels.to_vec())]);
    (!labels.is_empty()).then(filter)
}

/// What is done, as an error tells it.
pub(super) fn attempt(what: &str, labels: &[String]) -> String {
    match labels {
        [] => format!("list the {what}"),
        labels => format!("list the {what} labelled {}", labels.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::attempt;

    #[test]
    fn labels_are_told_where_some_are_wanted() {
        assert_eq!(attempt("secrets", &[]), "list the secrets");
        let labels = ["a=b", "c"].map(str::to_owned);
        assert_eq!(attempt("secrets", &labels), "list the secrets labelled a=b, c");
    }
}
