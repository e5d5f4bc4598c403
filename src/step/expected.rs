//! What a stack expects to be there and does not make itself: external networks, of a compose stack volumes, of a swarm
//! stack secrets, configs and the paths of its mounts. The docker tools tell of the first of them, without its place, and a
//! rejected task of the others; here each is told at its place.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Cx, Done, NodeHandle};
use crate::engine::EngineResult;
use crate::event::Fault;
use crate::host::Host;
use crate::substitute::{Had, Mounted, Rewritten, ServiceInfo, Shared};

/// The scope of the networks that services can be on.
const SWARM: &str = "swarm";
/// The networks that every engine has, and that services may be on.
const EVERYWHERE: [&str; 3] = ["bridge", "host", "none"];

/// Refuses a swarm stack that expects what is not there.
pub(super) async fn refused(cx: &Cx, node: &NodeHandle, stack: &Rewritten) -> Done<()> {
    let faults = cx.asked(absent(node, &*cx.case.host, stack)).await?;
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Refuses services of a compose stack that expect what is not there.
pub(super) async fn refused_of(cx: &Cx, node: &NodeHandle, stack: &Rewritten, services: &[&ServiceInfo]) -> Done<()> {
    let has = |service: &ServiceInfo, want: &Shared| match want.section {
        "networks" => service.networks.contains_key(&want.key),
        _ => service.volumes.contains(&want.key),
    };
    let is_had = |want: &&Shared| services.iter().any(|service| has(service, want));
    let mut faults = Vec::new();
    for want in stack.expects.iter().filter(is_had) {
        faults.extend(cx.asked(of_engine(node, want)).await?);
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

async fn of_engine(node: &NodeHandle, want: &Shared) -> EngineResult<Option<Fault>> {
    let Shared { section, name, at, .. } = want;
    let is_there = match *section {
        "volumes" => {
            let volumes = node.engine.volumes(&[]).await?;
            volumes.iter().any(|volume| volume.name == *name)
        }
        _ => {
            let networks = node.engine.networks(&[]).await?;
            let mut known = networks.iter().flat_map(|network| [&network.name, &network.id]);
            // One who manages no swarm that it is in knows only those of the swarm's networks that it uses by now.
            known.any(|known| known == name) || node.engine.info().await?.swarm && node.engine.swarm().await?.is_none()
        }
    };
    let one = section.trim_end_matches('s');
    let message = format!("the {one} `{name}` is external to the stack, and the engine has none of that name");
    Ok((!is_there).then(|| Fault::error(message).at(at.place()).hint(want.given_by())))
}

/// A fault for each thing that a swarm stack expects, and that is not there.
pub(crate) async fn absent(node: &NodeHandle, host: &dyn Host, stack: &Rewritten) -> EngineResult<Vec<Fault>> {
    let mut faults = Vec::new();
    for want in &stack.expects {
        faults.extend(of_swarm(node, want).await?);
    }
    faults.extend(paths(node, host, stack).await?);
    Ok(faults)
}

async fn of_swarm(node: &NodeHandle, want: &Shared) -> EngineResult<Option<Fault>> {
    let Shared { section, name, at, .. } = want;
    let one = section.trim_end_matches('s');
    let is_there = match *section {
        "secrets" => node.engine.secrets(&[]).await?.values().any(|known| known == name),
        "configs" => node.engine.configs(&[]).await?.values().any(|known| known == name),
        _ if EVERYWHERE.contains(&name.as_str()) => true,
        _ => {
            let networks = node.engine.networks(&[]).await?;
            match networks.iter().find(|network| network.name == *name) {
                Some(network) if network.scope != SWARM => {
                    let message = format!(
                        "the network `{name}` is of one engine alone, and a swarm's services are on all of them"
                    );
                    return Ok(Some(Fault::error(message).at(at.place()).hint(want.given_by())));
                }
                found => found.is_some(),
            }
        }
    };
    let message = format!("the {one} `{name}` is external to the stack, and the swarm has none of that name");
    Ok((!is_there).then(|| Fault::error(message).at(at.place()).hint(want.given_by())))
}

/// Paths that are mounted and are not there. Those of other nodes nobody sees from here.
async fn paths(node: &NodeHandle, host: &dyn Host, stack: &Rewritten) -> EngineResult<Vec<Fault>> {
    let mounted = stack.mounted.iter().filter(|it| it.how != Had::Given);
    let with_path = |it| {
        Mounted::path(it)
            .filter(|path| path.is_absolute())
            .map(|path| (it, path))
    };
    let mounted: Vec<(&Mounted, &Path)> = mounted.filter_map(with_path).collect();
    if !node.is_here || mounted.is_empty() || node.engine.swarm_nodes().await?.len() != 1 {
        return Ok(Vec::new());
    }
    let (mut faults, mut told) = (Vec::new(), BTreeSet::new());
    for (it, path) in mounted {
        if host.exists(path).await || !told.insert(path) {
            continue;
        }
        let source = &it.source;
        let message = format!(
            "there is no file or folder `{source}`: a swarm makes none, and rejects every task of `{}`",
            it.service
        );
        faults.push(Fault::error(message).at(it.at.place()).hint(format!(
            "put one there, or let another one take its place: `substitute: {{host-paths: {{{source}: …}}}}` of the stack"
        )));
    }
    Ok(faults)
}
