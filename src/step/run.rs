//! `run`: a command in a container of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::command::{self, Command, Output, texts};
use super::resource::{Mounted, NETWORKS, mistyped, mounted, network_name};
use super::{About, Act, Binder, Body, Cx, Done, Later, NodeHandle, Sort, Step, UNPLACED, Written};
use super::{startable, unmade};
use crate::diagnostic::Spanned;
use crate::engine::world::Waited;
use crate::engine::{ContainerSpec, EngineResult, Labels, LogRange, ResourceKind};
use crate::event::{Detail, Fault, FaultKind};
use crate::expect::EXIT_ZERO;
use crate::host::file_name_of;
use crate::shape::{Named, Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "run",
    does: "Runs a command in a container of its own, and waits for its end.",
    manual: "`networks` are those of the scenario's stacks, as in the file (`front`, `shop/front`), or real names. \
             `volumes` are `source:destination`, the source a path, a stack's volume (`shop/data`), or a name for one that \
             is made and is the scenario's own. `expose` publishes container ports on free host ports: `url('name', 80)`. \
             `user: self` is the caller's user and group. With `background: name` it goes on as `container: name`, which \
             is also its name on its networks; ending by itself with an exit code other than 0 fails the scenario. `engine-socket: true` gives it the engine.",
    example: "- run: {image: \"${{ images.tests }}\", command: [pytest, -q], networks: [shop/front], env: {URL: 'http://web'}}\n  \
              timeout: 5m\n\
              - run: {image: busybox, command: httpd -f -p 80, expose: [80], background: files}",
    sort: Sort::Question,
    limit: Duration::from_secs(120),
    results: command::RESULT,
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
        /// More environment.
        env: Named<Text>,
        /// The folder that it runs in; without one, the image's.
        workdir: Option<Text>,
        /// The user, the image's if none; `self` is the caller's user and group.
        user: Option<Text>,
        /// What is mounted: `./data:/data:ro`, `shop/data:/data`, `name:/data`.
        volumes: Vec<Text>,
        /// Container ports that are published on free host ports: `80`, `53/udp`.
        expose: Vec<Text>,
        /// Networks of the scenario's stacks, or real names of others.
        networks: Vec<Text>,
        /// Gives it the engine's socket.
        engine_socket: Option<Spanned<bool>>,
        /// A name: it goes on in the background as `container: name`.
        background: Option<Spanned<String>>,
        /// Takes in the results that a test suite inside wrote.
        junit: Option<Later>,
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
        command::check_background(self.background.as_ref(), step, binder);
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        self.check_networks(binder);
        self.check_volumes(binder);
        for port in &self.expose {
            check_exposed(port, binder);
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

impl Run {
    fn check_networks(&self, binder: &mut Binder<'_>) {
        for network in &self.networks {
            let Some(text) = binder.constant_text(network) else {
                continue;
            };
            match network_name(&text, binder.fixed.stacks) {
                Err(unfound) => binder.problems.push(unfound.at(&network.span)),
                Ok(real) => {
                    let near = mistyped((&text, &real), &network.span, NETWORKS, binder.fixed.stacks);
                    binder.problems.extend(near);
                }
            }
        }
    }

    fn check_volumes(&self, binder: &mut Binder<'_>) {
        for volume in &self.volumes {
            let text = binder.constant_text(volume);
            match text.map(|text| mounted(&text, binder.fixed.stacks)) {
                Some(Err(unfound)) => binder.problems.push(unfound.at(&volume.span)),
                Some(Ok(Mounted::Path(..))) | None => binder.makes_files(),
                Some(Ok(Mounted::Volume(..) | Mounted::Own(..))) => {}
            }
        }
    }
}

/// Tells an `expose` that is no port.
fn check_exposed(port: &Text, binder: &mut Binder<'_>) {
    let Some(text) = binder.constant_text(port) else {
        return;
    };
    let (number, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    let is_port = number.parse::<u16>().is_ok_and(|number| number > 0);
    if is_port && matches!(protocol, "tcp" | "udp" | "sctp") {
        return;
    }
    let help = match number.rsplit_once(':') {
        Some((_, inner)) => {
            format!("write the container's port alone, `{inner}`: the host's is a free one, `url('name', {inner})`")
        }
        None => "write the container's port: `80`, `53/udp`".to_owned(),
    };
    binder.error(&port.span, format!("`{text}` is no port"), help);
}

#[derive(Debug)]
struct Bound(Run);

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let node = cx.case.unplaced();
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
        let engine = Arc::clone(&node.engine);
        let created = cx.timed("create", cx.changed(async move { engine.create(&spec).await }));
        let id = created.await.map_err(errors)?;
        let (engine, started) = (Arc::clone(&node.engine), id.clone());
        let begun = cx.changed(async move { engine.start(&started).await });
        begun.await.map_err(|faults| not_started(cx, errors(faults)))?;
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
        let output = output.map_err(|error| vec![cx.engine_fault(&error)])?;
        // Its log is in the results before it goes.
        cx.case.spools.barrier(&id).await.ok();
        self.remove(cx, node, &id);
        match ended? {
            Some(exit) => output.result(exit, took, cx),
            None => Err(vec![late(cx, &output)]),
        }
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
    async fn spec(&self, cx: &Cx, node: &NodeHandle) -> Done<ContainerSpec> {
        let written = &self.0;
        let (mut networks, mut network_mode) = (Vec::new(), None);
        for network in texts(cx, &written.networks).await? {
            let name = cx.find(&network, |text| network_name(text, &cx.case.stacks))?;
            if matches!(name.as_str(), "host" | "none") {
                network_mode = Some(name);
                continue;
            }
            let alias = written.background.as_ref().map(|name| name.value.clone());
            // The engine refuses aliases on its default network.
            let alias = alias.filter(|_| name != "bridge");
            networks.push((name, alias.into_iter().collect()));
        }
        let name = written
            .background
            .as_ref()
            .map(|name| format!("{}-{}", cx.case.id, name.value));
        let user = cx.optional(written.user.as_ref()).await?;
        Ok(ContainerSpec {
            name: name.unwrap_or_default(),
            image: cx.text(&written.image).await?,
            command: match &written.command {
                Some(command) => Some(command.argv(cx).await?),
                None => None,
            },
            env: command::assignments(command::env(cx, &written.env).await?),
            workdir: cx.optional(written.workdir.as_ref()).await?,
            user: user.map(|user| if user == "self" { crate::host::user() } else { user }),
            labels: self.labels(cx),
            volumes: self.volumes(cx, node).await?,
            expose: texts(cx, &written.expose).await?,
            networks,
            network_mode,
            ..ContainerSpec::default()
        })
    }

    /// Those of the case and, where the engine makes a name up, the step that its log is called by.
    fn labels(&self, cx: &Cx) -> Labels {
        let mut labels = of_no_service(cx.case.labels.clone());
        if self.0.background.is_none() {
            let step = cx
                .case
                .emitter
                .masks
                .hide(&format!("{} {}", cx.step.path, cx.step.name));
            labels.insert(crate::engine::logs::FILE.to_owned(), file_name_of(&step));
        }
        labels
    }

    /// The mounts; volumes of the scenario's own are made first, with its labels.
    async fn volumes(&self, cx: &Cx, node: &NodeHandle) -> Done<Vec<String>> {
        let mut volumes = Vec::new();
        for (written, text) in self.0.volumes.iter().zip(texts(cx, &self.0.volumes).await?) {
            let volume = cx.find(&text, |text| mounted(text, &cx.case.stacks))?;
            let (source, rest) = match volume {
                Mounted::Path(path, rest) => (cx.path(written, &path).to_string_lossy().into_owned(), rest),
                Mounted::Volume(name, rest) => (name, rest),
                Mounted::Own(name, rest) => {
                    let name = format!("{}_{name}", cx.case.id);
                    let (engine, made) = (Arc::clone(&node.engine), name.clone());
                    let labels = cx.case.labels.clone();
                    cx.changed(async move { engine.create_volume(&made, "local", &labels).await })
                        .await?;
                    (name, rest)
                }
            };
            volumes.push(format!("{source}:{rest}"));
        }
        if self.0.engine_socket.as_ref().is_some_and(|socket| socket.value) {
            let socket = socket(cx.case.docker_host.as_deref());
            volumes.push(format!("{socket}:/var/run/docker.sock"));
        }
        Ok(volumes)
    }

    /// Removes what has done its work; nobody waits for that, and what cannot be removed goes by its label later.
    fn remove(&self, cx: &Cx, node: &NodeHandle, id: &str) {
        let (engine, id) = (Arc::clone(&node.engine), id.to_owned());
        let removal = async move { engine.remove(ResourceKind::Container, &id).await };
        drop(cx.case.changes.spawn(removal));
    }
}

/// An image that was committed has the labels of its container's service; what is made of it is no replica of that.
fn of_no_service(mut labels: Labels) -> Labels {
    let names = ["project", "service", "container-number", "oneoff"];
    labels.extend(names.map(|name| (format!("com.docker.compose.{name}"), String::new())));
    labels
}

/// The engine's socket on the engine's machine. One in a hidden folder only leads to an engine in a virtual machine, and
/// of one that is reached over a network only the usual place is known.
fn socket(docker_host: Option<&str>) -> &str {
    let path = docker_host.and_then(|host| host.strip_prefix("unix://"));
    path.filter(|path| path.starts_with('/') && !path.contains("/."))
        .unwrap_or("/var/run/docker.sock")
}

/// Pulls an image that is not there.
async fn have_image(cx: &Cx, node: &NodeHandle, image: &str) -> Done<()> {
    if cx.asked(node.engine.image(image)).await?.is_some() {
        return Ok(());
    }
    unmade::refused(cx, node, image).await?;
    cx.waiting(&format!("image `{image}`"), "it is being pulled");
    let (engine, pulls, image) = (Arc::clone(&node.engine), node.pulls.clone(), image.to_owned());
    let pull = cx.changed(async move { pulls.pull(engine.as_ref(), &image).await });
    cx.timed("pull", pull).await.map_err(errors)
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

#[cfg(test)]
mod tests {
    use super::socket;

    #[test]
    fn the_socket_is_the_one_of_the_engine_that_is_spoken_to() {
        let usual = "/var/run/docker.sock";
        assert_eq!(socket(None), usual);
        assert_eq!(socket(Some("tcp://10.0.0.2:2375")), usual);
        assert_eq!(
            socket(Some("unix:///run/user/1000/docker.sock")),
            "/run/user/1000/docker.sock"
        );
        assert_eq!(socket(Some("unix:///home/me/.docker/desktop/docker.sock")), usual);
    }
}
