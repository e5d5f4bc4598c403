//! Services that a step has left as they should be: what of them ends by itself from then on, no step has expected, unless
//! one says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Case, NodeHandle};
use crate::engine::world::ContainerState;

/// What is known of the services that are as they should be.
#[derive(Debug, Clone, Default)]
pub struct CrashWatch {
    /// By project and service: how many runs of each container had ended when a step last expected that some do. Of one that
    /// came later, none had.
    ended: BTreeMap<(String, String), BTreeMap<String, usize>>,
    /// The runs of which the fault of a step tells that they ended.
    told: BTreeSet<RunOf>,
}

/// A run of a container: its id, and when the run began.
pub type RunOf = (String, i64);

/// A service that ended by itself with an exit code other than 0, and that no step expected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crashes {
    /// The service.
    pub service: String,
    /// How often, by exit code.
    pub codes: BTreeMap<i64, usize>,
}

impl Case {
    /// These services are as they should be now.
    pub(super) fn watch<'s>(&self, node: &NodeHandle, project: &str, services: impl Iterator<Item = &'s str>) {
        let state = node.world.snapshot();
        let mut case = self.state();
        for service in services {
            let now = state.ever_of_service(project, service);
            let ended = now.iter().map(|container| (container.id.clone(), ended(container)));
            let key = (project.to_owned(), service.to_owned());
            case.crash_watch.ended.insert(key, ended.collect());
        }
    }

    /// These services (or all of the project) are not as they should be, which was told, or are no more.
    pub(super) fn unwatch(&self, project: &str, service: Option<&str>) {
        let is_other = |(of, name): &(String, String)| of != project || service.is_some_and(|service| service != name);
        self.state().crash_watch.ended.retain(|key, _| is_other(key));
    }

    /// A step has made these containers end, or judges how they ended.
    pub(super) fn expects_ends(&self, containers: &[Arc<ContainerState>]) {
        let mut case = self.state();
        for container in containers {
            let key = (container.project.clone(), container.service.clone());
            if let Some(known) = case.crash_watch.ended.get_mut(&key) {
                known.insert(container.id.clone(), ended(container));
            }
        }
    }

    /// The fault of a step tells that these have ended: nothing else has to.
    pub(super) fn tells_ends(&self, runs: impl IntoIterator<Item = RunOf>) {
        self.state().crash_watch.told.extend(runs);
    }

    /// The services that ended by themselves with an exit code other than 0 since, whether something starts them again or not.
    /// What the swarm ends for its health it sends a signal: that is no end of this kind.
    pub fn crashes(&self) -> Vec<Crashes> {
        let states: Vec<_> = self.nodes.iter().map(|node| node.world.snapshot()).collect();
        let watched = self.state().crash_watch.clone();
        let crashes = watched.ended.iter().map(|((project, service), known)| {
            let all = states.iter().flat_map(|state| state.ever_of_service(project, service));
            let mut codes = BTreeMap::new();
            for container in all {
                let from = known.get(&container.id).copied().unwrap_or_default();
                let is_told = |run: i64| watched.told.contains(&(container.id.clone(), run));
                let ends = container.ends_by_itself(from);
                for (_, code) in ends.filter(|(run, code)| *code != 0 && !is_told(*run)) {
                    *codes.entry(code).or_default() += 1;
                }
            }
            let service = self.called(project, service);
            Crashes { service, codes }
        });
        crashes.filter(|crashes| !crashes.codes.is_empty()).collect()
    }

    /// A service as steps name it: with its stack where another one has one of that name.
    pub fn called(&self, project: &str, service: &str) -> String {
        let having = self.stacks.iter().filter(|stack| stack.services.contains_key(service));
        let having: BTreeSet<usize> = having.map(|stack| stack.id).collect();
        let state = self.state();
        let stack = state.stacks.values().find(|stack| stack.plan.project == project);
        match stack.filter(|_| having.len() > 1) {
            Some(stack) => format!("{}/{service}", stack.plan.name),
            None => service.to_owned(),
        }
    }
}

fn ended(container: &ContainerState) -> usize {
    container.runs.iter().filter(|run| run.ended.is_some()).count()
}
