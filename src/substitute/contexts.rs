//! The named contexts of a build, `additional_contexts`: folders, images, and whatever else only the builder knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::files::join;
use super::gather::is_remote;
use super::interpolate::fill;
use super::tree;
use super::unit::Unit;
use super::view::Said;
use crate::yaml::Node;

/// What a context that is an image begins with.
pub(super) const IMAGE: &str = "docker-image://";

/// The named contexts of a build over all layers.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    /// Their names: a Dockerfile that names one means no image.
    pub(super) names: BTreeSet<String>,
    /// The folders among them as written, by name, each with its file.
    folders: BTreeMap<String, (usize, String)>,
    /// The images among them.
    pub(super) images: BTreeSet<String>,
}

impl Contexts {
    pub(super) fn of(builds: &[Said<'_>]) -> Contexts {
        let mut contexts = Contexts::default();
        for said in builds {
            let Some(node) = said.node.entry("additional_contexts") else {
                continue;
            };
            let pairs = node.map().unwrap_or_default().iter();
            let pairs = pairs.filter_map(|(name, text)| Some((name.scalar()?, text.scalar()?)));
            let items = node.list().unwrap_or_default().iter();
            let items = items.filter_map(|item| item.scalar()?.split_once('='));
            for (name, text) in pairs.chain(items) {
                let Some(text) = fill(text, &said.environment).value else {
                    continue;
                };
                contexts.names.insert(name.to_owned());
                if let Some(image) = text.strip_prefix(IMAGE) {
                    contexts.images.insert(image.to_owned());
                } else if !text.contains(':') && !is_remote(&text) {
                    contexts.folders.insert(name.to_owned(), (said.place.unit, text));
                }
            }
        }
        contexts
    }

    /// The folders among them, by name.
    pub(super) fn folders(&self, units: &[Unit]) -> BTreeMap<String, PathBuf> {
        let folders = self.folders.iter();
        folders
            .map(|(name, (unit, text))| (name.clone(), join(&units[*unit].base, text)))
            .collect()
    }
}

/// Visits each named context of a build as written; what `other` gives stands in its place.
pub(super) fn turn(build: &mut Node, other: &mut dyn FnMut(&str) -> Option<String>) {
    let Some(contexts) = tree::entry(build, "additional_contexts") else {
        return;
    };
    for (_, context) in tree::entries(contexts) {
        let text = context.scalar().filter(|_| !context.is_null());
        if let Some(to) = text.and_then(&mut *other) {
            tree::set_text(context, to);
        }
    }
    for item in tree::items(contexts) {
        let parts = item.scalar().and_then(|text| text.split_once('='));
        if let Some((name, to)) = parts.and_then(|(name, text)| Some((name, other(text)?))) {
            tree::set_text(item, format!("{name}={to}"));
        }
    }
}
