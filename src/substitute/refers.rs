//! What a service names of its stack, by the name that the files have for it: other services, networks, volumes, secrets
//! and configs, each with its place.

use super::host_paths::is_path;
use super::mounts::{self, Kind};
use super::view::{Said, View};
use crate::diagnostic::Span;
use crate::yaml::Node;

/// A name, and what says it.
#[derive(Debug)]
pub(super) struct Reference {
    /// The top-level section that has what is named.
    pub(super) section: &'static str,
    /// The key of the service that names it.
    pub(super) key: &'static str,
    pub(super) name: String,
    pub(super) at: Span,
}

/// All that a service names, apart from what it extends.
pub(super) fn all(view: &View<'_>) -> Vec<Reference> {
    let mut found = services(view);
    let networks = view.all("networks");
    let networks = networks.iter().flat_map(|said| names(said, said.node));
    found.extend(networks.map(of("networks", "networks")));
    found.extend(volumes(view));
    for section in ["secrets", "configs"] {
        found.extend(given(view, section));
    }
    found.extend(of_build(view));
    found
}

/// The secrets that a service's build is given.
pub(super) fn of_build(view: &View<'_>) -> Vec<Reference> {
    let mut found = Vec::new();
    for said in view.all("build") {
        let secrets = said.node.entry("secrets").and_then(Node::list).unwrap_or_default();
        let secrets = secrets.iter().filter_map(|item| source(&said, item));
        found.extend(secrets.map(of("secrets", "secrets")));
    }
    found
}

fn of(section: &'static str, key: &'static str) -> impl Fn((String, Span)) -> Reference {
    move |(name, at)| Reference { section, key, name, at }
}

/// Other services, by the keys that start them first.
fn services(view: &View<'_>) -> Vec<Reference> {
    let mut found = Vec::new();
    for said in view.all("depends_on") {
        found.extend(names(&said, said.node).into_iter().map(of("services", "depends_on")));
    }
    for key in ["links", "volumes_from"] {
        for said in view.all(key) {
            let named = names(&said, said.node).into_iter();
            let own = named.filter(|(text, _)| !text.starts_with("container:"));
            let own = own.map(|(text, at)| (text.split(':').next().unwrap_or_default().to_owned(), at));
            found.extend(own.map(of("services", key)));
        }
    }
    for key in ["network_mode", "pid", "ipc"] {
        let said = view.last(key).and_then(|said| Some((said.text()?, said.node)));
        let named = said.and_then(|(text, node)| Some((text.strip_prefix("service:")?.to_owned(), node.span.clone())));
        found.extend(named.map(of("services", key)));
    }
    found
}

/// The items of a list of texts, or the keys of a mapping, in which nothing is filled in.
fn names(said: &Said<'_>, node: &Node) -> Vec<(String, Span)> {
    let items = node.list().unwrap_or_default().iter();
    let items = items.filter_map(|item| Some((said.fill(item)?, item.span.clone())));
    let keys = node.map().unwrap_or_default().iter();
    let keys = keys.filter_map(|(key, _)| Some((key.scalar()?.to_owned(), key.span.clone())));
    items.chain(keys).collect()
}

/// The secrets or configs that a service is given.
pub(super) fn given(view: &View<'_>, section: &'static str) -> Vec<Reference> {
    let said = view.all(section);
    let items = said.iter().flat_map(|said| {
        let items = said.node.list().unwrap_or_default().iter();
        items.filter_map(|item| source(said, item))
    });
    items.map(of(section, section)).collect()
}

fn source(said: &Said<'_>, item: &Node) -> Option<(String, Span)> {
    let item = item.entry("source").unwrap_or(item);
    Some((said.fill(item)?, item.span.clone()))
}

/// The named volumes that a service mounts; of one destination the last.
pub(super) fn volumes(view: &View<'_>) -> Vec<Reference> {
    let mounts = mounts::last(view).into_iter();
    let volumes = mounts.filter(|(_, mount)| mount.kind == Kind::Volume);
    let named = volumes.filter_map(|(_, mount)| Some((mount.source?, mount.at.span.clone())));
    let named = named.filter(|(name, _)| !is_path(name));
    named.map(of("volumes", "volumes")).collect()
}
