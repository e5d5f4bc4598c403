//! The bare Engine API: the calls that a scenario needs, as many at once as can be, with nothing around them.

use std::io::{Error, Result};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures_util::future::{try_join, try_join_all};
use futures_util::{StreamExt, TryStreamExt, stream};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// What the web service runs.
pub(crate) const WEB: &str = "mkdir -p /www; echo 'hello from the bench' > /www/index.html; echo listening on 8080; exec httpd -f -p 8080 -h /www";
/// What it answers.
pub(crate) const HELLO: &str = "hello";
/// What the other service runs.
pub(crate) const DB: &str = "echo ready; exec sleep 3600";
/// Writes 240 MB when it is told to.
pub(crate) const LOG: &str = "mkfifo /go; read go < /go; yes 'a line of a hundred bytes, as programs write them: time, level, thread, module, message, and values.' | head -n 2400000; echo the end after 2400000 lines; exec sleep 3600";
/// Tells it to.
pub(crate) const WAIT: &str = "echo go > /go";
/// The label on everything that the bench makes, by whichever contestant; its value is the bench's own.
pub(crate) const LABEL: &str = "e2erun-bench";
const HTTP_PAUSE: Duration = Duration::from_millis(10);
/// Between two looks at a manager's tasks: it is a moment that is looked for.
const TASKS_PAUSE: Duration = Duration::from_millis(5);
const TASKS_LIMIT: Duration = Duration::from_secs(60);

/// An engine, with the connections to it that are free.
pub(crate) struct Bare {
    socket: PathBuf,
    /// In the names and the label of what is made.
    id: String,
    free: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Bare {
    /// The engine of this machine, or that of `DOCKER_HOST` when it is a socket.
    #[expect(clippy::disallowed_methods, reason = "the bench is its own command line")]
    pub(crate) fn new(id: &str) -> Bare {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let socket = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
        Bare {
            socket: PathBuf::from(socket),
            id: id.to_owned(),
            free: Mutex::default(),
        }
    }

    /// So many scenarios, so many of them at once.
    pub(crate) async fn scenarios(&self, count: usize, at_once: usize) -> Result<Duration> {
        let began = Instant::now();
        let all = (0..count).map(|number| self.scenario(number));
        stream::iter(all).buffer_unordered(at_once).try_collect::<()>().await?;
        Ok(began.elapsed())
    }

    async fn scenario(&self, number: usize) -> Result<()> {
        let network = format!("{}-bare-{number}", self.id);
        let spec = json!({"Name": network, "Labels": self.labels()});
        self.post("/networks/create", spec).await?;
        let (web, db) = try_join(
            self.create(WEB, &network, json!({"ExposedPorts": {"8080/tcp": {}}})),
            self.create(DB, &network, json!({})),
        )
        .await?;
        try_join(self.start(&web), self.start(&db)).await?;
        let (inspected, _) = try_join(self.inspect(&web), self.inspect(&db)).await?;
        let port = &inspected["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"];
        http(port.as_str().unwrap_or_default()).await?;
        let output = self.exec(&db, &["echo", "hello"]).await?;
        expect(&output, "hello")?;
        let written = self.log_of(&web).await?;
        expect(&written, "listening on 8080")?;
        try_join(self.remove(&web), self.remove(&db)).await?;
        self.call(Method::DELETE, &format!("/networks/{network}"), Value::Null)
            .await?;
        Ok(())
    }

    /// So many execs in a container, one after the other.
    pub(crate) async fn execs(&self, count: usize) -> Result<Duration> {
        let id = self.create(DB, "bridge", json!({})).await?;
        self.start(&id).await?;
        let began = Instant::now();
        for _ in 0..count {
            self.exec(&id, &["true"]).await?;
        }
        let took = began.elapsed();
        self.remove(&id).await?;
        Ok(took)
    }

    /// Reads a long log while it is written, until its last line is there.
    pub(crate) async fn log(&self) -> Result<Duration> {
        let id = self.create(LOG, "bridge", json!({})).await?;
        self.start(&id).await?;
        let began = Instant::now();
        let path = format!("/containers/{id}/logs?stdout=1&stderr=1&timestamps=1&follow=1");
        let mut log = self.send(Method::GET, &path, Value::Null).await?;
        self.exec(&id, &["sh", "-c", WAIT]).await?;
        until_end(&mut log).await?;
        let took = began.elapsed();
        drop(log);
        self.remove(&id).await?;
        Ok(took)
    }

    /// Makes a swarm of the engine, unless it is in one; says whether it did.
    pub(crate) async fn make_swarm(&self) -> Result<bool> {
        if self.get("/info").await?["Swarm"]["LocalNodeState"] == "active" {
            return Ok(false);
        }
        let spec =
            json!({"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1:2377", "Spec": {"Name": "default"}});
        self.post("/swarm/init", spec).await?;
        Ok(true)
    }

    /// Leaves it again, with the bridge that a swarm makes and leaves behind; the next one makes its own.
    pub(crate) async fn leave_swarm(&self) -> Result<()> {
        self.post("/swarm/leave?force=1", Value::Null).await?;
        let bridge = self.call(Method::DELETE, "/networks/docker_gwbridge", Value::Null);
        // An engine that has lost count of what was on it keeps it.
        bridge.await.ok();
        Ok(())
    }

    /// Waits until the manager tells of so many running tasks of this bench; gives the moments at which it was asked last when
    /// it did not yet tell of them, and at which it was asked when it did.
    #[expect(clippy::disallowed_methods, reason = "bare means without e2erun's own way to wait")]
    pub(crate) async fn tasks_run(&self, wanted: usize) -> Result<(SystemTime, SystemTime)> {
        let path = format!("/tasks?filters={}", self.filters());
        let limit = Instant::now() + TASKS_LIMIT;
        let mut before = SystemTime::now();
        while Instant::now() < limit {
            let asked = SystemTime::now();
            let tasks = self.get(&path).await?;
            let running = tasks.as_array().into_iter().flatten();
            if running.filter(|task| task["Status"]["State"] == "running").count() == wanted {
                return Ok((before, asked));
            }
            before = asked;
            tokio::time::sleep(TASKS_PAUSE).await;
        }
        Err(Error::other("the tasks do not run"))
    }

    fn filters(&self) -> String {
        let filters = json!({"label": [format!("{LABEL}={}", self.id)]}).to_string();
        filters.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    /// Removes all that this bench made and did not remove: an error or a signal ended it early.
    pub(crate) async fn clear(&self) -> Result<()> {
        let filters = self.filters();
        let found = |listed: Value, path: &str| {
            let ids = listed.as_array().cloned().unwrap_or_default();
            let ids = ids
                .into_iter()
                .filter_map(|one| Some(one["Id"].as_str().or(one["ID"].as_str())?.to_owned()));
            ids.map(|id| format!("{path}/{id}?force=1&v=1")).collect::<Vec<_>>()
        };
        // Services first: they would make their containers again.
        let mut paths = vec![("/containers", "/json?all=1&"), ("/networks", "?")];
        if self.get("/info").await?["Swarm"]["ControlAvailable"] == true {
            paths.insert(0, ("/services", "?"));
        }
        for (path, all) in paths {
            let listed = self.get(&format!("{path}{all}filters={filters}")).await?;
            let left = found(listed, path);
            try_join_all(left.iter().map(|one| self.call(Method::DELETE, one, Value::Null))).await?;
        }
        Ok(())
    }

    fn labels(&self) -> Value {
        json!({LABEL: self.id})
    }

    async fn create(&self, command: &str, network: &str, more: Value) -> Result<String> {
        let mut spec = json!({
            "Image": "busybox:latest", "Cmd": ["sh", "-c", command], "Labels": self.labels(),
            "HostConfig": {
                "NetworkMode": network, "PortBindings": {"8080/tcp": [{"HostPort": ""}]},
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "1g"}},
            },
        });
        if more["ExposedPorts"].is_null() {
            spec["HostConfig"]["PortBindings"] = json!({});
        } else {
            spec["ExposedPorts"] = more["ExposedPorts"].clone();
        }
        let made = self.post("/containers/create", spec).await?;
        Ok(made["Id"].as_str().unwrap_or_default().to_owned())
    }

    async fn start(&self, id: &str) -> Result<Value> {
        self.post(&format!("/containers/{id}/start"), Value::Null).await
    }

    async fn exec(&self, id: &str, command: &[&str]) -> Result<String> {
        let spec = json!({"AttachStdout": true, "AttachStderr": true, "Cmd": command});
        let made = self.post(&format!("/containers/{id}/exec"), spec).await?;
        let exec = made["Id"].as_str().unwrap_or_default();
        // Its connection is the exec's own, and ends with it.
        let mut own = self.open().await?;
        let start = request(
            Method::POST,
            &format!("/exec/{exec}/start"),
            json!({"Detach": false, "Tty": false}),
        )?;
        let output = own
            .send_request(start)
            .await
            .map_err(Error::other)?
            .collect()
            .await
            .map_err(Error::other)?;
        let ended = self.get(&format!("/exec/{exec}/json")).await?;
        if ended["ExitCode"] == 0 {
            Ok(String::from_utf8_lossy(&output.to_bytes()).into_owned())
        } else {
            Err(Error::other(format!("an exec ended with {}", ended["ExitCode"])))
        }
    }

    async fn log_of(&self, id: &str) -> Result<String> {
        let path = format!("/containers/{id}/logs?stdout=1&stderr=1&timestamps=1");
        let log = self
            .send(Method::GET, &path, Value::Null)
            .await?
            .collect()
            .await
            .map_err(Error::other)?;
        Ok(String::from_utf8_lossy(&log.to_bytes()).into_owned())
    }

    async fn inspect(&self, id: &str) -> Result<Value> {
        self.get(&format!("/containers/{id}/json")).await
    }

    /// Kills and removes.
    async fn remove(&self, id: &str) -> Result<Value> {
        self.call(Method::DELETE, &format!("/containers/{id}?force=1&v=1"), Value::Null)
            .await
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::POST, path, body).await
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let mut connection = self.connection().await?;
        let sent = connection.send_request(request(method, path, body)?).await;
        let answer = judged(sent.map_err(Error::other)?, path).await?;
        let bytes = answer.collect().await.map_err(Error::other)?.to_bytes();
        self.free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Sends a call whose answer is a stream: on a connection of its own.
    async fn send(&self, method: Method, path: &str, body: Value) -> Result<Incoming> {
        let mut own = self.open().await?;
        let sent = own.send_request(request(method, path, body)?).await;
        judged(sent.map_err(Error::other)?, path).await
    }

    /// A free connection, or a new one.
    async fn connection(&self) -> Result<SendRequest<Full<Bytes>>> {
        loop {
            let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut free) = free else {
                return self.open().await;
            };
            if free.ready().await.is_ok() {
                return Ok(free);
            }
        }
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(Error::other)?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

fn request(method: Method, path: &str, body: Value) -> Result<Request<Full<Bytes>>> {
    let bytes = if body.is_null() {
        Bytes::new()
    } else {
        Bytes::from(body.to_string())
    };
    let request = Request::builder().method(method).uri(path).header("Host", "engine");
    request
        .header("Content-Type", "application/json")
        .body(Full::new(bytes))
        .map_err(Error::other)
}

async fn judged(answer: Response<Incoming>, path: &str) -> Result<Incoming> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer.into_body());
    }
    let said = answer.into_body().collect().await.map_err(Error::other)?.to_bytes();
    Err(Error::other(format!(
        "{path}: {status}: {}",
        String::from_utf8_lossy(&said).trim()
    )))
}

fn expect(output: &str, wanted: &str) -> Result<()> {
    if output.contains(wanted) {
        Ok(())
    } else {
        Err(Error::other(format!("`{output}` has no `{wanted}`")))
    }
}

/// Asks the web service until it answers.
#[expect(clippy::disallowed_methods, reason = "bare means without e2erun's own way to wait")]
async fn http(port: &str) -> Result<()> {
    for _ in 0..1000 {
        if answer(port).await.is_ok_and(|answer| answer.contains(HELLO)) {
            return Ok(());
        }
        tokio::time::sleep(HTTP_PAUSE).await;
    }
    Err(Error::other("the web service does not answer"))
}

async fn answer(port: &str) -> Result<String> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

/// Reads until the last line is there.
async fn until_end(log: &mut Incoming) -> Result<()> {
    let mut tail: Vec<u8> = Vec::new();
    while let Some(frame) = log.frame().await {
        let frame = frame.map_err(Error::other)?;
        let Some(bytes) = frame.data_ref() else {
            continue;
        };
        tail.drain(..tail.len().saturating_sub(64));
        tail.extend_from_slice(bytes);
        if tail.windows(7).rev().take(128).any(|seen| seen == b"the end") {
            return Ok(());
        }
    }
    Err(Error::other("the log ended before its last line"))
}
