//! How far each stream of a log was read, and where a log ends.

use crate::engine::{Frame, Stream};

/// The latest of a stream: its time, and how many entries have that. The parts of one long line have one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Latest {
    at: String,
    count: u64,
}

/// How far each stream was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::engine::logs) struct Reach {
    latest: [Latest; 2],
    /// How often a stream gave an earlier time than before: the clock was set back.
    falls: u64,
}

/// Where a log ended at some moment: the last entry of it then.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine::logs) struct End {
    stream: Stream,
    latest: Latest,
    /// Before it, too, times only grew.
    in_order: bool,
}

/// The last entries of a log, looked at one after the other.
#[derive(Debug, Default)]
pub(in crate::engine::logs) struct Ends {
    entries: u64,
    last: Option<Stream>,
    reach: Reach,
    /// The streams of which an entry of another time was seen before those of the latest.
    parted: [bool; 2],
}

impl Latest {
    fn saw(&mut self, at: &str) {
        if at == self.at {
            self.count += 1;
        } else {
            at.clone_into(&mut self.at);
            self.count = 1;
        }
    }
}

impl Reach {
    /// The next entry.
    pub(in crate::engine::logs) fn saw(&mut self, frame: &Frame) {
        self.falls += u64::from(self.is_after(frame));
        self.latest[frame.stream as usize].saw(time(frame));
    }

    /// What was read is there no more, and is no measure for what comes.
    pub(super) fn forget(&mut self) {
        self.latest = Default::default();
    }

    /// How many entries have the time of the latest of a stream.
    pub(super) fn count(&self, stream: Stream) -> u64 {
        self.latest[stream as usize].count
    }

    /// True when an entry is earlier than the latest of its stream.
    pub(in crate::engine::logs) fn is_after(&self, frame: &Frame) -> bool {
        frame.at.is_some() && self.latest[frame.stream as usize].at.as_str() > time(frame)
    }

    /// True when the end of a log was surely read, where so much had been read before it was asked for: that comes before
    /// the end, or is it. So in a log whose times only grow, what is not earlier than the end comes not before it.
    pub(super) fn has_passed(&self, end: &End, before: &Reach) -> bool {
        let stream = end.stream as usize;
        let grew = end.in_order && before.latest[stream] <= end.latest && before.falls == self.falls;
        grew && end.latest <= self.latest[stream]
    }
}

impl Ends {
    /// The next entry.
    pub(in crate::engine::logs) fn saw(&mut self, frame: &Frame) {
        self.entries += 1;
        self.last = Some(frame.stream);
        let latest = &self.reach.latest[frame.stream as usize];
        self.parted[frame.stream as usize] |= latest.count > 0 && latest.at != time(frame);
        self.reach.saw(frame);
    }

    /// True when, of so many entries that were asked for, all of the last one's stream have one time: there may be more of
    /// them before these.
    pub(in crate::engine::logs) fn may_begin_before(&self, asked: u64) -> bool {
        let is_parted = self.last.is_none_or(|stream| self.parted[stream as usize]);
        !is_parted && self.entries >= asked
    }

    /// The end; none without any entry, or where these have no times.
    pub(in crate::engine::logs) fn end(self) -> Option<End> {
        let stream = self.last?;
        let Reach { latest, falls } = self.reach;
        let latest = latest.into_iter().nth(stream as usize)?;
        (!latest.at.is_empty()).then_some(End {
            stream,
            latest,
            in_order: falls == 0,
        })
    }
}

/// Its time; empty where it has none.
fn time(frame: &Frame) -> &str {
    frame.at.as_deref().unwrap_or_default()
}
