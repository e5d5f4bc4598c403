//! How far a container's log has been read, and how a further reading goes on from there.
//!
//! Times alone do not tell: many entries have the same one. So the entries since a moment are counted, and a further
//! reading skips, in order, as many from that moment on; the last one that it skips must be the last one that was read, or
//! entries between them are gone. A reading that begins near the end of the log (the engine finds that without decoding
//! all of it) is good for that when it begins before the moment; else one is made from the whole second on, for which the
//! engine decodes the log from its start.
//!
//! An engine that rotates a log tells nobody, and a follow skips whole files where it is slow. So from the first rotation
//! on the moment stays where a reading without follow has last been: it is one snapshot, and shows whether all is there.

mod latest;
mod resume;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::engine::{Frame, LogRange};
pub(super) use latest::End;
use latest::Latest;
use resume::Skip;
pub(super) use resume::{Fate, Resume};

/// A time as far as its tenth of a second: `2026-11-20T10:00:00.1`.
const TENTH: usize = 21;
/// A time as far as its second.
const SECOND: usize = 19;
/// How many tenths of a second are counted: those of the last two seconds at least.
const KEPT: usize = 24;
/// So many tenths are counted at most until somebody looks whether all is there.
const MANY: usize = 1000;
/// Logs of so few entries are read again as a whole: the plainest way.
const FEW: u64 = 1000;
/// How many entries beyond what was counted are asked for, one after the other.
const BEYOND: [u64; 3] = [1_000, 10_000, 100_000];
/// So many of a terminal's last bytes are known again.
const KNOWN: usize = 64;
/// What the engine writes around an entry in its file: `{"log":"…","stream":"stdout","time":"…"}` and a newline.
const AROUND: u64 = 69;

/// How far a log has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Entries read.
    pub(super) frames: u64,
    /// Bytes read.
    pub(super) bytes: u64,
    /// The engine rotates the log when its file has so many bytes; none where it does not.
    rotation: Option<u64>,
    /// How many bytes the engine has written to its files for what was read, or a little less.
    written: u64,
    /// What of `written` is known to be without a hole.
    sure: u64,
    /// The tenth up to which it is known to be.
    sure_tenth: String,
    tenths: VecDeque<(String, u64)>,
    first: Option<Frame>,
    last: Option<Frame>,
    /// The latest of each stream: the entries of one stream are in the order of their times.
    latest: [Latest; 2],
    /// The same, of what was found out to be without a hole.
    sure_latest: [Latest; 2],
    /// The last bytes of a terminal's log: its entries have no times.
    end: Vec<u8>,
    timeless: bool,
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
        if self.frames == 0 {
            self.first = Some(frame.clone());
        }
        self.frames += 1;
        self.bytes += frame.bytes.len() as u64;
        if self.rotation.is_some() {
            self.written += written(&frame.bytes);
        }
        let has_rotated = self.has_rotated();
        if !has_rotated {
            self.sure = self.written;
        }
        let Some(tenth) = frame.at.as_deref().and_then(|at| at.get(..TENTH)) else {
            self.timeless = true;
            self.end.extend_from_slice(&frame.bytes);
            self.end.drain(..self.end.len().saturating_sub(KNOWN));
            return;
        };
        self.latest[frame.stream as usize].saw(frame.at.as_deref().unwrap_or_default());
        match &mut self.last {
            Some(last) => {
                // A log has millions of entries: their times take turns in one place.
                last.at.clone_from(&frame.at);
                (last.stream, last.bytes) = (frame.stream, frame.bytes.clone());
            }
            none => *none = Some(frame.clone()),
        }
        // Two streams, two writers: entries can be a little out of order.
        let later = self
            .tenths
            .iter()
            .rev()
            .take_while(|(known, _)| known.as_str() > tenth)
            .count();
        let index = self.tenths.len() - later;
        match index.checked_sub(1).and_then(|before| self.tenths.get_mut(before)) {
            Some((known, count)) if known == tenth => *count += 1,
            _ => self.tenths.insert(index, (tenth.to_owned(), 1)),
        }
        if (!has_rotated || self.sure_tenth.is_empty()) && self.sure_tenth != tenth {
            tenth.clone_into(&mut self.sure_tenth);
        }
        while self.tenths.len() > KEPT && self.tenths[0].0[..SECOND] < self.sure_tenth[..SECOND] {
            self.tenths.pop_front();
        }
    }

    /// True once the engine may have rotated the log.
    fn has_rotated(&self) -> bool {
        self.rotation.is_some_and(|size| self.written >= size)
    }

    /// True when it has to be found out whether all that was read is without a hole.
    pub(super) fn is_unsure(&self) -> bool {
        let much = |size: u64| self.written - self.sure >= size / 2 || self.tenths.len() > MANY;
        self.has_rotated() && self.rotation.is_some_and(much)
    }

    /// True where all that was read is known to be without a hole.
    pub(super) fn is_sure(&self) -> bool {
        !self.has_rotated() || self.sure == self.written
    }

    /// True when the end of a log was read, or something later of its stream.
    pub(super) fn has_passed(&self, end: &End) -> bool {
        end.latest <= self.latest[end.stream as usize]
    }

    /// True when all up to an end that was passed is known to be without a hole.
    pub(super) fn is_sure_of(&self, end: &End) -> bool {
        !self.has_rotated() || end.latest <= self.sure_latest[end.stream as usize]
    }

    /// It was found out: a reading without follow has gone on from here.
    pub(super) fn set_sure(&mut self) {
        self.sure = self.written;
        self.sure_latest.clone_from(&self.latest);
        if let Some(tenth) = self.last_tenth() {
            self.sure_tenth = tenth.to_owned();
        }
    }

    fn last_tenth(&self) -> Option<&str> {
        self.last.as_ref()?.at.as_deref()?.get(..TENTH)
    }

    /// The ways to read on, the cheapest first; each later one is for when the one before cannot tell. When none can,
    /// what was read last is gone from the log, and so is what came after it.
    pub(super) fn resume(&self, follow: bool, tty: bool) -> Vec<Resume> {
        let whole = LogRange {
            follow,
            since: 0,
            timestamps: !tty,
            tail: None,
        };
        let way = |range, skip| Resume {
            range,
            skip,
            last: self.last.clone(),
        };
        if tty {
            let skip = Skip::Bytes {
                left: self.bytes,
                known: self.end.clone(),
                seen: Vec::new(),
            };
            return vec![way(whole, skip)];
        }
        let mut ways = Vec::new();
        let moment = self.moment();
        let second = moment.and_then(|tenth| seconds(&tenth[..SECOND]));
        let timed = moment.zip(second).filter(|_| !self.timeless);
        if self.frames <= FEW || timed.is_none() {
            let (left, first) = (self.frames, self.first.clone());
            ways.push(way(whole, Skip::Frames { left, first }));
        }
        let Some((moment, second)) = timed else { return ways };
        let skip = |time: &str, before| Skip::Since {
            time: time.to_owned(),
            count: self.count_since(time),
            before,
        };
        if self.frames > FEW || self.has_rotated() {
            ways.extend(BEYOND.map(|beyond| {
                let tail = Some(self.count_since(moment) + beyond);
                way(LogRange { tail, ..whole }, skip(moment, true))
            }));
        }
        ways.push(way(LogRange { since: second, ..whole }, skip(&moment[..SECOND], false)));
        ways
    }

    /// A moment before the last entry that was read, and not after what is known to be without a hole.
    fn moment(&self) -> Option<&str> {
        let latest = self.tenths.len().checked_sub(1)?;
        let at = |tenth: &str| self.tenths.iter().rposition(|(known, _)| known == tenth);
        let of_last = self.last_tenth().and_then(at).unwrap_or(latest);
        let sure = at(&self.sure_tenth).unwrap_or(0);
        let index = latest.saturating_sub(1).min(of_last).min(sure);
        self.tenths.get(index).map(|(tenth, _)| tenth.as_str())
    }

    fn count_since(&self, time: &str) -> u64 {
        self.tenths
            .iter()
            .filter(|(tenth, _)| tenth.as_str() >= time)
            .map(|(_, count)| count)
            .sum()
    }
}

/// How many bytes of the engine's file an entry takes: JSON, in which some bytes are written longer.
fn written(bytes: &[u8]) -> u64 {
    let longer = |byte: &&u8| matches!(**byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t');
    (bytes.len() + bytes.iter().filter(longer).count()) as u64 + AROUND
}

/// A second of time as Unix time.
fn seconds(text: &str) -> Option<i64> {
    format!("{text}Z")
        .parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_second)
}
