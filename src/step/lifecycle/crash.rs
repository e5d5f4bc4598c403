//! A crash: a container's first process ended without the engine.

use super::super::describe;
use super::super::{Cx, Done, NodeHandle};
use crate::engine::world::ContainerState;
use crate::event::Fault;

/// Ends the first process of a container from outside of the engine: that is no wish of anybody, and restart policies act.
pub(super) async fn crash(cx: &Cx, node: &NodeHandle, container: &ContainerState, signal: &str) -> Done<()> {
    let inspected = cx.asked(node.engine.inspect(&container.id)).await?;
    let pid = inspected.raw["State"]["Pid"].as_u64().filter(|pid| *pid > 0);
    let Some(pid) = pid.and_then(|pid| u32::try_from(pid).ok()) else {
        let state = describe::state(&inspected);
        return Err(cx.failure(format!("`{}` {state}: it cannot crash", container.shown())));
    };
    // The process must be the container's here, too: an engine elsewhere numbers other processes.
    let groups = cx.case.host.read_text(format!("/proc/{pid}/cgroup").as_ref()).await;
    if !groups.is_ok_and(|groups| groups.contains(&container.id)) {
        return Err(vec![
            Fault::error(format!(
                "`{}` cannot be made to crash: its engine's processes are not seen from here",
                container.shown()
            ))
            .at(cx.span.place())
            .hint("run e2erun where the engine runs; without `crash: true` the engine itself can kill it"),
        ]);
    }
    // How it ends now is the step's doing.
    cx.case.state().places.remove(&container.id);
    cx.case.state().crashed.insert(container.id.clone());
    let sent = cx.case.host.signal(pid, signal).await;
    sent.map_err(|why| {
        cx.error(format!(
            "cannot send {signal} to process {pid} of `{}`: {why}",
            container.shown()
        ))
    })
}
