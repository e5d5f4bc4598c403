//! A socket before the engine's, that can be cut: the engine is lost in the middle of a run.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Where the engine listens unless the environment says otherwise.
const ENGINE: &str = "/var/run/docker.sock";

/// A socket before the engine's.
pub(crate) struct Proxy {
    path: PathBuf,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl Proxy {
    /// Listens at a path.
    pub(crate) fn start(path: PathBuf) -> Proxy {
        let listener = UnixListener::bind(&path).unwrap();
        let open = Arc::<Mutex<Vec<UnixStream>>>::default();
        let proxy = Proxy {
            path,
            open: Arc::clone(&open),
        };
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let joined = connection.and_then(|client| join(client, &open));
                joined.expect("a connection through the proxy");
            }
        });
        proxy
    }

    /// What `--docker` takes.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// Ends all connections; new ones are taken.
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
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
fn join(client: UnixStream, open: &Mutex<Vec<UnixStream>>) -> io::Result<()> {
    let engine = UnixStream::connect(engine())?;
    open.lock().unwrap().extend([client.try_clone()?, engine.try_clone()?]);
    for (mut from, mut to) in [(client.try_clone()?, engine.try_clone()?), (engine, client)] {
        std::thread::spawn(move || {
            // Cut or ended: the other side is told of it.
            drop(io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Write));
        });
    }
    Ok(())
}

fn engine() -> PathBuf {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let path = host.strip_prefix("unix://").unwrap_or(ENGINE);
    Path::new(path).to_owned()
}
