//! A barrier: all that a container has written until now is waited for, by the end that the engine tells of its log.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{Phase, Progress, Spool, snapshot, source};
use crate::engine::world::nanos;
use crate::engine::{Container, Engine, EngineError, EngineResult, Reason};

/// How long the follower is let come to a log's end by itself.
const SOON: Duration = Duration::from_millis(200);

/// See [`super::Spools::barrier`].
pub(super) async fn wait(engine: &Arc<dyn Engine>, spool: &Arc<Spool>, container: &str) -> EngineResult<()> {
    if spool.progress().phase == Phase::Closed {
        return Ok(());
    }
    let described = match engine.inspect(container).await {
        Ok(described) => described,
        // Its follower finds that out, too, and tells what was missed.
        Err(error) if error.reason == Reason::NotFound => {
            let runs = spool.progress().phase == Phase::Running;
            reached(spool, |progress| runs && progress.phase != Phase::Running).await;
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    match described.state.as_str() {
        "created" => Ok(()),
        // Nothing of it can be read, and its follower says so.
        _ if described.log_driver == "none" => {
            reached(spool, |_| false).await;
            Ok(())
        }
        "running" | "paused" => entries(engine, spool, &described).await,
        _ => {
            let finished = nanos(&described.finished_at);
            reached(spool, |progress| progress.ended >= finished).await;
            Ok(())
        }
    }
}

/// Waits until the end that the log has now is in the spool, without reading anything a second time: the follower
/// comes to it.
async fn entries(engine: &Arc<dyn Engine>, spool: &Arc<Spool>, described: &Container) -> EngineResult<()> {
    let started = nanos(&described.started_at);
    let (known, before) = (spool.progress().ended, spool.place().reach());
    // It runs, so a reader must not be told that it waits for a start.
    let is_known =
        |progress: &Progress| progress.phase == Phase::Running || progress.ended >= started || progress.ended != known;
    let end = match snapshot::end_of(engine, &described.id, described.tty).await {
        Ok(Some(end)) => end,
        Ok(None) => {
            reached(spool, is_known).await;
            return Ok(());
        }
        Err(error) => return unreadable(spool, error).await,
    };
    let begun = spool.look.begun();
    let is_read = |progress: &Progress| {
        is_known(progress) && (progress.looked > begun || spool.place().has_passed(&end, &before))
    };
    if timeout(SOON, reached(spool, is_read)).await.is_err() {
        spool.look.ask();
        reached(spool, is_read).await;
    }
    Ok(())
}

/// A log that the engine does not give: of a container that is gone the follower finds that out, too.
async fn unreadable(spool: &Arc<Spool>, error: EngineError) -> EngineResult<()> {
    if !source::is_gone(&error) {
        return Err(error);
    }
    reached(spool, |progress| progress.phase != Phase::Running).await;
    Ok(())
}

/// Waits until the follower has come to something, or nothing more comes; one that waits for a start is told to look.
async fn reached(spool: &Arc<Spool>, is_so: impl Fn(&Progress) -> bool) {
    let done = |progress: &Progress| progress.phase == Phase::Closed || is_so(progress);
    let now = spool.progress();
    if !done(&now) && now.phase != Phase::Running {
        spool.nudge.notify_one();
    }
    // The spool is kept here, so its end cannot come first.
    spool.watch().wait_for(done).await.ok();
}
