//! Removing what a try of a case made: by label, until a list of it is empty.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::Env;
use crate::event::Fault;
use crate::host::Host;
use crate::lease::{self, Ends, Swept, clear};
use crate::step::{Case, NodeHandle};
use crate::substitute::StackKind;

/// How long removing may take on a node, calls that still change something included; a case is given more where all limits are
/// wider.
const LIMIT: Duration = Duration::from_secs(60);
/// How long what was ended may take to its end once somebody is in a hurry: a process has its grace, and is killed then.
const HURRIED: Duration = Duration::from_secs(10);

/// Ends all that the case does: its containers, so that their logs end, and the calls that still change something. Who
/// is in a hurry goes straight on to removing, which kills, too.
pub(crate) async fn stop(case: &Case, hurry: &CancellationToken) {
    case.changes.close();
    // What a swarm ends it removes, too: what comes to removing may not find it.
    let has_some = |node: &NodeHandle| !node.world.snapshot().with_label(lease::CASE, &case.id).is_empty();
    let is_there = case.nodes.iter().any(has_some);
    case.state().started |= is_there;
    let ended = async {
        kill(case).await;
        if tokio::time::timeout(limit(case), changed(case)).await.is_err() {
            case.emitter
                .note("a call that changes the engine did not end; removing goes on without it");
        }
        // What those calls have started meanwhile.
        kill(case).await;
    };
    hurry.run_until_cancelled(ended).await;
}

fn limit(case: &Case) -> Duration {
    case.scaled(LIMIT).max(LIMIT)
}

/// Waits for what a step was doing when it was ended: it is done to its end, or ended.
async fn changed(case: &Case) {
    settled(case.host.as_ref(), &case.nodes).await;
    case.changes.wait().await;
}

async fn settled(host: &dyn Host, nodes: &[NodeHandle]) {
    host.settled().await;
    join_all(nodes.iter().map(|node| node.engine.settled())).await;
}

/// At the end of a run: waits for tools and calls that were ended and have not come to their end, since they may still
/// make something, and the lease that tells of it is given up next.
pub(super) async fn end(env: &Env) -> Option<Fault> {
    let settled = settled(env.host.as_ref(), &env.nodes);
    let hurried = async {
        env.hurry.cancelled().await;
        crate::wait::pause(HURRIED).await;
    };
    let limit = LIMIT.mul_f64(env.timeout_scale).max(LIMIT);
    let ended = tokio::select! {
        () = settled => return None,
        () = hurried => HURRIED,
        () = crate::wait::pause(limit) => limit,
    };
    env.left.store(true, Ordering::Relaxed);
    let within = super::attempt::shown(ended);
    Some(
        Fault::error(format!(
            "a tool or a call that was ended did not come to its end within {within}"
        ))
        .hint(format!(
            "`{}` ends it, and removes what it made",
            env.unplaced().pasted.gc
        )),
    )
}

async fn kill(case: &Case) {
    let dissolved = case.nodes.iter().map(|node| dissolve(case, node));
    let _ = tokio::time::timeout(limit(case), join_all(dissolved)).await;
    let kills = case.nodes.iter().flat_map(|node| {
        let ids = node.world.snapshot().running_with(lease::CASE, &case.id);
        ids.into_iter().map(|id| {
            let engine = Arc::clone(&node.engine);
            // One that ended by itself in between is as good as killed; what cannot be killed shows when it is removed.
            async move { engine.kill(&id, "KILL").await.ok() }
        })
    });
    let _ = tokio::time::timeout(limit(case), join_all(kills)).await;
}

/// Removes the services of a case: a swarm would start again what is killed. What cannot be removed shows in the end.
async fn dissolve(case: &Case, node: &NodeHandle) {
    if !case.versions.iter().any(|stack| stack.kind == StackKind::Swarm) {
        return;
    }
    let dissolved = lease::dissolve(node.engine.as_ref(), &node.world, &[case.label()], Ends::Killed).await;
    case.state().started |= dissolved.unwrap_or(false);
}

/// Removes everything with the case's label, images that `commit` made too; what is left is told.
pub(crate) async fn remove(case: &Case, hurry: &CancellationToken) -> Vec<Fault> {
    let first = remove_once(case, if hurry.is_cancelled() { LIMIT } else { limit(case) }).await;
    if !hurry.is_cancelled() {
        return first;
    }
    // What nobody has waited for may have made something meanwhile; what the first look could not remove, the second tells.
    let late = tokio::time::timeout(HURRIED, changed(case)).await.is_err();
    let again = remove_once(case, LIMIT).await;
    let why = "a call that changes the engine did not end";
    let unended = case.nodes.iter().filter(|_| late);
    let unended = unended.map(|node| left(node, &case.label(), why));
    again.into_iter().chain(unended).collect()
}

async fn remove_once(case: &Case, limit: Duration) -> Vec<Fault> {
    let all = case.nodes.iter().map(|node| async {
        let label = case.label();
        let cleared = tokio::time::timeout(limit, clear(node.engine.as_ref(), &label)).await;
        let started = |swept: &Swept| swept.removed.iter().any(|one| one.kind.runs()) || !swept.left.is_empty();
        case.state().started |= cleared.as_ref().map_or(true, started);
        match cleared {
            Ok(swept) if swept.left.is_empty() => Vec::new(),
            Ok(swept) => {
                let lines = swept.left.iter().map(|left| format!("{}: {}", left.what, left.why));
                vec![left(node, &label, &lines.collect::<Vec<_>>().join("\n"))]
            }
            Err(_) => vec![left(node, &label, "removing took too long")],
        }
    });
    join_all(all).await.into_iter().flatten().collect()
}

fn left(node: &NodeHandle, label: &str, why: &str) -> Fault {
    Fault::error(format!(
        "what the scenario made on `{}` could not all be removed",
        node.name
    ))
    .detail("why", why)
    .hint(format!("`{}` removes it; it has the label `{label}`", node.pasted.gc))
}
