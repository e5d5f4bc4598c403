//! What is done to a container, and when it is over.

use std::time::Duration;

use crate::engine::world::ContainerState;
use crate::engine::{Engine, EngineResult};

/// What is done to a container, computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doing {
    Stop(Option<Duration>),
    Start,
    Restart(Option<Duration>),
    Kill(String),
    Crash(String),
    Pause,
    Unpause,
}

impl Doing {
    /// True for what makes it run.
    pub(super) fn starts(&self) -> bool {
        matches!(self, Doing::Start | Doing::Restart(_))
    }

    /// True for what ends it, or may.
    pub(super) fn ends(&self) -> bool {
        matches!(
            self,
            Doing::Stop(_) | Doing::Restart(_) | Doing::Kill(_) | Doing::Crash(_)
        )
    }
}

/// What it is to do, in a word.
pub(super) fn word(doing: &Doing) -> &'static str {
    match doing {
        Doing::Stop(_) => "stop",
        Doing::Start => "start",
        Doing::Restart(_) => "restart",
        Doing::Kill(_) | Doing::Crash(_) => "end",
        Doing::Pause => "pause",
        Doing::Unpause => "go on",
    }
}

/// Asks the engine for it.
pub(super) async fn call(engine: &dyn Engine, id: &str, doing: &Doing) -> EngineResult<()> {
    match doing {
        Doing::Stop(grace) => engine.stop(id, *grace).await,
        Doing::Start => engine.start(id).await,
        Doing::Restart(grace) => engine.restart(id, *grace).await,
        Doing::Kill(signal) | Doing::Crash(signal) => engine.kill(id, signal).await,
        Doing::Pause => engine.pause(id).await,
        Doing::Unpause => engine.unpause(id).await,
    }
}

/// Whether a container is as it should be after the change; none while it may still become so. `runs` it had before.
pub(super) fn judged(container: &ContainerState, doing: &Doing, runs: usize) -> Option<Result<(), String>> {
    let held = |holds: bool| holds.then_some(Ok(()));
    match doing {
        Doing::Stop(_) => held(container.has_ended()),
        Doing::Start | Doing::Restart(_) => {
            // A start of one that runs changes nothing.
            if container.is_running() && (container.runs.len() > runs || *doing == Doing::Start) {
                return Some(Ok(()));
            }
            let ended = container.runs.get(runs..)?.last()?.ended?;
            Some(match ended.exit? {
                0 => Ok(()),
                exit => Err(format!("ended again at once, with exit code {exit}")),
            })
        }
        Doing::Kill(signal) if signal != "KILL" => Some(Ok(())),
        Doing::Kill(_) | Doing::Crash(_) => {
            let run_ended = runs
                .checked_sub(1)
                .and_then(|last| container.runs.get(last)?.ended)
                .is_some();
            held(run_ended || container.has_ended())
        }
        Doing::Pause => held(container.state == "paused"),
        Doing::Unpause => held(container.state == "running"),
    }
}
