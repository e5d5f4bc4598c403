//! Places of made-up logs, and what is found again from them.

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
        let since = |frame: &&Frame| seconds(&frame.at.as_deref().unwrap()[..SECOND]).unwrap() >= resume.range.since;
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
