//! What can no longer happen: a container that has ended, and that nothing which still goes on can start again.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::super::{ContainerRef, NodeHandle, UNPLACED};
use super::Cx;
use crate::engine::swarm::{STACK, goes_on};
use crate::engine::world::ContainerState;
use crate::engine::{EngineResult, Reason};
use crate::wait::{Pace, every};

/// Soon after a task has ended the swarm decides whether another one follows it, and tells nobody: it is asked so often.
const BUSY: Pace = Pace::steady(Duration::from_millis(15));
/// For so long at most, where what is asked is asked again.
const DECIDES: Duration = Duration::from_secs(2);

impl Cx {
    /// Says that asking again cannot help where a container has ended for good.
    pub async fn judge_end(&self, node: &NodeHandle, id: &str) {
        let container = node.world.snapshot().container(id).cloned();
        let containers: Vec<_> = container.into_iter().collect();
        let replica = containers.first().map(|container| container.number);
        self.judge(node, &containers, replica).await;
    }

    /// The same for all containers that a target ever had; one without any may still get its first.
    pub async fn judge_ends(&self, target: &ContainerRef) {
        let (node, replica) = match target {
            ContainerRef::Service(service) => (self.case.node_of(service.stack), service.replica),
            ContainerRef::Background(name) => {
                let known = self.case.state().backgrounds.get(name).map(|(node, _)| *node);
                (self.case.nodes[known.unwrap_or(UNPLACED)].clone(), None)
            }
        };
        self.judge(&node, &self.ever(target), replica).await;
    }

    async fn judge(&self, node: &NodeHandle, containers: &[Arc<ContainerState>], replica: Option<u32>) {
        let are_over = !containers.is_empty() && self.are_over(node, containers, replica).await;
        if are_over && !self.others_may_start() {
            self.set_futile();
        }
    }

    /// The faults of this attempt tell that a run of a container has ended.
    pub fn tells_end(&self, id: &str, run: i64) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.push((id.to_owned(), run));
    }

    /// They tell how these containers have ended.
    pub fn tells_ends<'c>(&self, containers: impl IntoIterator<Item = &'c Arc<ContainerState>>) {
        for container in containers {
            let ended = container.runs.iter().filter(|run| run.ended.is_some());
            ended.for_each(|run| self.tells_end(&container.id, run.started));
        }
    }

    /// Its faults are those that its step has: what they tell of needs no note at the end.
    pub fn stands(&self) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.case.tells_ends(ended.drain(..));
    }

    /// True when containers of one service have ended, and none will run in their places by itself: no restart policy of
    /// theirs, and no swarm, sees to that.
    pub async fn are_over(&self, node: &NodeHandle, containers: &[Arc<ContainerState>], replica: Option<u32>) -> bool {
        self.are_over_once_decided(node, (containers, replica), DECIDES).await
    }

    /// The same, where a swarm is given so long to decide it.
    pub async fn are_over_once_decided(
        &self,
        node: &NodeHandle,
        (containers, replica): (&[Arc<ContainerState>], Option<u32>),
        decides: Duration,
    ) -> bool {
        if !containers.iter().all(|container| container.is_over()) {
            return false;
        }
        match containers.iter().find(|container| container.task.is_some()) {
            None => true,
            Some(of) => {
                let until = self.deadline.min(Instant::now() + decides);
                let decided = || async {
                    match follow(node, of, replica).await {
                        Ok(None) => Err(()),
                        Ok(Some(follow)) => Ok(!follow),
                        // What is not known now is asked again.
                        Err(why) => Ok(why.reason == Reason::NotFound),
                    }
                };
                every(BUSY, until, decided).await.unwrap_or(false)
            }
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

/// Whether the swarm has tasks follow that of a container, or of another one of its service; none before it has decided.
async fn follow(node: &NodeHandle, of: &ContainerState, replica: Option<u32>) -> EngineResult<Option<bool>> {
    let name = format!("{}_{}", of.project, of.service);
    let labels = [format!("{STACK}={}", of.project)];
    let asked = async { futures_util::try_join!(node.engine.service(&name), node.engine.tasks(&labels)) };
    let (service, tasks) = asked.await?;
    let state = node.world.snapshot();
    let known = tasks
        .iter()
        .filter_map(|task| state.container(task.container.as_ref()?));
    let ended = known.filter(|container| container.has_ended());
    let ended = ended.map(|container| (container.id.clone(), container.exit)).collect();
    Ok(goes_on(&service, replica.map(u64::from), &tasks, &ended))
}
