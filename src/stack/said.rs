//! What a docker tool or a task said of a stack, in the words of its files.

use super::StackPlan;
use crate::substitute::{self, Rewritten, StackKind};

impl StackPlan {
    /// The same, with the names of the files in place of those that are unique in each run.
    pub fn in_its_words(&self, said: &str) -> String {
        let Rewritten {
            networks,
            volumes,
            secrets,
            configs,
            ..
        } = &self.planned;
        let made = [networks, volumes, secrets, configs].into_iter().flatten();
        let case = self.labels.get(crate::lease::CASE);
        let is_ours = |real: &str| real.starts_with(&self.project) || case.is_some_and(|case| real.contains(case));
        let made = made.filter_map(|(name, real)| Some((real.clone().filter(|real| is_ours(real))?, name.clone())));
        let services = self.planned.services.keys().map(|name| match self.kind {
            StackKind::Compose => (format!("{}-{name}-", self.project), format!("{name}-")),
            StackKind::Swarm => (format!("{}_{name}", self.project), name.clone()),
        });
        substitute::of_names(said, &made.chain(services).collect::<Vec<_>>())
    }
}
