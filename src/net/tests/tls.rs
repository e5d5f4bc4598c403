//! TLS, with an authority made for the test.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::super::{HttpRequest, Tls};
use super::{Does, Server, answer, ask, check_error, get};

/// An authority, and what it has signed for 127.0.0.1 and for a client.
pub(crate) struct Certificates {
    pub(crate) ca: String,
    pub(crate) server: (String, String),
    pub(crate) client: (String, String),
    /// An authority and server at once, as `openssl req -x509` makes it.
    alone: (String, String),
}

impl Certificates {
    pub(crate) fn new() -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        let params = |name: &str, ca: bool| {
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.is_ca = if ca {
                IsCa::Ca(BasicConstraints::Unconstrained)
            } else {
                IsCa::NoCa
            };
            params
        };
        let ca_key = KeyPair::generate().unwrap();
        let ca = params("authority.test", true).self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::new(params("authority.test", true), ca_key);
        let signed = |name: &str| {
            let key = KeyPair::generate().unwrap();
            (
                params(name, false).signed_by(&key, &issuer).unwrap().pem(),
                key.serialize_pem(),
            )
        };
        let key = KeyPair::generate().unwrap();
        let alone = (
            params("127.0.0.1", true).self_signed(&key).unwrap().pem(),
            key.serialize_pem(),
        );
        Certificates {
            ca,
            server: signed("127.0.0.1"),
            client: signed("client.test"),
            alone,
        }
    }

    pub(crate) fn config(&self, shown: &(String, String), wants_client: bool) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let chain = vec![CertificateDer::from_pem_slice(shown.0.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(shown.1.as_bytes()).unwrap();
        if !wants_client {
            return builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
        }
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap())
            .unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        builder
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .unwrap()
    }
}

/// Asks a TLS server; an empty expectation is the status 200, another one the error's kind.
async fn check_tls(config: ServerConfig, host: &str, tls: Tls, expected: &str) {
    let server = Server::with_tls(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Some(config)).await;
    let request = HttpRequest {
        tls,
        connect_to: Some(server.address.clone()),
        ..get(format!("https://{host}/"))
    };
    let found = ask(&request).await;
    assert_eq!(
        found.as_ref().map_or_else(|error| error.kind, |_| ""),
        expected,
        "{found:?}"
    );
}

#[tokio::test]
async fn trusts_what_it_is_told_to_trust() {
    let certificates = Certificates::new();
    let server = || certificates.config(&certificates.server, false);
    let trusting = |pem: &str| Tls {
        ca: Some(pem.as_bytes().to_vec()),
        ..Tls::default()
    };
    check_tls(server(), "127.0.0.1", trusting(&certificates.ca), "").await;
    check_tls(server(), "127.0.0.1", trusting(&Certificates::new().ca), "tls").await;
    check_tls(server(), "shop.test", trusting(&certificates.ca), "tls").await;
    check_tls(
        server(),
        "shop.test",
        Tls {
            insecure: true,
            ..Tls::default()
        },
        "",
    )
    .await;
    let alone = || certificates.config(&certificates.alone, false);
    check_tls(alone(), "127.0.0.1", trusting(&certificates.alone.0), "").await;
    check_tls(alone(), "shop.test", trusting(&certificates.alone.0), "tls").await;
    check_tls(alone(), "127.0.0.1", trusting(&certificates.ca), "tls").await;
}

#[tokio::test]
async fn shows_the_certificate_that_it_is_given() {
    let certificates = Certificates::new();
    let server = || certificates.config(&certificates.server, true);
    let ca = Some(certificates.ca.as_bytes().to_vec());
    let pair = |cert: &str, key: &str| Some((cert.as_bytes().to_vec(), key.as_bytes().to_vec()));
    let (cert, key) = &certificates.client;
    check_tls(
        server(),
        "127.0.0.1",
        Tls {
            ca: ca.clone(),
            identity: pair(cert, key),
            ..Tls::default()
        },
        "",
    )
    .await;
    check_tls(
        server(),
        "127.0.0.1",
        Tls {
            ca: ca.clone(),
            ..Tls::default()
        },
        "tls",
    )
    .await;
    let mixed = pair(cert, &certificates.alone.1);
    check_tls(
        server(),
        "127.0.0.1",
        Tls {
            ca: ca.clone(),
            identity: mixed,
            ..Tls::default()
        },
        "request",
    )
    .await;
    check_tls(
        server(),
        "127.0.0.1",
        Tls {
            ca,
            identity: pair(cert, "no key"),
            ..Tls::default()
        },
        "request",
    )
    .await;
}

#[tokio::test]
async fn https_to_a_server_without_tls() {
    let insecure = Tls {
        insecure: true,
        ..Tls::default()
    };
    for (does, kind) in [
        (Does::Greets(b"220 mail ESMTP\r\n"), "tls"),
        (Does::EndsAtOnce, "reset"),
    ] {
        let server = Server::new(does).await;
        let request = HttpRequest {
            tls: insecure.clone(),
            ..get(format!("https://{}/", server.address))
        };
        check_error(ask(&request).await, kind, "TLS with");
    }
}
