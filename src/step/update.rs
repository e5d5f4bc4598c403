//! `update`: changes a service of a swarm, and waits until the change has come to its end.

mod spec;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::changing::{Changing, RESULT, STABLE, bind};
use super::command::{self, Command};
use super::converging::may_fail;
use super::{About, Act, Binder, Body, Cx, Done, Ref, ServiceRef, Sort, Written, unmade};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::engine::swarm::{Change, Rules};
use crate::event::{Detail, Fault};
use crate::expect::{Must, Usual};
use crate::shape::{Computed, Named, Text, shape, words};
use spec::Wanted;

/// See the table.
pub(super) const ABOUT: About = About {
    name: "update",
    does: "Changes a service of a swarm, and waits until the change has come to its end.",
    manual: "`image`, `command` and `env` are what changes; of `env` only the variables that it names. `parallelism`, `delay`, \
             `order`, `failure-action` and `monitor` are those of `update_config`, and stay for later \
             updates. It waits for the swarm's word that the update has completed (which it gives once the last task has run for \
             its `monitor`), and for `stable-for` (default 1s). A task that fails, a pause, or a roll-back ends it at once, \
             unless `state` is expected: then the swarm's own judgement is waited for. An update that changes nothing fails (`web` is `web:latest`), \
             unless `force: true` has it replace the tasks all the same.",
    example: "- update: {service: web, image: \"${{ images.next }}\", parallelism: 2, delay: 5s}\n  expect: {stages: [2, 4, 6]}\n\
              - update: {service: web, command: exit 1, failure-action: rollback}\n  expect: {state: rollback_completed}",
    sort: Sort::Action,
    limit: Duration::from_secs(300),
    results: RESULT,
    defaults: &[Usual {
        field: "state",
        must: Must::Be("completed"),
        unless: &[],
    }],
    locals: &[],
};

words! {
    /// Which comes first when a task is replaced.
    pub enum Order {
        /// The old one ends.
        StopFirst = "stop-first",
        /// The new one runs.
        StartFirst = "start-first",
    }
}

words! {
    /// What a failed update leads to.
    pub enum FailureAction {
        /// It stays as it is.
        Pause = "pause",
        /// It goes on.
        Continue = "continue",
        /// What was before comes back.
        Rollback = "rollback",
    }
}

shape! {
    /// A service and what becomes of it.
    pub struct Update ("`update`") {
        /// The service.
        service: Text,
        /// Another image; it is pulled if it is not there.
        image: Option<Text>,
        /// Another command: a list is taken word by word, a text is a line for `sh -c`.
        command: Option<Command>,
        /// Environment variables that change.
        env: Named<Text>,
        /// How many tasks are replaced at a time; 0 is all at once.
        parallelism: Option<Computed<u64>>,
        /// How long after one is replaced the next follows.
        delay: Option<Computed<Duration>>,
        /// Whether the old task ends first, or the new one runs first.
        order: Option<Spanned<Order>>,
        /// What is done when tasks fail.
        failure_action: Option<Spanned<FailureAction>>,
        /// How long a replaced task is watched for failure.
        monitor: Option<Computed<Duration>>,
        /// Replaces the tasks also where nothing of them changes.
        force: Option<Spanned<bool>>,
        /// How long all has to stay as it should be (default 1s).
        stable_for: Option<Spanned<Duration>>,
        /// How many tasks of a replica may fail on the way (default 3 where others follow, and 0 where none does).
        may_fail: Option<Spanned<u64>>,
    }
}

impl Update {
    fn changes(&self) -> bool {
        self.image.is_some() || self.command.is_some() || self.env.iter().next().is_some()
    }
}

impl Written for Update {
    fn title(&self) -> String {
        self.service.shown()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let service = bind(binder, &self.service, "update")?;
        if !self.changes() && self.force.as_ref().is_none_or(|force| !force.value) {
            let problem = Diagnostic::error(&self.span, "the update changes nothing of the service")
                .help("give it `image`, `command` or `env`, or `force: true` to replace its tasks by others alike");
            binder.problems.push(problem);
            return None;
        }
        Some(Body::Act(Arc::new(Bound {
            service,
            written: self.clone(),
        })))
    }
}

#[derive(Debug)]
struct Bound {
    service: Ref<ServiceRef>,
    written: Update,
}

impl Bound {
    async fn wanted(&self, cx: &Cx) -> Done<Wanted> {
        let written = &self.written;
        let command = match &written.command {
            Some(command) => Some(command.argv(cx).await?),
            None => None,
        };
        let mut wanted = Wanted {
            image: cx.optional(written.image.as_ref()).await?,
            command,
            env: command::env(cx, &written.env).await?,
            order: written.order.as_ref().map(|order| order.value),
            failure_action: written.failure_action.as_ref().map(|action| action.value),
            force: written.force.as_ref().is_some_and(|force| force.value),
            ..Wanted::default()
        };
        if let Some(parallelism) = &written.parallelism {
            wanted.parallelism = Some(cx.computed(parallelism).await?);
        }
        if let Some(delay) = &written.delay {
            wanted.delay = Some(cx.computed(delay).await?);
        }
        if let Some(monitor) = &written.monitor {
            wanted.monitor = Some(cx.computed(monitor).await?);
        }
        Ok(wanted)
    }
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let wanted = self.wanted(cx).await?;
        let changing = Changing::of(cx, &self.service).await?;
        if let Some(image) = &wanted.image {
            unmade::refused(cx, &changing.node, image).await?;
        }
        let change = changing.change(|known| {
            let spec = wanted.applied(&known.spec);
            if spec["TaskTemplate"] == known.spec["TaskTemplate"] {
                let message = format!("the update changes nothing: `{}` is so already", changing.service);
                return Err(cx.failure_with_hint(message, "`force: true` replaces its tasks by others alike"));
            }
            Ok(Change::To(spec))
        });
        change.await?;
        let rules = Rules {
            may_fail: may_fail(self.written.may_fail.as_ref()),
            to_the_end: cx.expect.as_ref().is_some_and(|expect| expect.expects("state")),
            ..Rules::default()
        };
        let stable = self.written.stable_for.as_ref().map_or(STABLE, |stable| stable.value);
        let look = changing.converged(rules, stable).await?;
        changing.result(&look, "completed")
    }

    async fn explain(&self, cx: &Cx, outputs: &Value, _faults: &[Fault]) -> Vec<Detail> {
        Changing::explained(cx, &self.service, (outputs, "completed")).await
    }

    fn images(&self) -> Vec<&str> {
        let literal = self.written.image.as_ref().and_then(|image| image.as_literal());
        literal.into_iter().collect()
    }

    fn waits_itself(&self) -> bool {
        true
    }
}
