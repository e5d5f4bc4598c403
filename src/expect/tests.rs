//! Expectations as data: what is written, what was found, what is told. Long because it is a table: a line or a few are a case.

use serde_json::{Value, json};

use super::{
    COUNT_SOME, EXIT_ZERO, Expectation, Field, FieldKind, HTTP_SUCCESS, Ignored, LineMatcher, LinePattern, Usual,
    golden,
};
use crate::diagnostic::{Diagnostic, Source};
use crate::event::{Fault, FaultKind};
use crate::shape::{Problems, Shape};
use crate::template::{Question, Scope, Unrendered};
use crate::yaml::{self, Node};

const fn field(name: &'static str, kind: FieldKind) -> Field {
    Field {
        name,
        kind,
        doc: "A field.",
    }
}

const FIELDS: &[Field] = &[
    field("exit", FieldKind::COUNT),
    field("stdout", FieldKind::Text),
    field("json", FieldKind::Json),
    field("headers", FieldKind::Map),
    field("duration", FieldKind::Duration),
    field("healthy", FieldKind::Boolean),
    field("nodes", FieldKind::Names),
    field("stages", FieldKind::List),
    field("lines", FieldKind::Lines),
    field("max_outage", FieldKind::Duration),
    field("error", FieldKind::Text),
    field("status", FieldKind::STATUS),
];

fn node(yaml: &str) -> Node {
    yaml::parse(&Source::new("test.yaml", yaml)).unwrap_or_else(|problems| panic!("{yaml}: {problems:?}"))
}

fn outputs() -> Value {
    json!({
        "exit": 0, "stdout": "one\ntwo", "duration": 1.5, "healthy": true, "nodes": ["core2", "core1"], "stages": [2, 4, 6],
        "lines": ["first 1", "second 2"], "max_outage": 0.25, "headers": {"content-type": "application/json"},
        "json": {
            "leader": {"name": "core1", "role": "master"}, "members": [{"name": "core1", "port": 1}, {"name": "core2", "port": 2}],
            "version": "3.10", "size": 2048, "at": "2026-11-20T10:00:00Z", "took": "90s", "none": null, "length": 7, "list": [],
        },
    })
}

fn read(yaml: &str) -> Result<(Expectation, usize), Vec<Diagnostic>> {
    let mut problems = Problems::default();
    let read = Expectation::read(&node(yaml), FIELDS, &mut problems);
    match read {
        Some(read) if problems.diagnostics.is_empty() => Ok((read, problems.templates.len())),
        _ => Err(problems.diagnostics),
    }
}

fn judged(yaml: &str, usual: &[Usual]) -> Vec<Fault> {
    let (expectation, _) = read(yaml).unwrap_or_else(|problems| panic!("{yaml}: {problems:?}"));
    let scope = Scope {
        values: [
            ("name".to_owned(), std::sync::Arc::new(json!("core1"))),
            ("n".to_owned(), std::sync::Arc::new(json!(2))),
        ]
        .into(),
        answers: [(Question::File("golden.txt".into(), None), json!("one\nt[..]o\n"))].into(),
        ..Scope::default()
    };
    expectation
        .judge(&outputs(), &scope, usual)
        .unwrap_or_else(|why| panic!("{yaml}: {why:?}"))
}

#[track_caller]
fn holds(yaml: &str) {
    let faults = judged(yaml, &[]);
    assert!(faults.is_empty(), "{yaml}: {faults:#?}");
}

fn told(fault: &Fault) -> String {
    let place = fault
        .place
        .as_ref()
        .map_or(String::new(), |place| format!("{}:{} ", place.line, place.column));
    let kind = if fault.kind == FaultKind::Error { "error: " } else { "" };
    let shown = |text: &Option<String>| text.clone().unwrap_or_default();
    let hint = fault.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
    format!(
        "{place}{kind}{} [{} | {}]{hint}",
        fault.message,
        shown(&fault.expected),
        shown(&fault.actual)
    )
}

#[track_caller]
fn fails(yaml: &str, expected: &[&str]) {
    let faults: Vec<String> = judged(yaml, &[]).iter().map(told).collect();
    assert_eq!(faults, expected, "{yaml}");
}

#[track_caller]
fn refused(yaml: &str, expected: &str) {
    let problems = read(yaml).err().unwrap_or_else(|| panic!("{yaml} was accepted"));
    let line = |problem: &Diagnostic| {
        let place = problem.span.place();
        let help = problem.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
        format!("{}:{} {}{help}", place.line, place.column, problem.message)
    };
    assert_eq!(problems.iter().map(line).collect::<Vec<_>>().join("\n"), expected);
}

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
fn what_a_number_never_is_is_told_when_it_is_read() {
    for (yaml, told) in [
        (
            "status: 99999",
            "1:9 `status` is never `99999` (it is a whole number from 100 to 999)",
        ),
        (
            "status: {not: 99}",
            "1:15 `status` is never `99` (it is a whole number from 100 to 999)",
        ),
        (
            "status: {one-of: [200, 0]}",
            "1:24 `status` is never `0` (it is a whole number from 100 to 999)",
        ),
        (
            "status: {ge: 1000}",
            "1:14 `status` is never at least `1000` (it is a whole number from 100 to 999)",
        ),
        (
            "status: 200.5",
            "1:9 `status` is never `200.5` (it is a whole number from 100 to 999)",
        ),
        (
            "exit: {lt: 0}",
            "1:12 `exit` is never less than `0` (it is a whole number, 0 or more)",
        ),
        (
            "stdout: {length: {le: -1}}",
            "1:23 the length of `stdout` is never at most `-1` (it is a whole number, 0 or more)",
        ),
        (
            "duration: {lt: 0s}",
            "1:16 `duration` is never less than `0s` (no time is less than 0s)",
        ),
    ] {
        refused(yaml, told);
    }
    for yaml in [
        "status: {lt: 999.5}",
        "status: {ge: 100, le: 999}",
        "exit: {ge: 0}",
        "status: \"${{ n }}\"",
        "json: {size: -1}",
        "max_outage: {le: 0s}",
    ] {
        assert!(read(yaml).is_ok(), "{yaml}");
    }
}

#[test]
fn what_holds() {
    for yaml in [
        "stdout: |\n  one\n  two\n",
        "{exit: 0, healthy: true, duration: 1.5s, nodes: [core1, core2], stages: [2, 4, 6], lines: [first 1, second 2]}",
        "stdout: {contains: [one, two], matches: '(?m)^two$', starts-with: one, ends-with: two, empty: false, exists: true}",
        "stdout: {lines: {length: 2, contains: two, all: {matches: o}, any: {equals: one}}, length: 7, not: {contains: three}}",
        "stdout: {lines: [one, two], one-of: [x, \"one\\ntwo\"], golden: golden.txt}",
        "exit: {lt: 1, ge: 0, le: 0, one-of: [0, 1], not: 3}",
        "exit: any",
        "duration: {lt: 2s, ge: 1500ms, not: {lt: 1s}}",
        "max-outage: {lt: 1s}",
        "max_outage: 250ms",
        "headers: {Content-Type: {contains: json}, x-none: {exists: false}, length: 1}",
        "headers: {includes: {content-type: application/json}}",
        "json: {$.members: {length: 2}, leader.name: {one-of: [core1, core3]}, members.1.port: 2, members.-1.name: core2}",
        "json: {'$.members[*].name': [core1, core2], '$.members[?@.port==2].name': {contains: core2}, $.length: 7, length: 9}",
        "json: {includes: {leader: {role: master}, members: [{name: core2}]}}",
        "json: {leader: {equals: {role: master, name: core1}}}",
        "json: {size: {lt: 4KiB, ge: 2KiB}, at: {gt: \"2026-11-20T10:59:00+01:00\"}, took: {gt: 1m, lt: 2m}, none: ~}",
        "json: {nope: {exists: false}, list: {empty: true}, nope.x: {not: {exists: true}}, members: {all: {includes: {}}}}",
        "json: {leader.name: \"${{ name }}\", members.1.port: \"${{ n }}\"}",
        "stdout: {any: [{contains: nope}, {contains: two}]}",
        "stdout: {all: [{contains: one}, {not: {contains: nope}}]}",
        "nodes: {contains: core1, length: 2, not: [core1]}",
        "stages: {contains: 4, any: {ge: 6}, all: {ge: 2}}",
        "{error: {exists: false}}",
    ] {
        holds(yaml);
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
fn a_matcher_that_hides_a_key_of_its_name_says_how_to_reach_the_key() {
    let hint = " (`length` is the matcher here: for the key of that name write its path from the root, like `$.length`, or compare the whole by `equals`)";
    let told = format!("1:16 the length of `json` is not what was expected [7 | 9]{hint}");
    fails("json: {length: 7}", &[&told]);
}

#[track_caller]
fn usually(yaml: &str, outputs: &Value, usual: &[Usual], expected: &[&str]) {
    let expectation = match yaml {
        "" => Expectation::none(&node("a").span),
        yaml => read(yaml).unwrap().0,
    };
    let faults = expectation.judge(outputs, &Scope::default(), usual).unwrap();
    let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(messages, expected, "{yaml}");
}

#[test]
fn what_is_usual_must_hold_unless_it_is_lifted() {
    let exited = json!({"exit": 2, "stdout": "a"});
    usually("stdout: a", &exited, EXIT_ZERO, &["`exit` is 2"]);
    usually("{stdout: a, exit: any}", &exited, EXIT_ZERO, &[]);
    usually("exit: 2", &exited, EXIT_ZERO, &[]);
    usually("", &json!({"status": 204}), HTTP_SUCCESS, &[]);
    usually(
        "json: {exists: false}",
        &json!({"status": 404}),
        HTTP_SUCCESS,
        &["`status` is 404"],
    );
    usually("status: 404", &json!({"status": 404}), HTTP_SUCCESS, &[]);
    let refused = json!({"error": "refused"});
    usually(
        "status: 200",
        &refused,
        HTTP_SUCCESS,
        &["`error` is refused", "`status` is not there"],
    );
    usually("error: refused", &refused, HTTP_SUCCESS, &[]);
    usually("", &refused, HTTP_SUCCESS, &["`error` is refused"]);
    usually("", &json!({"count": 0}), COUNT_SOME, &["`count` is 0"]);
}

#[test]
fn whole_numbers_are_compared_exactly() {
    let found = json!({"json": {"id": 9_007_199_254_740_993_i64, "most": u64::MAX, "half": 2.5}, "stdout": "9007199254740993\n"});
    let not = |what: &str| format!("{what} is not what was expected");
    for (yaml, expected) in [
        (
            "json: {id: 9007199254740993, most: 18446744073709551615, half: {gt: 2, lt: 3}}",
            vec![],
        ),
        (
            "json: {id: {le: 9007199254740993, gt: 9007199254740992, ge: 9007199254740992.0}}",
            vec![],
        ),
        ("json: {id: 9007199254740992}", vec![not("`id` of `json`")]),
        ("json: {id: 9007199254740992.0}", vec![not("`id` of `json`")]),
        ("json: {most: 18446744073709551614}", vec![not("`most` of `json`")]),
        (
            "json: {id: {one-of: [9007199254740992, 9007199254740994]}}",
            vec!["`id` of `json` is `9007199254740993`, which is none of those expected".to_owned()],
        ),
        (
            "stdout: {le: 9007199254740992}",
            vec!["`stdout` is `9007199254740993\n`, not at most 9007199254740992".to_owned()],
        ),
    ] {
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        usually(yaml, &found, &[], &expected);
    }
}

#[test]
fn of_an_answer_that_is_no_json_no_path_holds() {
    let found = json!({"stdout": "oops"});
    let why = "`a` of `json` is not there: what was given is no JSON";
    for yaml in [
        "json: {a: {exists: false}}",
        "json: {a: {not: {exists: true}}}",
        "json: {any: [{a: {exists: false}}]}",
    ] {
        let expectation = read(yaml).unwrap().0;
        let faults = expectation.judge(&found, &Scope::default(), &[]).unwrap();
        assert!(!faults.is_empty(), "{yaml}");
    }
    usually("json: {a: {exists: false}}", &found, &[], &[why]);
    usually("json: {a: {not: {exists: true}}}", &found, &[], &[why]);
    usually(
        "json: {not: {a: {exists: true}}}",
        &found,
        &[],
        &["`json` is not there"],
    );
    usually("json: {exists: false}", &found, &[], &[]);
    let none = "`x` of `headers` is not there: there is no `headers` at all";
    usually("headers: {x: {exists: false}}", &found, &[], &[none]);
}

#[test]
fn a_path_that_matches_nothing_is_not_there_but_empty() {
    let found = json!({"json": {"list": [{"a": 1}]}});
    let nothing = "`$.nosuch[*].leader` of `json` matches nothing";
    for matcher in [
        "{exists: true}",
        "{not: bad}",
        "{not: {contains: bad}}",
        "{not: {exists: false}}",
        "[a]",
        "bad",
        "{contains: bad}",
        "{all: {ge: 1}}",
        "{not: {all: {ge: 1}}}",
        "{includes: []}",
        "{empty: false}",
        "{not: {empty: true}}",
        "{length: {ge: 1}}",
    ] {
        let expectation = read(&format!("json: {{'$.nosuch[*].leader': {matcher}}}")).unwrap().0;
        let faults = expectation.judge(&found, &Scope::default(), &[]).unwrap();
        assert_eq!(faults.len(), 1, "{matcher}");
    }
    usually("json: {'$.nosuch[*].leader': {not: bad}}", &found, &[], &[nothing]);
    usually("json: {'$.nosuch[*].leader': {exists: true}}", &found, &[], &[nothing]);
    for matcher in [
        "{exists: false}",
        "{length: 0}",
        "{empty: true}",
        "[]",
        "{equals: []}",
        "{not: {empty: false}}",
    ] {
        usually(&format!("json: {{'$.nosuch[*].leader': {matcher}}}"), &found, &[], &[]);
    }
}

#[test]
fn what_every_text_fits_is_an_error_also_where_it_is_computed() {
    let scope = Scope {
        values: [("e".to_owned(), std::sync::Arc::new(json!("")))].into(),
        ..Scope::default()
    };
    let empty = "everything contains an empty text";
    let nothing = "the regular expression `` fits every text: it may match nothing at all";
    for (matcher, expected) in [
        ("contains: \"${{ e }}\"", empty),
        ("contains: [one, \"${{ e }}\"]", empty),
        ("starts-with: \"${{ e }}\"", empty),
        ("ends-with: \"${{ e }}\"", empty),
        ("matches: \"${{ e }}\"", nothing),
        ("not: {matches: \"${{ e }}\"}", nothing),
    ] {
        let expectation = read(&format!("stdout: {{{matcher}}}")).unwrap().0;
        let Unrendered::Failed { message, .. } = expectation.judge(&outputs(), &scope, &[]).unwrap_err() else {
            panic!("{matcher} asks for more");
        };
        assert_eq!(message, expected, "{matcher}");
    }
    for yaml in ["{contains: \"${{ e }}\"}", "{matches: \"${{ e }}\"}"] {
        assert!(line(yaml).unwrap().ready(&scope).is_err(), "{yaml}");
    }
}

#[test]
fn a_regular_expression_that_may_match_nothing_checks_nothing() {
    for pattern in ["", "x*", "a|", "^", "$", "(\\d+)?", "\\w*", "(?i)(error)?", "^x*"] {
        assert!(super::vacuous::fits_all(pattern).is_some(), "{pattern}");
    }
    for pattern in [
        "x", ".*", "^.*$", "(?s).*", "^$", "^\\s*$", "x*y", "^(a|b)?$", "\\b", ".",
    ] {
        assert_eq!(super::vacuous::fits_all(pattern), None, "{pattern}");
    }
}

#[test]
fn a_value_that_is_no_number_is_wrong_and_not_an_error_and_its_contrary_does_not_hold() {
    let found = json!({"stdout": "ERROR"});
    let why = "`stdout` cannot be compared: \"ERROR\" is neither a number nor a size, a duration, an RFC 3339 time or a version";
    for yaml in ["stdout: {gt: 9}", "stdout: {not: {gt: 9}}"] {
        let expectation = read(yaml).unwrap().0;
        let faults = expectation.judge(&found, &Scope::default(), &[]).unwrap();
        assert_eq!(
            (faults[0].message.as_str(), faults[0].kind),
            (why, FaultKind::Failure),
            "{yaml}"
        );
    }
    let expectation = read("stdout: {gt: \"${{ x }}\"}").unwrap().0;
    let scope = Scope {
        values: [("x".to_owned(), std::sync::Arc::new(json!("soon")))].into(),
        ..Scope::default()
    };
    let faults = expectation.judge(&json!({"stdout": "7"}), &scope, &[]).unwrap();
    assert_eq!(faults[0].kind, FaultKind::Error);
}

#[test]
fn sizes_lists_and_final_newlines_are_compared_as_they_are_meant() {
    let found = json!({"exit": 2048, "stdout": "a\r", "json": {"list": ["a", {"b": 1, "c": 2}, {"b": 1}]}});
    usually("exit: 2KiB", &found, &[], &[]);
    usually("exit: {one-of: [1KiB, 2KiB]}", &found, &[], &[]);
    usually("exit: 3KiB", &found, &[], &["`exit` is not what was expected"]);
    usually("stdout: a", &found, &[], &["`stdout` is not what was expected"]);
    usually("stdout: a", &json!({"stdout": "a\r\n"}), &[], &[]);
    usually("json: {list: {includes: [{b: 1}, {c: 2}, a]}}", &found, &[], &[]);
    let twice = "`list` of `json` does not include what was expected";
    usually("json: {list: {includes: [a, a]}}", &found, &[], &[twice]);
    usually(
        "json: {list: {includes: [{b: 1}, {b: 1}, {b: 1}]}}",
        &found,
        &[],
        &[twice],
    );
}

#[test]
fn traps_are_told_at_check() {
    refused("stdout: {starts-with: ''}", "1:23 everything contains an empty text");
    refused("stdout: {contains: [a, '']}", "1:20 everything contains an empty text");
    refused(
        "stdout: {matches: 'x*'}",
        "1:19 the regular expression `x*` fits every text: it may match nothing at all",
    );
    refused(
        "stdout: 3.10",
        "1:9 `3.10` is a number to YAML, and `stdout` is text (write `'3.10'`)",
    );
    refused(
        "stdout: {contains: [a, 012], starts-with: yes, ends-with: true}",
        "1:24 `012` is a number to YAML, and what `stdout` contains is text (write `'012'`)\n1:59 `true` is a boolean to YAML, and `stdout` is text (write `'true'`)",
    );
    refused(
        "stdout: {one-of: [1, a]}",
        "1:19 `1` is a number to YAML, and `stdout` is text (write `'1'`)",
    );
    refused(
        "nodes: core1",
        "1:8 expected a list of names, found text (write `[core1]` or `{contains: core1}`)",
    );
    refused(
        "stdout:",
        "1:8 no value is expected here (write `{empty: true}` or `{exists: false}`)",
    );
    refused("exit: '0'", "1:7 expected a number, found text (take the quotes away)");
    refused(
        "duration: 5",
        "1:11 expected a duration (`250ms`, `30s`), found a number (write its unit, and a limit rather than the value: `{le: 5s}`)",
    );
    refused(
        "duration: {lt: 5}",
        "1:16 expected a duration, found a number (write `5s` for seconds)",
    );
    refused(
        "exit: {lt: soon}",
        "1:12 expected a number or a size (`64KiB`), found text",
    );
    refused("stdout: {contains: ''}", "1:20 everything contains an empty text");
    refused(
        "stdout: {{ x }}",
        "1:9 `{{ … }}` without quotes is a mapping, not text (quote it: `\"${{ x }}\"` for an expression, `\"{{ x }}\"` for the text itself)",
    );
}

#[test]
fn unknown_words_are_told_with_what_there_is() {
    let matchers = crate::diagnostic::known_names("", &super::read::MATCHERS);
    refused(
        "stdot: a",
        "1:1 unknown field of the result `stdot` (there is `exit`, `stdout`, `json`, `headers`, `duration`, `healthy`, `nodes`, `stages`, `lines`, `max_outage`, `error`, `status`; did you mean `stdout`?)",
    );
    refused(
        "stdout: {contain: a}",
        &format!("1:10 unknown matcher `contain` ({matchers}; did you mean `contains`?)"),
    );
    refused(
        "json: {a: {contain: b}}",
        &format!(
            "1:12 unknown matcher `contain` ({matchers}; did you mean `contains`? If not: to compare with a mapping write `{{equals: …}}` or `{{includes: …}}`)"
        ),
    );
    refused(
        "exit: {contains: 1}",
        "1:8 `contains` cannot judge `exit`, which is a number (it is judged by `equals`, `one-of`, `lt`, `le`, `gt`, `ge`, `exists`, `not`, `all`, `any`)",
    );
    refused(
        "stdout: {matches: 'a('}",
        "1:19 the regular expression `a(` is wrong: unclosed group",
    );
    refused(
        "json: {'$.a[': b, 'a[0]': c, a..b: d}",
        "1:8 `$.a[` is no JSONPath (a path is like `$.members[0].name` (RFC 9535))\n\
         1:19 `a[0]` is no dotted path (write `$.a[0]`, or `a.0`)\n\
         1:30 `a..b` has an empty part (a path is like `members.0.name`; write `$['a.b']` for a key with a dot)",
    );
    refused(
        "stdout: {}",
        "1:9 a mapping without a matcher expects nothing (to compare with an empty mapping write `{equals: {}}`)",
    );
    refused(
        "{}",
        "1:1 nothing is expected here (name a field of the result, or leave `expect` out)",
    );
    refused(
        "[a]",
        "1:1 expected a mapping of what is expected, found a list (its keys are `exit`, `stdout`, `json`, `headers`, `duration`, `healthy`, `nodes`, `stages`, `lines`, `max_outage`, `error`, `status`)",
    );
    refused(
        "stdout: {golden: {file: a, replace: [{matches: '(', with: b}]}}",
        "1:48 the regular expression `(` is wrong: unclosed group",
    );
    refused(
        "stdout: {all: {equals: a}}",
        "1:15 `stdout` is text and has no items (with a list of matchers it judges the value, with one matcher the items of a list)",
    );
    refused("stdout: {any: []}", "1:15 no matcher is in this list");
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
fn sorted_lines_fit_wherever_what_stands_for_any_text_puts_them() {
    let check = |expected: &str, actual: &str, fitted: &str| {
        assert_eq!(
            golden::fitted_anywhere(expected, actual),
            fitted,
            "{expected:?} {actual:?}"
        );
    };
    check("[..] b\nc\n", "c\nz b\n", "[..] b\nc\n");
    // Each stands for one line, and as many as can be have theirs.
    check("[..]c\nab[..]\n", "abc\nabd\n", "[..]c\nab[..]\n");
    check("a[..]\na1\n", "a1\na2\n", "a1\na[..]\n");
    check("a[..]\n", "a1\na2\n", "a2\na[..]\n");
    check("a[..]\na[..]\n", "a1\na2\n", "a[..]\na[..]\n");
}

#[test]
fn a_golden_file_is_compared_after_replacements() {
    let yaml = "stdout: {golden: {file: '${{ name }}.txt', replace: [{matches: '\\d+ms', with: '[TIME]'}]}}";
    let (expectation, templates) = read(yaml).unwrap();
    // The file alone: a text without an expression has no names.
    assert_eq!(templates, 1);
    let mut scope = Scope {
        values: [("name".to_owned(), std::sync::Arc::new(json!("out")))].into(),
        ..Scope::default()
    };
    let outputs = json!({"stdout": "a 12ms\nb x c\nd"});
    let file = Question::File("out.txt".into(), None);
    assert_eq!(
        expectation.judge(&outputs, &scope, &[]).unwrap_err(),
        Unrendered::Needs(vec![file.clone()])
    );
    let goldens = expectation.goldens(&outputs, &scope).unwrap();
    assert_eq!(
        (goldens[0].file.as_str(), goldens[0].text.as_str()),
        ("out.txt", "a [TIME]\nb x c\nd\n")
    );
    scope.answers.insert(file.clone(), json!("a [TIME]\nb [..] c\nd\n"));
    assert_eq!(expectation.judge(&outputs, &scope, &[]).unwrap(), []);
    scope.answers.insert(file, json!("a [TIME]\nb [..] c\ne\n"));
    let fault = expectation.judge(&outputs, &scope, &[]).unwrap().remove(0);
    assert_eq!(fault.message, "`stdout` differs from `out.txt`");
    assert_eq!(
        fault.diff.unwrap(),
        "--- expected\n+++ actual\n@@ -1,3 +1,3 @@\n a [TIME]\n b [..] c\n-e\n+d\n"
    );
    assert_eq!(fault.hint.unwrap(), "`--update` makes `out.txt` what was found");
}

#[test]
fn a_wildcard_stands_for_any_text_of_a_line() {
    for (pattern, line, fits) in [
        ("a[..]b", "a x b", true),
        ("a[..]b", "ab", true),
        ("a[..]b", "a", false),
        ("[..]", "", true),
        ("[..]b[..]", "abc", true),
        ("a[..]b[..]b", "ab", false),
        ("ab", "ab", true),
        ("ab", "abc", false),
        ("[..]x", "axbx", true),
    ] {
        assert_eq!(golden::fits(pattern, line), fits, "{pattern} {line}");
    }
}

fn line(yaml: &str) -> Result<LineMatcher, String> {
    let mut problems = Problems::default();
    let read = LineMatcher::read(&node(yaml), &mut problems);
    let told = || {
        problems
            .diagnostics
            .iter()
            .map(|problem| problem.message.clone())
            .collect::<Vec<_>>()
    };
    read.ok_or_else(|| told().join("; "))
}

fn pattern(yaml: &str) -> LinePattern {
    line(yaml).unwrap().ready(&Scope::default()).unwrap()
}

#[test]
fn a_condition_on_a_line_finds_its_place() {
    assert_eq!(pattern("a.b").find("xa.b"), Some(1..4));
    assert_eq!(pattern("a.b").find("xaab"), None);
    assert_eq!(pattern("{matches: 'a.b$'}").find("xaab"), Some(1..4));
    assert_eq!(pattern("{contains: \"${{ 1 + 1 }}\"}").find("a2"), Some(1..2));
    let version = pattern("{matches: 'v(?<version>\\S+)'}");
    assert_eq!(version.groups(b"\xff v1.2 x").unwrap()["version"], json!("1.2"));
    assert_eq!(version.shown(), "matches `v(?<version>\\S+)`");
    let mut problems = Problems::default();
    let ignored = Ignored::read(&node("{contains: a, reason: known noise}"), &mut problems).unwrap();
    assert_eq!(ignored.reason.as_deref(), Some("known noise"));
}

#[test]
fn a_bad_condition_on_a_line_is_told() {
    for (yaml, expected) in [
        ("{matches: '('}", "the regular expression `(` is wrong: unclosed group"),
        ("12", "`12` is a number to YAML, and a line of a log is text"),
        ("''", "an empty text is in every line"),
        (
            "{matches: 'x*'}",
            "the regular expression `x*` fits every text: it may match nothing at all",
        ),
        ("{contains: a, matches: b}", "expected either `contains` or `matches`"),
        ("{contian: a}", "unknown key in a condition on a line, `contian`"),
        (
            "{contains: a, reason: b}",
            "unknown key in a condition on a line, `reason`",
        ),
        ("[a]", "expected text, found a list"),
    ] {
        assert_eq!(line(yaml).map(|_| ()).unwrap_err(), expected);
    }
}

#[test]
fn the_schema_takes_what_is_read() {
    let generator = schemars::generate::SchemaSettings::draft07().into_generator();
    let mut whole = generator;
    let schema = Expectation::schema_of(FIELDS, &mut whole);
    let mut schema = schema;
    schema["definitions"] = Value::Object(whole.take_definitions(true));
    let validator = jsonschema::draft7::new(&schema).unwrap();
    for yaml in [
        "exit: any",
        "stdout: {lines: {length: 2, all: {matches: o}}, golden: {file: a}}",
        "json: {a.b: {ge: 1}, includes: {a: 1}}",
        "max-outage: 1s",
    ] {
        assert!(validator.is_valid(&node(yaml).value()), "{yaml}");
        assert!(read(yaml).is_ok(), "{yaml}");
    }
    for yaml in [
        "stdot: a",
        "stdout: {contain: a}",
        "json: {a: {contain: b}}",
        "{}",
        "stdout: {}",
    ] {
        assert!(!validator.is_valid(&node(yaml).value()), "{yaml}");
        assert!(read(yaml).is_err(), "{yaml}");
    }
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
