//! What is refused before anything starts, and what an answer becomes.

use std::time::Duration;

use serde_json::json;

use super::Http;
use super::answer::{outputs, shown};
use crate::diagnostic::Source;
use crate::net::{HttpAnswer, HttpRequest};
use crate::scenario::Files;
use crate::shape::{Named, Problems, Shape};
use crate::step::balance_assert::BalanceAssert;
use crate::step::tcp::Tcp;
use crate::step::{Binder, StackNames, Static, Written};
use crate::template::Scope;

fn answer(body: &[u8]) -> HttpAnswer {
    HttpAnswer {
        status: 200,
        headers: [("content-type".to_owned(), "text/plain".to_owned())].into(),
        body: body.to_vec().into(),
        length: body.len() as u64,
        duration: Duration::from_millis(1500),
    }
}

fn check(body: &[u8], expected: serde_json::Value) {
    let request = HttpRequest {
        method: "GET".into(),
        url: "http://bob:secret@web:80/x".into(),
        ..HttpRequest::default()
    };
    let mut found = outputs(&request, &answer(body));
    let fields = found.as_object_mut().unwrap();
    assert_eq!(fields.remove("request"), Some(json!("GET http://web/x")));
    assert_eq!(fields.remove("headers"), Some(json!({"content-type": "text/plain"})));
    assert_eq!(fields.remove("duration"), Some(json!(1.5)));
    assert_eq!(fields.remove("status"), Some(json!(200)));
    assert_eq!(found, expected);
}

#[test]
fn json_is_there_only_when_the_body_is_json() {
    check(
        br#"{"b": 1, "a": [2]}"#,
        json!({"body": r#"{"b": 1, "a": [2]}"#, "json": {"b": 1, "a": [2]}}),
    );
    check(b"12\n", json!({"body": "12\n", "json": 12}));
    check(b"{} trailing", json!({"body": "{} trailing"}));
    check(b"a\xffb", json!({"body": "a\u{fffd}b"}));
    check(b"", json!({"body": ""}));
}

#[test]
fn a_failure_shows_the_answer_and_why_it_is_no_json_where_that_is_wanted() {
    let told = |body: &[u8], wants_json: bool| {
        let request = HttpRequest {
            method: "GET".into(),
            url: "http://web".into(),
            ..HttpRequest::default()
        };
        shown(&outputs(&request, &answer(body)), wants_json)
            .into_iter()
            .map(|fact| format!("{}: {}", fact.title, fact.text))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(b"1", true),
        ["answer: GET http://web/\nstatus 200\ncontent-type: text/plain\n\n1"]
    );
    assert_eq!(
        told(b"<html>", true)[1],
        "`json`: the body is no JSON: expected value at line 1 column 1"
    );
    assert_eq!(told(b"<html>", false).len(), 1);
    assert!(told(&[b'x'; 100_000], true)[0].len() < 4096);
    let error = shown(
        &json!({"error": "refused", "reason": "nobody listens", "request": "GET http://web/"}),
        true,
    );
    assert_eq!(
        (error[0].title.as_str(), error[0].text.as_str()),
        ("no answer", "GET http://web/\nnobody listens")
    );
}

/// Reads and binds a step's value; gives back its title and every problem.
fn bound<T: Shape + Written>(text: &str) -> Vec<String> {
    let node = crate::yaml::parse(&Source::new("a.yaml", text)).unwrap();
    let mut problems = Problems::default();
    let shop = StackNames {
        name: "shop".into(),
        services: [("web".to_owned(), Some(vec![80]))].into(),
        ..StackNames::default()
    };
    let partial = crate::scenario::Partial::default();
    let own = crate::step::OwnNames::default();
    let fixed = Static {
        own: &own,
        partial: &partial,
        stacks: &[shop],
        images: &[],
        env: &[],
        matrix: &[],
        literal: &std::collections::BTreeSet::new(),
        hidden: &crate::mask::Masks::default(),
        files: &Files::default(),
        elsewhere: None,
        limits: &Named::default(),
    };
    let mut binder = Binder::new(&fixed, Scope::default(), "/".into());
    let mut told = Vec::new();
    if let Some(read) = T::read(&node, &mut problems) {
        told.push(read.title());
        let _ = read.bind(&mut binder);
    }
    let all = problems.diagnostics.into_iter().chain(binder.problems);
    told.extend(all.map(|problem| format!("{}: {}", problem.span.place().column, problem.message)));
    told
}

#[track_caller]
fn check_http(text: &str, expected: &[&str]) {
    assert_eq!(bound::<Http>(text), expected, "{text}");
}

#[test]
fn http_takes_one_url_and_one_body() {
    check_http("http://web/", &["GET http://web/"]);
    check_http(
        "{post: \"${{ url('web', 80) }}/a\", json: {a: 1}}",
        &["POST ${{ url('web', 80) }}/a"],
    );
    check_http("{json: {a: 1}}", &["", "1: `http` asks nothing: its URL is missing"]);
    check_http(
        "{get: http://a/, head: http://b/}",
        &[
            "GET http://a/",
            "24: `http` asks one question, and these are two: GET and HEAD",
        ],
    );
    check_http(
        "web:80/a",
        &[
            "GET web:80/a",
            "1: `web:80/a` begins with neither `http://` nor `https://`",
        ],
    );
    check_http(
        "{put: http://a/, json: 1, body: x}",
        &["PUT http://a/", "33: `json` and `body`: a question has one body"],
    );
    check_http(
        "{get: http://a/, tls: {cert: a.pem}}",
        &[
            "GET http://a/",
            "23: `cert` and `key` belong together, and one is missing",
        ],
    );
    check_http("{get: http://a/, inside: web}", &["GET http://a/"]);
    check_http(
        "{get: http://a/, inside: wep}",
        &["GET http://a/", "26: unknown service or container `wep`"],
    );
    check_http(
        "{gett: http://a/}",
        &[
            "",
            "2: unknown key in `http`, `gett`",
            "1: `http` asks nothing: its URL is missing",
        ],
    );
}

#[track_caller]
fn check_tcp(text: &str, expected: &[&str]) {
    assert_eq!(bound::<Tcp>(text), expected, "{text}");
}

#[test]
fn tcp_takes_an_address_or_a_service_with_its_port() {
    check_tcp("127.0.0.1:80", &["127.0.0.1:80"]);
    check_tcp("{service: web, port: 80, until: hello}", &["web:80"]);
    check_tcp("{service: web}", &["web", "11: `port` is missing"]);
    check_tcp("{service: wep, port: 80}", &["wep:80", "11: unknown service `wep`"]);
    check_tcp("{address: a:1, port: 80}", &["a:1", "1: one address is wanted"]);
    check_tcp(
        "{address: 'db:1', inside: wep}",
        &["db:1", "27: unknown service or container `wep`"],
    );
    check_tcp(
        "{service: web, port: 80, inside: web}",
        &["web:80", "34: `service` is asked from this machine"],
    );
    check_tcp("{send: x}", &["", "1: one address is wanted"]);
}

#[track_caller]
fn check_balance(text: &str, expected: &[&str]) {
    assert_eq!(bound::<BalanceAssert>(text), expected, "{text}");
}

#[test]
fn balance_assert_takes_the_keys_of_http_and_its_own() {
    check_balance(
        "{get: http://a/, requests: 6, distinct: 2, least: 3}",
        &["GET http://a/"],
    );
    check_balance(
        "{get: http://a/, requests: 6}",
        &["GET http://a/", "1: `balance-assert` checks nothing"],
    );
    check_balance(
        "{get: http://a/, requests: 5, distinct: 2, least: 3}",
        &["GET http://a/", "28: 5 requests cannot give 6 answers"],
    );
    check_balance("{get: http://a/, distinct: 2}", &["18: `requests` is missing"]);
    check_balance(
        "{get: http://a/, requests: 6, distinkt: 2, least: 1}",
        &["GET http://a/", "31: unknown key in `balance-assert`, `distinkt`"],
    );
    check_balance("http://a/", &["1: expected a mapping (`balance-assert`), found text"]);
}
