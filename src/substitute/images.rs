//! `images`: services' images by name, as written or after `${…}`. A service whose image is replaced is not built. One
//! that is built gets its own reference, and with it those that use its image by the name that the file gives it.

use std::collections::BTreeMap;

use super::dockerfile::same_image;
use super::interpolate::escape;
use super::matching::Matching;
use super::tree;
use super::unit::Unit;
use super::view::{self, Layers, View};

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
