//! Built images: they stay for the runs to come, so that no run owns them; their owner is whose scenario they were built for.
//!
//! The engine keeps the time at which an image last got a name. Each use gives it its name again: so its age is that of its
//! last use, also where a build from the cache gives an image that was made long ago.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt};

use super::{Leases, WhyNot};
use crate::engine::{Engine, EngineError, EngineResult, Image, Labels, Reason, Resource, ResourceKind};

/// The label of images that stay for the build cache; it is the same in each run, so that builds stay the same.
pub const IMAGE: &str = "e2erun.image";
/// The label with whose they are: the folder of the scenario that first wanted one, the same in each of its runs.
pub const OWNER: &str = "e2erun.owner";
/// The owner of what is built for any scenario.
pub const OURS: &str = "e2erun";

/// What the name of every image that is made here begins with: no registry has one.
pub const NAMES: &str = "e2erun/";

/// How many images are looked at at once.
const AT_ONCE: usize = 8;

/// The labels of an image that was built for an owner, and for whoever else needs it.
pub fn image_labels(owner: &str) -> Labels {
    let labels = [(IMAGE, "built"), (OWNER, owner)];
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Whether a built image is here; one that is counts as used now.
pub async fn used_again(engine: &dyn Engine, reference: &str) -> EngineResult<bool> {
    match engine.tag(reference, reference).await {
        Ok(()) => Ok(true),
        Err(why) if why.reason == Reason::NotFound => Ok(false),
        Err(why) => Err(why),
    }
}

/// The built images, each with the time of its last use, and with why it stays whatever is asked for.
pub(super) async fn built(engine: &dyn Engine, leases: &Leases) -> EngineResult<Vec<(Resource, Option<WhyNot>)>> {
    let mut listed = engine.labelled(IMAGE).await?;
    // Those that `commit` made have the label, too, where their container's image was built.
    listed.retain(|resource| !resource.labels.contains_key(super::LEASE));
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let containers = engine.listed().await?;
    let used: BTreeSet<String> = containers.into_iter().map(|container| container.image_id).collect();
    let looks = futures_util::stream::iter(listed).map(|mut resource| async {
        // One that is gone since the list was made is none.
        let Some(image) = engine.image(&resource.id).await? else {
            return Ok(None);
        };
        resource.created = resource.created.max(image.named);
        let hold = hold(&image, &used, leases);
        Ok(Some((resource, hold)))
    });
    let found: Vec<_> = looks.buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Whether an image has a name of somebody else's. Labels are inherited, and an image goes with all its names: what somebody
/// made of a container of ours, and named, is not ours to take.
pub(super) async fn is_named(engine: &dyn Engine, resource: &Resource) -> EngineResult<bool> {
    if resource.kind != ResourceKind::Image {
        return Ok(false);
    }
    let image = engine.image(&resource.id).await?;
    Ok(image.is_some_and(|image| has_other_name(&image)))
}

fn has_other_name(image: &Image) -> bool {
    !image.tags.iter().all(|tag| tag.starts_with(NAMES))
}

/// Those of some images that no living run wants by now. A run notes what it wants before it looks for it.
pub(super) async fn unwanted(engine: &dyn Engine, leases: &Leases, images: &[Resource]) -> EngineResult<Vec<Resource>> {
    let mut found = Vec::new();
    for resource in images {
        found.push((resource, engine.image(&resource.id).await?));
    }
    // Read last: what it tells is as new as can be.
    let wanted = leases.wanted_now().map_err(|why| EngineError {
        attempt: "look at the leases of living runs".to_owned(),
        answer: why.to_string(),
        reason: Reason::Other,
    })?;
    let is_wanted = |image: &Image| image.tags.iter().any(|tag| wanted.contains(tag));
    let free = found
        .into_iter()
        .filter(|(_, image)| !image.as_ref().is_some_and(is_wanted));
    Ok(free.map(|(resource, _)| resource.clone()).collect())
}

fn hold(image: &Image, used: &BTreeSet<String>, leases: &Leases) -> Option<WhyNot> {
    if has_other_name(image) {
        return Some(WhyNot::Named);
    }
    if used.contains(&image.id) {
        return Some(WhyNot::Used);
    }
    let wanted = image.tags.iter().any(|tag| leases.wanted.contains(tag));
    wanted.then_some(WhyNot::Wanted)
}
