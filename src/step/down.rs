//! `down`: removes a stack and waits until it is gone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout_at;

use super::{About, Act, Binder, Body, Cx, Done, NodeHandle, Sort, Written};
use crate::diagnostic::Spanned;
use crate::engine::ResourceKind;
use crate::shape::{Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "down",
    does: "Removes a stack and waits until it is gone.",
    manual: "Containers are stopped as the compose tool does it (with their stop signal and grace period), then removed \
             with the stack's networks. Volumes stay, unless `volumes: true`. At the scenario's end everything is removed \
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

/// The compose tools' label of a project.
const PROJECT: &str = "com.docker.compose.project";

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let plan = Arc::clone(&cx.case.versions[self.stack]);
        let node = cx.case.node_of(plan.id);
        let project = format!("{PROJECT}={}", plan.project);
        let labels = [project, cx.case.label()];
        let containers = cx.asked(node.engine.containers(&labels)).await?;
        let stops = containers
            .iter()
            .filter(|container| container.state == "running")
            .map(|container| {
                let (engine, id) = (Arc::clone(&node.engine), container.id.clone());
                cx.changed(async move { engine.stop(&id, None).await })
            });
        each(join_all(stops).await)?;
        // Their logs go with them: first they are read to their ends.
        let read = containers
            .iter()
            .map(|container| timeout_at(cx.deadline, cx.case.spools.barrier(&container.id)));
        // What is missing is told to those who decide by it; it stops no removal.
        drop(join_all(read).await);
        cx.timed("remove", async {
            remove(
                cx,
                &node,
                ResourceKind::Container,
                containers.into_iter().map(|container| container.id),
            )
            .await?;
            let networks = cx.asked(node.engine.networks(&labels)).await?;
            remove(
                cx,
                &node,
                ResourceKind::Network,
                networks.into_iter().map(|network| network.id),
            )
            .await?;
            if self.volumes {
                let volumes = cx.asked(node.engine.volumes(&labels)).await?;
                remove(
                    cx,
                    &node,
                    ResourceKind::Volume,
                    volumes.into_iter().map(|volume| volume.name),
                )
                .await?;
            }
            Ok(json!({}))
        })
        .await
    }
}

async fn remove(cx: &Cx, node: &NodeHandle, kind: ResourceKind, ids: impl Iterator<Item = String>) -> Done<()> {
    let removals = ids.map(|id| {
        let engine = Arc::clone(&node.engine);
        cx.changed(async move { engine.remove(kind, &id).await })
    });
    each(join_all(removals).await)
}

fn each(results: Vec<Done<()>>) -> Done<()> {
    let faults: Vec<crate::event::Fault> = results.into_iter().filter_map(Result::err).flatten().collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
