//! Labels: what the stack makes carries its owner from the moment it is made.

use std::collections::BTreeMap;

use super::external::is_external;
use super::input::{StackInput, StackKind};
use super::interpolate::{Environment, escape, fill};
use super::tree;
use super::unit::Unit;
use super::view::{self, Layers, View, mentions};
use crate::diagnostic::Span;
use crate::yaml::{Content, Node};

/// Labels services, builds, networks (the implicit default one, too) and volumes, each in the last file that names it; of a
/// swarm stack also the containers' services, secrets and configs.
pub(super) fn add(units: &mut [Unit], services: &BTreeMap<String, Layers>, input: &StackInput) {
    for layers in services.values() {
        let built = View::service(units, layers).last("build").map(|said| said.place);
        if let Some(service) = layers.top().and_then(|place| view::node_mut(units, "services", place)) {
            label(service, &input.labels);
            if input.kind == StackKind::Swarm && !input.labels.is_empty() {
                label(part(service, "deploy"), &input.labels);
            }
        }
        let build = built.and_then(|place| tree::entry(view::node_mut(units, "services", &place)?, "build"));
        if let Some(build) = build.filter(|_| !input.build_labels.is_empty()) {
            if build.scalar().is_some() {
                let context = build.clone();
                *build = tree::map(
                    vec![(tree::plain("context", &context.span.clone()), context)],
                    &build.span.clone(),
                );
            }
            label(build, &input.build_labels);
        }
    }
    let sections: &[&'static str] = match input.kind {
        StackKind::Compose => &["networks", "volumes"],
        StackKind::Swarm => &["networks", "volumes", "secrets", "configs"],
    };
    for &section in sections {
        for layers in mentions(units, section).values() {
            let environments: Vec<_> = layers
                .0
                .iter()
                .map(|place| std::rc::Rc::clone(&units[place.unit].environment))
                .collect();
            let external = layers.0.iter().zip(&environments).any(|(place, environment)| {
                view::node(units, section, place).is_some_and(|thing| is_external(thing, environment))
            });
            let top = layers.top().and_then(|place| view::node_mut(units, section, place));
            if let Some(thing) = top.filter(|_| !external) {
                label(thing, &input.labels);
            }
        }
    }
    if !input.labels.is_empty() && uses_default(units, services) && !mentions(units, "networks").contains_key("default")
    {
        default_network(units, input);
    }
}

/// Whether a service is on the implicit default network.
pub(super) fn uses_default(units: &[Unit], services: &BTreeMap<String, Layers>) -> bool {
    services.values().any(|layers| {
        let view = View::service(units, layers);
        let networks = super::names::networks(&view);
        let none = networks.is_empty() && view.last("network_mode").is_none();
        none || networks.iter().any(|(name, _)| name == "default")
    })
}

fn default_network(units: &mut [Unit], input: &StackInput) {
    let Some(unit) = units.iter_mut().rfind(|unit| !unit.extended) else {
        return;
    };
    let document = match input.kind {
        StackKind::Compose => unit.documents.last_mut(),
        // Of a file `docker stack` reads the first one, and a `---` at its end begins another.
        StackKind::Swarm => unit.documents.first_mut(),
    };
    let Some(document) = document else { return };
    let span = document.span.clone();
    let mut network = tree::map(Vec::new(), &span);
    label(&mut network, &input.labels);
    match tree::entry(document, "networks") {
        Some(networks) => tree::set(networks, "default", network),
        None => tree::set(
            document,
            "networks",
            tree::map(vec![(tree::plain("default", &span), network)], &span),
        ),
    }
}

/// Adds labels in the form in which there are some already.
fn label(thing: &mut Node, labels: &BTreeMap<String, String>) {
    if labels.is_empty() {
        return;
    }
    let span = thing.span.clone();
    if tree::entry(thing, "labels").is_none() {
        tree::set(thing, "labels", tree::map(Vec::new(), &span));
    }
    let Some(node) = tree::entry(thing, "labels") else {
        return;
    };
    if tree::resets(node) {
        // What earlier files said stays taken back.
        *node = Node {
            tag: Some("!override".to_owned()),
            ..tree::map(Vec::new(), &span)
        };
    }
    if let Content::List(items) = &mut node.content {
        let item = |(name, value): (&String, &String)| tree::text(format!("{name}={}", escape(value)), &span);
        items.extend(labels.iter().map(item));
        return;
    }
    for (name, value) in labels {
        set_label(node, name, tree::text(escape(value), &span));
    }
}

/// A mapping of a thing, made if it is not there.
fn part<'n>(thing: &'n mut Node, key: &str) -> &'n mut Node {
    let span = thing.span.clone();
    if tree::entry(thing, key).is_none() {
        tree::set(thing, key, tree::map(Vec::new(), &span));
    }
    tree::entry(thing, key).unwrap_or_else(|| unreachable!("it was set above"))
}

fn set_label(labels: &mut Node, name: &str, value: Node) {
    let span: Span = labels.span.clone();
    let entries = tree::entries_vec(labels);
    entries.retain(|(key, _)| key.scalar() != Some(name));
    entries.push((tree::text(name, &span), value));
}

/// A text of a mapping's entry after filling in.
pub(super) fn text_of(thing: &Node, key: &str, environment: &Environment) -> Option<String> {
    fill(thing.entry(key)?.scalar()?, environment).value
}
