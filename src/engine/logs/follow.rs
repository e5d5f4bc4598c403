//! The follower of a container: from its first start to the end of its last run.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::place::{End, Place, Resume};
use super::spool::{Phase, Spool, Writer};
use crate::engine::world::{ContainerState, nanos};
use crate::engine::{Container, Engine, EngineError, EngineResult, Frame, LogRange, Reason};
use crate::wait::{Pace, every, pause};

/// How long an engine may refuse a log before it is given up.
const AWAY: Duration = Duration::from_secs(15);
/// The pause after a reading that ended without a reason.
const PAUSE: Duration = Duration::from_millis(50);
/// How often a log is read without follow at most.
const BETWEEN: Duration = Duration::from_millis(50);
/// How long a follow of a log that is rotated is believed that there is nothing more.
const LATE: Duration = Duration::from_secs(1);
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
    driver: String,
    /// At how many bytes it is rotated.
    rotation: Option<u64>,
}

/// What a reading of a log gives.
type Frames = BoxStream<'static, EngineResult<Frame>>;

/// Why a log cannot be read on.
enum Missed {
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
            driver: container.log_driver.clone(),
            rotation,
        }
    }

    fn removed(&self) -> String {
        format!("`{}` was removed before its log was read to its end", self.name)
    }

    fn missed(&self, error: &EngineError) -> String {
        match is_gone(error) {
            true => self.removed(),
            false => format!("the log of `{}` cannot be read: {}", self.name, error.answer),
        }
    }
}

/// True when the engine gives a log no more: the container was removed, or its removal has begun.
pub(super) fn is_gone(error: &EngineError) -> bool {
    matches!(error.reason, Reason::NotFound | Reason::Conflict)
}

/// What is told of a log of which the engine has dropped what nobody had read.
fn rotated(name: &str) -> String {
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
            Err(error) => Err(Log::of(&unknown(container)).missed(&error)),
        }
    }

    /// Follows until the container does not run any more, and reads what the follow missed; gives when it ended.
    async fn one_run(&self, log: &Log, writer: &mut Writer) -> Result<i64, String> {
        if writer.place.frames > 0 && !self.catch_up(log, writer).await? {
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
                return match followed == Followed::ToTheEnd && !writer.place.may_rotate() {
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
                Err(error) => return Err(log.missed(&error)),
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
            ..LogRange::default()
        };
        match patiently(|| self.engine.logs(&log.id, range)).await {
            Ok(mut frames) if is_first => copy(&mut frames, writer).await,
            Ok(frames) => self.watched(log, writer, frames).await,
            // Reading without follow tells.
            Err(error) if is_gone(&error) => Ok(Followed::NotFurther),
            Err(error) => Err(log.missed(&error)),
        }
    }

    /// Reads without follow whenever a follow tells that there is more.
    async fn watched(&self, log: &Log, writer: &mut Writer, mut frames: Frames) -> Result<Followed, String> {
        loop {
            self.spool.look.done();
            if !self.catch_up(log, writer).await? {
                return Ok(Followed::NotFurther);
            }
            let again = Instant::now() + BETWEEN;
            let mut told = Vec::new();
            let ended = news(&mut frames, writer, (again, &mut told)).await;
            let Some(ended) = ended else { continue };
            // Its container may be gone already.
            if ended == Followed::ToTheEnd && !self.catch_up(log, writer).await? && !writer.place.may_rotate() {
                told.iter().try_for_each(|frame| writer.push(frame))?;
            }
            return Ok(ended);
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

    /// Reads what is there now, without follow: that is one snapshot, and shows whether all of it is there. False when
    /// the container is gone.
    async fn catch_up(&self, log: &Log, writer: &mut Writer) -> Result<bool, String> {
        let deadline = Instant::now() + AWAY;
        loop {
            let mut frames = match open(&self.engine, &log.id, &writer.place).await {
                Ok(frames) => frames,
                Err(Missed::Engine(error)) if is_gone(&error) => return Ok(false),
                Err(Missed::Engine(error)) => return Err(log.missed(&error)),
                Err(Missed::Rotated) => {
                    writer.lose(rotated(&log.name))?;
                    continue;
                }
            };
            let ended = loop {
                match frames.next().await {
                    Some(Ok(frame)) => writer.push(&frame)?,
                    Some(Err(error)) => break Some(error),
                    None => break None,
                }
            };
            writer.flush()?;
            match ended {
                Some(error) if Instant::now() >= deadline => return Err(log.missed(&error)),
                Some(_) => pause(PAUSE).await,
                None => return Ok(true),
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
    // What follows is the look; whoever asks during it asks for another.
    writer.spool.look.done();
    writer.flush()?;
    Ok(ended)
}

/// Waits until a follow gives something new, or somebody asks for a look, and then until it is time to read again; what
/// is new is kept. Gives how the follow has ended, if it has.
async fn news(frames: &mut Frames, writer: &Writer, (again, told): (Instant, &mut Vec<Frame>)) -> Option<Followed> {
    // A follow that comes to a rotation may wait for a file into which nobody writes.
    let late = Instant::now() + LATE;
    loop {
        let has_news = !told.is_empty();
        let next = tokio::select! {
            () = writer.spool.look.asked() => return None,
            () = sleep_until(again), if has_news => return None,
            () = sleep_until(late), if writer.place.may_rotate() => return None,
            next = frames.next() => next,
        };
        match next {
            Some(Ok(frame)) if writer.place.knows(&frame) => {}
            Some(Ok(frame)) => told.push(frame),
            Some(Err(error)) => return Some(Followed::Cut(error)),
            None => return Some(Followed::ToTheEnd),
        }
    }
}

/// Opens a reading of what is new beyond a place.
async fn open(engine: &Arc<dyn Engine>, id: &str, place: &Place) -> Result<Frames, Missed> {
    for mut resume in place.resume() {
        let opened = patiently(|| engine.logs(id, resume.range)).await;
        let mut frames = opened.map_err(Missed::Engine)?;
        match skip(&mut frames, &mut resume).await {
            Skipped::All => return Ok(frames),
            // A reading that was cut off says nothing about this way: whoever reads on comes again.
            Skipped::Cut(error) if error.reason == Reason::Away => return Ok(stream::iter([Err(error)]).boxed()),
            Skipped::Cut(error) => return Err(Missed::Engine(error)),
            Skipped::Unknown => {}
        }
    }
    Err(Missed::Rotated)
}

/// What a reading gave while that was skipped which was read before.
enum Skipped {
    /// All of that.
    All,
    /// It cannot tell what is new.
    Unknown,
    /// The engine's error.
    Cut(EngineError),
}

async fn skip(frames: &mut Frames, resume: &mut Resume) -> Skipped {
    while !resume.is_done() {
        match frames.next().await {
            Some(Ok(frame)) => {
                if resume.is_gone(&frame) {
                    return Skipped::Unknown;
                }
            }
            Some(Err(error)) => return Skipped::Cut(error),
            None => return Skipped::Unknown,
        }
    }
    Skipped::All
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
