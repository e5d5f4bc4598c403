//! Ports of a swarm's services that stay as they are: in a swarm each is published once.

use std::collections::BTreeMap;

use super::super::PortRange;
use super::super::deploy::PortMode;
use super::super::ports::{Short, is_same, stands_twice};
use super::super::unit::Unit;
use super::super::view::{Layers, Said, View};
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::Node;

/// A port of the nodes, and its protocol.
type Key = (u16, String);

/// Who has a port: the service, how, and where it is written.
struct Holder {
    service: String,
    mode: PortMode,
    at: Span,
}

/// Tells what is published twice: in one service, or by two of the stack.
pub(super) fn find(units: &[Unit], services: &BTreeMap<String, Layers>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    let mut taken: BTreeMap<Key, Vec<Holder>> = BTreeMap::new();
    for (service, layers) in services {
        let view = View::service(units, layers);
        let again = twice(&view);
        // What a service has twice is told of it alone.
        if !again.is_empty() {
            told.extend(again);
            continue;
        }
        for said in view.all("ports") {
            for item in said.node.list().unwrap_or_default() {
                told.extend(shared(&said, (item, service), &mut taken));
            }
        }
    }
    told
}

/// What stands twice in one file's list; those of several files are merged.
fn twice(view: &View<'_>) -> Vec<Diagnostic> {
    let all = view.all("ports");
    let [said] = &all[..] else { return Vec::new() };
    let items = said.node.list().unwrap_or_default();
    let mut seen: BTreeMap<Key, ()> = BTreeMap::new();
    let mut told = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let keys = published(said, item).map_or_else(Vec::new, |(keys, _)| keys);
        if items[..at].iter().any(|other| is_same(other, item)) {
            told.push(stands_twice(item));
        } else if let Some((port, protocol)) = keys.iter().find(|key| seen.contains_key(*key)) {
            let message = format!("a swarm refuses a service with the published port {port}/{protocol} twice");
            told.push(Diagnostic::error(&item.span, message).help("take one out"));
        }
        seen.extend(keys.into_iter().map(|key| (key, ())));
    }
    told
}

/// A port that another service of the stack publishes, too. On the nodes of their own tasks two services may both do so.
fn shared(
    said: &Said<'_>,
    (item, service): (&Node, &str),
    taken: &mut BTreeMap<Key, Vec<Holder>>,
) -> Option<Diagnostic> {
    let (keys, mode) = published(said, item)?;
    let mut told = None;
    for key in keys {
        let holders = taken.entry(key.clone()).or_default();
        let meets =
            |holder: &&Holder| holder.service != service && (holder.mode, mode) != (PortMode::Host, PortMode::Host);
        if let Some(other) = holders.iter().find(meets).filter(|_| told.is_none()) {
            let (port, protocol) = &key;
            let message = format!(
                "`{}` publishes the port {port}/{protocol}, too: a swarm has each once",
                other.service
            );
            let help = format!(
                "publish another one, or let it become a free one: `substitute: {{ports: [{port}]}}` of the stack"
            );
            told = Some(
                Diagnostic::error(&item.span, message)
                    .related(&other.at, "here")
                    .help(help),
            );
        }
        holders.push(Holder {
            service: service.to_owned(),
            mode,
            at: item.span.clone(),
        });
    }
    told
}

/// The ports that an entry publishes, and how.
fn published(said: &Said<'_>, item: &Node) -> Option<(Vec<Key>, PortMode)> {
    let text = |key: &str| said.fill(item.entry(key)?);
    let (range, protocol) = match item.map() {
        Some(_) => (PortRange::parse(&text("published")?)?, text("protocol")),
        None => {
            let short = Short::parse(&said.fill(item)?)?;
            (short.published?, short.protocol)
        }
    };
    let protocol = protocol.unwrap_or_else(|| "tcp".to_owned()).to_ascii_lowercase();
    let ports = (range.first..=range.last).filter(|port| *port > 0);
    let ports = ports.map(|port| (port, protocol.clone())).collect();
    Some((ports, PortMode::of(said, item)))
}
