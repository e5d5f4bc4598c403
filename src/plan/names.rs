//! The names that are known before anything starts: built-in ones, variables, and which of them are masked.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Resolving, secret};
use crate::declared::{Declared, long_parts};
use crate::diagnostic::{Diagnostic, Span};
use crate::mask::Masks;
use crate::scenario::{Early, Partial, Requires, TooLate};
use crate::step::Known;
use crate::template::{Data, Scope, Template, Unrendered};

/// Why a variable waits for nothing.
const LATE: TooLate = (
    "this is needed before anything starts, and it is known only when a stack is up",
    "use `port()`, `url()`, `address()` and saved names in steps",
);

impl Resolving<'_> {
    pub(super) fn put(&mut self, name: &str, value: Value) {
        self.scope.values.insert(name.to_owned(), Arc::new(value));
    }

    /// What has to be there, by the project file and the scenario.
    pub(super) fn requires(&self) -> impl Iterator<Item = &Requires> {
        let of_project = self.project().and_then(|project| project.requires.as_ref());
        of_project.into_iter().chain(self.loaded.scenario.requires.as_ref())
    }

    /// True where the engine is made a swarm, or has to be in one.
    pub(super) fn has_swarm(&self) -> bool {
        let is_wanted = |requires: &Requires| requires.swarm.as_ref().is_some_and(|swarm| swarm.value);
        self.loaded.scenario.cluster.is_some() || self.requires().any(is_wanted)
    }

    /// Tells who wants a swarm made, and none to be there.
    pub(super) fn check_swarm(&mut self) {
        let unwanted = self
            .requires()
            .filter_map(|requires| requires.swarm.as_ref())
            .find(|swarm| !swarm.value)
            .map(|swarm| swarm.span.clone());
        if let Some(at) = unwanted.filter(|_| self.loaded.scenario.cluster.is_some()) {
            let message = "`cluster: {swarm: true}` makes the engine a swarm, and here none is wanted";
            self.problems
                .push(Diagnostic::error(&at, message).help("take one of them out"));
        }
    }

    /// The built-in names that are known early; gives the names of the environment that are seen.
    pub(super) fn built_in(&mut self, scratch: &Path) -> Vec<String> {
        let names: Vec<String> = self
            .requires()
            .flat_map(|requires| &requires.env)
            .map(|name| name.value.clone())
            .collect();
        // One that is not set makes the scenario skipped; planning goes on to find what else there is to say.
        let env: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| {
                (
                    name.clone(),
                    self.settings.env.get(name).cloned().unwrap_or_default().into(),
                )
            })
            .collect();
        let matrix: serde_json::Map<String, Value> = self
            .seed
            .info
            .matrix
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        self.put("env", env.into());
        self.put("matrix", matrix.into());
        self.put("run", json!({"id": self.settings.run}));
        let name = self.loaded.scenario.scenario.value.clone();
        self.put(
            "scenario",
            json!({"name": name, "dir": self.loaded.folder.display().to_string()}),
        );
        self.put("scratch", scratch.display().to_string().into());
        self.put("got", json!({}));
        names
    }

    /// Variables in their order: the project's, then the scenario's, those of the command line over both.
    pub(super) fn variables(&mut self) {
        let loaded = self.loaded;
        let scenario = &loaded.scenario.vars;
        let project = loaded.project.as_deref().map(|(project, _)| &project.vars);
        for (name, value) in self.settings.overrides.clone() {
            self.put(&name, value);
        }
        for (name, (span, data)) in project.into_iter().chain([scenario]).flat_map(|vars| &vars.0) {
            if self.settings.overrides.contains_key(name) {
                continue;
            }
            if let Some(problem) = self.too_early(data) {
                self.problems.push(problem);
                self.put(name, Value::Null);
                continue;
            }
            if data.is_by_chance(&self.scope) {
                self.scope.by_chance.insert(name.clone());
            }
            let templates = data.templates();
            let file = templates
                .iter()
                .flat_map(Template::names)
                .find(|path| path.call && path.parts[0] == "file");
            let rendered = self.early(|scope| data.render(scope), file.map_or(span, |path| &path.span));
            if let Some(value) = rendered {
                self.put(name, value);
            } else {
                // Its problem is told; those that use it have none of their own.
                self.put(name, Value::Null);
            }
        }
    }

    /// Names whose values are written in the file as they are, and which nobody hides.
    pub(super) fn literal(&self) -> BTreeSet<String> {
        let scenario = &self.loaded.scenario;
        let own = self.project().into_iter().map(|project| &project.vars);
        let written = own.chain([&scenario.vars]).flat_map(|vars| &vars.0);
        let literal = written.filter(|(_, (_, data))| data.literal().is_some());
        let mut names: BTreeSet<String> = literal.map(|(name, _)| name.clone()).collect();
        let masked = self.project().into_iter().flat_map(|project| &project.mask);
        let masked: BTreeSet<&String> = masked.chain(&scenario.mask).map(|name| &name.value).collect();
        let overrides = &self.settings.overrides;
        names.retain(|name| !masked.contains(name) && !overrides.contains_key(name));
        // What a project has literally the scenario may compute.
        names.retain(|name| scenario.vars.get(name).is_none_or(|data| data.literal().is_some()));
        names
    }

    /// A variable that is used before it has a value: variables are evaluated in their order.
    pub(super) fn too_early(&self, data: &Data) -> Option<Diagnostic> {
        let templates = data.templates();
        let names = templates.iter().flat_map(Template::names);
        let early = names.filter_map(|path| {
            let name = &path.parts[0];
            let (own, _) = self.loaded.scenario.vars.0.get(name)?;
            let later = !path.call && !self.scope.values.contains_key(name);
            later.then(|| {
                let problem = Diagnostic::error(&path.span, format!("`{name}` has no value yet"));
                problem
                    .related(own, "it gets one here")
                    .help("variables are evaluated in the order in which they are written")
            })
        });
        early.into_iter().next()
    }

    /// Renders what must be known before anything starts; files are answered from the memo.
    pub(super) fn early<T>(&mut self, render: impl Fn(&Scope) -> Result<T, Unrendered>, at: &Span) -> Option<T> {
        let early = Early {
            scope: &self.scope,
            files: self.files,
            folder: &self.loaded.folder,
        };
        early.told(at, LATE, &mut self.problems, render)
    }

    pub(super) fn masked(&mut self, known: &Known, partial: &Partial) -> Vec<String> {
        let project = self.project();
        for name in &self.loaded.scenario.mask {
            if !known.has(&name.value) && !partial.has(&name.value) {
                self.problems
                    .push(Diagnostic::unknown(&name.span, "name", &name.value, known.names()));
            }
        }
        let own = self.loaded.scenario.mask.iter();
        own.chain(project.into_iter().flat_map(|project| &project.mask))
            .map(|name| name.value.clone())
            .collect()
    }

    /// The values of which no message shows a part: masked ones, as far as they are known before anything starts, secrets, and
    /// what was given to the run that secrets are made of.
    pub(super) fn hidden(&self, declared: &Declared) -> Masks {
        let masks = self.long_hidden(declared);
        self.masked_values().for_each(|value| masks.add(value));
        declared.secrets().for_each(|secret| masks.add_bytes(&secret.bytes));
        masks
    }

    /// Those of them that are in no word by chance.
    pub(super) fn long_hidden(&self, declared: &Declared) -> Masks {
        let masks = Masks::default();
        let long = self.masked_values().flat_map(long_parts);
        long.for_each(|value| masks.add(value));
        declared
            .long_secrets()
            .for_each(|secret| masks.add_bytes(&secret.bytes));
        self.given_to_secrets().iter().for_each(|value| masks.add(value));
        masks
    }

    /// Pictures show none of the values of masked names, whichever of the two files says that they are.
    pub(super) fn hide_masked(&self) {
        let of_project = self.project().into_iter().flat_map(|project| &project.mask);
        for name in self.loaded.scenario.mask.iter().chain(of_project) {
            let vars = [&self.loaded.scenario.vars].into_iter();
            let vars = vars.chain(self.project().map(|project| &project.vars));
            vars.filter_map(|vars| vars.get(&name.value)).for_each(Data::hide);
        }
    }

    fn masked_values(&self) -> impl Iterator<Item = &Value> {
        let of_project = self.project().into_iter().flat_map(|project| &project.mask);
        let masked = self.loaded.scenario.mask.iter().chain(of_project);
        masked.filter_map(|name| self.scope.values.get(&name.value).map(|value| &**value))
    }

    /// What secrets are made of that was given to the run: it is no less secret where it stands by itself.
    pub(super) fn given_to_secrets(&self) -> Vec<Value> {
        let env = self.scope.values.get("env");
        let given = secret::made_of(&self.loaded.scenario, self.project()).into_iter();
        let given = given.filter_map(|name| match name.parts.as_slice() {
            [of, name, ..] if of == "env" => env?.get(name).cloned(),
            [name, ..] => self.settings.overrides.get(name).cloned(),
            [] => None,
        });
        let given: Vec<Value> = given.collect();
        given.iter().flat_map(long_parts).cloned().collect()
    }

    /// The masked names whose values come from the command line, or that the project masks.
    pub(super) fn masked_everywhere(&self, masked: &[String]) -> Vec<String> {
        let of_project = |name: &String| {
            let mut project = self.project().into_iter().flat_map(|project| &project.mask);
            project.any(|masked| masked.value == *name)
        };
        let everywhere = |name: &&String| self.settings.overrides.contains_key(*name) || of_project(name);
        masked.iter().filter(everywhere).cloned().collect()
    }
}
