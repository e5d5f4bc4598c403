//! `requires`: looked at before images are made for the case and when it begins, never assumed.

use super::Env;
use super::swarm::Swarm;
use crate::engine::EngineInfo;
use crate::event::Fault;
use crate::plan::Plan;
use crate::scenario::Requires;

/// What is known of the surroundings.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What the engine says of itself.
    pub engine: EngineInfo,
    /// The compose tool's version; empty without one.
    pub compose: String,
}

/// Why what is required is not there; none when it is.
pub(super) async fn unmet(env: &Env, plan: &Plan, swarm: &Swarm) -> Result<Option<String>, Fault> {
    for requires in &plan.requires {
        let unmet = match unmet_one(requires, env, plan.makes_swarm).await? {
            None => unmet_by_mesh(requires, env, (plan, swarm)).await?,
            unmet => unmet,
        };
        if unmet.is_some() {
            return Ok(unmet);
        }
    }
    Ok(None)
}

/// The routing mesh is found by looking, which takes some seconds: last of all.
async fn unmet_by_mesh(
    requires: &Requires,
    env: &Env,
    (plan, swarm): (&Plan, &Swarm),
) -> Result<Option<String>, Fault> {
    if requires.routing_mesh.as_ref().is_none_or(|mesh| !mesh.value) {
        return Ok(None);
    }
    if !env.facts.engine.manager && !plan.makes_swarm {
        let what = match env.facts.engine.swarm {
            true => "no manager of its swarm",
            false => "in no swarm",
        };
        return Ok(Some(format!("requires the routing mesh, and the engine is {what}")));
    }
    if let Some(fault) = swarm.see_to(env, plan).await {
        return Err(fault);
    }
    if swarm.has_mesh(env).await? {
        return Ok(None);
    }
    // A file of this machine says nothing of another one's engine.
    let here = env.nodes.first().is_some_and(|node| node.is_here);
    let why = if here && !env.host.exists(IPVS.as_ref()).await {
        "this kernel has no IPVS"
    } else {
        "a port that is published through it is not answered on this engine"
    };
    Ok(Some(format!("requires the routing mesh, and {why}")))
}

async fn unmet_one(requires: &Requires, env: &Env, makes_swarm: bool) -> Result<Option<String>, Fault> {
    let engine = &env.facts.engine;
    let versions = [
        ("engine", &requires.engine, &engine.version),
        ("compose", &requires.compose, &env.facts.compose),
    ];
    for (what, wanted, found) in versions {
        if let Some(wanted) = wanted
            && !wanted.value.holds(found)
        {
            let found = if found.is_empty() { "none" } else { found.as_str() };
            return Ok(Some(format!("requires {what} {}, found {found}", wanted.value)));
        }
    }
    if !requires.arch.is_empty() && !requires.arch.iter().any(|arch| arch.value == engine.arch) {
        let wanted = requires
            .arch
            .iter()
            .map(|arch| arch.value.as_str())
            .collect::<Vec<_>>()
            .join(" or ");
        return Ok(Some(format!("requires architecture {wanted}, found {}", engine.arch)));
    }
    match requires.swarm.as_ref().map(|swarm| swarm.value) {
        Some(true) if !engine.manager && !makes_swarm => {
            let what = match engine.swarm {
                true => "a manager of a swarm, and the engine is none",
                false => "an engine in a swarm",
            };
            return Ok(Some(format!("requires {what}")));
        }
        Some(false) if in_swarm(env).await? => {
            return Ok(Some("requires an engine that is in no swarm".to_owned()));
        }
        _ => {}
    }
    if let Some(disk) = &requires.disk {
        let free = env.host.free_space(&env.settings.results).await;
        if free.is_none_or(|free| free < disk.value.0) {
            let found = free.map_or("unknown".to_owned(), |free| format!("{} MiB", free >> 20));
            return Ok(Some(format!(
                "requires {} MiB of disk, found {found}",
                disk.value.0 >> 20
            )));
        }
    }
    let absent = requires.env.iter().find_map(|name| {
        let name = &name.value;
        match env.settings.env.get(name).map(String::as_str) {
            None => Some(format!("requires the environment variable {name}")),
            // What a pipeline makes of a secret that it does not have.
            Some("") => Some(format!("requires the environment variable {name}, which is empty")),
            Some(_) => None,
        }
    });
    Ok(absent)
}

/// Whether the engine is in a swarm now: another case may have asked for one, of this run or another, and others leave theirs.
/// What a worker is in nobody can tell but the engine itself, and it did.
async fn in_swarm(env: &Env) -> Result<bool, Fault> {
    let EngineInfo { swarm, manager, .. } = env.facts.engine;
    let now = env.unplaced().engine.swarm().await;
    let now = now.map_err(|error| Fault::error(format!("`requires: {{swarm: false}}`: {error}")))?;
    Ok(now.is_some() || swarm && !manager)
}

/// Where a kernel with IPVS shows it.
const IPVS: &str = "/proc/net/ip_vs";
