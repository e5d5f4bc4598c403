//! `stop start restart kill pause unpause`: containers moved from state to state, and that waited for.

mod crash;
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
use crate::engine::Engine;
use crate::engine::world::{ContainerState, Waited};
use crate::event::Fault;
use crate::shape::{Computed, Text, shape};
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
             may take; without it, what the image or the compose file says, or 10 s.",
    example: "- stop: web\n- stop: {service: db, grace: 1s}",
    ..NOTHING
};
/// See the table.
pub(super) const START: About = About {
    name: "start",
    does: "Starts a service's containers again, and waits until they run.",
    manual: "All replicas of a service at once, or one: `web.2`. One that has ended again at once with exit code 0 has done \
             its work; any other exit code is a failure. That it answers is for a step of its own: `state-assert`, `http`.",
    example: "- start: web\n- state-assert: {service: web}\n  within: 30s\n  expect: {healthy: 1}",
    ..NOTHING
};
/// See the table.
pub(super) const RESTART: About = About {
    name: "restart",
    does: "Stops a service's containers and starts them again, and waits until they run.",
    manual: "As `stop` and `start` one after the other, for each of all replicas.",
    example: "- restart: web\n- restart: {container: front, grace: 1s}",
    ..NOTHING
};
/// See the table.
pub(super) const KILL: About = About {
    name: "kill",
    does: "Sends a signal to a service's containers; `KILL` without another one.",
    manual: "After `KILL` it waits until they have ended; what another signal does is the program's own matter, and a \
             `state-assert` can wait for it. To the engine a kill is somebody's wish, and restart policies do not act. \
             With `crash: true` the process is killed without the engine, as a crash would: restart policies act. That \
             works where the engine runs on this machine.",
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
    |_written, _binder| Change::Start,
    {}
);
lifecycle!(Restart, "`restart`", "A service or container to restart.", |written, _binder| Change::Restart(written.grace.clone()), {
    /// How long they may take to stop before they are killed.
    grace: Option<Computed<Duration>>,
});
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
    Start,
    Restart(Option<Computed<Duration>>),
    Kill { signal: Option<Text>, crash: bool },
    Pause,
    Unpause,
}

/// What is done to a container, computed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Doing {
    Stop(Option<Duration>),
    Start,
    Restart(Option<Duration>),
    Kill(String),
    Crash(String),
    Pause,
    Unpause,
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
        let containers = cx.all(&target)?;
        // What is known must be of now: the wait compares with the runs before.
        if let Some((node, _)) = containers.first() {
            cx.asked(node.world.sync()).await?;
        }
        let several = containers.len() > 1;
        let each = containers.into_iter().map(|(node, id)| {
            let doing = &doing;
            async move { one(cx, &node, &id, doing, several).await }
        });
        let faults: Vec<Fault> = join_all(each)
            .await
            .into_iter()
            .filter_map(Result::err)
            .flatten()
            .collect();
        if faults.is_empty() { Ok(json!({})) } else { Err(faults) }
    }

    fn ends_itself(&self) -> bool {
        true
    }
}

impl Bound {
    async fn doing(&self, cx: &Cx) -> Done<Doing> {
        Ok(match &self.change {
            Change::Stop(grace) => Doing::Stop(duration(cx, grace.as_ref()).await?),
            Change::Start => Doing::Start,
            Change::Restart(grace) => Doing::Restart(duration(cx, grace.as_ref()).await?),
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

async fn duration(cx: &Cx, written: Option<&Computed<Duration>>) -> Done<Option<Duration>> {
    match written {
        Some(written) => cx.computed(written).await.map(Some),
        None => Ok(None),
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
            cx.changed(async move { call(&*engine, &of, &doing).await }).await?;
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

fn word(doing: &Doing) -> &'static str {
    match doing {
        Doing::Stop(_) => "stop",
        Doing::Start => "start",
        Doing::Restart(_) => "restart",
        Doing::Kill(_) | Doing::Crash(_) => "end",
        Doing::Pause => "pause",
        Doing::Unpause => "go on",
    }
}

async fn call(engine: &dyn Engine, id: &str, doing: &Doing) -> crate::engine::EngineResult<()> {
    match doing {
        Doing::Stop(grace) => engine.stop(id, *grace).await,
        Doing::Start => engine.start(id).await,
        Doing::Restart(grace) => engine.restart(id, *grace).await,
        Doing::Kill(signal) | Doing::Crash(signal) => engine.kill(id, signal).await,
        Doing::Pause => engine.pause(id).await,
        Doing::Unpause => engine.unpause(id).await,
    }
}

/// Whether a container is as it should be after the change; none while it may still become so. `runs` it had before.
fn judged(container: &ContainerState, doing: &Doing, runs: usize) -> Option<Result<(), String>> {
    let held = |holds: bool| holds.then_some(Ok(()));
    match doing {
        Doing::Stop(_) => held(container.has_ended()),
        Doing::Start | Doing::Restart(_) => {
            // A start of one that runs changes nothing.
            if container.is_running() && (container.runs.len() > runs || *doing == Doing::Start) {
                return Some(Ok(()));
            }
            let ended = container.runs.get(runs..)?.last()?.ended?;
            Some(match ended.exit? {
                0 => Ok(()),
                exit => Err(format!("ended again at once, with exit code {exit}")),
            })
        }
        Doing::Kill(signal) if signal != "KILL" => Some(Ok(())),
        Doing::Kill(_) | Doing::Crash(_) => {
            let run_ended = runs
                .checked_sub(1)
                .and_then(|last| container.runs.get(last)?.ended)
                .is_some();
            held(run_ended || container.has_ended())
        }
        Doing::Pause => held(container.state == "paused"),
        Doing::Unpause => held(container.state == "running"),
    }
}
