//! What of a stack an engine on another machine cannot have: told before anything starts, as far as it is known then, and
//! again when the stack is brought up.

use std::path::Path;

use crate::diagnostic::{Diagnostic, Level};
use crate::scenario::Files;
use crate::step::Elsewhere;
use crate::substitute::{Content, Had, Mounted, StackKind};

use super::StackPlan;

/// What stands in place of what is not copied.
pub const OTHERWISE: &str =
    "put it into an image, or let another path take its place (`substitute: {host-paths: …}` of the stack)";

/// Why a path cannot be copied, whatever is there.
pub fn uncopied(path: &Path) -> Option<&'static str> {
    if !path.is_absolute() {
        return Some("whose home it is in is not known: that of who runs this is `~/…`, where `HOME` is set");
    }
    path.parent().is_none().then_some("it is this whole machine")
}

impl StackPlan {
    /// Whether what it mounts of this machine is copied, or refused: for an engine of this machine only where it says so.
    pub fn copies(&self, is_here: bool) -> bool {
        !is_here || self.copy() == Some(true)
    }

    fn copy(&self) -> Option<bool> {
        self.written.copy.as_ref().map(|copy| copy.value)
    }

    /// Why an engine cannot have something, where it cannot; `engine` is its machine, if it is another one, and `is_folder`
    /// tells whether that is a folder, or why it cannot be copied.
    pub fn refusal(
        &self,
        engine: Option<&str>,
        mounted: &Mounted,
        is_folder: &Result<bool, String>,
    ) -> Option<Diagnostic> {
        let is_text = matches!(mounted.content, Content::Text { .. });
        let (why, help) = match (self.kind, mounted.how) {
            // The docker tool hands a swarm the files of its secrets and configs.
            (StackKind::Swarm, Had::Given) => return None,
            (StackKind::Swarm, _) => (
                "nothing is copied to the nodes of a swarm".to_owned(),
                format!("make a config or a secret of a file: the swarm gets those; or {OTHERWISE}"),
            ),
            (StackKind::Compose, Had::Device) => (
                "a volume that is made of a path is not copied".to_owned(),
                "let the services mount the folder itself: it is copied then; or make it a volume without `driver_opts`"
                    .to_owned(),
            ),
            (StackKind::Compose, _) if self.copy() == Some(false) && !is_text => (
                "`copy: false` of the stack lets nothing be copied".to_owned(),
                format!("take `copy: false` away, or {OTHERWISE}"),
            ),
            (StackKind::Compose, _) => uncopyable(mounted, is_folder)?,
        };
        let source = &mounted.source;
        let message = match engine {
            _ if is_text => format!("the {source} is to be put into the container, and {why}"),
            Some(engine) => {
                format!("`{source}` is on this machine, the engine is on another one (`{engine}`), and {why}")
            }
            None => format!("`{source}` is to be copied (`copy: true` of the stack), and {why}"),
        };
        Some(Diagnostic::error(&mounted.at, message).help(help))
    }

    /// What of it is refused by what stands on this machine now; warnings, since by then it may be otherwise.
    pub fn refused_elsewhere(&self, elsewhere: Option<&Elsewhere>, files: &Files) -> Vec<Diagnostic> {
        if !self.copies(elsewhere.is_none()) {
            return Vec::new();
        }
        let stays = |mounted: &&Mounted| match (mounted.path(), elsewhere) {
            (Some(path), Some(elsewhere)) => {
                let is_of_stack = mounted.how == Had::Given || path.starts_with(&self.planned.directory);
                is_of_stack || elsewhere.is_ours((&mounted.source, path), files)
            }
            _ => true,
        };
        let engine = elsewhere.map(|elsewhere| elsewhere.address.as_str());
        let refused = self.planned.mounted.iter().filter(stays).filter_map(|mounted| {
            let is_folder = match mounted.path() {
                None => Ok(false),
                Some(path) => uncopied(path).map_or_else(|| Ok(is_folder(files, path)), |why| Err(why.to_owned())),
            };
            self.refusal(engine, mounted, &is_folder)
        });
        let warned = refused.map(|problem| Diagnostic {
            level: Level::Warning,
            ..problem
        });
        warned.collect()
    }
}

/// Why something cannot be copied, and what to do.
fn uncopyable(mounted: &Mounted, is_folder: &Result<bool, String>) -> Option<(String, String)> {
    let Mounted { service, how, .. } = mounted;
    let is_refused = mounted.read_only && !mounted.is_in_secrets();
    match (is_folder, how) {
        (Err(why), _) => Some((format!("it cannot be copied: {why}"), OTHERWISE.to_owned())),
        (Ok(false), _) if is_refused => {
            let help = match how {
                Had::Given => "let it have a `target` below `/run/secrets`: that is a volume then",
                _ => "mount the folder that it is in: folders are copied into a volume",
            };
            Some((
                format!("nothing can be put into `{service}`, which is `read_only`"),
                help.to_owned(),
            ))
        }
        (Ok(_), _) => None,
    }
}

/// Whether a folder is there, or will be: where nothing is, Docker makes one.
fn is_folder(files: &Files, path: &Path) -> bool {
    files.is_there(path) != Some(true) || crate::substitute::Files::is_folder(files, path) == Some(true)
}
