//! What can no longer happen: a container that has ended, and that nothing which still goes on can start again.

use std::sync::Arc;

use super::super::{ContainerRef, NodeHandle};
use super::Cx;
use crate::engine::world::ContainerState;

impl Cx {
    /// Says that asking again cannot help where a container has ended for good.
    pub fn judge_end(&self, node: &NodeHandle, id: &str) {
        let state = node.world.snapshot();
        if state.container(id).is_some_and(|container| container.is_over()) && !self.others_may_start() {
            self.set_futile();
        }
    }

    /// The same for all containers that a target ever had; one without any may still get its first.
    pub fn judge_ends(&self, target: &ContainerRef) {
        let containers = self.ever(target);
        let all_over = !containers.is_empty() && containers.iter().all(|container| container.is_over());
        if all_over && !self.others_may_start() {
            self.set_futile();
        }
    }

    /// True while something goes on beside this step that may start containers: another lane, a process in the background
    /// on this machine, or a container that was given the engine's socket. Who else has the engine is not known, and not
    /// waited for.
    pub fn others_may_start(&self) -> bool {
        if *self.case.walks.borrow() > 1 {
            return true;
        }
        if !self.case.running_here().is_empty() {
            return true;
        }
        let has_engine = |container: &Arc<ContainerState>| container.engine_socket && container.is_running();
        self.case.nodes.iter().any(|node| {
            let state = node.world.snapshot();
            state
                .with_label(crate::lease::CASE, &self.case.id)
                .iter()
                .any(has_engine)
        })
    }

    /// The containers that a target ever had, those that are gone too.
    pub fn ever(&self, target: &ContainerRef) -> Vec<Arc<ContainerState>> {
        match target {
            ContainerRef::Background(name) => {
                let known = self.case.state().backgrounds.get(name).cloned();
                let container = known.and_then(|(node, id)| {
                    let state = self.case.nodes[node].world.snapshot();
                    state.container(&id).cloned()
                });
                container.into_iter().collect()
            }
            ContainerRef::Service(service) => {
                let stack = self.case.state().stacks.get(&service.stack).cloned();
                let Some(stack) = stack else { return Vec::new() };
                let state = self.case.nodes[stack.node].world.snapshot();
                let mut all = state.ever_of_service(&stack.plan.project, &service.service);
                all.retain(|container| service.replica.is_none_or(|replica| container.number == replica));
                all
            }
        }
    }
}
