//! A further reading of a log: what of it was read before is skipped, and whether that is all there is found out.

use super::KNOWN;
use crate::engine::{Frame, LogRange};

/// A way to read on from a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine::logs) struct Resume {
    /// What to ask the engine for.
    pub(in crate::engine::logs) range: LogRange,
    pub(super) skip: Skip,
    pub(super) last: Option<Frame>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Skip {
    /// So many; the first of them has to be the one that was read first, or the log's beginning is gone.
    Frames { left: u64, first: Option<Frame> },
    /// So many bytes; the last of them, and those that were skipped so far.
    Bytes { left: u64, known: Vec<u8>, seen: Vec<u8> },
    /// So many from this time on; if it must, the first one has to be before it.
    Since { time: String, count: u64, before: bool },
}

/// What becomes of a frame of a further reading.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine::logs) enum Fate {
    /// It was read before.
    Old,
    /// It is new.
    New(Frame),
    /// The reading does not begin early enough to tell, or what was read before is not in it: `Place::resume` may know
    /// another.
    Unknown,
}

impl Resume {
    /// True when all that was read before has been skipped.
    pub(in crate::engine::logs) fn is_done(&self) -> bool {
        matches!(
            &self.skip,
            Skip::Frames { left: 0, .. } | Skip::Bytes { left: 0, .. } | Skip::Since { count: 0, .. }
        )
    }

    /// What becomes of the next frame.
    pub(in crate::engine::logs) fn judge(&mut self, frame: Frame) -> Fate {
        if self.is_done() {
            return Fate::New(frame);
        }
        let left = match &mut self.skip {
            Skip::Bytes { .. } => return self.judge_bytes(frame),
            Skip::Frames { left, first } => {
                if first.take().is_some_and(|first| first != frame) {
                    return Fate::Unknown;
                }
                left
            }
            Skip::Since { time, count, before } => {
                if frame.at.as_deref().is_some_and(|at| at < time.as_str()) {
                    *before = false;
                    return Fate::Old;
                }
                if *before {
                    return Fate::Unknown;
                }
                count
            }
        };
        *left -= 1;
        if *left == 0 && self.last.as_ref().is_some_and(|last| *last != frame) {
            return Fate::Unknown;
        }
        Fate::Old
    }

    fn judge_bytes(&mut self, mut frame: Frame) -> Fate {
        let Skip::Bytes { left, known, seen } = &mut self.skip else {
            return Fate::New(frame);
        };
        let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(frame.bytes.len());
        *left -= skipped as u64;
        seen.extend_from_slice(&frame.bytes.split_to(skipped));
        seen.drain(..seen.len().saturating_sub(KNOWN));
        if *left == 0 && seen != known {
            return Fate::Unknown;
        }
        if frame.bytes.is_empty() {
            Fate::Old
        } else {
            Fate::New(frame)
        }
    }
}
