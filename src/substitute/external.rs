//! `external`: networks and volumes that the file expects to be there, mapped to real ones.

use std::collections::BTreeMap;
use std::path::Path;

use super::input::StackInput;
use super::interpolate::{Environment, escape, fill};
use super::labels::uses_default;
use super::matching::Matching;
use super::rewritten::Shared;
use super::unit::Unit;
use super::view::{Layers, View};
use super::{tree, view};
use crate::yaml::Node;

/// What a stack may make and another one expect.
const SHARED: [&str; 2] = ["networks", "volumes"];

/// Whether a network, volume, secret or config is made by somebody else.
pub(super) fn is_external(thing: &Node, environment: &Environment) -> bool {
    let Some(external) = thing.entry("external") else {
        return false;
    };
    if external.map().is_some() {
        return true;
    }
    let text = external
        .scalar()
        .and_then(|text| fill(text, environment).value)
        .unwrap_or_default();
    matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "y")
}

/// The real name of an external thing as written: `name:`, `external: {name:}`, else its key.
fn written_name<'n>(thing: &'n Node, key: &'n str) -> &'n str {
    let nested = thing
        .entry("external")
        .and_then(|external| external.entry("name"))
        .and_then(Node::scalar);
    nested
        .or_else(|| thing.entry("name").and_then(Node::scalar))
        .unwrap_or(key)
}

/// The real name of an external thing; none while it is known later.
pub(super) fn real_name(thing: &Node, key: &str, environment: &Environment) -> Option<String> {
    fill(written_name(thing, key), environment).value
}

/// Maps external networks and volumes by their key in the file, or by their real name; gives those that are not mapped.
pub(super) fn replace(units: &mut [Unit], matching: &mut Matching<'_>) -> Vec<Shared> {
    let mut unmapped = Vec::new();
    for section in SHARED {
        view::each(units, section, |around, key, thing| {
            if !is_external(thing, &around.environment) {
                return;
            }
            let name = written_name(thing, key).to_owned();
            let by_key = matching.find_filled(key, None);
            let Some(hit) = by_key.or_else(|| matching.find(&name, &around.environment)) else {
                let name = real_name(thing, key, &around.environment);
                unmapped.extend(name.map(|name| Shared {
                    section,
                    key: key.to_owned(),
                    name,
                    at: thing.span.clone(),
                }));
                return;
            };
            let span = thing.span.clone();
            tree::set(thing, "external", tree::plain("true", &span));
            tree::set(thing, "name", tree::text(escape(hit.to()), &span));
        });
    }
    unmapped
}

/// What a stack makes, by the real names that it would have as its authors start it: in a project of its folder's name.
pub(super) fn given(units: &[Unit], services: &BTreeMap<String, Layers>, directory: &Path) -> Vec<Shared> {
    let named = units.iter().flat_map(|unit| {
        let names = unit
            .documents
            .iter()
            .filter_map(|document| document.entry("name")?.scalar());
        names.filter_map(|name| fill(name, &unit.environment).value)
    });
    let project = named.last().unwrap_or_else(|| folder_project(directory));
    let mut given = Vec::new();
    for section in SHARED {
        for (key, layers) in view::mentions(units, section) {
            let view = View {
                units,
                section,
                layers: &layers,
            };
            let things = layers.0.iter().filter_map(|place| {
                let environment = &units[place.unit].environment;
                Some((view::node(units, section, place)?, environment))
            });
            let things: Vec<_> = things.collect();
            let external = things
                .iter()
                .any(|(thing, environment)| is_external(thing, environment));
            let Some((thing, _)) = things.last().filter(|_| !external) else {
                continue;
            };
            let (name, at) = match view.last("name") {
                Some(said) => (said.text(), said.node.span.clone()),
                None => (Some(format!("{project}_{key}")), thing.span.clone()),
            };
            given.extend(name.map(|name| Shared { section, key, name, at }));
        }
    }
    let first = services
        .values()
        .find_map(|layers| view::node(units, "services", layers.top()?));
    if let Some(first) = first.filter(|_| uses_default(units, services))
        && !view::mentions(units, "networks").contains_key("default")
    {
        given.push(Shared {
            section: "networks",
            key: "default".to_owned(),
            name: format!("{project}_default"),
            at: first.span.clone(),
        });
    }
    given
}

/// The project's name that the compose tool makes of a folder's.
fn folder_project(directory: &Path) -> String {
    let name = directory.file_name().map(|name| name.to_string_lossy().to_lowercase());
    let name = name.unwrap_or_default();
    let kept: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        .collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

/// Prefixes the explicit names of what the stack makes itself with the project's name.
pub(super) fn prefix_names(units: &mut [Unit], input: &StackInput) {
    for section in ["networks", "volumes", "secrets", "configs"] {
        view::each(units, section, |around, _, thing| {
            if is_external(thing, &around.environment) {
                return;
            }
            let Some(name) = tree::entry(thing, "name").filter(|name| !name.is_null()) else {
                return;
            };
            let Some(text) = name.scalar().map(str::to_owned) else {
                return;
            };
            let own = |name: &str| {
                name.strip_prefix(&input.project)
                    .is_some_and(|rest| rest.starts_with(['_', '-']))
            };
            // One that is built of the project's name is unique already.
            if !fill(&text, &around.environment).value.is_some_and(|name| own(&name)) {
                tree::set_text(name, format!("{}_{text}", input.project));
            }
        });
    }
}
