//! Folders of this machine that services can write to: they are one folder for all cases that have such a stack.

use super::files::{Looking, join};
use super::mounts;
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
        let written = mounts::last(&view).into_iter().filter(|(_, mount)| mount.is_written());
        found.extend(written.filter_map(|(said, mount)| folder(units, &said, (mount.source?, mount.at), looking)));
    }
    found
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
