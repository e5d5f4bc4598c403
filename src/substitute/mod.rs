//! Compose and swarm files: text in, rewritten text and its map out. A file is used as its authors ship it; a copy of it is made
//! safe to run beside others.
//!
//! Everything here is pure: files come through a memo ([`Files`]), and what is not in it yet is asked for. Nothing of a
//! compose file is ever resolved: a scalar that no substitution names is written as it was read. Reading a compose file
//! the way Docker does is left to the compose tool; [`Rewritten`] knows only what a scenario has to know of a stack.
//!
//! One file per substitution: `text`, `images`, `ports`, `host_paths`, `builds` (with `dockerfile`), `external`, `given`
//! (secrets and configs), and those that are made without being asked: `names`, `labels`, `paths`, `elsewhere`. What is wrong
//! with the files themselves is told by `refused` (with `rings`), `keys`, `unset`, `absent`, `contrary`, `passed`, and `swarm` for what
//! `docker stack` alone refuses or ignores, `format` for the values that a tool refuses; `own_secrets` finds what is to be
//! hidden; `said` puts what the compose tool says into the author's words.

mod absent;
mod anew;
mod beside;
mod build_files;
mod build_hash;
mod build_written;
mod builds;
mod contexts;
mod contrary;
mod deploy;
mod difference;
mod dockerfile;
mod elsewhere;
mod env_file;
mod external;
mod files;
mod format;
mod gather;
mod given;
mod host_paths;
mod ignore_file;
mod images;
mod info;
mod input;
mod interpolate;
mod keys;
mod labels;
mod matching;
mod mounts;
mod names;
mod no_services;
mod own_secrets;
mod passed;
mod paths;
mod ports;
mod refers;
mod refused;
mod rewrite;
mod rewritten;
mod rings;
mod said;
mod several_ports;
mod swarm;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod unit;
mod unset;
mod view;
mod writable;

pub use crate::lease::NAMES as OURS;
pub use build_files::builds_only;
pub use build_hash::{Entry, EntryContent, FileDigest, Ingredients, build_hash};
pub use deploy::{Deploy, Mode, PortMode};
pub use difference::difference;
pub use dockerfile::{Rewritten as RewrittenDockerfile, rewrite as rewrite_dockerfile, same_image};
pub use elsewhere::is_ours;
pub use files::{Files, Found, Parsed, ParsedRead, Refused};
pub use ignore_file::IgnoreFile;
pub use input::{
    Addition, BuildReplacement, Given, PortRange, Ports, Replacement, StackInput, StackKind, Substitutions,
    TextReplacement,
};
pub use interpolate::{Environment, Value};
pub use keys::service_keys;
pub use rewrite::rewrite;
pub use rewritten::{
    BuildInfo, Content, Copied, CopiedFile, CopiedVolume, Had, Lock, LockKind, Mounted, Needs, Own, OwnSecret, Port,
    Prepare, Rewritten, RewrittenFile, ServiceInfo, Shared, Ungiven, Writable,
};
pub use said::{Originals, of_names, of_originals, place_of};

/// What stands in a rewritten file for a value that is known later.
const HOLE: &str = "known-later";
