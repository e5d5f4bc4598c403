//! The follower of a container: from its first start to the end of its last run.
//!
//! The log's first entries come by a follow, which is cheap for as much as there may be. Once a follow cannot be relied on
//! (it was cut off, its run has ended, the log may be rotated, the clock was set back) it only tells that there is more,
//! and that is read by snapshots.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::place::Reach;
use super::snapshot::catch_up;
use super::source::{AWAY, Frames, Log, PAUSE, WENT, is_gone, patiently};
use super::spool::{Phase, Spool};
use super::writer::Writer;
use crate::engine::world::{ContainerState, nanos};
use crate::engine::{Container, Engine, EngineError, Frame, LogRange, Reason};
use crate::wait::pause;

/// How long news is let come together before a snapshot is read. That asks nothing of an engine whose container is silent:
/// it is the follow that tells of news, and this bounds what many small news cost.
const BETWEEN: Duration = Duration::from_millis(50);
/// How long a follow of a log that is rotated is believed that there is nothing more. This is polling, and the only way: a
/// follow may wait for a file into which nobody writes any more, and nothing tells of that. It ends with the run.
const LATE: Duration = Duration::from_secs(1);

/// Follows a container's log into its spool, run after run, until it is gone or ended from outside.
pub(super) struct Follower {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) container: watch::Receiver<Arc<ContainerState>>,
    pub(super) spool: Arc<Spool>,
}

impl Follower {
    /// Follows; what of the log is missing is written down in the spool.
    pub(super) async fn run(mut self) {
        if let Err(gap) = self.all_runs().await {
            self.spool.set_gap(gap);
        }
    }

    async fn all_runs(&mut self) -> Result<(), String> {
        let mut writer = None;
        let mut ended = 0;
        loop {
            let unread = |container: &ContainerState| container.runs.last().is_some_and(|run| run.started > ended);
            let (nudged, told) = tokio::select! {
                told = self.container.wait_for(|container| container.removed || unread(container)) => (false, told.is_ok()),
                () = self.spool.nudge.notified() => (true, true),
            };
            if !told {
                // Whoever told of the container tells no more.
                return Ok(());
            }
            let container = Arc::clone(&self.container.borrow());
            let log = match nudged || unread(&container) {
                true => self.described(&container).await?,
                false => None,
            };
            let Some(log) = log else {
                if unread(&container) {
                    return Err(Log::of(&unknown(&container)).removed());
                }
                self.spool.set_phase(Phase::Closed);
                return Ok(());
            };
            // Who was told to look while it read the last run finds nothing more, and asks no more: whoever waited for that end
            // may remove the container now.
            if !unread(&container) && log.finished.is_some_and(|at| at <= self.spool.progress().ended) {
                continue;
            }
            if log.driver == "none" {
                return Err(format!("the log driver of `{}` is `none`", log.name));
            }
            self.spool.set_phase(Phase::Running);
            let writer = writer.get_or_insert_with(|| Writer::new(Arc::clone(&self.spool), log.rotation));
            let last = self.one_run(&log, writer).await?;
            self.spool.set_phase(Phase::Ended);
            ended = container.runs.last().map_or(last, |run| run.started.max(last));
        }
    }

    /// The log of a container as the engine describes it: an event may have been faster than what is known of it. None
    /// when it is gone.
    async fn described(&self, container: &ContainerState) -> Result<Option<Log>, String> {
        match patiently(|| self.engine.inspect(&container.id)).await {
            Ok(described) => Ok(Some(Log::of(&described))),
            Err(error) if error.reason == Reason::NotFound => Ok(None),
            Err(error) => Err(Log::of(&unknown(container)).missed(&error)),
        }
    }

    /// Follows until the container does not run any more, and reads what the follow missed; gives when it ended.
    async fn one_run(&self, log: &Log, writer: &mut Writer) -> Result<i64, String> {
        if writer.place.frames > 0 && !catch_up(&self.engine, log, writer).await? {
            return Err(log.removed());
        }
        loop {
            let frames = writer.place.frames;
            let followed = self.followed(log, writer).await?;
            // What is read after the end is all that there is.
            let mut whole = self.has_ended();
            if !catch_up(&self.engine, log, writer).await? {
                // Who removes a container right after its end is faster than any question. What the follow gave until
                // the run's end is there then, but nobody has seen whether that is all; from a rotation on it may have
                // left out much more.
                if followed != Followed::ToTheEnd || writer.place.may_rotate() {
                    return Err(log.removed());
                }
                if !self.was_stopped().await {
                    self.spool.set_unsure(WENT);
                }
                return self.end_run(writer, i64::MAX);
            }
            let described = match patiently(|| self.engine.inspect(&log.id)).await {
                Ok(described) => described,
                // A follow that was not cut off ends with the run, and the rest was read.
                Err(error) if error.reason == Reason::NotFound && (whole || followed == Followed::ToTheEnd) => {
                    return self.end_run(writer, i64::MAX);
                }
                Err(error) => return Err(log.missed(&error)),
            };
            let finished = nanos(&described.finished_at);
            whole |= finished <= self.spool.progress().ended;
            if !whole && !catch_up(&self.engine, log, writer).await? && followed != Followed::ToTheEnd {
                return Err(log.removed());
            }
            if !matches!(described.state.as_str(), "running" | "paused") {
                return self.end_run(writer, finished);
            }
            self.spool.set_ended(finished);
            if frames == writer.place.frames {
                // It ended at once and without a reason: it may do so again and again.
                pause(PAUSE).await;
            }
        }
    }

    /// Follows as long as that goes well.
    async fn followed(&self, log: &Log, writer: &mut Writer) -> Result<Followed, String> {
        let is_first = writer.place.frames == 0;
        let range = LogRange {
            follow: true,
            timestamps: true,
            tail: (!is_first).then_some(0),
            tty: log.tty,
        };
        let before = writer.place.reach();
        match patiently(|| self.engine.logs(&log.id, range)).await {
            Ok(mut frames) if is_first => copy(&mut frames, writer).await,
            Ok(frames) => self.watched(log, writer, (frames, before)).await,
            // Reading without follow tells.
            Err(error) if is_gone(&error) => Ok(Followed::NotFurther),
            Err(error) => Err(log.missed(&error)),
        }
    }

    /// Reads without follow whenever a follow tells that there is more.
    async fn watched(
        &self,
        log: &Log,
        writer: &mut Writer,
        (mut frames, mut given): (Frames, Reach),
    ) -> Result<Followed, String> {
        loop {
            if !catch_up(&self.engine, log, writer).await? {
                return Ok(Followed::NotFurther);
            }
            let mut told = Vec::new();
            let ended = news(&mut frames, writer, (&mut given, &mut told)).await;
            let Some(ended) = ended else { continue };
            // Its container may be gone already.
            if ended == Followed::ToTheEnd && !catch_up(&self.engine, log, writer).await? && !writer.place.may_rotate()
            {
                told.iter().try_for_each(|frame| writer.push(frame))?;
            }
            return Ok(ended);
        }
    }

    /// True where whoever ended the run waited for that before the removal: the follow gave all whole lines then, and only
    /// a last one without newline may be missing.
    async fn was_stopped(&self) -> bool {
        let mut container = self.container.clone();
        let told = container.wait_for(|container| container.stopped || container.destroyed);
        // The engine tells of both a moment later, unless it is away. That it lists the container no more tells of neither.
        timeout(AWAY, told)
            .await
            .is_ok_and(|told| told.is_ok_and(|container| container.stopped))
    }

    /// A run was read to its end.
    fn end_run(&self, writer: &mut Writer, finished: i64) -> Result<i64, String> {
        writer.end_run()?;
        self.spool.set_ended(finished);
        Ok(finished)
    }

    fn has_ended(&self) -> bool {
        let container = self.container.borrow();
        container.runs.last().is_some_and(|run| run.ended.is_some())
    }
}

/// A container of which only the world knows.
fn unknown(container: &ContainerState) -> Container {
    Container {
        id: container.id.clone(),
        name: container.name.clone(),
        ..Container::default()
    }
}

/// How a reading ended.
#[derive(PartialEq)]
enum Followed {
    /// By itself.
    ToTheEnd,
    /// It has to be found out first whether it left something out.
    NotFurther,
    /// By the engine's error.
    Cut(EngineError),
}

/// Copies a follow from the log's first entry on; fails where nothing can be written.
///
/// It ends, too, when it is not to be relied on any more: see `place`.
async fn copy(frames: &mut Frames, writer: &mut Writer) -> Result<Followed, String> {
    let ended = loop {
        let next = match frames.next().now_or_never() {
            Some(next) => next,
            // Nothing is ready: soon is the time to write, so that readers see each line but are not woken for each.
            None => match timeout_at(writer.due(), frames.next()).await {
                Ok(next) => next,
                Err(_) => {
                    writer.flush()?;
                    tokio::select! {
                        next = frames.next() => next,
                        () = writer.spool.look.asked() => break Followed::NotFurther,
                    }
                }
            },
        };
        match next {
            Some(Ok(frame)) if writer.place.is_behind(&frame) => break Followed::NotFurther,
            Some(Ok(frame)) => writer.push(&frame)?,
            Some(Err(error)) => break Followed::Cut(error),
            None => break Followed::ToTheEnd,
        }
        if writer.place.may_rotate() || writer.spool.look.is_asked() {
            break Followed::NotFurther;
        }
    };
    writer.flush()?;
    Ok(ended)
}

/// Waits until a follow gives something new, or somebody asks for a look, and then until it is time to read again; what
/// is new is kept. Gives how the follow has ended, if it has.
async fn news(frames: &mut Frames, writer: &Writer, (given, told): (&mut Reach, &mut Vec<Frame>)) -> Option<Followed> {
    let now = Instant::now();
    let (again, late) = (now + BETWEEN, now + LATE);
    let mut has_news = false;
    loop {
        let next = tokio::select! {
            () = writer.spool.look.asked() => return None,
            () = sleep_until(again), if has_news => return None,
            () = sleep_until(late), if writer.place.may_rotate() => return None,
            next = frames.next() => next,
        };
        match next {
            Some(Ok(frame)) => {
                // Earlier than what it has given itself: after a rotation it gives entries again, or the clock was set
                // back and this is new. A snapshot shows which.
                has_news |= given.is_after(&frame);
                given.saw(&frame);
                if !writer.place.knows(&frame) {
                    told.push(frame);
                    has_news = true;
                }
            }
            Some(Err(error)) => return Some(Followed::Cut(error)),
            None => return Some(Followed::ToTheEnd),
        }
    }
}
