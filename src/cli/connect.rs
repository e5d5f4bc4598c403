//! What a run reaches: the engine with its tools and its world, this machine, the network; and the lease of it all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Process;
use crate::engine::command::{Surroundings, Tools, tool_env};
use crate::engine::docker::{Docker, Endpoint, EndpointOptions, Far, Pasted, endpoint};
use crate::engine::tunnel::Tunnel;
use crate::engine::world::World;
use crate::engine::{Engine, EngineError, EngineInfo, EngineResult, Pulls, Reason};
use crate::event::{Fault, NodeInfo};
use crate::host::{Host, RealHost};
use crate::lease::{self, Lease, Leases, Locks, case_labels, private, sweep};
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
    /// What says to commands on this machine which engine is meant: `DOCKER_HOST`, …
    pub(crate) docker_env: BTreeMap<String, String>,
    /// The way to the engine, to be closed at the end.
    pub(crate) way: Way,
}

/// The way to the engine that is meant.
pub(crate) struct Way {
    /// The engine as it was named.
    meant: Endpoint,
    /// Where it is dialled: the end of a tunnel, or the same.
    pub(crate) dialled: Endpoint,
    /// Where its published ports are reached from here.
    address: String,
    tunnel: Option<Tunnel>,
}

impl Way {
    /// Finds the engine that is meant; over ssh it is dialled by a socket in a folder that is made.
    pub(crate) async fn find(process: &Process, docker: Option<&str>, folder: &Path) -> EngineResult<Way> {
        let meant = meant(process, docker)?;
        let Some(far) = far(&meant)? else {
            let (dialled, address) = (meant.clone(), meant.address());
            let tunnel = None;
            return Ok(Way {
                meant,
                dialled,
                address,
                tunnel,
            });
        };
        // Agents, homes, proxies: what the user's own ssh sees.
        let tunnel = Tunnel::open(&far, folder, &process.env).await?;
        let host = Some(format!("unix://{}", tunnel.socket.display()));
        Ok(Way {
            meant,
            dialled: Endpoint {
                host,
                ..Endpoint::default()
            },
            address: tunnel.address.clone(),
            tunnel: Some(tunnel),
        })
    }

    /// The commands that speak to it.
    pub(crate) fn pasted(&self) -> Pasted {
        self.meant.pasted()
    }

    /// What says to the docker tools which engine is meant.
    fn env(&self) -> BTreeMap<String, String> {
        match self.meant.host {
            Some(_) => tool_env(&self.dialled),
            None => BTreeMap::new(),
        }
    }

    /// Closes it.
    pub(crate) async fn close(self) {
        if let Some(tunnel) = self.tunnel {
            tunnel.close().await;
        }
    }
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

/// Where all users of this machine can write.
const SHARED: &str = "/var/tmp";

/// The locks of an engine.
pub(crate) fn locks(process: &Process, engine: &str) -> Locks {
    Locks::of(&leases(process), engine).with_shared(SHARED.as_ref(), engine)
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

/// The command that removes what is left on the engine that is meant; of one that cannot be found nothing is.
pub(crate) fn gc(process: &Process, docker: Option<&str>) -> String {
    meant(process, docker).unwrap_or_default().pasted().gc
}

/// The machine of the engine that is meant, where it is another one.
pub(crate) fn elsewhere(process: &Process, docker: Option<&str>) -> EngineResult<Option<String>> {
    let meant = meant(process, docker)?;
    if meant.is_here() {
        return Ok(None);
    }
    let far = far(&meant)?.map(|far| far.host);
    Ok(Some(far.unwrap_or_else(|| meant.address())))
}

/// The far side of an engine that is reached over ssh.
fn far(meant: &Endpoint) -> EngineResult<Option<Far>> {
    let unread = |answer| EngineError {
        attempt: "reach the engine".to_owned(),
        answer,
        reason: Reason::Other,
    };
    meant.far().transpose().map_err(unread)
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
    let Meant { way, host, tools } = tools(process, docker, lease).await.map_err(refused)?;
    let note = |text: &str| emitter.note(text);
    let watched = reached(process, lease, (&way, &host, &tools), &note);
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
        docker_env: way.env(),
        way,
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
    if !meant(process, docker).map_err(refused)?.is_here() {
        return Err(Fault::error("the engine is not on this machine"));
    }
    let Meant { way, host, tools } = tools(process, docker, lease).await.map_err(refused)?;
    let note = |text: &str| super::terminal::print_error(&format!("note: {text}\n"));
    let (node, _) = reached(process, lease, (&way, &host, &tools), &note).await?;
    let labels = case_labels(lease.id(), "", "");
    for folder in folders {
        scratch::empty(&node, host.as_ref(), labels.clone(), folder).await?;
    }
    Ok(())
}

/// The engine that is meant, and what is needed to speak to it.
struct Meant {
    way: Way,
    host: Arc<dyn Host>,
    tools: Arc<Tools>,
}

async fn tools(process: &Process, docker: Option<&str>, lease: &Arc<Lease>) -> EngineResult<Meant> {
    let way = Way::find(process, docker, &private(lease.id())).await?;
    let groups: Arc<dyn crate::host::Groups> = Arc::<Lease>::clone(lease);
    let host: Arc<dyn Host> = Arc::new(RealHost::new(groups));
    let surroundings = Surroundings {
        path: process.env.get("PATH").cloned().unwrap_or_default(),
        home: process.env.get("HOME").map(PathBuf::from),
        docker_config: config(process),
    };
    let tools = Arc::new(Tools::new(Arc::clone(&host), &surroundings, &way.dialled));
    Ok(Meant { way, host, tools })
}

fn refused(error: EngineError) -> Fault {
    Fault::error(error.to_string()).hint("is the engine there? `docker version` asks it; `--docker HOST` names another")
}

/// Reaches the engine, sweeps what dead runs left on it, and begins to watch it.
async fn reached(
    process: &Process,
    lease: &Lease,
    (way, host, tools): (&Way, &Arc<dyn Host>, &Arc<Tools>),
    note: &(dyn Fn(&str) + Sync),
) -> Result<(NodeHandle, EngineInfo), Fault> {
    let engine = Docker::connect(&way.dialled)
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
        address: way.address.clone().into(),
        is_here: way.meant.is_here(),
        pasted: way.pasted().into(),
        pulls: Pulls::default(),
        locks: locks(process, &info.id),
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
        if !swept.removed.is_empty() {
            let counted = lease::counted(&swept.removed);
            note(&format!("removed what a dead run had left: {counted}"));
        }
        for left in swept.left {
            note(&format!(
                "a dead run left {}, and it cannot be removed: {}",
                left.what, left.why
            ));
        }
    }
}
