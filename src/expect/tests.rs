//! Expectations as data: what is written, what was found, what is told. Long because it is a table: a line or a few are a case.

mod lines;
mod refused;
mod told;

use serde_json::{Value, json};

use lines::line;

use super::{COUNT_SOME, EXIT_ZERO, Expectation, Field, FieldKind, HTTP_SUCCESS, Usual};
use crate::diagnostic::{Diagnostic, Source};
use crate::event::{Fault, FaultKind};
use crate::shape::Problems;
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
