//! What services have of this machine, and what of it is copied.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::diagnostic::Span;

/// Where services find their secrets.
pub(in crate::substitute) const SECRETS: &str = "/run/secrets";

/// A path of this machine that a service has, or a text that only the compose tool would hand over.
#[derive(Debug, Clone, PartialEq)]
pub struct Mounted {
    /// The service.
    pub service: String,
    /// What it has.
    pub content: Content,
    /// As it is written; of a text, whose it is: "secret `key`".
    pub source: String,
    /// How it has it.
    pub how: Had,
    /// Where the service finds it; nothing where a volume stands between.
    pub target: String,
    /// True where the service's own files cannot be written to: nothing can be put among them.
    pub read_only: bool,
    /// Where it is written.
    pub at: Span,
}

/// What is copied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// A file or a folder of this machine, absolute.
    Path(PathBuf),
    /// A text, for a file of that mode, user and group.
    Text {
        /// The text.
        text: String,
        /// The mode.
        mode: u32,
        /// The numbers of the user and the group.
        owner: (u64, u64),
    },
}

impl Mounted {
    /// The path, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.content {
            Content::Path(path) => Some(path),
            Content::Text { .. } => None,
        }
    }

    /// Whether it is found where services have their secrets: these get a volume there, also those that cannot be written to.
    pub fn is_in_secrets(&self) -> bool {
        Path::new(&self.target).starts_with(SECRETS)
    }
}

/// How a service has a path of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Had {
    /// It mounts it.
    Mount,
    /// It mounts a volume that is made of it (`driver_opts`).
    Device,
    /// A secret or config is made of it, or is that text.
    Given,
}

/// What is to be copied to an engine that has not this machine's files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Copied {
    /// Volumes by name in the file, to be made and filled before the stack is brought up.
    pub volumes: BTreeMap<String, CopiedVolume>,
    /// Files for the created containers.
    pub files: Vec<CopiedFile>,
}

/// A volume with what is copied into it.
#[derive(Debug, Clone, PartialEq)]
pub struct CopiedVolume {
    /// Its real name.
    pub name: String,
    /// What, and where in the volume it is put; at its root if empty.
    pub parts: BTreeSet<(Content, String)>,
}

/// A file that is put into each container of a service before that is started.
#[derive(Debug, Clone, PartialEq)]
pub struct CopiedFile {
    /// Which, and where.
    pub mounted: Mounted,
}
