//! An answer that comes bit by bit, over a connection of its own that is driven by whoever reads it.
//!
//! The pool drives its connections in tasks of their own. The engine sends a log in pieces of a line, and handing each
//! of them from task to task took twice as long as all the rest.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, Stream, StreamExt};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, Connection};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Uri};

use super::api::{chain, refusal, refused};
use super::call::Call;
use super::transport::{Io, Transport};
use crate::engine::{EngineError, EngineResult, Reason};

/// A refusal is read up to here.
const REFUSAL_LIMIT: usize = 64 * 1024;

/// A connection that no pool has.
type OwnConnection = Connection<Box<dyn Io>, Full<Bytes>>;

/// The connection of an answer.
pub(super) struct Flow {
    connection: Pin<Box<OwnConnection>>,
    /// True once the connection has come to its end; what it read before may still be in the body.
    ended: bool,
}

/// Asks over a new connection; gives the answer's head, and the connection that its body comes over.
pub(super) async fn ask(
    transport: &Transport,
    mut request: Request<Full<Bytes>>,
    call: &Call,
) -> EngineResult<(Response<Incoming>, Flow)> {
    let unreachable =
        |why: &dyn std::error::Error| call.error(format!("the engine cannot be reached: {}", chain(why)), Reason::Away);
    let io = transport
        .open(request.uri().clone())
        .await
        .map_err(|why| unreachable(&why))?;
    let (mut sender, connection) = http1::handshake(io).await.map_err(|why| unreachable(&why))?;
    let mut flow = Flow {
        connection: Box::pin(connection),
        ended: false,
    };
    // Over a connection of its own the address has no host: that goes into a header.
    let host = request.uri().host().unwrap_or("localhost").parse::<HeaderValue>();
    request
        .headers_mut()
        .insert(HOST, host.unwrap_or(HeaderValue::from_static("localhost")));
    let path = request
        .uri()
        .path_and_query()
        .map(|path| path.as_str().to_owned())
        .unwrap_or_default();
    *request.uri_mut() = path
        .parse::<Uri>()
        .map_err(|why| call.error(why.to_string(), Reason::Other))?;
    let mut answer = Box::pin(sender.send_request(request));
    let answer = poll_fn(|cx| flow.drive(cx, |cx| answer.as_mut().poll(cx))).await;
    let answer = answer.map_err(|why| call.error(went_away(&why), Reason::Away))?;
    Ok((answer, flow))
}

fn went_away(why: &hyper::Error) -> String {
    format!("the engine went away: {}", chain(why))
}

impl Flow {
    /// Asks for what comes over the connection; if it is not here yet, lets the connection read, and asks again.
    fn drive<T>(&mut self, cx: &mut Context<'_>, mut ask: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if let Poll::Ready(here) = ask(cx) {
            return Poll::Ready(here);
        }
        // Its error is told by what is asked for, too.
        if !self.ended {
            self.ended = self.connection.poll_unpin(cx).is_ready();
        }
        ask(cx)
    }

    /// The bytes of an answer, unless it is a refusal.
    pub(super) async fn judge(
        self,
        answer: Response<Incoming>,
        call: &Call,
    ) -> EngineResult<BoxStream<'static, EngineResult<Bytes>>> {
        let status = answer.status();
        let mut bytes = Bits {
            body: answer.into_body(),
            flow: self,
            attempt: call.attempt.clone(),
        }
        .boxed();
        if !refused(status) {
            return Ok(bytes);
        }
        let mut said = Vec::new();
        while let Some(piece) = bytes.next().await
            && said.len() < REFUSAL_LIMIT
        {
            said.extend_from_slice(&piece?);
        }
        Err(refusal(&said, status, call))
    }
}

/// The bytes of an answer.
struct Bits {
    body: Incoming,
    flow: Flow,
    attempt: String,
}

impl Stream for Bits {
    type Item = EngineResult<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let (body, flow) = (&mut this.body, &mut this.flow);
            let frame = match flow.drive(cx, |cx| Pin::new(&mut *body).poll_frame(cx)) {
                Poll::Ready(frame) => frame,
                Poll::Pending => return Poll::Pending,
            };
            return Poll::Ready(match frame {
                None => None,
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => Some(Ok(bytes)),
                    // Trailers are no bytes.
                    Err(_) => continue,
                },
                Some(Err(why)) => {
                    let (attempt, answer) = (this.attempt.clone(), went_away(&why));
                    Some(Err(EngineError {
                        attempt,
                        answer,
                        reason: Reason::Away,
                    }))
                }
            });
        }
    }
}
