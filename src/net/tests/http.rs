//! http.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, UnixListener};

use super::super::{HttpAnswer, HttpRequest, MAX_KEPT, Net as _, RealNet, Tls};
use super::{Does, SHORT, Server, answer, ask, check_error, get, serve};

/// Checks an answer's status and body.
async fn check(does: Does, request: impl Fn(&str) -> HttpRequest, status: u16, body: &[u8]) -> HttpAnswer {
    let server = Server::new(does).await;
    let answer = ask(&request(&server.url())).await.unwrap();
    assert_eq!(answer.status, status);
    assert!(answer.body == body, "{:?}", String::from_utf8_lossy(&answer.body));
    answer
}

#[tokio::test]
async fn tells_status_headers_body_and_duration() {
    let text =
        "HTTP/1.1 404 Not Found\r\nX-One: 1\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 3\r\n\r\nno\n";
    let answer = check(answer(text), |url| get(format!("{url}/a?b=c d#e")), 404, b"no\n").await;
    assert_eq!(answer.headers["x-one"], "1");
    assert_eq!(answer.headers["set-cookie"], "a=1, b=2");
    assert_eq!(answer.length, 3);
    assert!(answer.duration > Duration::ZERO);
}

#[tokio::test]
async fn sends_method_path_headers_and_body() {
    let server = Server::new(answer("HTTP/1.1 201 Created\r\n\r\n")).await;
    let request = HttpRequest {
        method: "POST".into(),
        headers: vec![
            ("X-A".into(), "1".into()),
            ("x-a".into(), "é".into()),
            ("Host".into(), "shop.test".into()),
        ],
        body: Bytes::from_static(b"tea"),
        ..get(format!("{}/m\u{e9}mbers?q=a b#part", server.url()))
    };
    assert_eq!(ask(&request).await.unwrap().status, 201);
    let asked = server.asked().join("");
    assert!(asked.starts_with("POST /m%C3%A9mbers?q=a%20b HTTP/1.1\r\n"), "{asked}");
    for line in ["x-a: 1", "x-a: é", "host: shop.test", "content-length: 3"] {
        assert!(asked.contains(&format!("\r\n{line}\r\n")), "{line} in {asked}");
    }
    assert!(asked.ends_with("\r\n\r\ntea"), "{asked}");
    assert_eq!(asked.to_lowercase().matches("\r\nhost:").count(), 1, "{asked}");
}

#[tokio::test]
async fn takes_user_and_password_from_the_url() {
    let server = Server::new(answer("HTTP/1.1 200 OK\r\n\r\n")).await;
    ask(&get(format!("http://bob:p%40ss@{}/", server.address)))
        .await
        .unwrap();
    let asked = server.asked().join("");
    assert!(asked.contains("authorization: Basic Ym9iOnBAc3M=\r\n"), "{asked}");
}

#[tokio::test]
async fn reads_bodies_of_every_framing() {
    let get = |url: &str| get(url);
    check(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), get, 200, b"").await;
    check(
        answer("HTTP/1.0 200 OK\r\n\r\nuntil the end"),
        get,
        200,
        b"until the end",
    )
    .await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    check(answer(chunked), get, 200, b"abcde").await;
    check(
        Does::Stays(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        get,
        200,
        b"ok",
    )
    .await;
    let bytes = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), b"a\xff\x00b"].concat();
    check(Does::Answers(bytes), get, 200, b"a\xff\x00b").await;
}

#[tokio::test]
async fn head_has_no_body_whatever_its_length_says() {
    let head = |url: &str| HttpRequest {
        method: "HEAD".into(),
        ..get(url)
    };
    let answer = check(
        Does::Stays(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        head,
        200,
        b"",
    )
    .await;
    assert_eq!(answer.headers["content-length"], "5");
}

#[tokio::test]
async fn keeps_the_beginning_of_a_big_body_and_counts_the_rest() {
    let length = MAX_KEPT + 100_000;
    let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    bytes.resize(bytes.len() + length, b'x');
    let answer = check(Does::Answers(bytes), |url| get(url), 200, &vec![b'x'; MAX_KEPT]).await;
    assert_eq!(answer.length, length as u64);
}

#[tokio::test]
async fn tells_errors_by_kind() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    check_error(
        ask(&get(format!("http://{gone}/"))).await,
        "refused",
        &format!("cannot connect to `{gone}`"),
    );
    check_error(
        ask(&get("http://nobody.invalid/")).await,
        "dns",
        "cannot look up `nobody.invalid`",
    );
    for (does, kind) in [
        (Does::Resets, "reset"),
        (Does::EndsAtOnce, "reset"),
        (answer(""), "reset"),
        (answer("HTTP/1.1 200 OK\r\nContent-Le"), "reset"),
        (answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "reset"),
        (answer("220 mail ESMTP\r\n\r\n"), "other"),
    ] {
        let server = Server::new(does).await;
        check_error(ask(&get(server.url())).await, kind, &format!("GET {}", server.url()));
    }
}

#[tokio::test]
async fn a_limit_that_passes_says_how_far_it_came() {
    let cases: [(&'static [u8], &str); 2] = [
        (b"", "waiting for the answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "status 200 came"),
    ];
    for (sent, says) in cases {
        let server = Server::new(Does::Stays(sent)).await;
        check_error(
            RealNet::default().http(&get(server.url()), SHORT).await,
            "timeout",
            says,
        );
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_the_questions_fault() {
    let cases = [
        (get("web:80/members"), "begins with neither `http://` nor `https://`"),
        (get("ftp://web/"), "begins with neither"),
        (
            HttpRequest {
                method: "A B".into(),
                ..get("http://web/")
            },
            "`A B` is no method",
        ),
        (
            HttpRequest {
                headers: vec![("a b".into(), "c".into())],
                ..get("http://web/")
            },
            "header `a b`",
        ),
        (
            HttpRequest {
                headers: vec![("a".into(), "c\nd".into())],
                ..get("http://web/")
            },
            "header `a`",
        ),
        (
            HttpRequest {
                connect_to: Some("web".into()),
                ..get("http://web/")
            },
            "`web` is no address",
        ),
        (
            HttpRequest {
                tls: Tls {
                    ca: Some(b"text".to_vec()),
                    ..Tls::default()
                },
                ..get("https://web/")
            },
            "`ca` has no certificate",
        ),
    ];
    for (request, says) in cases {
        check_error(ask(&request).await, "request", says);
    }
}

fn redirect(status: u16, to: &str) -> Does {
    answer(&format!(
        "HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
    ))
}

#[tokio::test]
async fn follows_redirects_only_as_far_as_asked() {
    let end = Server::new(answer("HTTP/1.1 200 OK\r\n\r\nend")).await;
    let second = Server::new(redirect(302, &format!("{}/end", end.url()))).await;
    let first = Server::new(redirect(307, &format!("{}/second", second.url()))).await;
    for (redirects, status) in [(0, 307), (1, 302), (2, 200), (9, 200)] {
        let answer = ask(&HttpRequest {
            redirects,
            ..get(first.url())
        })
        .await
        .unwrap();
        assert_eq!(answer.status, status, "{redirects} redirects");
    }
    assert_eq!(end.asked().len(), 2);
    let circle = Server::new(redirect(302, "/again")).await;
    assert_eq!(
        ask(&HttpRequest {
            redirects: 3,
            ..get(circle.url())
        })
        .await
        .unwrap()
        .status,
        302
    );
    assert_eq!(circle.asked().len(), 4);
}

#[tokio::test]
async fn a_redirect_keeps_or_drops_method_body_and_secrets() {
    for (status, line, body) in [
        (302, "GET / HTTP/1.1", ""),
        (303, "GET / HTTP/1.1", ""),
        (307, "POST / HTTP/1.1", "tea"),
    ] {
        let end = Server::new(answer("HTTP/1.1 200 OK\r\n\r\n")).await;
        let first = Server::new(redirect(status, &end.url())).await;
        let headers = [
            ("authorization", "secret"),
            ("cookie", "secret"),
            ("content-type", "text/plain"),
            ("x-kept", "1"),
        ];
        let request = HttpRequest {
            method: "POST".into(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            body: Bytes::from_static(b"tea"),
            redirects: 1,
            ..get(first.url())
        };
        assert_eq!(ask(&request).await.unwrap().status, 200);
        let asked = end.asked().join("");
        assert!(asked.starts_with(line), "{status}: {asked}");
        assert!(asked.ends_with(&format!("\r\n\r\n{body}")), "{status}: {asked}");
        assert!(
            asked.contains("x-kept: 1") && !asked.contains("secret"),
            "{status}: {asked}"
        );
        assert_eq!(asked.contains("content-type"), !body.is_empty(), "{status}: {asked}");
    }
}

#[tokio::test]
async fn connects_to_another_address_or_a_unix_socket() {
    let server = Server::new(answer("HTTP/1.1 200 OK\r\n\r\n")).await;
    let request = HttpRequest {
        connect_to: Some(server.address.clone()),
        ..get("http://shop.invalid/")
    };
    assert_eq!(ask(&request).await.unwrap().status, 200);
    assert!(server.asked().join("").contains("host: shop.invalid\r\n"));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let request = HttpRequest {
        connect_to: Some(path.display().to_string()),
        ..get("http://app/x")
    };
    check_error(ask(&request).await, "refused", "cannot connect to unix socket");
    let listener = UnixListener::bind(&path).unwrap();
    let one = async {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, answer("HTTP/1.1 204 No Content\r\n\r\n"), Arc::default()).await;
    };
    let (answer, ()) = tokio::join!(ask(&request), one);
    assert_eq!(answer.unwrap().status, 204);
}
