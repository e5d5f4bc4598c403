//! The machine's engine from afar: behind a TLS socket that wants to know who comes, and behind an ssh server.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::copy_bidirectional;
use tokio::net::UnixStream;
use tokio_rustls::TlsAcceptor;

use super::stage::Stage;

const SCENARIO: &str = "tests/scenarios/remote.yaml";

#[test]
fn a_scenario_runs_over_tls() {
    let stage = Stage::new();
    let address = behind_tls(&stage);
    let certs = stage.path("certs").display().to_string();
    let env = [("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", &*certs)];
    let run = stage.run_with(&env, &[SCENARIO, "--docker", &address]);
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
}

#[test]
fn over_tls_both_sides_want_to_know_each_other() {
    let stage = Stage::new();
    let address = behind_tls(&stage);
    let certs = stage.path("certs").display().to_string();
    let run = stage.run_with(&[], &[SCENARIO, "--docker", &address]);
    run.code(3).says(&["cannot reach the engine at tcp://"]);
    std::fs::remove_file(stage.path("certs/cert.pem")).unwrap();
    let env = [("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", &*certs)];
    let run = stage.run_with(&env, &[SCENARIO, "--docker", &address]);
    run.code(3)
        .says(&["(?i)cannot reach the engine at tcp://.*certificate"]);
}

#[test]
fn a_scenario_runs_over_ssh() {
    let stage = Stage::new();
    let server = Server::start(&stage);
    // Log-ins are dear on a machine that is busy with other tests.
    let slowly = ["--timeout-scale", "4"];
    let run = stage.run(
        "results",
        &[&[SCENARIO, "--docker", &server.address()], &slowly[..]].concat(),
    );
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
    let id = run.label().replace("e2erun.lease=", "");
    assert!(!Path::new(&format!("/tmp/e2erun-{id}")).exists(), "sockets are left");
}

#[test]
fn many_connections_over_ssh_share_few_log_ins() {
    let stage = Stage::new();
    let server = Server::start(&stage);
    let many = ["tests/scenarios/remote-many.yaml", "-j", "4", "--repeat", "4"];
    let run = stage.run("results", &[&many[..], &["--docker", &server.address()]].concat());
    run.code(0).says(&["4 cases: 4 passed"]).left_nothing();
    let log_ins = server.log_ins.load(Ordering::Relaxed);
    assert!((2..=10).contains(&log_ins), "it logged in {log_ins} times");
}

#[test]
fn an_engine_that_cannot_be_reached_by_ssh_leaves_no_socket_behind() {
    let stage = Stage::new();
    let server = Server::start(&stage);
    std::fs::write(stage.path("ssh/authorized"), "").unwrap();
    let told = stage.program(&["gc", "--docker", &server.address()]).output().unwrap();
    assert!(
        String::from_utf8_lossy(&told.stderr).contains("Permission denied"),
        "{told:?}"
    );
    assert_eq!(leases(&stage), Vec::<String>::new());
}

#[test]
fn what_a_gc_over_ssh_leaves_that_is_killed_goes_with_the_next_one() {
    let stage = Stage::new();
    let pipe = stage.pipe("called");
    // It is called and does not answer; where the name leads, it says.
    let hangs = format!(
        "#!/bin/sh\ncase \"$*\" in -G*) exit 0;; esac\necho called > {}\nexec cat > /dev/null\n",
        pipe.display()
    );
    put_ssh(&stage, &hangs);
    let mut gc = stage
        .program(&["gc", "--docker", "ssh://core@far.test"])
        .spawn()
        .unwrap();
    // It waits for whoever writes to it.
    assert_eq!(std::fs::read_to_string(&pipe).unwrap(), "called\n");
    let [id] = &leases(&stage)[..] else {
        panic!("it has no lease: {:?}", leases(&stage))
    };
    let sockets = format!("/tmp/e2erun-{id}");
    assert!(Path::new(&sockets).exists(), "{sockets}");
    gc.kill().unwrap();
    gc.wait().unwrap();
    assert!(stage.program(&["gc"]).status().unwrap().success());
    assert!(!Path::new(&sockets).exists(), "{sockets} is left");
    assert_eq!(leases(&stage), Vec::<String>::new());
}

/// The ids of the leases that are there.
fn leases(stage: &Stage) -> Vec<String> {
    let files = std::fs::read_dir(stage.path("state/e2erun/leases"))
        .into_iter()
        .flatten();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| Some(name.strip_suffix(".lease")?.to_owned()))
        .collect()
}

/// Puts a script in the place of the `ssh` program.
fn put_ssh(stage: &Stage, script: &str) {
    let ssh = stage.path("bin/ssh");
    std::fs::create_dir_all(ssh.parent().unwrap()).unwrap();
    std::fs::write(&ssh, script).unwrap();
    std::fs::set_permissions(&ssh, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_in_the_way_over_ssh_is_told_with_what_to_do() {
    let stage = Stage::new();
    let server = Server::start(&stage);
    let run = |name: &str| stage.run(name, &[SCENARIO, "--docker", &server.address()]);
    let path = format!("{}/nowhere.sock", server.address());
    let no_engine = stage.run("no-engine", &[SCENARIO, "--docker", &path]);
    no_engine
        .code(3)
        .says(&["nowhere.sock: connect: no such file", "no engine runs there"]);
    std::fs::write(stage.path("ssh/authorized"), "").unwrap();
    run("no-key").code(3).says(&["Permission denied", "ssh-add"]);
    std::fs::write(stage.path("ssh/known"), "").unwrap();
    run("unknown")
        .code(3)
        .says(&["Host key verification failed", "known_hosts"]);
    let gone = "ssh://root@127.0.0.1:1";
    let gone = stage.run("gone", &[SCENARIO, "--docker", gone]);
    gone.code(3)
        .says(&["Connection refused", "does an ssh server listen there"]);
    let secret = stage.run("secret", &[SCENARIO, "--docker", "ssh://core:s3cret@127.0.0.1"]);
    secret.code(2).says(&["an engine's address has no password in it"]);
    assert!(!secret.told().contains("s3cret"), "{}", secret.told());
}

#[test]
fn what_is_only_here_and_what_is_only_there_is_told() {
    let stage = Stage::new();
    let address = behind_tls(&stage);
    let certs = stage.path("certs").display().to_string();
    let env = [("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", &*certs)];
    let run = |scenario: &str| stage.run_with(&env, &[scenario, "--docker", &address]);
    run("tests/scenarios/remote-refused.yaml")
        .code(3)
        .left_nothing()
        .says(&[
            r"docker-compose.yml:8:9",
            r"`\./www` is on this machine, the engine is on another one",
            "take `copy: false` away",
        ]);
    run("tests/scenarios/remote-loopback.yaml")
        .code(3)
        .left_nothing()
        .says(&[
            "port 80 of `hidden` cannot be reached from here: it is bound to 127.0.0.1 of the engine's machine",
            "`inside: hidden`",
        ]);
}

#[test]
fn what_is_left_for_a_look_is_looked_at_by_pasting_what_was_told() {
    let stage = Stage::new();
    let address = behind_tls(&stage);
    let certs = stage.path("certs").display().to_string();
    let env = [("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", &*certs)];
    let run = stage.run_with(&env, &[SCENARIO, "--docker", &address, "--keep", "always"]);
    let told = run.code(0).told();
    let look = told
        .lines()
        .find(|line| line.contains(" exec -it ") && line.contains("-web-1 "))
        .unwrap();
    // Where nobody sits there is no terminal.
    let look = look.trim().replace(" -it ", " ").replace(" sh", " cat /www/hello.txt");
    let ours = Path::new(env!("CARGO_BIN_EXE_e2erun")).parent().unwrap().display();
    let path = format!("{ours}:{}", std::env::var("PATH").unwrap());
    let sh = |words: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", words]).env("PATH", &path);
        command.env("XDG_STATE_HOME", stage.path("state")).output().unwrap()
    };
    assert_eq!(String::from_utf8_lossy(&sh(&look).stdout).trim(), "from here", "{look}");
    let (_, remove) = told.split_once("remove it: ").unwrap();
    let remove = remove.lines().next().unwrap();
    assert!(remove.starts_with("DOCKER_TLS_VERIFY=1 "), "{remove}");
    assert!(sh(remove).status.success(), "{remove}");
    run.left_nothing();
}

/// Puts the engine behind a TLS socket with certificates of an authority of its own; gives the address.
pub(super) fn behind_tls(stage: &Stage) -> String {
    let config = certificates(&stage.path("certs"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
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
        ("127.0.0.1", "server.pem", "server.key"),
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

/// An ssh server of the test's own on a free port, for the user who runs the test; `ssh` is set up to know it.
pub(super) struct Server {
    process: Child,
    user: String,
    port: u16,
    log_ins: Arc<AtomicUsize>,
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
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = std::fs::read_to_string(folder.join("host.pub")).unwrap();
        std::fs::write(folder.join("known"), format!("[127.0.0.1]:{port} {host}")).unwrap();
        let shown = folder.display();
        let server = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {shown}/host\nAuthorizedKeysFile {shown}/authorized\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\n"
        );
        std::fs::write(folder.join("server"), server).unwrap();
        // The user's own configuration is left alone: ssh takes its home from the system, whatever HOME says.
        let client = format!(
            "IdentityFile {shown}/own\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {shown}/known\n\
             GlobalKnownHostsFile /dev/null\n"
        );
        std::fs::write(folder.join("client"), client).unwrap();
        let program = openssh("bin/ssh").display().to_string();
        put_ssh(stage, &format!("#!/bin/sh\nexec {program} -F {shown}/client \"$@\"\n"));
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let log_ins = Arc::default();
        Server {
            process: listening(&folder.join("server"), &log_ins),
            user: String::from_utf8(user).unwrap().trim().to_owned(),
            port,
            log_ins,
        }
    }

    /// What `--docker` takes.
    pub(super) fn address(&self) -> String {
        format!("ssh://{}@127.0.0.1:{}", self.user, self.port)
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

/// Starts the server; returns when it listens, and goes on counting who logs in.
fn listening(config: &Path, log_ins: &Arc<AtomicUsize>) -> Child {
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
    let mut lines = BufReader::new(process.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let told: Vec<String> = lines
        .by_ref()
        .take_while(|line| !line.contains("Server listening"))
        .collect();
    assert!(process.try_wait().unwrap().is_none(), "sshd ended: {told:?}");
    // It goes on telling, and stops when nobody reads.
    let log_ins = Arc::clone(log_ins);
    std::thread::spawn(move || {
        let accepted = lines.filter(|line| line.starts_with("Accepted "));
        accepted.for_each(|_| {
            log_ins.fetch_add(1, Ordering::Relaxed);
        });
    });
    process
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
