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

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::engine::{Frame, LogRange, Stream};

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

/// The latest of a stream: its time, and how many entries have that. The parts of one long line have one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Latest {
    at: String,
    count: u64,
}

impl Latest {
    fn saw(&mut self, at: &str) {
        match at.cmp(&self.at) {
            Ordering::Equal => self.count += 1,
            Ordering::Greater => {
                at.clone_into(&mut self.at);
                self.count = 1;
            }
            // The clock was set back.
            Ordering::Less => {}
        }
    }
}

/// Where a log ended at some moment: the last entry of it then.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    stream: Stream,
    latest: Latest,
}

impl End {
    /// By the last entries of a log; none without any, or where they have no times. True beside it when there may be more
    /// entries of that time before them.
    pub(super) fn of(entries: &[Frame]) -> Option<(End, bool)> {
        let last = entries.last()?;
        let at = last.at.clone()?;
        let (stream, same) = (last.stream, entries.iter().filter(|entry| entry.at == last.at));
        let open = same.clone().count() == entries.len();
        let count = same.filter(|entry| entry.stream == stream).count() as u64;
        let latest = Latest { at, count };
        Some((End { stream, latest }, open))
    }
}

/// A way to read on from a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resume {
    /// What to ask the engine for.
    pub(super) range: LogRange,
    skip: Skip,
    last: Option<Frame>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Skip {
    /// So many; the first of them has to be the one that was read first, or the log's beginning is gone.
    Frames { left: u64, first: Option<Frame> },
    /// So many bytes; the last of them, and those that were skipped so far.
    Bytes { left: u64, known: Vec<u8>, seen: Vec<u8> },
    /// So many from this time on; if it must, the first one has to be before it.
    Since { time: String, count: u64, before: bool },
}

/// What becomes of a frame of a further reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was read before.
    Old,
    /// It is new.
    New(Frame),
    /// The reading does not begin early enough to tell, or what was read before is not in it: `Place::resume` may know
    /// another.
    Unknown,
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

impl Resume {
    /// True when all that was read before has been skipped.
    pub(super) fn is_done(&self) -> bool {
        matches!(
            &self.skip,
            Skip::Frames { left: 0, .. } | Skip::Bytes { left: 0, .. } | Skip::Since { count: 0, .. }
        )
    }

    /// What becomes of the next frame.
    pub(super) fn judge(&mut self, frame: Frame) -> Fate {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(at: &str, text: &str) -> Frame {
        let at = (!at.is_empty()).then(|| format!("2026-11-20T10:00:{at}00Z"));
        Frame {
            stream: Stream::Stdout,
            at,
            bytes: text.to_owned().into(),
        }
    }

    /// A log of so many entries at each time.
    fn log(entries: &[(&str, usize)]) -> Vec<Frame> {
        let mut number = 0;
        let mut all = Vec::new();
        for (at, count) in entries {
            for _ in 0..*count {
                number += 1;
                all.push(frame(at, &format!("{number}")));
            }
        }
        all
    }

    /// Reads the first `seen` entries, then goes on as the place says; gives which way it took and the first new entry.
    fn check(all: &[Frame], seen: usize, expected: (usize, &str)) {
        let mut place = Place::default();
        all[..seen].iter().for_each(|frame| place.saw(frame));
        for (way, mut resume) in place.resume(false, false).into_iter().enumerate() {
            let tail = resume
                .range
                .tail
                .map_or(0, |tail| all.len().saturating_sub(tail as usize));
            let since =
                |frame: &&Frame| seconds(&frame.at.as_deref().unwrap()[..SECOND]).unwrap() >= resume.range.since;
            let given: Vec<Frame> = all[tail..].iter().filter(since).cloned().collect();
            let fates: Vec<Fate> = given.into_iter().map(|frame| resume.judge(frame)).collect();
            if fates.contains(&Fate::Unknown) || !resume.is_done() {
                continue;
            }
            let new: Vec<_> = fates.into_iter().filter(|fate| matches!(fate, Fate::New(_))).collect();
            assert_eq!(new.len(), all.len() - seen, "all that is new, and nothing else");
            let Some(Fate::New(first)) = new.into_iter().next() else {
                panic!("nothing new")
            };
            assert_eq!((way, std::str::from_utf8(&first.bytes).unwrap()), expected);
            return;
        }
        panic!("no way could tell");
    }

    #[test]
    fn few_entries_are_read_again() {
        check(&log(&[("00.1", 5)]), 0, (0, "1"));
        check(&log(&[("00.1", 5)]), 3, (0, "4"));
    }

    #[test]
    fn many_entries_are_read_from_near_their_end_by_counting_those_of_the_last_moments() {
        check(
            &log(&[("00.1", 5000), ("00.3", 10), ("00.5", 10), ("00.7", 10)]),
            5015,
            (0, "5016"),
        );
        check(
            &log(&[("00.1", 5000), ("00.3", 10), ("00.5", 10)]),
            5020 - 1,
            (0, "5020"),
        );
        check(
            &log(&[("00.1", 9000), ("01.5", 9000), ("02.5", 1)]),
            18_000,
            (3, "18001"),
        );
        check(
            &log(&[("00.1", 9000), ("01.5", 9000), ("02.5", 5000), ("02.7", 1)]),
            18_001,
            (1, "18002"),
        );
    }

    #[test]
    fn a_burst_longer_than_the_end_is_read_by_its_whole_second() {
        check(&log(&[("00.1", 3000), ("00.9", 200_000)]), 15_000, (3, "15001"));
        check(&log(&[("00.9", 30_000)]), 15_000, (3, "15001"));
    }

    #[test]
    fn entries_a_little_out_of_order_are_counted() {
        let mut all = log(&[
            ("00.1", 3000),
            ("01.0", 2),
            ("00.9", 1),
            ("01.0", 3),
            ("00.9", 1),
            ("01.1", 5),
        ]);
        all.push(frame("01.2", "last"));
        check(&all, 3012, (0, "last"));
        check(&all, 3005, (0, "3006"));
    }

    /// Reads the first `seen` entries; gives whether some way finds the place again when the first `gone` are gone.
    fn is_found(all: &[Frame], seen: usize, gone: usize) -> bool {
        let mut place = Place::default();
        all[..seen].iter().for_each(|frame| place.saw(frame));
        let left = &all[gone..];
        place.resume(false, false).into_iter().any(|mut resume| {
            let tail = resume
                .range
                .tail
                .map_or(0, |tail| left.len().saturating_sub(tail as usize));
            let unknown = |frame: &Frame| resume.judge(frame.clone()) == Fate::Unknown;
            !left[tail..].iter().any(unknown) && resume.is_done()
        })
    }

    #[test]
    fn entries_that_are_gone_are_missed() {
        for (few, much) in [(20, 10), (3000, 1500)] {
            let all = log(&[("00.1", few), ("03.3", few), ("06.5", few), ("09.7", few)]);
            assert!(is_found(&all, 3 * few, 0));
            assert!(is_found(&all, 3 * few, few), "what was read long ago may go");
            assert!(!is_found(&all, 3 * few, 2 * few + much));
            assert!(!is_found(&all, 3 * few, 3 * few));
            assert!(!is_found(&all, 3 * few, 3 * few + much));
        }
    }

    #[test]
    fn an_entry_larger_than_the_size_is_no_beginning_that_is_sure() {
        let mut place = Place::begin(Some(10));
        let all = log(&[("00.1", 1), ("10.1", 1), ("20.1", 1)]);
        all.iter().for_each(|frame| place.saw(frame));
        assert_eq!(
            (place.is_unsure(), place.moment()),
            (true, Some("2026-11-20T10:00:00.1"))
        );
    }

    #[test]
    fn what_was_followed_stays_unsure_from_the_first_rotation_on() {
        let mut place = Place::begin(Some(1000));
        let all = log(&[("00.1", 5), ("01.1", 5), ("02.1", 5), ("03.1", 5), ("04.1", 5)]);
        // An entry takes 70 bytes or 71: the 15th makes the first rotation, and half a size later it is time to look.
        let state = |place: &Place| (place.is_unsure(), place.moment().unwrap()[17..].to_owned());
        all[..15].iter().for_each(|frame| place.saw(frame));
        assert_eq!(state(&place), (false, "01.1".into()));
        all[15..].iter().for_each(|frame| place.saw(frame));
        assert_eq!(state(&place), (true, "02.1".into()));
        place.set_sure();
        assert_eq!(state(&place), (false, "03.1".into()));
    }

    #[test]
    fn a_terminals_log_is_counted_by_bytes() {
        let mut place = Place::default();
        for text in ["abc", "defg\n"] {
            place.saw(&frame("", text));
        }
        let mut resume = place.resume(true, true).remove(0);
        assert_eq!(
            resume.range,
            LogRange {
                follow: true,
                ..LogRange::default()
            }
        );
        assert_eq!(resume.judge(frame("", "abcdef")), Fate::Old);
        assert_eq!(resume.judge(frame("", "g\nhi")), Fate::New(frame("", "hi")));
        assert_eq!(resume.judge(frame("", "jk")), Fate::New(frame("", "jk")));
        let mut rotated = place.resume(true, true).remove(0);
        assert_eq!(rotated.judge(frame("", "defg\nhijk")), Fate::Unknown);
    }
}
