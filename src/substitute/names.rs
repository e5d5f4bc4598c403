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
pub(super) fn isolate(units: &mut Vec<Unit>, services: &BTreeMap<String, Layers>) -> ContainerNames {
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
    for document in units.iter_mut().flat_map(|unit| &mut unit.documents) {
        tree::remove(document, "name");
    }
    view::each(units, "services", |around, _, service| {
        tree::remove(service, "container_name");
        let resolve = |text: &str| {
            let filled = fill(text, &around.environment).value?;
            names.services.get(&filled).cloned()
        };
        turn(service, &resolve);
    });
    let mut apart = Vec::new();
    for (service, name) in written {
        let layers = &services[&service];
        match aliased(units, layers, &name) {
            Some(networks) if is_base(services, layers) => apart.push(Apart {
                service,
                networks,
                name,
            }),
            Some(networks) => alias(units, layers, (networks, &name)),
            None => {}
        }
    }
    units.extend(file_of_aliases(units, apart));
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

/// The networks of a service with its container's name as an alias on each; none where it has none of its own.
fn aliased(units: &[Unit], layers: &Layers, name: &Node) -> Option<Vec<(Node, Node)>> {
    let view = View::service(units, layers);
    // With a network mode of its own there is no network on which it could have a name.
    if view.last("network_mode").is_some() {
        return None;
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
    Some(entries.collect())
}

/// Adds aliases to a service, in the last file that names it.
fn alias(units: &mut [Unit], layers: &Layers, (networks, name): (Vec<(Node, Node)>, &Node)) {
    let Some(service) = layers.top().and_then(|place| view::node_mut(units, "services", place)) else {
        return;
    };
    let mut networks = tree::map(networks, &name.span);
    // Networks that were taken back stay taken back, and ours are put there instead.
    let replaces = service.entry("networks").is_some_and(tree::overrides);
    networks.tag = replaces.then(|| "!override".to_owned());
    tree::set(service, "networks", networks);
}

/// Whether other services extend a service: what is added to it would be theirs, too.
fn is_base(services: &BTreeMap<String, Layers>, layers: &Layers) -> bool {
    let top = layers.top();
    services
        .values()
        .any(|other| other.top() != top && other.0.iter().any(|place| Some(place) == top))
}

/// Aliases that a service may not have in its own file.
struct Apart {
    service: String,
    networks: Vec<(Node, Node)>,
    name: Node,
}

/// A file of its own for aliases of services that others extend: it is merged when that has been done.
fn file_of_aliases(units: &[Unit], aliases: Vec<Apart>) -> Option<Unit> {
    let last = units.iter().rfind(|unit| !unit.extended)?;
    let span = &aliases.first()?.name.span.clone();
    let services = aliases.into_iter().map(|apart| {
        let at = &apart.name.span;
        let entries = vec![(tree::plain("networks", span), tree::map(apart.networks, at))];
        (tree::plain(&apart.service, at), tree::map(entries, span))
    });
    let services = tree::map(services.collect(), span);
    // Files of docker-compose 1 have to be of one version.
    let version = last.documents.iter().find_map(|document| document.entry("version"));
    let version = version.map(|version| (tree::plain("version", span), version.clone()));
    let entries = version
        .into_iter()
        .chain([(tree::plain("services", span), services)])
        .collect();
    Some(Unit {
        path: last.path.clone(),
        copy: "aliases.e2erun.yml".to_owned(),
        extended: false,
        base: last.base.clone(),
        environment: std::rc::Rc::clone(&last.environment),
        documents: vec![tree::map(entries, span)],
        unchanged: "".into(),
        extends: BTreeMap::new(),
    })
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
