//! `run`: a command in a container of its own.

mod checked;
mod form;
mod networks;
mod options;
mod secrets;
mod spec;
mod suite;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::command::{self, Command, Output};
use super::{About, Act, Binder, Body, Cx, Done, Later, NodeHandle, Sort, Step, UNPLACED, Written};
use super::{startable, unmade};
use crate::diagnostic::Spanned;
use crate::engine::world::Waited;
use crate::engine::{ContainerSpec, EngineError, EngineResult, LogRange, Reason, ResourceKind};
use crate::event::{Detail, Fault, FaultKind};
use crate::expect::{EXIT_ZERO, Field, FieldKind};
use crate::shape::{Named, Text, shape};
use networks::Networks;
use options::Options;

/// The fields of its result.
const RESULT: &[Field] = &[
    command::RESULT[0],
    command::RESULT[1],
    command::RESULT[2],
    command::RESULT[3],
    command::RESULT[4],
    Field {
        name: "tests",
        kind: FieldKind::COUNT,
        doc: "With `junit`: how many tests there were.",
    },
    Field {
        name: "failed",
        kind: FieldKind::COUNT,
        doc: "With `junit`: how many of them failed.",
    },
];

/// See the table.
pub(super) const ABOUT: About = About {
    name: "run",
    does: "Runs a command in a container of its own, and waits for its end.",
    manual: "`networks` are the scenario's own, those of its stacks as in the file (`front`, `shop/front`), or real names; \
             `{front: {aliases: [db]}}` gives it more names there. `volumes` are `source:destination`, the source a path, a \
             volume of the scenario or of a stack (`shop/data`), or a name for one that is made and is the scenario's own. \
             `secrets` are the scenario's: it finds each at `/run/secrets/NAME`. `expose` publishes container ports on free host ports: `url('name', 80)`. \
             `user: self` is the caller's user and group. With `background: name` it goes on as `container: name`, which \
             is also its name on its networks; ending by itself with an exit code other than 0 fails the scenario. `engine-socket: true` gives it the engine. \
             `options` are whatever else a compose file can say of a service, in its words (`cap_add dns extra_hosts \
             healthcheck init mem_limit read_only restart sysctls tmpfs ulimits …`): the compose tool makes the container \
             then, which takes it about half a second. \
             `junit: /out` takes in the tests of a suite inside: of the JUnit file, or of all `.xml` files in the folder, at \
             that path of the container. They are in the report beside the scenario, by their own names; one that failed \
             fails the step, whatever its exit code, unless something is expected of `failed`.",
    example: "- run: {image: \"${{ images.tests }}\", command: [pytest, -q], networks: [shop/front], env: {URL: 'http://web'}}\n  \
              timeout: 5m\n\
              - run: {image: busybox, command: httpd -f -p 80, expose: [80], background: files}\n\
              - run: {image: busybox, command: [id, -u], options: {read_only: true, mem_limit: 64m}}",
    sort: Sort::Question,
    limit: Duration::from_secs(120),
    results: RESULT,
    defaults: EXIT_ZERO,
    locals: &[],
};

shape! {
    /// A container of its own.
    pub struct Run ("`run`") {
        /// The image; it is pulled if it is not there.
        image: Text,
        /// The command, the image's if none: a list is taken word by word, a text is a line for `sh -c`.
        command: Option<Command>,
        /// The entrypoint, the image's if none, likewise.
        entrypoint: Option<Command>,
        /// What it reads.
        stdin: Option<Text>,
        /// More environment.
        env: Named<Text>,
        /// The folder that it runs in; without one, the image's.
        workdir: Option<Text>,
        /// The user, the image's if none; `self` is the caller's user and group.
        user: Option<Text>,
        /// What is mounted: `./data:/data:ro`, `shop/data:/data`, `name:/data`.
        volumes: Vec<Text>,
        /// Secrets of the scenario, that it finds below `/run/secrets`.
        secrets: Vec<Spanned<String>>,
        /// Container ports that are published on free host ports: `80`, `53/udp`.
        expose: Vec<Text>,
        /// Networks of the scenario, of its stacks, or real names of others; `{front: {aliases: [db]}}` with more names there.
        networks: Networks,
        /// Whatever else a compose file can say of a service, in its words: `{cap_add: [NET_ADMIN], init: true}`.
        options: Option<Options>,
        /// Gives it the engine's socket.
        engine_socket: Option<Spanned<bool>>,
        /// A name: it goes on in the background as `container: name`.
        background: Option<Spanned<String>>,
        /// Takes in the results that a test suite inside wrote: the path of its JUnit file, or of a folder of them.
        junit: Option<Text>,
        /// Gives it the cluster's addresses.
        topology: Option<Later>,
    }
}

impl Written for Run {
    fn title(&self) -> String {
        let command = self.command.as_ref().map(Command::shown);
        match command {
            Some(command) => format!("{}: {command}", self.image.shown()),
            None => self.image.shown(),
        }
    }

    fn check(&self, step: &Step, binder: &mut Binder<'_>) {
        if let (Some(junit), Some(_)) = (&self.junit, &self.background) {
            let help = "a suite's results are there at its end: take `background` away";
            binder.error(&junit.span, "`junit` is of a command that is waited for", help);
        }
        command::check_background(self.background.as_ref(), step, binder);
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        if let (Some(stdin), Some(_)) = (&self.stdin, &self.options) {
            let help = "take one of them out: the compose tool makes no container that ends its stdin";
            binder.error(&stdin.span, "`stdin` and `options` do not go together", help);
        }
        self.check_image(binder);
        self.check_results(binder);
        self.check_networks(binder);
        self.check_volumes(binder);
        self.check_secrets(binder);
        for port in &self.expose {
            checked::check_exposed(port, binder);
        }
        if let Some(name) = &self.background {
            let problem = command::background_problem(name, &binder.backgrounds);
            binder.problems.extend(problem);
            binder.once(name, "the container");
            binder.backgrounds.push(name.value.clone());
        }
        Some(Body::Act(Arc::new(Bound(self.clone()))))
    }
}

#[derive(Debug)]
struct Bound(Run);

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let node = cx.case.unplaced();
        let (id, began) = self.begin(cx, node).await?;
        if let Some(name) = &self.0.background {
            let mut state = cx.case.state();
            state.places.insert(id.clone(), cx.span.place());
            state.backgrounds.insert(name.value.clone(), (UNPLACED, id));
            return Ok(json!({"exit": 0}));
        }
        let (case, log) = (Arc::clone(&cx.case), id.clone());
        cx.follows(ABOUT.name, move || case.spools.last_lines(&log, command::TAIL));
        let ended = end(cx, node, &id).await;
        let took = began.elapsed();
        let output = written(node, &id).await;
        let output = output.map_err(|error| match error.reason {
            // That of one that is being removed cannot be read either.
            Reason::NotFound | Reason::Conflict => cx.failure("its container was removed before its output was read"),
            _ => vec![cx.engine_fault(&error)],
        });
        // What became of it says more than why its output cannot be read.
        let (ended, output) = (ended?, output?);
        // Its log is in the results before it goes.
        cx.case.spools.barrier(&id).await.ok();
        let tests = self.tests(cx, (node, &id)).await;
        self.remove(cx, node, &id);
        let Some(exit) = ended else {
            return Err(vec![late(cx, &output)]);
        };
        self.result(cx, (exit, took, output), tests)
    }

    fn images(&self) -> Vec<&str> {
        self.0.image.as_literal().into_iter().collect()
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
    /// Makes the container and starts it; gives its id, and since when it is made.
    async fn begin(&self, cx: &Cx, node: &NodeHandle) -> Done<(String, Instant)> {
        let spec = self.spec(cx, node).await?;
        if let Some(name) = &self.0.background
            && cx.case.state().backgrounds.contains_key(&name.value)
        {
            return Err(cx.error(format!(
                "container `{}` has been started before: a name is for one container",
                name.value
            )));
        }
        have_image(cx, node, &spec.image).await?;
        let began = Instant::now();
        let id = cx.timed("create", self.create(cx, node, spec)).await.map_err(errors)?;
        self.hand_secrets(cx, node, &id).await.map_err(errors)?;
        let begun = self.start(cx, node, &id).await;
        begun.map_err(|faults| not_started(cx, errors(faults)))?;
        Ok((id, began))
    }

    /// Makes the container; gives its id.
    async fn create(&self, cx: &Cx, node: &NodeHandle, spec: ContainerSpec) -> Done<String> {
        if let Some(options) = &self.0.options {
            let options = cx.data(&options.0).await?;
            return options::create(cx, node, (&spec, options)).await;
        }
        let engine = Arc::clone(&node.engine);
        cx.changed(async move { engine.create(&spec).await }).await
    }

    async fn start(&self, cx: &Cx, node: &NodeHandle, id: &str) -> Done<()> {
        let stdin = cx.optional(self.0.stdin.as_ref()).await?;
        let (engine, id) = (Arc::clone(&node.engine), id.to_owned());
        let start = async move {
            match stdin {
                Some(stdin) => engine.start_with(&id, stdin.into()).await,
                None => engine.start(&id).await,
            }
        };
        cx.changed(start).await
    }

    /// Removes what has done its work; nobody waits for that, and what cannot be removed goes by its label later.
    fn remove(&self, cx: &Cx, node: &NodeHandle, id: &str) {
        let (engine, id) = (Arc::clone(&node.engine), id.to_owned());
        let removal = async move { engine.remove(ResourceKind::Container, &id).await };
        drop(cx.case.changes.spawn(removal));
    }
}

/// What to do about an image that could not be pulled.
const UNPULLED: &str = "it is not on the engine, and was not pulled: look at its name, and whether its registry is reached \
     and wants a login; or build it: `images: {name: {build: …}}`";

/// Pulls an image that is not there.
async fn have_image(cx: &Cx, node: &NodeHandle, image: &str) -> Done<()> {
    if cx.asked(node.engine.image(image)).await?.is_some() {
        return Ok(());
    }
    unmade::refused(cx, node, image).await?;
    cx.waiting(&format!("image `{image}`"), "it is being pulled");
    let (engine, pulls, image) = (Arc::clone(&node.engine), node.pulls.clone(), image.to_owned());
    let pull = cx.changed(async move { Ok(pulls.pull(engine.as_ref(), &image).await) });
    let pulled = cx.timed("pull", pull).await.map_err(errors)?;
    pulled.map_err(|error| errors(vec![unpulled(cx, &error)]))
}

/// Says what to do about an image that could not be pulled; an engine that did not answer says nothing of the image.
fn unpulled(cx: &Cx, error: &EngineError) -> Fault {
    let fault = cx.engine_fault(error);
    match error.reason {
        Reason::Away | Reason::Limit => fault,
        Reason::NotFound | Reason::Conflict | Reason::Other => fault.hint(UNPULLED),
    }
}

/// Without its image or its container nothing can be found out about the system.
fn errors(faults: Vec<Fault>) -> Vec<Fault> {
    let errors = faults.into_iter().map(|fault| Fault {
        kind: FaultKind::Error,
        ..fault
    });
    errors.collect()
}

/// Adds what to do about a container that could not be started.
fn not_started(cx: &Cx, mut faults: Vec<Fault>) -> Vec<Fault> {
    for fault in faults.iter_mut().filter(|fault| fault.hint.is_none()) {
        let no_network = fault.message.contains("network ") && fault.message.ends_with(" not found");
        let known = cx.case.stacks.iter().flat_map(|stack| stack.networks.keys());
        let known: Vec<String> = known.map(|name| format!("`{name}`")).collect();
        fault.hint = match (no_network, known.as_slice()) {
            (true, []) => {
                Some("the scenario's stacks have no networks, and the engine has none of that name".to_owned())
            }
            (true, _) => Some(format!(
                "the scenario's stacks have {}; others are given by their real names",
                known.join(", ")
            )),
            (false, _) => startable::hint(&fault.message).map(str::to_owned),
        };
    }
    faults
}

/// Waits for a container's end; gives its exit code, or none when it did not end in time.
async fn end(cx: &Cx, node: &NodeHandle, id: &str) -> Done<Option<i64>> {
    let ended = |state: &crate::engine::world::State| {
        let container = state.container(id)?;
        let known = container.removed || container.exit.is_some();
        (container.has_ended() && known).then(|| container.exit)
    };
    match node.world.until(ended, cx.deadline).await {
        Ok(Some(exit)) => Ok(Some(exit)),
        Ok(None) => Err(cx.failure("its container was removed while it ran")),
        Err(Waited::Limit) => Ok(None),
        Err(Waited::EngineAway(error)) => Err(vec![cx.engine_fault(&error)]),
    }
}

/// What a container has written, read from its log to the end: a follower may miss a last line without a newline.
async fn written(node: &NodeHandle, id: &str) -> EngineResult<Output> {
    let mut output = Output::new();
    let mut frames = node.engine.logs(id, LogRange::default()).await?;
    while let Some(frame) = frames.next().await {
        output.add(&frame?);
    }
    Ok(output)
}

fn late(cx: &Cx, output: &Output) -> Fault {
    let (limit, setting) = cx.passed_limit();
    let fault = Fault::failure(format!("the container did not end within {limit}"));
    let fault = fault
        .at(cx.span.place())
        .hint(format!("{setting}; one that should go on needs `background: name`"));
    output.described(fault)
}
