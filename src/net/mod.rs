//! The net part of Outside: questions over http and tcp, each on a connection of its own, and for the addresses of a name.

mod ask;
mod connect;
mod fault;
mod hop;
mod read;
mod talk;
#[cfg(test)]
pub(crate) mod tests;
mod tls;
mod url;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use ask::RealNet;
pub(crate) use connect::{Stream, Target, is_socket};
pub(crate) use fault::{NOTHING, words};
pub use hop::{basic, form, without_user};
pub(crate) use talk::ITS_END;
pub(crate) use tls::connector;
pub(crate) use url::check as check_url;
pub use wire::{Asked, Told};

/// The most bytes of an answer that are kept.
pub const MAX_KEPT: usize = 4 << 20;
/// The most bytes of an answer that are read; what comes after them is left.
pub const MAX_READ: u64 = 256 << 20;

/// A question over http.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HttpRequest {
    /// `GET`, …
    pub method: String,
    /// The whole URL: `http` or `https`.
    pub url: String,
    /// Headers, in order; a name may come twice.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(with = "wire::base64_bytes")]
    pub body: Bytes,
    /// How TLS is done.
    pub tls: Tls,
    /// How many redirects are followed; the answer after them is the answer, also when it is one more redirect.
    pub redirects: u32,
    /// A unix socket's path, `host:port`, or nothing to use the URL's own address.
    pub connect_to: Option<String>,
}

/// How TLS is done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tls {
    /// True: any certificate is taken.
    pub insecure: bool,
    /// Certificates to trust beside the system's, PEM. A server may also show one of these itself.
    pub ca: Option<Vec<u8>>,
    /// A certificate and its key to show, PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// Headers by lower-case name; several of a name joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// The body, the first [`MAX_KEPT`] bytes of it.
    #[serde(with = "wire::base64_bytes")]
    pub body: Bytes,
    /// The bytes of the body that were read, those that were not kept too.
    pub length: u64,
    /// How long it took, redirects included.
    pub duration: Duration,
}

/// Why there may be no answer over http: the kinds of [`NetError`] that tell of the other side.
pub const HTTP_ERRORS: &[&str] = &["refused", "reset", "timeout", "dns", "tls", "other"];

/// Why there may be no answer over tcp.
pub const TCP_ERRORS: &[&str] = &["refused", "reset", "timeout", "dns", "other"];

/// Why a name may have no address.
pub const DNS_ERRORS: &[&str] = &["dns", "timeout", "other"];

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct NetError {
    /// One of [`HTTP_ERRORS`]; `request` when what was asked cannot be asked (no URL, a
    /// certificate file that is none): then nothing is known of the other side.
    pub kind: &'static str,
    /// The cause in words.
    pub message: String,
}

/// An address and a port, as they are written together: IPv6 in brackets.
pub fn with_port(address: &str, port: u16) -> String {
    match address.contains(':') && !address.starts_with('[') {
        true => format!("[{address}]:{port}"),
        false => format!("{address}:{port}"),
    }
}

impl NetError {
    /// The kind of what cannot be asked.
    pub const REQUEST: &'static str = "request";
    /// The kind of a name without an address.
    pub const DNS: &'static str = "dns";

    /// True when the question itself is wrong, and nothing was learned of the other side.
    pub fn is_request(&self) -> bool {
        self.kind == Self::REQUEST
    }

    fn request(message: impl Into<String>) -> Self {
        NetError {
            kind: Self::REQUEST,
            message: message.into(),
        }
    }
}

/// http, tcp, and names.
#[async_trait]
pub trait Net: Send + Sync {
    /// Asks over http.
    async fn http(&self, request: &HttpRequest, limit: Duration) -> Result<HttpAnswer, NetError>;
    /// Opens a connection, sends what is given, and reads what comes.
    ///
    /// With `until` it reads until that is in the answer; the other side ending before it is a `reset`. Without it, when
    /// something was sent, until the other side ends. With neither nothing is read: the connection being open is the
    /// answer.
    async fn tcp(&self, address: &str, send: &[u8], until: Option<&str>, limit: Duration) -> Result<Bytes, NetError>;
    /// All addresses of a name, as programs find them: by the hosts file and the name servers. None is an error, `dns`.
    async fn addresses(&self, name: &str, limit: Duration) -> Result<BTreeSet<IpAddr>, NetError>;
}
