//! Where a log ends, and how far each of its streams was read.

use crate::engine::{Frame, Stream};

/// The latest of a stream: its time, and how many entries have that. The parts of one long line have one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Latest {
    at: String,
    count: u64,
}

impl Latest {
    pub(super) fn saw(&mut self, at: &str) {
        if at == self.at {
            self.count += 1;
        } else {
            // Earlier only where the clock was set back.
            at.clone_into(&mut self.at);
            self.count = 1;
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn is_after(&self, at: &str) -> bool {
        self.at.as_str() > at
    }
}

/// Where a log ended at some moment: the last entry of it then.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine::logs) struct End {
    pub(super) stream: Stream,
    pub(super) latest: Latest,
}

impl End {
    /// By the last entries of a log; none without any, or where they have no times. True beside it when there may be more
    /// entries of that time before them.
    pub(in crate::engine::logs) fn of(entries: &[Frame]) -> Option<(End, bool)> {
        let last = entries.last()?;
        let at = last.at.clone()?;
        let (stream, same) = (last.stream, entries.iter().filter(|entry| entry.at == last.at));
        let open = same.clone().count() == entries.len();
        let count = same.filter(|entry| entry.stream == stream).count() as u64;
        let latest = Latest { at, count };
        Some((End { stream, latest }, open))
    }
}
