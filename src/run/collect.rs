//! What a case leaves in the results: files of its containers, and after a failure what the engine says of them.

use std::time::Duration;

use futures_util::StreamExt;

use crate::plan::Plan;
use crate::scenario::When;
use crate::step::{Case, ContainerRef, find_container};
use crate::template::Scope;

/// Limit of copying one path.
const LIMIT: Duration = Duration::from_secs(60);
/// The most bytes of one collected path.
const MAX_BYTES: usize = 1 << 30;

/// Copies the paths of `collect`; one that cannot be had is told and is no reason to fail.
pub(crate) async fn collect(case: &Case, plan: &Plan, scope: &Scope, bad: bool) {
    for entry in plan.collect.iter().filter(|entry| bad || entry.when == When::Always) {
        let collected = async {
            let path = entry.path.text(scope);
            let path = path.map_err(|_| "its name is not known here".to_owned())?;
            collect_one(case, &path).await
        };
        let why = match tokio::time::timeout(LIMIT, collected).await {
            Ok(Ok(())) => continue,
            Ok(Err(why)) => why,
            Err(_) => format!("it took more than {} s", LIMIT.as_secs()),
        };
        let (what, place) = (entry.path.shown(), entry.path.span.place());
        case.emitter.note(&format!("{place}: cannot collect `{what}`: {why}"));
    }
}

async fn collect_one(case: &Case, path: &str) -> Result<(), String> {
    let (target, path) = path.split_once(':').ok_or("write it as `service:path`")?;
    let backgrounds: Vec<String> = case.state().backgrounds.keys().cloned().collect();
    let found = find_container(target, &case.stacks, &backgrounds).map_err(|unfound| unfound.message)?;
    for (node, id, name) in case.containers_of(&found) {
        let mut archive = node
            .engine
            .read_archive(&id, path)
            .await
            .map_err(|error| error.to_string())?;
        let mut tar = Vec::new();
        while let Some(piece) = archive.next().await {
            tar.extend_from_slice(&piece.map_err(|error| error.to_string())?);
            if tar.len() > MAX_BYTES {
                return Err(format!("it has more than {} MiB", MAX_BYTES >> 20));
            }
        }
        let folder = case.results.join("collected").join(name);
        case.host
            .unpack(tar.into(), &folder)
            .await
            .map_err(|why| why.to_string())?;
    }
    Ok(())
}

/// Writes what the engine says of each container of the case: inspect, and what happened to it.
pub(crate) async fn describe(case: &Case) {
    for node in &case.nodes {
        let state = node.world.snapshot();
        for container in state.with_label(crate::lease::CASE, &case.id) {
            if let Ok(inspected) = node.engine.inspect(&container.id).await {
                let text = serde_json::to_string_pretty(&inspected.raw).unwrap_or_default();
                let file = case.results.join("inspect").join(format!("{}.json", container.name));
                case.write_masked(&file, &text).await;
            }
        }
        let events = state.history_of(crate::lease::CASE, &case.id).join("\n");
        case.write_masked(&case.results.join(format!("events-{}.log", node.name)), &events)
            .await;
    }
}

/// Hides masked values in the files that the case wrote: logs and rewritten files.
pub(crate) async fn hide(case: &Case) {
    if case.emitter.masks.is_empty() {
        return;
    }
    let masks = std::sync::Arc::clone(&case.emitter.masks);
    if let Err(why) = case
        .host
        .rewrite_texts(&case.results, std::sync::Arc::new(move |text: &str| masks.hide(text)))
        .await
    {
        case.emitter.note(&format!(
            "hidden values may stand in `{}`: {why}",
            case.results.display()
        ));
    }
}

/// How to get into what was left, and how to remove it; none where no container ever was.
pub(crate) fn how_to_look(case: &Case) -> Option<String> {
    let mut nodes = case.nodes.iter().map(|node| node.world.snapshot());
    if nodes.all(|seen| seen.ever_with_label(crate::lease::CASE, &case.id).is_empty()) {
        return None;
    }
    let mut lines = vec!["left for a look:".to_owned()];
    for node in &case.nodes {
        for container in node.world.snapshot().with_label(crate::lease::CASE, &case.id) {
            let state = if container.is_running() { "exec -it" } else { "logs" };
            let shell = if container.is_running() { " sh" } else { "" };
            lines.push(format!("  docker {state} {}{shell}", container.name));
        }
    }
    lines.push(format!("remove it: e2erun gc --label {}", case.label()));
    Some(lines.join("\n"))
}

impl Case {
    /// All containers of a target, for copying: node, id, name.
    fn containers_of(&self, target: &ContainerRef) -> Vec<(crate::step::NodeHandle, String, String)> {
        match target {
            ContainerRef::Background(name) => {
                let known = self.state().backgrounds.get(name).cloned();
                known
                    .map(|(node, id)| (self.nodes[node].clone(), id, name.clone()))
                    .into_iter()
                    .collect()
            }
            ContainerRef::Service(service) => {
                let node = self.node_of(service.stack);
                let containers = self.containers(service);
                containers
                    .iter()
                    .map(|container| (node.clone(), container.id.clone(), container.name.clone()))
                    .collect()
            }
        }
    }
}
