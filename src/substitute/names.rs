//! Names of containers: dropped, so that copies do not collide, and kept as aliases, so that peers still find them.

use std::collections::BTreeMap;

use super::interpolate::fill;
use super::tree;
use super::unit::Unit;
use super::view::{self, Layers, View};
use crate::yaml::Node;

/// The container names of a stack: the service of each.
#[derive(Debug, Default)]
pub(super) struct ContainerNames {
    /// The service by container name.
    pub(super) services: BTreeMap<String, String>,
    /// The name by service, filled in; none while it is known later.
    pub(super) names: BTreeMap<String, Option<String>>,
}

/// Drops `name:` of the project and each `container_name`, keeps these as aliases, and turns what names a container.
pub(super) fn isolate(units: &mut [Unit], services: &BTreeMap<String, Layers>) -> ContainerNames {
    let mut names = ContainerNames::default();
    let mut written = BTreeMap::new();
    for (service, layers) in services {
        let view = View::service(units, layers);
        if let Some(said) = view.last("container_name") {
            names.names.insert(service.clone(), said.text());
            names.services.extend(said.text().map(|name| (name, service.clone())));
            written.insert(service.clone(), said.node.clone());
        }
    }
    for unit in units.iter_mut() {
        for document in &mut unit.documents {
            tree::remove(document, "name");
        }
    }
    view::each(units, "services", |around, _, service| {
        tree::remove(service, "container_name");
        let resolve = |text: &str| {
            let filled = fill(text, &around.environment).value?;
            names.services.get(&filled).cloned()
        };
        turn(service, &resolve);
    });
    for (service, name) in written {
        alias(units, &services[&service], &name);
    }
    names
}

/// Turns `container:NAME` into `service:SERVICE` wherever a service can say it.
fn turn(service: &mut Node, resolve: &dyn Fn(&str) -> Option<String>) {
    for key in ["network_mode", "pid", "ipc"] {
        let Some(mode) = tree::entry(service, key) else {
            continue;
        };
        let found = mode
            .scalar()
            .and_then(|text| text.strip_prefix("container:"))
            .and_then(resolve);
        if let Some(service) = found {
            tree::set_text(mode, format!("service:{service}"));
        }
    }
    for item in tree::entry(service, "volumes_from")
        .map(tree::items)
        .unwrap_or_default()
    {
        let Some(rest) = item.scalar().and_then(|text| text.strip_prefix("container:")) else {
            continue;
        };
        let (name, mode) = rest
            .split_once(':')
            .map_or((rest, None), |(name, mode)| (name, Some(mode)));
        if let Some(service) = resolve(name) {
            let text = mode.map_or_else(|| service.clone(), |mode| format!("{service}:{mode}"));
            tree::set_text(item, text);
        }
    }
    external_links(service, resolve);
}

/// A link to a container of this very stack is an ordinary link.
fn external_links(service: &mut Node, resolve: &dyn Fn(&str) -> Option<String>) {
    let Some(links) = tree::entry(service, "external_links") else {
        return;
    };
    let crate::yaml::Content::List(items) = &mut links.content else {
        return;
    };
    let mut own = Vec::new();
    items.retain(|item| {
        let Some(text) = item.scalar() else {
            return true;
        };
        let (name, alias) = text.split_once(':').unwrap_or((text, text));
        let found = resolve(name);
        own.extend(
            found
                .iter()
                .map(|service| tree::text(format!("{service}:{alias}"), &item.span)),
        );
        found.is_none()
    });
    let empty = items.is_empty();
    if own.is_empty() {
        return;
    }
    let span = service.span.clone();
    if empty {
        tree::remove(service, "external_links");
    }
    match tree::entry(service, "links").map(|links| &mut links.content) {
        Some(crate::yaml::Content::List(links)) => links.extend(own),
        _ => tree::set(service, "links", tree::list(own, &span)),
    }
}

/// Adds a container's name as an alias on each network of its service, in the last file that names the service.
fn alias(units: &mut [Unit], layers: &Layers, name: &Node) {
    let view = View::service(units, layers);
    // With a network mode of its own there is no network on which it could have a name.
    if view.last("network_mode").is_some() {
        return;
    }
    let mut networks = networks(&view);
    if networks.is_empty() {
        networks.push(("default".to_owned(), None));
    }
    let entries = networks.into_iter().map(|(network, settings)| {
        let mut settings = settings.unwrap_or_else(|| tree::map(Vec::new(), &name.span));
        let aliases = tree::entry(&mut settings, "aliases").map(|aliases| tree::items(aliases).to_vec());
        let mut aliases = aliases.unwrap_or_default();
        if !aliases.iter().any(|alias| alias.scalar() == name.scalar()) {
            aliases.push(name.clone());
        }
        tree::set(&mut settings, "aliases", tree::list(aliases, &name.span));
        (tree::plain(&network, &name.span), settings)
    });
    let entries = entries.collect();
    let Some(service) = layers.top().and_then(|place| view::node_mut(units, "services", place)) else {
        return;
    };
    let mut networks = tree::map(entries, &name.span);
    // Networks that were taken back stay taken back, and ours are put there instead.
    let replaces = service.entry("networks").is_some_and(tree::overrides);
    networks.tag = replaces.then(|| "!override".to_owned());
    tree::set(service, "networks", networks);
}

/// The networks of a service in order, each with its settings over all layers.
pub(super) fn networks(view: &View<'_>) -> Vec<(String, Option<Node>)> {
    let mut networks: Vec<(String, Option<Node>)> = Vec::new();
    let mut add = |name: &str, settings: Option<&Node>| match networks.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => {
            for (key, value) in settings.and_then(Node::map).unwrap_or_default() {
                let known = known.get_or_insert_with(|| tree::map(Vec::new(), &value.span));
                tree::set(known, key.scalar().unwrap_or_default(), value.clone());
            }
        }
        None => networks.push((
            name.to_owned(),
            settings.filter(|settings| settings.map().is_some()).cloned(),
        )),
    };
    for said in view.all("networks") {
        for item in said.node.list().unwrap_or_default() {
            add(item.scalar().unwrap_or_default(), None);
        }
        for (key, value) in said.node.map().unwrap_or_default() {
            add(key.scalar().unwrap_or_default(), Some(value));
        }
    }
    networks
}
