//! What the engine tells, for tests that wait for it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use super::stage::{LIMIT, docker};

/// What the engine tells from now on, of what passes the filters.
pub(crate) struct DockerEvents {
    told: mpsc::Receiver<String>,
    tool: Child,
}

/// Begins to listen to the engine; nothing that comes after it is missed, however long the tool takes to start.
pub(crate) fn docker_events(filters: &[&str]) -> DockerEvents {
    let now = docker(&["info", "--format", "{{.SystemTime}}"]).unwrap();
    let filters = filters.iter().flat_map(|filter| ["--filter", filter]);
    let mut tool = Command::new("docker")
        .args(["events", "--since", &now])
        .args(filters)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(tool.stdout.take().unwrap()).lines();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
    DockerEvents { told, tool }
}

impl DockerEvents {
    /// Waits for the next one.
    pub(crate) fn next(&self) -> String {
        self.told.recv_timeout(LIMIT).expect("the engine told nothing")
    }
}

impl Drop for DockerEvents {
    fn drop(&mut self) {
        drop(self.tool.kill());
        drop(self.tool.wait());
    }
}
