//! Ports of a swarm's service that several files have: `docker stack` merges them by the port of the nodes, so that of all that
//! have become free ones a single one would be left. They stand in the last file that has the service, where nothing is merged.

use std::collections::BTreeSet;

use super::input::PortRange;
use super::interpolate::{Environment, fill};
use super::ports::{Short, is_same};
use super::tree;
use super::unit::Unit;
use super::view::{self, Place};
use crate::yaml::Node;

/// Puts the ports of these services there; of one that stays as it is the last file's entry counts, as for the tool.
pub(super) fn in_last_file(units: &mut [Unit], services: &BTreeSet<&str>) {
    for (name, layers) in view::mentions(units, "services") {
        // Of a file the tool reads the first document.
        let places: Vec<Place> = layers.0.into_iter().filter(|place| place.document == 0).collect();
        let Some(last) = places.last().filter(|_| places.len() > 1 && services.contains(&*name)) else {
            continue;
        };
        let mut all: Vec<Node> = Vec::new();
        for place in &places {
            let environment = units[place.unit].environment.clone();
            let own = view::node(units, "services", place).and_then(|service| service.entry("ports")?.list());
            for item in own.unwrap_or_default() {
                let published = published(item, &environment);
                let is_replaced = |other: &Node| {
                    is_same(other, item) || published.is_some() && self::published(other, &environment) == published
                };
                all.retain(|other| !is_replaced(other));
                all.push(item.clone());
            }
        }
        for place in &places {
            if let Some(service) = view::node_mut(units, "services", place) {
                tree::remove(service, "ports");
            }
        }
        if let Some(service) = view::node_mut(units, "services", last) {
            let list = tree::list(all, &service.span.clone());
            tree::set(service, "ports", list);
        }
    }
}

/// The ports of the nodes that an entry stays on.
fn published(item: &Node, environment: &Environment) -> Option<PortRange> {
    match item.map() {
        Some(_) => PortRange::parse(&fill(item.entry("published")?.scalar()?, environment).value?),
        None => Short::parse(&fill(item.scalar()?, environment).value?)?.published,
    }
}
