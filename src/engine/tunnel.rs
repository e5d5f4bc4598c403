//! The way to an engine over ssh: a socket of this machine, and for each connection to it a `docker system dial-stdio` on
//! the far side, as the docker tools do it.
//!
//! They go through connections of the `ssh` program that have logged in, each for as many as a server lets through one. Such
//! a connection lasts as long as it is spoken with: when this process is gone, however it went, its input ends, and it with
//! that. Nothing ever asks anybody (`BatchMode`). What goes wrong on the way is told as an engine would tell it, to whoever
//! asked: to the docker tools, too.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

use super::docker::Far;
use super::{EngineError, EngineResult, Reason};
use crate::host::PipedProcess;

/// Who does not let us in within this is away.
const LIMIT: Duration = Duration::from_secs(40);
/// How long the connection may take to end.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How many sessions go through one connection: sshd's `MaxSessions` lets ten if nothing is said, that which holds it open
/// among them, and one may be about to end.
const MAX_SESSIONS: usize = 8;
/// How long until it is listened again after that failed, as where too many files are open.
const AGAIN: Duration = Duration::from_millis(100);
/// What the far side says back when it lets us in.
const WORD: &str = "e2erun\n";

/// An engine over ssh, as a socket of this machine.
pub struct Tunnel {
    /// The socket.
    pub socket: PathBuf,
    /// The far machine's name or address, as the configuration of ssh has it: its ports are reached there.
    pub address: String,
    ssh: Arc<Ssh>,
    relay: AbortOnDropHandle<()>,
}

/// The calls of the `ssh` program.
struct Ssh {
    far: Far,
    /// Where the connections are found.
    folder: PathBuf,
    env: BTreeMap<String, String>,
    masters: Mutex<Vec<Master>>,
    /// How many connections were begun: none has the name of another, which may have left it there.
    begun: AtomicUsize,
}

/// A connection that has logged in.
struct Master {
    process: PipedProcess,
    control: PathBuf,
    sessions: Arc<Semaphore>,
}

/// A connection to the engine of the far side, and its session in the one that it goes through.
struct Dialled {
    process: PipedProcess,
    session: OwnedSemaphorePermit,
}

impl Tunnel {
    /// Logs in, and listens in a folder, which is made and nobody else's. `env` is what `ssh` sees: an agent, a home.
    pub async fn open(far: &Far, folder: &Path, env: &BTreeMap<String, String>) -> EngineResult<Tunnel> {
        make_private(folder).map_err(|why| failed(far, why.to_string(), Reason::Other))?;
        let opened = Tunnel::open_in(far, folder, env).await;
        if opened.is_err() {
            drop(std::fs::remove_dir_all(folder));
        }
        opened
    }

    async fn open_in(far: &Far, folder: &Path, env: &BTreeMap<String, String>) -> EngineResult<Tunnel> {
        let ssh = Ssh {
            far: far.clone(),
            folder: folder.to_owned(),
            env: env.clone(),
            masters: Mutex::default(),
            begun: AtomicUsize::new(0),
        };
        let (session, address) = tokio::join!(ssh.session(), ssh.address());
        drop(session.map_err(|answer| failed(far, answer, Reason::Away))?);
        let socket = folder.join("engine.sock");
        let listener = UnixListener::bind(&socket).map_err(|why| failed(far, why.to_string(), Reason::Other))?;
        let ssh = Arc::new(ssh);
        let relay = AbortOnDropHandle::new(tokio::spawn(relay(listener, Arc::clone(&ssh))));
        Ok(Tunnel {
            socket,
            address,
            ssh,
            relay,
        })
    }

    /// Logs out.
    pub async fn close(self) {
        drop(self.relay);
        let masters = std::mem::take(&mut *self.ssh.masters.lock().await);
        let ends = masters.into_iter().map(|Master { process, .. }| {
            drop(process.stdin);
            process.ending.told()
        });
        drop(tokio::time::timeout(END_LIMIT, join_all(ends)).await);
        // Where it stays, the end of the lease removes it.
        drop(std::fs::remove_dir_all(&self.ssh.folder));
    }
}

fn failed(far: &Far, answer: String, reason: Reason) -> EngineError {
    EngineError {
        attempt: format!("reach {} by ssh", far.shown()),
        answer,
        reason,
    }
}

/// Makes a folder that only this user can look into; one that is there already may be somebody else's.
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(folder)
}

impl Ssh {
    /// A session in a connection: in one that has some left, else in a further one.
    async fn session(&self) -> Result<(PathBuf, OwnedSemaphorePermit), String> {
        // Held while one logs in: others that want a session wait for that.
        let mut masters = self.masters.lock().await;
        // Each session that wanted to go through one that has ended would log in by itself.
        masters.retain_mut(|master| !master.process.ending.has_come());
        for Master { control, sessions, .. } in masters.iter() {
            if let Ok(session) = Arc::clone(sessions).try_acquire_owned() {
                return Ok((control.clone(), session));
            }
        }
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let control = self.folder.join(format!("ssh{number}"));
        let logged_in = tokio::time::timeout(LIMIT, self.log_in(&control)).await;
        let process = logged_in.map_err(|_| format!("there was no answer within {LIMIT:?}"))??;
        let sessions = Arc::new(Semaphore::new(MAX_SESSIONS));
        let session = Arc::clone(&sessions)
            .try_acquire_owned()
            .map_err(|why| why.to_string())?;
        masters.push(Master {
            process,
            control: control.clone(),
            sessions,
        });
        Ok((control, session))
    }

    /// Opens a connection: it has logged in when what it is told comes back.
    async fn log_in(&self, control: &Path) -> Result<PipedProcess, String> {
        let argv = self.argv(("yes", control), &["cat"]);
        let mut process = PipedProcess::start(&argv, &self.env).map_err(not_started)?;
        // Where it does not come to that, its end says why.
        drop(process.stdin.write_all(WORD.as_bytes()).await);
        let mut said = String::new();
        let mut lines = BufReader::new(&mut process.stdout).take(1024);
        drop(lines.read_line(&mut said).await);
        match said.as_str() {
            WORD => Ok(process),
            "" => {
                let (exit, told) = process.ending.told().await;
                Err(explained(exit, &told))
            }
            other => Err(format!(
                "the shell there writes `{}` before it does what it is told: its start-up files may write nothing where \
                 nobody reads it",
                other.trim_end()
            )),
        }
    }

    /// Where the far machine is, as the configuration of ssh has it: `web1` may stand for `10.0.0.7` there.
    async fn address(&self) -> String {
        let argv = ["ssh", "-G", "--", self.far.host.as_str()].map(str::to_owned);
        let asked = async {
            let PipedProcess {
                stdin,
                mut stdout,
                ending,
            } = PipedProcess::start(&argv, &self.env)?;
            drop(stdin);
            let mut said = String::new();
            stdout.read_to_string(&mut said).await?;
            ending.told().await;
            io::Result::Ok(said)
        };
        let said = tokio::time::timeout(LIMIT, asked).await;
        let said = said.ok().and_then(Result::ok).unwrap_or_default();
        let name = said.lines().find_map(|line| line.strip_prefix("hostname "));
        name.map_or_else(|| self.far.host.clone(), |name| name.trim().to_owned())
    }

    /// The words of a call: `own` as `ControlMaster` takes it, and what is done on the far side.
    fn argv(&self, (own, control): (&str, &Path), words: &[&str]) -> Vec<String> {
        let control = format!("ControlPath={}", control.display());
        let master = format!("ControlMaster={own}");
        let mut argv = vec!["ssh", "-T", "-a", "-x"];
        // What a user's configuration says of their own sessions is not for these.
        for option in [
            "BatchMode=yes",
            "ConnectTimeout=20",
            "ServerAliveInterval=15",
            "ControlPersist=no",
            "ClearAllForwardings=yes",
            "RemoteCommand=none",
            &control,
            &master,
        ] {
            argv.extend(["-o", option]);
        }
        let port = self.far.port.map(|port| port.to_string());
        for (flag, value) in [("-l", self.far.user.as_deref()), ("-p", port.as_deref())] {
            argv.extend(value.into_iter().flat_map(|value| [flag, value]));
        }
        argv.extend(["--", &self.far.host]);
        argv.extend(words);
        argv.into_iter().map(str::to_owned).collect()
    }

    /// A connection to the engine of the far side.
    async fn dial(&self) -> Result<Dialled, String> {
        let (control, session) = self.session().await?;
        let socket = self.far.socket.as_ref().map(|path| format!("unix://{path}"));
        let mut words = vec!["docker"];
        words.extend(socket.iter().flat_map(|socket| ["--host", socket]));
        words.extend(["system", "dial-stdio"]);
        let process = PipedProcess::start(&self.argv(("no", &control), &words), &self.env).map_err(not_started)?;
        Ok(Dialled { process, session })
    }
}

/// Connects whoever comes with the engine, until it is dropped.
async fn relay(listener: UnixListener, ssh: Arc<Ssh>) {
    let mut joined = tokio::task::JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            crate::wait::pause(AGAIN).await;
            continue;
        };
        let ssh = Arc::clone(&ssh);
        joined.spawn(async move { join(client, &ssh).await });
        while joined.try_join_next().is_some() {}
    }
}

/// Joins a connection with one to the engine: what either side ends has ended on the other one.
async fn join(client: UnixStream, ssh: &Ssh) {
    let (mut asks, mut hears) = client.into_split();
    let Dialled {
        process,
        session: _session,
    } = match ssh.dial().await {
        Ok(dialled) => dialled,
        Err(why) => return refuse(&mut hears, &ssh.far, &why).await,
    };
    let PipedProcess {
        mut stdin,
        mut stdout,
        ending,
    } = process;
    let mut answered = Counted::default();
    {
        let ask = async move { drop(tokio::io::copy(&mut asks, &mut stdin).await) };
        let answer = answered.copy(&mut stdout, &mut hears);
        tokio::pin!(ask, answer);
        tokio::select! {
            () = &mut answer => {}
            // It has no more to ask, and may still hear.
            () = &mut ask => answer.await,
        }
    }
    if !answered.any {
        let (exit, told) = ending.told().await;
        refuse(&mut hears, &ssh.far, &explained(exit, &told)).await;
    }
    drop(hears.shutdown().await);
}

/// Whether anything came.
#[derive(Default)]
struct Counted {
    any: bool,
}

impl Counted {
    async fn copy(
        &mut self,
        from: &mut (impl tokio::io::AsyncRead + Unpin),
        to: &mut (impl tokio::io::AsyncWrite + Unpin),
    ) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length) = from.read(&mut buffer).await
            && length > 0
        {
            self.any = true;
            if to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    }
}

/// Answers as an engine that cannot, so that whoever asked tells why.
async fn refuse(to: &mut (impl tokio::io::AsyncWrite + Unpin), far: &Far, why: &str) {
    let message = json!({"message": format!("{} cannot be reached by ssh: {why}", far.shown())}).to_string();
    let answer = format!(
        "HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{message}",
        message.len()
    );
    drop(to.write_all(answer.as_bytes()).await);
}

fn not_started(why: io::Error) -> String {
    match why.kind() {
        io::ErrorKind::NotFound => "the `ssh` program is not here; install an OpenSSH client".to_owned(),
        _ => format!("the `ssh` program cannot be started: {why}"),
    }
}

/// What to do about what ssh, the shell on the far side or its docker tool complains of: the first that is spoken of.
const HINTS: [(&str, &str); 9] = [
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "it has another key than when it was last reached; if that is right, `ssh-keygen -R HOST` forgets the old one",
    ),
    (
        "Host key verification failed",
        "its key is not known here: `ssh` to it once by hand and look at the key, or put it into ~/.ssh/known_hosts",
    ),
    (
        "connect: permission denied",
        "the user there may not use the engine: put them into the group `docker`",
    ),
    (
        "Permission denied",
        "nothing is asked for here, no password either: put a key without one into ~/.ssh, or its password into an agent \
         (`ssh-add`), and the key into ~/.ssh/authorized_keys there",
    ),
    (
        "failed to open the raw stream connection",
        "no engine runs there, or it listens elsewhere: `ssh://HOST/PATH/OF/THE.sock` says where",
    ),
    ("Could not resolve hostname", "is the name right?"),
    ("Connection refused", "does an ssh server listen there, at that port?"),
    (
        "is not a docker command",
        "its docker tool is too old: `docker system dial-stdio` came with 18.09",
    ),
    (
        "not found",
        "the docker tool has to be there, in the PATH of a shell that nobody sits at",
    ),
];

/// Why it ended, and what to do about it.
fn explained(exit: Option<i32>, told: &str) -> String {
    let hint = HINTS.iter().find(|(about, _)| told.contains(about));
    let why = match (told.lines().map(str::trim).rfind(|line| !line.is_empty()), exit) {
        (Some(_), _) => told.split_whitespace().collect::<Vec<_>>().join(" "),
        (None, Some(exit)) => format!("ssh ended with exit code {exit}"),
        (None, None) => "ssh was ended by a signal".to_owned(),
    };
    match hint {
        Some((_, hint)) => format!("{why}; {hint}"),
        None => why,
    }
}

#[cfg(test)]
mod tests;
