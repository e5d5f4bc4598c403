//! The follower of a container: from its first start to the end of its last run.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::place::{End, Fate, Place, Resume};
use super::spool::{Phase, Spool, Writer};
use crate::engine::world::{ContainerState, nanos};
use crate::engine::{Container, Engine, EngineError, EngineResult, Frame, LogRange, Reason};
use crate::wait::{Pace, every, pause};

/// How long an engine may refuse a log before it is given up.
const AWAY: Duration = Duration::from_secs(15);
/// The pause after a reading that ended without a reason.
const PAUSE: Duration = Duration::from_millis(50);
/// Where the driver `local` rotates unless it is told otherwise.
const LOCAL: u64 = 20_000_000;
/// Where a log is taken to be rotated when its size cannot be read.
const SMALL: u64 = 1_000_000;

/// Follows a container's log into its spool, run after run, until it is gone or ended from outside.
pub(super) struct Follower {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) container: watch::Receiver<Arc<ContainerState>>,
    pub(super) spool: Arc<Spool>,
}

/// A log as the engine keeps it.
struct Log {
    /// The container's id and name.
    id: String,
    name: String,
    /// See `Container`.
    tty: bool,
    driver: String,
    /// At how many bytes it is rotated.
    rotation: Option<u64>,
}

/// A reading of a log beyond a place: only what is new.
struct Reading {
    frames: BoxStream<'static, EngineResult<Frame>>,
    first: Option<Frame>,
}

/// Why a log cannot be read on.
pub(super) enum Missed {
    /// The engine does not give it.
    Engine(EngineError),
    /// What was read last is not in it any more.
    Rotated,
}

impl Log {
    fn of(container: &Container) -> Log {
        let size = &container.raw["HostConfig"]["LogConfig"]["Config"]["max-size"];
        let rotation = match size.as_str() {
            Some(text) if text.starts_with('-') => None,
            Some(text) => Some(bytes(text).unwrap_or(SMALL)),
            None => (container.log_driver == "local").then_some(LOCAL),
        };
        Log {
            id: container.id.clone(),
            name: container.name.clone(),
            tty: container.tty,
            driver: container.log_driver.clone(),
            rotation,
        }
    }

    fn removed(&self) -> String {
        format!("`{}` was removed before its log was read to its end", self.name)
    }

    fn missed(&self, why: &Missed) -> String {
        match why {
            Missed::Engine(error) if is_gone(error) => self.removed(),
            Missed::Engine(error) => format!("the log of `{}` cannot be read: {}", self.name, error.answer),
            Missed::Rotated => rotated(&self.name),
        }
    }
}

/// True when the engine gives a log no more: the container was removed, or its removal has begun.
pub(super) fn is_gone(error: &EngineError) -> bool {
    matches!(error.reason, Reason::NotFound | Reason::Conflict)
}

/// What is told of a log of which the engine has dropped what nobody had read.
pub(super) fn rotated(name: &str) -> String {
    format!(
        "the engine rotated a part of the log of `{name}` away before it was read; `max-size` and `max-file` of its \
         `logging` say how much it keeps"
    )
}

/// Docker's sizes: `10m`, `1g`, `512k`, `1048576`.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    // Some drivers count in 1024s: the smaller size is the safe one.
    let unit = match unit.trim_end_matches("ib").trim_end_matches('b') {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
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
            Err(error) => Err(Log::of(&unknown(container)).missed(&Missed::Engine(error))),
        }
    }

    /// Follows until the container does not run any more, and reads what the follow missed; gives when it ended.
    async fn one_run(&self, log: &Log, writer: &mut Writer) -> Result<i64, String> {
        if writer.place.bytes > 0 && !self.catch_up(log, writer).await? {
            return Err(log.removed());
        }
        loop {
            let frames = writer.place.frames;
            let followed = self.followed(log, writer).await?;
            // What is read after the end is all that there is.
            let mut whole = self.has_ended();
            if !self.catch_up(log, writer).await? {
                // Who removes a container right after its end is faster than any question. What the follow gave until
                // the run's end is the log then; only from a rotation on it may have left something out.
                return match followed == Followed::ToTheEnd && writer.place.is_sure() {
                    true => self.end_run(writer, i64::MAX),
                    false => Err(log.removed()),
                };
            }
            let described = match patiently(|| self.engine.inspect(&log.id)).await {
                Ok(described) => described,
                // A follow that was not cut off ends with the run, and the rest was read.
                Err(error) if error.reason == Reason::NotFound && (whole || followed == Followed::ToTheEnd) => {
                    return self.end_run(writer, i64::MAX);
                }
                Err(error) => return Err(log.missed(&Missed::Engine(error))),
            };
            let finished = nanos(&described.finished_at);
            whole |= finished <= self.spool.progress().ended;
            if !whole && !self.catch_up(log, writer).await? && followed != Followed::ToTheEnd {
                return Err(log.removed());
            }
            if !matches!(described.state.as_str(), "running" | "paused") {
                return self.end_run(writer, finished);
            }
            self.spool.set_ended(finished);
            if followed == Followed::ToTheEnd && frames == writer.place.frames {
                // It ended at once and without a reason: it may do so again and again.
                pause(PAUSE).await;
            }
        }
    }

    /// Follows as long as that goes well.
    async fn followed(&self, log: &Log, writer: &mut Writer) -> Result<Followed, String> {
        match open(&self.engine, (&log.id, log.tty), &writer.place, true).await {
            Ok(mut reading) => copy(&mut reading, writer, true).await,
            Err(Missed::Engine(error)) if !is_gone(&error) => Err(log.missed(&Missed::Engine(error))),
            // Reading without follow tells.
            Err(_) => Ok(Followed::NotFurther),
        }
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

    /// Reads what is there now, without follow: it shows whether all of it is there. False when the container is gone.
    async fn catch_up(&self, log: &Log, writer: &mut Writer) -> Result<bool, String> {
        let deadline = Instant::now() + AWAY;
        loop {
            let mut reading = match open(&self.engine, (&log.id, log.tty), &writer.place, false).await {
                Ok(reading) => reading,
                Err(Missed::Engine(error)) if is_gone(&error) => return Ok(false),
                Err(missed) => return Err(log.missed(&missed)),
            };
            match copy(&mut reading, writer, false).await? {
                Followed::Cut(error) if Instant::now() >= deadline => return Err(log.missed(&Missed::Engine(error))),
                Followed::Cut(_) => pause(PAUSE).await,
                Followed::ToTheEnd | Followed::NotFurther => {
                    writer.set_sure();
                    return Ok(true);
                }
            }
        }
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

/// Copies a reading to its end; fails where nothing can be written.
///
/// A live one ends, too, when it has to be found out whether it left something out.
async fn copy(reading: &mut Reading, writer: &mut Writer, live: bool) -> Result<Followed, String> {
    let ended = loop {
        let next = match reading.next().now_or_never() {
            Some(next) => next,
            // Nothing is ready: soon is the time to write, so that readers see each line but are not woken for each.
            None => match timeout_at(writer.due(), reading.next()).await {
                Ok(next) => next,
                Err(_) => {
                    writer.flush()?;
                    tokio::select! {
                        next = reading.next() => next,
                        () = writer.spool.look.asked(), if live => break Followed::NotFurther,
                    }
                }
            },
        };
        match next {
            Some(Ok(frame)) => writer.push(&frame)?,
            Some(Err(error)) => break Followed::Cut(error),
            None => break Followed::ToTheEnd,
        }
        if live && (writer.place.is_unsure() || writer.spool.look.is_asked()) {
            break Followed::NotFurther;
        }
    };
    if live {
        // What follows is the look; whoever asks during it asks for another.
        writer.spool.look.done();
    }
    writer.flush()?;
    Ok(ended)
}

/// Opens a reading of what is new beyond a place.
async fn open(
    engine: &Arc<dyn Engine>,
    (id, tty): (&str, bool),
    place: &Place,
    follow: bool,
) -> Result<Reading, Missed> {
    for mut resume in place.resume(follow, tty) {
        let opened = patiently(|| engine.logs(id, resume.range)).await;
        let mut frames = opened.map_err(Missed::Engine)?;
        match skip(&mut frames, &mut resume).await {
            Skipped::To(first) => return Ok(Reading { frames, first }),
            // A reading that was cut off says nothing about this way: whoever reads on comes again.
            Skipped::Cut(error) if error.reason == Reason::Away => {
                let frames = stream::iter([Err(error)]).boxed();
                return Ok(Reading { frames, first: None });
            }
            Skipped::Cut(error) => return Err(Missed::Engine(error)),
            Skipped::Unknown => {}
        }
    }
    Err(Missed::Rotated)
}

/// What a reading gave while that was skipped which was read before.
enum Skipped {
    /// All of that, and perhaps something new already.
    To(Option<Frame>),
    /// It cannot tell what is new.
    Unknown,
    /// The engine's error.
    Cut(EngineError),
}

async fn skip(frames: &mut BoxStream<'static, EngineResult<Frame>>, resume: &mut Resume) -> Skipped {
    while !resume.is_done() {
        match frames.next().await {
            Some(Ok(frame)) => match resume.judge(frame) {
                Fate::Old => {}
                Fate::New(frame) => return Skipped::To(Some(frame)),
                Fate::Unknown => return Skipped::Unknown,
            },
            Some(Err(error)) => return Skipped::Cut(error),
            None => return Skipped::Unknown,
        }
    }
    Skipped::To(None)
}

/// Where a log ends now; none when it is empty. A few of its last entries tell: as many as have the time of the last.
pub(super) async fn end_of(engine: &Arc<dyn Engine>, id: &str) -> EngineResult<Option<End>> {
    let mut tail = 8;
    loop {
        let range = LogRange {
            timestamps: true,
            tail: Some(tail),
            ..LogRange::default()
        };
        let asked = || async { engine.logs(id, range).await?.try_collect::<Vec<Frame>>().await };
        let entries = patiently(asked).await?;
        match End::of(&entries) {
            Some((_, true)) if entries.len() as u64 >= tail => tail *= 16,
            end => return Ok(end.map(|(end, _)| end)),
        }
    }
}

/// How many bytes a terminal's log has beyond a place now: a reading to its end.
pub(super) async fn bytes_beyond(engine: &Arc<dyn Engine>, id: &str, place: &Place) -> Result<u64, Missed> {
    let deadline = Instant::now() + AWAY;
    loop {
        let mut reading = open(engine, (id, true), place, false).await?;
        let mut bytes = 0;
        let ended = loop {
            match reading.next().await {
                Some(Ok(frame)) => bytes += frame.bytes.len() as u64,
                Some(Err(error)) => break Err(error),
                None => break Ok(bytes),
            }
        };
        match ended {
            Err(error) if error.reason == Reason::Away && Instant::now() < deadline => pause(PAUSE).await,
            ended => return ended.map_err(Missed::Engine),
        }
    }
}

impl Reading {
    async fn next(&mut self) -> Option<EngineResult<Frame>> {
        match self.first.take() {
            Some(frame) => Some(Ok(frame)),
            None => self.frames.next().await,
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

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_dockers() {
        let read = ["10m", "1g", "512k", "100", "2MB", "1KiB", "many"].map(bytes);
        let expected = [10_000_000, 1_000_000_000, 512_000, 100, 2_000_000, 1000].map(Some);
        assert_eq!((&read[..6], read[6]), (&expected[..], None));
    }
}
