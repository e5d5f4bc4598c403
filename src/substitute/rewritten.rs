//! What a rewriting gives: the copies of the files, and what is known of the stack that they make.

mod lock;
mod mounted;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::deploy::{Deploy, PortMode};
use super::input::{Addition, PortRange, StackKind};
use super::interpolate::Value;
use super::said::Originals;
use crate::diagnostic::{Diagnostic, Span, Spanned};

pub use lock::{Lock, LockKind};
pub(super) use mounted::SECRETS;
pub use mounted::{Content, Copied, CopiedFile, CopiedVolume, Had, Mounted};

/// A stack after its rewriting.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewritten {
    /// Which tool reads it.
    pub kind: StackKind,
    /// The copies, in the order in which they are merged.
    pub files: Vec<RewrittenFile>,
    /// The project's or the stack's name.
    pub project: String,
    /// The folder that relative paths belong to.
    pub directory: PathBuf,
    /// Env files instead of the `.env` in that folder.
    pub env_files: Vec<PathBuf>,
    /// What the tool's process has to see: `docker stack` reads no env file, so that what they give is here.
    pub tool_env: BTreeMap<String, String>,
    /// The active profiles.
    pub profiles: BTreeSet<String>,
    /// Its services by name, also those of inactive profiles.
    pub services: BTreeMap<String, ServiceInfo>,
    /// Networks by name in the file, the implicit `default` too, with their real names; none while that is known later.
    pub networks: BTreeMap<String, Option<String>>,
    /// Volumes, likewise.
    pub volumes: BTreeMap<String, Option<String>>,
    /// Secrets of a swarm stack, likewise.
    pub secrets: BTreeMap<String, Option<String>>,
    /// Configs of a swarm stack, likewise.
    pub configs: BTreeMap<String, Option<String>>,
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
    /// What its services have that an engine elsewhere has not.
    pub mounted: Vec<Mounted>,
    /// What of them is to be copied to the engine.
    pub copied: Copied,
    /// Networks and volumes that it makes, by the names that others would know them by, were they not isolated.
    pub gives: Vec<Shared>,
    /// External networks and volumes that no substitution maps.
    pub wants: Vec<Shared>,
    /// Networks that its services are on, and volumes of a compose stack, secrets and configs of a swarm stack that they
    /// have, which somebody else is to make.
    pub expects: Vec<Shared>,
    /// The secrets that its files take from this machine themselves.
    pub own_secrets: Vec<OwnSecret>,
    /// The secrets and configs that a swarm stack makes itself.
    pub own: Vec<Own>,
    /// Secrets and configs of a compose stack that are external, and that nobody gives.
    pub ungiven: Vec<Ungiven>,
    /// What of the files only newer compose tools read.
    pub needs: Vec<Needs>,
    /// The names of its `secrets` and `configs`.
    pub contents: BTreeMap<&'static str, BTreeSet<String>>,
}

/// A secret or config that is external, and that nobody gives: what has it never comes up.
#[derive(Debug, Clone, PartialEq)]
pub struct Ungiven {
    /// The services that have it.
    pub services: BTreeSet<String>,
    /// True where one of them is active.
    pub active: bool,
    /// What is told of it.
    pub told: Diagnostic,
}

impl Ungiven {
    /// True where a service that has it is one of those that come up: all that are active, where none is named.
    pub fn is_wanted<'s>(&self, named: impl IntoIterator<Item = &'s str>, all: bool) -> bool {
        match all {
            true => self.active,
            false => named.into_iter().any(|service| self.services.contains(service)),
        }
    }
}

/// What older compose tools refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// "`content` of the config `web`".
    pub what: String,
    /// The first version of the tool that takes it.
    pub compose: &'static str,
    /// What else can be done.
    pub instead: String,
    /// Where it is written.
    pub at: Span,
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

/// A secret that a stack's file takes from this machine itself (`file`, `environment`, `content`).
#[derive(Debug, Clone, PartialEq)]
pub struct OwnSecret {
    /// Its name in the file.
    pub name: String,
    /// Where the file says what it is made of.
    pub at: Span,
    /// What it is made of; none while that is known later.
    pub content: Option<Content>,
}

/// A secret or config that a swarm stack makes itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Own {
    /// `secrets` or `configs`.
    pub section: &'static str,
    /// Its name in the file.
    pub key: String,
    /// What it is made of; none while that is known later.
    pub content: Option<Content>,
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

/// A network or volume that one stack makes and another one may expect; of a swarm also a secret or config.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// `networks`, `volumes`, `secrets` or `configs`.
    pub section: &'static str,
    /// Its name in the file.
    pub key: String,
    /// Its real name as the file has it.
    pub name: String,
    /// Where it is written.
    pub at: Span,
}

impl Shared {
    /// How a scenario gives one.
    pub fn given_by(&self) -> String {
        let Shared { section, key, .. } = self;
        match *section {
            "networks" | "volumes" => format!(
                "let the scenario make it, `{section}: {{{key}: {{…}}}}`, and the stack have it: `substitute: {{external: {{{key}: \"${{{{ {section}.{key} }}}}\"}}}}`"
            ),
            _ => format!("give it, in the scenario: `{section}: {{{key}: {{content: …}}}}`, or `{{file: …}}`"),
        }
    }

    /// What `check` tells of one that a stack expects: only an engine knows whether it is there.
    pub fn note(&self, kind: StackKind) -> Diagnostic {
        let one = self.section.trim_end_matches('s');
        let who = match kind {
            StackKind::Compose => "engine",
            StackKind::Swarm => "swarm",
        };
        let name = &self.name;
        let message = format!("the {one} `{name}` is external: the {who} has to have it already");
        Diagnostic::note(&self.at, message).help(self.given_by())
    }
}

impl Rewritten {
    /// The real name of a secret or config that the stack makes itself; none while that is known later.
    pub fn own_name(&self, own: &Own) -> Option<&String> {
        let names = match own.section {
            "secrets" => &self.secrets,
            _ => &self.configs,
        };
        names.get(&own.key)?.as_ref()
    }

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

    /// The arguments of `docker` that deploy a swarm stack, or update it, the copies being in a folder. Paths in them are
    /// absolute, so that it does not matter where the tool runs. Images are taken as they are named: those that are made
    /// here no registry knows.
    pub fn deploy_arguments(&self, folder: &Path) -> Vec<String> {
        let fixed = [
            "stack",
            "deploy",
            "--prune",
            "--with-registry-auth",
            "--resolve-image",
            "never",
        ];
        let mut arguments: Vec<String> = fixed.map(str::to_owned).to_vec();
        for file in self.files.iter().filter(|file| file.named) {
            let copy = folder.join(&file.path).to_string_lossy().into_owned();
            arguments.extend(["--compose-file".to_owned(), copy]);
        }
        arguments.push(self.project.clone());
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
    /// Where that is written; the service's own place if it has none.
    pub image_at: Span,
    /// The ports that it publishes or exposes.
    pub ports: Vec<Port>,
    /// False while some of its ports are known later, so that others may be there.
    pub ports_known: bool,
    /// Whether it has a healthcheck; none if it does not say, so that its image decides.
    pub healthcheck: Option<bool>,
    /// The services that it depends on.
    pub depends_on: BTreeMap<String, Dependency>,
    /// Its profiles.
    pub profiles: BTreeSet<String>,
    /// How many containers it has: `scale`, `deploy.replicas`, 1. A global one of a swarm has one on each node.
    pub replicas: u64,
    /// What `deploy` says of it.
    pub deploy: Deploy,
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
    /// Where a swarm publishes it.
    pub mode: PortMode,
    /// The host ports, if they stay fixed, and where the file says so.
    pub fixed: Option<Spanned<PortRange>>,
    /// The host's address that it is bound to.
    pub host_ip: Option<String>,
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
