//! What is not set of what the compose tool will fill in: an error, where the tool would go on with an empty text.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{Found, Looking, join};
use super::gather::one_or_many;
use super::interpolate::{Environment, ProblemKind, fill};
use super::unit::Unit;
use super::view::{self, Layers};
use super::{env_file, tree};
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::{Content, Node};

/// Tells each place at which a variable is not set, or no `${NAME}` stands, after substitution.
pub(super) fn find(
    units: &[Unit],
    services: &BTreeMap<String, Layers>,
    looking: &Looking<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    let mut finding = Finding {
        looking,
        problems,
        told: BTreeSet::new(),
    };
    for unit in units.iter().filter(|unit| !unit.extended) {
        for document in &unit.documents {
            for (key, value) in document.map().unwrap_or_default() {
                // Extensions are seen by nobody but through their aliases, which are looked at where they are used.
                if !key.scalar().is_some_and(|key| key.starts_with("x-")) {
                    finding.below(value, unit);
                }
                if key.scalar() == Some("services") {
                    let services = value.map().unwrap_or_default();
                    services
                        .iter()
                        .for_each(|(_, service)| finding.in_env_files(service, unit));
                }
            }
        }
    }
    // Of an extended file only the services that are extended.
    for place in services.values().flat_map(|layers| &layers.0) {
        let unit = &units[place.unit];
        if let Some(service) = view::node(units, "services", place).filter(|_| unit.extended) {
            finding.below(service, unit);
            finding.in_env_files(service, unit);
        }
    }
}

struct Finding<'p> {
    looking: &'p Looking<'p>,
    problems: &'p mut Vec<Diagnostic>,
    /// Places that were told: the content of an alias is met wherever it is used.
    told: BTreeSet<(String, usize)>,
}

impl Finding<'_> {
    /// The tool fills in a service's env files, too. What is wrong with a path is its own to tell.
    fn in_env_files(&mut self, service: &Node, unit: &Unit) {
        let mut seen = unit.environment.as_ref().clone();
        let named = service.entry("env_file").map(one_or_many).unwrap_or_default();
        for file in named {
            let raw = file.entry("format").and_then(Node::scalar) == Some("raw");
            let path = file.entry("path").unwrap_or(file);
            let Some(value) = path
                .scalar()
                .and_then(|text| fill(text, &unit.environment).value)
                .filter(|_| !raw)
            else {
                continue;
            };
            let Some(Found::File(source)) = self.looking.look(&join(&unit.base, &value)) else {
                continue;
            };
            let (values, problems) = match env_file::values(&source, &seen) {
                Ok(read) => read,
                Err(problem) => (Environment::new(), vec![*problem]),
            };
            for problem in problems {
                if self.told.insert((source.path.clone(), problem.span.start)) {
                    self.problems.push(problem.related(&path.span, "named here"));
                }
            }
            seen.extend(values);
        }
    }

    fn below(&mut self, node: &Node, unit: &Unit) {
        match &node.content {
            Content::Map(entries) => entries.iter().for_each(|(_, value)| self.below(value, unit)),
            Content::List(items) => items.iter().for_each(|item| self.below(item, unit)),
            Content::Scalar(scalar) => {
                for problem in fill(&scalar.text, &unit.environment).problems {
                    let at = tree::place(node, problem.range.clone());
                    if self.told.insert((at.source.path.clone(), at.start)) {
                        self.problems.push(diagnostic(&at, problem.kind));
                    }
                }
            }
        }
    }
}

pub(super) fn diagnostic(at: &Span, kind: ProblemKind) -> Diagnostic {
    match kind {
        ProblemKind::Unset(name) => Diagnostic::error(at, format!("`{name}` is not set")).help(format!(
            "put `{name}: …` into the stack's `env`; nothing of this machine's environment is seen"
        )),
        ProblemKind::Required(name, why) => {
            let why = if why.is_empty() { why } else { format!(": {why}") };
            let help = format!("put `{name}: …` into the stack's `env`");
            Diagnostic::error(at, format!("`{name}` is required{why}")).help(help)
        }
        ProblemKind::OfTheTool(name) => Diagnostic::error(
            at,
            format!("`{name}` would be this machine's, since the compose tool itself has one"),
        )
        .help(format!(
            "put `{name}: …` into the stack's `env`, or give the variable another name"
        )),
        ProblemKind::Malformed => {
            Diagnostic::error(at, "this is no `${NAME}`").help("a `$` that shall stay one is written `$$`")
        }
    }
}
