//! The language as written: what an author wrote and nothing more, one file per top-level part.

mod cluster;
pub mod declared;
mod early;
mod files;
pub mod images;
mod log_scan;
mod matrix;
mod partial;
mod private;
mod requires;
mod schema;
pub mod stacks;

use std::time::Duration;

use crate::diagnostic::{Diagnostic, Span, Spanned, did_you_mean};
use crate::shape::{Named, Problems, Rule, Shape, Text, shape, words};
use crate::step::{Keep, KnownIssue, Later, Skip, Step};
use crate::template::{Data, Expression, Template as Leaf};
use crate::yaml::{Node, foreign_tags};

pub use cluster::Cluster;
pub use early::{Attempt, Early, Reading, TooLate};
pub use files::{Files, Read, There, Wanted, normal};
pub use log_scan::LogScan;
pub(crate) use matrix::Combination;
pub use matrix::{MAX_CASES, Matrix};
pub use partial::Partial;
use private::Private;
pub use requires::{Requires, VersionRange};
pub use schema::{File, schema};

shape! {
    /// A scenario: what to bring up, what to do with it, and what must hold.
    pub struct Scenario ("a scenario") rules [Rule::Some(&["steps", "then"])] {
        /// Its name; unique in a run.
        scenario: Spanned<String>,
        /// What it shows, for readers and reports.
        description: Option<Spanned<String>>,
        /// Words by which `--tags` chooses.
        tags: Vec<Spanned<String>>,
        /// Copied into the reports.
        properties: Named<Spanned<String>>,
        /// What must be there; otherwise it is skipped, with the reason.
        requires: Option<Requires>,
        /// Conditions under which it is skipped.
        skip: Vec<Skip>,
        /// Failures that are known.
        known_issue: Vec<KnownIssue>,
        /// Limit of one try, cleanup apart (default 10m).
        timeout: Option<Spanned<Duration>>,
        /// How often it is tried again after a failure.
        retries: Option<Spanned<u64>>,
        /// Variables: evaluated once a try, in their order, before anything starts.
        vars: Named<Data>,
        /// Names whose values are hidden everywhere.
        mask: Vec<Spanned<String>>,
        /// One case for each combination.
        matrix: Option<Matrix>,
        /// Whether what it started is left for a look.
        keep: Option<Spanned<Keep>>,
        /// The cluster that it runs on; without it, the local engine as it is.
        cluster: Option<Cluster>,
        /// What it needs alone or shared.
        needs: Option<Later>,
        /// The group that it belongs to.
        group: Option<Later>,
        /// Images to build, to use, or to name.
        images: Named<images::Image>,
        /// What the stacks' own secrets of these names hold; hidden everywhere.
        secrets: Named<declared::Content>,
        /// What the stacks' own configs of these names hold.
        configs: Named<declared::Content>,
        /// Networks beside those of the stacks: `${{ networks.NAME }}` is the real name.
        networks: Named<declared::Network>,
        /// Volumes beside those of the stacks: `${{ volumes.NAME }}` is the real name.
        volumes: Named<declared::Volume>,
        /// Compose and swarm files with substitutions.
        stacks: Named<stacks::Stack>,
        /// Roles that `switch` moves.
        deployments: Option<Later>,
        /// Prepares; a failure here makes every check errored, not failed.
        given: Option<Vec<Step>>,
        /// What the scenario does; the first failure ends it, and no `then` follows. One of `steps` and `then` is needed.
        steps: Option<Vec<Step>>,
        /// Checks, where `given` and `steps` passed: each is made whether or not the one before passed.
        then: Option<Vec<Step>>,
        /// All of them run after a failure. The reports show the last lines that each wrote.
        on_failure: Option<Vec<Step>>,
        /// What no log may hold at the end.
        log_scan: Option<LogScan>,
        /// Always runs, in order; a failing one does not stop the next.
        cleanup: Option<Vec<Step>>,
        /// Files of containers that are copied into the results.
        collect: Vec<Collect>,
    }
}

shape! {
    /// Steps with parameters, for `use`.
    pub struct Template ("a template") {
        /// Its name.
        template: Spanned<String>,
        /// What it is for.
        description: Option<Spanned<String>>,
        /// Its parameters.
        parameters: Named<Parameter>,
        /// Names that it gives back, each an expression over its own.
        returns: Named<Expression>,
        /// Its steps.
        steps: Vec<Step>,
    }
}

shape! {
    /// A parameter of a template.
    pub struct Parameter ("a parameter") {
        /// Its value when `with` does not give one; without a default it must be given.
        default: Option<Data>,
        /// Hidden everywhere.
        mask: Option<Spanned<bool>>,
        /// What it is for.
        description: Option<Spanned<String>>,
    }
}

shape! {
    /// Defaults for all scenarios below the folder of `e2erun.yaml`.
    pub struct Project ("the project file") {
        /// Variables, before those of the scenario.
        vars: Named<Data>,
        /// Limit of one try of a scenario.
        timeout: Option<Spanned<Duration>>,
        /// Limits of one attempt by step kind: `{http: 60s, log-assert: 60s}`.
        timeouts: Named<Spanned<Duration>>,
        /// What must be there, beside what the scenario requires.
        requires: Option<Requires>,
        /// How often a scenario is tried again after a failure.
        retries: Option<Spanned<u64>>,
        /// Whether what a scenario started is left for a look.
        keep: Option<Spanned<Keep>>,
        /// Names whose values are hidden everywhere.
        mask: Vec<Spanned<String>>,
        /// Copied into the reports of every scenario.
        properties: Named<Spanned<String>>,
        /// Tags of every scenario.
        tags: Vec<Spanned<String>>,
        /// The file of the values that measured ones are compared with; `--update-baseline` writes it.
        baseline: Option<Spanned<String>>,
        /// Files of containers that are copied into the results.
        collect: Vec<Collect>,
        /// What no log of any scenario may hold, beside what a scenario forbids itself.
        log_scan: Option<LogScan>,
        /// Clusters that scenarios may name.
        clusters: Option<Later>,
        /// Resources outside every cluster.
        resources: Option<Later>,
        /// Scenarios that share an instance.
        groups: Option<Later>,
    }
}

words! {
    /// When files are collected.
    pub enum When {
        /// After a failure.
        Failed = "failed",
        /// Always.
        Always = "always",
    }
}

/// A path of a container that is copied into the results: `web:/var/log/app.log`.
#[derive(Debug, Clone)]
pub struct Collect {
    /// `service:path`.
    pub path: Text,
    /// When (default: after a failure).
    pub when: When,
}

shape! {
    /// A path of a container, and when it is copied into the results.
    pub struct CollectFull ("an entry of `collect`") short path {
        /// `service:path`.
        path: Text,
        /// `failed` (the default) or `always`.
        when: Option<Spanned<When>>,
    }
}

impl Shape for Collect {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let full = CollectFull::read(node, problems)?;
        Some(Collect {
            path: full.path,
            when: full.when.map_or(When::Failed, |when| when.value),
        })
    }
}

impl schemars::JsonSchema for Collect {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Collect".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        CollectFull::json_schema(generator)
    }
}

/// What a YAML file is, by its top-level keys.
#[derive(Debug)]
pub enum Document {
    /// A scenario, with the templates of all but its steps, and with what is wrong with it so far.
    Scenario(Box<Scenario>, Vec<Leaf>, Partial),
    /// A template file.
    Template(Box<Template>),
    /// None of ours: passed over.
    Other,
}

/// What a file's tree is, below a project file that masks these names. Something that looks like a scenario and is none, or was
/// named by the user, is an error.
pub fn read_document(node: Node, named: bool, masked: &[String]) -> Result<Document, Vec<Diagnostic>> {
    let node = node.merged();
    let private = Private::of(&node, masked);
    private.hidden(read_merged(&node, named))
}

fn read_merged(node: &Node, named: bool) -> Result<Document, Vec<Diagnostic>> {
    let mut problems = Problems::default();
    if node.entry("scenario").is_some() {
        return read_scenario(node);
    }
    let read = if node.entry("template").is_some() {
        Template::read(node, &mut problems).map(|template| Document::Template(Box::new(template)))
    } else {
        problems.diagnostics.extend(no_scenario(node, named));
        Some(Document::Other)
    };
    if node.entry("template").is_some() {
        problems.diagnostics.extend(foreign_tags(node));
    }
    match read {
        Some(document) if problems.diagnostics.is_empty() => Ok(document),
        _ => Err(problems.diagnostics),
    }
}

/// What has problems is told, left out, and the rest is read again: so that the rest is planned, and its problems told, too.
fn read_scenario(node: &Node) -> Result<Document, Vec<Diagnostic>> {
    let mut problems = Problems::default();
    if let Some(scenario) = Scenario::read(node, &mut problems) {
        let templates = std::mem::take(&mut problems.templates);
        check_scenario(&scenario, node, &mut problems);
        let mut partial = Partial {
            problems: problems.diagnostics,
            ..Partial::default()
        };
        partial.misspelt(node, &keys());
        return Ok(Document::Scenario(Box::new(scenario), templates, partial));
    }
    let (rest, mut partial) = partial::without(node, problems.diagnostics);
    partial.misspelt(node, &keys());
    let mut again = Problems::default();
    match Scenario::read(&rest, &mut again) {
        Some(scenario) => {
            let templates = std::mem::take(&mut again.templates);
            let mut problems = Problems::default();
            check_scenario(&scenario, node, &mut problems);
            let partial = Partial {
                problems: [partial.problems, problems.diagnostics].concat(),
                ..partial
            };
            Ok(Document::Scenario(Box::new(scenario), templates, partial))
        }
        None => Err([partial.problems, foreign_tags(node)].concat()),
    }
}

fn keys() -> Vec<&'static str> {
    Scenario::keys().iter().map(AsRef::as_ref).collect()
}

/// Why a file without `scenario` and `template` is an error, if it is.
fn no_scenario(node: &Node, named: bool) -> Option<Diagnostic> {
    let looks = ["steps", "given", "then", "stacks"]
        .iter()
        .find_map(|key| key_span(node, key));
    if let Some(span) = looks {
        return Some(
            Diagnostic::error(&span, "this looks like a scenario, and has no `scenario`")
                .help("begin it with `scenario: NAME`, or with `template: NAME` if it is one"),
        );
    }
    if !named {
        return None;
    }
    let message = if node.is_null() {
        "there is no scenario here: nothing is in the file"
    } else {
        "this is no scenario: it has no top-level key `scenario`"
    };
    let help = match node.entry("services") {
        Some(_) => "it looks like a compose file: name it under `stacks` of a scenario",
        None => "begin it with `scenario: NAME`",
    };
    Some(Diagnostic::error(&node.span.part(0, 0), message).help(help))
}

/// Reads the project file.
pub fn read_project(node: Node) -> Result<Project, Vec<Diagnostic>> {
    let mut problems = Problems::default();
    problems.diagnostics.extend(foreign_tags(&node));
    let node = match node.is_null() {
        true => Node {
            content: crate::yaml::Content::Map(Vec::new()),
            ..node
        },
        false => node.merged(),
    };
    // Neither pictures of it nor messages show values that are masked.
    let private = Private::of(&node, &[]);
    let project = Project::read(&node, &mut problems);
    let limits = node.entry("timeouts").and_then(Node::map).unwrap_or_default();
    for (key, _) in limits {
        if let Some(name) = key.scalar().filter(|name| crate::step::kind(name).is_none()) {
            let known = crate::step::KINDS.iter().map(|kind| kind.name);
            problems.push(Diagnostic::unknown(&key.span, "step kind", name, known));
        }
    }
    project
        .filter(|_| problems.diagnostics.is_empty())
        .ok_or_else(|| private.without(problems.diagnostics))
}

fn check_scenario(scenario: &Scenario, node: &Node, problems: &mut Problems) {
    problems.diagnostics.extend(foreign_tags(node));
    if scenario.scenario.trim().is_empty() {
        problems.push(Diagnostic::error(
            &scenario.scenario.span,
            "the scenario's name is empty",
        ));
    }
    if let Some(limit) = scenario.timeout.as_ref().filter(|limit| limit.is_zero()) {
        problems.push(crate::step::no_time("timeout", &limit.span));
    }
    let none = |key: &str| {
        let steps = node.entry(key);
        steps.is_none_or(|steps| steps.list().is_some_and(<[Node]>::is_empty))
    };
    let written = node
        .map()
        .unwrap_or_default()
        .iter()
        .filter_map(|(key, _)| key.scalar());
    let is_misspelt = |name: &str| {
        let meant = did_you_mean(name, &keys());
        !keys().contains(&name) && matches!(meant, Some("steps" | "then"))
    };
    if none("steps") && none("then") && !written.into_iter().any(is_misspelt) {
        let empty = ["steps", "then"]
            .into_iter()
            .find_map(|key| Some((key, key_span(node, key)?)));
        let (at, message) = match empty {
            Some((key, at)) => (at, format!("`{key}` is empty")),
            None => (
                scenario.scenario.span.clone(),
                "the scenario has neither `steps` nor `then`".to_owned(),
            ),
        };
        problems.push(
            Diagnostic::error(&at, message).help("one of them is needed: `steps` does things, `then` checks them"),
        );
    }
    let names = scenario.vars.0.iter().map(|(name, (span, _))| (name, span));
    for (name, span) in names {
        problems.diagnostics.extend(crate::step::name_problem(name, span));
    }
}

/// Where a top-level key is written.
pub fn key_span(node: &Node, key: &str) -> Option<Span> {
    node.map()?
        .iter()
        .find(|(name, _)| name.scalar() == Some(key))
        .map(|(name, _)| name.span.clone())
}
