//! A command whose container ended under it: the exit code that the engine has for it says nothing of the command.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::super::{ContainerRef, Cx, NodeHandle, describe, golden, startable};
use crate::engine::world::End;
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
/// What runs in a container ends a little before that is told to have ended: some 100 ms, and half a second on a machine that
/// is busy.
const SOON: Duration = Duration::from_secs(2);

/// How long that is waited for where the command is asked again.
const BRIEF: Duration = Duration::from_millis(200);

/// When the run of a container began that goes on now.
pub(super) fn run_of(node: &NodeHandle, id: &str) -> i64 {
    let state = node.world.snapshot();
    let run = state
        .container(id)
        .and_then(|container| container.runs.last().map(|run| run.started));
    run.unwrap_or_default()
}

/// True where a command could not begin, as its container had ended.
pub(super) async fn is_late(cx: &Cx, run: (&NodeHandle, &str, i64), (exit, stdout): (i64, &str)) -> bool {
    // What a command itself writes may read like that, too: one that runs others in containers of its own.
    may_be_stopped(exit, stdout) && end(run, cx.deadline.min(Instant::now() + SOON)).await.is_some()
}

/// True where the runtime says so, or something that nobody knows: in the midst of an end it tells what it stumbled over.
fn may_be_stopped(exit: i64, stdout: &str) -> bool {
    let says_stopped = exit == NOT_BEGUN && STOPPED.iter().any(|said| stdout.contains(said));
    says_stopped || startable::refusal(exit, stdout).is_some_and(|why| startable::hint(&why).is_none())
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
    // A command may well be killed in a container that goes on: a probe's answer is not held back for that, and that of a step
    // which is asked again not for long.
    let patience = match (cx.again, cx.within) {
        (true, None) => Duration::ZERO,
        (true, Some(_)) => BRIEF,
        (false, _) => SOON,
    };
    let end = end((node, id, run), cx.deadline.min(Instant::now() + patience)).await?;
    cx.judge_end(node, id).await;
    cx.tells_end(id, run);
    let code = end.exit.map_or_else(String::new, |code| format!(" (code {code})"));
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

/// The end of a run of a container, once it is known.
async fn end((node, id, run): (&NodeHandle, &str, i64), until: Instant) -> Option<End> {
    let ended = node.world.until(
        |state| {
            let mut runs = state.container(id)?.runs.iter();
            runs.find(|it| it.started == run)?.ended
        },
        until,
    );
    ended.await.ok()
}

#[cfg(test)]
mod tests {
    use super::may_be_stopped;

    #[test]
    fn the_runtime_tells_of_a_container_that_has_ended() {
        assert!(may_be_stopped(126, "cannot exec in a stopped state: unknown\r\n"));
        let with_prefix = "OCI runtime exec failed: exec failed: cannot exec in a stopped container: unknown";
        assert!(may_be_stopped(126, with_prefix));
        assert!(!may_be_stopped(1, "cannot exec in a stopped state: unknown"));
        assert!(!may_be_stopped(126, "sh: /x: Permission denied"));
        // Seen of ones that were just ending.
        let begun = "OCI runtime exec failed: exec failed: unable to start container process: ";
        for why in [
            "exit status 1",
            "error writing config to pipe: write init-p: broken pipe",
        ] {
            assert!(may_be_stopped(126, &format!("{begun}{why}: unknown\r\n")), "{why}");
        }
        let missing = "exec: \"x\": executable file not found in $PATH: unknown";
        assert!(!may_be_stopped(127, &format!("{begun}{missing}")));
    }
}
