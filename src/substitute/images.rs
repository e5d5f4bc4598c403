//! `images`: services' images by name, as written or after `${…}`. A service whose image is replaced is not built. One
//! that is built gets its own reference, and with it those that use its image by the name that the file gives it.

use std::collections::BTreeMap;

use super::dockerfile::same_image;
use super::interpolate::{escape, fill};
use super::matching::Matching;
use super::rewritten::BuildInfo;
use super::tree;
use super::unit::Unit;
use super::view::{self, Layers, View};
use super::{OURS, contexts};

/// Replaces the image of a service in every layer that names it.
pub(super) fn replace(units: &mut [Unit], layers: &Layers, matching: &mut Matching<'_>) {
    let counts = View::service(units, layers).last("image").map(|said| said.place);
    let mut replaced = false;
    for place in &layers.0 {
        let environment = std::rc::Rc::clone(&units[place.unit].environment);
        let Some(service) = view::node_mut(units, "services", place) else {
            continue;
        };
        let Some(image) = tree::entry(service, "image") else {
            continue;
        };
        let Some(hit) = image.scalar().and_then(|text| matching.find(text, &environment)) else {
            continue;
        };
        tree::set_text(image, escape(hit.to()));
        replaced |= counts.as_ref() == Some(place);
    }
    if replaced {
        for place in &layers.0 {
            let Some(service) = view::node_mut(units, "services", place) else {
                continue;
            };
            tree::remove(service, "build");
            pull_policy(service);
        }
    }
}

/// Replaces the images that builds see as contexts of their own.
pub(super) fn replace_contexts(units: &mut [Unit], matching: &mut Matching<'_>) {
    view::each(units, "services", |around, _, service| {
        let Some(build) = tree::entry(service, "build") else {
            return;
        };
        contexts::turn(build, &mut |text| {
            let filled = fill(text, &around.environment).value?;
            let image = filled.strip_prefix(contexts::IMAGE)?;
            let written = text.strip_prefix(contexts::IMAGE).unwrap_or(image);
            let hit = matching.find_filled(written, Some(image))?;
            Some(escape(&format!("{}{}", contexts::IMAGE, hit.to())))
        });
    });
}

/// What is made here is asked of no registry: neither the image that a service runs, nor those that its build begins with.
pub(super) fn pull_nothing_of_ours(units: &mut [Unit], services: &BTreeMap<String, Layers>, builds: &[BuildInfo]) {
    let begins_with_ours = |service: &str| {
        let mut own = builds.iter().filter(|build| build.service == service);
        own.any(|build| build.bases.iter().any(|base| base.starts_with(OURS)))
    };
    for (name, layers) in services {
        let image = View::service(units, layers).last("image").and_then(|said| said.text());
        let runs_ours = image.is_some_and(|image| image.starts_with(OURS));
        let begins_with_ours = begins_with_ours(name);
        for place in &layers.0 {
            let Some(service) = view::node_mut(units, "services", place) else {
                continue;
            };
            if runs_ours {
                pull_policy(service);
            }
            if let Some(build) = tree::entry(service, "build").filter(|_| begins_with_ours) {
                tree::remove(build, "pull");
            }
        }
    }
}

/// Gives each service that is built its own image, and the same one to the services that only name it: by its name in
/// the file nobody has it.
pub(super) fn give_built(
    units: &mut [Unit],
    services: &BTreeMap<String, Layers>,
    references: &BTreeMap<String, String>,
) {
    let is_built = |layers: &Layers| View::service(units, layers).last("build").is_some();
    let name = |layers: &Layers| View::service(units, layers).last("image")?.text();
    let built = |(service, layers): (&String, &Layers)| Some((name(layers), references.get(service)?.clone()));
    let of_built = services.iter().filter(|(_, layers)| is_built(layers));
    let built: Vec<(Option<String>, String)> = of_built.clone().filter_map(built).collect();
    let same = |wanted: &str| {
        built
            .iter()
            .find(|(name, _)| name.as_ref().is_some_and(|name| same_image(name, wanted)))
    };
    let reference = |(service, layers): (&String, &Layers)| match is_built(layers) {
        true => references.get(service).cloned(),
        false => same(&name(layers)?).map(|(_, reference)| reference.clone()),
    };
    let given: Vec<(&Layers, String)> = services
        .iter()
        .filter_map(|entry| Some((entry.1, reference(entry)?)))
        .collect();
    for (layers, reference) in given {
        give(units, layers, &reference);
    }
}

/// Gives a service an image that is made here.
fn give(units: &mut [Unit], layers: &Layers, image: &str) {
    for place in &layers.0 {
        if let Some(service) = view::node_mut(units, "services", place) {
            pull_policy(service);
            // Further names would be given to the author's own images.
            if let Some(build) = tree::entry(service, "build") {
                tree::remove(build, "tags");
            }
        }
    }
    if let Some(service) = layers.top().and_then(|place| view::node_mut(units, "services", place)) {
        let span = service.span.clone();
        tree::set(service, "image", tree::text(escape(image), &span));
    }
}

/// Takes a policy away that belongs to the image that was: `always` would ask a registry for one that is only here.
fn pull_policy(service: &mut crate::yaml::Node) {
    tree::remove(service, "pull_policy");
}
