//! The follower of a container: from its first start to the end of its last run.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::time::Instant;

use super::place::{Fate, Place, Resume};
use super::spool::{Phase, Spool, Writer};
use crate::engine::world::ContainerState;
use crate::engine::{Container, Engine, EngineError, EngineResult, Frame, Reason};
use crate::wait::{Pace, every, pause};

/// How long an engine may refuse a log before it is given up.
const AWAY: Duration = Duration::from_secs(15);
/// The pause after a reading that ended without a reason.
const PAUSE: Duration = Duration::from_millis(50);

/// Follows a container's log into its spool, run after run, until it is gone or ended from outside.
pub(super) struct Follower {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) container: watch::Receiver<Arc<ContainerState>>,
    pub(super) spool: Arc<Spool>,
}

/// A reading of a log beyond a place: only what is new.
struct Reading {
    frames: BoxStream<'static, EngineResult<Frame>>,
    first: Option<Frame>,
    resume: Resume,
}

impl Follower {
    /// Follows; what of the log is missing is written down in the spool.
    pub(super) async fn run(mut self) {
        if let Err(gap) = self.all_runs().await {
            self.spool.set_gap(gap);
        }
    }

    async fn all_runs(&mut self) -> Result<(), String> {
        let mut writer = Writer::new(Arc::clone(&self.spool));
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
            if !nudged && !unread(&container) {
                self.spool.set_phase(Phase::Closed);
                return Ok(());
            }
            if container.log_driver == "none" {
                return Err(format!("the log driver of `{}` is `none`", container.name));
            }
            self.spool.set_phase(Phase::Running);
            let last = self.one_run(&container, &mut writer).await?;
            self.spool.set_phase(Phase::Ended);
            ended = container.runs.last().map_or(last, |run| run.started.max(last));
        }
    }

    /// Follows until the container does not run any more, and reads what the follow missed; gives when it ended.
    async fn one_run(&self, container: &ContainerState, writer: &mut Writer) -> Result<i64, String> {
        loop {
            let frames = writer.place.frames;
            let reading = self.open(&container.id, container.tty, &writer.place, true).await;
            let cut = match reading {
                Ok(mut reading) => copy(&mut reading, writer, true).await?.is_err(),
                Err(error) => return Err(self.gap(container, &error)),
            };
            let described = self.describe(container).await?;
            if matches!(described.state.as_str(), "running" | "paused") {
                if !cut && frames == writer.place.frames {
                    // It ended at once and without a reason: it may do so again and again.
                    pause(PAUSE).await;
                }
                continue;
            }
            self.drain(container, writer).await?;
            return Ok(crate::engine::world::nanos(&described.finished_at));
        }
    }

    /// The end of a run's log: a reading that does not follow, to its end.
    async fn drain(&self, container: &ContainerState, writer: &mut Writer) -> Result<(), String> {
        let deadline = Instant::now() + AWAY;
        loop {
            let reading = self.open(&container.id, container.tty, &writer.place, false).await;
            let mut reading = reading.map_err(|error| self.gap(container, &error))?;
            match copy(&mut reading, writer, false).await? {
                Ok(()) => return writer.end_run(),
                Err(error) if Instant::now() >= deadline => return Err(self.gap(container, &error)),
                Err(_) => pause(PAUSE).await,
            }
        }
    }

    async fn describe(&self, container: &ContainerState) -> Result<Container, String> {
        let asked = patiently(|| self.engine.inspect(&container.id)).await;
        asked.map_err(|error| self.gap(container, &error))
    }

    fn gap(&self, container: &ContainerState, error: &EngineError) -> String {
        match error.reason {
            Reason::NotFound => format!("`{}` was removed before its log was read to its end", container.name),
            _ => format!("the log of `{}` cannot be read: {}", container.name, error.answer),
        }
    }

    async fn open(&self, id: &str, tty: bool, place: &Place, follow: bool) -> EngineResult<Reading> {
        open(&self.engine, id, tty, (place, follow)).await
    }
}

/// Copies a reading to its end; gives the engine's error if it ended by one, fails where nothing can be written.
///
/// The end of a run is not written bit by bit: whoever waits for its last entry waits for the end of its last line, too.
async fn copy(reading: &mut Reading, writer: &mut Writer, live: bool) -> Result<EngineResult<()>, String> {
    let ended = loop {
        let next = match reading.next().now_or_never() {
            Some(next) => next,
            None => {
                if live {
                    // Nothing is ready: now is the time to write, and readers see each line at once.
                    writer.flush()?;
                }
                reading.next().await
            }
        };
        match next {
            Some(Ok(frame)) => writer.push(&frame)?,
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        }
    };
    if live || ended.is_err() {
        writer.flush()?;
    }
    Ok(ended)
}

/// Opens a reading of what is new beyond a place.
async fn open(engine: &Arc<dyn Engine>, id: &str, tty: bool, (place, follow): (&Place, bool)) -> EngineResult<Reading> {
    let mut ways = place.resume(follow, tty).into_iter().peekable();
    loop {
        let Some(mut resume) = ways.next() else {
            let answer = "its entries cannot be told apart".into();
            return Err(EngineError {
                attempt: format!("read the log of `{id}`"),
                answer,
                reason: Reason::Other,
            });
        };
        let mut frames = patiently(|| engine.logs(id, resume.range)).await?;
        if ways.peek().is_none() {
            return Ok(Reading {
                frames,
                first: None,
                resume,
            });
        }
        // Whether this way can tell is known from its first entry, and there is one: the place is beyond it.
        match frames.next().await {
            Some(Ok(frame)) => match resume.judge(frame) {
                Fate::Unknown => {}
                Fate::Old => {
                    return Ok(Reading {
                        frames,
                        first: None,
                        resume,
                    });
                }
                Fate::New(frame) => {
                    return Ok(Reading {
                        frames,
                        first: Some(frame),
                        resume,
                    });
                }
            },
            Some(Err(error)) if error.reason != Reason::Away => return Err(error),
            // A reading that was cut off says nothing about this way; the next one is as good.
            Some(Err(_)) | None => {}
        }
    }
}

/// How many entries and bytes a log has beyond a place now: a reading to its end.
pub(super) async fn beyond(engine: &Arc<dyn Engine>, id: &str, tty: bool, place: &Place) -> EngineResult<(u64, u64)> {
    let deadline = Instant::now() + AWAY;
    loop {
        let mut reading = open(engine, id, tty, (place, false)).await?;
        let (mut frames, mut bytes) = (0, 0);
        let ended = loop {
            match reading.next().await {
                Some(Ok(frame)) => {
                    frames += 1;
                    bytes += frame.bytes.len() as u64;
                }
                Some(Err(error)) => break Err(error),
                None => break Ok((frames, bytes)),
            }
        };
        match ended {
            Err(error) if error.reason == Reason::Away && Instant::now() < deadline => pause(PAUSE).await,
            ended => return ended,
        }
    }
}

impl Reading {
    async fn next(&mut self) -> Option<EngineResult<Frame>> {
        if let Some(frame) = self.first.take() {
            return Some(Ok(frame));
        }
        loop {
            match self.frames.next().await? {
                Err(error) => return Some(Err(error)),
                Ok(frame) => match self.resume.judge(frame) {
                    Fate::New(frame) => return Some(Ok(frame)),
                    Fate::Old => {}
                    Fate::Unknown => {
                        let answer = "its entries cannot be told apart".into();
                        let attempt = "read a log on".into();
                        return Some(Err(EngineError {
                            attempt,
                            answer,
                            reason: Reason::Other,
                        }));
                    }
                },
            }
        }
    }
}

/// Asks an engine that may be away for a while; any other answer is final.
async fn patiently<T, Asked>(mut ask: impl FnMut() -> Asked) -> EngineResult<T>
where
    Asked: Future<Output = EngineResult<T>>,
{
    let pace = Pace::growing(PAUSE, Duration::from_secs(1));
    let asked = every(pace, Instant::now() + AWAY, || {
        let answer = ask();
        async move {
            match answer.await {
                Err(error) if error.reason == Reason::Away => Err(error),
                answer => Ok(answer),
            }
        }
    });
    asked.await?
}
