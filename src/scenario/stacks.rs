//! `stacks`: compose files as their authors ship them, and what is replaced in the copy.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::shape::{Named, OneOrMany, Problems, Rule, Shape, Text, Word, shape, wrong_type};
use crate::step::Later;
use crate::substitute::PortRange;
use crate::yaml::Node;

shape! {
    /// A stack: compose files and what is replaced in them. A text alone is the compose file.
    pub struct Stack ("a stack") short compose rules [Rule::Some(&["compose"])] {
        /// The compose file, or a list of files in the order in which they are merged.
        compose: OneOrMany<Text>,
        /// A swarm file, for `deploy`.
        swarm: Option<Later>,
        /// The profiles that are active.
        profiles: Vec<Text>,
        /// What `${…}` in the files sees, with the `.env` beside the first; nothing of this machine's.
        env: Named<Text>,
        /// Env files instead of the `.env`.
        env_file: OneOrMany<Text>,
        /// What is replaced.
        substitute: Option<Substitute>,
        /// Another stack of which this is another version: `up` updates it in place.
        version_of: Option<Spanned<String>>,
        /// `false` refuses host paths that would have to be copied to an engine elsewhere.
        copy: Option<Later>,
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
        /// External networks and volumes of the files: their name there → the real one.
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
    /// What is wrong with the combination of its keys, if something is.
    pub fn problem(&self, at: &Span) -> Option<Diagnostic> {
        self.compose
            .0
            .is_empty()
            .then(|| Diagnostic::error(at, "the stack names no file").help("give it `compose: docker-compose.yml`"))
    }
}
