//! `exec`: a command in a service's container.

mod over;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::command::{self, Command, Output};
use super::{About, Act, Binder, Body, ContainerRef, Cx, Done, NodeHandle, Ref, Sort, Step, Written};
use super::{TARGET, describe, startable};
use crate::diagnostic::Spanned;
use crate::engine::logs::ProcessLog;
use crate::engine::{Engine, EngineError, EngineResult, ExecEnd, ExecSpec, Frame, Reason, Running};
use crate::event::{Detail, Fault};
use crate::expect::EXIT_ZERO;
use crate::host::{Exit, Process};
use crate::shape::{Named, Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "exec",
    does: "Runs a command in a service's container, and waits for its end.",
    manual: "A list is taken word by word, a text is run by `sh -c`. Of a service with several replicas the first one is \
             taken; `web.2` is the second. Its exit code must be 0, unless something else is expected of it: `exit: any` \
             lifts that. With `background: name` it goes on as `process: name`, which `log-assert` reads; when it has \
             ended by the scenario's end, its exit code must have been 0. Docker cannot end a command that goes on in a \
             container: on its limit it is left to itself, and that is told.",
    example: "- exec: {service: db, command: [redis-cli, role]}\n  expect: {stdout: {matches: '^master'}}\n\
              - exec: {service: web, command: 'tail -f /var/log/app.log', background: tail}",
    sort: Sort::Question,
    limit: Duration::from_secs(60),
    results: command::RESULT,
    defaults: EXIT_ZERO,
    locals: &[],
};

shape! {
    /// A command in a container.
    pub struct Exec ("`exec`") rules [TARGET] {
        /// The service: `web`, `shop/web`, or `web.2` for a replica.
        service: Option<Text>,
        /// The container: one that a `run` started, or a `container_name` of a compose file.
        container: Option<Text>,
        /// The command: a list is taken word by word, a text is a line for `sh -c`.
        command: Command,
        /// The user that it runs as; without one, the container's.
        user: Option<Text>,
        /// More environment.
        env: Named<Text>,
        /// The folder that it runs in; without one, the container's.
        workdir: Option<Text>,
        /// What it reads.
        stdin: Option<Text>,
        /// A name: it goes on in the background as `process: name`.
        background: Option<Spanned<String>>,
    }
}

impl Written for Exec {
    fn title(&self) -> String {
        let target = self.service.as_ref().or(self.container.as_ref());
        let target = target.map_or(String::new(), Text::shown);
        format!("{target}: {}", self.command.shown())
    }

    fn check(&self, step: &Step, binder: &mut Binder<'_>) {
        command::check_background(self.background.as_ref(), step, binder);
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let target = binder.target(&self.span, self.service.as_ref(), self.container.as_ref());
        if let Some(name) = &self.background {
            command::bind_process(name, binder);
        }
        Some(Body::Act(Arc::new(Bound {
            target: target?,
            written: self.clone(),
        })))
    }
}

#[derive(Debug)]
struct Bound {
    target: Ref<ContainerRef>,
    written: Exec,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let target = cx.target(&self.target).await?;
        let spec = self.spec(cx).await?;
        let (node, id) = match cx.one(&target).await {
            Ok(one) => one,
            Err(faults) => return Err(no_replicas(cx, &target).await.map_or(faults, |fault| vec![fault])),
        };
        let background = match &self.written.background {
            Some(name) => Some((&name.value, command::process_log(cx, &name.value)?)),
            None => None,
        };
        let (began, run) = (Instant::now(), over::run_of(&node, &id));
        let running = match node.engine.exec(&id, &spec).await {
            Ok(running) => running,
            Err(error) => return Err(vec![not_run(cx, &node, (&target, &id), &error).await]),
        };
        if let Some((name, log)) = background {
            let process = Arc::new(Background::of(cx, (&node, &id), running, log));
            command::goes_on(cx, name, (process, false));
            return Ok(json!({"exit": 0}));
        }
        let output = Arc::new(Mutex::new(Output::new()));
        command::follow(cx, &output);
        let read = read(&*node.engine, running, |frame| command::lock(&output).add(frame));
        let exit = timeout_at(cx.deadline, read).await;
        let (exit, took) = (Bound::exit(cx, &target, (exit, &output))?, began.elapsed());
        let (within, stdout) = ((&node, id.as_str(), run), command::lock(&output).stdout.text());
        let is_late = over::is_late(cx, within, (exit, &stdout)).await;
        // It has no exit code: whatever is expected of one says nothing of a command that did not run.
        if let Some(why) = startable::refusal(exit, &stdout).filter(|_| !is_late) {
            return Err(vec![missing(cx, &target, &why)]);
        }
        let result = command::lock(&output).result(exit, took, cx)?;
        match over::ended(cx, within, &target, (&result, is_late)).await {
            Some(end) => Err(vec![command::lock(&output).described(end)]),
            None => Ok(result),
        }
    }

    fn ends_itself(&self) -> bool {
        true
    }

    async fn explain(&self, _cx: &Cx, outputs: &Value, faults: &[Fault]) -> Vec<Detail> {
        command::explain(outputs, faults)
    }

    fn may_change(&self) -> bool {
        true
    }
}

impl Bound {
    /// The exit code of a command that has ended.
    fn exit(
        cx: &Cx,
        target: &ContainerRef,
        (exit, output): (Result<EngineResult<ExecEnd>, Elapsed>, &Mutex<Output>),
    ) -> Done<i64> {
        match exit {
            Ok(Ok(exit)) if exit.whole => Ok(exit.code),
            Ok(Ok(_)) => Err(cx.error(CUT)),
            Ok(Err(error)) => Err(vec![not_known(cx, target, &error)]),
            Err(_) => Err(vec![abandoned(cx, target, &command::lock(output))]),
        }
    }

    async fn spec(&self, cx: &Cx) -> Done<ExecSpec> {
        let written = &self.written;
        Ok(ExecSpec {
            command: written.command.argv(cx).await?,
            env: command::assignments(command::env(cx, &written.env).await?),
            workdir: cx.optional(written.workdir.as_ref()).await?,
            user: cx.optional(written.user.as_ref()).await?,
            stdin: cx.optional(written.stdin.as_ref()).await?.map(Into::into),
        })
    }
}

/// Reads what a command writes until it has ended; gives how.
async fn read(engine: &dyn Engine, mut running: Running, mut take: impl FnMut(&Frame)) -> EngineResult<ExecEnd> {
    while let Some(frame) = running.output.next().await {
        take(&frame?);
    }
    engine.exec_exit(&running.id).await
}

/// The engine does not tell how a command ended: with a container that is removed, that is gone, too.
fn not_known(cx: &Cx, target: &ContainerRef, error: &EngineError) -> Fault {
    if error.reason != Reason::NotFound {
        return cx.engine_fault(error);
    }
    let name = describe::shown(target);
    Fault::failure(format!("`{name}` was removed while the command ran in it")).at(cx.span.place())
}

/// Why nothing is said of a command whose output ended before it did. An engine that cannot hand an output on takes the
/// command for one that failed, so that its exit code may be another one, too.
const CUT: &str = "the command's output ended before the command did: the connection to it was cut";

/// The engine refused the command: mostly because the container does not run.
async fn not_run(cx: &Cx, node: &NodeHandle, (target, id): (&ContainerRef, &str), error: &EngineError) -> Fault {
    // Of one that has ended between the two questions that there are an engine says so in other words.
    let says_stopped = error.answer.contains("is not running");
    if !says_stopped && !matches!(error.reason, Reason::Conflict | Reason::NotFound) {
        return cx.engine_fault(error);
    }
    cx.judge_end(node, id).await;
    let Ok(inspected) = node.engine.inspect(id).await else {
        return cx.engine_fault(error);
    };
    if inspected.state == "running" {
        return cx.engine_fault(error);
    }
    if let Some(fault) = no_replicas(cx, target).await {
        return fault;
    }
    let (name, state) = (describe::shown(target), cx.told_state(&inspected));
    let fault = Fault::failure(format!("`{name}` {state}: no command can run in it"));
    describe::described(cx, node, id, fault.at(cx.span.place())).await
}

/// That a swarm's service was left without a container to run in.
async fn no_replicas(cx: &Cx, target: &ContainerRef) -> Option<Fault> {
    let why = cx.without_replicas(target).await?;
    let fault = Fault::failure(format!("{why}: no command can run in it")).at(cx.span.place());
    let name = match target {
        ContainerRef::Service(service) => format!("{}/{}", service.stack_name, service.service),
        ContainerRef::Background(name) => name.clone(),
    };
    Some(fault.hint(format!("`- scale: {{service: {name}, replicas: 1}}` gives it one")))
}

fn missing(cx: &Cx, target: &ContainerRef, why: &str) -> Fault {
    Fault::failure(format!(
        "the command cannot be started in `{}`: {why}",
        describe::shown(target)
    ))
    .at(cx.span.place())
    .hint(startable::hint(why).unwrap_or("a text is run by `sh -c`, and a list word by word"))
}

fn abandoned(cx: &Cx, target: &ContainerRef, output: &Output) -> Fault {
    let (passed, setting) = cx.passed_limit();
    let fault = Fault::failure(format!("the command did not end within {passed}"))
        .at(cx.span.place())
        .hint(format!(
            "{setting}. It still runs in `{}`: an engine cannot end it",
            describe::shown(target)
        ));
    output.described(fault)
}

/// A command that goes on in its container; it is ended with that.
struct Background {
    ended: watch::Receiver<Option<Ended>>,
    log: Arc<ProcessLog>,
    _reader: AbortOnDropHandle<()>,
}

/// How a command in the background ended.
#[derive(Clone)]
struct Ended {
    exit: Exit,
    /// True where somebody ended its container, and it with that.
    with_container: bool,
}

impl Background {
    fn of(cx: &Cx, (node, id): (&NodeHandle, &str), running: Running, log: Arc<ProcessLog>) -> Background {
        let (tell, ended) = watch::channel(None);
        let written = Arc::clone(&log);
        let (node, id, case) = (node.clone(), id.to_owned(), Arc::downgrade(&cx.case));
        let run = over::run_of(&node, &id);
        let reader = tokio::spawn(async move {
            let exit = read(&*node.engine, running, |frame| {
                written.add(frame.stream, &frame.bytes);
            });
            let exit = exit.await;
            written.end();
            let is_killed = exit
                .as_ref()
                .map_or_else(|why| why.reason == Reason::NotFound, |end| end.code == over::KILLED);
            let crashed = || case.upgrade().is_some_and(|case| case.state().crashed.contains(&id));
            let with_container = is_killed && (crashed() || was_ended(&node, &id, run).await);
            let exit = exit.map_err(|error| error.to_string());
            let exit = exit.and_then(|end| if end.whole { Ok(end) } else { Err(CUT.to_owned()) });
            let exit =
                exit.and_then(|end| i32::try_from(end.code).map_err(|_| format!("{} is no exit code", end.code)));
            // Nobody may be left to be told.
            tell.send(Some(Ended { exit, with_container })).ok();
        });
        Background {
            ended,
            log,
            _reader: AbortOnDropHandle::new(reader),
        }
    }
}

/// True where somebody has asked the engine to end a container, or to remove it, since a run of it began.
async fn was_ended(node: &NodeHandle, id: &str, since: i64) -> bool {
    // Of an engine that is away nothing is known.
    node.world.sync().await.ok();
    let state = node.world.snapshot();
    state.container(id).is_some_and(|container| {
        let kills = container.history.iter().filter(|it| it.at >= since);
        kills.into_iter().any(|it| it.what.starts_with("kill")) || container.removed
    })
}

#[async_trait]
impl Process for Background {
    fn exit_now(&self) -> Option<Exit> {
        self.ended.borrow().as_ref().map(|ended| ended.exit.clone())
    }

    async fn wait(&self) -> Exit {
        let mut ended = self.ended.clone();
        let ended = ended.wait_for(Option::is_some).await;
        let exit = ended
            .ok()
            .and_then(|ended| ended.as_ref().map(|ended| ended.exit.clone()));
        exit.unwrap_or_else(|| Err("nobody reads it any more".to_owned()))
    }

    fn was_ended(&self) -> bool {
        self.ended.borrow().as_ref().is_some_and(|ended| ended.with_container)
    }

    async fn tail(&self, lines: usize) -> String {
        self.log.tail(lines)
    }

    /// It ends with its container, which the end of the scenario removes. The API has no call that ends a command. What it
    /// tells of one is its pid on the engine's machine, which is often another, and where sending a signal takes rights
    /// that nobody needs for all else. In the container that pid is unknown, and there may be no `kill` and no shell in
    /// it, or a user who may not signal the command; a shell around the command would be seen by what is tested.
    async fn end(&self, _grace: Duration) {}
}
