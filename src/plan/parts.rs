//! What a scenario is made of: images, stacks, and the steps of its phases.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Resolving, SCRATCH};
use crate::event::Phase;
use crate::image::{self, ImagePlan};
use crate::scenario::{Partial, Scenario};
use crate::stack::{self, StackPlan};
use crate::step::{Binder, Bound, StackNames};

impl Resolving<'_> {
    pub(super) fn images(&mut self) -> Vec<ImagePlan> {
        let context = image::Context {
            files: self.files,
            folder: &self.loaded.folder,
            identities: &self.settings.identities,
            case: &self.id,
        };
        let images = image::plan(&self.loaded.scenario.images, &mut self.scope, &context);
        self.problems.extend(images.1);
        images.0
    }

    pub(super) fn stacks(&mut self, results: &Path, images: &mut Vec<ImagePlan>) -> Vec<StackPlan> {
        let context = stack::Context {
            files: self.files,
            folder: &self.loaded.folder,
            results,
            builds: &self.settings.results.join(SCRATCH).join(&self.id),
            identities: &self.settings.identities,
            case: &self.id,
            labels: &self.labels(),
            left_out: &self.loaded.partial.names,
        };
        let (stacks, builds, problems) = stack::plan(&self.loaded.scenario.stacks, &mut self.scope, &context);
        self.problems.extend(problems);
        images.extend(builds);
        stacks
    }

    pub(super) fn labels(&self) -> crate::engine::Labels {
        crate::lease::case_labels(&self.settings.run, &self.seed.info.file, &self.id)
    }

    /// What is wrong with the scenario as written, and what with its stacks.
    pub(super) fn partial(&self, stacks: &[StackNames]) -> Partial {
        let mut partial = Partial {
            problems: Vec::new(),
            ..self.loaded.partial.clone()
        };
        for name in self.loaded.scenario.stacks.names() {
            if !stacks.iter().any(|stack| stack.name == name) {
                partial.without_stack(name);
            }
        }
        partial
    }
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
