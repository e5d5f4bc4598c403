//! A command whose container ended under it: the exit code that the engine has for it says nothing of the command.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::super::{ContainerRef, Cx, NodeHandle, describe, golden};
use crate::event::Fault;
use crate::expect::{EXIT_ZERO, Expectation};

/// The exit code of what is killed with its container.
pub(super) const KILLED: i64 = 137;
/// That of a command that was to begin when its container had just ended.
const NOT_BEGUN: i64 = 126;
/// What the runtime says then.
const STOPPED: [&str; 3] = [
    "cannot exec in a stopped",
    "cannot exec in a deleted",
    "container not running",
];
/// What runs in a container ends a little before that is told to have ended.
const SOON: Duration = Duration::from_secs(2);

/// When the run of a container began that goes on now.
pub(super) fn run_of(node: &NodeHandle, id: &str) -> i64 {
    let state = node.world.snapshot();
    let run = state
        .container(id)
        .and_then(|container| container.runs.last().map(|run| run.started));
    run.unwrap_or_default()
}

/// True where a command could not begin, as its container had ended.
pub(super) fn is_late(exit: i64, stdout: &str) -> bool {
    exit == NOT_BEGUN && STOPPED.iter().any(|said| stdout.contains(said))
}

/// That a container ended under its command, where the result is not as it should be: what expects this end has it.
pub(super) async fn ended(
    cx: &Cx,
    (node, id, run): (&NodeHandle, &str, i64),
    target: &ContainerRef,
    (result, is_late): (&Value, bool),
) -> Option<Fault> {
    let could_be = is_late || result["exit"] == KILLED;
    if !could_be || is_expected(cx, result).await {
        return None;
    }
    let code = code(cx, (node, id, run)).await;
    if code.is_none() && !is_late {
        return None;
    }
    cx.judge_end(node, id).await;
    // It is told here.
    let container = node.world.snapshot().container(id).cloned();
    cx.case.expects_ends(container.as_slice());
    let code = code.map_or_else(String::new, |code| format!(" (code {code})"));
    let when = match is_late {
        true => "before the command could begin",
        false => "while the command ran",
    };
    let message = format!("`{}` ended{code} {when}", describe::shown(target));
    let fault = Fault::failure(message).at(cx.span.place());
    Some(describe::described(cx, node, id, fault).await)
}

async fn is_expected(cx: &Cx, result: &Value) -> bool {
    let nothing = Expectation::none(&cx.span);
    let expect = cx.expect.as_ref().unwrap_or(&nothing);
    let faults = golden::judge(cx, expect, result, EXIT_ZERO).await;
    faults.is_ok_and(|faults| faults.is_empty())
}

/// The exit code of a run of a container, once it has ended.
async fn code(cx: &Cx, (node, id, run): (&NodeHandle, &str, i64)) -> Option<i64> {
    let until = cx.deadline.min(Instant::now() + SOON);
    let ended = node.world.until(
        |state| {
            let mut runs = state.container(id)?.runs.iter();
            runs.find(|it| it.started == run)?.ended?.exit
        },
        until,
    );
    ended.await.ok()
}

#[cfg(test)]
mod tests {
    use super::is_late;

    #[test]
    fn the_runtime_tells_of_a_container_that_has_ended() {
        assert!(is_late(126, "cannot exec in a stopped state: unknown\r\n"));
        let with_prefix = "OCI runtime exec failed: exec failed: cannot exec in a stopped container: unknown";
        assert!(is_late(126, with_prefix));
        assert!(!is_late(1, "cannot exec in a stopped state: unknown"));
        assert!(!is_late(126, "sh: /x: Permission denied"));
    }
}
