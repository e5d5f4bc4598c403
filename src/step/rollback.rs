//! `rollback`: makes a service of a swarm what it was before its last update.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::changing::{Changing, RESULT, STABLE, always_among, bind};
use super::{About, Act, Binder, Body, Cx, Done, Ref, ServiceRef, Sort, Written};
use crate::diagnostic::Spanned;
use crate::engine::swarm::{Change, Rules};
use crate::event::{Detail, Fault};
use crate::expect::{Must, Usual};
use crate::shape::{Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "rollback",
    does: "Makes a service of a swarm what it was before its last update, and waits for that.",
    manual: "It goes as the service's `rollback_config` says. Without an update before there is nothing to go back to: that \
             fails. A job (`mode: replicated-job`) has none. When nothing else is expected of `state` it must be \
             `rollback_completed`.",
    example: "- rollback: web\n  expect: {stages: [2]}",
    sort: Sort::Action,
    limit: Duration::from_secs(300),
    results: RESULT,
    defaults: &[Usual {
        field: "state",
        must: Must::Be("rollback_completed"),
        unless: &[],
    }],
    locals: &[],
};

shape! {
    /// A service to roll back.
    pub struct Rollback ("`rollback`") short service {
        /// The service.
        service: Text,
        /// How long all has to stay as it should be (default 1s).
        stable_for: Option<Spanned<Duration>>,
    }
}

impl Written for Rollback {
    fn title(&self) -> String {
        self.service.shown()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let service = bind(binder, &self.service, "rollback")?;
        if let Ref::Bound(service) = &service
            && always_among(binder, service, |stack| &stack.jobs)
        {
            binder.error(&self.service.span, no_rollback(service), NO_ROLLBACK);
            return None;
        }
        Some(Body::Act(Arc::new(Bound {
            service,
            stable: self.stable_for.as_ref().map_or(STABLE, |stable| stable.value),
        })))
    }
}

/// A swarm takes the order to roll a job back, and never comes to an end of it.
fn no_rollback(service: &ServiceRef) -> String {
    format!("`{service}` is a job, which has no rollback")
}

/// What does the same for a job.
const NO_ROLLBACK: &str = "`update` it to what it was: that has a job done anew";

#[derive(Debug)]
struct Bound {
    service: Ref<ServiceRef>,
    stable: Duration,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let changing = Changing::of(cx, &self.service).await?;
        let change = changing.change(|known| match known.has_former {
            _ if known.is_job() => Err(cx.failure_with_hint(no_rollback(&changing.service), NO_ROLLBACK)),
            true => Ok(Change::Former),
            false => Err(cx.failure(format!(
                "`{}` was not rolled back: it was never updated, so there is nothing to go back to",
                changing.service
            ))),
        });
        change.await?;
        let rules = Rules {
            rolls_back: true,
            to_the_end: cx.expect.as_ref().is_some_and(|expect| expect.expects("state")),
            ..Rules::default()
        };
        let look = changing.converged(rules, self.stable).await?;
        changing.result(&look, "rollback_completed")
    }

    async fn explain(&self, cx: &Cx, outputs: &Value, _faults: &[Fault]) -> Vec<Detail> {
        Changing::explained(cx, &self.service, (outputs, "rollback_completed")).await
    }

    fn waits_itself(&self) -> bool {
        true
    }
}
