//! `scale`: gives a service of a swarm another number of replicas, and waits until it has just that many.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::changing::{Changing, STABLE, always_among, bind};
use super::{About, Act, Binder, Body, Cx, Done, Ref, ServiceRef, Sort, Written};
use crate::diagnostic::Spanned;
use crate::engine::swarm::{Change, Rules, ServiceMode};
use crate::shape::{Computed, Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "scale",
    does: "Gives a service of a swarm another number of replicas, and waits until it has just that many.",
    manual: "It waits until so many tasks run and none is left of those that are too many, and that for `stable-for` (default \
             1s). 0 is a number, too; a global service has none. What somebody else changes of the service in between stays.\n\n\
             A job (`mode: replicated-job`) is done anew by it, also where its number stays the same: so many tasks are made, each has \
             to complete, and at most as many go on at once as the file's `replicas` says. What was done before stays done.",
    example: "- scale: {service: web, replicas: 3}",
    sort: Sort::Action,
    limit: Duration::from_secs(120),
    results: &[],
    defaults: &[],
    locals: &[],
};

shape! {
    /// A service and its number of replicas.
    pub struct Scale ("`scale`") {
        /// The service.
        service: Text,
        /// How many.
        replicas: Computed<u64>,
        /// How long all has to stay as it should be (default 1s).
        stable_for: Option<Spanned<Duration>>,
    }
}

impl Written for Scale {
    fn title(&self) -> String {
        self.service.shown()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let service = bind(binder, &self.service, "scale")?;
        if let Ref::Bound(service) = &service
            && always_among(binder, service, |stack| &stack.global)
        {
            let message = format!("`{service}` is global: it has a task on each node, and no number of replicas");
            let help = "the nodes that it is on are those of its placement constraints";
            binder.error(&self.service.span, message, help);
            return None;
        }
        Some(Body::Act(Arc::new(Bound {
            service,
            replicas: self.replicas.clone(),
            stable: self.stable_for.as_ref().map_or(STABLE, |stable| stable.value),
        })))
    }
}

#[derive(Debug)]
struct Bound {
    service: Ref<ServiceRef>,
    replicas: Computed<u64>,
    stable: Duration,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let replicas = cx.computed(&self.replicas).await?;
        let changing = Changing::of(cx, &self.service).await?;
        let change = changing.change(|known| {
            let mut spec = known.spec.clone();
            match known.mode {
                ServiceMode::Replicated(_) => spec["Mode"]["Replicated"]["Replicas"] = replicas.into(),
                ServiceMode::ReplicatedJob(_) => {
                    spec["Mode"]["ReplicatedJob"]["TotalCompletions"] = replicas.into();
                }
                ServiceMode::Global | ServiceMode::GlobalJob => {
                    let message = format!("`{}` is global: it has a task on each node", changing.service);
                    return Err(cx.failure(message));
                }
            }
            Ok(Change::To(spec))
        });
        change.await?;
        changing.converged(Rules::default(), self.stable).await?;
        Ok(json!({}))
    }

    fn waits_itself(&self) -> bool {
        true
    }
}
