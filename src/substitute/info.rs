//! What is known of a stack once it is rewritten: its services, networks, volumes, and what cannot be freed.

use std::collections::{BTreeMap, BTreeSet};

use super::deploy::{self, PortMode};
use super::external::{is_external, real_name};
use super::host_paths::{is_path, split_source};
use super::input::{PortRange, StackInput, StackKind};
use super::interpolate::{Environment, is_false, is_true};
use super::labels::{text_of, uses_default};
use super::names::{ContainerNames, networks};
use super::ports::Short;
use super::refers;
use super::rewritten::{Dependency, Lock, LockKind, Port, ServiceInfo};
use super::unit::Unit;
use super::view::{self, Layers, Said, View, mentions};
use crate::diagnostic::{Span, Spanned};
use crate::yaml::Node;

/// The option of a network that names the bridge on the engine's machine.
const BRIDGE: &str = "com.docker.network.bridge.name";

/// Whether a service is started: it has no profile, or one that is active.
pub(super) fn is_active(profiles: &BTreeSet<String>, active: &BTreeSet<String>) -> bool {
    let any = active.contains("*") || profiles.iter().any(|profile| active.contains(profile));
    profiles.is_empty() || any
}

/// What the files say of a service.
pub(super) fn service(
    name: &str,
    view: &View<'_>,
    active: &BTreeSet<String>,
    (kind, names): (StackKind, &ContainerNames),
) -> Option<ServiceInfo> {
    let at = view::node(view.units, view.section, view.layers.top()?)?.span.clone();
    let text = |key: &str| view.last(key).and_then(|said| said.text());
    let profiles: BTreeSet<String> = view.texts("profiles").into_iter().collect();
    let in_deploy = || {
        let all = view.all("deploy");
        let mut said = all.iter().rev();
        said.find_map(|said| said.fill(said.node.entry("replicas")?))
    };
    let mut ports_known = true;
    let ports = ports(view, &mut ports_known);
    let is_swarm = kind == StackKind::Swarm;
    let compose_text = |key: &str| text(key).filter(|_| !is_swarm);
    let replicas = compose_text("scale")
        .or_else(in_deploy)
        .and_then(|text| text.parse().ok());
    // A swarm ignores these keys.
    let network_mode = compose_text("network_mode");
    let mut on = aliases(view);
    if on.is_empty() && network_mode.is_none() {
        on.insert("default".to_owned(), BTreeSet::new());
    }
    let image_at = view.last("image").map_or(&at, |said| &said.node.span).clone();
    Some(ServiceInfo {
        at,
        image_at,
        active: is_active(&profiles, active),
        image: text("image"),
        ports,
        ports_known,
        healthcheck: view.last("healthcheck").and_then(|said| healthcheck(&said)),
        depends_on: if is_swarm { BTreeMap::new() } else { depends_on(view) },
        profiles,
        replicas: replicas.unwrap_or(1),
        deploy: deploy::read(view),
        built: view.last("build").is_some(),
        container_name: names.names.get(name).cloned().flatten(),
        networks: on,
        network_mode,
        volumes: volumes(view),
        mounts_paths: mounts_paths(view) || mounts_bound(view),
        tty: text("tty").is_some_and(|text| is_true(&text)),
    })
}

/// A healthcheck that is turned off is none; one without a test only changes the image's.
fn healthcheck(said: &Said<'_>) -> Option<bool> {
    let off = text_of(said.node, "disable", &said.environment).is_some_and(|text| is_true(&text));
    if off {
        return Some(false);
    }
    let test = said.node.entry("test").filter(|test| !test.is_null())?;
    let first = test
        .list()
        .map_or(test.scalar(), |items| items.first().and_then(Node::scalar));
    Some(first != Some("NONE"))
}

/// The networks of a service, and its aliases on each, as far as they are known.
fn aliases(view: &View<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let mut on: BTreeMap<String, BTreeSet<String>> = networks(view)
        .into_iter()
        .map(|(name, _)| (name, BTreeSet::new()))
        .collect();
    for said in view.all("networks") {
        for (network, settings) in said.node.map().unwrap_or_default() {
            let aliases = settings.entry("aliases").and_then(Node::list).unwrap_or_default();
            let filled = aliases.iter().filter_map(|alias| said.fill(alias));
            let network = network.scalar().unwrap_or_default();
            on.entry(network.to_owned()).or_default().extend(filled);
        }
    }
    on
}

fn depends_on(view: &View<'_>) -> BTreeMap<String, Dependency> {
    let dependency = |condition: Option<String>, required: bool| Dependency {
        condition: condition.unwrap_or_else(|| "service_started".to_owned()),
        required,
    };
    let mut all = BTreeMap::new();
    for said in view.all("depends_on") {
        for item in said.node.list().unwrap_or_default() {
            all.extend(item.scalar().map(|name| (name.to_owned(), dependency(None, true))));
        }
        for (name, how) in said.node.map().unwrap_or_default() {
            let condition = text_of(how, "condition", &said.environment);
            let optional = text_of(how, "required", &said.environment).is_some_and(|text| is_false(&text));
            let how = dependency(condition, !optional);
            all.extend(name.scalar().map(|name| (name.to_owned(), how)));
        }
    }
    all
}

fn ports(view: &View<'_>, known: &mut bool) -> Vec<Port> {
    let mut ports = Vec::new();
    for said in view.all("ports") {
        for item in said.node.list().unwrap_or_default() {
            match port(&said, item) {
                Some(port) => ports.push(port),
                None => *known = false,
            }
        }
    }
    for text in view.texts("expose") {
        let (range, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
        let Some(target) = PortRange::parse(range) else {
            continue;
        };
        ports.push(Port {
            target,
            protocol: protocol.to_owned(),
            published: false,
            mode: PortMode::default(),
            fixed: None,
            host_ip: None,
        });
    }
    ports
}

fn port(said: &Said<'_>, item: &Node) -> Option<Port> {
    if item.map().is_none() {
        let short = Short::parse(&said.fill(item)?)?;
        let protocol = short.protocol.unwrap_or_else(|| "tcp".to_owned());
        return Some(Port {
            target: short.target,
            protocol,
            published: true,
            mode: PortMode::default(),
            fixed: short.published.map(|range| Spanned::new(range, item.span.clone())),
            host_ip: short.host_ip,
        });
    }
    let text = |key: &str| said.fill(item.entry(key)?);
    let fixed = match item.entry("published") {
        Some(published) => PortRange::parse(&said.fill(published)?)
            .filter(|range| range.first > 0)
            .map(|range| Spanned::new(range, published.span.clone())),
        None => None,
    };
    Some(Port {
        target: PortRange::parse(&text("target")?)?,
        protocol: text("protocol").unwrap_or_else(|| "tcp".to_owned()),
        published: true,
        mode: PortMode::of(said, item),
        fixed,
        host_ip: text("host_ip"),
    })
}

/// The named volumes that a service mounts.
fn volumes(view: &View<'_>) -> BTreeSet<String> {
    refers::volumes(view).into_iter().map(|volume| volume.name).collect()
}

/// True if it mounts a path, or something that is known only later.
fn mounts_paths(view: &View<'_>) -> bool {
    let items = view.all("volumes");
    let mut items = items.iter().flat_map(|said| {
        let items = said.node.list().unwrap_or_default();
        items.iter().map(move |item| (said, item))
    });
    items.any(|(said, item)| {
        if item.map().is_some() {
            return text_of(item, "type", &said.environment).is_none_or(|kind| kind == "bind");
        }
        said.fill(item).is_none_or(|text| is_path(split_source(&text).0))
    })
}

/// True if it mounts a named volume that is a path of the engine's machine.
fn mounts_bound(view: &View<'_>) -> bool {
    let named = volumes(view);
    let all = mentions(view.units, "volumes");
    all.iter().filter(|(name, _)| named.contains(*name)).any(|(_, layers)| {
        let volume = View {
            units: view.units,
            section: "volumes",
            layers,
        };
        let options = volume.all("driver_opts");
        options.iter().any(|said| said.node.entry("device").is_some())
    })
}

/// Real names by name in the file.
pub(super) type RealNames = BTreeMap<String, Option<String>>;

/// The real names of networks or volumes.
pub(super) fn real_names(units: &[Unit], section: &'static str, input: &StackInput) -> RealNames {
    let mut names = RealNames::new();
    for (key, layers) in mentions(units, section) {
        let view = View {
            units,
            section,
            layers: &layers,
        };
        let external = layers.0.iter().rev().find_map(|place| {
            let thing = view::node(units, section, place)?;
            let environment = &units[place.unit].environment;
            is_external(thing, environment).then(|| real_name(thing, &key, environment))
        });
        let own = || match view.last("name") {
            Some(said) => said.text(),
            None => Some(format!("{}_{key}", input.project)),
        };
        let name = external.unwrap_or_else(own);
        names.insert(key, name);
    }
    names
}

/// The networks' real names, with the implicit default one where a service is on it.
pub(super) fn network_names(units: &[Unit], services: &BTreeMap<String, Layers>, input: &StackInput) -> RealNames {
    let mut names = real_names(units, "networks", input);
    if uses_default(units, services) {
        names
            .entry("default".to_owned())
            .or_insert_with(|| Some(format!("{}_default", input.project)));
    }
    names
}

/// What cannot be freed: host ports and the host's network of active services, subnets, external volumes not mapped.
pub(super) fn locks(
    units: &[Unit],
    layers: &BTreeMap<String, Layers>,
    services: &BTreeMap<String, ServiceInfo>,
) -> Vec<Lock> {
    let active = services.iter().filter(|(_, service)| service.active);
    let mut locks: Vec<Lock> = active
        .flat_map(|(name, service)| service_locks(service, &View::service(units, &layers[name])))
        .collect();
    for section in ["networks", "volumes"] {
        for (key, layers) in mentions(units, section) {
            for place in &layers.0 {
                if let Some(thing) = view::node(units, section, place) {
                    let environment = &units[place.unit].environment;
                    let kinds = kept(section, &key, thing, environment).into_iter();
                    locks.extend(kinds.map(|(kind, at)| Lock { kind, at }));
                }
            }
        }
    }
    locks
}

fn service_locks(service: &ServiceInfo, view: &View<'_>) -> Vec<Lock> {
    let fixed = service.ports.iter().filter_map(|port| {
        let fixed = port.fixed.as_ref()?;
        Some(Lock {
            kind: LockKind::Port(fixed.value, port.protocol.clone()),
            at: fixed.span.clone(),
        })
    });
    let on_host = service.network_mode.as_deref() == Some("host");
    let host = on_host.then(|| Lock {
        kind: LockKind::HostNetwork,
        at: view
            .last("network_mode")
            .map_or_else(|| service.at.clone(), |said| said.node.span.clone()),
    });
    fixed.chain(host).collect()
}

/// What of a network or volume stays as it is for everybody on the engine, and where the file says so.
fn kept(section: &str, key: &str, thing: &Node, environment: &Environment) -> Vec<(LockKind, Span)> {
    let mut kept = Vec::new();
    if is_external(thing, environment) {
        let name = real_name(thing, key, environment).unwrap_or_else(|| key.to_owned());
        // A swarm's service gets to the host's network by naming it.
        let kind = match section {
            "volumes" => Some(LockKind::Volume(name)),
            _ => (name == "host").then_some(LockKind::HostNetwork),
        };
        kept.extend(kind.map(|kind| (kind, thing.span.clone())));
    }
    let options = thing.entry("driver_opts");
    let bridge = options.and_then(|options| text_of(options, BRIDGE, environment));
    kept.extend(bridge.map(|name| (LockKind::Bridge(name), thing.span.clone())));
    let pools = thing
        .entry("ipam")
        .and_then(|ipam| ipam.entry("config"))
        .and_then(Node::list);
    let subnets = pools.unwrap_or_default().iter().filter_map(|pool| {
        let subnet = text_of(pool, "subnet", environment)?;
        Some((LockKind::Subnet(subnet), pool.span.clone()))
    });
    kept.extend(subnets);
    kept
}
