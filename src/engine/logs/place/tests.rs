//! Places of made-up logs, and what is found again from them.

use super::*;
use crate::engine::Stream;

fn frame(at: &str, text: &str) -> Frame {
    Frame {
        stream: Stream::Stdout,
        at: Some(format!("2026-11-20T10:00:{at}00Z")),
        bytes: text.to_owned().into(),
    }
}

/// A log of so many entries at each time.
fn log(entries: &[(&str, usize)]) -> Vec<Frame> {
    let times = entries.iter().flat_map(|(at, count)| vec![*at; *count]);
    times
        .zip(1..)
        .map(|(at, number)| frame(at, &format!("{number}")))
        .collect()
}

/// Reads the first `seen` entries, then goes on as the place says when the first `gone` are gone; gives which way it took
/// and how many are new.
fn resumed(all: &[Frame], seen: usize, gone: usize) -> Option<(usize, usize)> {
    let mut place = Place::default();
    all[..seen].iter().for_each(|frame| place.saw(frame));
    let left = &all[gone..];
    place.resume().into_iter().enumerate().find_map(|(way, mut resume)| {
        let tail = resume
            .range
            .tail
            .map_or(0, |tail| left.len().saturating_sub(tail as usize));
        let mut rest = left[tail..].iter();
        while !resume.is_done() {
            if resume.is_gone(rest.next()?) {
                return None;
            }
        }
        Some((way, rest.len()))
    })
}

#[test]
fn a_reading_goes_on_behind_the_last_entry() {
    let all = log(&[("00.1", 5)]);
    assert_eq!(resumed(&all, 0, 0), Some((0, 5)));
    assert_eq!(resumed(&all, 3, 0), Some((0, 2)));
    assert_eq!(resumed(&all, 5, 0), Some((0, 0)));
    let all = log(&[("00.1", 5000), ("00.3", 10), ("00.5", 10), ("00.7", 10)]);
    assert_eq!(resumed(&all, 5015, 0), Some((0, 15)));
    assert_eq!(resumed(&all, 4000, 0), Some((2, 1030)), "from the first one on");
}

#[test]
fn a_long_burst_is_read_from_as_far_before_the_end_as_it_takes() {
    let burst = log(&[("00.1", 3), ("01.1", 1), ("01.2", 10), ("01.3", 150_000)]);
    assert_eq!(resumed(&burst, 9, 0), Some((4, 150_005)));
    assert_eq!(resumed(&log(&[("00.9", 150_000)]), 15_000, 0), Some((4, 135_000)));
    let burst = log(&[("00.1", 3), ("01.1", 1_000_001)]);
    assert_eq!(resumed(&burst, 2, 0), Some((5, 1_000_002)), "all of it");
}

/// Entries of a stream: its first letter, and a time.
fn of_streams(entries: &str) -> Vec<Frame> {
    let entry = |word: &str| Frame {
        stream: if word.starts_with('e') {
            Stream::Stderr
        } else {
            Stream::Stdout
        },
        ..frame(&word[1..], word)
    };
    entries.split_whitespace().map(entry).collect()
}

/// What a barrier finds of a log of which so many entries had been read before it asked, when so many are read: whether the
/// log's end is surely among those. The engine gives so many of the last entries.
fn has_passed(entries: &str, (before, read, tail): (usize, usize, usize)) -> Option<bool> {
    let all = of_streams(entries);
    let mut place = Place::default();
    all[..before].iter().for_each(|frame| place.saw(frame));
    let reach = place.reach();
    all[before..read].iter().for_each(|frame| place.saw(frame));
    let mut ends = Ends::default();
    all[all.len().saturating_sub(tail)..]
        .iter()
        .for_each(|frame| ends.saw(frame));
    (!ends.may_begin_before(tail as u64)).then(|| place.has_passed(&ends.end().unwrap(), &reach))
}

#[test]
fn the_end_is_passed_when_it_was_read_and_not_before() {
    let logs = [
        "o01 o02 o03 o04",
        // Both streams at one time, and each before the other.
        "o01 e01 o01 e01 o01",
        "o01 o02 e01 o02 e01 o02",
        "o02 e01 o02 e01 o03 e02",
        // A long line of one stream with lines of the other in it.
        "e01 o03 o03 e02 o03 o03 o03",
    ];
    for entries in logs {
        let count = entries.split_whitespace().count();
        for tail in 1..=count {
            for read in 0..=count {
                for before in 0..=read {
                    let passed = has_passed(entries, (before, read, tail));
                    let expected = read == count;
                    assert!(
                        passed.is_none_or(|passed| passed == expected),
                        "{entries}: {before} {read} {tail}"
                    );
                }
            }
        }
        assert!(
            has_passed(entries, (0, count, count + 1)).is_some(),
            "all of it always tells"
        );
    }
}

#[test]
fn where_a_clock_was_set_back_nothing_is_passed_that_was_not_read() {
    for entries in [
        "o05 o06 o02 o03",
        "o05 e09 o06 o01 o01",
        "e05 o05 e01 o06 e02",
        "o09 o01 o02 o03 o04",
    ] {
        let count = entries.split_whitespace().count();
        for (read, tail) in (0..count).flat_map(|read| (1..=count).map(move |tail| (read, tail))) {
            // Read on to just before the end while the end was asked for, or not at all.
            assert_ne!(
                has_passed(entries, (read, read, tail)),
                Some(true),
                "{entries}: {read} {tail}"
            );
        }
    }
}

#[test]
fn no_order_of_times_is_relied_on() {
    let all = log(&[
        ("30.1", 300),
        ("31.0", 2),
        ("30.9", 1),
        ("31.1", 3),
        ("02.1", 500),
        ("02.0", 1),
        ("40.1", 5),
    ]);
    for seen in [301, 303, 306, 307, 600, 806, 807, 811] {
        assert_eq!(
            resumed(&all, seen, 0).map(|(_, new)| new),
            Some(all.len() - seen),
            "{seen}"
        );
    }
}

#[test]
fn equal_parts_of_one_line_are_counted() {
    let mut all = log(&[("00.1", 3)]);
    all.extend(vec![frame("00.2", "x"); 300]);
    for seen in [4, 103, 250, 303] {
        assert_eq!(resumed(&all, seen, 0).map(|(_, new)| new), Some(303 - seen));
        assert_eq!(resumed(&all, seen, 3), None, "how many are gone is not known");
    }
}

#[test]
fn an_entry_that_is_gone_is_missed() {
    for few in [20, 300] {
        let all = log(&[("00.1", few), ("03.3", 1), ("06.5", few), ("09.7", few)]);
        let seen = few + 1;
        let new = Some(2 * few);
        assert_eq!(resumed(&all, seen, 0).map(|(_, new)| new), new);
        for gone in [seen, seen + 1, 2 * few, 3 * few, 3 * few + 1] {
            assert_eq!(resumed(&all, seen, gone), None, "{gone}");
        }
    }
}

#[test]
fn a_log_may_be_rotated_before_what_is_counted_says_so() {
    let mut place = Place::begin(Some(1000));
    let all = log(&[("00.1", 15)]);
    let mut seen = all.iter().map(|frame| {
        place.saw(frame);
        place.may_rotate()
    });
    assert_eq!(seen.position(|may| may), Some(7), "entries of 70 bytes");
    all.iter().for_each(|frame| place.saw(frame));
    assert!(
        place.knows(&all[14]) && !place.knows(&all[13]),
        "of one time only the last is known"
    );
    assert!(place.is_behind(&frame("00.0", "a")) && !place.knows(&frame("00.2", "a")));
}
