//! `--validate-only`: what a run left is judged again, without an engine.

use std::fs;

use crate::{root, run};

/// Without an engine, by the words of now; how long it took is another time each time.
#[test]
fn what_a_run_left_is_judged_again() {
    let results = tempfile::tempdir().unwrap();
    let to = results.path().display().to_string();
    let (told, code) = run(&["--validate-only", "last-well", "--results", &to, "asserted.yaml"]);
    assert_eq!(code, 1, "{told}");
    for says in [
        "then[3] `shell it was another kind` is not judged again: it was a `up`",
        "failed: `guests` is more than its `max`",
        "--> asserted.yaml:12:81",
        "= expected: at most 16",
        "1 case: 1 failed",
    ] {
        assert!(told.contains(says), "{says}: {told}");
    }
    assert!(results.path().join("junit.xml").is_file());
}

#[test]
fn what_is_judged_well_and_cannot_be_written_is_not_well() {
    let results = tempfile::tempdir().unwrap();
    let to = results.path().display().to_string();
    let judged = ["--validate-only", "part/last", "--results", &to, "part/numbers.yaml"];
    // A folder is in its place.
    let taken = tempfile::tempdir().unwrap();
    fs::write(taken.path().join("other"), "").unwrap();
    let junit = taken.path().display().to_string();
    let (told, code) = run(&[&judged[..], &["--junit", &junit]].concat());
    assert_eq!(code, 3, "{told}");
}

#[test]
fn each_repetition_of_a_case_is_judged_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let events = fs::read_to_string(root().join("last-well/events.jsonl")).unwrap();
    let (once, repeated) = (
        r#""name": "what a command said""#,
        r#""name": "what a command said [run 1]", "repetition": 1"#,
    );
    assert!(events.contains(once), "{events}");
    fs::write(path("events.jsonl"), events.replace(once, repeated)).unwrap();
    let to = path("judged");
    let (told, code) = run(&["--validate-only", &path(""), "--results", &to, "asserted.yaml"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("what a command said [run 1]"), "{told}");
    assert!(told.contains("failed: `guests` is more than its `max`"), "{told}");
}

#[test]
fn of_a_matrix_that_ran_in_part_each_case_is_counted_once() {
    let results = tempfile::tempdir().unwrap();
    let to = results.path().display().to_string();
    let (told, code) = run(&["--validate-only", "part/last", "--results", &to, "part/numbers.yaml"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("3 cases: 1 passed, 2 skipped"), "{told}");
    let junit = fs::read_to_string(results.path().join("junit.xml")).unwrap();
    for number in 1..=3 {
        assert_eq!(
            junit.matches(&format!("name=\"numbers [n={number}]\"")).count(),
            1,
            "{junit}"
        );
    }
    assert_eq!(junit.matches("the run had no such case").count(), 2, "{junit}");
}

#[test]
fn where_no_case_is_judged_again_nothing_is_well() {
    let results = tempfile::tempdir().unwrap();
    let to = results.path().display().to_string();
    let (told, code) = run(&["--validate-only", "last-well", "--results", &to, "shop.yaml"]);
    assert_eq!(code, 4, "{told}");
    assert!(told.contains("error: no case was judged"), "{told}");
}
