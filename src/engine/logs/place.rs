//! How far a container's log has been read, and how a further reading goes on from there.
//!
//! Times alone do not tell: many entries have the same one. So the entries since a moment are counted, and a further
//! reading skips, in order, as many from that moment on. A reading that begins near the end of the log (the engine finds
//! that without decoding all of it) is good for that when it begins before the moment; else one is made from the whole
//! second on, for which the engine decodes the log from its start.

use std::collections::VecDeque;

use crate::engine::{Frame, LogRange};

/// A time as far as its tenth of a second: `2026-11-20T10:00:00.1`.
const TENTH: usize = 21;
/// A time as far as its second.
const SECOND: usize = 19;
/// How many tenths of a second are counted: those of the last two seconds at least.
const KEPT: usize = 24;
/// Logs of so few entries are read again as a whole: the plainest way.
const FEW: u64 = 1000;
/// How many entries from the end are tried first.
const TAIL: u64 = 10_000;

/// How far a log has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Entries read.
    pub(super) frames: u64,
    /// Bytes read.
    pub(super) bytes: u64,
    tenths: VecDeque<(String, u64)>,
    /// True when an entry had no time: a terminal's.
    timeless: bool,
}

/// A way to read on from a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resume {
    /// What to ask the engine for.
    pub(super) range: LogRange,
    skip: Skip,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Skip {
    Frames(u64),
    Bytes(u64),
    /// So many from this time on; if it must, the first one has to be before it.
    Since {
        time: String,
        count: u64,
        before: bool,
    },
}

/// What becomes of a frame of a further reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was read before.
    Old,
    /// It is new.
    New(Frame),
    /// The reading does not begin early enough to tell: `Place::resume` knows another.
    Unknown,
}

impl Place {
    /// Counts a frame.
    pub(super) fn saw(&mut self, frame: &Frame) {
        self.frames += 1;
        self.bytes += frame.bytes.len() as u64;
        let Some(tenth) = frame.at.as_deref().and_then(|at| at.get(..TENTH)) else {
            self.timeless = true;
            return;
        };
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
        if self.tenths.len() > KEPT {
            self.tenths.pop_front();
        }
    }

    /// The ways to read on, the cheapest first; each later one is for when the one before cannot tell.
    pub(super) fn resume(&self, follow: bool, tty: bool) -> Vec<Resume> {
        let whole = LogRange {
            follow,
            since: 0,
            timestamps: !tty,
            tail: None,
        };
        if tty {
            return vec![Resume {
                range: whole,
                skip: Skip::Bytes(self.bytes),
            }];
        }
        let moment = self.tenths.len().checked_sub(2).or(self.tenths.len().checked_sub(1));
        let moment = moment
            .and_then(|index| self.tenths.get(index))
            .map(|(tenth, _)| tenth.as_str());
        let second = moment.and_then(|tenth| seconds(&tenth[..SECOND]));
        let (Some(moment), Some(second)) = (moment, second) else {
            return vec![Resume {
                range: whole,
                skip: Skip::Frames(self.frames),
            }];
        };
        if self.frames <= FEW || self.timeless {
            return vec![Resume {
                range: whole,
                skip: Skip::Frames(self.frames),
            }];
        }
        let skip = |time: &str, before| Skip::Since {
            time: time.to_owned(),
            count: self.count_since(time),
            before,
        };
        vec![
            Resume {
                range: LogRange {
                    tail: Some(TAIL),
                    ..whole
                },
                skip: skip(moment, true),
            },
            Resume {
                range: LogRange { since: second, ..whole },
                skip: skip(&moment[..SECOND], false),
            },
        ]
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
    /// What becomes of the next frame.
    pub(super) fn judge(&mut self, mut frame: Frame) -> Fate {
        match &mut self.skip {
            Skip::Frames(0) | Skip::Bytes(0) => Fate::New(frame),
            Skip::Frames(left) => {
                *left -= 1;
                Fate::Old
            }
            Skip::Bytes(left) => {
                let skipped = (*left).min(frame.bytes.len() as u64);
                *left -= skipped;
                frame.bytes = frame
                    .bytes
                    .slice(usize::try_from(skipped).unwrap_or(frame.bytes.len())..);
                if frame.bytes.is_empty() {
                    Fate::Old
                } else {
                    Fate::New(frame)
                }
            }
            Skip::Since {
                count: 0,
                before: false,
                ..
            } => Fate::New(frame),
            Skip::Since { time, count, before } => {
                let earlier = frame.at.as_deref().is_some_and(|at| at < time.as_str());
                if earlier {
                    *before = false;
                    return Fate::Old;
                }
                if *before {
                    return Fate::Unknown;
                }
                *count -= 1;
                Fate::Old
            }
        }
    }
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
    use crate::engine::Stream;

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
            if fates.contains(&Fate::Unknown) {
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
            (1, "18001"),
        );
    }

    #[test]
    fn a_burst_longer_than_the_end_is_read_by_its_whole_second() {
        check(&log(&[("00.1", 3000), ("00.9", 20_000)]), 15_000, (1, "15001"));
        check(&log(&[("00.9", 30_000)]), 15_000, (1, "15001"));
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
    }
}
