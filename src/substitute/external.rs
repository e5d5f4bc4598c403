//! `external`: networks and volumes that the file expects to be there, mapped to real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::input::{StackInput, StackKind};
use super::interpolate::{Environment, escape, fill, is_true};
use super::labels::uses_default;
use super::matching::Matching;
use super::rewritten::{ServiceInfo, Shared};
use super::unit::Unit;
use super::view::{Layers, Place, View};
use super::{refers, tree, view};
use crate::yaml::Node;

/// What a stack may make and another one expect.
const SHARED: [&str; 2] = ["networks", "volumes"];

/// Networks that every engine has.
const EVERYWHERE: [&str; 3] = ["host", "bridge", "none"];

/// What else may be external in a swarm.
const OF_SWARM: [&str; 2] = ["secrets", "configs"];

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
    is_true(&text)
}

/// Whether what stands at a place of a section is.
pub(super) fn of(units: &[Unit], section: &str, place: &Place) -> bool {
    view::node(units, section, place).is_some_and(|thing| is_external(thing, &units[place.unit].environment))
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

/// Maps external networks and volumes, of a swarm stack also secrets and configs, by their key in the file, or by their real
/// name; gives those that are not mapped.
pub(super) fn replace(units: &mut [Unit], matching: &mut Matching<'_>, kind: StackKind) -> Vec<Shared> {
    let mut unmapped = Vec::new();
    let of_swarm = OF_SWARM.iter().filter(|_| kind == StackKind::Swarm);
    for &section in SHARED.iter().chain(of_swarm) {
        view::each(units, section, |around, key, thing| {
            if !is_external(thing, &around.environment) {
                return;
            }
            let name = written_name(thing, key).to_owned();
            let by_key = matching.find_filled(key, None);
            let Some(hit) = by_key.or_else(|| matching.find(&name, &around.environment)) else {
                // Of an extended file only the service counts.
                let name = real_name(thing, key, &around.environment).filter(|_| !around.extended);
                unmapped.extend(name.map(|name| Shared {
                    section,
                    key: key.to_owned(),
                    name,
                    at: thing.span.clone(),
                }));
                return;
            };
            let span = thing.span.clone();
            let name = tree::text(escape(hit.to()), &span);
            match kind {
                StackKind::Compose => {
                    tree::set(thing, "external", tree::plain("true", &span));
                    tree::set(thing, "name", name);
                }
                StackKind::Swarm => make_external(thing, name),
            }
        });
    }
    unmapped
}

/// What the active services have of what is not mapped. Networks that every engine has are there, and a swarm makes a volume
/// where there is none; what a compose service has no secret or config of is told on its own.
pub(super) fn expected(
    units: &[Unit],
    (layers, services): (&BTreeMap<String, Layers>, &BTreeMap<String, ServiceInfo>),
    (unmapped, input): (&[Shared], &StackInput),
) -> Vec<Shared> {
    let mut had = BTreeSet::new();
    for (name, service) in services.iter().filter(|(_, service)| service.active) {
        had.extend(service.networks.keys().map(|key| ("networks", key.clone())));
        match input.kind {
            StackKind::Compose => had.extend(service.volumes.iter().map(|key| ("volumes", key.clone()))),
            StackKind::Swarm => {
                let view = View::service(units, &layers[name]);
                let given = OF_SWARM.into_iter().flat_map(|section| refers::given(&view, section));
                had.extend(given.map(|given| (given.section, given.name)));
            }
        }
    }
    let is_had = |(at, want): &(usize, &Shared)| {
        let same = |other: &Shared| (other.section, &other.key) == (want.section, &want.key);
        let is_last = !unmapped[at + 1..].iter().any(same);
        let is_everywhere = want.section == "networks" && EVERYWHERE.contains(&want.name.as_str());
        let is_given = input.given.iter().any(|given| given.real == want.name);
        had.contains(&(want.section, want.key.clone())) && is_last && !is_everywhere && !is_given
    };
    let expected = unmapped.iter().enumerate().filter(is_had);
    expected.map(|(_, want)| want.clone()).collect()
}

/// Names something external in the form that every version of a swarm file has: `name:` beside `external: true` came late.
pub(super) fn make_external(thing: &mut Node, name: Node) {
    let span = thing.span.clone();
    tree::remove(thing, "name");
    tree::set(
        thing,
        "external",
        tree::map(vec![(tree::plain("name", &span), name)], &span),
    );
}

/// What a stack makes, by the real names that it would have as its authors start it: a compose project has its folder's
/// name, and a swarm stack one that no file says.
pub(super) fn given(
    units: &[Unit],
    services: &BTreeMap<String, Layers>,
    (directory, kind): (&Path, StackKind),
) -> Vec<Shared> {
    let named = units.iter().flat_map(|unit| {
        let names = unit
            .documents
            .iter()
            .filter_map(|document| document.entry("name")?.scalar());
        names.filter_map(|name| fill(name, &unit.environment).value)
    });
    let project = named.last().unwrap_or_else(|| folder_project(directory));
    let in_project = |key: &str| (kind == StackKind::Compose).then(|| format!("{project}_{key}"));
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
                None => (in_project(&key), thing.span.clone()),
            };
            given.extend(name.map(|name| Shared { section, key, name, at }));
        }
    }
    let first = services
        .values()
        .find_map(|layers| view::node(units, "services", layers.top()?));
    if let Some(first) = first.filter(|_| uses_default(units, services))
        && !view::mentions(units, "networks").contains_key("default")
        && let Some(name) = in_project("default")
    {
        given.push(Shared {
            section: "networks",
            key: "default".to_owned(),
            name,
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
