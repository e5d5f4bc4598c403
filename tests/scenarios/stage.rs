//! What the tests stand on: a run of the built program with a folder of its own, and what it left.

use std::fmt::Write as _;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use super::one_swarm;

/// No test waits longer for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(400);

/// A folder of one test: results, leases, and a pipe by which scenarios tell how far they are.
pub(crate) struct Stage {
    folder: TempDir,
    /// A network that some swarm has left behind before the test, by its id.
    stray: Option<String>,
}

/// A run that has ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    results: PathBuf,
    stray: Option<String>,
}

/// A run that goes on.
pub(crate) struct Going {
    child: Child,
    results: PathBuf,
    stray: Option<String>,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        assert!(
            docker(&["version", "--format", "{{.Server.Version}}"]).is_some(),
            "these tests need a Docker engine"
        );
        Stage {
            folder: tempfile::tempdir().unwrap(),
            stray: one_swarm::stray_network(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, in the folder of this crate, with nothing of who calls the tests but the engine.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_e2erun"));
        command
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITHUB_STEP_SUMMARY")
            .stdin(Stdio::null());
        if self.path("bin").exists() {
            let path = std::env::var("PATH").unwrap();
            command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        }
        command
    }

    /// Runs it to its end as a user who is not root, and may use the engine.
    pub(crate) fn run_as_nobody(&self, results: &str, arguments: &[&str]) -> Run {
        if !rustix::process::geteuid().is_root() {
            return self.run(results, arguments);
        }
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let socket = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
        // An engine that has no socket here asks for no group.
        let group = std::fs::metadata(socket).map_or(65534, |socket| socket.gid());
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", &format!("--regid={group}"), "--clear-groups"]);
        let program = self.program(arguments);
        command.arg(program.get_program()).args(program.get_args());
        let folder = self.path("nobody");
        std::fs::create_dir_all(&folder).unwrap();
        for open in [self.folder.path(), &folder] {
            std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o777)).unwrap();
        }
        let results = folder.join(results);
        command.arg("--results").arg(&results);
        command.env("HOME", &folder).env("XDG_STATE_HOME", folder.join("state"));
        command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
        command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
        self.going(command, results).end()
    }

    /// The program finds this in place of `docker build`; all else that it asks of `docker` is done as always.
    pub(crate) fn instead_of_docker_build(&self, script: &str) {
        let docker = Command::new("sh").args(["-c", "command -v docker"]).output().unwrap();
        let docker = String::from_utf8(docker.stdout).unwrap();
        let text = format!(
            "#!/bin/sh\n[ \"$1\" = build ] || exec {} \"$@\"\n{script}",
            docker.trim()
        );
        let path = self.path("bin/docker");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A pipe of that name, by which a program tells how far it is.
    pub(crate) fn pipe(&self, name: &str) -> PathBuf {
        let pipe = self.path(name);
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        pipe
    }

    /// Runs it to its end; its results go to a folder of that name.
    pub(crate) fn run(&self, results: &str, arguments: &[&str]) -> Run {
        self.start(results, arguments).end()
    }

    /// The same, with more in its environment.
    pub(crate) fn run_with(&self, env: &[(&str, &str)], arguments: &[&str]) -> Run {
        let results = self.path("results");
        let mut command = self.program(arguments);
        command.arg("--results").arg(&results).envs(env.iter().copied());
        self.going(command, results).end()
    }

    fn going(&self, mut command: Command, results: PathBuf) -> Going {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Going {
            child: command.spawn().unwrap(),
            results,
            stray: self.stray.clone(),
        }
    }

    /// Starts it; its results go to a folder of that name.
    pub(crate) fn start(&self, results: &str, arguments: &[&str]) -> Going {
        let results = self.path(results);
        let mut command = self.program(arguments);
        command.arg("--results").arg(&results);
        self.going(command, results)
    }

    /// Runs it to its end with results on a disk of so many KiB; what is on that is copied to a folder of that name.
    pub(crate) fn run_on_disk(&self, results: &str, size: u32, arguments: &[&str]) -> Run {
        let (results, disk) = (self.path(results), self.path("disk"));
        for folder in [&results, &disk] {
            std::fs::create_dir_all(folder).unwrap();
        }
        // A mount of nobody else's, which needs no rights.
        let script =
            "mount -t tmpfs -o size=$SIZE none \"$DISK\" && \"$@\"; code=$?; cp -r \"$DISK\"/. \"$COPY\"; exit $code";
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
        let program = self.program(arguments);
        command.arg(program.get_program()).args(program.get_args());
        command.arg("--results").arg(&disk);
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .env("SIZE", format!("{size}k"))
            .env("DISK", &disk)
            .env("COPY", &results);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
        self.going(command, results).end()
    }

    /// A scenario of this folder that tells by the pipe how far it is; returns when it has.
    pub(crate) fn start_until_told(&self, results: &str, arguments: &[&str]) -> Going {
        std::fs::create_dir_all(self.path("told")).unwrap();
        let pipe = self.path("told/pipe");
        if !pipe.exists() {
            assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        }
        let told = format!("told={}", self.path("told").display());
        let going = self.start(results, &[arguments, &["--set", &told]].concat());
        let (tell, hear) = mpsc::channel();
        std::thread::spawn(move || drop(tell.send(std::fs::read_to_string(&pipe))));
        let heard = hear.recv_timeout(LIMIT);
        heard.expect("the scenario did not get that far").unwrap();
        going
    }
}

impl Going {
    /// The label of all that it makes, once it has told how far it is.
    pub(crate) fn label(&self) -> String {
        label(&self.results)
    }

    /// Sends it a signal: `INT`, `KILL`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end, at most as long as nearly any test waits.
    pub(crate) fn end(self) -> Run {
        self.end_within(LIMIT)
    }

    /// Waits for its end, at most so long.
    pub(crate) fn end_within(self, limit: Duration) -> Run {
        let Going { child, results, stray } = self;
        let pid = child.id().to_string();
        let (tell, hear) = mpsc::channel();
        std::thread::spawn(move || drop(tell.send(child.wait_with_output())));
        let Ok(output) = hear.recv_timeout(limit) else {
            drop(Command::new("kill").args(["-s", "KILL", &pid]).status());
            panic!("the run did not end within {limit:?}");
        };
        let Output { status, stdout, stderr } = output.unwrap();
        Run {
            code: status.code(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
            results,
            stray,
        }
    }
}

impl Run {
    /// All that it said, for the message of a test that fails.
    pub(crate) fn told(&self) -> String {
        let mut told = format!("exit code {:?}\n", self.code);
        write!(told, "--- stdout\n{}\n--- stderr\n{}", self.out, self.err).unwrap();
        told
    }

    pub(crate) fn code(&self, expected: i32) -> &Run {
        assert_eq!(self.code, Some(expected), "{}", self.told());
        self
    }

    /// Each of these regular expressions matches somewhere in what it said.
    pub(crate) fn says(&self, expected: &[&str]) -> &Run {
        let all = format!("{}\n{}", self.out, self.err);
        for pattern in expected {
            let found = Regex::new(pattern).unwrap().is_match(&all);
            assert!(found, "nothing matches `{pattern}` in\n{}", self.told());
        }
        self
    }

    /// Takes a JUnit file that was written elsewhere into the results.
    pub(crate) fn with_junit(self, path: &Path) -> Run {
        std::fs::copy(path, self.results.join("junit.xml")).unwrap();
        self
    }

    /// The JUnit file.
    pub(crate) fn junit(&self) -> String {
        let read = std::fs::read_to_string(self.results.join("junit.xml"));
        read.unwrap_or_else(|why| panic!("no JUnit file: {why}\n{}", self.told()))
    }

    pub(crate) fn results(&self) -> &Path {
        &self.results
    }

    /// How many elements of each kind the JUnit file has, and that its own sums are these.
    pub(crate) fn counts(&self) -> Counts {
        let junit = self.junit();
        let elements = |name: &str| {
            Regex::new(&format!(r"<{name}[\s/>]"))
                .unwrap()
                .find_iter(&junit)
                .count()
        };
        let sum = |name: &str| -> usize {
            let pattern = format!(r#"<testsuite [^>]*\b{name}="(\d+)""#);
            let found = Regex::new(&pattern).unwrap();
            found
                .captures_iter(&junit)
                .map(|found| found[1].parse::<usize>().unwrap())
                .sum()
        };
        let counts = Counts {
            cases: elements("testcase"),
            failures: elements("failure"),
            errors: elements("error"),
            skipped: elements("skipped"),
        };
        assert_eq!(
            (counts.cases, counts.failures, counts.errors),
            (sum("tests"), sum("failures"), sum("errors")),
            "{junit}"
        );
        counts
    }

    /// The run's events.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.results.join("events.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How its steps ended, in that order.
    pub(crate) fn outcomes(&self) -> Vec<Value> {
        let ended = self.events().into_iter();
        let ended = ended.filter(|event| event["what"]["event"] == "step-ended");
        ended.map(|event| event["what"]["outcome"].clone()).collect()
    }

    /// The label of all that it made.
    pub(crate) fn label(&self) -> String {
        label(&self.results)
    }

    /// Nothing that it made is on the engine, a swarm that nobody uses and what that brings along included.
    pub(crate) fn left_nothing(&self) -> &Run {
        let left = labelled(&self.label());
        assert!(left.is_empty(), "left behind: {left:?}\n{}", self.told());
        // A container of a test's own that published ports may have kept it; that the run said.
        if !self.told().contains("the swarm that e2erun made of this engine stays") {
            let run = self.label().replace("e2erun.lease=", "");
            assert!(
                one_swarm::is_left(&run, self.stray.as_deref()),
                "it left its swarm behind, or what that brought along\n{}",
                self.told()
            );
        }
        self
    }
}

/// The label of all that the run makes whose results these are.
fn label(results: &Path) -> String {
    // Only the first event: on a full disk the last one may be cut.
    let text = std::fs::read_to_string(results.join("events.jsonl")).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    format!("e2erun.lease={}", first["run"].as_str().unwrap())
}

/// What a JUnit file has of each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) cases: usize,
    pub(crate) failures: usize,
    pub(crate) errors: usize,
    pub(crate) skipped: usize,
}

/// What the docker command says, or nothing when it fails.
pub(crate) fn docker(arguments: &[&str]) -> Option<String> {
    let mut child = Command::new("docker")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.wait().unwrap().success().then(|| text.trim().to_owned())
}

/// Containers, networks, volumes and images with this label; in a swarm its services, secrets and configs, too.
pub(crate) fn labelled(label: &str) -> Vec<String> {
    let filter = format!("label={label}");
    let lists: [&[&str]; 4] = [
        &["ps", "-aq"],
        &["network", "ls", "-q"],
        &["volume", "ls", "-q"],
        &["image", "ls", "-q"],
    ];
    let names = lists.map(|list| docker(&[list, &["--filter", &filter]].concat()).unwrap());
    // An engine that is no manager refuses these.
    let managed = ["service", "secret", "config"].map(|what| docker(&[what, "ls", "-q", "--filter", &filter]));
    names
        .into_iter()
        .chain(managed.into_iter().flatten())
        .collect::<Vec<_>>()
        .iter()
        .flat_map(|names| names.lines().map(str::to_owned))
        .collect()
}
