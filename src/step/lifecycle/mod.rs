//! `stop start restart kill pause unpause`: containers moved from state to state, and that waited for.

mod crash;
mod doing;
mod kept;
mod lasting;
mod signal;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::describe::described;
use super::{About, Act, Binder, Body, ContainerRef, Cx, Done, NodeHandle, Ref, Sort, TARGET, Written};
use crate::diagnostic::Spanned;
use crate::engine::Reason;
use crate::engine::world::Waited;
use crate::event::Fault;
use crate::shape::{Computed, Text, shape};
use doing::{Doing, call, judged, word};
use lasting::{Lasting, stable};
use signal::{Signal, check_signal, signal_name};

const NOTHING: About = About {
    name: "",
    does: "",
    manual: "",
    example: "",
    sort: Sort::Action,
    limit: Duration::from_secs(60),
    results: &[],
    defaults: &[],
    locals: &[],
};

/// See the table.
pub(super) const STOP: About = About {
    name: "stop",
    does: "Stops a service's containers: their stop signal, and a kill after the grace period.",
    manual: "All replicas of a service at once, or one: `web.2`. It waits until they have ended. `grace` is how long they \
             may take; without it, what the image or the compose file says, or 10 s. One that its stop signal does not end, so that it \
             is killed after 5 s or more, is noted at the scenario's end, whoever stopped it: with `init: true`, with `exec` before \
             the program in a shell's line, or with another `stop_signal` it ends at once. In a swarm another \
             task follows one that has ended, as its restart policy says: `scale: {service: web, replicas: 0}` ends a service until it \
             is scaled again.",
    example: "- stop: web\n- stop: {service: db, grace: 1s}",
    ..NOTHING
};
/// See the table.
pub(super) const START: About = About {
    name: "start",
    does: "Starts a service's containers again, and waits until they run.",
    manual: "All replicas of a service at once, or one: `web.2`. One that has ended again at once with exit code 0 has done \
             its work; any other exit code is a failure, also within `stable-for` (default 0s), for which it has to go on running. \
             That it answers is for a step of its own: `state-assert`, `http`. A swarm starts no task again that has ended, but \
             has another one follow by itself: of its service nothing is started, and it is waited for until all of its tasks run, \
             for at least 1s.",
    example: "- start: web\n- state-assert: {service: web}\n  within: 30s\n  expect: {healthy: 1}",
    ..NOTHING
};
/// See the table.
pub(super) const RESTART: About = About {
    name: "restart",
    does: "Stops a service's containers and starts them again, and waits until they run.",
    manual: "As `stop` and `start` one after the other, for each of all replicas. In a swarm its tasks are stopped, and it is \
             waited for until others run in their places; `update: {service: web, force: true}` replaces them one after the other.",
    example: "- restart: web\n- restart: {container: front, grace: 1s, stable-for: 2s}",
    ..NOTHING
};
/// See the table.
pub(super) const KILL: About = About {
    name: "kill",
    does: "Sends a signal to a service's containers; `KILL` without another one.",
    manual: "After `KILL` it waits until they have ended; what another signal does is the program's own matter, and a \
             `state-assert` can wait for it. To the engine a kill is somebody's wish, and restart policies do not act. \
             With `crash: true` the process is killed without the engine, as a crash would: restart policies act. That \
             works where the engine runs on this machine. A swarm does not ask why a task has ended: another one follows it, as \
             the service's own restart policy says, after every `kill` and `stop`; `state-assert`, `log-assert` and questions wait \
             for it (`within: 30s`).",
    example: "- kill: db\n- kill: {service: web, signal: HUP}\n- kill: {service: db, crash: true}",
    ..NOTHING
};
/// See the table.
pub(super) const PAUSE: About = About {
    name: "pause",
    does: "Freezes the processes of a service's containers.",
    manual: "All replicas of a service at once, or one: `web.2`. Its connections stay open, and nothing answers.",
    example: "- pause: db",
    ..NOTHING
};
/// See the table.
pub(super) const UNPAUSE: About = About {
    name: "unpause",
    does: "Thaws the processes of a service's containers.",
    manual: "What `pause` has frozen goes on where it was.",
    example: "- unpause: db",
    ..NOTHING
};

/// Declares one of the kinds: its keys, and how they make a [`Doing`].
macro_rules! lifecycle {
    ($Name:ident, $what:literal, $doc:literal, |$written:ident, $binder:ident| $change:expr,
     { $($(#[doc = $fdoc:literal])* $field:ident : $Type:ty),* $(,)? }) => {
        shape! {
            #[doc = $doc]
            pub struct $Name ($what) short service rules [TARGET] {
                /// The service: all its replicas, or one: `web.2`.
                service: Option<Text>,
                /// The container: one that a `run` started, or a `container_name` of a compose file.
                container: Option<Text>,
                $($(#[doc = $fdoc])* $field: $Type,)*
            }
        }

        impl Written for $Name {
            fn title(&self) -> String {
                let target = self.service.as_ref().or(self.container.as_ref());
                target.map_or(String::new(), Text::shown)
            }

            fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
                let target = binder.target(&self.span, self.service.as_ref(), self.container.as_ref())?;
                let ($written, $binder) = (self, binder);
                Some(Body::Act(Arc::new(Bound { target, change: $change })))
            }
        }
    };
}

lifecycle!(Stop, "`stop`", "A service or container to stop.", |written, _binder| Change::Stop(written.grace.clone()), {
    /// How long they may take before they are killed.
    grace: Option<Computed<Duration>>,
});
lifecycle!(
    Start,
    "`start`",
    "A service or container to start.",
    |written, _binder| Change::Start { stable: stable(written.stable_for.as_ref()) },
    {
        /// How long they have to go on running (default 0s).
        stable_for: Option<Spanned<Duration>>,
    }
);
lifecycle!(
    Restart, "`restart`", "A service or container to restart.",
    |written, _binder| Change::Restart {
        grace: written.grace.clone(),
        stable: stable(written.stable_for.as_ref()),
    },
    {
        /// How long they may take to stop before they are killed.
        grace: Option<Computed<Duration>>,
        /// How long they have to go on running (default 0s).
        stable_for: Option<Spanned<Duration>>,
    }
);
lifecycle!(
    Kill, "`kill`", "A service or container to send a signal to.",
    |written, binder| Change::Kill {
        signal: written.signal.as_ref().map(|signal| signal.0.clone()).inspect(|signal| check_signal(signal, binder)),
        crash: written.crash.as_ref().is_some_and(|crash| crash.value),
    },
    {
        /// The signal: `KILL`, `TERM`, `HUP`, …
        signal: Option<Signal>,
        /// As a crash, not as somebody's wish: restart policies act.
        crash: Option<Spanned<bool>>,
    }
);
lifecycle!(
    Pause,
    "`pause`",
    "A service or container to freeze.",
    |_written, _binder| Change::Pause,
    {}
);
lifecycle!(
    Unpause,
    "`unpause`",
    "A service or container to thaw.",
    |_written, _binder| Change::Unpause,
    {}
);

/// What is done to a container, as written.
#[derive(Debug, Clone)]
enum Change {
    Stop(Option<Computed<Duration>>),
    Start {
        stable: Duration,
    },
    Restart {
        grace: Option<Computed<Duration>>,
        stable: Duration,
    },
    Kill {
        signal: Option<Text>,
        crash: bool,
    },
    Pause,
    Unpause,
}

impl Change {
    /// How long what it starts has to go on running; none of one that starts nothing.
    fn starts(&self) -> Option<Duration> {
        match self {
            Change::Start { stable } | Change::Restart { stable, .. } => Some(*stable),
            Change::Stop(_) | Change::Kill { .. } | Change::Pause | Change::Unpause => None,
        }
    }
}

#[derive(Debug)]
struct Bound {
    target: Ref<ContainerRef>,
    change: Change,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let target = cx.target(&self.target).await?;
        let doing = self.doing(cx).await?;
        let Some((service, stable)) = kept::service(cx, &target).zip(self.change.starts()) else {
            return self.each(cx, &target, doing).await;
        };
        if let Doing::Restart(grace) = doing {
            self.each(cx, &target, Doing::Stop(grace)).await?;
        }
        kept::back(cx, &service, stable).await?;
        Ok(json!({}))
    }

    fn ends_itself(&self) -> bool {
        true
    }
}

impl Bound {
    /// Changes each container of a target, and waits until it is as it should be.
    async fn each(&self, cx: &Cx, target: &ContainerRef, doing: Doing) -> Done<Value> {
        let containers = cx.all(target).await?;
        // What is known must be of now: the wait compares with the runs before.
        if let Some((node, _)) = containers.first() {
            cx.asked(node.world.sync()).await?;
        }
        let lasting = Lasting::of(cx, self.change.starts().filter(|_| doing.starts()), &containers);
        let several = containers.len() > 1;
        let changed = containers.clone();
        let each = containers.into_iter().map(|(node, id)| {
            let doing = &doing;
            async move { one(cx, &node, &id, doing, several).await }
        });
        let mut faults: Vec<Fault> = join_all(each)
            .await
            .into_iter()
            .filter_map(Result::err)
            .flatten()
            .collect();
        if doing.ends() {
            let known = |(node, id): &(NodeHandle, String)| node.world.snapshot().container(id).cloned();
            let changed: Vec<_> = changed.iter().filter_map(known).collect();
            cx.case.expects_ends(&changed);
        }
        if faults.is_empty()
            && let Some(lasting) = lasting
        {
            faults = cx.timed("wait", lasting.ended()).await?;
        }
        if faults.is_empty() { Ok(json!({})) } else { Err(faults) }
    }

    async fn doing(&self, cx: &Cx) -> Done<Doing> {
        Ok(match &self.change {
            Change::Stop(grace) => Doing::Stop(cx.computed_if_any(grace.as_ref()).await?),
            Change::Start { .. } => Doing::Start,
            Change::Restart { grace, .. } => Doing::Restart(cx.computed_if_any(grace.as_ref()).await?),
            Change::Kill { signal, crash } => {
                let signal = cx.optional(signal.as_ref()).await?;
                let signal = signal_name(signal.as_deref().unwrap_or("KILL"));
                if *crash {
                    Doing::Crash(signal)
                } else {
                    Doing::Kill(signal)
                }
            }
            Change::Pause => Doing::Pause,
            Change::Unpause => Doing::Unpause,
        })
    }
}

/// Changes one container and waits until it is as it should be.
async fn one(cx: &Cx, node: &NodeHandle, id: &str, doing: &Doing, several: bool) -> Done<()> {
    let before = node.world.snapshot();
    let before = before
        .container(id)
        .map_or_else(Default::default, |container| (**container).clone());
    let runs = before.runs.len();
    match doing {
        Doing::Crash(signal) => crash::crash(cx, node, &before, signal).await?,
        doing => {
            let (engine, of, doing) = (Arc::clone(&node.engine), id.to_owned(), doing.clone());
            // The swarm removes a replica that it scales away, and that is stopped then.
            let is_stop = matches!(doing, Doing::Stop(_)) && before.task.is_some();
            let done = cx.changed(async move {
                match call(&*engine, &of, &doing).await {
                    Err(why) if is_stop && why.reason == Reason::NotFound => Ok(()),
                    done => done,
                }
            });
            done.await?;
        }
    }
    let shown = if several && before.number > 0 {
        format!("{}.{}", before.service, before.number)
    } else {
        before.shown()
    };
    let mut last = String::new();
    let wait = node.world.until(
        |state| {
            let container = state.container(id)?;
            let verdict = judged(container, doing, runs);
            if verdict.is_none() {
                last.clone_from(&container.state);
                cx.waiting(&format!("`{shown}` to {}", word(doing)), &format!("it is {last}"));
            }
            verdict
        },
        cx.deadline,
    );
    let faulty = match cx.timed("wait", wait).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(why)) => Fault::failure(format!("`{shown}` {why}")),
        Err(Waited::EngineAway(error)) => return Err(vec![cx.engine_fault(&error)]),
        Err(Waited::Limit) => {
            let (limit, setting) = cx.passed_limit();
            let message = format!("`{shown}` did not {} within {limit}: it is {last}", word(doing));
            Fault::failure(message).hint(setting)
        }
    };
    Err(vec![described(cx, node, id, faulty.at(cx.span.place())).await])
}
