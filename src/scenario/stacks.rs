//! `stacks`: compose and swarm files as their authors ship them, and what is replaced in the copy.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::shape::{Named, OneOrMany, Problems, Rule, Shape, Text, Word, shape, wrong_type};
use crate::substitute::{PortRange, StackKind};
use crate::yaml::Node;

shape! {
    /// A stack: compose files, or swarm files, and what is replaced in them. A text alone is the compose file.
    pub struct Stack ("a stack") short compose rules [
        Rule::Some(&["compose", "swarm"]),
        Rule::Excludes("swarm", &["compose", "profiles"]),
    ] {
        /// The compose file, or a list of files in the order in which they are merged.
        compose: OneOrMany<Text>,
        /// The swarm file, for `deploy`, or a list of files in the order in which they are merged.
        swarm: OneOrMany<Text>,
        /// The profiles that are active.
        profiles: Vec<Text>,
        /// What `${…}` in the files sees, with the `.env` beside the first; nothing of this machine's.
        env: Named<Text>,
        /// Env files instead of the `.env`.
        env_file: OneOrMany<Text>,
        /// What is replaced.
        substitute: Option<Substitute>,
        /// Another stack of which this is another version: `up`, or `deploy`, updates it in place.
        version_of: Option<Spanned<String>>,
        /// Paths of this machine that services mount: an engine elsewhere gets copies of them (default), any engine does (`true`), or they are refused there (`false`).
        copy: Option<Spanned<bool>>,
    }
}

shape! {
    /// What is replaced in the copy of the files.
    pub struct Substitute ("`substitute`") {
        /// Images of services and `docker-image://` contexts, and in the Dockerfiles of the builds listed below: what is written → what it becomes.
        images: Named<Text>,
        /// Host ports that become free ones: a list, `all` (the default) or `none`.
        ports: Option<PortsWritten>,
        /// Host paths in volumes, `env_file` and `file` of configs and secrets.
        host_paths: Named<Text>,
        /// Builds, by the context as it is written.
        builds: Named<BuildWritten>,
        /// External networks and volumes of the files, of swarm files also secrets and configs: their name there → the real one.
        external: Named<Text>,
        /// Plain text, replaced before the files are parsed.
        text: Vec<TextWritten>,
    }
}

shape! {
    /// What a build becomes. A text alone is the context.
    pub struct BuildWritten ("a build of `substitute`") short context {
        /// Another folder to build from.
        context: Option<Text>,
        /// Dockerfiles in which `images` are replaced (default: the build's own).
        dockerfiles: Vec<Text>,
        /// Files that are put into the copied context.
        add: Vec<AddWritten>,
    }
}

shape! {
    /// A file or folder that is put into a copied context.
    pub struct AddWritten ("an entry of `add`") short path {
        /// The file or folder.
        path: Text,
        /// Where to in the context (default: its own name in the root).
        to: Option<Text>,
    }
}

shape! {
    /// A replacement of plain text.
    pub struct TextWritten ("an entry of `text`") {
        /// What stands there.
        from: Text,
        /// What shall.
        to: Text,
        /// How often it must be there.
        count: Option<Spanned<u64>>,
    }
}

/// Which host ports become free ones.
#[derive(Debug, Clone)]
pub enum PortsWritten {
    /// Every one.
    All,
    /// None.
    None,
    /// These.
    Listed(Vec<Spanned<PortRange>>),
}

impl Shape for PortsWritten {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.scalar() {
            Some("all") => Some(PortsWritten::All),
            Some("none") => Some(PortsWritten::None),
            Some(other) => {
                problems.push(
                    Diagnostic::error(
                        &node.span,
                        format!("expected `all`, `none` or a list of ports, found `{other}`"),
                    )
                    .help(format!("one port is a list, too: [{other}]")),
                );
                None
            }
            None if node.list().is_some() => Vec::read(node, problems).map(PortsWritten::Listed),
            None => {
                problems.push(wrong_type(node, "`all`, `none` or a list of ports"));
                None
            }
        }
    }
}

impl JsonSchema for PortsWritten {
    fn schema_name() -> Cow<'static, str> {
        "Ports".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let port = PortRange::word_schema();
        json_schema!({"anyOf": [{"enum": ["all", "none"]}, {"type": "array", "items": port}]})
    }
}

impl Word for PortRange {
    const WHAT: &'static str = "a port or a range of ports (`8080`, `3000-3005`)";
    fn from_text(text: &str) -> Option<Self> {
        PortRange::parse(text)
    }
    fn word_schema() -> serde_json::Value {
        serde_json::json!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 65535},
            {"type": "string", "pattern": "^[0-9]+(-[0-9]+)?$"},
        ]})
    }
}

impl Stack {
    /// Which tool reads its files.
    pub fn kind(&self) -> StackKind {
        match self.swarm.0.is_empty() {
            true => StackKind::Compose,
            false => StackKind::Swarm,
        }
    }

    /// Its files, in the order in which they are merged.
    pub fn files(&self) -> &[Text] {
        match self.kind() {
            StackKind::Compose => &self.compose.0,
            StackKind::Swarm => &self.swarm.0,
        }
    }

    /// What is wrong with the combination of its keys, if something is.
    pub fn problem(&self, at: &Span) -> Option<Diagnostic> {
        let Some(swarm) = self.swarm.0.first() else {
            return self.compose.0.is_empty().then(|| {
                Diagnostic::error(at, "the stack names no file")
                    .help("give it `compose: docker-compose.yml`, or `swarm: stack.yml`")
            });
        };
        if let Some(compose) = self.compose.0.first() {
            let problem = Diagnostic::error(
                &compose.span,
                "a stack is of compose files or of swarm files, not of both",
            );
            return Some(
                problem
                    .related(&swarm.span, "the swarm file")
                    .help("make two stacks of them"),
            );
        }
        let profile = self.profiles.first()?;
        let problem = Diagnostic::error(
            &profile.span,
            "a swarm stack has no profiles: `docker stack` knows none",
        );
        Some(problem.help("leave `profiles` out; what is deployed only sometimes stands in a file of its own"))
    }
}
