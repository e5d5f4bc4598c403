//! http and tcp against small servers, each made for one answer.

mod http;
mod tcp;
mod tls;

pub(crate) use tls::Certificates;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::{HttpAnswer, HttpRequest, Net as _, NetError, RealNet};

/// Long enough for any answer here; a test that needs it has failed.
const LIMIT: Duration = Duration::from_secs(20);
/// For what never comes.
const SHORT: Duration = Duration::from_millis(300);

/// What a server does with a connection once it has read a question.
#[derive(Clone)]
pub(crate) enum Does {
    /// Answers and ends the connection.
    Answers(Vec<u8>),
    /// The same, as the question's first line has it.
    AnswersTo(fn(&str) -> Vec<u8>),
    /// Answers and leaves the connection open.
    Stays(&'static [u8]),
    /// Speaks first and ends the connection.
    Greets(&'static [u8]),
    /// Ends the connection without a word, so that what was sent to it is refused.
    Resets,
    /// Ends the connection before it has read anything.
    EndsAtOnce,
}

/// A server, and what it was asked.
pub(crate) struct Server {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    pub(crate) async fn new(does: Does) -> Server {
        Server::with_tls(does, None).await
    }

    pub(crate) async fn with_tls(does: Does, tls: Option<ServerConfig>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (does, log, tls) = (does.clone(), Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    if matches!(does, Does::Resets) {
                        // Data that nobody has read makes closing a reset.
                        stream.readable().await.unwrap();
                        return;
                    }
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, does, log).await;
                            }
                        }
                        None => serve(stream, does, log).await,
                    }
                });
            }
        });
        Server {
            address,
            asked,
            _task: AbortOnDropHandle::new(task),
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, does: Does, log: Arc<Mutex<Vec<String>>>) {
    match does {
        Does::EndsAtOnce => return,
        Does::Greets(greeting) => {
            let _ = stream.write_all(greeting).await;
            let _ = stream.shutdown().await;
        }
        _ => {}
    }
    let mut question = vec![0; 4096];
    let mut length = 0;
    // A question of these tests ends with an empty line, with its body, or with a line.
    loop {
        let count = stream.read(&mut question[length..]).await.unwrap_or(0);
        length += count;
        if count == 0 || ends(&String::from_utf8_lossy(&question[..length])) {
            break;
        }
    }
    let question = String::from_utf8_lossy(&question[..length]).into_owned();
    let does = match does {
        Does::AnswersTo(answer) => Does::Answers(answer(question.lines().next().unwrap_or_default())),
        does => does,
    };
    log.lock().unwrap().push(question);
    match does {
        Does::Answers(answer) => {
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
        Does::Stays(answer) => {
            let _ = stream.write_all(answer).await;
            let _ = stream.flush().await;
            std::future::pending::<()>().await;
        }
        Does::AnswersTo(_) | Does::Greets(_) | Does::Resets | Does::EndsAtOnce => {}
    }
}

fn ends(question: &str) -> bool {
    let Some((head, body)) = question.split_once("\r\n\r\n") else {
        return !question.contains("HTTP/1.1") && question.ends_with('\n');
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest {
        method: "GET".into(),
        url: url.into(),
        ..HttpRequest::default()
    }
}

async fn ask(request: &HttpRequest) -> Result<HttpAnswer, NetError> {
    RealNet::default().http(request, LIMIT).await
}

/// Checks the kind of an error, and that its message says so.
#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, NetError>, kind: &str, says: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.message.contains(says), "{error}");
}

fn answer(text: &str) -> Does {
    Does::Answers(text.as_bytes().to_vec())
}
