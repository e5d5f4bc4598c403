//! A network that answers as it was told to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use crate::net::{HttpAnswer, HttpRequest, Net, NetError};

/// Answers by path: from so many milliseconds after the run's beginning, a status and a body; 0 is a refusal.
pub(super) type Answers = Vec<(u64, u16, &'static str)>;

/// A network on which every path answers 200 and its own name, unless it was given other answers; `turn` answers the number
/// of the question.
pub(super) struct FakeNet {
    pub(super) begun: Instant,
    pub(super) answers: BTreeMap<&'static str, Answers>,
    pub(super) turns: AtomicU32,
}

#[async_trait]
impl Net for FakeNet {
    async fn http(&self, request: &HttpRequest, limit: Duration) -> Result<HttpAnswer, NetError> {
        let path = request.url.rsplit('/').next().unwrap_or_default();
        let now = self.begun.elapsed();
        let since = |from: u64| Duration::from_millis(from) <= now;
        let answers = self.answers.get(path);
        let last = answers.and_then(|all| all.iter().rfind(|(from, ..)| since(*from)));
        let (status, body) = match (last, answers) {
            (Some((_, status, body)), _) => (*status, *body),
            (None, None) => (200, path),
            (None, Some(_)) => {
                crate::wait::pause(limit).await;
                (0, "timeout")
            }
        };
        if status == 0 {
            let kind = if body == "timeout" { "timeout" } else { "refused" };
            let message = body.to_owned();
            return Err(NetError { kind, message });
        }
        let body = match path {
            "turn" => (self.turns.fetch_add(1, Ordering::Relaxed) + 1).to_string(),
            _ => body.to_owned(),
        };
        Ok(HttpAnswer {
            status,
            // Of one only a part is kept.
            length: body.len() as u64 + u64::from(path == "part"),
            body: Bytes::from(body),
            ..HttpAnswer::default()
        })
    }

    async fn tcp(&self, address: &str, _: &[u8], _: Option<&str>, _: Duration) -> Result<Bytes, NetError> {
        let kind = match address.split(':').next() {
            Some("nosuch") => "dns",
            Some("closed") => "refused",
            _ if address.ends_with(":9") => "refused",
            Some("stays") => {
                let (kind, end) = ("timeout", crate::net::ITS_END);
                let message =
                    format!("no answer within 9.9s: connected to {address}, waiting for {end}; what came is `PONG`");
                return Err(NetError { kind, message });
            }
            Some("long") => return Ok(vec![b'x'; crate::net::MAX_KEPT].into()),
            _ => return Ok(Bytes::new()),
        };
        let message = address.to_owned();
        Err(NetError { kind, message })
    }

    async fn addresses(&self, name: &str, _: Duration) -> Result<BTreeSet<IpAddr>, NetError> {
        match name {
            "nosuch" => Err(NetError {
                kind: "dns",
                message: name.to_owned(),
            }),
            "unanswered" => Err(NetError {
                kind: "dns",
                message: "Temporary failure in name resolution".to_owned(),
            }),
            _ => Ok([[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from).into()),
        }
    }
}
