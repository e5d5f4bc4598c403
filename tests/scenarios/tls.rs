//! Questions over TLS, to a server of the test's own.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::stage::Stage;

#[test]
fn a_server_is_asked_over_tls_by_another_address_with_a_password() {
    let stage = Stage::new();
    let config = Arc::new(certificates(&stage));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("at={}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // One whose certificate is not taken ends here, as it should.
            drop(answer(stream.unwrap(), &config));
        }
    });
    let certs = format!("certs={}", stage.path("certs").display());
    let arguments = ["tests/scenarios/tls.yaml", "--set", &port, "--set", &certs];
    stage.run("results", &arguments).code(0).says(&["1 case: 1 passed"]);
}

/// Makes an authority, and what it has signed for the server and for who asks; gives what the server is set up with.
fn certificates(stage: &Stage) -> ServerConfig {
    let folder = stage.path("certs");
    std::fs::create_dir(&folder).unwrap();
    let params = |name: &str| CertificateParams::new(vec![name.to_owned()]).unwrap();
    let mut authority = params("authority.test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    write(&folder, "ca.pem", &ca.pem());
    for (name, of) in [("server", "shop.test"), ("client", "client.test")] {
        let key = KeyPair::generate().unwrap();
        let signed = params(of).signed_by(&key, &issuer).unwrap();
        write(&folder, &format!("{name}.pem"), &signed.pem());
        write(&folder, &format!("{name}.key"), &key.serialize_pem());
    }
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let clients = clients.allow_unauthenticated().build().unwrap();
    let shown = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.unwrap().with_client_cert_verifier(clients);
    builder.with_single_cert(vec![shown], key).unwrap()
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// Answers one question with what it was asked with: the name, whether a certificate was shown, and the password.
fn answer(stream: TcpStream, config: &Arc<ServerConfig>) -> io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        asked.extend(byte);
    }
    let asked = String::from_utf8_lossy(&asked).into_owned();
    let password = asked.lines().find_map(|line| line.strip_prefix("authorization: "));
    let who = if stream.conn.peer_certificates().is_some() {
        "client"
    } else {
        "nobody"
    };
    let name = stream.conn.server_name().unwrap_or_default();
    let body = format!("{name} {who} {}", password.unwrap_or("no password"));
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}
