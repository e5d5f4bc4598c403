//! What a rewriting needs to know: a stack as its scenario says it, every template of it rendered or a hole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::interpolate::{Environment, Value};
use crate::diagnostic::{Span, Spanned};

/// Which tool reads a stack's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StackKind {
    /// The compose tool, for `up`.
    #[default]
    Compose,
    /// `docker stack`, for `deploy`.
    Swarm,
}

/// A stack to rewrite.
#[derive(Debug, Clone)]
pub struct StackInput {
    /// Which tool reads it.
    pub kind: StackKind,
    /// Where the stack is written in the scenario.
    pub at: Span,
    /// The project's or the stack's name, unique a try: `[a-z0-9_-]`, beginning with a letter or digit.
    pub project: String,
    /// The files in their order, absolute; each with its place in the scenario.
    pub files: Vec<Spanned<PathBuf>>,
    /// What `${…}` sees before the `.env`.
    pub env: Environment,
    /// Env files instead of the `.env`, absolute.
    pub env_files: Vec<Spanned<PathBuf>>,
    /// The active profiles.
    pub profiles: BTreeSet<String>,
    /// What is replaced.
    pub substitutions: Substitutions,
    /// Secrets and configs that take the place of the stack's own.
    pub given: Vec<Given>,
    /// Real names of secrets and configs that a version before has with other content, by section and name in the files.
    pub anew: BTreeMap<(&'static str, String), String>,
    /// Labels of every service, network and volume, and of a swarm stack's secrets and configs.
    pub labels: BTreeMap<String, String>,
    /// Labels of every image that is built; the same for all runs, or the build cache is lost.
    pub build_labels: BTreeMap<String, String>,
    /// The image that each service with a `build:` gets, as far as it is known.
    pub built: BTreeMap<String, String>,
    /// The absolute folder that the copies are for.
    pub folder: PathBuf,
    /// The absolute folder that copies of contexts are in, where something is built; without one nothing is, and what
    /// they would be copies of stands in their place.
    pub contexts: Option<PathBuf>,
    /// The paths of this machine that are copied to the engine, and whether each is a folder; none where it has them.
    pub copies: Option<BTreeMap<PathBuf, bool>>,
    /// The home of who runs this: what the compose tool takes `~` for, unless `env` has another.
    pub home: Option<PathBuf>,
}

impl StackInput {
    /// What the compose tool takes `~` for.
    pub(super) fn home(&self) -> Option<&Path> {
        match self.env.get("HOME") {
            Some(own) => own.known().map(Path::new),
            None => self.home.as_deref(),
        }
    }

    /// What the compose tool's process sees of the stack: what is known of `env`, and the project's name, which the
    /// standalone tool does not fill in by itself. The env files it reads on its own.
    pub fn tool_env(&self) -> BTreeMap<String, String> {
        let known = |(name, value): (&String, &Value)| Some((name.clone(), value.known()?.to_owned()));
        let mut env: BTreeMap<String, String> = self.env.iter().filter_map(known).collect();
        env.insert("COMPOSE_PROJECT_NAME".to_owned(), self.project.clone());
        env
    }
}

/// What is replaced in a stack's files.
#[derive(Debug, Clone, Default)]
pub struct Substitutions {
    /// Images by name.
    pub images: Vec<Replacement>,
    /// Which host ports become free ones.
    pub ports: Ports,
    /// Absolute host paths by path as written.
    pub host_paths: Vec<Replacement>,
    /// Builds by context as written.
    pub builds: Vec<BuildReplacement>,
    /// Real names of external networks and volumes, by their name in the file.
    pub external: Vec<Replacement>,
    /// Plain text, before the file is parsed.
    pub text: Vec<TextReplacement>,
}

/// A secret or a config that takes the place of the stack's own of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// `secrets` or `configs`.
    pub section: &'static str,
    /// Its name in the files.
    pub name: String,
    /// The file of this machine that services of the compose tool get, absolute.
    pub file: PathBuf,
    /// The real name under which a swarm keeps it.
    pub real: String,
}

/// What stands in the file, and what shall.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// What stands in the file; its place in the scenario.
    pub from: Spanned<String>,
    /// What shall.
    pub to: Value,
}

/// A replacement of plain text.
#[derive(Debug, Clone)]
pub struct TextReplacement {
    /// What stands in the file; its place in the scenario.
    pub from: Spanned<String>,
    /// What shall.
    pub to: Value,
    /// How often it must be there.
    pub count: Option<u64>,
}

/// A replacement of a build's context.
#[derive(Debug, Clone)]
pub struct BuildReplacement {
    /// The context as written; its place in the scenario.
    pub from: Spanned<String>,
    /// The folder to build from instead, absolute.
    pub context: Option<Spanned<PathBuf>>,
    /// The Dockerfiles, relative to the context, in which images are replaced; the build's own if there is none.
    pub dockerfiles: Vec<Spanned<String>>,
    /// What is put into the copy of the context.
    pub add: Vec<Addition>,
}

/// A file or folder that is put into a copied context.
#[derive(Debug, Clone, PartialEq)]
pub struct Addition {
    /// What, absolute; its place in the scenario.
    pub from: Spanned<PathBuf>,
    /// Where to in the context; its own name in the root if none.
    pub to: Option<String>,
}

/// Which host ports become free ones.
#[derive(Debug, Clone, Default)]
pub enum Ports {
    /// Every one.
    #[default]
    All,
    /// None.
    None,
    /// These: a port or a range, `8080`, `3000-3005`.
    Listed(Vec<Spanned<PortRange>>),
}

/// Ports from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last, the first one itself if it is alone.
    pub last: u16,
}

impl PortRange {
    /// Reads `80` or `80-90`.
    pub fn parse(text: &str) -> Option<PortRange> {
        let number = |text: &str| {
            text.parse::<u16>()
                .ok()
                .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(text)?, number(text)?),
        };
        (first <= last).then_some(PortRange { first, last })
    }

    /// Whether a port is in it.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// How many ports it has.
    pub fn len(self) -> u32 {
        u32::from(self.last) - u32::from(self.first) + 1
    }

    /// Never: a range has at least one port.
    pub fn is_empty(self) -> bool {
        false
    }
}

impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}
