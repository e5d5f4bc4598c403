//! `external`: networks and volumes that the file expects to be there, mapped to real ones.

use super::input::StackInput;
use super::interpolate::{Environment, escape, fill};
use super::matching::Matching;
use super::unit::Unit;
use super::{tree, view};
use crate::yaml::Node;

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

/// Maps external networks and volumes by their key in the file, or by their real name.
pub(super) fn replace(units: &mut [Unit], matching: &mut Matching<'_>) {
    for section in ["networks", "volumes"] {
        view::each(units, section, |around, key, thing| {
            if !is_external(thing, &around.environment) {
                return;
            }
            let name = written_name(thing, key).to_owned();
            let by_key = matching.find_filled(key, None);
            let Some(hit) = by_key.or_else(|| matching.find(&name, &around.environment)) else {
                return;
            };
            let span = thing.span.clone();
            tree::set(thing, "external", tree::plain("true", &span));
            tree::set(thing, "name", tree::text(escape(hit.to()), &span));
        });
    }
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
