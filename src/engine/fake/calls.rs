//! The fake engine as an `Engine`; as long as that trait, which is implemented in one piece.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::faults::error;
use super::machine::Machine;
use super::{Fake, archive, matches, with_tag};
use crate::engine::{
    Container, ContainerSpec, Conversation, Engine, EngineEvent, EngineInfo, EngineResult, ExecEnd, ExecSpec, Frame,
    Image, Labels, Listed, LogRange, Network, NetworkSpec, PathStat, Reason, Resource, ResourceKind, Running, Stream,
    ToolCall, ToolEnd, ToolLine, Volume, VolumeSpec,
};

/// Docker's own limit between the stop signal and the kill.
const GRACE: Duration = Duration::from_secs(10);

#[async_trait]
impl Engine for Fake {
    async fn info(&self) -> EngineResult<EngineInfo> {
        self.enter("info", "").await?;
        Ok(self.lock().info.clone())
    }

    async fn events(&self, since: Option<String>) -> EngineResult<BoxStream<'static, EngineResult<EngineEvent>>> {
        self.enter("events", "").await?;
        Ok(self.subscribe(since.as_deref()))
    }

    async fn containers(&self, labels: &[String]) -> EngineResult<Vec<Container>> {
        self.enter("containers", &labels.join(" ")).await?;
        let state = self.lock();
        let wanted = state
            .machines
            .values()
            .filter(|machine| labels.iter().all(|label| matches(&machine.labels, label)));
        Ok(wanted.map(Machine::describe).collect())
    }

    async fn listed(&self) -> EngineResult<Vec<Listed>> {
        self.enter("listed", "").await?;
        Ok(self.lock().machines.values().map(Machine::listed).collect())
    }

    async fn inspect(&self, container: &str) -> EngineResult<Container> {
        self.enter("inspect", container).await?;
        self.with("inspect", container, |machine| machine.describe())
    }

    async fn create(&self, spec: &ContainerSpec) -> EngineResult<String> {
        self.enter("create", &spec.name).await?;
        self.add(machine_of(spec))
    }

    async fn start(&self, container: &str) -> EngineResult<()> {
        self.enter("start", container).await?;
        self.launch(&self.id_of("start", container)?)
    }

    async fn start_with(&self, container: &str, stdin: Bytes) -> EngineResult<()> {
        let stdin = String::from_utf8_lossy(&stdin).into_owned();
        self.enter("start_with", &format!("{container} {stdin}")).await?;
        self.launch(&self.id_of("start", container)?)
    }

    async fn stop(&self, container: &str, grace: Option<Duration>) -> EngineResult<()> {
        self.enter("stop", container).await?;
        self.halt(&self.id_of("stop", container)?, grace.unwrap_or(GRACE)).await;
        Ok(())
    }

    async fn restart(&self, container: &str, grace: Option<Duration>) -> EngineResult<()> {
        self.enter("restart", container).await?;
        let id = self.id_of("restart", container)?;
        self.halt(&id, grace.unwrap_or(GRACE)).await;
        self.launch(&id)?;
        self.change(|state| self.tell_of(state, &id, "restart", &[]));
        Ok(())
    }

    async fn kill(&self, container: &str, signal: &str) -> EngineResult<()> {
        self.enter("kill", container).await?;
        let id = self.id_of("kill", container)?;
        if !self.with("kill", &id, |machine| machine.runs())? {
            let answer = format!("container {container} is not running");
            return Err(error(&format!("kill `{container}`"), Reason::Conflict, answer));
        }
        self.signal(&id, signal);
        Ok(())
    }

    async fn pause(&self, container: &str) -> EngineResult<()> {
        self.enter("pause", container).await?;
        self.freeze("pause", container, "running", "paused")
    }

    async fn unpause(&self, container: &str) -> EngineResult<()> {
        self.enter("unpause", container).await?;
        self.freeze("unpause", container, "paused", "running")
    }

    async fn commit(&self, container: &str, image: &str, labels: &Labels) -> EngineResult<String> {
        self.enter("commit", container).await?;
        let id = self.id_of("commit", container)?;
        let mut all = self.with("commit", &id, |machine| machine.labels.clone())?;
        all.extend(labels.clone());
        self.change(|state| {
            self.check_label(state, &format!("image `{image}`"), labels);
            state.add_image(image, all);
            Ok(state.image(image).map(|image| image.id.clone()).unwrap_or_default())
        })
    }

    async fn logs(&self, container: &str, range: LogRange) -> EngineResult<BoxStream<'static, EngineResult<Frame>>> {
        self.enter("logs", container).await?;
        self.read_log(&self.id_of("logs", container)?, range)
    }

    async fn exec(&self, container: &str, spec: &ExecSpec) -> EngineResult<Running> {
        let command = spec.command.join(" ");
        self.enter("exec", &format!("{container} {command}")).await?;
        let id = self.id_of("exec", container)?;
        let answer = self.with("exec", &id, |machine| machine.runs().then(|| machine.answer(&command)))?;
        let Some(answer) = answer else {
            let text = format!("container {container} is not running");
            return Err(error(&format!("exec `{command}`"), Reason::Conflict, text));
        };
        let exec = self.change(|state| state.next_id());
        let (fake, key) = (self.clone(), exec.clone());
        let stdin = spec.stdin.clone().unwrap_or_default();
        let output = async move {
            let done = tokio::select! {
                () = sleep_until(Instant::now() + answer.after) => true,
                () = fake.ended(&id) => false,
            };
            let (code, whole) = if done { (answer.exit, !answer.cut) } else { (137, true) };
            fake.change(|state| {
                if state.machines.contains_key(&id) {
                    state.execs.insert(key, (id, ExecEnd { code, whole }));
                }
            });
            let echoed = if answer.echo { stdin } else { Bytes::new() };
            let pieces = [
                (Stream::Stdout, echoed),
                (Stream::Stdout, answer.out),
                (Stream::Stderr, answer.err),
            ];
            let pieces = pieces.map(|(stream, bytes)| (stream, if done { bytes } else { Bytes::new() }));
            let frame = |(stream, bytes)| {
                Ok(Frame {
                    stream,
                    at: None,
                    bytes,
                })
            };
            stream::iter(pieces.into_iter().filter(|(_, bytes)| !bytes.is_empty()).map(frame))
        };
        Ok(Running {
            id: exec,
            output: output.flatten_stream().boxed(),
        })
    }

    async fn converse(&self, container: &str, command: &[String]) -> EngineResult<Conversation> {
        let command = command.join(" ");
        self.enter("converse", &format!("{container} {command}")).await?;
        Ok(self.conversation(self.id_of("converse", container)?, command))
    }

    async fn exec_exit(&self, exec: &str) -> EngineResult<ExecEnd> {
        self.enter("exec_exit", "").await?;
        let answer = || {
            error(
                "ask for an exec's exit code",
                Reason::NotFound,
                "no such exec, or it runs",
            )
        };
        self.lock().execs.get(exec).map(|(_, end)| *end).ok_or_else(answer)
    }

    async fn stat(&self, container: &str, path: &str) -> EngineResult<Option<PathStat>> {
        self.enter("stat", &format!("{container} {path}")).await?;
        self.with("stat", container, |machine| archive::stat(&machine.files, path))
    }

    async fn read_archive(&self, container: &str, path: &str) -> EngineResult<BoxStream<'static, EngineResult<Bytes>>> {
        self.enter("read_archive", &format!("{container} {path}")).await?;
        let attempt = format!("read `{path}`");
        let packed = self.with("read_archive", container, |machine| {
            archive::stat(&machine.files, path).map(|_| archive::pack(&machine.files, path))
        })?;
        let packed = packed.ok_or_else(|| error(&attempt, Reason::NotFound, "no such file"))?;
        let tar = packed.map_err(|problem| error(&attempt, Reason::Other, problem.to_string()))?;
        Ok(stream::iter([Ok(tar)]).boxed())
    }

    async fn write_archive(&self, container: &str, folder: &str, tar: Bytes) -> EngineResult<()> {
        self.enter("write_archive", &format!("{container} {folder}")).await?;
        let unpacked = self.with("write_archive", container, |machine| {
            archive::unpack(&mut machine.files, folder, &tar)
        })?;
        unpacked.map_err(|problem| error(&format!("write to `{folder}`"), Reason::Other, problem.to_string()))
    }

    async fn image(&self, reference: &str) -> EngineResult<Option<Image>> {
        self.enter("image", reference).await?;
        Ok(self.lock().image(reference).cloned())
    }

    async fn pull(&self, reference: &str) -> EngineResult<()> {
        self.enter("pull", reference).await?;
        let known = self.lock().image(reference).is_some();
        let answer = || error(&format!("pull `{reference}`"), Reason::NotFound, "no registry in reach");
        known.then_some(()).ok_or_else(answer)
    }

    async fn tag(&self, image: &str, reference: &str) -> EngineResult<()> {
        self.enter("tag", reference).await?;
        self.change(|state| {
            let answer = || error(&format!("tag `{image}`"), Reason::NotFound, "no such image");
            let mut tagged = state.image(image).cloned().ok_or_else(answer)?;
            tagged.tags = vec![with_tag(reference)];
            state.images.insert(with_tag(reference), tagged);
            Ok(())
        })
    }

    async fn networks(&self, labels: &[String]) -> EngineResult<Vec<Network>> {
        self.enter("networks", &labels.join(" ")).await?;
        let state = self.lock();
        let wanted = state
            .networks
            .values()
            .filter(|network| labels.iter().all(|label| matches(&network.labels, label)));
        let on = |network: &Network| {
            let on_it = state
                .machines
                .values()
                .filter(|machine| machine.networks.contains_key(&network.name));
            Network {
                containers: on_it.map(|machine| machine.id.clone()).collect(),
                ..network.clone()
            }
        };
        Ok(wanted.map(on).collect())
    }

    async fn create_network(&self, spec: &NetworkSpec) -> EngineResult<String> {
        self.enter("create_network", &spec.name).await?;
        self.change(|state| Ok(self.add_network(state, &spec.name, &spec.driver, spec.labels.clone())))
    }

    async fn disconnect(&self, network: &str, container: &str) -> EngineResult<()> {
        self.enter("disconnect", &format!("{network} {container}")).await?;
        self.with("disconnect", container, |machine| {
            machine.networks.remove(network);
        })
    }

    async fn volumes(&self, labels: &[String]) -> EngineResult<Vec<Volume>> {
        self.enter("volumes", &labels.join(" ")).await?;
        let state = self.lock();
        let wanted = state
            .volumes
            .values()
            .filter(|volume| labels.iter().all(|label| matches(&volume.labels, label)));
        Ok(wanted.cloned().collect())
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> EngineResult<()> {
        self.enter("create_volume", &spec.name).await?;
        self.change(|state| self.add_volume(state, &spec.name, &spec.driver, spec.labels.clone()));
        Ok(())
    }

    async fn labelled(&self, label: &str) -> EngineResult<Vec<Resource>> {
        self.enter("labelled", label).await?;
        Ok(self.resources(label))
    }

    async fn remove(&self, kind: ResourceKind, id: &str) -> EngineResult<()> {
        self.enter("remove", id).await?;
        match kind {
            ResourceKind::Container => {
                if let Ok(id) = self.id_of("remove", id) {
                    self.erase(&id);
                }
            }
            ResourceKind::Service | ResourceKind::Task | ResourceKind::Secret | ResourceKind::Config => {
                return self.remove_from_swarm(kind, id).await;
            }
            ResourceKind::Network => return self.remove_network(id),
            ResourceKind::Volume => return self.remove_volume(id),
            ResourceKind::Image => self.change(|state| {
                state
                    .images
                    .retain(|reference, image| image.id != id && *reference != with_tag(id));
            }),
        }
        Ok(())
    }

    async fn tool(&self, call: ToolCall, line: ToolLine) -> EngineResult<ToolEnd> {
        self.enter(
            "tool",
            &format!("{:?} {}", call.tool, call.arguments.join(" ")).to_lowercase(),
        )
        .await?;
        self.run_tool(call, line).await
    }
}

/// What a spec makes.
fn machine_of(spec: &ContainerSpec) -> Machine {
    let port = |text: &String| {
        let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        port.parse().ok().map(|port| (port, protocol.to_owned(), 0))
    };
    let mount = |text: &String| {
        let mut parts = text.split(':');
        let (source, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let kind = if source.starts_with('/') { "bind" } else { "volume" };
        (
            kind.to_owned(),
            source.to_owned(),
            target.to_owned(),
            parts.next() != Some("ro"),
        )
    };
    let network = |(name, aliases): &(String, Vec<String>)| (name.clone(), ("172.18.0.2".to_owned(), aliases.clone()));
    Machine {
        name: spec.name.clone(),
        image: spec.image.clone(),
        labels: spec.labels.clone(),
        expose: spec.expose.iter().filter_map(port).collect(),
        networks: spec.networks.iter().map(network).collect(),
        network_mode: spec.network_mode.clone().unwrap_or_else(|| "default".into()),
        mounts: spec.volumes.iter().map(mount).collect(),
        ..Machine::default()
    }
}

impl Fake {
    /// Does something with a container, or answers that there is none.
    pub(super) fn with<T>(
        &self,
        method: &str,
        container: &str,
        act: impl FnOnce(&mut Machine) -> T,
    ) -> EngineResult<T> {
        let answer = || {
            let text = format!("no such container: {container}");
            error(&format!("{method} `{container}`"), Reason::NotFound, text)
        };
        self.lock().find_mut(container).map(act).ok_or_else(answer)
    }

    fn freeze(&self, method: &str, container: &str, from: &str, to: &'static str) -> EngineResult<()> {
        let id = self.id_of(method, container)?;
        self.change(|state| {
            let machine = state.machines.get_mut(&id).filter(|machine| machine.state == from);
            let answer = || {
                error(
                    &format!("{method} `{container}`"),
                    Reason::Conflict,
                    format!("it is not {from}"),
                )
            };
            machine.ok_or_else(answer)?.state = to;
            self.tell_of(state, &id, method, &[]);
            Ok(())
        })
    }
}
