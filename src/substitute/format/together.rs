//! What of a swarm's files does not go together: each word by itself is right.

use std::collections::{BTreeMap, BTreeSet};

use super::super::deploy::{self, PortMode};
use super::super::external::is_external;
use super::super::interpolate::is_true;
use super::super::mounts::MountItem;
use super::super::names::networks;
use super::super::unit::Unit;
use super::super::view::{self, Layers, Said, View};
use super::{minor, ports};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

/// Tells what `docker stack` or a swarm's manager refuses of the files as they get them.
pub(in super::super) fn find(units: &[Unit], services: &BTreeMap<String, Layers>) -> Vec<Diagnostic> {
    let mut told: Vec<Diagnostic> = versions(units).into_iter().collect();
    let mut on = BTreeSet::new();
    for layers in services.values() {
        let view = View::service(units, layers);
        told.extend(replicas(&view));
        told.extend(updates(&view));
        told.extend(endpoints(&view));
        told.extend(twice(&view, "volumes", target));
        told.extend(twice(&view, "secrets", file));
        told.extend(twice(&view, "configs", file));
        told.extend(tests(&view));
        on.extend(networks(&view).into_iter().map(|(name, _)| name));
        if networks(&view).is_empty() {
            on.insert("default".to_owned());
        }
    }
    told.extend(ports::find(units, services));
    told.extend(drivers(units, &on));
    told.extend(empty(units));
    told
}

/// Files of one stack are of one version.
fn versions(units: &[Unit]) -> Option<Diagnostic> {
    let of = |unit: &Unit| {
        let version = unit
            .documents
            .iter()
            .find_map(|document| document.entry("version").cloned());
        let text = version.as_ref().and_then(Node::scalar).unwrap_or("3").to_owned();
        (minor(&text), text, version)
    };
    let all: Vec<_> = units.iter().map(of).collect();
    let (first, rest) = all.split_first()?;
    let (_, text, at) = rest.iter().find(|(version, ..)| *version != first.0)?;
    let at = at.as_ref().or(first.2.as_ref())?;
    let message = format!("the stack's files are of different versions, {} and {text}", first.1);
    Some(
        Diagnostic::error(&at.span, message)
            .help("`docker stack` takes files of one version: write the same one in each"),
    )
}

/// What `deploy` says under a key, the last one that does.
fn part<'u>(view: &View<'u>, key: &str) -> Option<(Said<'u>, &'u Node)> {
    let all = view.all("deploy").into_iter().rev();
    let mut parts = all.filter_map(|said| {
        let node = said.node.entry(key).filter(|node| !node.is_null())?;
        Some((said, node))
    });
    parts.next()
}

fn mode(view: &View<'_>) -> String {
    let said = part(view, "mode").and_then(|(said, node)| said.fill(node));
    said.unwrap_or_default()
}

fn replicas(view: &View<'_>) -> Option<Diagnostic> {
    let (_, at) = part(view, "replicas").filter(|_| deploy::read(view).mode.is_global())?;
    let mode = mode(view);
    let message = format!("`mode: {mode}` has one task on each node, and no `replicas`");
    Some(Diagnostic::error(&at.span, message).help("take one of them out; `placement` chooses the nodes"))
}

fn updates(view: &View<'_>) -> Option<Diagnostic> {
    let (_, at) = part(view, "update_config").filter(|_| deploy::read(view).mode.is_job())?;
    let message = format!("`mode: {}` is a job, and no job has an `update_config`", mode(view));
    Some(
        Diagnostic::error(&at.span, message)
            .help("take it out: a job that is deployed again starts all its tasks anew"),
    )
}

fn endpoints(view: &View<'_>) -> Option<Diagnostic> {
    if !deploy::read(view).dnsrr {
        return None;
    }
    let ports = view.all("ports").into_iter().flat_map(|said| {
        let items = said.node.list().unwrap_or_default().iter();
        items.map(move |item| (said.clone(), item))
    });
    let (_, at) = { ports }.find(|(said, item)| PortMode::of(said, item) == PortMode::Ingress)?;
    let message = "with `endpoint_mode: dnsrr` no port is published by the routing mesh";
    Some(
        Diagnostic::error(&at.span, message)
            .help("publish it on the task's node, `{target: 80, mode: host}`, or leave `endpoint_mode` out"),
    )
}

/// A healthcheck that is turned off and has a test.
fn tests(view: &View<'_>) -> Option<Diagnostic> {
    let said = view.last("healthcheck")?;
    let off = said.node.entry("disable").and_then(|disable| said.fill(disable))?;
    let at = said
        .node
        .entry("test")
        .filter(|test| is_true(&off) && !test.is_null())?;
    let message = "a healthcheck with `disable: true` has no `test`";
    Some(Diagnostic::error(&at.span, message).help("take one of them out"))
}

/// Secrets and configs that nothing is in.
fn empty(units: &[Unit]) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for section in ["secrets", "configs"] {
        for (name, layers) in view::mentions(units, section) {
            let view = View {
                units,
                section,
                layers: &layers,
            };
            if ["file", "external", "driver"]
                .iter()
                .any(|key| view.last(key).is_some())
            {
                continue;
            }
            let Some(thing) = layers.top().and_then(|place| view::node(units, section, place)) else {
                continue;
            };
            let one = section.trim_end_matches('s');
            // What else it has in the place of a file was told.
            let has_other = ["content", "environment"].iter().any(|key| thing.entry(key).is_some());
            if thing.map().is_some() && !has_other {
                let message = format!("the {one} `{name}` holds nothing");
                told.push(Diagnostic::error(&thing.span, message).help(format!(
                    "name a `file`; or let the scenario give it: `{section}: {{{name}: {{content: …}}}}`"
                )));
            }
        }
    }
    told
}

/// What stands twice in a list of one file; those of several files are merged.
fn twice(view: &View<'_>, key: &str, what: fn(&Said<'_>, &Node) -> Option<String>) -> Vec<Diagnostic> {
    let all = view.all(key);
    let [said] = &all[..] else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let items = said.node.list().unwrap_or_default().iter();
    let again = items.filter_map(|item| Some((what(said, item)?, item)));
    let again = again.filter(|(what, _)| !seen.insert(what.clone()));
    let told = again.map(|(what, item)| {
        let message = format!("a swarm refuses a service with {what} twice");
        Diagnostic::error(&item.span, message).help("take one out")
    });
    told.collect()
}

fn target(said: &Said<'_>, item: &Node) -> Option<String> {
    let target = MountItem::read(item, &said.environment).target?;
    Some(format!("a mount at `{target}`"))
}

/// The file that a secret or config is in the container.
fn file(said: &Said<'_>, item: &Node) -> Option<String> {
    let name = item.entry("target").or_else(|| item.entry("source")).unwrap_or(item);
    Some(format!("the file `{}`", said.fill(name)?))
}

/// Networks of a driver that knows one engine alone.
fn drivers(units: &[Unit], on: &BTreeSet<String>) -> Vec<Diagnostic> {
    let all = view::mentions(units, "networks").into_iter();
    let used = all.filter(|(name, _)| on.contains(name));
    let told = used.filter_map(|(name, layers)| {
        let view = View {
            units,
            section: "networks",
            layers: &layers,
        };
        let place = layers.top()?;
        let thing = view::node(units, "networks", place)?;
        let driver = view.last("driver")?;
        let is_own = !is_external(thing, &units[place.unit].environment);
        driver.text().filter(|driver| is_own && driver == "bridge")?;
        let message = format!("the network `{name}` is of one engine alone, and a swarm's services are on all of them");
        Some(Diagnostic::error(&driver.node.span, message).help("leave `driver` out, or write `driver: overlay`"))
    });
    told.collect()
}
