//! What a rewriting gives: the copies of the files, and what is known of the stack that they make.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::input::{Addition, PortRange};
use super::interpolate::Value;
use super::said::Originals;
use crate::diagnostic::{Diagnostic, Span, Spanned};

/// A stack after its rewriting.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewritten {
    /// The copies, in the order in which they are merged.
    pub files: Vec<RewrittenFile>,
    /// The project's name.
    pub project: String,
    /// The folder that relative paths belong to.
    pub directory: PathBuf,
    /// Env files instead of the `.env` in that folder.
    pub env_files: Vec<PathBuf>,
    /// The active profiles.
    pub profiles: BTreeSet<String>,
    /// Its services by name, also those of inactive profiles.
    pub services: BTreeMap<String, ServiceInfo>,
    /// Networks by name in the file, the implicit `default` too, with their real names; none while that is known later.
    pub networks: BTreeMap<String, Option<String>>,
    /// Volumes, likewise.
    pub volumes: BTreeMap<String, Option<String>>,
    /// What cannot be freed.
    pub locks: Vec<Lock>,
    /// What has to be built, one a service, of the active ones.
    pub builds: Vec<BuildInfo>,
    /// Services whose completion others wait for.
    pub completes: BTreeSet<String>,
    /// Host ports that have become free ones: of which service, and the container's port.
    pub freed: BTreeMap<u16, (String, u16)>,
    /// What is worth telling, though nothing is wrong.
    pub notes: Vec<Diagnostic>,
    /// Files that it names and that are not there: what is told of each, unless a step makes them before it is up.
    pub absent: Vec<Diagnostic>,
    /// Folders of this machine that its services can write to.
    pub writable: Vec<Writable>,
    /// Networks and volumes that it makes, by the names that others would know them by, were they not isolated.
    pub gives: Vec<Shared>,
    /// External networks and volumes that no substitution maps.
    pub wants: Vec<Shared>,
}

/// A folder of this machine that a service can write to.
#[derive(Debug, Clone, PartialEq)]
pub struct Writable {
    /// Where it is.
    pub path: PathBuf,
    /// As it is written.
    pub source: String,
    /// Where it is written.
    pub at: Span,
}

impl Writable {
    /// What is told of it.
    pub fn note(&self) -> Diagnostic {
        let source = &self.source;
        let message = format!(
            "the folder `{source}` can be written to, and is the same one for all cases, in this run and the next"
        );
        let name = self.path.file_name().unwrap_or_default().display();
        Diagnostic::note(&self.at, message).help(format!(
            "give each its own: `substitute: {{host-paths: {{{source}: \"${{{{ scratch }}}}/{name}\"}}}}` of the stack"
        ))
    }
}

/// A network or volume that one stack makes and another one may expect.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// `networks` or `volumes`.
    pub section: &'static str,
    /// Its name in the file.
    pub key: String,
    /// Its real name as the file has it.
    pub name: String,
    /// Where it is written.
    pub at: Span,
}

impl Rewritten {
    /// What the copies are copies of, these being in a folder.
    pub fn originals(&self, folder: &Path) -> Originals {
        let files = self.files.iter();
        files
            .map(|file| (folder.join(&file.path), file.original.clone()))
            .collect()
    }

    /// The arguments of the compose tool before its command, the copies being in a folder.
    pub fn arguments(&self, folder: &Path) -> Vec<String> {
        let mut arguments = vec!["--project-name".to_owned(), self.project.clone()];
        let mut add = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
        add("--project-directory", self.directory.to_string_lossy().into_owned());
        for file in &self.env_files {
            add("--env-file", file.to_string_lossy().into_owned());
        }
        for file in self.files.iter().filter(|file| file.named) {
            add("--file", folder.join(&file.path).to_string_lossy().into_owned());
        }
        for profile in &self.profiles {
            add("--profile", profile.clone());
        }
        arguments
    }
}

/// A copy of one of the stack's files.
#[derive(Debug, Clone, PartialEq)]
pub struct RewrittenFile {
    /// Its path in the folder of copies.
    pub path: String,
    /// Its text.
    pub text: String,
    /// The file that it is a copy of.
    pub original: PathBuf,
    /// The original as it is written when nothing is changed: to show the difference.
    pub unchanged: Arc<str>,
    /// True for a file that the scenario names, false for one that is included or extended.
    pub named: bool,
}

impl RewrittenFile {
    /// What the rewriting changed, layout and comments aside.
    pub fn difference(&self, shown: &str) -> String {
        super::difference(shown, &self.unchanged, &self.text)
    }
}

/// A service, as far as the files say it.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceInfo {
    /// Where it is written.
    pub at: Span,
    /// Whether its profiles are active, or it has none.
    pub active: bool,
    /// Its image after `${…}` and substitution; none while that is known later, or if it has none.
    pub image: Option<String>,
    /// The ports that it publishes or exposes.
    pub ports: Vec<Port>,
    /// False while some of its ports are known later, so that others may be there.
    pub ports_known: bool,
    /// Whether it has a healthcheck; none if it does not say, so that its image decides.
    pub healthcheck: Option<bool>,
    /// The services that it depends on.
    pub depends_on: BTreeMap<String, Dependency>,
    /// Its restart policy as written.
    pub restart: Option<String>,
    /// Its profiles.
    pub profiles: BTreeSet<String>,
    /// How many containers it has: `scale`, `deploy.replicas`, 1.
    pub replicas: u64,
    /// True if it is built.
    pub built: bool,
    /// The container's name that the file gives: an alias now.
    pub container_name: Option<String>,
    /// The networks that it is on, by name in the file, and its aliases there.
    pub networks: BTreeMap<String, BTreeSet<String>>,
    /// The network mode, after rewriting.
    pub network_mode: Option<String>,
    /// The named volumes that it mounts, by name in the file.
    pub volumes: BTreeSet<String>,
    /// True if it mounts paths of this machine, or what may be one.
    pub mounts_paths: bool,
    /// True with a terminal.
    pub tty: bool,
}

/// How a service depends on another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// What is waited for: `service_started` if nothing is written.
    pub condition: String,
    /// False where it starts all the same when that does not come about.
    pub required: bool,
}

/// Ports of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// In the container.
    pub target: PortRange,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
    /// Whether the engine publishes it.
    pub published: bool,
    /// The host ports, if they stay fixed, and where the file says so.
    pub fixed: Option<Spanned<PortRange>>,
    /// The host's address that it is bound to.
    pub host_ip: Option<String>,
}

/// Something that only one stack on an engine can have.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// What.
    pub kind: LockKind,
    /// Where the file says so.
    pub at: Span,
}

/// What cannot be freed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockKind {
    /// Host ports, with protocol.
    Port(PortRange, String),
    /// The host's own network.
    HostNetwork,
    /// A fixed subnet.
    Subnet(String),
    /// A bridge of the host's that a network names.
    Bridge(String),
    /// An external volume.
    Volume(String),
}

impl std::fmt::Display for LockKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LockKind::Port(range, protocol) => write!(f, "host port {range}/{protocol}"),
            LockKind::HostNetwork => write!(f, "the host's network"),
            LockKind::Subnet(subnet) => write!(f, "subnet {subnet}"),
            LockKind::Bridge(name) => write!(f, "bridge {name}"),
            LockKind::Volume(name) => write!(f, "external volume {name}"),
        }
    }
}

/// A build of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildInfo {
    /// The service.
    pub service: String,
    /// Where it is written.
    pub at: Span,
    /// The folder to build from as it is on disk, before anything is put into its copy; none for one that is fetched.
    pub context: Option<PathBuf>,
    /// The context as text, for one that is fetched.
    pub remote: Option<String>,
    /// The Dockerfile's path in the context, or absolute; none if its text stands in the compose file.
    pub dockerfile: Option<String>,
    /// The Dockerfile's text after replacing images.
    pub dockerfile_text: String,
    /// The base images that it names.
    pub bases: BTreeSet<String>,
    /// The build's arguments; none for one that is not set.
    pub args: BTreeMap<String, Option<Value>>,
    /// The stage to stop at.
    pub target: Option<String>,
    /// All else that is written of the build.
    pub options: String,
    /// Further folders that it sees, by name (`additional_contexts`): their content counts, too.
    pub contexts: BTreeMap<String, PathBuf>,
    /// The copy of the context that has to be made first.
    pub prepare: Option<Prepare>,
}

/// A copy of a context.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepare {
    /// Where it goes, in the folder of copied contexts.
    pub copy: String,
    /// The Dockerfiles in it and their texts after replacing images.
    pub dockerfiles: BTreeMap<String, String>,
    /// What is put into it.
    pub add: Vec<Addition>,
}
