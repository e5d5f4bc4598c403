//! What services mount: the items of `volumes`, in their short and their long form.

use std::collections::BTreeMap;

use super::host_paths::{is_path, split_source};
use super::interpolate::{Environment, fill, is_true};
use super::labels::text_of;
use super::view::{Said, View};
use crate::yaml::Node;

/// What an item of `volumes` says.
pub(super) struct MountItem<'n> {
    /// All of it.
    pub(super) item: &'n Node,
    /// Where it is mounted, as it is written, filled in; none while it is known later.
    pub(super) target: Option<String>,
    /// What is mounted, likewise; none of what has none.
    pub(super) source: Option<String>,
    pub(super) kind: Kind,
    pub(super) read_only: bool,
    /// What says its source.
    pub(super) at: &'n Node,
}

/// What a mount is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A path.
    Bind,
    /// A volume, with a name or without one.
    Volume,
    /// Memory, a pipe, or what is known later.
    Other,
}

impl<'n> MountItem<'n> {
    /// Reads an item.
    pub(super) fn read(item: &'n Node, environment: &Environment) -> MountItem<'n> {
        match item.map() {
            Some(_) => long(item, environment),
            None => short(item, environment),
        }
    }

    /// True for a path that is written to.
    pub(super) fn is_written(&self) -> bool {
        self.kind == Kind::Bind && !self.read_only
    }
}

/// What a service mounts, each with the list that it is in; of one destination the last.
pub(super) fn last<'u>(view: &View<'u>) -> Vec<(Said<'u>, MountItem<'u>)> {
    let mut mounts = BTreeMap::new();
    for said in view.all("volumes") {
        for item in said.node.list().unwrap_or_default() {
            let mount = MountItem::read(item, &said.environment);
            let target = mount.target.as_deref();
            // One whose destination is not known yet takes nobody's place.
            let place = target.map_or_else(
                || format!("?{}", mounts.len()),
                |target| target.trim_end_matches('/').to_owned(),
            );
            mounts.insert(place, (said.clone(), mount));
        }
    }
    mounts.into_values().collect()
}

fn long<'n>(item: &'n Node, environment: &Environment) -> MountItem<'n> {
    let text = |key: &str| text_of(item, key, environment);
    MountItem {
        item,
        target: text("target"),
        source: text("source").filter(|source| !source.is_empty()),
        kind: match text("type").as_deref() {
            Some("bind") => Kind::Bind,
            Some("volume") => Kind::Volume,
            _ => Kind::Other,
        },
        read_only: text("read_only").is_some_and(|text| is_true(&text)),
        at: item.entry("source").unwrap_or(item),
    }
}

fn short<'n>(item: &'n Node, environment: &Environment) -> MountItem<'n> {
    let text = item.scalar().and_then(|text| fill(text, environment).value);
    let mount = |target: Option<&str>, source: Option<&str>, kind: Kind, options: &str| MountItem {
        item,
        target: target.map(str::to_owned),
        source: source.map(str::to_owned),
        kind,
        read_only: options.split(',').any(|option| option == "ro"),
        at: item,
    };
    let Some(text) = text else {
        return mount(None, None, Kind::Other, "");
    };
    let (source, Some(rest)) = split_source(&text) else {
        return mount(Some(&text), None, Kind::Volume, "");
    };
    let (target, options) = rest.split_once(':').unwrap_or((rest, ""));
    // The compose tool takes a single letter for a drive of Windows, and two backslashes for one of its pipes.
    let is_drive = source.len() == 1 && source.bytes().all(|byte| byte.is_ascii_alphabetic());
    let kind = match source {
        path if is_path(path) => Kind::Bind,
        other if other.is_empty() || is_drive || other.starts_with(r"\\") => Kind::Other,
        _ => Kind::Volume,
    };
    mount(Some(target), Some(source), kind, options)
}
