//! What explains a container's state beside a fault: its error, its health's output, its last log lines.

use super::command::TAIL;
use super::{ContainerRef, Cx, NodeHandle};
use crate::engine::Container;
use crate::engine::world::shown_among;
use crate::event::{Detail, Fault, FaultKind};

/// Adds what explains a container's state.
pub(super) async fn described(cx: &Cx, node: &NodeHandle, container: &str, mut fault: Fault) -> Fault {
    fault.details.extend(details(cx, node, container).await);
    said_once(&mut fault);
    fault
}

/// The title of what the engine says of a start that it refused.
const REFUSED: &str = "the engine's error";

/// Takes out what the message says already.
pub(super) fn said_once(fault: &mut Fault) {
    let message = fault.message.as_str();
    let details = &mut fault.details;
    details.retain(|detail| detail.title != REFUSED || !message.contains(detail.text.trim()));
}

/// What explains a container's state.
pub(super) async fn details(cx: &Cx, node: &NodeHandle, container: &str) -> Vec<Detail> {
    match node.engine.inspect(container).await {
        Ok(inspected) => of_inspected(cx, &inspected).await,
        Err(_) => Vec::new(),
    }
}

/// Of so many containers whose ports were asked for a fault shows the last log lines.
const CONCERNED: usize = 3;

impl Cx {
    /// What explains the state of the containers whose ports the step has asked for, for a failure of it.
    pub async fn explain_concerned(&self, failure: &Fault) -> Vec<Detail> {
        let mut details = Vec::new();
        if failure.kind == FaultKind::Error {
            return details;
        }
        for (node, id) in self.concerned().iter().take(CONCERNED) {
            let Ok(inspected) = node.engine.inspect(id).await else {
                continue;
            };
            let state = state(&inspected);
            if inspected.state != "running" && !failure.message.contains(&state) {
                details.push(Detail {
                    title: format!("state of `{}`", named(self, &inspected)),
                    text: format!("it {}", self.told_state(&inspected)),
                });
            }
            details.extend(of_inspected(self, &inspected).await);
        }
        details
    }
}

async fn of_inspected(cx: &Cx, inspected: &Container) -> Vec<Detail> {
    let mut details = Vec::new();
    let mut tell = |title: String, text: &str| {
        details.push(Detail {
            title,
            text: text.to_owned(),
        });
    };
    if !inspected.error.is_empty() {
        tell(REFUSED.to_owned(), &inspected.error);
    }
    if inspected.oom_killed {
        tell("memory".to_owned(), "the kernel killed it: out of memory");
    }
    if inspected.health.as_deref().is_some_and(|health| health != "healthy")
        && let Some((exit, output)) = inspected.health_log.last()
    {
        let title = format!("healthcheck of `{}` (exit code {exit})", named(cx, inspected));
        tell(title, output.trim_end());
    }
    let tail = cx.case.spools.tail(&inspected.id, TAIL).await;
    let title = format!("last lines of `{}`", named(cx, inspected));
    tell(title, if tail.is_empty() { "(it wrote nothing)" } else { &tail });
    details
}

/// What a container is called in the scenario: the name that the engine has for it is nobody's own.
pub(super) fn named(cx: &Cx, inspected: &Container) -> String {
    let mut nodes = cx.case.nodes.iter();
    let known = nodes.find_map(|node| {
        let seen = node.world.snapshot();
        let known = seen.container(&inspected.id)?;
        Some(shown_among(known, &seen.of_service(&known.project, &known.service)))
    });
    known.unwrap_or_else(|| inspected.name.clone())
}

impl Cx {
    /// The same as `state`, for a message: how the container ended is told by it, and is no news at the case's end.
    pub(super) fn told_state(&self, container: &Container) -> String {
        let known = |node: &NodeHandle| node.world.snapshot().container(&container.id).cloned();
        let known: Vec<_> = self.case.nodes.iter().filter_map(known).collect();
        self.tells_ends(&known);
        state(container)
    }
}

/// What a container's state is, to read on from its name: "exited with code 3".
pub(super) fn state(container: &Container) -> String {
    match (container.state.as_str(), container.exit) {
        ("exited" | "dead", Some(exit)) => format!("exited with code {exit}"),
        ("created", _) if !container.error.is_empty() => {
            format!("could not be started: {}", container.error)
        }
        (state, _) => format!("is {state}"),
    }
}

/// What a target is called in messages.
pub(super) fn shown(target: &ContainerRef) -> String {
    match target {
        ContainerRef::Service(service) => service.to_string(),
        ContainerRef::Background(name) => name.clone(),
    }
}
