//! A further reading of a log: what of it was read before is skipped, and whether that is all there is found out.

use crate::engine::{Frame, LogRange};

/// A way to read on from a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine::logs) struct Resume {
    /// What to ask the engine for.
    pub(in crate::engine::logs) range: LogRange,
    skip: Option<Skip>,
}

/// Skips up to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Skip {
    last: Frame,
    /// How many entries of its stream and time there are up to it that were not skipped yet.
    left: u64,
    /// With what the log began; none once the reading has begun.
    begin: Option<Option<Frame>>,
}

impl Resume {
    /// All is new.
    pub(super) fn of_all(range: LogRange) -> Resume {
        Resume { range, skip: None }
    }

    /// New is what comes behind that entry, which is the so manieth of its time and stream.
    pub(super) fn behind(range: LogRange, last: &Frame, count: u64, first: Option<&Frame>) -> Resume {
        let skip = Skip {
            last: last.clone(),
            left: count,
            begin: Some(first.cloned()),
        };
        Resume {
            range,
            skip: Some(skip),
        }
    }

    /// True when all that was read before has been skipped.
    pub(in crate::engine::logs) fn is_done(&self) -> bool {
        self.skip.as_ref().is_none_or(|skip| skip.left == 0)
    }

    /// Skips an entry, while not all is done. True when this reading does not begin early enough to tell, or what was
    /// read before is not in it: `Place::resume` may know another.
    pub(in crate::engine::logs) fn is_gone(&mut self, frame: &Frame) -> bool {
        let Some(skip) = &mut self.skip else { return false };
        let is_of_last = frame.at == skip.last.at;
        let first = skip.begin.take();
        if !is_of_last || frame.stream != skip.last.stream {
            // Those of its time before it may be missing, so they could not be counted.
            return is_of_last && first.is_some_and(|first| first.as_ref() != Some(frame));
        }
        skip.left = skip.left.saturating_sub(1);
        let is_cut = first.is_some_and(|first| first.as_ref() != Some(frame));
        is_cut || (skip.left == 0 && *frame != skip.last)
    }
}
