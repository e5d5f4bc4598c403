//! Waiting until services of a swarm are as they should be. A swarm tells of no task: the manager is asked for all of them
//! when a container or a service has changed, and every now and then.

mod health;
mod told;
mod unplaced;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use tokio::time::{Instant, timeout};

use super::{Cx, Done, NodeHandle};
use crate::diagnostic::Spanned;
use crate::engine::swarm::{Life, Look, Rules, STACK, Task, Verdict, convergence, restarted};
use crate::engine::world::ContainerState;
use crate::stack::StackPlan;
use health::Health;
pub(super) use told::named;
use unplaced::Unplaced;

/// How often the manager is asked without any reason to.
const IDLE: Duration = Duration::from_millis(200);
/// How often after something has happened on a node: the manager learns of it a little later, and tells nobody.
const BUSY: Duration = Duration::from_millis(15);
/// For so long.
const LATE: Duration = Duration::from_millis(600);
/// Of so many containers the last log lines are shown in a fault, and what their healthchecks say while they are waited for.
const SHOWN: usize = 3;

/// Of each node the containers of a stack, and how often its engine has told of what is no container.
type Known = Vec<(Vec<Arc<ContainerState>>, u64)>;

/// Services of a stack that are waited for.
pub(super) struct Converging<'a> {
    pub(super) cx: &'a Cx,
    pub(super) node: &'a NodeHandle,
    pub(super) plan: &'a StackPlan,
    /// The services that are waited for, as the file calls them.
    pub(super) services: BTreeSet<String>,
    /// Their names are those of the file, too.
    pub(super) rules: Rules,
    /// True where these are all services of the stack: then nothing of others may go on.
    pub(super) whole: bool,
    /// How long all has to stay as it should be.
    pub(super) stable: Duration,
}

impl Converging<'_> {
    /// What the manager tells of the services, under their names in the file.
    pub(super) async fn look(&self) -> Done<Look> {
        let engine = &self.node.engine;
        let labels = [format!("{STACK}={}", self.plan.project)];
        let asked =
            async { futures_util::try_join!(engine.services(&labels), engine.tasks(&labels), engine.swarm_nodes()) };
        let (mut services, mut tasks, nodes) = self.cx.asked(asked).await?;
        let prefix = format!("{}_", self.plan.project);
        for service in &mut services {
            if let Some(own) = service.name.strip_prefix(&prefix) {
                service.name = own.to_owned();
            }
        }
        for task in &mut tasks {
            task.error = self.plan.in_its_words(&task.error);
        }
        let is_orphan = |task: &&Task| !task.has_ended() && !services.iter().any(|service| service.id == task.service);
        let orphans = tasks.iter().filter(is_orphan).count();
        services.retain(|service| self.services.contains(&service.name));
        let lives = self.lives(&tasks);
        Ok(Look {
            services,
            tasks,
            nodes,
            orphans,
            lives,
        })
    }

    /// What the worlds of the nodes that are watched know of the containers of tasks that have failed or completed.
    fn lives(&self, tasks: &[Task]) -> BTreeMap<String, Life> {
        let worlds: Vec<_> = self.cx.case.nodes.iter().map(|node| node.world.snapshot()).collect();
        let ended = tasks.iter().filter(|task| has_come_to_an_end(task));
        let ids = ended.filter_map(|task| task.container.as_ref());
        let known = ids.filter_map(|id| {
            let container = worlds.iter().find_map(|world| world.container(id))?;
            Some((id.clone(), life(container)))
        });
        known.collect()
    }

    /// The tasks that have ended by now, those too of which the manager still has to learn it: what comes later has to do
    /// with what is done next.
    pub(super) async fn ended_before(&self) -> Done<BTreeSet<String>> {
        self.cx.asked(self.node.world.sync()).await?;
        let look = self.look().await?;
        let late = self.late_tasks(&look);
        let ended = look.tasks.iter().filter(|task| has_come_to_an_end(task)).chain(late);
        Ok(ended.map(|task| task.id.clone()).collect())
    }

    /// Tasks that the manager takes for running whose containers have ended: it learns of that a little later.
    fn late_tasks<'l>(&self, look: &'l Look) -> Vec<&'l Task> {
        let worlds: Vec<_> = self.cx.case.nodes.iter().map(|node| node.world.snapshot()).collect();
        let of = |task: &Task| look.services.iter().any(|service| service.id == task.service);
        let has_ended = |id: &String| {
            let known = worlds.iter().find_map(|world| world.container(id));
            known.is_some_and(|container| container.has_ended())
        };
        let running = look.tasks.iter().filter(|task| task.state == "running" && of(task));
        let late = running.filter(|task| task.container.as_ref().is_some_and(has_ended));
        late.collect()
    }

    /// Waits until all are as they should be, and stay so; gives the last look.
    pub(super) async fn wait(&self) -> Done<Look> {
        let what = self.awaited();
        let (mut health, mut unplaced) = (Health::default(), Unplaced::default());
        // From when on all was as it should be, and until when it has to.
        let mut stable = None;
        let mut known = self.known();
        let mut changed = Instant::now();
        loop {
            let look = self.look().await?;
            match self.judged(&look) {
                Verdict::Failed(failed) => return Err(self.failed(&look, &failed).await),
                Verdict::Converged => {
                    let restarted = restarted(&look, &self.rules);
                    let proven = restarted.iter().map(|one| one.proven).max().unwrap_or_default();
                    let from = stable.map_or_else(Instant::now, |(from, _)| from);
                    let until = from + self.stable.max(proven);
                    if Instant::now() >= until {
                        self.tell_of(&look, &restarted);
                        return Ok(look);
                    }
                    stable = Some((from, until));
                    self.cx.waiting(&what, &self.staying(&look, &restarted));
                }
                Verdict::NotYet(seen) => {
                    stable = None;
                    let stuck = unplaced.since(&look, &self.rules);
                    if !stuck.is_empty() {
                        return Err(self.failed(&look, &stuck).await);
                    }
                    health.ask(self, &look).await;
                    let seen: Vec<&str> = seen.iter().chain(&health.told).map(String::as_str).collect();
                    self.cx.waiting(&what, &seen.join(", "));
                }
            }
            if Instant::now() >= self.cx.deadline {
                return Err(self.late(&look).await);
            }
            let pace = if changed.elapsed() < LATE { BUSY } else { IDLE };
            let ends = [Some(self.cx.deadline), stable.map(|(_, until)| until)];
            let left = ends.into_iter().flatten().min().unwrap_or(self.cx.deadline) - Instant::now();
            if let Ok(news) = timeout(pace.min(left), self.news(&known)).await {
                (known, changed) = (news?, Instant::now());
            }
        }
    }

    /// What of the worlds may say that something has changed for the services: their containers, and whether an engine
    /// has told of anything but containers. What others do to theirs is no reason to ask a manager again.
    fn known(&self) -> Known {
        let nodes = self.cx.case.nodes.iter();
        nodes
            .map(|node| (members(node, self.plan), node.world.snapshot().others))
            .collect()
    }

    /// The same once it is otherwise.
    async fn news(&self, known: &Known) -> Done<Known> {
        loop {
            let worlds = self.cx.case.nodes.iter().map(|node| &node.world);
            let worlds: Vec<_> = worlds.map(|world| (world, world.snapshot())).collect();
            let now = self.known();
            if now != *known {
                return Ok(now);
            }
            if let Some(away) = &self.node.world.snapshot().away {
                return Err(vec![self.cx.engine_fault(away)]);
            }
            // Of a worker that is away nothing is told any more; what that means for its tasks the manager knows.
            let here = worlds.iter().filter(|(_, state)| state.away.is_none());
            select_all(here.map(|(world, state)| Box::pin(world.changed(state.generation)))).await;
        }
    }

    /// What is waited for; where it is not the whole stack, also what is done with which of its services.
    fn awaited(&self) -> String {
        let done = match self.whole {
            true => String::new(),
            false => {
                let services = self.services.iter().map(String::as_str).collect::<Vec<_>>();
                format!(" ({} {})", self.cx.step.kind, services.join(", "))
            }
        };
        format!("`{}` to converge{done}", self.plan.name)
    }

    fn judged(&self, look: &Look) -> Verdict {
        let missing = |name: &&String| !look.services.iter().any(|service| service.name == **name);
        let missing = self
            .services
            .iter()
            .filter(missing)
            .map(|name| format!("`{name}` is not there yet"));
        let mut missing: Vec<String> = missing.collect();
        if self.whole && look.orphans > 0 {
            missing.push(format!(
                "{} tasks of services that are no more still go on",
                look.orphans
            ));
        }
        let late = self.late_tasks(look).into_iter();
        missing.extend(late.map(|task| {
            let service = look.services.iter().find(|service| service.id == task.service);
            let name = service.map_or("", |service| &service.name);
            format!(
                "{} has ended, and the swarm does not know it yet",
                named(look, name, task)
            )
        }));
        match convergence(look, &self.rules) {
            Verdict::Converged if !missing.is_empty() => Verdict::NotYet(missing),
            Verdict::NotYet(seen) => Verdict::NotYet([seen, missing].concat()),
            verdict => verdict,
        }
    }
}

/// How many tasks may fail, as it is written.
pub(super) fn may_fail(written: Option<&Spanned<u64>>) -> Option<usize> {
    written.map(|count| usize::try_from(count.value).unwrap_or(usize::MAX))
}

/// The containers of a stack that are there.
pub(super) fn members(node: &NodeHandle, plan: &StackPlan) -> Vec<Arc<ContainerState>> {
    let state = node.world.snapshot();
    let own = state.present().filter(|container| container.project == plan.project);
    own.cloned().collect()
}

/// True for what has failed, or completed.
fn has_come_to_an_end(task: &Task) -> bool {
    task.has_failed() || task.state == "complete"
}

fn life(container: &ContainerState) -> Life {
    let last = container.runs.last();
    let lasted = last.and_then(|run| u64::try_from(run.ended?.at? - run.started).ok());
    Life {
        lasted: lasted.map(Duration::from_nanos),
        was_healthy: container.was_healthy(),
    }
}
