//! Secrets and configs that the scenario gives in place of the stack's own: what a service knows of one, its name and the
//! file in the container, stays as it is written.

use std::collections::{BTreeMap, BTreeSet};

use super::external::make_external;
use super::input::{Given, StackKind};
use super::interpolate::escape;
use super::rewritten::{Needs, Ungiven};
use super::unit::Unit;
use super::view::{Layers, View};
use super::{contrary, external, refers, tree, view};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

/// The sections that hold such things.
const SECTIONS: [&str; 2] = ["secrets", "configs"];
/// Where a stack takes one from.
const SOURCES: [&str; 6] = ["file", "environment", "content", "external", "name", "template_driver"];

/// Puts what the scenario gives in the place of what the files say; gives the names that they have, by section.
pub(super) fn replace(
    units: &mut [Unit],
    given: &[Given],
    kind: StackKind,
) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut names: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for section in SECTIONS {
        view::each(units, section, |_, name, thing| {
            // One that is taken back is not there.
            if tree::resets(thing) {
                return;
            }
            names.entry(section).or_default().insert(name.to_owned());
            let of_name = |given: &&Given| given.section == section && given.name == name;
            if let Some(given) = given.iter().find(of_name) {
                deliver(thing, given, kind);
            }
        });
    }
    names
}

/// Tells what cannot be given.
pub(super) fn refused(
    units: &[Unit],
    services: &BTreeMap<String, Layers>,
    (given, kind): (&[Given], StackKind),
) -> Vec<Diagnostic> {
    let told = in_builds(units, services, given);
    match kind {
        StackKind::Compose => told,
        StackKind::Swarm => [told, templates(units, given)].concat(),
    }
}

/// Tells templates of a swarm in whose place a text comes: nothing in it would be filled in.
fn templates(units: &[Unit], given: &[Given]) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for given in given {
        let documents = units.iter().flat_map(|unit| &unit.documents);
        let things = documents.filter_map(|document| document.entry(given.section)?.entry(&given.name));
        let drivers = things.filter_map(|thing| thing.entry("template_driver"));
        for driver in drivers.filter(|driver| !driver.is_null()) {
            let (section, name) = (given.section, &given.name);
            let one = section.trim_end_matches('s');
            let message = format!("the {one} `{name}` is a template, and what the scenario gives in its place is none");
            told.push(Diagnostic::error(&driver.span, message).help(format!(
                "let the stack make it of another file: `substitute: {{host-paths: {{…: ./{name}}}}}` of the stack, in place of \
                 `{section}` of the scenario"
            )));
        }
    }
    told
}

/// Tells builds that are to have one that is given: images are there before the scenario's own files are.
fn in_builds(units: &[Unit], services: &BTreeMap<String, Layers>, given: &[Given]) -> Vec<Diagnostic> {
    let of_builds = services.iter().flat_map(|(service, layers)| {
        let secrets = refers::of_build(&View::service(units, layers)).into_iter();
        secrets.map(move |secret| (service, secret))
    });
    let is_given = |name: &str| {
        given
            .iter()
            .any(|given| given.section == "secrets" && given.name == name)
    };
    let told = of_builds.filter(|(_, secret)| is_given(&secret.name));
    let told = told.map(|(service, secret)| {
        let name = &secret.name;
        let message = format!("the build of `{service}` is given the secret `{name}`, and images are built before it is there");
        Diagnostic::error(&secret.at, message).help(format!(
            "name a file that is there: `substitute: {{host-paths: {{…: ./{name}}}}}` of the stack, in place of `secrets` of the scenario"
        ))
    });
    told.collect()
}

/// Those that somebody else is to make, that services use, and that are not given: the compose tool has none.
pub(super) fn missing(
    units: &[Unit],
    services: &BTreeMap<String, Layers>,
    is_active: impl Fn(&Layers) -> bool,
) -> Vec<Ungiven> {
    let mut found: BTreeMap<(&str, String), Ungiven> = BTreeMap::new();
    for (service, layers) in services {
        for section in SECTIONS {
            for used in refers::given(&View::service(units, layers), section) {
                let all = view::mentions(units, section).remove(&used.name).unwrap_or_default();
                let top = all.top().filter(|place| external::of(units, section, place));
                let Some(thing) = top.and_then(|place| view::node(units, section, place)) else {
                    continue;
                };
                let ungiven = found.entry((section, used.name.clone())).or_insert_with(|| Ungiven {
                    services: BTreeSet::new(),
                    active: false,
                    told: absent(section, &used.name, thing),
                });
                ungiven.services.insert(service.clone());
                ungiven.active |= is_active(layers);
            }
        }
    }
    found.into_values().collect()
}

fn absent(section: &str, name: &str, thing: &Node) -> Diagnostic {
    let one = section.trim_end_matches('s');
    let give = format!("give it, in the scenario: `{section}: {{{name}: {{content: …}}}}`, or `{{file: …}}`");
    match contrary::others(thing).find(|(_, key)| SOURCES.contains(key)) {
        Some((key, source)) => {
            let message = format!(
                "the {one} `{name}` is external and has a `{source}`: no compose tool gives a service what is external"
            );
            Diagnostic::error(&key.span, message).help(format!("take `external` out, and `{source}` counts; or {give}"))
        }
        None => {
            let message = format!("the {one} `{name}` is external: no compose tool gives a service what is external");
            Diagnostic::error(&thing.span, message).help(give)
        }
    }
}

/// Tells secrets whose text stands in a compose file: no tool takes them, so that nobody publishes one by mistake.
pub(super) fn written_out(units: &[Unit]) -> Vec<Diagnostic> {
    let told = contents(units, "secrets").into_iter().map(|(name, key)| {
        let message = format!("the secret `{name}` has a `content`, which no compose tool takes of a secret");
        Diagnostic::error(&key.span, message).help(format!(
            "give it, in the scenario: `secrets: {{{name}: {{content: …}}}}`; or name a `file`"
        ))
    });
    told.collect()
}

/// What of the files only newer tools read.
pub(super) fn needs(units: &[Unit]) -> Vec<Needs> {
    let needs = contents(units, "configs").into_iter().map(|(name, key)| Needs {
        what: format!("`content` of the config `{name}`"),
        compose: "2.23.1",
        instead: format!("give it, in the scenario: `configs: {{{name}: {{content: …}}}}`"),
        at: key.span.clone(),
    });
    needs.collect()
}

/// The things of a section whose text stands in the file: their names, and the key.
fn contents<'u>(units: &'u [Unit], section: &str) -> Vec<(&'u str, &'u Node)> {
    let own = units.iter().filter(|unit| !unit.extended);
    let things = own
        .flat_map(|unit| &unit.documents)
        .filter_map(|document| document.entry(section)?.map());
    let things = things.flatten().filter(|(_, thing)| !tree::resets(thing));
    let found = things.filter_map(|(name, thing)| {
        let mut entries = thing.map()?.iter();
        let (key, _) = entries.find(|(key, value)| key.scalar() == Some("content") && !value.is_null())?;
        Some((name.scalar()?, key))
    });
    found.collect()
}

/// A file of this machine for the compose tool; of a swarm, what it keeps under its real name, beside which nothing else counts.
fn deliver(thing: &mut Node, given: &Given, kind: StackKind) {
    let span = thing.span.clone();
    let stays = |key: &str| match kind {
        StackKind::Compose => !SOURCES.contains(&key),
        StackKind::Swarm => key.starts_with("x-"),
    };
    tree::entries_vec(thing).retain(|(key, _)| key.scalar().is_none_or(stays));
    match kind {
        StackKind::Compose => {
            let path = escape(&given.file.to_string_lossy());
            tree::set(thing, "file", tree::text(path, &span));
        }
        StackKind::Swarm => make_external(thing, tree::text(escape(&given.real), &span)),
    }
}
