//! A socket before the engine's, that can be cut: the engine is lost in the middle of a run.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Where the engine listens unless the environment says otherwise.
const ENGINE: &str = "/var/run/docker.sock";

/// Nothing is waited for longer.
const LIMIT: Duration = Duration::from_secs(60);

/// A socket before the engine's.
pub(crate) struct Proxy {
    path: PathBuf,
    passed: Arc<Passed>,
}

/// What goes through it.
#[derive(Default)]
struct Passed {
    open: Mutex<Vec<UnixStream>>,
    /// All that the engine was asked.
    asked: Mutex<Vec<u8>>,
    more: Condvar,
}

impl Proxy {
    /// Listens at a path.
    pub(crate) fn start(path: PathBuf) -> Proxy {
        let listener = UnixListener::bind(&path).unwrap();
        let passed = Arc::<Passed>::default();
        let proxy = Proxy {
            path,
            passed: Arc::clone(&passed),
        };
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let joined = connection.and_then(|client| join(client, &passed));
                joined.expect("a connection through the proxy");
            }
        });
        proxy
    }

    /// What `--docker` takes.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// Returns once the engine was asked for something that has these words.
    pub(crate) fn until_asked(&self, words: &str) {
        let has = |asked: &[u8]| asked.windows(words.len()).any(|part| part == words.as_bytes());
        let asked = self.passed.asked.lock().unwrap();
        let waited = self.passed.more.wait_timeout_while(asked, LIMIT, |asked| !has(asked));
        assert!(!waited.unwrap().1.timed_out(), "nobody asked for {words}");
    }

    /// Ends all connections; new ones are taken.
    pub(crate) fn cut(&self) {
        for stream in self.passed.open.lock().unwrap().drain(..) {
            // One that has ended by itself is as good as cut.
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Ends all connections for good: nobody listens any more.
    pub(crate) fn away(&self) {
        std::fs::remove_file(&self.path).unwrap();
        self.cut();
    }
}

/// Joins a connection with one to the engine, in both directions.
fn join(client: UnixStream, passed: &Arc<Passed>) -> io::Result<()> {
    let engine = UnixStream::connect(engine())?;
    let streams = [client.try_clone()?, engine.try_clone()?];
    passed.open.lock().unwrap().extend(streams);
    let (mut to_client, mut from_engine) = (client.try_clone()?, engine.try_clone()?);
    std::thread::spawn(move || {
        // Cut or ended: the other side is told of it.
        drop(io::copy(&mut from_engine, &mut to_client));
        drop(to_client.shutdown(Shutdown::Write));
    });
    let passed = Arc::clone(passed);
    std::thread::spawn(move || {
        drop(ask(client, &engine, &passed));
        drop(engine.shutdown(Shutdown::Write));
    });
    Ok(())
}

/// Hands on what the engine is asked, and remembers it.
fn ask(mut from: UnixStream, mut to: &UnixStream, passed: &Passed) -> io::Result<()> {
    let mut piece = [0; 8192];
    loop {
        let length = from.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        passed.asked.lock().unwrap().extend_from_slice(&piece[..length]);
        passed.more.notify_all();
        to.write_all(&piece[..length])?;
    }
}

fn engine() -> PathBuf {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let path = host.strip_prefix("unix://").unwrap_or(ENGINE);
    Path::new(path).to_owned()
}
