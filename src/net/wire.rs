//! Questions for who asks them elsewhere, as JSON: what is asked, and what it came to.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{HttpAnswer, HttpRequest, Net, NetError};

/// A question for who asks it elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// Over http.
    Http(HttpRequest, Duration),
    /// Over tcp.
    Tcp {
        /// See [`Net::tcp`].
        address: String,
        /// See [`Net::tcp`].
        #[serde(with = "base64_bytes")]
        send: Bytes,
        /// See [`Net::tcp`].
        until: Option<String>,
        /// See [`Net::tcp`].
        limit: Duration,
    },
    /// For the addresses of a name.
    Addresses(String, Duration),
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// An answer over http.
    Http(HttpAnswer),
    /// What came over tcp.
    Tcp(#[serde(with = "base64_bytes")] Bytes),
    /// The addresses of a name.
    Addresses(BTreeSet<IpAddr>),
    /// Why there was no answer: its kind and its cause.
    No(String, String),
}

impl Asked {
    /// Asks it here.
    pub async fn ask(&self, net: &dyn Net) -> Told {
        let told = match self {
            Asked::Http(request, limit) => net.http(request, *limit).await.map(Told::Http),
            Asked::Tcp {
                address,
                send,
                until,
                limit,
            } => net.tcp(address, send, until.as_deref(), *limit).await.map(Told::Tcp),
            Asked::Addresses(name, limit) => net.addresses(name, *limit).await.map(Told::Addresses),
        };
        told.unwrap_or_else(|error| Told::No(error.kind.to_owned(), error.message))
    }
}

impl Told {
    /// What was told as an answer over http.
    pub fn http(self) -> Result<HttpAnswer, NetError> {
        match self {
            Told::Http(answer) => Ok(answer),
            other => Err(other.error()),
        }
    }

    /// What was told as an answer over tcp.
    pub fn tcp(self) -> Result<Bytes, NetError> {
        match self {
            Told::Tcp(answer) => Ok(answer),
            other => Err(other.error()),
        }
    }

    /// What was told as the addresses of a name.
    pub fn addresses(self) -> Result<BTreeSet<IpAddr>, NetError> {
        match self {
            Told::Addresses(addresses) => Ok(addresses),
            other => Err(other.error()),
        }
    }

    fn error(self) -> NetError {
        match self {
            Told::No(kind, message) => NetError {
                kind: kind_of(&kind),
                message,
            },
            Told::Http(_) | Told::Tcp(_) | Told::Addresses(_) => {
                NetError::request("the answer is one to another question")
            }
        }
    }
}

/// The kind of an error by its name.
fn kind_of(name: &str) -> &'static str {
    let mut known = super::HTTP_ERRORS.iter().copied().chain([NetError::REQUEST]);
    known.find(|known| *known == name).unwrap_or("other")
}

/// Bytes as text: a list of numbers would be four times as long.
pub(super) mod base64_bytes {
    use super::{BASE64_STANDARD, Bytes, Deserialize, Serialize};
    use base64::Engine as _;

    pub(in crate::net) fn serialize<S: serde::Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        BASE64_STANDARD.encode(bytes).serialize(to)
    }

    pub(in crate::net) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)?;
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Asked, Told};
    use crate::net::{HttpAnswer, HttpRequest, NetError, Tls};

    #[test]
    fn questions_and_answers_come_through_as_they_are() {
        let request = HttpRequest {
            method: "POST".into(),
            url: "https://web/".into(),
            headers: vec![("a".into(), "b".into())],
            body: vec![0, 255, b'x'].into(),
            tls: Tls {
                insecure: true,
                ca: Some(b"pem".to_vec()),
                identity: None,
            },
            redirects: 2,
            connect_to: Some("web:443".into()),
        };
        let asked = Asked::Http(request, Duration::from_millis(1500));
        let text = serde_json::to_string(&asked).unwrap();
        assert_eq!(serde_json::from_str::<Asked>(&text).unwrap(), asked);
        let answer = HttpAnswer {
            status: 204,
            body: vec![7, 200].into(),
            length: 2,
            duration: Duration::from_millis(3),
            ..HttpAnswer::default()
        };
        let text = serde_json::to_string(&Told::Http(answer.clone())).unwrap();
        assert_eq!(serde_json::from_str::<Told>(&text).unwrap().http(), Ok(answer));
    }

    #[test]
    fn errors_keep_their_kind() {
        let error = |kind| NetError {
            kind,
            message: "so it goes".into(),
        };
        let told = |kind: &str| Told::No(kind.into(), "so it goes".into());
        assert_eq!(told("refused").tcp(), Err(error("refused")));
        assert_eq!(told("request").http(), Err(error(NetError::REQUEST)));
        assert_eq!(told("of another version").http(), Err(error("other")));
        assert!(Told::Tcp("x".into()).http().unwrap_err().is_request());
    }
}
