//! Readings of a log without follow: each is one snapshot, from the log's beginning or its end to what was written when
//! it was asked for. Such a reading misses nothing, whatever the engine does to those who follow.

use std::sync::Arc;

use futures_util::stream;
use futures_util::{StreamExt, TryStreamExt};
use tokio::time::Instant;

use super::place::{End, Ends, Place, Resume};
use super::source::{AWAY, Frames, Log, PAUSE, is_gone, patiently};
use super::writer::Writer;
use crate::engine::{Engine, EngineError, EngineResult, LogRange, Reason};
use crate::wait::pause;

/// Why a log cannot be read on.
enum Missed {
    /// The engine does not give it.
    Engine(EngineError),
    /// What was read last is not in it any more.
    Rotated,
}

/// Reads what is there now beyond what was written down, and shows whether all of that is still there. False when the
/// container is gone; otherwise all that was written before the call is in the spool, or its gap is known.
pub(super) async fn catch_up(engine: &Arc<dyn Engine>, log: &Log, writer: &mut Writer) -> Result<bool, String> {
    let deadline = Instant::now() + AWAY;
    let look = writer.spool.look.begin();
    loop {
        let mut frames = match open(engine, log, &writer.place).await {
            Ok(frames) => frames,
            Err(Missed::Engine(error)) if is_gone(&error) => return Ok(false),
            Err(Missed::Engine(error)) => return Err(log.missed(&error)),
            Err(Missed::Rotated) => {
                writer.lose(log.rotated())?;
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
            None => {
                writer.spool.set_looked(look);
                return Ok(true);
            }
        }
    }
}

/// Opens a reading of what is new beyond a place.
async fn open(engine: &Arc<dyn Engine>, log: &Log, place: &Place) -> Result<Frames, Missed> {
    for mut resume in place.resume() {
        let range = LogRange {
            tty: log.tty,
            ..resume.range
        };
        let opened = patiently(|| engine.logs(&log.id, range)).await;
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

/// Where a log ends now; none when it is empty. A few of its last entries tell: as many as have the time of the last. They
/// are looked at as they come, for one line may have thousands of them.
pub(super) async fn end_of(engine: &Arc<dyn Engine>, id: &str, tty: bool) -> EngineResult<Option<End>> {
    let mut tail = 8;
    loop {
        let range = LogRange {
            timestamps: true,
            tail: Some(tail),
            tty: Some(tty),
            ..LogRange::default()
        };
        let asked = || async {
            let mut ends = Ends::default();
            let mut entries = engine.logs(id, range).await?;
            while let Some(entry) = entries.try_next().await? {
                ends.saw(&entry);
            }
            Ok(ends)
        };
        let ends = patiently(asked).await?;
        if !ends.may_begin_before(tail) {
            return Ok(ends.end());
        }
        tail *= 16;
    }
}
