//! Asking for real: one connection for each question, and for each redirect.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::connect::{Stream, Target, open, resolve};
use super::fault::{Progress, net_error};
use super::hop::Hop;
use super::read::Reading;
use super::talk::talk;
use super::{HttpAnswer, HttpRequest, Net, NetError, Tls, tls};

/// http and tcp over this machine's network.
#[derive(Debug, Default)]
pub struct RealNet {
    /// The certificates that this machine trusts, read when they are first needed.
    system: OnceCell<Vec<CertificateDer<'static>>>,
}

#[async_trait]
impl Net for RealNet {
    async fn http(&self, request: &HttpRequest, limit: Duration) -> Result<HttpAnswer, NetError> {
        let progress = Progress::default();
        let began = Instant::now();
        let answer = progress.limited(limit, self.follow(request, &progress)).await?;
        Ok(HttpAnswer {
            duration: began.elapsed(),
            ..answer
        })
    }

    async fn tcp(&self, address: &str, send: &[u8], until: Option<&str>, limit: Duration) -> Result<Bytes, NetError> {
        let target = Target::parse(address)?;
        let progress = Progress::default();
        progress.limited(limit, talk(&target, send, until, &progress)).await
    }

    async fn addresses(&self, name: &str, limit: Duration) -> Result<BTreeSet<IpAddr>, NetError> {
        let progress = Progress::default();
        // The port is of no matter: whoever looks up has to give one.
        let found = progress.limited(limit, resolve(name, 0, &progress)).await?;
        Ok(found.iter().map(SocketAddr::ip).collect())
    }
}

impl RealNet {
    /// Asks, and follows redirects as far as was asked for.
    async fn follow(&self, request: &HttpRequest, progress: &Progress) -> Result<HttpAnswer, NetError> {
        let mut hop = Hop::first(request)?;
        for _ in 0..request.redirects {
            let answer = self.ask(&hop, &request.tls, progress).await?;
            match hop.after(&answer) {
                Some(next) => hop = next,
                None => return Ok(answer),
            }
        }
        self.ask(&hop, &request.tls, progress).await
    }

    async fn ask(&self, hop: &Hop, tls: &Tls, progress: &Progress) -> Result<HttpAnswer, NetError> {
        let request = hop.request()?;
        let stream = self.connection(hop, tls, progress).await?;
        progress.at(format!("connected to {}, waiting for the answer", hop.target));
        let attempt = format!("{} {}", hop.method, hop.url);
        let failed = |error: hyper::Error| net_error(&attempt, &error);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        // What goes wrong on the connection is told to the question that waits on it.
        let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
        let response = sender.send_request(request).await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), headers(&response));
        progress.at(format!(
            "status {status} came from {}, its body is not at its end",
            hop.target
        ));
        let (body, length) = read_body(response.into_body()).await.map_err(failed)?;
        Ok(HttpAnswer {
            status,
            headers,
            body,
            length,
            duration: Duration::ZERO,
        })
    }

    async fn connection(&self, hop: &Hop, tls: &Tls, progress: &Progress) -> Result<Box<dyn Stream>, NetError> {
        if !hop.url.https {
            return open(&hop.target, progress).await;
        }
        // Before connecting: a certificate file that is none says nothing of the other side.
        let connector = tls::connector(tls, self.system_certificates().await)?;
        let name = ServerName::try_from(hop.url.host.clone())
            .map_err(|_| NetError::request(format!("`{}` has no host that a certificate can name", hop.url)))?;
        let stream = open(&hop.target, progress).await?;
        progress.at(format!("connected to {}, in the TLS handshake", hop.target));
        let stream = connector.connect(name, stream).await;
        Ok(Box::new(stream.map_err(|error| {
            net_error(&format!("TLS with {}", hop.target), &error)
        })?))
    }

    async fn system_certificates(&self) -> &[CertificateDer<'static>] {
        self.system
            .get_or_init(|| async {
                // What cannot be read is left out: a server that needs it is then not trusted, and that is told.
                let read = tokio::task::spawn_blocking(|| rustls_native_certs::load_native_certs().certs);
                read.await.unwrap_or_default()
            })
            .await
    }
}

fn headers(response: &Response<Incoming>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|known| *known = format!("{known}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    headers
}

/// The beginning of a body, and how long it was.
async fn read_body(mut body: Incoming) -> Result<(Bytes, u64), hyper::Error> {
    let mut read = Reading::default();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data()
            && !read.more(&data)
        {
            break;
        }
    }
    Ok((read.kept.freeze(), read.length))
}
