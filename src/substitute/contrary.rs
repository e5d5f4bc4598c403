//! What is `external`, so that somebody else makes it, and says beside it how it is made: some tools refuse it, and others pass
//! over what it says without a word.

use super::external::is_external;
use super::input::StackKind;
use super::tree;
use super::unit::Unit;
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

/// What an external thing may have: its real name.
const OWN: [&str; 2] = ["external", "name"];
/// What of a volume `docker stack` refuses beside it.
const OF_VOLUMES: [&str; 3] = ["driver", "driver_opts", "labels"];

/// Tells each of them at the key that goes not with `external`. What a compose service is given is told with that it is
/// missing.
pub(super) fn find(units: &[Unit], kind: StackKind) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for unit in units.iter().filter(|unit| !unit.extended) {
        for section in ["networks", "volumes", "secrets", "configs"] {
            let all = unit
                .documents
                .iter()
                .filter_map(|document| document.entry(section)?.map());
            for (name, thing) in all.flatten() {
                let is_one = !tree::resets(thing) && is_external(thing, &unit.environment);
                if let Some(name) = name.scalar().filter(|_| is_one) {
                    told.extend(named_twice((section, name), thing, kind));
                    told.extend(made((section, name), thing, kind));
                }
            }
        }
    }
    told
}

/// The keys beside `external` that say how a thing is made.
pub(super) fn others(thing: &Node) -> impl Iterator<Item = (&Node, &str)> {
    let entries = thing.map().unwrap_or_default().iter();
    let others = entries.filter(|(_, value)| !value.is_null() && !tree::resets(value));
    let others = others.filter_map(|(key, _)| Some((key, key.scalar()?)));
    others.filter(|(_, text)| !OWN.contains(text) && !text.starts_with("x-"))
}

fn made((section, name): (&str, &str), thing: &Node, kind: StackKind) -> Option<Diagnostic> {
    let is_given = ["secrets", "configs"].contains(&section);
    let refuses = |key: &str| section == "volumes" && (kind == StackKind::Compose || OF_VOLUMES.contains(&key));
    let (key, text) = others(thing).max_by_key(|(_, text)| refuses(text))?;
    let one = section.trim_end_matches('s');
    let message = format!("the {one} `{name}` is external, so that `{text}` says nothing of it");
    let problem = match (kind, refuses(text)) {
        (StackKind::Compose, _) if is_given => return None,
        (_, true) => Diagnostic::error(&key.span, message),
        (_, false) => Diagnostic::warning(&key.span, message),
    };
    let gives = match is_given {
        true => format!("; the scenario can give it: `{section}: {{{name}: {{content: …}}}}`"),
        false => String::new(),
    };
    Some(problem.help(format!(
        "take `external` out, and the stack makes it; or leave `{text}` to who does{gives}"
    )))
}

/// A thing whose real name is said twice.
fn named_twice((section, name): (&str, &str), thing: &Node, kind: StackKind) -> Option<Diagnostic> {
    let inner = thing.entry("external")?.entry("name").filter(|name| !name.is_null())?;
    let outer = thing.entry("name").filter(|name| !name.is_null())?;
    let one = section.trim_end_matches('s');
    let message = format!("the {one} `{name}` has two real names: one under `external`, and one beside it");
    // The oldest compose tool takes the one under `external`.
    let problem = match kind {
        StackKind::Compose => Diagnostic::warning(&outer.span, message),
        StackKind::Swarm => Diagnostic::error(&outer.span, message),
    };
    Some(
        problem
            .related(&inner.span, "here")
            .help("write one of them: `{external: true, name: …}`"),
    )
}
