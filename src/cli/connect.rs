//! What a run reaches: the engine with its tools and its world, this machine, the network; and the lease of it all.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::Process;
use crate::engine::command::{Surroundings, Tools};
use crate::engine::docker::{Docker, Endpoint, EndpointOptions, endpoint};
use crate::engine::world::World;
use crate::engine::{Engine, EngineError, EngineInfo, EngineResult, Pulls};
use crate::event::{Fault, NodeInfo};
use crate::host::{Host, RealHost};
use crate::lease::{Lease, Leases, Locks, case_labels, sweep};
use crate::net::{Net, RealNet};
use crate::run::{Facts, scratch};
use crate::step::{Emitter, NodeHandle};

/// The one node of a run without clusters.
const LOCAL: &str = "local";

/// What a run reaches.
pub(crate) struct Connected {
    /// The nodes.
    pub(crate) handles: Vec<NodeHandle>,
    /// What is told of them.
    pub(crate) nodes: Vec<NodeInfo>,
    /// This machine.
    pub(crate) host: Arc<dyn Host>,
    /// http and tcp.
    pub(crate) net: Arc<dyn Net>,
    /// What is known of the surroundings.
    pub(crate) facts: Facts,
    /// `DOCKER_HOST` for commands on this machine.
    pub(crate) docker_host: Option<String>,
}

/// The folder of the leases of this user on this machine.
pub(crate) fn leases(process: &Process) -> PathBuf {
    let of = |name: &str| {
        process
            .env
            .get(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let state = of("XDG_STATE_HOME").or_else(|| of("HOME").map(|home| home.join(".local/state")));
    state.unwrap_or_else(|| PathBuf::from("/var/tmp")).join("e2erun/leases")
}

/// Takes the lease of a run.
pub(crate) fn lease(process: &Process) -> Result<Lease, String> {
    let folder = leases(process);
    Lease::take(&folder, &process.command)
        .map_err(|why| format!("cannot take a lease in `{}`: {why}", folder.display()))
}

/// The engine that is meant.
pub(crate) fn meant(process: &Process, docker: Option<&str>) -> EngineResult<Endpoint> {
    let of = |name: &str| process.env.get(name).cloned();
    endpoint(&EndpointOptions {
        docker: docker.map(str::to_owned),
        docker_host: of("DOCKER_HOST"),
        docker_context: of("DOCKER_CONTEXT"),
        docker_tls_verify: of("DOCKER_TLS_VERIFY"),
        docker_cert_path: of("DOCKER_CERT_PATH").map(PathBuf::from),
        config: config(process),
    })
}

fn config(process: &Process) -> Option<PathBuf> {
    let of = |name: &str| process.env.get(name).map(PathBuf::from);
    of("DOCKER_CONFIG").or_else(|| of("HOME").map(|home| home.join(".docker")))
}

/// Reaches the engine and its tools, sweeps what dead runs left on it, and begins to watch it.
pub(crate) async fn connect(
    process: &Process,
    docker: Option<&str>,
    lease: &Arc<Lease>,
    emitter: &Emitter,
) -> Result<Connected, Fault> {
    let Meant { endpoint, host, tools } = tools(process, docker, lease).map_err(refused)?;
    let note = |text: &str| emitter.note(text);
    let watched = reached(process, lease, (&endpoint, &host, &tools), &note);
    // What the tool needs to start is most of what all of this takes.
    let (watched, compose) = tokio::join!(watched, tools.compose());
    let (node, info) = watched?;
    let compose = compose.map_or_else(String::new, |tool| tool.version.clone());
    let told = NodeInfo {
        name: LOCAL.to_owned(),
        engine: info.version.clone(),
        api: info.api.clone(),
        compose: compose.clone(),
        system: format!("{} {} {}", info.os, info.kernel, info.arch),
    };
    Ok(Connected {
        handles: vec![node],
        nodes: vec![told],
        host,
        net: Arc::new(RealNet::default()),
        facts: Facts { engine: info, compose },
        docker_host: endpoint.host.clone(),
    })
}

/// Empties folders of an earlier run's results where this user cannot: what its containers wrote there is another
/// user's. What a dead run left is removed first, since it may go on writing.
pub(crate) async fn empty(
    process: &Process,
    docker: Option<&str>,
    lease: &Arc<Lease>,
    folders: &[PathBuf],
) -> Result<(), Fault> {
    let Meant { endpoint, host, tools } = tools(process, docker, lease).map_err(refused)?;
    if !scratch::is_here(endpoint.host.as_deref()) {
        return Err(Fault::error("the engine is not on this machine"));
    }
    let note = |text: &str| super::terminal::print_error(&format!("note: {text}\n"));
    let (node, _) = reached(process, lease, (&endpoint, &host, &tools), &note).await?;
    let labels = case_labels(lease.id(), "", "");
    for folder in folders {
        scratch::empty(&node, host.as_ref(), labels.clone(), folder).await?;
    }
    Ok(())
}

/// The engine that is meant, and what is needed to speak to it.
struct Meant {
    endpoint: Endpoint,
    host: Arc<dyn Host>,
    tools: Arc<Tools>,
}

fn tools(process: &Process, docker: Option<&str>, lease: &Arc<Lease>) -> EngineResult<Meant> {
    let endpoint = meant(process, docker)?;
    let groups: Arc<dyn crate::host::Groups> = Arc::<Lease>::clone(lease);
    let host: Arc<dyn Host> = Arc::new(RealHost::new(groups));
    let surroundings = Surroundings {
        path: process.env.get("PATH").cloned().unwrap_or_default(),
        home: process.env.get("HOME").map(PathBuf::from),
        docker_config: config(process),
    };
    let tools = Arc::new(Tools::new(Arc::clone(&host), &surroundings, &endpoint));
    Ok(Meant { endpoint, host, tools })
}

fn refused(error: EngineError) -> Fault {
    Fault::error(error.to_string()).hint("is the engine there? `docker version` asks it; `--docker HOST` names another")
}

/// Reaches the engine, sweeps what dead runs left on it, and begins to watch it.
async fn reached(
    process: &Process,
    lease: &Lease,
    (endpoint, host, tools): (&Endpoint, &Arc<dyn Host>, &Arc<Tools>),
    note: &(dyn Fn(&str) + Sync),
) -> Result<(NodeHandle, EngineInfo), Fault> {
    let engine = Docker::connect(endpoint)
        .await
        .map_err(refused)?
        .with_config(registry_config(process))
        .with_tools(Arc::clone(tools));
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let watch = async { World::watch(Arc::clone(&engine), lease.label()).await };
    let (info, world) = tokio::try_join!(engine.info(), watch).map_err(refused)?;
    lease
        .on_engine(&info.id)
        .map_err(|why| Fault::error(format!("cannot write the lease: {why}")))?;
    clean(process, engine.as_ref(), host.as_ref(), (&info.id, note)).await;
    let node = NodeHandle {
        name: LOCAL.into(),
        engine,
        world,
        address: address(endpoint).into(),
        pulls: Pulls::default(),
        locks: Locks::of(&leases(process), &info.id),
    };
    Ok((node, info))
}

/// The registries' credentials, where the docker tools keep them.
fn registry_config(process: &Process) -> serde_json::Value {
    let file = config(process).map(|folder| folder.join("config.json"));
    let text = file.and_then(|file| crate::load::text(&file, "config.json").ok());
    text.and_then(|source| serde_json::from_str(&source.text).ok())
        .unwrap_or_default()
}

/// Removes what dead runs left on this engine, and tells of it.
async fn clean(process: &Process, engine: &dyn Engine, host: &dyn Host, (id, note): (&str, &(dyn Fn(&str) + Sync))) {
    let folder = leases(process);
    let leases = match Leases::look(&folder) {
        Ok(leases) => leases,
        Err(why) => {
            let folder = folder.display();
            note(&format!(
                "what dead runs left is not removed: cannot read the leases in `{folder}`: {why}"
            ));
            return;
        }
    };
    leases.unknown().for_each(|told| note(&told));
    for dead in leases
        .dead
        .iter()
        .filter(|dead| dead.engines.contains(id) || dead.engines.is_empty())
    {
        let swept = sweep(engine, host, dead).await;
        let names: BTreeSet<&str> = swept.removed.iter().map(|resource| resource.name.as_str()).collect();
        if !names.is_empty() {
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            note(&format!("removed what a dead run had left: {names}"));
        }
        for left in swept.left {
            note(&format!(
                "a dead run left {}, and it cannot be removed: {}",
                left.what, left.why
            ));
        }
    }
}

/// Where published ports of an engine are reached from here.
fn address(endpoint: &Endpoint) -> String {
    let host = endpoint.host.as_deref().unwrap_or_default();
    let remote = ["tcp://", "http://", "https://"]
        .iter()
        .find_map(|scheme| host.strip_prefix(scheme));
    let name = remote.map(|rest| match rest.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => rest.split([':', '/']).next().unwrap_or(rest),
    });
    name.filter(|name| !name.is_empty()).unwrap_or("127.0.0.1").to_owned()
}
