//! What a step finds by name while it is done: its targets, their ports and addresses, and what templates ask of these.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::super::target::{Unfound, find_container, find_service};
use super::super::{ContainerRef, NodeHandle, Ref, ServiceRef, StackNames};
use super::{Cx, Done};
use crate::engine::Container;
use crate::engine::swarm::ServiceMode;
use crate::engine::world::ContainerState;
use crate::event::Fault;
use crate::net::with_port;
use crate::template::Question;

impl Cx {
    /// What a template asks, answered afresh.
    pub(super) async fn answer(&self, question: &Question) -> Done<Value> {
        match question {
            // What an earlier run left is judged without an engine.
            Question::Port(..) | Question::Url(..) | Question::Address(_) | Question::Containers(_)
                if self.case.nodes.is_empty() =>
            {
                Err(self.error("this asks the engine, and there is none: it cannot be judged again"))
            }
            Question::Port(service, port) => self.port(service, *port).await.map(|(_, port)| port.into()),
            Question::Url(service, port) => {
                let (address, port) = self.port(service, *port).await?;
                Ok(format!("http://{}", with_port(&address, port)).into())
            }
            Question::Address(name) => self.address(name),
            Question::Containers(service) => {
                let service = self.find(service, |text| find_service(text, &self.case.stacks))?;
                Ok(self
                    .containers(&service)
                    .iter()
                    .map(|container| container.id.clone())
                    .collect())
            }
            Question::File(path, given) => {
                let path = self.asked_path(path, given.as_deref());
                let text = self.case.host.read_text(&path).await;
                text.map(Value::String)
                    .map_err(|why| self.error(format!("cannot read `{}`: {why}", path.display())))
            }
        }
    }

    fn address(&self, name: &str) -> Done<Value> {
        if let Some(node) = self.case.nodes.iter().find(|node| *node.name == *name) {
            return Ok(node.address.to_string().into());
        }
        let service = self.find(name, |text| find_service(text, &self.case.stacks))?;
        Ok(self.case.node_of(service.stack).address.to_string().into())
    }

    /// The address and host port that a container port has now.
    pub async fn port(&self, target: &str, port: u16) -> Done<(String, u16)> {
        let found = self.container(target)?;
        let (node, container) = self.one_inspected(&found).await?;
        self.concerns(&node, &container.id);
        let bindings = container.ports.iter().find(|((of, _), _)| *of == port);
        let bound = bindings.map(|(_, bindings)| bindings.first());
        if !matches!(bound, Some(Some(_)))
            && let Some(published) = self.in_mesh(&node, &found, port).await?
        {
            return Ok((node.address.to_string(), published));
        }
        match bound {
            Some(Some((bound, _))) if !node.is_here && is_loopback(bound) => {
                Err(vec![self.only_there(target, (port, bound), &node)])
            }
            Some(Some((bound, host_port))) => Ok((reached(bound, &node.address), *host_port)),
            None if container.state == "running" => Err(vec![self.not_published(target, port, &container)]),
            // Of one that does not run the engine tells no ports at all. It may run again, so this is the system's state
            // and not an error.
            Some(None) | None => Err(vec![match self.without_replicas(&found).await {
                Some(why) => self.at_fault(format!("{why}: it has no port now")),
                None => self.not_running(target, &container),
            }]),
        }
    }

    /// The port that a swarm's routing mesh has for a service: it is no container's.
    async fn in_mesh(&self, node: &NodeHandle, target: &ContainerRef, port: u16) -> Done<Option<u16>> {
        let ContainerRef::Service(service) = target else {
            return Ok(None);
        };
        let Some(stack) = self.case.in_swarm(service) else {
            return Ok(None);
        };
        let known = self
            .asked(node.engine.service(&format!("{stack}_{}", service.service)))
            .await?;
        let found = known
            .ports
            .iter()
            .find(|known| known.target == port && known.published > 0);
        Ok(found.map(|known| known.published))
    }

    fn not_published(&self, target: &str, port: u16, container: &Container) -> Fault {
        let known: Vec<String> = container.ports.keys().map(|(port, _)| port.to_string()).collect();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        Fault::error(format!("`{target}` does not publish port {port}"))
            .at(self.span.place())
            .hint(format!("it publishes {known}"))
    }

    /// A port of the engine's machine that only that machine reaches.
    fn only_there(&self, target: &str, (port, bound): (u16, &str), node: &NodeHandle) -> Fault {
        let message = format!(
            "port {port} of `{target}` cannot be reached from here: it is bound to {bound} of the engine's machine, `{}`",
            node.address
        );
        Fault::error(message).at(self.span.place()).hint(format!(
            "publish it on all addresses (`\"{port}\"` under `ports`, without `{bound}:`), or ask from inside its network \
             (`inside: {target}`)"
        ))
    }

    fn not_running(&self, target: &str, container: &Container) -> Fault {
        let state = self.told_state(container);
        self.at_fault(format!("`{target}` {state}: it has no port now"))
    }

    fn at_fault(&self, message: String) -> Fault {
        Fault::failure(message).at(self.span.place())
    }

    /// That a service of a swarm is to have no replica now: its last containers are still there for a while.
    pub async fn without_replicas(&self, target: &ContainerRef) -> Option<String> {
        let ContainerRef::Service(service) = target else {
            return None;
        };
        let stack = self.case.in_swarm(service)?;
        let node = self.case.node_of(service.stack);
        let known = node
            .engine
            .service(&format!("{stack}_{}", service.service))
            .await
            .ok()?;
        let is_none = known.mode == ServiceMode::Replicated(0);
        is_none.then(|| format!("`{}` has no replica now (it is scaled to 0)", service.service))
    }

    /// Finds a target by its name now; what is wrong with a computed name is an error.
    pub fn find<T>(&self, text: &str, find: impl Fn(&str) -> Result<T, Unfound>) -> Done<T> {
        find(text).map_err(|unfound| {
            let shown = self.case.emitter.masks.hide(text);
            // A part of it, which is what is looked for, would not be known again.
            let (message, help) = match shown == text {
                true => (unfound.message, unfound.help),
                false => (format!("there is no `{shown}`"), "what is hidden is no name".to_owned()),
            };
            vec![Fault::error(message).at(self.span.place()).hint(help)]
        })
    }

    fn background_names(&self) -> Vec<String> {
        self.case.state().backgrounds.keys().cloned().collect()
    }

    /// The service of a reference.
    pub async fn service(&self, target: &Ref<ServiceRef>) -> Done<ServiceRef> {
        match target {
            Ref::Bound(found) => Ok(found.clone()),
            Ref::Late(template) => {
                let text = self.text(template).await?;
                self.find(&text, |text| find_service(text, &self.case.stacks))
            }
        }
    }

    /// The container, or the service, of a reference.
    pub async fn target(&self, target: &Ref<ContainerRef>) -> Done<ContainerRef> {
        match target {
            Ref::Bound(found) => Ok(found.clone()),
            Ref::Late(template) => {
                let text = self.text(template).await?;
                self.container(&text)
            }
        }
    }

    /// The container, or the service, of that name; or the container with that id, as `containers()` gives them.
    pub fn container(&self, text: &str) -> Done<ContainerRef> {
        match self.of_id(text) {
            Some(found) => Ok(found),
            None => self.find(text, |text| {
                find_container(text, &self.case.stacks, &self.background_names())
            }),
        }
    }

    fn of_id(&self, id: &str) -> Option<ContainerRef> {
        let background = self
            .case
            .state()
            .backgrounds
            .iter()
            .find_map(|(name, (_, known))| (known == id).then(|| ContainerRef::Background(name.clone())));
        background.or_else(|| {
            let services = self.case.stacks.iter().flat_map(StackNames::references);
            services.into_iter().find_map(|service| {
                let containers = self.containers(&service);
                let number = containers.iter().find(|container| container.id == id)?.number;
                let replica = Some(number);
                Some(ContainerRef::Service(ServiceRef { replica, ..service }))
            })
        })
    }

    /// The containers of a service as last known, by number; of a replica, that one.
    pub fn containers(&self, service: &ServiceRef) -> Vec<Arc<ContainerState>> {
        self.case.containers(service)
    }

    /// The node and id of the one container of a target: replica 1 of a service.
    pub async fn one(&self, target: &ContainerRef) -> Done<(NodeHandle, String)> {
        match target {
            ContainerRef::Background(name) => {
                let known = self.case.state().backgrounds.get(name).cloned();
                let (node, id) = known.ok_or_else(|| self.failure(format!("container `{name}` was not started")))?;
                Ok((self.case.nodes[node].clone(), id))
            }
            ContainerRef::Service(service) => {
                let node = self.case.node_of(service.stack);
                if let Some(first) = self.containers(service).first() {
                    return Ok((node, first.id.clone()));
                }
                self.judge_ends(target).await;
                for gone in self.ever(target) {
                    self.concerns(&node, &gone.id);
                }
                let (message, hint) = self.no_container(service);
                Err(self.failure_with_hint(message, hint))
            }
        }
    }

    /// What a service without a container is told to be, and what to do: there may be other replicas of it.
    pub fn no_container(&self, service: &ServiceRef) -> (String, String) {
        let replica = None;
        let others = self
            .containers(&ServiceRef {
                replica,
                ..service.clone()
            })
            .len();
        let (name, in_swarm) = (&service.service, self.case.in_swarm(service).is_some());
        match others {
            0 => {
                let kind = if in_swarm { "deploy" } else { "up" };
                let hint = format!("bring it up first: `- {kind}: {}`", service.stack_name);
                (format!("`{service}` has no container"), hint)
            }
            _ => {
                let containers = if others == 1 { "container" } else { "containers" };
                let hint = match in_swarm {
                    true => format!("`- scale: {{service: {name}, replicas: …}}` makes more"),
                    false => {
                        format!("`scale:` (or `deploy: {{replicas: …}}`) of `{name}` in the compose file makes more")
                    }
                };
                (
                    format!("there is no `{service}`: `{name}` has {others} {containers}"),
                    hint,
                )
            }
        }
    }

    /// All containers of a target.
    pub async fn all(&self, target: &ContainerRef) -> Done<Vec<(NodeHandle, String)>> {
        match target {
            ContainerRef::Background(_) => self.one(target).await.map(|one| vec![one]),
            ContainerRef::Service(service) => {
                self.one(target).await?;
                let node = self.case.node_of(service.stack);
                Ok(self
                    .containers(service)
                    .iter()
                    .map(|container| (node.clone(), container.id.clone()))
                    .collect())
            }
        }
    }

    /// The one container of a target as the engine describes it now.
    pub async fn one_inspected(&self, target: &ContainerRef) -> Done<(NodeHandle, Container)> {
        let (node, id) = self.one(target).await?;
        let container = self.asked(node.engine.inspect(&id)).await?;
        // An answer can be newer than what the events have told: only an end that they told of is one for good.
        if container.state != "running" {
            self.judge_end(&node, &id).await;
        }
        Ok((node, container))
    }
}

fn is_loopback(bound: &str) -> bool {
    bound.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Where a published port is reached: at its node's address, unless it was bound to another one alone.
fn reached(bound: &str, node: &str) -> String {
    match bound.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) if !address.is_unspecified() => address.to_string(),
        Ok(IpAddr::V4(address)) if !address.is_unspecified() && !address.is_loopback() => address.to_string(),
        _ => node.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::reached;

    #[test]
    fn a_port_is_reached_where_it_is_bound() {
        for (bound, expected) in [
            ("", "node1"),
            ("0.0.0.0", "node1"),
            ("::", "node1"),
            ("127.0.0.1", "node1"),
            ("::1", "::1"),
            ("172.17.0.1", "172.17.0.1"),
        ] {
            assert_eq!(reached(bound, "node1"), expected, "{bound}");
        }
    }
}
