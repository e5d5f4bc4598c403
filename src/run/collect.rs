//! What a case leaves in the results: files of its containers, and after a failure what the engine says of them.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use indexmap::IndexMap;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::world::shown_among;
use crate::event::Fault;
use crate::host::Coming;
use crate::plan::Plan;
use crate::scenario::When;
use crate::step::inside::is_helper;
use crate::step::{Case, ContainerRef, NodeHandle, find_container};
use crate::template::Scope;

/// Limit of copying one path.
const LIMIT: Duration = Duration::from_secs(60);
/// The most bytes of one collected path.
const MAX_BYTES: usize = 1 << 30;
/// The bit of a link in a path's mode.
const LINK: u32 = 1 << 27;

/// Copies the paths of `collect`; one that cannot be had is told and is no reason to fail.
pub(crate) async fn collect(case: &Case, plan: &Plan, scope: &Scope, (bad, hurry): (bool, &CancellationToken)) {
    for entry in plan.collect.iter().filter(|entry| bad || entry.when == When::Always) {
        // The project's are for all scenarios: one without such a service is none the worse.
        let of_project = entry.path.span.source.path != plan.info.place.path;
        let whys = match entry.path.text(scope) {
            Ok(path) if of_project && !is_there(case, &path) => Vec::new(),
            Ok(path) => collect_all(case, &path, hurry).await,
            Err(_) => vec!["its name is not known here".to_owned()],
        };
        let (what, place) = (entry.path.shown(), entry.path.span.place());
        for why in whys {
            case.emitter.note(&format!("{place}: cannot collect `{what}`: {why}"));
        }
    }
}

/// False where the scenario has no such service or container, so that there is nothing to copy from.
fn is_there(case: &Case, path: &str) -> bool {
    let target = path.split_once(':').map(|(target, _)| target);
    target.is_none_or(|target| find_container(target, &case.stacks, &backgrounds(case)).is_ok())
}

fn backgrounds(case: &Case) -> Vec<String> {
    case.state().backgrounds.keys().cloned().collect()
}

/// Copies a path of each container of a target; gives why it could not of some.
async fn collect_all(case: &Case, path: &str, hurry: &CancellationToken) -> Vec<String> {
    let Some((target, path)) = path.split_once(':') else {
        return vec!["write it as `service:/path`".to_owned()];
    };
    let containers = match find_container(target, &case.stacks, &backgrounds(case)) {
        Ok(found) => case.containers_of(&found),
        Err(unfound) => return vec![unfound.message],
    };
    if containers.is_empty() {
        return vec![format!("`{target}` has no container")];
    }
    // One reason for all of them is told once.
    let mut whys = IndexMap::<String, Vec<String>>::new();
    for Source { node, id, name, shown } in containers {
        let to = case.results.join("collected").join(&name).join(local(case, path));
        let until = Until {
            hurry: hurry.clone(),
            limit: Instant::now() + LIMIT,
        };
        if let Err(why) = collect_one(case, (&node, &id, &whole(path)), &to, until).await {
            whys.entry(why).or_default().push(format!("`{shown}`"));
        }
    }
    let told = whys
        .into_iter()
        .map(|(why, of)| format!("{why} (in {})", of.join(", ")));
    told.collect()
}

/// A container that is copied from.
struct Source {
    node: NodeHandle,
    id: String,
    /// The engine's name for it, which the results have, too.
    name: String,
    /// What the scenario calls it.
    shown: String,
}

/// Copies what stands at a path of a container, a link followed, to a path here.
async fn collect_one(case: &Case, from: (&NodeHandle, &str, &Path), to: &Path, until: Until) -> Result<(), String> {
    let (node, id, path) = from;
    let asked = async {
        let path = path.display().to_string();
        let stat = node.engine.stat(id, &path).await.map_err(|error| error.to_string())?;
        let path = match stat {
            None => return Err("it is not there".to_owned()),
            Some(stat) if stat.mode & LINK != 0 && !stat.link.is_empty() => stat.link,
            Some(_) => path,
        };
        let archive = node.engine.read_archive(id, &path).await;
        Ok((path, archive.map_err(|error| error.to_string())?))
    };
    let (path, archive) = tokio::select! {
        biased;
        why = until.clone().passed() => return Err(why),
        asked = asked => asked?,
    };
    let name = Path::new(&path).file_name().unwrap_or_default().to_string_lossy();
    let archive = archive.map(|piece| piece.map_err(io::Error::other)).boxed();
    // Not dropped half way: nothing is written any more when the results are looked through for hidden values.
    let unpacked = case.host.unpack_as(bounded(archive, until), &name, to).await;
    unpacked.map_err(|why| why.to_string())
}

/// When copying is given up.
#[derive(Clone)]
struct Until {
    hurry: CancellationToken,
    limit: Instant,
}

impl Until {
    /// Waits for that; gives why.
    async fn passed(self) -> String {
        tokio::select! {
            () = self.hurry.cancelled() => "it was ended".to_owned(),
            // A limit; what is collected ends by itself.
            () = tokio::time::sleep_until(self.limit) => format!("it took more than {} s", LIMIT.as_secs()),
        }
    }
}

/// What comes, up to the limits: beyond them an error, so that a part is not taken for the whole.
fn bounded(archive: Coming, until: Until) -> Coming {
    let begun = (archive, Box::pin(until.passed()), 0);
    let pieces = stream::try_unfold(begun, async |(mut archive, mut passed, read): (Coming, _, usize)| {
        let piece = tokio::select! {
            why = &mut passed => return Err(io::Error::other(why)),
            piece = archive.next() => piece.transpose()?,
        };
        let Some(piece) = piece else { return Ok(None) };
        let read = read + piece.len();
        if read > MAX_BYTES {
            return Err(io::Error::other(format!("it has more than {} MiB", MAX_BYTES >> 20)));
        }
        Ok(Some((piece, (archive, passed, read))))
    });
    pieces.boxed()
}

/// A path of a container from its root, `..` followed.
fn whole(path: &str) -> PathBuf {
    let mut whole = PathBuf::from("/");
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => whole.push(name),
            Component::ParentDir => drop(whole.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    whole
}

/// Where a path stands below its container's folder: at the same path, so that two files of one name are two.
fn local(case: &Case, path: &str) -> PathBuf {
    let shown = whole(&case.emitter.masks.hide(path));
    shown.strip_prefix("/").unwrap_or(&shown).to_owned()
}

/// Writes what the engine says of each container of the case: inspect, and what happened to it.
pub(crate) async fn describe(case: &Case) {
    for node in &case.nodes {
        let state = node.world.snapshot();
        let containers = state.with_label(crate::lease::CASE, &case.id).into_iter();
        for container in containers.filter(|container| !is_helper(container)) {
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

/// Hides masked values in the files that the case wrote: logs and rewritten files. Where that cannot be done is a fault:
/// somebody may be about to pass them on.
pub(crate) async fn hide(case: &Case) -> Option<Fault> {
    if case.emitter.masks.is_empty() {
        return None;
    }
    let masks = std::sync::Arc::clone(&case.emitter.masks);
    let clean = case.spools.clean().await;
    let kept = case.host.hide_in_files(&case.results, masks, clean).await;
    (!kept.is_empty()).then(|| {
        let fault = Fault::error("hidden values may stand in files of the results that cannot be rewritten");
        fault.detail("files", kept.join("\n")).hint("do not pass them on")
    })
}

/// How to get into what was left, and how to remove it; none where no container ever was.
pub(crate) fn how_to_look(case: &Case, private: Option<&Path>) -> Option<String> {
    let mut nodes = case.nodes.iter().map(|node| node.world.snapshot());
    if nodes.all(|seen| seen.ever_with_label(crate::lease::CASE, &case.id).is_empty()) {
        return None;
    }
    let mut lines = vec!["left for a look:".to_owned()];
    for node in &case.nodes {
        let containers = node.world.snapshot().with_label(crate::lease::CASE, &case.id);
        for container in containers.into_iter().filter(|container| !is_helper(container)) {
            let state = if container.is_running() { "exec -it" } else { "logs" };
            let shell = if container.is_running() { " sh" } else { "" };
            lines.push(format!("  {} {state} {}{shell}", node.pasted.docker, container.name));
        }
    }
    if let Some(folder) = private {
        lines.push(format!("  its secrets are in {}", folder.display()));
    }
    lines.push(format!(
        "remove it: {} --label {}",
        case.unplaced().pasted.gc,
        case.label()
    ));
    Some(lines.join("\n"))
}

impl Case {
    /// All containers of a target, for copying.
    fn containers_of(&self, target: &ContainerRef) -> Vec<Source> {
        match target {
            ContainerRef::Background(name) => {
                let known = self.state().backgrounds.get(name).cloned();
                let from = known.map(|(node, id)| Source {
                    node: self.nodes[node].clone(),
                    id,
                    name: name.clone(),
                    shown: name.clone(),
                });
                from.into_iter().collect()
            }
            ContainerRef::Service(service) => {
                let node = self.node_of(service.stack);
                let containers = self.containers(service);
                let from = containers.iter().map(|container| Source {
                    node: node.clone(),
                    id: container.id.clone(),
                    name: container.name.clone(),
                    shown: shown_among(container, &containers),
                });
                from.collect()
            }
        }
    }
}
