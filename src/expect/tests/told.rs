//! How a fault is told: where, and what of expected and actual.

use serde_json::{Value, json};

use super::{fails, read};
use crate::template::Scope;

#[test]
fn what_looks_alike_and_is_of_another_kind_is_told_with_its_kind() {
    let quote = "quote what is text, and only that";
    for (yaml, told) in [
        (
            "json: {$.length: '7'}",
            format!(
                "1:18 `$.length` of `json` is not what was expected [text (\"7\") | a number (7)] (expected is text, found is a number: {quote})"
            ),
        ),
        (
            "json: {size: {one-of: ['2048', 1]}}",
            format!(
                "1:15 `size` of `json` is `2048`, which is none of those expected [one of `2048`, `1` | 2048] (expected is text (\"2048\"), found is a number (2048): {quote})"
            ),
        ),
        (
            "json: {'$.members[*].port': ['1', 2]}",
            format!(
                "1:29 `$.members[*].port` of `json` is not what was expected [[\"1\",2] | [1,2]] (expected is text (\"1\"), found is a number (1): {quote})"
            ),
        ),
        (
            "json: {members: {includes: [{port: '2'}, {port: 1}]}}",
            "1:18 `members` of `json` does not include what was expected [includes [{\"port\":\"2\"},{\"port\":1}] | [{\"name\":\"core1\",\"port\":1},{\"name\":\"core2\",\"port\":2}]]".to_owned(),
        ),
        (
            "stages: {contains: '4'}",
            format!(
                "1:10 `stages` does not contain `4` [contains `4` | [2,4,6]] (expected is text (\"4\"), found is a number (4): {quote})"
            ),
        ),
        (
            "json: {none: 'null'}",
            format!(
                "1:14 `none` of `json` is not what was expected [text (\"null\") | null] (expected is text, found is null: {quote})"
            ),
        ),
    ] {
        fails(yaml, &[&told]);
    }
}

#[test]
fn every_fault_is_told_at_its_matcher() {
    fails(
        "exit: 3\nstdout:\n  contains: three\n  starts-with: x\n",
        &[
            "1:7 `exit` is not what was expected [3 | 0]",
            "3:3 `stdout` does not contain `three` [contains `three` | one\ntwo]",
            "4:3 `stdout` does not start with `x` [starts with `x` | one\ntwo]",
        ],
    );
    fails(
        "stdout: {matches: '^two', ends-with: one}",
        &[
            "1:10 `stdout` does not match `^two` [matches `^two` | one\ntwo]",
            "1:27 `stdout` does not end with `one` [ends with `one` | one\ntwo]",
        ],
    );
    fails(
        "stdout: {empty: true, length: {gt: 9}, lines: {length: 3}, exists: false}",
        &[
            "1:10 `stdout` is not empty [empty | one\ntwo]",
            "1:32 the length of `stdout` is `7`, not more than 9 [more than 9 | 7]",
            "1:56 the length of the lines of `stdout` is not what was expected [3 | 2]",
            "1:60 `stdout` is there [is not there | one\ntwo]",
        ],
    );
    fails(
        "nodes: [core2]",
        &["1:8 `nodes` is not what was expected [[\"core2\"] | [\"core2\",\"core1\"]]"],
    );
    fails(
        "lines: {all: {matches: first}, any: third}",
        &[
            "1:15 item 2 of `lines` does not match `first` [matches `first` | second 2]",
            "1:32 no item of `lines` is as expected [an item third | [\"first 1\",\"second 2\"]]",
        ],
    );
    fails(
        "stdout: {not: {contains: one}, any: [a, {contains: b}], one-of: [a]}",
        &[
            "1:10 `stdout` is what it must not be [not: contains `one` | one\ntwo]",
            "1:32 `stdout` fits none of the 2 matchers [a, or contains `b` | one\ntwo]",
            "1:57 `stdout` is `one\ntwo`, which is none of those expected [one of `a` | one\ntwo]",
        ],
    );
    fails(
        "error: {contains: refused}",
        &["1:9 `error` is not there [contains `refused` | nothing]"],
    );
    fails(
        "error: {not: {contains: refused}}",
        &["1:9 `error` is not there [not: contains `refused` | nothing]"],
    );
}

#[test]
fn faults_in_json_say_the_path() {
    fails(
        "json: {leader.nam: core1, lenght: 3, '$.members[9].name': x, members.0.name.x: {exists: true}}",
        &[
            "1:20 `leader.nam` of `json` is not there [core1 | nothing] (`leader` has no `nam`; it has `name`, `role`; did you mean `name`?)",
            "1:35 `lenght` of `json` is not there [3 | nothing] (`lenght` is taken as a path; did you mean the matcher `length`?)",
            "1:59 `$.members[9].name` of `json` is not there [x | nothing]",
            "1:81 `members.0.name.x` of `json` is not there [is there | nothing] (`members.0.name` has no `x`; it is text)",
        ],
    );
    fails(
        "json: {version: 3.10, leader: {includes: {role: slave}}, size: {lt: 5s}, members: {lt: 3}}",
        &[
            "1:17 `version` of `json` is not what was expected [a number (3.1) | text (\"3.10\")] (expected is a number, found is text: quote what is text, and only that)",
            "1:32 `leader` of `json` does not include what was expected [includes {\"role\":\"slave\"} | {\"name\":\"core1\",\"role\":\"master\"}]",
            "1:65 `size` of `json` cannot be compared: a number cannot be compared with a duration [less than 5s | 2048]",
            "1:84 `members` of `json` cannot be compared: [{\"name\":\"core1\",\"port\":1},{\"name\":\"core2\",\"port\":2}] is neither a number nor a size, a duration, an RFC 3339 time or a version [less than 3 | [{\"name\":\"core1\",\"port\":1},{\"name\":\"core2\",\"port\":2}]]",
        ],
    );
}

#[test]
fn long_texts_have_a_diff_and_everything_is_bounded() {
    let (expectation, _) = read("stdout: |\n  one\n  zwei\n  three\n").unwrap();
    let fault = expectation
        .judge(&json!({"stdout": "one\ntwo\nthree"}), &Scope::default(), &[])
        .unwrap()
        .remove(0);
    assert_eq!(
        fault.diff.unwrap(),
        "--- expected\n+++ actual\n@@ -1,3 +1,3 @@\n one\n-zwei\n+two\n three\n"
    );
    let fault = expectation
        .judge(
            &json!({"stdout": "one\r\n\u{1b}[1mzwei\nthree "}),
            &Scope::default(),
            &[],
        )
        .unwrap()
        .remove(0);
    assert_eq!(
        fault.diff.unwrap(),
        "--- expected\n+++ actual\n@@ -1,3 +1,3 @@\n-one\n-zwei\n-three\n+one\\r\n+\\u{1b}[1mzwei\n+three\\u{20}\n"
    );
    let long: String = (0..200_000).map(|line| format!("line {line}\n")).collect();
    let other = long.replace("line 150000\n", "LINE\n");
    let expected = Value::from(long).to_string();
    let (expectation, _) = read(&format!("stdout: {expected}")).unwrap();
    let fault = expectation
        .judge(&json!({"stdout": other}), &Scope::default(), &[])
        .unwrap()
        .remove(0);
    assert!(fault.actual.unwrap().len() < 5000 && fault.expected.unwrap().len() < 5000);
    let diff = fault.diff.unwrap();
    assert!(
        diff.len() < 20_000 && diff.contains("-line 150000") && diff.contains("+LINE"),
        "{diff}"
    );
    let (expectation, _) = read("json: {equals: {a: [1, 2, 3]}}").unwrap();
    let fault = expectation
        .judge(&json!({"json": {"a": [1, 4, 3]}}), &Scope::default(), &[])
        .unwrap()
        .remove(0);
    assert!(fault.diff.unwrap().contains("-    2,\n+    4,\n"));
}

#[test]
fn all_that_is_not_contained_is_told() {
    let (expectation, _) = read("stdout: {contains: [hallo, one, welt]}").unwrap();
    let faults = expectation.judge(&json!({"stdout": "one two"}), &Scope::default(), &[]);
    assert_eq!(
        faults.unwrap()[0].message,
        "`stdout` does not contain `hallo`, nor `welt`"
    );
}

#[test]
fn of_items_that_are_alike_the_first_one_is_told_with_their_count() {
    let (expectation, _) = read("lines: {all: {contains: b}}").unwrap();
    let lines: Value = ["a", "b", "c", "a", "a"].map(Value::from).into_iter().collect();
    let faults = expectation
        .judge(&json!({"lines": lines}), &Scope::default(), &[])
        .unwrap();
    let told: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    let alike = "item 1 of `lines` does not contain `b`, and so it is with 2 others";
    assert_eq!(told, [alike, "item 3 of `lines` does not contain `b`"]);
}

#[test]
fn of_many_items_the_first_ones_that_do_not_fit_are_told_and_how_many_more() {
    let (expectation, _) = read("lines: {all: {contains: b}}").unwrap();
    let lines: Value = (0..150).map(|number| Value::from(format!("a{number}"))).collect();
    let faults = expectation
        .judge(&json!({"lines": lines}), &Scope::default(), &[])
        .unwrap();
    assert_eq!(faults.len(), 20);
    assert_eq!(
        faults[19].message,
        "item 20 of `lines` does not contain `b`; so it is with 130 more"
    );
}
