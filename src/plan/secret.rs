//! Secrets: what those of the scenario are made of, and what those of the stacks' own files hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::declared::is_short;
use crate::diagnostic::{Diagnostic, Span};
use crate::mask::{FEW_LETTERS, Masks};
use crate::scenario::{Combination, Files, Project, Scenario};
use crate::shape::Text;
use crate::stack::StackPlan;
use crate::substitute::Content;
use crate::template::{NamePath, Scope, Template};

/// A secret of a stack's own file, as it is before anything starts.
#[derive(Clone)]
pub struct StackSecret {
    name: String,
    at: Span,
    /// What it holds.
    pub bytes: Arc<[u8]>,
}

impl std::fmt::Debug for StackSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "secret `{}`", self.name)
    }
}

impl StackSecret {
    /// True where so little is hidden that it may stand in any word.
    pub fn is_short(&self) -> bool {
        is_short(&self.bytes)
    }

    /// What `check` tells of it: one that is hard to hide.
    pub(super) fn note(&self) -> Option<Diagnostic> {
        let name = &self.name;
        let message = format!(
            "the secret `{name}` of this stack has fewer than {FEW_LETTERS} letters: they become `***` wherever they stand \
             in what this scenario tells, within words too"
        );
        let help = format!(
            "let the scenario give it a longer value (`secrets: {{{name}: {{content: …}}}}`): what other scenarios tell is \
             not searched for so few letters"
        );
        let is_told = self.is_short() && !self.bytes.trim_ascii().is_empty();
        is_told.then(|| Diagnostic::warning(&self.at, message).help(help))
    }
}

/// What the stacks' own secrets hold, as far as it is known: a file that is not there yet a step may make.
pub(super) fn of_stacks(stacks: &[StackPlan], files: &Files) -> Vec<StackSecret> {
    let secrets = stacks.iter().flat_map(|stack| &stack.planned.own_secrets);
    let known = secrets.filter_map(|secret| {
        let bytes = match secret.content.as_ref()? {
            Content::Text { text, .. } => text.as_bytes().into(),
            Content::Path(path) => files.bytes(path)?.ok()?,
        };
        Some(StackSecret {
            name: secret.name.clone(),
            at: secret.at.clone(),
            bytes,
        })
    });
    known.collect()
}

/// All names that the contents of a scenario's secrets have in them, by themselves or through variables.
pub(super) fn made_of(scenario: &Scenario, project: Option<&Project>) -> Vec<NamePath> {
    let mut names: Vec<NamePath> = contents(scenario).flat_map(Text::names).cloned().collect();
    let (mut seen, mut at) = (BTreeSet::new(), 0);
    while let Some(name) = names.get(at).and_then(|path| path.parts.first()).cloned() {
        at += 1;
        if !seen.insert(name.clone()) {
            continue;
        }
        // The scenario's own wins over the project's.
        let own = scenario.vars.get(&name);
        let data = own.or_else(|| project.and_then(|project| project.vars.get(&name)));
        let templates = data.map(|data| data.templates()).unwrap_or_default();
        names.extend(templates.iter().flat_map(Template::names).cloned());
    }
    names
}

/// What is hidden of a case as far as its files and its place in the matrix tell: what is given to the run comes later.
pub(super) fn hidden_early(scenario: &Scenario, project: Option<&Project>, matrix: &Combination) -> Masks {
    let mut scope = Scope::default();
    let matrix: Map<String, Value> = matrix
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    scope.values.insert("matrix".to_owned(), Arc::new(matrix.into()));
    let of_project = project.map(|project| &project.vars).into_iter();
    for (name, (_, data)) in of_project.chain([&scenario.vars]).flat_map(|vars| &vars.0) {
        if let Ok(value) = data.render(&scope) {
            scope.values.insert(name.clone(), Arc::new(value));
        }
    }
    let masks = Masks::default();
    let of_project = project.into_iter().flat_map(|project| &project.mask);
    let masked = scenario.mask.iter().chain(of_project);
    let values = masked.filter_map(|name| scope.values.get(&name.value));
    values.for_each(|value| masks.add(value));
    let known = contents(scenario).filter_map(|content| content.text(&scope).ok());
    known.for_each(|content| masks.add(&content.into()));
    masks
}

/// The contents that are written in the scenario itself.
fn contents(scenario: &Scenario) -> impl Iterator<Item = &Text> {
    let secrets = scenario.secrets.iter();
    secrets.filter_map(|(_, secret)| secret.content.as_ref())
}
