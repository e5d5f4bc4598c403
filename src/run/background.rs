//! What goes on in the background at the end of a case: ended, and its exits checked.

use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::diagnostic::Place;
use crate::event::Fault;
use crate::host::Process;
use crate::step::{Case, Started};

/// How long a process may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(10);
/// How many of its last lines are shown.
const LINES: usize = 30;

/// True when something in the background has failed until now.
pub(crate) async fn failed(case: &Case) -> bool {
    let ended_badly = |process: &dyn Process| process.exit_now().is_some_and(|exit| exit != Ok(0));
    let broken = |started: &Started| ended_badly(&*started.process) && !started.process.was_ended();
    let process = case.state().processes.values().any(broken);
    process || !broken_containers(case).await.is_empty()
}

/// Ends what still runs, all of it at once; what ended by itself before, and not with 0, is a failure. Containers are
/// ended with the case.
pub(crate) async fn finish(case: &Case, hurry: &CancellationToken) -> Vec<Fault> {
    let processes = std::mem::take(&mut case.state().processes);
    let ended = processes.iter().map(|(name, started)| end(name, started, hurry));
    let containers = broken_containers(case).await;
    let told = containers.iter().map(async |(name, id, exit, place)| {
        let tail = case.spools.tail(id, LINES).await;
        Some(fault(("container", name), *exit, place, tail))
    });
    let (mut faults, containers) = tokio::join!(join_all(ended), join_all(told));
    faults.extend(containers);
    faults.into_iter().flatten().collect()
}

async fn end(name: &str, started: &Started, hurry: &CancellationToken) -> Option<Fault> {
    let process = &started.process;
    match process.exit_now() {
        Some(Ok(0)) => None,
        // With its container, as a step of the scenario wanted it.
        Some(_) if process.was_ended() => None,
        Some(Ok(exit)) => {
            let tail = process.tail(LINES).await;
            Some(fault(("process", name), exit.into(), &started.place, tail))
        }
        Some(Err(why)) => {
            let told = Fault::error(format!("how background process `{name}` ended is not known: {why}"));
            let tail = process.tail(LINES).await;
            Some(
                told.at(started.place.clone())
                    .detail(format!("last lines of `{name}`"), tail),
            )
        }
        None => {
            let ended = tokio::time::timeout(GRACE + GRACE, async {
                tokio::select! {
                    () = process.end(GRACE) => {}
                    () = hurry.cancelled() => process.end(Duration::ZERO).await,
                }
            });
            // What does not end even so is in the lease, and ended with it.
            let _ = ended.await;
            None
        }
    }
}

/// Containers that ended by themselves, and not with 0, which no step has looked at since: name, id, exit code, and where they were started.
async fn broken_containers(case: &Case) -> Vec<(String, String, i64, Place)> {
    let containers: Vec<_> = {
        let state = case.state();
        let known = |(name, (node, id)): (&String, &(usize, String))| {
            let place = state.places.get(id)?.clone();
            Some((name.clone(), *node, id.clone(), place))
        };
        state.backgrounds.iter().filter_map(known).collect()
    };
    if containers.is_empty() {
        return Vec::new();
    }
    // One that has just ended is known to have. An engine that is away is told of elsewhere.
    join_all(case.nodes.iter().map(|node| node.world.sync())).await;
    let ended = containers.into_iter().filter_map(|(name, node, id, place)| {
        let state = case.nodes[node].world.snapshot();
        let container = state.container(&id)?;
        let by_itself = container.has_ended() && !container.by_hand;
        let exit = container.exit.filter(|exit| by_itself && *exit != 0)?;
        Some((name, id, exit, place))
    });
    ended.collect()
}

fn fault((what, name): (&str, &str), exit: i64, place: &Place, tail: String) -> Fault {
    Fault::failure(format!("background {what} `{name}` ended with exit code {exit}"))
        .at(place.clone())
        .detail(format!("last lines of `{name}`"), tail)
}
