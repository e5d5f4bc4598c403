//! Paths of this machine, and an engine on another one.

use std::path::{Path, PathBuf};

use super::{Binder, Cx, Done, NodeHandle};
use crate::diagnostic::Diagnostic;
use crate::scenario::{Files, normal};
use crate::shape::Text;
use crate::substitute;

/// What to do about a mount for a single container.
const HELP: &str = "start it with a volume of its own (`name:/path`), and `copy` into that";

/// An engine on another machine, as a case sees it before it runs.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// The machine's name.
    pub address: String,
    /// The case's folders on this one.
    pub folders: [PathBuf; 3],
}

impl Elsewhere {
    /// Whether a path that is mounted is this machine's, by what stands here now.
    pub fn is_ours(&self, (written, path): (&str, &Path), files: &Files) -> bool {
        let folders = self.folders.each_ref().map(PathBuf::as_path);
        substitute::is_ours(&folders, (written, path)).unwrap_or_else(|| files.is_there(path) == Some(true))
    }
}

impl Binder<'_> {
    /// Tells what of a stack an engine on another machine cannot have, as far as that is known.
    pub fn refused_elsewhere(&mut self, stack: usize) {
        if !self.is_unsure() {
            self.problems.extend(self.fixed.stacks[stack].elsewhere.iter().cloned());
        }
    }

    /// Tells a mount of this machine's for a single container on another one.
    pub(super) fn mounted_elsewhere(&mut self, at: &Text, written: &str) {
        let Some(elsewhere) = self.fixed.elsewhere.filter(|_| !self.is_unsure()) else {
            return;
        };
        let path = normal(&self.folder_of(at).join(written));
        if elsewhere.is_ours((written, &path), self.fixed.files) {
            let message = message(written, &elsewhere.address);
            self.problems.push(Diagnostic::warning(&at.span, message).help(HELP));
        }
    }
}

/// Whether a path that is mounted is this machine's. An absolute one that is not here is the engine's own, unless it is in a
/// folder of the case: there Docker would make one.
pub(super) async fn is_ours(cx: &Cx, (written, path): (&str, &Path)) -> bool {
    let folders = [&cx.case.scratch, &cx.case.results, &cx.case.folder].map(PathBuf::as_path);
    match substitute::is_ours(&folders, (written, path)) {
        Some(ours) => ours,
        None => cx.case.host.exists(path).await,
    }
}

/// Refuses a mount of this machine's for a single container on another one: nothing is copied into it.
pub(super) async fn refused(cx: &Cx, node: &NodeHandle, (written, path): (&str, &Path)) -> Done<()> {
    if node.is_here || !is_ours(cx, (written, path)).await {
        return Ok(());
    }
    Err(cx.error_with_hint(message(written, &node.address), HELP))
}

fn message(written: &str, engine: &str) -> String {
    format!("`{written}` is on this machine, and the engine is on another one (`{engine}`)")
}
