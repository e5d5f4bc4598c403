//! How far a container's log has been read, and how a further reading goes on from there.
//!
//! A further reading goes on behind the entry that was read last: the one of its time (to the nanosecond), its stream and
//! its bytes; the parts of a long line have one time, so those of a time are counted. No order of times is relied on: two
//! streams have two writers, and clocks are set back. A reading that begins near the end of the log is cheap, for the
//! engine finds that without decoding all of it; where it does not begin early enough, a longer one is made. When the
//! last entry is not even in the whole log, the engine has dropped it, and what came behind it perhaps too. The engine is
//! never asked for entries since a time: where the clock was set back it would leave some out.
//!
//! Whether a place has come to a log's end is told by times, stream by stream, as long as these only grow: entries of one
//! time of a stream are counted. Where they do not grow nothing is told, and a snapshot has to be read.
//!
//! A follow is good for that only while the engine does not rotate the log: at a rotation it gives entries again, or
//! leaves out whole files where it is slow. From there on it tells only that there is more.

mod latest;
mod resume;
#[cfg(test)]
mod tests;

use crate::engine::{Frame, LogRange};
pub(super) use latest::{End, Ends, Reach};
pub(super) use resume::Resume;

/// How many entries from the end on are asked for, one after the other.
const TAILS: [u64; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];
/// What the engine writes around an entry in its file: `{"log":"…","stream":"stdout","time":"…"}` and a newline.
const AROUND: u64 = 69;

/// How far a log has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Entries read.
    pub(super) frames: u64,
    /// The engine rotates the log when its file has so many bytes; none where it does not.
    rotation: Option<u64>,
    /// How many bytes the engine has written to its files for what was read, or less.
    written: u64,
    first: Option<Frame>,
    last: Option<Frame>,
    /// How far each stream was read.
    reach: Reach,
}

impl Place {
    /// The beginning of a log that the engine rotates at so many bytes, or never.
    pub(super) fn begin(rotation: Option<u64>) -> Place {
        Place {
            rotation,
            ..Place::default()
        }
    }

    /// Counts a frame.
    pub(super) fn saw(&mut self, frame: &Frame) {
        if self.first.is_none() {
            self.first = Some(frame.clone());
        }
        self.frames += 1;
        if self.rotation.is_some() {
            self.written += written(&frame.bytes);
        }
        self.reach.saw(frame);
        match &mut self.last {
            Some(last) => {
                // A log has millions of entries: their times take turns in one place.
                last.at.clone_from(&frame.at);
                (last.stream, last.bytes) = (frame.stream, frame.bytes.clone());
            }
            none => *none = Some(frame.clone()),
        }
    }

    /// What was read last is not in the log any more: a further reading begins with what there is.
    pub(super) fn forget(&mut self) {
        (self.first, self.last) = (None, None);
        self.reach.forget();
    }

    /// True once the engine may have rotated the log: attributes and escapes take bytes that are not counted.
    pub(super) fn may_rotate(&self) -> bool {
        self.rotation.is_some_and(|size| self.written >= size / 2)
    }

    /// How far each stream was read.
    pub(super) fn reach(&self) -> Reach {
        self.reach.clone()
    }

    /// True when an entry is earlier than what its stream has given last: it was given before, or the clock was set back.
    pub(super) fn is_behind(&self, frame: &Frame) -> bool {
        self.reach.is_after(frame)
    }

    /// True when an entry that a follow gives is nothing new.
    pub(super) fn knows(&self, frame: &Frame) -> bool {
        self.is_behind(frame) || self.last.as_ref() == Some(frame)
    }

    /// True when the end that a log had was surely read, by how far it was read before that was asked for.
    pub(super) fn has_passed(&self, end: &End, before: &Reach) -> bool {
        self.reach.has_passed(end, before)
    }

    /// The ways to read on, the cheapest first; each later one is for when the one before cannot tell. When none can,
    /// what was read last is gone from the log, and so may be what came after it.
    pub(super) fn resume(&self) -> Vec<Resume> {
        let whole = LogRange {
            timestamps: true,
            ..LogRange::default()
        };
        let Some(last) = &self.last else {
            return vec![Resume::of_all(whole)];
        };
        let count = self.reach.count(last.stream);
        let tails = TAILS.map(|tail| LogRange {
            tail: Some(tail),
            ..whole
        });
        tails
            .into_iter()
            .chain([whole])
            .map(|range| Resume::behind(range, last, count, self.first.as_ref()))
            .collect()
    }
}

/// How many bytes of the engine's file an entry takes: JSON, in which some bytes are written longer.
fn written(bytes: &[u8]) -> u64 {
    let longer = |byte: &&u8| matches!(**byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t');
    (bytes.len() + bytes.iter().filter(longer).count()) as u64 + AROUND
}
