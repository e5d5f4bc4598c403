//! `down`: removes a stack and waits until it is gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout_at;

use super::converging::members;
use super::describe::named;
use super::{About, Act, Binder, Body, Cx, Done, NodeHandle, Sort, Written};
use crate::diagnostic::Spanned;
use crate::engine::membership::PROJECT;
use crate::engine::swarm::STACK;
use crate::engine::world::{ContainerState, State, Waited};
use crate::engine::{Container, Resource, ResourceKind};
use crate::event::Fault;
use crate::lease::{self, CASE, Ends, clear_some};
use crate::shape::{Text, shape};
use crate::stack::StackPlan;
use crate::substitute::StackKind;

/// See the table.
pub(super) const ABOUT: About = About {
    name: "down",
    does: "Removes a stack and waits until it is gone.",
    manual: "Containers are stopped as the compose tool or the swarm does it (with their stop signal and grace period), then \
             removed with the stack's networks, of a swarm stack also its services, tasks, secrets and configs. Volumes stay, unless `volumes: true`; so does a network on which other containers of the scenario \
             run, and a note tells of it. At the scenario's end everything is removed \
             anyway, faster: this kind is for scenarios that look at what remains.",
    example: "- down: shop\n- down: {stack: shop, volumes: true}",
    sort: Sort::Action,
    limit: Duration::from_secs(120),
    results: &[],
    defaults: &[],
    locals: &[],
};

shape! {
    /// A stack to remove.
    pub struct Down ("`down`") short stack {
        /// The stack.
        stack: Text,
        /// Its volumes, too.
        volumes: Option<Spanned<bool>>,
    }
}

impl Written for Down {
    fn title(&self) -> String {
        self.stack.shown()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let stack = binder.stack(&self.stack)?;
        let volumes = self.volumes.as_ref().is_some_and(|volumes| volumes.value);
        Some(Body::Act(Arc::new(Bound { stack, volumes })))
    }
}

#[derive(Debug)]
struct Bound {
    stack: usize,
    volumes: bool,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let plan = Arc::clone(&cx.case.versions[self.stack]);
        let node = cx.case.node_of(plan.id);
        // While it is taken down, one may end for what another one was to it.
        cx.case.unwatch(&plan.project, None);
        match plan.kind {
            StackKind::Compose => stop(cx, &node, &plan).await?,
            StackKind::Swarm => dissolve(cx, &node, &plan).await?,
        }
        // Their logs go with them: first they are read to their ends.
        read_all(cx, &members(&node, &plan)).await;
        cx.timed("remove", self.remove(cx, &node, &plan)).await?;
        node.world.sync().await.map_err(|error| vec![cx.engine_fault(&error)])?;
        Ok(json!({}))
    }

    fn ends_itself(&self) -> bool {
        true
    }
}

impl Bound {
    /// Removes what there is of the stack, kind by kind, until nothing is left: a task that was on its way may have made a
    /// container, and what is being removed needs a moment.
    async fn remove(&self, cx: &Cx, node: &NodeHandle, plan: &StackPlan) -> Done<()> {
        let (case, volumes) = (cx.case.id.clone(), self.volumes);
        let held = held(cx, node, plan).await?;
        let goes = |resource: &Resource| {
            let kept = match resource.kind {
                ResourceKind::Image => true,
                ResourceKind::Volume => !volumes,
                ResourceKind::Network => held.contains_key(&resource.name),
                _ => false,
            };
            !kept && resource.labels.get(CASE) == Some(&case)
        };
        let swept = clear_some(node.engine.as_ref(), &label(plan), &goes).await;
        let left = swept.left.iter().map(|left| {
            let message = format!("`{}` is not gone: {} is left", plan.name, left.what);
            Fault::error(message)
                .at(cx.span.place())
                .detail("why", left.why.clone())
        });
        let left: Vec<Fault> = left.collect();
        if !left.is_empty() {
            return Err(left);
        }
        for network in cx.asked(node.engine.networks(&[label(plan)])).await? {
            if let Some(on) = held.get(&network.name) {
                cx.case.emitter.note(&format!(
                    "network `{}` of `{}` stays until the scenario's end: `{on}` is on it",
                    plan.in_its_words(&network.name),
                    plan.name
                ));
            }
        }
        Ok(())
    }
}

/// The networks on which containers of the case run that are not the stack's, and one of these. Removing such a network
/// would cut them off, and they are not what is taken down.
async fn held(cx: &Cx, node: &NodeHandle, plan: &StackPlan) -> Done<BTreeMap<String, String>> {
    let containers = cx.asked(node.engine.containers(&[cx.case.label()])).await?;
    let own = label(plan);
    let is_own = |container: &Container| {
        let mut labels = container.labels.iter();
        labels.any(|(name, value)| format!("{name}={value}") == own)
    };
    let others = containers
        .iter()
        .filter(|container| runs(container))
        .filter(|container| !is_own(container));
    let on = others.flat_map(|container| {
        let networks = container.networks.keys();
        networks.map(|network| (network.clone(), named(cx, container)))
    });
    Ok(on.collect())
}

/// The label of all that the stack's tool has made.
fn label(plan: &StackPlan) -> String {
    match plan.kind {
        StackKind::Compose => format!("{PROJECT}={}", plan.project),
        StackKind::Swarm => format!("{STACK}={}", plan.project),
    }
}

/// Stops the containers of a compose stack.
async fn stop(cx: &Cx, node: &NodeHandle, plan: &StackPlan) -> Done<()> {
    let containers = cx
        .asked(node.engine.containers(&[label(plan), cx.case.label()]))
        .await?;
    let running: Vec<String> = containers
        .into_iter()
        .filter(runs)
        .map(|container| container.id)
        .collect();
    match timeout_at(cx.deadline, stop_all(cx, node, &running)).await {
        Ok(stopped) => stopped,
        Err(_) => ended(cx, node, plan).await,
    }
}

/// True for a container that is to be stopped before it goes: one that is paused is resumed for that.
fn runs(container: &Container) -> bool {
    matches!(container.state.as_str(), "running" | "paused" | "restarting")
}

/// Stops containers, each with its signal and its grace.
pub(super) async fn stop_all(cx: &Cx, node: &NodeHandle, containers: &[String]) -> Done<()> {
    let stops = containers.iter().map(|id| {
        let (engine, id) = (Arc::clone(&node.engine), id.clone());
        cx.changed(async move { engine.stop(&id, None).await })
    });
    each(join_all(stops).await)
}

/// Reads the logs of containers that are to go to their ends. What is missing is told to those who decide by it; it stops no
/// removal.
pub(super) async fn read_all(cx: &Cx, containers: &[Arc<ContainerState>]) {
    let spools = &cx.case.spools;
    let read = containers
        .iter()
        .map(|container| timeout_at(cx.deadline, spools.barrier(&container.id)));
    drop(join_all(read).await);
}

/// Removes the services of a swarm stack, and stops their containers.
async fn dissolve(cx: &Cx, node: &NodeHandle, plan: &StackPlan) -> Done<()> {
    let (engine, world, labels) = (
        Arc::clone(&node.engine),
        node.world.clone(),
        [label(plan), cx.case.label()],
    );
    let dissolved = cx.changed(async move { lease::dissolve(engine.as_ref(), &world, &labels, Ends::Stopped).await });
    match timeout_at(cx.deadline, dissolved).await {
        // At the limit this tells what still runs.
        Ok(Ok(_)) | Err(_) => ended(cx, node, plan).await,
        Ok(Err(faults)) => Err(faults),
    }
}

/// Waits until no container of a stack runs.
async fn ended(cx: &Cx, node: &NodeHandle, plan: &StackPlan) -> Done<()> {
    let ended = |state: &State| {
        let mut own = state.present().filter(|container| container.project == plan.project);
        let running = own.find(|container| container.is_running());
        if let Some(container) = running {
            cx.waiting(
                &format!("`{}` to be gone", plan.name),
                &format!("`{}` still runs", container.shown()),
            );
        }
        running.is_none().then_some(())
    };
    match node.world.until(ended, cx.deadline).await {
        Ok(()) => Ok(()),
        Err(Waited::EngineAway(error)) => Err(vec![cx.engine_fault(&error)]),
        Err(Waited::Limit) => {
            let (limit, setting) = cx.passed_limit();
            let mut fault = Fault::failure(format!("`{}` was not gone within {limit}", plan.name)).hint(setting);
            fault.actual = cx.observed();
            Err(vec![fault.at(cx.span.place())])
        }
    }
}

fn each(results: Vec<Done<()>>) -> Done<()> {
    let faults: Vec<Fault> = results.into_iter().filter_map(Result::err).flatten().collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
