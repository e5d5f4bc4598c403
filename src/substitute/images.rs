//! `images`: services' images by name, as written or after `${…}`. A service whose image is replaced is not built.

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

/// Takes a policy away that belongs to the image that was: `always` would ask a registry for one that is only here.
pub(super) fn pull_policy(service: &mut crate::yaml::Node) {
    tree::remove(service, "pull_policy");
}
