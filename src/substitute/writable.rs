//! Folders of this machine that services can write to: they are one folder for all cases that have such a stack.

use std::collections::BTreeMap;

use super::files::{Looking, join};
use super::host_paths::split_source;
use super::labels::text_of;
use super::rewritten::Writable;
use super::unit::Unit;
use super::view::{Layers, Said, View};
use crate::yaml::Node;

/// Those that stand beside the compose files. A path that a substitution put in is the scenario's own matter.
pub(super) fn find<'s>(
    units: &[Unit],
    services: impl Iterator<Item = &'s Layers>,
    looking: &Looking<'_>,
) -> Vec<Writable> {
    let mut found = Vec::new();
    for layers in services {
        let view = View::service(units, layers);
        // Of one destination the last counts.
        let mut mounts = BTreeMap::new();
        let said = view.all("volumes");
        for said in &said {
            for item in said.node.list().unwrap_or_default() {
                let mount = mount(said, item);
                mounts.extend(
                    mount.map(|(target, source)| {
                        (target, source.and_then(|source| folder(units, said, source, looking)))
                    }),
                );
            }
        }
        found.extend(mounts.into_values().flatten());
    }
    found
}

/// What a mount has for its destination, and for its source as far as it can be written to.
fn mount<'n>(said: &Said<'_>, item: &'n Node) -> Option<(String, Option<(String, &'n Node)>)> {
    if item.map().is_some() {
        let text = |key: &str| text_of(item, key, &said.environment);
        let is_read = text("read_only").is_some_and(|text| text == "true");
        let is_bind = text("type").is_some_and(|kind| kind == "bind");
        let source = text("source").filter(|_| is_bind && !is_read);
        return Some((text("target")?, source.zip(item.entry("source"))));
    }
    let text = said.fill(item)?;
    let (source, rest) = split_source(&text);
    let (target, options) = rest?.split_once(':').unwrap_or((rest?, ""));
    let is_read = options.split(',').any(|option| option == "ro");
    let is_path = source.starts_with('.');
    Some((
        target.to_owned(),
        (is_path && !is_read).then(|| (source.to_owned(), item)),
    ))
}

/// A relative path at which a folder is: into a single file that is mounted hardly anybody writes.
fn folder(units: &[Unit], said: &Said<'_>, (source, at): (String, &Node), looking: &Looking<'_>) -> Option<Writable> {
    let path = join(&units[said.place.unit].base, &source);
    let relative = !source.is_empty() && !source.starts_with(['/', '~']);
    (relative && looking.is_folder(&path) == Some(true)).then(|| Writable {
        path,
        source,
        at: at.span.clone(),
    })
}
