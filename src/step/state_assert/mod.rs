//! `state-assert`: what Docker says of a service, container, volume, network, image or probe.

mod fields;
mod observe;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fields::{Of, RESULT};
use futures_util::future::select_all;
use serde_json::{Map, Value};

use super::resource::{NETWORKS, Sort as ResourceSort, VOLUMES, mistyped, network_name, volume_name};
use super::{About, Act, Binder, Body, ContainerRef, Cx, Done, Later, Ref, ServiceRef, Sort, Step, Written, describe};
use crate::diagnostic::Diagnostic;
use crate::event::{Detail, Fault};
use crate::expect::Expectation;
use crate::shape::{Rule, Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "state-assert",
    does: "Checks what Docker says of a service, container, volume, network, image or probe.",
    manual: "What can be expected: of a `service` `wanted running healthy completed restarts exit image nodes networks`; of \
             a `container` `state health exit restarts image node user mounts`; of a `volume`, a `network` or an `image` \
             `exists nodes driver labels`; of a `probe` `answers failures max_outage outage first_failure values`. \
             Volumes and networks are named as in the file (`shop/data`) or by their real names, never by a part of one. \
             With `within` it is looked at again at each change that the engine tells of, and an image by `every`.",
    example: "- state-assert: {service: db}\n  within: 60s\n  expect: {healthy: 1, restarts: 0}\n\
              - state-assert: {volume: shop/data}\n  expect: {exists: false}\n\
              - state-assert: {probe: front}\n  expect: {max_outage: {le: 2s}}",
    sort: Sort::Check,
    limit: Duration::from_secs(60),
    results: RESULT,
    defaults: &[],
    locals: &[],
};

/// Of so many containers of a service a fault shows the last log lines.
const EXPLAINED: usize = 3;

shape! {
    /// What to look at: one of its keys.
    pub struct StateAssert ("`state-assert`") rules [Rule::One(&["service", "container", "volume", "network", "image", "probe"])] {
        /// A service: all its replicas, or one: `web.2`.
        service: Option<Text>,
        /// A container: one that a `run` started, or a `container_name` of a compose file.
        container: Option<Text>,
        /// A volume: as in the file (`shop/data`), or by its real name.
        volume: Option<Text>,
        /// A network, likewise.
        network: Option<Text>,
        /// An image's reference.
        image: Option<Text>,
        /// A probe.
        probe: Option<Text>,
        /// A node.
        node: Option<Later>,
        /// The cluster.
        cluster: Option<Later>,
    }
}

impl StateAssert {
    fn targets(&self) -> Vec<(Of, &Text)> {
        let all = [
            (Of::Service, &self.service),
            (Of::Container, &self.container),
            (Of::Volume, &self.volume),
            (Of::Network, &self.network),
            (Of::Image, &self.image),
            (Of::Probe, &self.probe),
        ];
        let given = all.into_iter().filter_map(|(of, text)| Some((of, text.as_ref()?)));
        given.collect()
    }

    /// The one target.
    fn target(&self) -> Option<(Of, &Text)> {
        match self.targets().as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }
}

impl Written for StateAssert {
    fn title(&self) -> String {
        let target = self.targets().first().map(|(of, text)| match of {
            Of::Service => text.shown(),
            of => format!("{} {}", of.word(), text.shown()),
        });
        target.unwrap_or_default()
    }

    fn results_by() -> &'static [(&'static str, &'static [&'static str])] {
        const {
            &[
                (Of::Service.word(), Of::Service.fields()),
                (Of::Container.word(), Of::Container.fields()),
                (Of::Volume.word(), Of::Volume.fields()),
                (Of::Network.word(), Of::Network.fields()),
                (Of::Image.word(), Of::Image.fields()),
                (Of::Probe.word(), Of::Probe.fields()),
            ]
        }
    }

    fn check(&self, step: &Step, binder: &mut Binder<'_>) {
        let Some((of, _)) = self.target() else { return };
        let Some(expect) = &step.expect else {
            binder.error(
                &step.kind_at,
                "this checks nothing: `expect` is missing",
                format!(
                    "add a line `expect: {{{}}}`; of a {} there is {}",
                    of.example(),
                    of.word(),
                    listed(of.fields())
                ),
            );
            return;
        };
        for (name, span) in expect.fields() {
            if !of.fields().contains(&name) {
                let what = format!("field of a {}'s state,", of.word());
                let known = of.fields().iter().copied();
                binder.problems.push(Diagnostic::unknown(span, &what, name, known));
            }
        }
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let targets = self.targets();
        let Some((of, text)) = self.target() else {
            let at = targets.get(1).map_or(&self.span, |(_, text)| &text.span);
            let message = match targets.is_empty() {
                true => "nothing to look at",
                false => "one thing to look at is wanted",
            };
            binder.error(
                at,
                message,
                "it is one of `service`, `container`, `volume`, `network`, `image`, `probe`",
            );
            return None;
        };
        let target = match of {
            Of::Service => Target::Service(binder.service_or_none(text)?),
            Of::Container => Target::Container(binder.container(text)?),
            Of::Volume => Target::Volume(resource(binder, text, (VOLUMES, volume_name))?),
            Of::Network => Target::Network(resource(binder, text, (NETWORKS, network_name))?),
            Of::Image => Target::Image(text.clone()),
            Of::Probe => {
                if let Some(name) = text.as_literal()
                    && !binder.probes.iter().any(|probe| probe.value == name)
                {
                    let known = binder.probes.iter().map(|probe| probe.value.as_str());
                    let problem = Diagnostic::unknown(&text.span, "probe", name, known);
                    binder.problems.push(problem);
                }
                Target::Probe(text.clone())
            }
        };
        Some(Body::Act(Arc::new(Bound {
            target,
            seen: Mutex::default(),
        })))
    }
}

fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// How a real name is found.
type Find = fn(&str, &[super::StackNames]) -> Result<String, super::Unfound>;

/// A name of a stack's volume or network is looked up now, where it is written literally.
fn resource(binder: &mut Binder<'_>, text: &Text, (sort, find): (ResourceSort, Find)) -> Option<Text> {
    let Some(literal) = text.as_literal() else {
        return Some(text.clone());
    };
    match find(literal, binder.fixed.stacks) {
        Ok(real) => {
            let near = mistyped((literal, &real), &text.span, sort, binder.fixed.stacks);
            binder.problems.extend(near);
            Some(text.clone())
        }
        Err(_) if binder.fixed.is_unsure(literal) => None,
        Err(unfound) => {
            binder.problems.push(unfound.at(&text.span));
            None
        }
    }
}

#[derive(Debug)]
enum Target {
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

#[derive(Debug)]
struct Bound {
    target: Target,
    seen: Mutex<Seen>,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        match &self.target {
            Target::Service(service) => {
                let service = cx.service(service).await?;
                self.current(cx, &ContainerRef::Service(service.clone())).await?;
                let mut value = observe::service(cx, &service)?;
                self.tells_health(cx, &ContainerRef::Service(service.clone()));
                let expects = cx.expect.as_ref().is_some_and(|expect| expect.expects("networks"));
                self.complete(expects, &mut value, observe::networks(cx, &service))
                    .await?;
                Ok(value)
            }
            Target::Container(container) => {
                let container = cx.target(container).await?;
                self.current(cx, &container).await?;
                let mut value = observe::container(cx, &container)?;
                self.tells_health(cx, &container);
                judges_end(cx, &container);
                self.complete(false, &mut value, observe::described(cx, &container))
                    .await?;
                Ok(value)
            }
            Target::Volume(text) => {
                let text = cx.text(text).await?;
                let name = cx.find(&text, |text| volume_name(text, &cx.case.stacks))?;
                self.resource(cx, observe::volume(cx, &name)).await
            }
            Target::Network(text) => {
                let text = cx.text(text).await?;
                let name = cx.find(&text, |text| network_name(text, &cx.case.stacks))?;
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
            Target::Volume(_) | Target::Network(_) | Target::Image(_) | Target::Probe(_) => return Vec::new(),
        };
        let Ok(target) = target else { return Vec::new() };
        let mut containers = observe::containers(cx, &target);
        containers.sort_by_key(|container| container.is_running() && container.health.as_deref() != Some("unhealthy"));
        let node = match &target {
            ContainerRef::Service(service) => Ok(cx.case.node_of(service.stack)),
            ContainerRef::Background(_) => cx.one(&target).map(|(node, _)| node),
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
                Ok(target) => match cx.one(&target) {
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

/// True where something is expected of its health.
fn judges_health(cx: &Cx) -> bool {
    let judged = |expect: &Expectation| ["healthy", "health"].iter().any(|field| expect.expects(field));
    cx.expect.as_ref().is_some_and(judged)
}

/// True for the look that decides: the engine may have dropped an event.
fn is_last(cx: &Cx) -> bool {
    cx.within.is_some_and(|within| tokio::time::Instant::now() >= within)
}

impl Bound {
    /// What has no healthcheck never tells of its health, unless something else makes it anew.
    fn tells_health(&self, cx: &Cx, target: &ContainerRef) {
        if judges_health(cx) && observe::has_no_healthcheck(&observe::containers(cx, target)) && !cx.others_may_start()
        {
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
                ContainerRef::Background(_) => cx.one(target)?.0,
            };
            cx.asked(node.world.sync()).await?;
        }
        // Before it is looked at: what has ended for good is not another one then.
        cx.judge_ends(target);
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
