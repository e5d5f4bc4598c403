//! Changing a service of a swarm: as its manager knows it, again where somebody else was quicker, and waited for.

mod stages;
mod undone;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::converging::Converging;
use super::{Binder, Cx, Done, NodeHandle, Ref, ServiceRef, StackNames};
use crate::diagnostic::Diagnostic;
use crate::engine::Reason;
use crate::engine::swarm::{Change, Look, Rules, Service};
use crate::engine::world::ContainerState;
use crate::expect::{Field, FieldKind};
use crate::shape::Text;
use crate::stack::StackPlan;
use crate::substitute::StackKind;
use stages::{stages, timeline};

/// How long all has to stay as it should be after a change when nothing is said.
pub(super) const STABLE: Duration = Duration::from_secs(1);
/// How often a change is made anew because somebody else has changed the service in between.
const TRIES: usize = 10;

/// What an update's result has.
pub(super) const RESULT: &[Field] = &[
    Field {
        name: "stages",
        kind: FieldKind::List,
        doc: "How many tasks were new each time when none was on its way: `[2, 4, 6]`, two at a time. With a healthcheck those count that are healthy. Without a `delay` they run into each other. Put together from what the containers' engines tell: none is missed.",
    },
    Field {
        name: "state",
        kind: FieldKind::Words(&["completed", "paused", "rollback_completed", "rollback_paused"]),
        doc: "How the swarm says it ended: `completed paused rollback_completed rollback_paused`.",
    },
    Field {
        name: "duration",
        kind: FieldKind::Duration,
        doc: "How long it took.",
    },
];

/// Binds a service of a swarm stack.
pub(super) fn bind(binder: &mut Binder<'_>, text: &Text, kind: &str) -> Option<Ref<ServiceRef>> {
    let found = binder.service(text)?;
    if let Ref::Bound(service) = &found {
        let stack = binder
            .fixed
            .stacks
            .iter()
            .find(|stack| stack.name == *service.stack_name);
        if stack.is_some_and(|stack| stack.kind == StackKind::Compose) {
            let message = format!("`{service}` is a service of compose files: `{kind}` is for those of a swarm");
            let problem = Diagnostic::error(&text.span, message)
                .help("another version of a compose stack is brought up by `up` (`version-of`)");
            binder.problems.push(problem);
            return None;
        }
        if service.replica.is_some() {
            let message = format!("`{service}` is one replica: a swarm changes a service as a whole");
            let problem =
                Diagnostic::error(&text.span, message).help(format!("name the service: `{}`", service.service));
            binder.problems.push(problem);
            return None;
        }
    }
    Some(found)
}

/// True for a service that each version of its stack has among such ones.
pub(super) fn always_among(
    binder: &Binder<'_>,
    service: &ServiceRef,
    such: fn(&StackNames) -> &BTreeSet<String>,
) -> bool {
    let versions = binder.fixed.stacks.iter().filter(|stack| stack.id == service.stack);
    let mut having = versions
        .filter(|stack| stack.services.contains_key(&*service.service))
        .peekable();
    having.peek().is_some() && having.all(|stack| such(stack).contains(&*service.service))
}

/// A service that a step changes.
pub(super) struct Changing<'a> {
    pub(super) cx: &'a Cx,
    pub(super) node: NodeHandle,
    pub(super) service: ServiceRef,
    plan: Arc<StackPlan>,
    /// The tasks that have ended by now: how they did is no news.
    pub(super) known: BTreeSet<String>,
    /// The containers that it has had by now.
    pub(super) before: Vec<Arc<ContainerState>>,
    began: Instant,
}

impl<'a> Changing<'a> {
    /// The service of a reference, before it is changed.
    pub(super) async fn of(cx: &'a Cx, service: &Ref<ServiceRef>) -> Done<Changing<'a>> {
        Changing::of_service(cx, cx.service(service).await?).await
    }

    /// The same of a service that is known.
    pub(super) async fn of_service(cx: &'a Cx, service: ServiceRef) -> Done<Changing<'a>> {
        if cx.case.in_swarm(&service).is_none() {
            return Err(cx.error(format!("`{service}` is no service of a swarm")));
        }
        let state = cx
            .case
            .state()
            .stacks
            .get(&service.stack)
            .map(|state| Arc::clone(&state.plan));
        let plan = state.ok_or_else(|| cx.error(format!("`{}` is not there", service.stack_name)))?;
        let node = cx.case.node_of(service.stack);
        let mut changing = Changing {
            cx,
            node,
            service,
            plan,
            known: BTreeSet::new(),
            before: Vec::new(),
            began: Instant::now(),
        };
        cx.asked(changing.node.world.sync()).await?;
        changing.before = changing.containers();
        changing.known = changing.converging(Rules::default(), STABLE).ended_before().await?;
        Ok(changing)
    }

    /// Makes a change of the service as it is.
    pub(super) async fn change(&self, change: impl Fn(&Service) -> Done<Change>) -> Done<()> {
        let name = format!("{}_{}", self.plan.project, self.service.service);
        for _ in 0..TRIES {
            let known = match self.node.engine.service(&name).await {
                Err(why) if why.reason == Reason::NotFound => {
                    let hint = format!("deploy it first: `- deploy: {}`", self.service.stack_name);
                    let message = format!("`{}` is no service of the swarm", self.service);
                    return Err(self.cx.failure_with_hint(message, hint));
                }
                known => self.cx.asked(async { known }).await?,
            };
            let change = change(&known)?;
            let engine = Arc::clone(&self.node.engine);
            // A conflict is an answer here: the service is asked for anew.
            let done = self.cx.changed(async move {
                match engine.change_service(&known, &change).await {
                    Err(why) if why.reason == Reason::Conflict => Ok(false),
                    done => done.map(|()| true),
                }
            });
            if done.await? {
                return Ok(());
            }
        }
        Err(self.cx.error("the service is changed again and again by somebody else"))
    }

    /// Waits until the service is as it should be.
    pub(super) async fn converged(&self, rules: Rules, stable: Duration) -> Done<Look> {
        let known = self.known.clone();
        let converging = self.converging(Rules { known, ..rules }, stable);
        let converged = self.cx.timed("wait", converging.wait()).await;
        let synced = self.cx.asked(self.node.world.sync()).await;
        let (project, service) = (&self.plan.project, &*self.service.service);
        match &converged {
            Ok(look) if !is_paused(look) => {
                self.containers().iter().for_each(|it| self.cx.takes_for_running(it));
                self.cx.case.watch(&self.node, project, std::iter::once(service));
            }
            _ => self.cx.case.unwatch(project, Some(service)),
        }
        let look = converged?;
        synced.map(|()| look)
    }

    pub(super) fn converging(&self, rules: Rules, stable: Duration) -> Converging<'_> {
        Converging {
            cx: self.cx,
            node: &self.node,
            plan: &self.plan,
            services: BTreeSet::from([self.service.service.to_string()]),
            whole: false,
            rules,
            stable,
        }
    }

    fn containers(&self) -> Vec<Arc<ContainerState>> {
        let state = self.node.world.snapshot();
        state.ever_of_service(&self.plan.project, &self.service.service)
    }

    /// That the swarm does not wait between tasks: what is replaced next begins before all of a stage are up.
    fn without_delay(&self, service: &Service) -> Option<String> {
        let (key, own) = match self.cx.step.kind.as_str() {
            "rollback" => ("RollbackConfig", "`rollback_config: {delay: 2s}` in the file"),
            _ => ("UpdateConfig", "`delay: 2s`"),
        };
        let delay = service.spec[key]["Delay"].as_u64().unwrap_or_default();
        (delay == 0).then(|| {
            format!(
                "there is no `delay`: the next tasks are replaced before all of a stage are up; {own} parts the stages"
            )
        })
    }

    /// The result of an update, once it has come to its end. Where there was nothing to replace the swarm says nothing of it.
    pub(super) fn result(&self, look: &Look, unsaid: &str) -> Done<Value> {
        let expects_stages = self.cx.expect.as_ref().is_some_and(|expect| expect.expects("stages"));
        let (all, watched) = (look.nodes.len(), self.cx.case.nodes.len());
        if expects_stages && all > watched {
            let message =
                format!("the swarm has {all} nodes, and the containers of {watched} are watched: `stages` are of all");
            return Err(self.cx.error(message));
        }
        let update = look.services.first().and_then(|service| service.update.as_ref());
        let ids: BTreeSet<String> = self.before.iter().map(|container| container.id.clone()).collect();
        let running = self.before.iter().filter(|container| container.is_running()).count();
        let made = look.tasks.iter();
        let made = made.filter_map(|task| Some((task.container.clone()?, task.created)));
        let (containers, made) = (self.containers(), made.collect());
        if expects_stages {
            let timeline = timeline(&ids, &containers, &made);
            let delay = look.services.first().and_then(|service| self.without_delay(service));
            let told: Vec<String> = std::iter::once(timeline).chain(delay).collect();
            self.cx
                .tells_of_failure("since the first new task was made", told.join("\n"));
        }
        Ok(json!({
            "state": update.map_or(unsaid, |update| &update.state),
            "stages": stages((&ids, running), &containers, &made),
            "duration": self.began.elapsed().as_secs_f64(),
        }))
    }
}

/// True where an update has stopped half way, as it was expected to: what of it fails goes on to fail.
fn is_paused(look: &Look) -> bool {
    let mut updates = look.services.iter().filter_map(|service| service.update.as_ref());
    updates.any(|update| update.state.ends_with("paused"))
}
