//! Services that a step has left as they should be: what of them ends by itself from then on, no step has expected, unless
//! one says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Case, NodeHandle};
use crate::engine::world::ContainerState;

/// By project and service: how many runs of each container had ended when a step last expected that some do. Of one that came
/// later, none had.
#[derive(Debug, Clone, Default)]
pub struct Watched(BTreeMap<(String, String), BTreeMap<String, usize>>);

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
            case.watched.0.insert(key, ended.collect());
        }
    }

    /// These services (or all of the project) are not as they should be, which was told, or are no more.
    pub(super) fn unwatch(&self, project: &str, service: Option<&str>) {
        let is_other = |(of, name): &(String, String)| of != project || service.is_some_and(|service| service != name);
        self.state().watched.0.retain(|key, _| is_other(key));
    }

    /// A step has made these containers end, or judges how they ended.
    pub(super) fn expects_ends(&self, containers: &[Arc<ContainerState>]) {
        let mut case = self.state();
        for container in containers {
            let key = (container.project.clone(), container.service.clone());
            if let Some(known) = case.watched.0.get_mut(&key) {
                known.insert(container.id.clone(), ended(container));
            }
        }
    }

    /// The services that ended by themselves with an exit code other than 0 since, of those that are started again by the
    /// swarm or by their restart policy. What the swarm ends for its health it sends a signal: that is no end of this kind.
    pub fn crashes(&self) -> Vec<Crashes> {
        let states: Vec<_> = self.nodes.iter().map(|node| node.world.snapshot()).collect();
        let watched = self.state().watched.0.clone();
        let crashes = watched.iter().map(|((project, service), known)| {
            let all = states.iter().flat_map(|state| state.ever_of_service(project, service));
            let mut codes = BTreeMap::new();
            for container in all.filter(|container| is_followed(container)) {
                let from = known.get(&container.id).copied().unwrap_or_default();
                for code in container.ends_by_itself(from).filter(|code| *code != 0) {
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

fn is_followed(container: &ContainerState) -> bool {
    container.task.is_some() || !matches!(container.restart_policy.0.as_str(), "" | "no")
}
