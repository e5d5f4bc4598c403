//! What every compose tool refuses of a stack, and would tell only when it comes up: names that no file declares, a service
//! with nothing to run, a port that is none. Only what is certain is told: what a tool may know better, it decides.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::files::Looking;
use super::gather::{is_remote, one_or_many};
use super::info::is_active;
use super::input::{PortRange, StackKind};
use super::interpolate::{Environment, fill};
use super::ports::Short;
use super::refers::{self, Reference};
use super::rings;
use super::unit::Unit;
use super::view::{self, Layers, Place, View};
use crate::diagnostic::{Diagnostic, did_you_mean, known_names};
use crate::yaml::Node;

/// Finds what is refused, in the files as their authors wrote them.
pub(super) fn find(
    units: &[Unit],
    services: &BTreeMap<String, Layers>,
    profiles: &BTreeSet<String>,
    (looking, kind): (&Looking<'_>, StackKind),
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let bases = Bases {
        units,
        services,
        looking,
    };
    let mut open = BTreeSet::new();
    for place in written(units, services) {
        let Some(service) = view::node(units, "services", &place) else {
            continue;
        };
        found.extend(ports(service, &units[place.unit].environment));
        found.extend(addresses(service, &units[place.unit].environment, kind));
        match bases.of(&place, service) {
            Base::Known => {}
            Base::Elsewhere => drop(open.insert(place)),
            Base::Undeclared(problem) => {
                // A swarm knows no `extends` at all.
                found.extend((kind == StackKind::Compose).then_some(*problem));
                open.insert(place);
            }
        }
    }
    let declared = Declared::of(units, services);
    let mut active = BTreeMap::new();
    for (name, layers) in services {
        let view = View::service(units, layers);
        let own: BTreeSet<String> = view.texts("profiles").into_iter().collect();
        if !is_active(&own, profiles) {
            continue;
        }
        let mut named = refers::all(&view);
        // A swarm ignores what says of other services that they come first.
        named.retain(|named| kind == StackKind::Compose || named.section != "services");
        found.extend(named.iter().filter_map(|named| declared.undeclared(named)));
        active.insert(name.clone(), named);
        if !layers.0.iter().any(|place| open.contains(place)) {
            found.extend(nothing_to_run(&view));
        }
    }
    found.extend(rings::find(&active));
    found
}

/// The services of the stack's own files, and those of extended files that are extended.
pub(super) fn written(units: &[Unit], services: &BTreeMap<String, Layers>) -> BTreeSet<Place> {
    let own = view::mentions(units, "services").into_values();
    own.chain(services.values().cloned())
        .flat_map(|layers| layers.0)
        .collect()
}

/// What the files declare, by section; nothing is known of it while they include something from elsewhere.
struct Declared(Option<BTreeMap<&'static str, BTreeSet<String>>>);

impl Declared {
    fn of(units: &[Unit], services: &BTreeMap<String, Layers>) -> Declared {
        if includes_elsewhere(units) {
            return Declared(None);
        }
        let sections = ["networks", "volumes", "secrets", "configs"];
        let names = |section| view::mentions(units, section).into_keys().collect();
        let mut declared: BTreeMap<_, BTreeSet<String>> = sections.map(|section| (section, names(section))).into();
        declared.insert("services", services.keys().cloned().collect());
        Declared(Some(declared))
    }

    fn undeclared(&self, named: &Reference) -> Option<Diagnostic> {
        let Reference { section, key, name, at } = named;
        let known = self.0.as_ref()?.get(section)?;
        // The network `default` is there without being asked.
        if known.contains(name) || (*section, name.as_str()) == ("networks", "default") {
            return None;
        }
        let what = section.strip_suffix('s').unwrap_or(section);
        let message = format!("`{key}` names a {what} `{name}`, which no file of the stack declares");
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let there = known_names(name, &known);
        let is_near = *section == "services" || did_you_mean(name, &known).is_some();
        Some(Diagnostic::error(at, message).help(match is_near {
            true => there,
            false => format!("{there}; declare it under `{section}` of the file, beside `services`"),
        }))
    }
}

/// Whether a file includes one from elsewhere: what that one declares is not known here.
fn includes_elsewhere(units: &[Unit]) -> bool {
    units.iter().any(|unit| {
        let includes = unit
            .documents
            .iter()
            .filter_map(|document| document.entry("include")?.list());
        let mut paths = includes
            .flatten()
            .flat_map(|item| one_or_many(item.entry("path").unwrap_or(item)));
        paths.any(|path| {
            let filled = path.scalar().and_then(|text| fill(text, &unit.environment).value);
            filled.is_none_or(|path| is_remote(&path))
        })
    })
}

/// What services extend.
struct Bases<'b> {
    units: &'b [Unit],
    services: &'b BTreeMap<String, Layers>,
    looking: &'b Looking<'b>,
}

enum Base {
    /// It is known, or there is none.
    Known,
    /// It is in a file from elsewhere, or known later.
    Elsewhere,
    Undeclared(Box<Diagnostic>),
}

impl Bases<'_> {
    fn of(&self, place: &Place, service: &Node) -> Base {
        let Some(extends) = service.entry("extends") else {
            return Base::Known;
        };
        let Some(named) = extends.scalar().map(|_| extends).or_else(|| extends.entry("service")) else {
            return Base::Known;
        };
        let own = &self.units[place.unit];
        let name = fill(named.scalar().unwrap_or_default(), &own.environment).value;
        let unit = match extends.entry("file").and_then(Node::scalar) {
            Some(file) => own.extends.get(file).and_then(|path| {
                let mut all = self.units.iter();
                all.find(|unit| unit.extended && unit.path == *path)
            }),
            None => Some(own),
        };
        let (Some(name), Some(unit)) = (name, unit) else {
            return Base::Elsewhere;
        };
        let mut known: BTreeSet<&str> = declared(unit);
        if !unit.extended {
            known.extend(self.services.keys().map(String::as_str));
        }
        if known.contains(name.as_str()) {
            return Base::Known;
        }
        if unit
            .documents
            .iter()
            .any(|document| document.entry("include").is_some())
        {
            return Base::Elsewhere;
        }
        let file = self.looking.shown(&unit.path);
        let message = format!("`extends` names a service `{name}`, which `{file}` does not have");
        let known: Vec<&str> = known.into_iter().collect();
        let problem = Diagnostic::error(&named.span, message).help(known_names(&name, &known));
        Base::Undeclared(Box::new(problem))
    }
}

fn declared(unit: &Unit) -> BTreeSet<&str> {
    let services = unit
        .documents
        .iter()
        .filter_map(|document| document.entry("services")?.map());
    services.flatten().filter_map(|(name, _)| name.scalar()).collect()
}

/// A service of which nothing says what it runs.
fn nothing_to_run(view: &View<'_>) -> Option<Diagnostic> {
    let says = |key: &str| view.last(key).is_some();
    if says("image") || says("build") || says("provider") {
        return None;
    }
    let top = view.layers.top()?;
    let services = view.units[top.unit].documents.get(top.document)?.entry("services")?;
    let (name, _) = services
        .map()?
        .iter()
        .find(|(name, _)| name.scalar() == Some(&top.name))?;
    let message = format!("the service `{}` has neither `image` nor `build`", top.name);
    Some(Diagnostic::error(&name.span, message).help("give it one of them: what it runs, or what that is built from"))
}

/// Entries of `ports` that are none.
fn ports(service: &Node, environment: &Environment) -> Vec<Diagnostic> {
    let items = service.entry("ports").and_then(Node::list).unwrap_or_default();
    let none = |node: &Node, fits: &dyn Fn(&str) -> bool| {
        let filled = fill(node.scalar().filter(|_| !node.is_null())?, environment);
        let text = filled.value.filter(|_| filled.problems.is_empty())?;
        // Numbers in other notations are YAML's to read.
        let is_other = ["0x", "0o", "0b"].iter().any(|begin| text.starts_with(begin));
        (!fits(&text) && !is_other).then(|| no_port(node, &text))
    };
    let parts = items.iter().flat_map(|item| match item.map() {
        None => vec![none(item, &|text| {
            Short::parse(text).is_some_and(|short| is_port(&short))
        })],
        Some(_) => {
            let part = |key| {
                none(item.entry(key)?, &|text| {
                    text.is_empty() || PortRange::parse(text).is_some()
                })
            };
            vec![part("target"), part("published")]
        }
    });
    parts.flatten().collect()
}

/// Whether its parts go together.
fn is_port(short: &Short) -> bool {
    let protocol = short.protocol.as_deref().unwrap_or_default().to_ascii_lowercase();
    let protocol = protocol.split('/').next().unwrap_or_default();
    let fits = |published: PortRange| short.target.len() == 1 || published.len() == short.target.len();
    ["", "tcp", "udp", "sctp"].contains(&protocol) && short.published.is_none_or(fits)
}

/// Ports with something else in the place of the host's address, as in `80:80:80`: the oldest compose tool takes it.
fn addresses(service: &Node, environment: &Environment, kind: StackKind) -> Vec<Diagnostic> {
    let items = service.entry("ports").and_then(Node::list).unwrap_or_default();
    let told = items.iter().filter_map(|item| {
        let text = fill(item.scalar()?, environment).value?;
        let ip = Short::parse(&text)?.host_ip?;
        let is_address = ip.is_empty() || ip.contains('%') || ip.parse::<IpAddr>().is_ok();
        let message = format!("`{ip}` in `{text}` is no address of the host");
        let problem = match kind {
            StackKind::Compose => Diagnostic::warning(&item.span, message),
            StackKind::Swarm => Diagnostic::error(&item.span, message),
        };
        let help = "before the host's and the container's port may stand an address: `127.0.0.1:8080:80/tcp`";
        (!is_address).then(|| problem.help(help))
    });
    told.collect()
}

fn no_port(at: &Node, text: &str) -> Diagnostic {
    Diagnostic::error(&at.span, format!("`{text}` is no port")).help(
        "a port is a number up to 65535 or a range, `3000-3005`; before the container's may stand the host's: `8080:80`, `127.0.0.1:8080:80/tcp`",
    )
}
