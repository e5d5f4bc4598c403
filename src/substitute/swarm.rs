//! What `docker stack` refuses of a file that a compose tool would take, and what it passes over without a word in the
//! file: told where it is written, before anything is deployed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::format;
use super::interpolate::fill;
use super::ports::Short;
use super::refused::written;
use super::tree;
use super::unit::Unit;
use super::view::{self, Layers, Place};
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::Node;

/// Keys of a service that it passes over, and what comes of it.
const IGNORED: [(&str, &str); 18] = [
    ("cgroup_parent", ""),
    ("cgroupns_mode", ""),
    ("container_name", "services find each other by the service's name"),
    (
        "depends_on",
        "all services start at once; one that needs another has to wait for it by itself",
    ),
    ("devices", ""),
    ("domainname", ""),
    ("expose", "services of one network reach all ports of each other"),
    ("external_links", ""),
    ("ipc", ""),
    ("links", "services find each other by the service's name"),
    ("mac_address", ""),
    (
        "network_mode",
        "`networks` says where a service is; the engine's own network is an external one, `name: host`",
    ),
    ("pid", ""),
    ("privileged", "`cap_add` is not ignored"),
    ("security_opt", ""),
    ("shm_size", "mount a `tmpfs` at /dev/shm"),
    ("tmpfs", "mount one, under `volumes`: `{type: tmpfs, target: /tmp}`"),
    ("userns_mode", ""),
];

/// An escaped dollar, or an alternative, a default with something to fill in.
#[expect(clippy::unwrap_used, reason = "a fixed expression")]
static OTHERWISE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\$\$|\$\{[A-Za-z_]\w*(:?\+[^}]*\}|:?[-?][^}]*\$\{)").unwrap());

/// What it refuses.
pub(super) fn refused(units: &[Unit], services: &BTreeMap<String, Layers>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for unit in units {
        for document in &unit.documents {
            found.extend(version(document));
        }
    }
    for place in written(units, services) {
        let Some((name, service)) = entry(units, &place) else {
            continue;
        };
        found.extend(no_name(name));
        found.extend(drives(service, &units[place.unit]));
    }
    found
}

/// Tells values of the files as they will be that `docker stack` cannot fill in.
pub(super) fn unfilled(units: &[Unit]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let documents = units.iter().flat_map(|unit| &unit.documents);
    documents.for_each(|document| filled_otherwise(document, &mut found));
    found
}

/// Values that are filled in by what `docker stack` does not know, or takes for something else.
fn filled_otherwise(node: &Node, found: &mut Vec<Diagnostic>) {
    for item in node.list().unwrap_or_default() {
        filled_otherwise(item, found);
    }
    for (_, value) in node.map().unwrap_or_default() {
        filled_otherwise(value, found);
    }
    let all = OTHERWISE.find_iter(node.scalar().unwrap_or_default());
    for part in all.filter(|part| part.as_str() != "$$") {
        let message = format!("`docker stack` cannot fill in `{}`", part.as_str());
        found.push(
            Diagnostic::error(&tree::place(node, part.range()), message)
                .help("`docker stack` knows `${NAME}`, `${NAME:-default}` and `${NAME:?error}`, with a plain text"),
        );
    }
}

/// A format that `docker stack` does not read. In a version nothing is filled in.
fn version(document: &Node) -> Option<Diagnostic> {
    let version = document.entry("version")?;
    let text = version.scalar()?;
    let told = |message: String, help: &str| {
        Some(Diagnostic::error(&version.span, message).help(format!(
            "{help}; a file that is to stay as it is: `substitute: {{text: [{{from: …, to: …}}]}}` of the stack"
        )))
    };
    if text.split('.').next() != Some("3") {
        let message = format!("`docker stack` reads files of version 3, and this one is of version {text}");
        return told(message, "write `version: '3.8'`, or leave it out");
    }
    if format::minor(text).is_none() {
        let message = format!("`docker stack` knows no version {text} of its files");
        let help = format!("it knows 3.0 to 3.{}: write `version: '3.8'`", format::NEWEST);
        return told(message, &help);
    }
    if version.value().is_string() {
        return None;
    }
    told(
        format!("a version is a text, and {text} is a number"),
        &format!("in quotes: `version: '{text}'`"),
    )
}

/// Tells the first file without a version: older tools take it for one of version 1.
pub(super) fn unversioned(units: &[Unit]) -> Option<Diagnostic> {
    let documents = units.iter().filter_map(|unit| unit.documents.first());
    let mut without = documents.filter(|document| document.entry("version").is_none());
    let (first, _) = without.find_map(|document| document.map()?.first())?;
    let message = "a `docker` older than 23.0 refuses a file without a `version`";
    Some(
        Diagnostic::note(&first.span, message)
            .help("newer ones take it for the newest format that they know; for all of them write `version: '3.8'`"),
    )
}

/// Tells what `docker stack` does not read: of each file it takes the first document.
pub(super) fn unread(units: &[Unit]) -> Vec<Diagnostic> {
    let later = |unit: &'_ Unit| {
        unit.documents
            .iter()
            .skip(1)
            .find(|document| !document.is_null())
            .map(|document| document.span.clone())
    };
    let told = units.iter().filter_map(later).map(|at| {
        Diagnostic::warning(&at, "`docker stack` reads only the first document of a file")
            .help("put the others into files of their own: `swarm: [stack.yml, more.yml]`")
    });
    told.collect()
}

/// A service's name that is no name in a network.
fn no_name(name: &Node) -> Option<Diagnostic> {
    let text = name.scalar()?;
    let inside = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    // Before it stands the stack's name.
    let is_name = inside && text.chars().last().is_some_and(|end| end.is_ascii_alphanumeric());
    (!is_name).then(|| {
        Diagnostic::error(&name.span, format!("a service of a swarm cannot be called `{text}`"))
            .help("its name is of letters, digits, `-` and `_`, and ends with a letter or digit")
    })
}

/// Volumes of one letter in a short form: a drive of Windows and the folder on it, for `docker stack`, which then mounts none
/// of that name.
fn drives(service: &Node, unit: &Unit) -> Vec<Diagnostic> {
    let items = service.entry("volumes").and_then(Node::list).unwrap_or_default();
    let told = items.iter().filter_map(|item| {
        let text = fill(item.scalar()?, &unit.environment).value?;
        let (letter, target) = text.split_once(':')?;
        let is_drive = letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_alphabetic());
        let message = format!("`docker stack` takes `{letter}:` for a drive of Windows, and not for the volume `{letter}`");
        let (target, read_only) = match target.strip_suffix(":ro") {
            Some(target) => (target, ", read_only: true"),
            None => (target, ""),
        };
        let help = format!("in the long form: `{{type: volume, source: {letter}, target: {target}{read_only}}}`, or give the volume a longer name");
        is_drive.then(|| Diagnostic::error(&item.span, message).help(help))
    });
    told.collect()
}

/// What it passes over: each key once, however many services have it.
pub(super) fn ignored(units: &[Unit], services: &BTreeMap<String, Layers>) -> Vec<Diagnostic> {
    let places = written(units, services);
    let mut found: BTreeMap<&'static str, (Span, usize, &'static str)> = BTreeMap::new();
    let mut note = |key: &'static str, at: &Span, why: &'static str| {
        let (first, count, _) = found.entry(key).or_insert_with(|| (at.clone(), 0, why));
        *count += 1;
        if at.start < first.start {
            *first = at.clone();
        }
    };
    for place in &places {
        let Some((_, service)) = entry(units, place) else {
            continue;
        };
        for (key, _) in service.map().unwrap_or_default() {
            if let Some((ignored, why)) = IGNORED.iter().find(|(ignored, _)| key.scalar() == Some(ignored)) {
                note(ignored, &key.span, why);
            }
        }
        if let Some(at) = never_again(service) {
            note(
                "`restart: no`",
                at,
                "a task that ends is followed by another one; `deploy: {restart_policy: {condition: none}}`",
            );
        }
        for (key, at) in fixed_addresses(service) {
            note(key, at, "services find each other by the service's name");
        }
        for address in addresses(service, &units[place.unit]) {
            note(
                "the host's address of a port",
                address,
                "a swarm publishes a port on all addresses",
            );
        }
    }
    let told = found.into_iter().map(|(key, (at, count, why))| {
        let key = if key.contains([' ', '`']) {
            key.to_owned()
        } else {
            format!("`{key}`")
        };
        let others = match count {
            1 => String::new(),
            2 => " here and in one other service".to_owned(),
            count => format!(" here and in {} other services", count - 1),
        };
        let note = Diagnostic::note(&at, format!("a swarm ignores {key}{others}"));
        if why.is_empty() { note } else { note.help(why) }
    });
    told.collect()
}

/// The one restart policy of a container that says nothing to a swarm.
fn never_again(service: &Node) -> Option<&Span> {
    let said = service.entry("restart").filter(|said| said.scalar() == Some("no"))?;
    let has_own = service
        .entry("deploy")
        .and_then(|deploy| deploy.entry("restart_policy"));
    has_own.is_none().then_some(&said.span)
}

/// Addresses that a service is to have in its networks.
fn fixed_addresses(service: &Node) -> impl Iterator<Item = (&'static str, &Span)> {
    let networks = service.entry("networks").and_then(Node::map).unwrap_or_default();
    let keys = networks
        .iter()
        .flat_map(|(_, settings)| settings.map().unwrap_or_default());
    keys.filter_map(|(key, _)| {
        let fixed = ["ipv4_address", "ipv6_address"].into_iter();
        let mut fixed = fixed.filter(|fixed| key.scalar() == Some(fixed));
        Some((fixed.next()?, &key.span))
    })
}

/// Ports with an address of the host.
fn addresses<'n>(service: &'n Node, unit: &Unit) -> Vec<&'n Span> {
    let items = service.entry("ports").and_then(Node::list).unwrap_or_default();
    let filled = items
        .iter()
        .filter_map(|item| Some((fill(item.scalar()?, &unit.environment).value?, &item.span)));
    let with_address = filled.filter(|(text, _)| Short::parse(text).is_some_and(|short| short.host_ip.is_some()));
    with_address.map(|(_, at)| at).collect()
}

/// Takes away what only building needs: the images have been built, and `docker stack` knows fewer keys of a build.
pub(super) fn drop_builds(units: &mut [Unit]) {
    view::each(units, "services", |_, _, service| {
        tree::remove(service, "build");
    });
}

fn entry<'u>(units: &'u [Unit], place: &Place) -> Option<(&'u Node, &'u Node)> {
    let services = units[place.unit].documents.get(place.document)?.entry("services")?;
    let mut entries = services.map()?.iter();
    let (name, service) = entries.find(|(name, _)| name.scalar() == Some(&place.name))?;
    Some((name, service))
}
