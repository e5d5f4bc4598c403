//! Files of this machine for an engine that has them not: folders that services mount become volumes, single files are left
//! out, to be put into the created container; secrets of services become a volume at `/run/secrets`, which serves a service
//! with a read-only root, too. What has to be put where is told.
//!
//! Secrets and configs that a file has itself (`content`) or from its environment go the same way: the compose tool would
//! put them into the container, which a read-only root refuses, and so does the volume of the other secrets.

mod replaced;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::join;
use super::host_paths::is_path;
use super::interpolate::is_true;
use super::labels::text_of;
use super::mounts::{self, Kind, MountItem};
use super::refers;
use super::rewritten::{self, Had, Mounted, SECRETS};
use super::unit::Unit;
use super::view::{self, Layers, Said, View};
use crate::diagnostic::Span;
use crate::yaml::{Content, Node, Style};

pub(super) use replaced::rewrite;

/// The mode of a secret's file where nothing is said of it, as the compose tool has it.
const MODE: u32 = 0o444;
/// Paths that every engine's machine has of its own: the engine's socket, and what the kernel shows.
const ENGINES_OWN: [&str; 6] = [
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/proc",
    "/sys",
    "/dev",
    "/lib/modules",
];

/// A path of this machine that an item of `volumes` mounts.
struct Bind {
    /// As it is written, filled in.
    source: String,
    target: String,
    read_only: bool,
    at: Span,
}

/// What services have that an engine elsewhere has not: what they mount, what volumes of theirs are made of, and their
/// secrets and configs. `home` is what the compose tool takes `~` for.
pub(super) fn find<'s>(
    units: &[Unit],
    services: impl Iterator<Item = (&'s String, &'s Layers)>,
    home: Option<&Path>,
) -> Vec<Mounted> {
    let (mut found, mut volumes) = (Vec::new(), BTreeMap::new());
    for (service, layers) in services {
        let view = View::service(units, layers);
        let read_only = view.last("read_only").and_then(|said| said.text());
        let read_only = read_only.is_some_and(|text| is_true(&text));
        let bound = binds(&view).into_iter().map(|(base, bind)| Mounted {
            service: service.clone(),
            content: rewritten::Content::Path(absolute((&base, home), &bind.source)),
            source: bind.source,
            how: Had::Mount,
            target: bind.target,
            read_only,
            at: bind.at,
        });
        found.extend(bound);
        for section in ["secrets", "configs"] {
            found.extend(given(&view, (service, read_only), (section, home)));
        }
        for volume in refers::volumes(&view) {
            volumes.entry(volume.name).or_insert_with(|| service.clone());
        }
    }
    found.extend(devices(units, &volumes, home));
    found.retain(|mounted| mounted.how == Had::Given || !mounted.path().is_some_and(is_engines_own));
    found
}

/// The paths that volumes are made of, each volume with a service that mounts it.
fn devices(units: &[Unit], mounted: &BTreeMap<String, String>, home: Option<&Path>) -> Vec<Mounted> {
    let mut found = Vec::new();
    for (name, layers) in &view::mentions(units, "volumes") {
        let view = View {
            units,
            section: "volumes",
            layers,
        };
        let (Some(service), Some(options)) = (mounted.get(name), view.last("driver_opts")) else {
            continue;
        };
        let text = |key: &str| text_of(options.node, key, &options.environment).unwrap_or_default();
        let source = text("device");
        let is_bound = text("o").split(',').any(|option| matches!(option, "bind" | "rbind"));
        let Some(device) = options.node.entry("device").filter(|_| is_bound && is_path(&source)) else {
            continue;
        };
        found.push(Mounted {
            service: service.clone(),
            content: rewritten::Content::Path(absolute((&units[options.place.unit].base, home), &source)),
            source,
            how: Had::Device,
            target: String::new(),
            read_only: false,
            at: device.span.clone(),
        });
    }
    found
}

/// What a service mounts of this machine.
fn binds(view: &View<'_>) -> Vec<(PathBuf, Bind)> {
    let mounts = mounts::last(view).into_iter();
    let binds = mounts.filter_map(|(said, mount)| Some((view.units[said.place.unit].base.clone(), bind(mount)?)));
    binds.collect()
}

/// The path that an item mounts.
fn bind(mount: MountItem<'_>) -> Option<Bind> {
    let source = mount.source.filter(|_| mount.kind == Kind::Bind)?;
    Some(Bind {
        source,
        target: mount.target?,
        read_only: mount.read_only,
        at: mount.at.span.clone(),
    })
}

/// A service's secrets or configs.
fn given(
    view: &View<'_>,
    (service, read_only): (&str, bool),
    (section, home): (&'static str, Option<&Path>),
) -> Vec<Mounted> {
    let contents = contents(view.units, section, home);
    let said = view.all(section);
    let items = said.iter().flat_map(|said| {
        said.node
            .list()
            .unwrap_or_default()
            .iter()
            .map(move |item| (said, item))
    });
    let given = items.filter_map(|(said, item)| {
        let name = source(said, item)?;
        let (content, source) = contents.get(&name)?.clone();
        let target = item
            .entry("target")
            .and_then(|target| said.fill(target))
            .unwrap_or(name);
        let folder = if section == "secrets" { SECRETS } else { "" };
        Some(Mounted {
            service: service.to_owned(),
            content: with_mode(content, said, item),
            source,
            how: Had::Given,
            target: if target.starts_with('/') {
                target
            } else {
                format!("{folder}/{target}")
            },
            read_only,
            at: item.span.clone(),
        })
    });
    given.collect()
}

fn source(said: &Said<'_>, item: &Node) -> Option<String> {
    said.fill(item.entry("source").unwrap_or(item))
}

/// What the secrets or configs are made of, by name, with how messages call it. Of one that somebody else makes, or that
/// is known later, nothing: it stays the compose tool's.
pub(super) fn contents(
    units: &[Unit],
    section: &'static str,
    home: Option<&Path>,
) -> BTreeMap<String, (rewritten::Content, String)> {
    let mut found = BTreeMap::new();
    for (name, layers) in &view::mentions(units, section) {
        let view = View { units, section, layers };
        let text = || {
            let said = view
                .last("environment")
                .and_then(|said| Some((said.text()?, said.environment)));
            let of_environment = said.and_then(|(name, environment)| Some(environment.get(&name)?.known()?.to_owned()));
            of_environment.or_else(|| view.last("content")?.text())
        };
        let content = match view.last("file") {
            Some(said) => said.text().map(|file| {
                let base = &units[said.place.unit].base;
                (rewritten::Content::Path(absolute((base, home), &file)), file)
            }),
            None => text().map(|text| {
                let one = section.trim_end_matches('s');
                let (mode, owner) = (MODE, (0, 0));
                (
                    rewritten::Content::Text { text, mode, owner },
                    format!("{one} `{name}`"),
                )
            }),
        };
        found.extend(content.map(|content| (name.clone(), content)));
    }
    found
}

/// A text with the mode and the owner that a service wants of it. Of files the compose tool takes theirs, whatever it says.
fn with_mode(content: rewritten::Content, said: &Said<'_>, item: &Node) -> rewritten::Content {
    let rewritten::Content::Text { text, mode, owner } = content else {
        return content;
    };
    let number = |key: &str| said.fill(item.entry(key)?)?.parse().ok();
    let wanted = item.entry("mode").and_then(|node| {
        let digits = said.fill(node)?;
        let is_plain = matches!(&node.content, Content::Scalar(scalar) if scalar.style == Style::Plain);
        match digits.strip_prefix("0o").or_else(|| digits.strip_prefix('0')) {
            Some(octal) => u32::from_str_radix(octal, 8).ok(),
            None if is_plain => digits.parse().ok(),
            None => u32::from_str_radix(&digits, 8).ok(),
        }
    });
    rewritten::Content::Text {
        text,
        mode: wanted.unwrap_or(mode),
        owner: (number("uid").unwrap_or(owner.0), number("gid").unwrap_or(owner.1)),
    }
}

/// A path as the tool would make it: `~` is its user's home. One in the home of somebody else stays as it is: the tools do
/// not agree whose it is.
fn absolute((base, home): (&Path, Option<&Path>), text: &str) -> PathBuf {
    match (text.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            join(home, rest.trim_start_matches('/'))
        }
        (Some(_), _) => text.into(),
        (None, _) => join(base, text),
    }
}

/// Whether every engine's machine has a path of its own.
fn is_engines_own(path: &Path) -> bool {
    ENGINES_OWN.iter().any(|own| path.starts_with(own))
}

/// Whether a path that an engine elsewhere is to mount is this machine's: as it is written, and as it is. An absolute one is
/// the engine's own, unless it is in one of these folders of the case: there Docker would make one. None where it depends on
/// whether it is there.
pub fn is_ours(folders: &[&Path], (written, path): (&str, &Path)) -> Option<bool> {
    let within = || folders.iter().any(|folder| path.starts_with(folder));
    if !written.starts_with('/') || within() {
        return Some(true);
    }
    is_engines_own(path).then_some(false)
}
