//! Names that a service's `environment` passes on (`FOO` without a value), and that nothing gives a value.
//!
//! The compose tool takes them from the environment that it runs in, which is a clean one here: a file that worked by
//! hand would silently go without.

use std::collections::{BTreeMap, BTreeSet};

use super::rewritten::ServiceInfo;
use super::unit::Unit;
use super::view::{Layers, View};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

/// Tells each of them, of the services that are active.
pub(super) fn notes(
    units: &[Unit],
    layers: &BTreeMap<String, Layers>,
    services: &BTreeMap<String, ServiceInfo>,
) -> Vec<Diagnostic> {
    let is_active = |name: &str| services.get(name).is_some_and(|service| service.active);
    let active = layers.iter().filter(|(name, _)| is_active(name));
    active
        .flat_map(|(_, layers)| service(&View::service(units, layers)))
        .collect()
}

fn service(view: &View<'_>) -> Vec<Diagnostic> {
    // An env file may give a value, too.
    if view.last("env_file").is_some() {
        return Vec::new();
    }
    let said = view.all("environment");
    let entries = || {
        said.iter()
            .flat_map(|said| entries(said.node).map(move |entry| (said, entry)))
    };
    let given: BTreeSet<&str> = entries()
        .filter(|(_, entry)| entry.has_value)
        .map(|(_, entry)| entry.name)
        .collect();
    let passed = entries().filter(|(said, entry)| {
        let name = entry.name;
        // What is filled in has another name, or a problem of its own.
        !entry.has_value && !name.contains('$') && !given.contains(name) && !said.environment.contains_key(name)
    });
    passed.map(|(_, entry)| note(&entry)).collect()
}

fn note(entry: &Entry<'_>) -> Diagnostic {
    let name = entry.name;
    let message =
        format!("`{name}` is passed on from the environment, which has no `{name}`: the container goes without");
    let help = format!(
        "nothing of this machine's is seen; give it by `env: {{{name}: …}}` of the stack, or in the `.env` beside the file"
    );
    Diagnostic::note(&entry.node.span, message).help(help)
}

/// An entry of `environment`.
struct Entry<'n> {
    node: &'n Node,
    name: &'n str,
    has_value: bool,
}

fn entries(environment: &Node) -> impl Iterator<Item = Entry<'_>> {
    let items = environment.list().unwrap_or_default().iter().filter_map(|node| {
        let text = node.scalar()?;
        let name = text.split('=').next().unwrap_or(text);
        let has_value = text.contains('=');
        Some(Entry { node, name, has_value })
    });
    let pairs = environment
        .map()
        .unwrap_or_default()
        .iter()
        .filter_map(|(node, value)| {
            let has_value = !value.is_null();
            node.scalar().map(|name| Entry { node, name, has_value })
        });
    items.chain(pairs)
}
