//! How bytes reach an engine: a unix socket, TCP, or TCP with TLS; one pool of connections for each engine.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::{Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::UnixStream;
use tower_service::Service;

use super::Endpoint;

/// Where the engine of this machine listens.
const LOCAL: &str = "unix:///var/run/docker.sock";
/// An engine that does not take a connection within this is away.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// An idle connection is kept for this long.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// The connections to one engine.
#[derive(Clone)]
pub(super) enum Transport {
    /// Over a socket of this machine.
    Unix(Client<UnixConnector, Full<Bytes>>, UnixConnector),
    /// Over the network, with TLS or without.
    Net(
        Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
        HttpsConnector<HttpConnector>,
    ),
}

impl Transport {
    /// The connections to an endpoint, none of them open yet, with the beginning of every address on it.
    pub(super) fn of(endpoint: &Endpoint) -> Result<(Transport, String), String> {
        let host = endpoint.host.as_deref().unwrap_or(LOCAL);
        let (scheme, rest) = host
            .split_once("://")
            .ok_or_else(|| format!("`{host}` is not an engine's address; write `unix://PATH` or `tcp://HOST:PORT`"))?;
        match scheme {
            "unix" => {
                let connector = UnixConnector {
                    path: PathBuf::from(rest),
                };
                Ok((
                    Transport::Unix(pool().build(connector.clone()), connector),
                    "http://engine".to_owned(),
                ))
            }
            "tcp" | "http" | "https" => {
                let secure = endpoint.tls.is_some() || scheme == "https";
                let connector = net_connector(endpoint.tls.as_deref())?;
                let scheme = if secure { "https" } else { "http" };
                let base = format!("{scheme}://{}", rest.trim_end_matches('/'));
                Ok((Transport::Net(pool().build(connector.clone()), connector), base))
            }
            _ => Err(format!(
                "`{scheme}://` is not supported; use `unix://`, `tcp://` or `http://`"
            )),
        }
    }

    /// Opens a connection of its own, beside the pool.
    pub(super) async fn open(&self, to: Uri) -> io::Result<Box<dyn Io>> {
        match self {
            Transport::Unix(_, connector) => Ok(Box::new(connector.clone().call(to).await?)),
            Transport::Net(_, connector) => {
                let opened = connector.clone().call(to).await;
                Ok(Box::new(opened.map_err(io::Error::other)?))
            }
        }
    }

    /// Sends a request.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        match self {
            Transport::Unix(client, _) => client.request(request).await,
            Transport::Net(client, _) => client.request(request).await,
        }
    }
}

/// A connection, whatever it is over.
pub(super) trait Io: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Io for T {}

fn pool() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_LIMIT);
    builder
}

fn net_connector(certificates: Option<&Path>) -> Result<HttpsConnector<HttpConnector>, String> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_LIMIT));
    let config = match certificates {
        Some(folder) => client_config(folder)?,
        None => rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth(),
    };
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config);
    Ok(builder.https_or_http().enable_http1().wrap_connector(http))
}

/// TLS as the docker tools set it up: `ca.pem`, and `cert.pem` with `key.pem` where the engine wants to know us.
fn client_config(folder: &Path) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(&folder.join("ca.pem"))? {
        roots
            .add(certificate)
            .map_err(|error| format!("`{}`: {error}", folder.join("ca.pem").display()))?;
    }
    let builder = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    if !certificate.exists() {
        return Ok(builder.with_no_client_auth());
    }
    let private = PrivateKeyDer::from_pem_file(&key).map_err(|error| format!("`{}`: {error}", key.display()))?;
    builder
        .with_client_auth_cert(certificates(&certificate)?, private)
        .map_err(|error| format!("`{}`: {error}", certificate.display()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    read.map_err(|error| format!("`{}`: {error}", path.display()))
}

/// Opens connections to a socket of this machine, whatever the address says.
#[derive(Clone)]
pub(super) struct UnixConnector {
    path: PathBuf,
}

impl Service<Uri> for UnixConnector {
    type Response = Socket;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let path = self.path.clone();
        Box::pin(async move {
            match tokio::time::timeout(CONNECT_LIMIT, UnixStream::connect(path)).await {
                Ok(stream) => Ok(Socket(TokioIo::new(stream?))),
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
            }
        })
    }
}

/// A connection over a socket of this machine.
pub(super) struct Socket(TokioIo<UnixStream>);

impl Connection for Socket {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
