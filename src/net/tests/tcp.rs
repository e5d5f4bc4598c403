//! tcp.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::{MAX_KEPT, Net as _, NetError, RealNet};
use super::{Does, LIMIT, SHORT, Server, answer, check_error};

async fn tcp(does: Does, send: &str, until: Option<&str>, limit: Duration) -> Result<String, NetError> {
    let server = Server::new(does).await;
    let answer = RealNet::default()
        .tcp(&server.address, send.as_bytes(), until, limit)
        .await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn tcp_reads_until_the_text_or_the_end() {
    assert_eq!(
        tcp(Does::Stays(b"+PONG\r\n"), "PING\r\n", Some("PONG"), LIMIT)
            .await
            .unwrap(),
        "+PONG\r\n"
    );
    assert_eq!(tcp(answer("one\ntwo"), "x\n", None, LIMIT).await.unwrap(), "one\ntwo");
    assert_eq!(tcp(Does::Stays(b""), "", None, LIMIT).await.unwrap(), "");
    check_error(
        tcp(answer("+OK\r\n"), "x\n", Some("PONG"), LIMIT).await,
        "reset",
        "before `PONG` came; what came is `+OK\\r\\n`",
    );
    check_error(
        tcp(Does::Stays(b"+OK"), "x\n", Some("PONG"), SHORT).await,
        "timeout",
        "no answer within 300ms: connected to",
    );
    check_error(
        tcp(Does::Stays(b"+OK 'x'\r\n"), "x\n", Some("PONG"), SHORT).await,
        "timeout",
        "waiting for `PONG`; what came is `+OK 'x'\\r\\n`",
    );
    check_error(
        tcp(Does::Stays(b"+OK"), "x\n", None, SHORT).await,
        "timeout",
        "waiting for the other side's end",
    );
    check_error(tcp(Does::EndsAtOnce, "", None, LIMIT).await, "reset", "without a word");
    assert_eq!(tcp(Does::Greets(b"hello"), "", None, LIMIT).await.unwrap(), "");
    let long = vec![b'x'; MAX_KEPT + 1];
    check_error(
        tcp(Does::Answers(long), "x\n", Some("PONG"), LIMIT).await,
        "other",
        "without `PONG`",
    );
}

#[tokio::test]
async fn tcp_finds_a_text_that_comes_in_two_pieces() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut byte = [0];
        stream.set_nodelay(true).unwrap();
        stream.write_all(b"+PO").await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
        stream.write_all(b"NG").await.unwrap();
        stream
    };
    let net = RealNet::default();
    let (answer, _) = tokio::join!(net.tcp(&address, b"x", Some("PONG"), LIMIT), server);
    assert_eq!(answer.unwrap(), "+PONG");
}

#[tokio::test]
async fn tcp_tells_errors_by_kind() {
    let net = RealNet::default();
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    check_error(net.tcp(&gone, b"", None, LIMIT).await, "refused", &gone);
    check_error(
        net.tcp("nobody.invalid:80", b"", None, LIMIT).await,
        "dns",
        "nobody.invalid",
    );
    check_error(
        net.tcp("nobody", b"", None, LIMIT).await,
        "request",
        "`nobody` is no address",
    );
}
