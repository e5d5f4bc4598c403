//! Asking from within a service's network: this program runs in a helper container that shares the network of the
//! service's, and asks there. Its image is made of the program itself, so that none has to come from anywhere.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::io::AsyncWriteExt;

use super::{ContainerRef, Cx, Done, NodeHandle, Ref, ServiceRef, describe};
use crate::engine::world::ContainerState;
use crate::engine::{
    Container, ContainerSpec, Conversation, Engine, EngineError, EngineResult, Labels, Reason, ResourceKind, Stream,
    Tool, ToolCall,
};
use crate::event::Fault;
use crate::host::{Host, Program};
use crate::lease::{OURS, image_labels, used_again};
use crate::net::{Asked, HttpAnswer, HttpRequest, Net, NetError, Told};

/// How long making the helper's image may take.
const LIMIT: Duration = Duration::from_secs(120);
/// The subcommand that asks.
pub(crate) const WORD: &str = "ask-here";
/// What it says to who connects to it, where it is to answer.
pub(crate) const GREETING: &str = "e2erun is here\n";
/// The most that a helper tells: an answer's body and what is around it.
const MAX_TOLD: usize = 4 * crate::net::MAX_KEPT;

/// What the helper's image is called.
const IMAGE: &str = "e2erun/inside:";

/// The reference of the helper's image.
pub(crate) fn image(program: &Program) -> String {
    format!("{IMAGE}{}", program.id)
}

/// True for a helper: it is no part of what the scenario started, and nobody looks into it.
pub(crate) fn is_helper(container: &ContainerState) -> bool {
    container.image.starts_with(IMAGE)
}

/// Makes the helper's image unless it is there; says which of the two.
pub(crate) async fn make_image(engine: &dyn Engine, host: &dyn Host) -> Result<&'static str, Fault> {
    let failed = |why: String| Fault::error(format!("the image for asking from `inside` cannot be made: {why}"));
    let program = host.program().await.map_err(|why| failed(why.to_string()))?;
    let reference = image(&program);
    let known = used_again(engine, &reference).await;
    if known.map_err(|error| failed(error.to_string()))? {
        return Ok("cached");
    }
    let tar = host
        .pack_program(&program)
        .await
        .map_err(|why| failed(why.to_string()))?;
    let mut arguments = vec!["import".to_owned()];
    for (name, value) in image_labels(OURS) {
        arguments.extend(["--change".to_owned(), format!("LABEL {name}={value}")]);
    }
    arguments.extend(["-".to_owned(), reference]);
    let call = ToolCall {
        tool: Tool::Docker,
        arguments,
        env: std::collections::BTreeMap::new(),
        folder: "/".into(),
        stdin: Some(tar),
        limit: LIMIT,
    };
    let ended = engine.tool(call, Arc::new(|_: Stream, _: &str| {})).await;
    let ended = ended.map_err(|error| failed(error.to_string()))?;
    match ended.exit {
        Some(0) => Ok("built"),
        _ => Err(failed(ended.stderr.trim().to_owned())),
    }
}

/// A container of the helper's image, which is made if need be, that holds these mounts and sees nothing else: volumes are
/// read and filled through it, and folders emptied.
pub(crate) async fn holder_spec(
    (engine, host): (&dyn Engine, &dyn Host),
    labels: Labels,
    volumes: Vec<String>,
) -> Result<ContainerSpec, Fault> {
    make_image(engine, host).await?;
    let program = host.program().await;
    let program = program.map_err(|why| Fault::error(format!("this program cannot be found: {why}")))?;
    Ok(ContainerSpec {
        image: image(&program),
        entrypoint: Some(program.argv),
        labels,
        volumes,
        network_mode: Some("none".to_owned()),
        ..ContainerSpec::default()
    })
}

/// The network that a question is asked in: that of a service where it says `inside`, and otherwise this machine's.
pub(super) async fn net(cx: &Cx, inside: Option<&Ref<ContainerRef>>) -> Done<Arc<dyn Net>> {
    let Some(inside) = inside else {
        return Ok(Arc::clone(&cx.case.net));
    };
    let target = cx.target(inside).await?;
    let (node, container) = cx.one_inspected(&target).await?;
    if container.state != "running" {
        let (name, state) = (describe::shown(&target), cx.told_state(&container));
        return Err(cx.failure(format!("`{name}` {state}: nothing can be asked from inside it")));
    }
    // A container that was restarted has another network.
    let key = format!("{} {}", container.id, container.started_at);
    // Held while it is made: others that want it wait for it.
    let mut helpers = cx.case.helpers.lock().await;
    if let Some(helper) = helpers.get(&key) {
        return Ok(Arc::clone(helper));
    }
    let program = cx.case.host.program().await;
    let program = program.map_err(|why| cx.error(format!("this program cannot be found: {why}")))?;
    let number = {
        let mut state = cx.case.state();
        state.helpers_begun += 1;
        state.helpers_begun
    };
    let name = format!("{}-inside-{number}", cx.case.id);
    let started = start(cx, &node, (&name, &container.id), &program).await;
    let helper: Arc<dyn Net> = Arc::new(Inside {
        helper: match started {
            Ok(started) => started,
            Err(faults) => return Err(ended_meanwhile(cx, &target, &container).await.unwrap_or(faults)),
        },
        engine: Arc::clone(&node.engine),
        command: program.argv.into_iter().chain([WORD.to_owned()]).collect(),
        free: Mutex::default(),
    });
    helpers.insert(key, Arc::clone(&helper));
    Ok(helper)
}

/// What a helper could not start for, where that is the end of the container whose network it was to be in: then it is the
/// system that has changed, and may do so again.
async fn ended_meanwhile(cx: &Cx, target: &ContainerRef, known: &Container) -> Option<Vec<Fault>> {
    let name = describe::shown(target);
    match cx.one_inspected(target).await {
        Ok((_, now)) if now.id == known.id && now.started_at == known.started_at && runs(&now) => None,
        Ok(_) => Some(cx.failure(format!("`{name}` ended as it was to be asked from inside"))),
        Err(faults) => Some(faults),
    }
}

fn runs(container: &Container) -> bool {
    matches!(container.state.as_str(), "running" | "paused")
}

/// The networks that are seen from inside a container.
async fn networks(cx: &Cx, node: &NodeHandle, container: Container) -> Done<BTreeSet<String>> {
    let networks = |container: Container| container.networks.into_keys().collect();
    match container.network_mode.strip_prefix("container:") {
        Some(other) => Ok(networks(cx.asked(node.engine.inspect(other)).await?)),
        None => Ok(networks(container)),
    }
}

/// Who has a name on the networks that are seen from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// A service, or a container in the background: it is not misspelt.
    Running,
    /// Such a one, and none of its containers runs: the engine's name server does not know the name, and may be long about it.
    Stopped,
    /// Nobody that is known here.
    Nobody,
}

/// Who has a name on the networks that are seen from inside.
pub(super) async fn peer(cx: &Cx, inside: &Ref<ContainerRef>, host: &str) -> Done<Peer> {
    let target = cx.target(inside).await?;
    let (node, container) = cx.one_inspected(&target).await?;
    let seen = networks(cx, &node, container).await?;
    let is_seen = |networks: &BTreeSet<String>| !networks.is_disjoint(&seen);
    let mut services = Vec::new();
    for stack in cx.case.stacks.iter() {
        let whose = stack.hosts.get(host).into_iter().flatten();
        services.extend(
            whose
                .filter(|(_, networks)| is_seen(networks))
                .map(|(service, _)| ServiceRef {
                    stack: stack.id,
                    stack_name: stack.name.as_str().into(),
                    service: service.as_str().into(),
                    replica: None,
                }),
        );
    }
    let background = background(cx, host).await?;
    let background = background.filter(|other| other.networks.keys().any(|network| seen.contains(network)));
    if services.is_empty() && background.is_none() {
        return Ok(Peer::Nobody);
    }
    let has_one = |service| cx.case.containers(service).iter().any(|one| one.is_running());
    let is_there = services.iter().any(has_one) || background.is_some_and(|other| runs(&other));
    Ok(if is_there { Peer::Running } else { Peer::Stopped })
}

/// A container in the background, if there is one of this name.
async fn background(cx: &Cx, name: &str) -> Done<Option<Container>> {
    let background = cx.case.state().backgrounds.get(name).cloned();
    let Some((node, id)) = background else { return Ok(None) };
    match cx.case.nodes[node].engine.inspect(&id).await {
        Ok(container) => Ok(Some(container)),
        // It is gone, and what it was on with it.
        Err(error) if error.reason == Reason::NotFound => Ok(None),
        Err(error) => Err(vec![cx.engine_fault(&error)]),
    }
}

/// Starts a helper in the network of a container; gives its id.
async fn start(cx: &Cx, node: &NodeHandle, (name, container): (&str, &str), program: &Program) -> Done<String> {
    let spec = ContainerSpec {
        name: name.to_owned(),
        image: image(program),
        entrypoint: Some(program.argv.clone()),
        command: Some([WORD, "--stay"].map(str::to_owned).to_vec()),
        labels: cx.case.labels.clone(),
        network_mode: Some(format!("container:{container}")),
        ..ContainerSpec::default()
    };
    let engine = Arc::clone(&node.engine);
    let make = async move {
        let id = engine.create(&spec).await?;
        if let Err(why) = engine.start(&id).await {
            // Another try makes another one.
            engine.remove(ResourceKind::Container, &id).await.ok();
            return Err(why);
        }
        Ok(id)
    };
    let made = cx.timed("create", cx.changed(make)).await;
    made.map_err(|faults| {
        // Without a helper nothing can be found out about the system.
        let errors = faults.into_iter().map(|fault| Fault {
            kind: crate::event::FaultKind::Error,
            ..fault
        });
        errors.collect()
    })
}

/// The network of a helper container.
struct Inside {
    engine: Arc<dyn Engine>,
    helper: String,
    /// The program in it that asks.
    command: Vec<String>,
    /// Those programs that run and have nothing to do: to start one takes many times as long as to ask.
    free: Mutex<Vec<Asking>>,
}

#[async_trait]
impl Net for Inside {
    async fn http(&self, request: &HttpRequest, limit: Duration) -> Result<HttpAnswer, NetError> {
        self.ask(&Asked::Http(request.clone(), limit)).await?.http()
    }

    async fn tcp(&self, address: &str, send: &[u8], until: Option<&str>, limit: Duration) -> Result<Bytes, NetError> {
        let asked = Asked::Tcp {
            address: address.to_owned(),
            send: Bytes::copy_from_slice(send),
            until: until.map(str::to_owned),
            limit,
        };
        self.ask(&asked).await?.tcp()
    }

    async fn addresses(&self, name: &str, limit: Duration) -> Result<BTreeSet<IpAddr>, NetError> {
        self.ask(&Asked::Addresses(name.to_owned(), limit)).await?.addresses()
    }
}

impl Inside {
    async fn ask(&self, asked: &Asked) -> Result<Told, NetError> {
        // Whatever goes wrong on the way says nothing of the other side.
        let failed = |why: String| NetError {
            kind: NetError::REQUEST,
            message: format!("the question cannot be asked from inside: {why}"),
        };
        let mut question = serde_json::to_vec(asked).map_err(|why| failed(why.to_string()))?;
        question.push(b'\n');
        let mut asking = self.free().await.map_err(|error| failed(error.to_string()))?;
        let told = asking.ask(&question).await.map_err(|error| failed(error.to_string()))?;
        let answer = serde_json::from_slice(&told)
            .map_err(|why| failed(format!("{why}: {}", String::from_utf8_lossy(&told).trim_end())))?;
        // One whose question was given up, or that gave no answer, is not asked again: its connection ends, and it with that.
        self.idle().push(asking);
        Ok(answer)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Asking>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that has nothing to do, and whose connection has not ended meanwhile.
    async fn free(&self) -> EngineResult<Asking> {
        let next = || self.idle().pop();
        while let Some(mut free) = next() {
            if free.conversation.output.next().now_or_never().is_none() {
                return Ok(free);
            }
        }
        Ok(Asking {
            conversation: self.engine.converse(&self.helper, &self.command).await?,
        })
    }
}

/// A program in a helper that asks one question after the other.
struct Asking {
    conversation: Conversation,
}

impl Asking {
    /// The line that it answers to one of ours; what it said instead where it ended.
    async fn ask(&mut self, question: &[u8]) -> EngineResult<Vec<u8>> {
        let Conversation { input, output } = &mut self.conversation;
        // Where nobody reads any more, what it said tells why.
        if input.write_all(question).await.is_ok() {
            drop(input.flush().await);
        }
        let (mut told, mut complaints) = (Vec::new(), Vec::new());
        while !told.ends_with(b"\n")
            && let Some(frame) = output.next().await
        {
            let frame = frame?;
            match frame.stream {
                Stream::Stdout => told.extend_from_slice(&frame.bytes),
                Stream::Stderr => complaints.extend_from_slice(&frame.bytes),
            }
            if told.len() + complaints.len() > MAX_TOLD {
                return Err(EngineError {
                    attempt: "read what a helper tells".to_owned(),
                    answer: format!("it is longer than {MAX_TOLD} bytes"),
                    reason: Reason::Other,
                });
            }
        }
        if !told.ends_with(b"\n") {
            told.extend_from_slice(&complaints);
        }
        Ok(told)
    }
}
