//! `requires`: looked at before images are made for the case and when it begins, never assumed.

use super::Env;
use crate::scenario::Requires;

/// What is known of the surroundings.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What the engine says of itself.
    pub engine: crate::engine::EngineInfo,
    /// The compose tool's version; empty without one.
    pub compose: String,
}

/// Why what is required is not there; none when it is.
pub(crate) async fn unmet(all: &[Requires], env: &Env) -> Option<String> {
    for requires in all {
        if let Some(reason) = unmet_one(requires, env).await {
            return Some(reason);
        }
    }
    None
}

async fn unmet_one(requires: &Requires, env: &Env) -> Option<String> {
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
            return Some(format!("requires {what} {}, found {found}", wanted.value));
        }
    }
    if !requires.arch.is_empty() && !requires.arch.iter().any(|arch| arch.value == engine.arch) {
        let wanted = requires
            .arch
            .iter()
            .map(|arch| arch.value.as_str())
            .collect::<Vec<_>>()
            .join(" or ");
        return Some(format!("requires architecture {wanted}, found {}", engine.arch));
    }
    if let Some(swarm) = &requires.swarm
        && swarm.value != engine.swarm
    {
        return Some(format!(
            "requires an engine {}",
            if swarm.value {
                "in a swarm"
            } else {
                "that is in no swarm"
            }
        ));
    }
    if requires.routing_mesh.as_ref().is_some_and(|mesh| mesh.value) && !env.host.exists(IPVS.as_ref()).await {
        return Some("requires the routing mesh, and this kernel has no IPVS".to_owned());
    }
    if let Some(disk) = &requires.disk {
        let free = env.host.free_space(&env.settings.results).await;
        if free.is_none_or(|free| free < disk.value.0) {
            let found = free.map_or("unknown".to_owned(), |free| format!("{} MiB", free >> 20));
            return Some(format!("requires {} MiB of disk, found {found}", disk.value.0 >> 20));
        }
    }
    requires.env.iter().find_map(|name| {
        let name = &name.value;
        match env.settings.env.get(name).map(String::as_str) {
            None => Some(format!("requires the environment variable {name}")),
            // What a pipeline makes of a secret that it does not have.
            Some("") => Some(format!("requires the environment variable {name}, which is empty")),
            Some(_) => None,
        }
    })
}

/// Where a kernel with IPVS shows it.
const IPVS: &str = "/proc/net/ip_vs";
