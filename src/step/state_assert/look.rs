//! Looking at what `state-assert` is about: at once, and again when the engine tells that it may have changed.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::select_all;
use serde_json::{Map, Value};

use super::super::resource::{NETWORKS, VOLUMES};
use super::super::{Act, ContainerRef, Cx, Done, Ref, ServiceRef, describe};
use super::{observe, swarm};
use crate::event::{Detail, Fault};
use crate::expect::Expectation;
use crate::shape::Text;

/// Of so many containers of a service a fault shows the last log lines.
const EXPLAINED: usize = 3;

/// What is looked at, bound.
#[derive(Debug)]
pub(super) enum Target {
    Service(Ref<ServiceRef>),
    Container(Ref<ContainerRef>),
    Volume(Text),
    Network(Text),
    Image(Text),
    Probe(Text),
}

/// What was seen when it was looked at last.
#[derive(Debug, Default)]
struct Seen {
    /// The step's path: another one looks for the first time.
    path: String,
    /// The containers' part of it.
    known: Value,
    /// What only an inspection tells.
    inspected: Map<String, Value>,
}

/// The step, bound.
#[derive(Debug)]
pub(super) struct Looking {
    target: Target,
    seen: Mutex<Seen>,
}

impl Looking {
    /// Nothing was seen yet.
    pub(super) fn at(target: Target) -> Looking {
        let seen = Mutex::default();
        Looking { target, seen }
    }
}

#[async_trait]
impl Act for Looking {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        match &self.target {
            Target::Service(service) => {
                let service = cx.service(service).await?;
                self.current(cx, &ContainerRef::Service(service.clone())).await?;
                judges_ends(cx, &ContainerRef::Service(service.clone()));
                let mut value = match cx.case.in_swarm(&service) {
                    Some(stack) => swarm::service(cx, &service, &stack).await?,
                    None => observe::service(cx, &service).await?,
                };
                self.tells_health(cx, &ContainerRef::Service(service.clone()), &value)
                    .await;
                let expects = cx.expect.as_ref().is_some_and(|expect| expect.expects("networks"));
                self.complete(expects, &mut value, observe::networks(cx, &service))
                    .await?;
                Ok(value)
            }
            Target::Container(container) => {
                let container = cx.target(container).await?;
                self.current(cx, &container).await?;
                let mut value = observe::container(cx, &container).await?;
                self.tells_health(cx, &container, &value).await;
                judges_ends(cx, &container);
                judges_end(cx, &container);
                self.complete(false, &mut value, observe::described(cx, &container))
                    .await?;
                Ok(value)
            }
            Target::Volume(text) => {
                let text = cx.text(text).await?;
                let name = cx.find(&text, |text| cx.case.resources().real(text, VOLUMES))?;
                self.resource(cx, observe::volume(cx, &name)).await
            }
            Target::Network(text) => {
                let text = cx.text(text).await?;
                let name = cx.find(&text, |text| cx.case.resources().real(text, NETWORKS))?;
                self.resource(cx, observe::network(cx, &name)).await
            }
            Target::Image(text) => {
                let reference = cx.text(text).await?;
                observe::image(cx, &reference).await
            }
            Target::Probe(text) => observe::probe(cx, &cx.text(text).await?).await,
        }
    }

    /// What the containers have written, those that are not as they should be first, and the output of their health.
    async fn explain(&self, cx: &Cx, _outputs: &Value, _faults: &[Fault]) -> Vec<Detail> {
        let target = match &self.target {
            Target::Service(service) => cx.service(service).await.map(ContainerRef::Service),
            Target::Container(container) => cx.target(container).await,
            Target::Probe(name) => {
                let name = cx.text(name).await.unwrap_or_default();
                let seen = cx.case.state().seen.get(&name).cloned();
                return seen.map_or_else(Vec::new, |seen| seen.now().told());
            }
            Target::Volume(_) | Target::Network(_) | Target::Image(_) => return Vec::new(),
        };
        let Ok(target) = target else { return Vec::new() };
        let mut containers = observe::containers(cx, &target);
        containers.sort_by_key(|container| container.is_running() && container.health.as_deref() != Some("unhealthy"));
        let node = match &target {
            ContainerRef::Service(service) => Ok(cx.case.node_of(service.stack)),
            ContainerRef::Background(_) => cx.one(&target).await.map(|(node, _)| node),
        };
        let Ok(node) = node else { return Vec::new() };
        let mut details = Vec::new();
        if judges_health(cx) && observe::has_no_healthcheck(&containers) {
            details.push(Detail {
                title: "health".to_owned(),
                text: format!(
                    "`{}` has no healthcheck: neither its image nor what it was started by gives it one",
                    containers[0].shown()
                ),
            });
        }
        for container in containers.iter().take(EXPLAINED) {
            details.extend(describe::details(cx, &node, &container.id).await);
        }
        details
    }

    /// Returns when what was looked at may no longer be what it was then.
    async fn changed(&self, cx: &Cx) {
        let (target, node) = match &self.target {
            Target::Service(service) => match cx.service(service).await {
                Ok(service) => (ContainerRef::Service(service.clone()), cx.case.node_of(service.stack)),
                Err(_) => return,
            },
            Target::Container(container) => match cx.target(container).await {
                Ok(target) => match cx.one(&target).await {
                    Ok((node, _)) => (target, node),
                    Err(_) => return std::future::pending().await,
                },
                Err(_) => return,
            },
            Target::Volume(_) | Target::Network(_) => return self.others_changed(cx).await,
            // An engine that builds by BuildKit tells of no image: it is asked again by `every`.
            Target::Image(_) | Target::Probe(_) => return std::future::pending().await,
        };
        loop {
            let generation = node.world.snapshot().generation;
            if observe::known(cx, &target) != self.seen().known {
                return;
            }
            if node.world.changed(generation).await.away.is_some() {
                return;
            }
        }
    }
}

/// What of a target has ended is this step's to judge, and none of what nobody expects, where it looks at that.
fn judges_ends(cx: &Cx, target: &ContainerRef) {
    let judged = |expect: &Expectation| {
        ["state", "exit", "restarts", "tasks"]
            .iter()
            .any(|field| expect.expects(field))
    };
    if cx.expect.as_ref().is_some_and(judged) {
        cx.case.expects_ends(&cx.ever(target));
    }
}

/// How a container in the background ended is this step's to judge, and no longer the scenario's end's.
fn judges_end(cx: &Cx, container: &ContainerRef) {
    let judged = |expect: &Expectation| ["state", "exit"].iter().any(|field| expect.expects(field));
    if !cx.expect.as_ref().is_some_and(judged) {
        return;
    }
    for ended in observe::containers(cx, container).iter().filter(|it| it.has_ended()) {
        cx.case.state().places.remove(&ended.id);
    }
}

/// What is said of health.
const HEALTH: [&str; 2] = ["healthy", "health"];

/// True where something is expected of its health.
fn judges_health(cx: &Cx) -> bool {
    let judged = |expect: &Expectation| HEALTH.iter().any(|field| expect.expects(field));
    cx.expect.as_ref().is_some_and(judged)
}

/// True for the look that decides: the engine may have dropped an event.
fn is_last(cx: &Cx) -> bool {
    cx.within.is_some_and(|within| tokio::time::Instant::now() >= within)
}

impl Looking {
    /// What has no healthcheck never tells of its health, unless something else makes it anew: what is expected of that
    /// and does not hold never will.
    async fn tells_health(&self, cx: &Cx, target: &ContainerRef, value: &Value) {
        if !observe::has_no_healthcheck(&observe::containers(cx, target)) || cx.others_may_start() {
            return;
        }
        let Some(health) = cx.expect.as_ref().map(|expect| expect.only(&HEALTH)) else {
            return;
        };
        // One that cannot be judged is told when all of them are.
        let judged = cx.rendered(|scope| health.judge(value, scope, &[])).await;
        if judged.is_ok_and(|faults| !faults.is_empty()) {
            cx.set_futile();
        }
    }

    fn is_first(&self, cx: &Cx) -> bool {
        self.seen().path != cx.step.path
    }

    /// A volume or network: the engine is asked at the first look, at the last one, and after it has told of any.
    async fn resource(&self, cx: &Cx, ask: impl Future<Output = Done<Value>>) -> Done<Value> {
        let (first, told) = (self.is_first(cx), observe::told_of_others(cx));
        if !first && !is_last(cx) && self.seen().known == told {
            return Ok(Value::Object(self.seen().inspected.clone()));
        }
        let value = ask.await?;
        *self.seen() = Seen {
            path: cx.step.path.clone(),
            known: told,
            inspected: value.as_object().cloned().unwrap_or_default(),
        };
        Ok(value)
    }

    async fn others_changed(&self, cx: &Cx) {
        let nodes = &cx.case.nodes;
        loop {
            let states: Vec<_> = nodes.iter().map(|node| node.world.snapshot()).collect();
            if observe::told_of_others(cx) != self.seen().known {
                return;
            }
            let changes = nodes.iter().zip(&states);
            let changes = changes.map(|(node, state)| Box::pin(node.world.changed(state.generation)));
            if select_all(changes).await.0.away.is_some() {
                return;
            }
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of containers is of now: at the first look and at the last one the engine is asked, between them it
    /// tells by itself.
    async fn current(&self, cx: &Cx, target: &ContainerRef) -> Done<()> {
        let first = self.is_first(cx);
        if first || is_last(cx) {
            let node = match target {
                ContainerRef::Service(service) => cx.case.node_of(service.stack),
                ContainerRef::Background(_) => cx.one(target).await?.0,
            };
            cx.asked(node.world.sync()).await?;
        }
        // Before it is looked at: what has ended for good is not another one then.
        cx.judge_ends(target).await;
        let known = observe::known(cx, target);
        let mut seen = self.seen();
        if first {
            *seen = Seen {
                path: cx.step.path.clone(),
                ..Seen::default()
            };
        }
        seen.known = known;
        Ok(())
    }

    /// Adds what only an inspection tells: asked for once, and again where something is expected of it.
    async fn complete(
        &self,
        again: bool,
        value: &mut Value,
        ask: impl Future<Output = Done<Map<String, Value>>>,
    ) -> Done<()> {
        let known = self.seen().inspected.clone();
        let inspected = if again || known.is_empty() { ask.await? } else { known };
        self.seen().inspected.clone_from(&inspected);
        if let Some(fields) = value.as_object_mut() {
            fields.extend(inspected);
        }
        Ok(())
    }
}
