//! Removing what a try of a case made: by label, until a list of it is empty.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::event::Fault;
use crate::lease::clear;
use crate::step::{Case, NodeHandle};

/// How long removing may take on a node, calls that still change something included.
const LIMIT: Duration = Duration::from_secs(60);

/// Ends all that the case does: its containers, so that their logs end, and the calls that still change something.
pub(crate) async fn stop(case: &Case) {
    kill(case).await;
    case.changes.close();
    let settled = async {
        // What a step was doing when it was ended is done to its end, or ended, by these.
        case.host.settled().await;
        join_all(case.nodes.iter().map(|node| node.engine.settled())).await;
        case.changes.wait().await;
    };
    if tokio::time::timeout(LIMIT, settled).await.is_err() {
        case.emitter
            .note("a call that changes the engine did not end; removing goes on without it");
    }
    // What those calls have started meanwhile.
    kill(case).await;
}

async fn kill(case: &Case) {
    let kills = case.nodes.iter().flat_map(|node| {
        let ids = node.world.snapshot().running_with(crate::lease::CASE, &case.id);
        ids.into_iter().map(|id| {
            let engine = Arc::clone(&node.engine);
            // One that ended by itself in between is as good as killed; what cannot be killed shows when it is removed.
            async move { engine.kill(&id, "KILL").await.ok() }
        })
    });
    let _ = tokio::time::timeout(LIMIT, join_all(kills)).await;
}

/// Removes everything with the case's label, images that `commit` made too; what is left is told.
pub(crate) async fn remove(case: &Case) -> Vec<Fault> {
    let all = case.nodes.iter().map(|node| async {
        let label = case.label();
        match tokio::time::timeout(LIMIT, clear(node.engine.as_ref(), &label)).await {
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
    .hint(format!("`e2erun gc` removes it; it has the label `{label}`"))
}
