//! Ways to the machine's engine as if it were another one's: behind a TLS socket that wants to know who comes, and behind an
//! ssh server.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::copy_bidirectional;
use tokio::net::UnixStream;
use tokio_rustls::TlsAcceptor;

use super::stage::{Run, Stage};

/// How long an ssh server may take until it listens.
const LIMIT: Duration = Duration::from_secs(60);
/// Where these listen: not where ports of this machine's own engine are reached.
const FAR: &str = "127.0.0.2";

/// The engine behind TLS.
pub(super) struct Tls<'a> {
    stage: &'a Stage,
    /// What `--docker` takes.
    pub(super) address: String,
}

impl Tls<'_> {
    pub(super) fn start(stage: &Stage) -> Tls<'_> {
        Tls {
            stage,
            address: behind_tls(stage),
        }
    }

    /// Makes a docker context of it; gives the folder of the configuration that has it.
    pub(super) fn context(&self, name: &str) -> String {
        let config = self.stage.path("docker").display().to_string();
        let certs = self.stage.path("certs");
        let certs = certs.display();
        let host = format!(
            "host={},ca={certs}/ca.pem,cert={certs}/cert.pem,key={certs}/key.pem",
            self.address
        );
        let made = Command::new("docker")
            .args(["context", "create", name, "--docker", &host])
            .env("DOCKER_CONFIG", &config)
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONTEXT")
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        config
    }

    /// Runs the program with what the docker tools take of the environment for TLS.
    pub(super) fn run(&self, args: &[&str]) -> Run {
        let certs = self.stage.path("certs").display().to_string();
        let env = [("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", &*certs)];
        self.stage
            .run_with(&env, &[args, &["--docker", &self.address]].concat())
    }
}

/// A scenario passes over TLS, and leaves nothing.
pub(super) fn passes_over_tls(scenario: &str) {
    let stage = Stage::new();
    let run = Tls::start(&stage).run(&[scenario]);
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
}

/// A scenario passes over ssh, and leaves nothing; no socket either.
pub(super) fn passes_over_ssh(scenario: &str) {
    let stage = Stage::new();
    let server = Server::start(&stage);
    // Log-ins are dear on a machine that is busy with other tests.
    let args = [scenario, "--docker", &server.address(), "--timeout-scale", "4"];
    let run = stage.run("results", &args);
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
    let id = run.label().replace("e2erun.lease=", "");
    assert!(!Path::new(&format!("/tmp/e2erun-{id}")).exists(), "sockets are left");
}

/// Puts the engine behind a TLS socket with certificates of an authority of its own; gives the address.
fn behind_tls(stage: &Stage) -> String {
    let config = certificates(&stage.path("certs"));
    let listener = TcpListener::bind((FAR, 0)).unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                // One whose certificate is not taken ends here, as it should.
                tokio::spawn(async move {
                    let mut client = acceptor.accept(client).await?;
                    let mut engine = UnixStream::connect("/var/run/docker.sock").await?;
                    copy_bidirectional(&mut client, &mut engine).await
                });
            }
        });
    });
    address
}

/// Makes an authority, and what it has signed for the server and for who comes, as the docker tools call the files.
fn certificates(folder: &Path) -> ServerConfig {
    std::fs::create_dir(folder).unwrap();
    let params = |name: &str| CertificateParams::new(vec![name.to_owned()]).unwrap();
    let mut authority = params("authority.test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    std::fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
    for (of, certificate, key_file) in [
        (FAR, "server.pem", "server.key"),
        ("client.test", "cert.pem", "key.pem"),
    ] {
        let key = KeyPair::generate().unwrap();
        let signed = params(of).signed_by(&key, &issuer).unwrap();
        std::fs::write(folder.join(certificate), signed.pem()).unwrap();
        std::fs::write(folder.join(key_file), key.serialize_pem()).unwrap();
    }
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let shown = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.unwrap().with_client_cert_verifier(clients.build().unwrap());
    builder.with_single_cert(vec![shown], key).unwrap()
}

/// Puts a script in the place of the `ssh` program.
pub(super) fn put_ssh(stage: &Stage, script: &str) {
    let ssh = stage.path("bin/ssh");
    std::fs::create_dir_all(ssh.parent().unwrap()).unwrap();
    std::fs::write(&ssh, script).unwrap();
    std::fs::set_permissions(&ssh, PermissionsExt::from_mode(0o755)).unwrap();
}

/// An ssh server of the test's own on a free port, for the user who runs the test; `ssh` is set up to know it.
pub(super) struct Server {
    process: Child,
    user: String,
    port: u16,
    pub(super) counts: Arc<Counts>,
}

/// What a server has told of.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) log_ins: AtomicUsize,
    /// Commands: a connection to the engine is one.
    pub(super) sessions: AtomicUsize,
}

impl Server {
    pub(super) fn start(stage: &Stage) -> Server {
        let folder = stage.path("ssh");
        std::fs::create_dir(&folder).unwrap();
        for key in ["host", "own"] {
            let path = folder.join(key);
            let made = Command::new(openssh("bin/ssh-keygen"))
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&path)
                .status();
            assert!(made.unwrap().success());
        }
        std::fs::copy(folder.join("own.pub"), folder.join("authorized")).unwrap();
        let port = TcpListener::bind((FAR, 0)).unwrap().local_addr().unwrap().port();
        let host = std::fs::read_to_string(folder.join("host.pub")).unwrap();
        std::fs::write(folder.join("known"), format!("[{FAR}]:{port} {host}")).unwrap();
        let shown = folder.display();
        let server = format!(
            "ListenAddress {FAR}:{port}\nHostKey {shown}/host\nAuthorizedKeysFile {shown}/authorized\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nLogLevel VERBOSE\n"
        );
        std::fs::write(folder.join("server"), server).unwrap();
        // The user's own configuration is left alone: ssh takes its home from the system, whatever HOME says.
        let client = format!(
            "IdentityFile {shown}/own\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {shown}/known\n\
             GlobalKnownHostsFile /dev/null\nHost far.test\nHostName {FAR}\n"
        );
        std::fs::write(folder.join("client"), client).unwrap();
        let program = openssh("bin/ssh").display().to_string();
        put_ssh(stage, &format!("#!/bin/sh\nexec {program} -F {shown}/client \"$@\"\n"));
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let counts = Arc::default();
        Server {
            process: listening(&folder.join("server"), &counts),
            user: String::from_utf8(user).unwrap().trim().to_owned(),
            port,
            counts,
        }
    }

    /// What `--docker` takes: a name that only the configuration of `ssh` knows.
    pub(super) fn address(&self) -> String {
        format!("ssh://{}@far.test:{}", self.user, self.port)
    }
}

/// A program of OpenSSH's: the machine's, or what `make test` puts beside what is built where the machine has none.
fn openssh(name: &str) -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/openssh");
    let ours = ours.join(name.rsplit('/').next().unwrap());
    let all = [Path::new("/usr").join(name), ours];
    let found = all.into_iter().find(|path| path.exists());
    found.unwrap_or_else(|| panic!("the tests need OpenSSH's {name}: `fixtures/setup/sshd` sees to it"))
}

/// Starts the server; returns when it listens, and goes on counting.
fn listening(config: &Path, counts: &Arc<Counts>) -> Child {
    if rustix::process::geteuid().is_root() {
        // What the package makes when the machine starts.
        std::fs::create_dir_all("/run/sshd").unwrap();
    }
    let mut process = Command::new(openssh("sbin/sshd"))
        .args(["-D", "-e", "-f"])
        .arg(config)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let (tell, hear) = mpsc::channel();
    // It goes on telling, and stops when nobody reads.
    let counts = Arc::clone(counts);
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let count = |counter: &AtomicUsize, word: &str| {
                counter.fetch_add(usize::from(line.starts_with(word)), Ordering::Relaxed);
            };
            count(&counts.log_ins, "Accepted ");
            count(&counts.sessions, "Starting session: command ");
            // Nobody hears it once the server is known to listen.
            drop(tell.send(line));
        }
    });
    let (until, mut told) = (Instant::now() + LIMIT, Vec::new());
    while !told
        .last()
        .is_some_and(|line: &String| line.contains("Server listening"))
    {
        match hear.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => told.push(line),
            Err(why) => {
                drop(process.kill());
                panic!("sshd does not listen: {why}; it told {told:?}");
            }
        }
    }
    process
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
