//! A file that the compose tool would take unasked, and that nobody named.

use std::path::Path;

use super::files::Looking;
use super::input::{StackInput, StackKind};
use crate::diagnostic::Diagnostic;

/// The files that the tool takes where none is named.
const DEFAULTS: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
/// The first of these that stands beside it, it takes, too.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// Tells of it: `docker compose up` in that folder brings up something else.
pub(super) fn untaken(input: &StackInput, looking: &Looking<'_>) -> Option<Diagnostic> {
    let [file] = input.files.as_slice() else { return None };
    let name = file.value.file_name()?.to_str()?;
    if input.kind != StackKind::Compose || !DEFAULTS.contains(&name) {
        return None;
    }
    let folder = file.value.parent().unwrap_or(Path::new("/"));
    let beside = OVERRIDES
        .iter()
        .find(|beside| looking.is_there(&folder.join(beside)) == Some(true))?;
    let message = format!("`{beside}` stands beside `{name}`, and is not taken: `docker compose` would take it");
    let help = format!("where it is wanted, name both: `compose: [{name}, {beside}]`");
    Some(Diagnostic::note(&file.span, message).help(help))
}
