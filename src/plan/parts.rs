//! What a scenario is made of: images, stacks, and the steps of its phases.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Resolving, SCRATCH};
use crate::declared::{self, Declared};
use crate::event::Phase;
use crate::image::{self, ImagePlan};
use crate::scenario::{Attempt, Partial, Project, Scenario};
use crate::stack::{self, Planned, StackPlan};
use crate::step::{Binder, Bound, Elsewhere, OwnNames, StackNames};

impl Resolving<'_> {
    /// What it declares, its images, and its stacks.
    pub(super) fn made(&mut self, results: &Path) -> (Declared, Vec<ImagePlan>, Vec<StackPlan>) {
        let (case, labels) = (self.id.clone(), self.labels());
        let attempt = Attempt {
            files: self.files,
            folder: &self.loaded.folder,
            case: &case,
            labels: &labels,
        };
        let declared = self.declared(attempt);
        let mut images = self.images(attempt);
        let stacks = self.stacks((attempt, results), &declared, &mut images);
        (declared, images, stacks)
    }

    /// The stacks' names, for targets; with what an engine elsewhere cannot have of them.
    pub(super) fn stack_names(&self, stacks: &[StackPlan], elsewhere: Option<&Elsewhere>) -> Vec<StackNames> {
        let names = stacks.iter().map(|stack| stack.names(elsewhere, self.files));
        names.collect()
    }

    fn images(&mut self, attempt: Attempt<'_>) -> Vec<ImagePlan> {
        let context = image::Context {
            attempt,
            identities: &self.settings.identities,
        };
        let images = image::plan(&self.loaded.scenario.images, &mut self.scope, &context);
        self.problems.extend(images.1);
        images.0
    }

    fn declared(&mut self, attempt: Attempt<'_>) -> Declared {
        let context = declared::Context {
            attempt,
            hidden: &self.settings.hidden.join(&self.id),
        };
        let (declared, problems) = declared::plan(&self.loaded.scenario, &mut self.scope, &context);
        self.problems.extend(problems);
        declared
    }

    fn stacks(
        &mut self,
        (attempt, results): (Attempt<'_>, &Path),
        declared: &Declared,
        images: &mut Vec<ImagePlan>,
    ) -> Vec<StackPlan> {
        let scenario = &self.loaded.scenario;
        let masks = |project: &Project| !project.mask.is_empty();
        let hides = !scenario.mask.is_empty() || !scenario.secrets.is_empty() || self.project().is_some_and(masks);
        let planned = self.planned((attempt, results), declared, hides);
        // Only the stacks themselves tell that they have secrets.
        let holds = |stack: &StackPlan| !stack.planned.own_secrets.is_empty();
        let (stacks, builds, problems) = match !hides && planned.0.iter().any(holds) {
            true => self.planned((attempt, results), declared, true),
            false => planned,
        };
        self.problems.extend(problems);
        images.extend(builds);
        stacks
    }

    /// The stacks; where something is hidden, the tools read copies that nobody else finds, and it is hidden in those that
    /// stand in the results.
    fn planned(&mut self, (attempt, results): (Attempt<'_>, &Path), declared: &Declared, hides: bool) -> Planned {
        let settings = self.settings;
        let shared = if hides { &settings.hidden } else { &settings.results };
        let context = stack::Context {
            attempt,
            copies: if hides { &declared.folder } else { results },
            builds: &shared.join(SCRATCH).join(&self.id),
            contexts: &settings.results.join(SCRATCH).join(&self.id),
            identities: &settings.identities,
            given: &declared.given(),
            home: settings.env.get("HOME").map(Path::new),
            left_out: &self.loaded.partial.names,
        };
        stack::plan(&self.loaded.scenario.stacks, &mut self.scope, &context)
    }

    /// Tells what is wrong with the steps, and what is declared for nothing; of a stack that is not understood nobody knows what it has.
    pub(super) fn tell_unused(&mut self, declared: &Declared, stacks: &[StackPlan], mut binder: Binder<'_>) {
        self.problems.append(&mut binder.problems);
        self.problems.extend(declared.misnamed(stacks));
        if stacks.len() == self.loaded.scenario.stacks.0.len() && !self.loaded.partial.services {
            self.problems.extend(declared.unused(stacks, &binder.handed));
        }
    }

    /// The engine, where it is on another machine.
    pub(super) fn elsewhere(&self, (results, scratch): (&Path, &Path)) -> Option<Elsewhere> {
        let folders = [scratch, results, self.loaded.folder.as_path()].map(Path::to_owned);
        let address = self.settings.elsewhere.clone()?;
        Some(Elsewhere { address, folders })
    }

    pub(super) fn labels(&self) -> crate::engine::Labels {
        crate::lease::case_labels(&self.settings.run, &self.seed.info.file, &self.id)
    }

    /// What is wrong with the scenario as written, and what with its stacks and with what it declares.
    pub(super) fn partial(&self, stacks: &[StackNames], declared: &OwnNames) -> Partial {
        let mut partial = self.loaded.partial.clone();
        let scenario = &self.loaded.scenario;
        let unplanned = [
            without(scenario.secrets.names(), &declared.secrets),
            without(scenario.networks.names(), &declared.networks),
            without(scenario.volumes.names(), &declared.volumes),
        ];
        partial.names.extend(unplanned.into_iter().flatten());
        for name in self.loaded.scenario.stacks.names() {
            if !stacks.iter().any(|stack| stack.name == name) {
                partial.without_stack(name);
            }
        }
        partial
    }
}

/// The names of which nothing is planned.
fn without<'n, T>(names: impl Iterator<Item = &'n str>, planned: &BTreeMap<String, T>) -> Vec<String> {
    let unplanned = names.filter(|name| !planned.contains_key(*name));
    unplanned.map(str::to_owned).collect()
}

/// Binds the phases: what one saves the next see; those that run after a failure see it all only perhaps.
pub(super) fn bind_phases(binder: &mut Binder<'_>, scenario: &Scenario) -> BTreeMap<Phase, Vec<Bound>> {
    let phases = [
        (Phase::Given, &scenario.given),
        (Phase::Steps, &scenario.steps),
        (Phase::Then, &scenario.then),
        (Phase::OnFailure, &scenario.on_failure),
        (Phase::Cleanup, &scenario.cleanup),
    ];
    let mut bound = BTreeMap::new();
    for (phase, steps) in phases {
        if let Some(steps) = steps {
            bound.insert(phase, binder.steps(steps));
        }
    }
    bound
}
