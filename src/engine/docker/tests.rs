//! The client against small servers of its own: what it writes, what it trusts, and what it tells of other answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Docker, Endpoint};
use crate::engine::command::{Surroundings, Tools};
use crate::engine::{Engine, EngineResult, Listed, Reason, ResourceKind, Tool, ToolCall};
use crate::host::{NoGroups, RealHost};
use crate::net::tests::{Certificates, Does, Server};

/// An answer to every question, whatever it is.
fn always(status: &str, body: &str) -> Does {
    Does::Answers(answer(status, body))
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    (head + body).into_bytes()
}

async fn connect(server: &Server) -> EngineResult<Docker> {
    let host = Some(format!("tcp://{}", server.address));
    Docker::connect(&Endpoint {
        host,
        ..Endpoint::default()
    })
    .await
}

#[tokio::test]
async fn every_call_asks_for_the_negotiated_version() {
    let server = Server::new(always("200 OK", "{}")).await;
    let engine = connect(&server).await.unwrap();
    engine.pause("a b/c?d").await.unwrap();
    engine.inspect("a").await.unwrap();
    drop(engine.events(None).await.unwrap());
    let asked = server.asked();
    let first_lines: Vec<&str> = asked.iter().filter_map(|asked| asked.lines().next()).collect();
    let expected = [
        "GET /_ping HTTP/1.1",
        "POST /v1.41/containers/a%20b%2Fc%3Fd/pause HTTP/1.1",
        "GET /v1.41/containers/a/json HTTP/1.1",
        "GET /v1.41/events HTTP/1.1",
    ];
    assert_eq!(first_lines, expected);
    let host = format!("host: {}\r\n", server.address);
    assert!(
        asked.iter().all(|asked| asked.to_lowercase().contains(&host)),
        "{asked:?}"
    );
}

#[tokio::test]
async fn what_is_on_a_network_that_is_to_go_is_taken_off_by_the_name_that_the_engine_knows() {
    let server = Server::new(Does::AnswersTo(|question| {
        if question.starts_with("DELETE ") {
            return answer("403 Forbidden", r#"{"message": "network n has active endpoints"}"#);
        }
        answer(
            "200 OK",
            r#"{"Containers": {"c1": {"Name": "web"}, "ep-1": {"Name": "db"}, "ingress-sbox": {"Name": "gateway_ingress-sbox"}}}"#,
        )
    }))
    .await;
    let engine = connect(&server).await.unwrap();
    engine.remove(ResourceKind::Network, "n").await.unwrap_err();
    let asked = server.asked();
    let bodies = asked
        .iter()
        .filter(|asked| asked.starts_with("POST /v1.41/networks/n/disconnect "));
    let taken = bodies.map(|asked| asked.split_once("\r\n\r\n").unwrap().1.to_owned());
    let taken: BTreeSet<String> = taken.collect();
    let expected = ["c1", "db", "gateway_ingress-sbox"];
    let expected = expected.map(|name| format!(r#"{{"Container":"{name}","Force":true}}"#));
    assert_eq!(taken, BTreeSet::from(expected));
}

/// What a program with the name of docker-compose, of this version, sees as the version that it is to speak to an engine.
async fn check_compose(version: &str, speaks: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("docker-compose");
    let text = format!("#!/bin/sh\n[ \"$1\" = version ] && echo {version} || echo \"speaks $COMPOSE_API_VERSION\"\n");
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let surroundings = Surroundings {
        path: folder.path().display().to_string(),
        ..Surroundings::default()
    };
    let answer =
        format!("HTTP/1.1 200 OK\r\nApi-Version: {speaks}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}");
    let server = Server::new(Does::Answers(answer.into_bytes())).await;
    let host = Arc::new(RealHost::new(Arc::new(NoGroups)));
    let tools = Tools::new(host, &surroundings, &Endpoint::default());
    let call = ToolCall {
        tool: Tool::Compose,
        arguments: vec!["up".to_owned()],
        env: BTreeMap::new(),
        folder: "/".into(),
        stdin: None,
        limit: Duration::from_secs(20),
    };
    let engine = connect(&server).await.unwrap().with_tools(Arc::new(tools));
    let ended = engine.tool(call, Arc::new(|_, _| ())).await.unwrap();
    assert_eq!(ended.stdout, format!("{expected}\n"), "{version} {speaks}");
}

#[tokio::test]
async fn docker_compose_1_speaks_a_version_that_tells_all_that_it_asks() {
    check_compose("1.29.2", "1.51", "speaks 1.44").await;
    check_compose("1.29.2", "1.41", "speaks 1.41").await;
    check_compose("2.40.3", "1.51", "speaks ").await;
}

#[tokio::test]
async fn an_id_is_told_as_the_docker_tools_show_it() {
    let id = "0123456789abcdef".repeat(4);
    let server = Server::new(always("200 OK", "{}")).await;
    let engine = connect(&server).await.unwrap();
    drop(server);
    let why = engine.pause(&id).await.unwrap_err();
    assert!(why.attempt == "pause container `0123456789ab`", "{why}");
    // What only looks like an id may be a hidden value: it stays whole, so that it can be hidden.
    let token = "89abcdef01234567".repeat(4);
    let attempt = format!("run `{token}` in container `{id}`");
    let why = super::error(&attempt, format!("no `{token}` in {id}"), Reason::Other);
    let told = (why.attempt.as_str(), why.answer.as_str());
    let attempt = format!("run `{token}` in container `0123456789ab`");
    assert_eq!(
        told,
        (attempt.as_str(), format!("no `{token}` in 0123456789ab").as_str())
    );
}

#[tokio::test]
async fn a_refusal_of_a_proxy_is_told_with_its_status() {
    let server = Server::new(always("502 Bad Gateway", "nobody is behind me\n")).await;
    let why = connect(&server).await.err().unwrap();
    let (answer, reason) = ("502 Bad Gateway: nobody is behind me", Reason::Away);
    assert_eq!((why.answer.as_str(), why.reason), (answer, reason));
}

/// Connects with TLS; an empty expectation is success, another one is in the error.
async fn check_tls(server: &Server, files: &[(&str, &str)], expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let endpoint = Endpoint {
        host: Some(format!("tcp://{}", server.address)),
        tls: Some(folder.path().to_owned()),
        context: None,
    };
    let said = Docker::connect(&endpoint).await.err().map(|why| why.to_string());
    match said {
        None => assert_eq!(expected, ""),
        Some(said) => assert!(!expected.is_empty() && said.contains(expected), "{said}"),
    }
}

#[tokio::test]
async fn tls_is_as_the_docker_tools_set_it_up() {
    let known = Certificates::new();
    let server = Server::with_tls(always("200 OK", "OK"), Some(known.config(&known.server, true))).await;
    let ca = ("ca.pem", known.ca.as_str());
    let client = [
        ("cert.pem", known.client.0.as_str()),
        ("key.pem", known.client.1.as_str()),
    ];
    check_tls(&server, &[ca, client[0], client[1]], "").await;
    check_tls(&server, &[ca, client[0]], "key.pem`: No such file").await;
    check_tls(&server, &[], "ca.pem`: No such file").await;
    // The engine wants to know us.
    check_tls(&server, &[ca], "the engine went away").await;
    let other = Certificates::new().ca;
    let wrong = [("ca.pem", other.as_str()), client[0], client[1]];
    check_tls(&server, &wrong, "cannot reach the engine at ").await;
}

#[tokio::test]
async fn an_address_that_is_none_is_told() {
    for (host, expected) in [
        (
            "ftp://h",
            "`ftp://` is not supported; use `unix://`, `tcp://`, `http://` or `ssh://`",
        ),
        (
            "h:1",
            "`h:1` is not an engine's address; write `unix://PATH` or `tcp://HOST:PORT`",
        ),
        ("tcp://h", "`h` is no address: it is written `host:port`"),
        (
            "https://h:1",
            "`https://` needs the folder of the certificates: DOCKER_TLS_VERIFY=1, DOCKER_CERT_PATH",
        ),
    ] {
        let endpoint = Endpoint {
            host: Some(host.to_owned()),
            ..Endpoint::default()
        };
        let why = Docker::connect(&endpoint).await.err().unwrap();
        assert_eq!(why.answer, expected);
    }
}

#[tokio::test]
async fn who_has_a_port_is_found_out_by_one_question() {
    let body = r#"[{"Id": "a", "Names": ["/web"], "ImageID": "sha256:1", "State": "running", "Labels": {"a": "b"}, "Ports":
        [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}, {"PrivatePort": 81, "Type": "udp"}]}]"#;
    let server = Server::new(always("200 OK", body)).await;
    let engine = connect(&server).await.unwrap();
    let expected = Listed {
        name: "web".to_owned(),
        image_id: "sha256:1".to_owned(),
        labels: [("a".to_owned(), "b".to_owned())].into(),
        state: "running".to_owned(),
        ports: vec![("tcp".to_owned(), "0.0.0.0".to_owned(), 8080)],
    };
    assert_eq!(engine.listed().await, Ok(vec![expected]));
    // The ping, and the list.
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn of_a_long_list_only_so_many_are_asked_for_at_once() {
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let ask = async |id: String| {
        most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        now.fetch_sub(1, Ordering::Relaxed);
        Ok((id != "7").then_some(id))
    };
    let ids = (0..100).map(|id| id.to_string());
    let found = super::each(ids.clone(), ask).await.unwrap();
    assert_eq!(found, ids.filter(|id| id != "7").collect::<Vec<_>>());
    assert_eq!(most.into_inner(), super::list::AT_ONCE);
}

#[tokio::test]
async fn a_manager_that_leaves_its_swarm_is_asked_again() {
    const LEAVING: &str = r#"{"message": "rpc error: code = Unavailable desc = transport is closing"}"#;
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let server = Server::new(Does::AnswersTo(|question| {
        if !question.contains("/services?") {
            let is_of_volumes = question.contains("/volumes");
            return answer("200 OK", if is_of_volumes { r#"{"Volumes": []}"# } else { "[]" });
        }
        match ASKED.fetch_add(1, Ordering::Relaxed) {
            0 => answer("500 Internal Server Error", LEAVING),
            _ => answer(
                "503 Service Unavailable",
                r#"{"message": "This node is not a swarm manager."}"#,
            ),
        }
    }))
    .await;
    let engine = connect(&server).await.unwrap();
    assert_eq!(engine.labelled("of=us").await, Ok(Vec::new()));
    assert_eq!(ASKED.load(Ordering::Relaxed), 2);
}
