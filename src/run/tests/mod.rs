//! The interpreter on the fake engine, on a paused clock: scenarios in, what was told of them out as short lines.

mod absent;
mod again;
mod again_ended;
mod asking;
mod background;
mod blocks;
mod collected;
mod counts;
mod crashes;
mod declared;
mod elsewhere;
mod ends;
mod expect_log;
mod expected;
mod explained;
mod followed;
mod golden;
mod images;
mod inside;
mod logs;
mod masked;
mod measured;
mod net;
mod outcomes;
mod over;
mod phases;
mod probed;
mod pulled;
mod random;
mod refused;
mod rounds;
mod scanned;
mod shared;
mod since;
mod soon;
mod starting;
mod swarm;
mod swarm_changes;
mod swarm_failing;
mod swarm_removed;
mod swarm_stacks;
mod swarm_wakes;
mod templates;
mod told;
mod traces;
mod vanished;
mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

use net::{Answers, FakeNet};
use told::{line, word};

use super::{Env, Facts, Job, Needed};
use crate::engine::docker::Endpoint;
use crate::engine::fake::Fake;
use crate::engine::world::World;
use crate::engine::{Engine, Pulls};
use crate::event::Event;
use crate::host::{NoGroups, RealHost};
use crate::image::Identities;
use crate::lease::{Lease, Locks};
use crate::load::{self, Document, Found, Projects};
use crate::plan::{self, Settings};
use crate::report::outcome::{Rules, exit_code};
use crate::report::tally::Tally;
use crate::scenario::Files;
use crate::step::{Emitter, NodeHandle};

const RUN: &str = "testrun";

/// A stack of one container that runs until it is stopped.
const WEB: &str = "services: {web: {image: busybox}}";

/// Scenarios, the files beside them, and the world that they run in.
struct Stage {
    folder: TempDir,
    fake: Fake,
    /// A second node, that nothing is placed on.
    worker: Option<Fake>,
    scenarios: Vec<PathBuf>,
    answers: BTreeMap<&'static str, Answers>,
    env: BTreeMap<String, String>,
    /// What `--set` gives.
    given: BTreeMap<&'static str, &'static str>,
    jobs: usize,
    timeout_scale: f64,
    fail_fast: bool,
    /// True when golden files are rewritten.
    update: bool,
    /// What measured values are compared with.
    baseline: plan::Baselining,
    /// Ctrl-C so long after the beginning, each time.
    interrupts: Vec<Duration>,
    /// True when what is waited for is told.
    waits: bool,
    /// True when the engine has not this machine's files.
    elsewhere: bool,
    /// The version of the compose tool.
    compose: &'static str,
}

/// What an engine tells of the run's containers.
async fn watched(fake: &Fake) -> World {
    let label = format!("{}={RUN}", crate::lease::LEASE);
    World::watch(Arc::new(fake.clone()), label).await.unwrap()
}

/// A stage with one scenario of that body; compose files of its stacks are added by `file`.
fn stage(body: &str) -> Stage {
    let fake = Fake::new(&format!("{}={RUN}", crate::lease::LEASE));
    fake.image("busybox");
    let stage = Stage {
        folder: tempfile::tempdir().unwrap(),
        fake,
        worker: None,
        scenarios: Vec::new(),
        answers: BTreeMap::new(),
        env: BTreeMap::new(),
        given: BTreeMap::new(),
        jobs: 1,
        timeout_scale: 1.0,
        fail_fast: false,
        update: false,
        baseline: plan::Baselining::default(),
        interrupts: Vec::new(),
        waits: false,
        elsewhere: false,
        compose: "2.40.3",
    };
    stage.file("web.yml", WEB).scenario("one", body)
}

impl Stage {
    fn scenario(mut self, name: &str, body: &str) -> Self {
        let path = format!("{name}.yaml");
        self = self.file(&path, &format!("scenario: {name}\n{body}"));
        self.scenarios.push(self.folder.path().join(path));
        self
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn engine(self, script: impl FnOnce(&Fake)) -> Self {
        script(&self.fake);
        self
    }

    fn answers(mut self, path: &'static str, answers: &[(u64, u16, &'static str)]) -> Self {
        self.answers.insert(path, answers.to_vec());
        self
    }

    fn interrupted_at(mut self, milliseconds: u64) -> Self {
        self.interrupts.push(Duration::from_millis(milliseconds));
        self
    }

    fn given(mut self, name: &'static str, value: &'static str) -> Self {
        self.given.insert(name, value);
        self
    }

    fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    fn timeout_scale(mut self, scale: f64) -> Self {
        self.timeout_scale = scale;
        self
    }

    fn update(mut self) -> Self {
        self.update = true;
        self
    }

    fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    fn compose(mut self, version: &'static str) -> Self {
        self.compose = version;
        self
    }

    fn elsewhere(mut self) -> Self {
        self.elsewhere = true;
        self
    }

    fn prepared(&self, settings: &Settings) -> (Vec<Job>, Files) {
        let root = Path::new("/");
        let (projects, files, mut jobs) = (Projects::seen_from(root), Files::seen_from(root), Vec::new());
        for path in &self.scenarios {
            let found = Found {
                shown: path.file_name().unwrap().display().to_string(),
                path: path.clone(),
                named: true,
            };
            let Document::Scenario(loaded) = load::read(&found, &projects).unwrap() else {
                panic!("a scenario is wanted");
            };
            let loaded = Arc::new(*loaded);
            for seed in plan::cases(&loaded, jobs.len() + 1) {
                let plan = plan::filled(&loaded, &seed, 1, settings, &files);
                let plan = plan.unwrap_or_else(|problems| {
                    panic!("{}", problems.iter().map(|it| it.draw(false)).collect::<String>())
                });
                let loaded = Arc::clone(&loaded);
                jobs.push(Job { loaded, seed, plan });
            }
        }
        (jobs, files)
    }

    /// Runs it all; gives the events, and leaves the engine to the caller.
    async fn events(&self) -> Vec<Event> {
        self.events_with(watched(&self.fake).await).await
    }

    fn settings(&self) -> Settings {
        let overrides = self.given.iter();
        let overrides = overrides.map(|(name, value)| ((*name).to_owned(), (*value).into()));
        Settings {
            run: RUN.into(),
            seed: "seed".into(),
            overrides: overrides.collect(),
            env: self.env.clone(),
            results: self.folder.path().join("results"),
            hidden: self.folder.path().join("hidden"),
            keep: None,
            baseline: self.baseline.clone(),
            elsewhere: self.elsewhere.then(|| "engine.test".to_owned()),
            identities: Identities::Files,
        }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            host: self.elsewhere.then(|| "ssh://core@engine.test".to_owned()),
            ..Endpoint::default()
        }
    }

    fn engine_handle(&self) -> Arc<dyn Engine> {
        Arc::new(self.fake.clone())
    }

    async fn nodes(&self, world: World) -> Vec<NodeHandle> {
        let node = |name: &str, fake: &Fake, world| NodeHandle {
            name: name.into(),
            engine: Arc::new(fake.clone()),
            world,
            // Not this machine: what listens here is nothing to a scripted engine.
            is_here: !self.elsewhere,
            address: "engine.test".into(),
            pasted: Arc::new(self.endpoint().pasted()),
            pulls: Pulls::default(),
            locks: Locks::of(self.folder.path(), "fake"),
        };
        let mut nodes = vec![node("local", &self.fake, world)];
        if let Some(worker) = &self.worker {
            nodes.push(node("worker", worker, watched(worker).await));
        }
        nodes
    }

    async fn env(&self, world: World, (settings, files): (Settings, Files), emitter: Emitter) -> Env {
        let info = self.fake.info().await.unwrap();
        let given = self.given.iter().map(|(name, value)| format!("--set={name}={value}"));
        Env {
            nodes: self.nodes(world).await,
            facts: Facts {
                engine: info,
                compose: self.compose.into(),
            },
            timeout_scale: self.timeout_scale,
            update: self.update,
            jobs: self.jobs,
            fail_fast: self.fail_fast,
            command: std::iter::once("e2erun".to_owned()).chain(given).collect(),
            ..Env::without_engine(Needed {
                host: Arc::new(RealHost::new(Arc::new(NoGroups))),
                net: Arc::new(FakeNet {
                    begun: Instant::now(),
                    answers: self.answers.clone(),
                    turns: AtomicU32::new(0),
                }),
                lease: Arc::new(Lease::take(&self.folder.path().join("leases"), &[]).unwrap()),
                settings,
                files: Arc::new(files),
                emitter,
            })
        }
    }

    async fn events_with(&self, world: World) -> Vec<Event> {
        let settings = self.settings();
        let (jobs, files) = self.prepared(&settings);
        let (sink, mut events) = unbounded_channel();
        let env = self.env(world, (settings, files), Emitter::new(RUN, sink)).await;
        let presses = press(self.interrupts.clone(), &env);
        let interrupts = tokio::spawn(presses);
        super::run(env, jobs, Vec::new()).await;
        interrupts.abort();
        let mut all = Vec::new();
        while let Some(event) = events.recv().await {
            all.push(event);
        }
        all
    }

    /// Runs it, compares what was told with the expected lines, and looks whether something is left.
    async fn check(&self, expected: &str) {
        self.check_told(expected).await;
        self.fake.assert_clean();
    }

    /// The same, of what leaves something.
    async fn check_told(&self, expected: &str) {
        let told = self.told(&self.events().await);
        assert_eq!(told.trim(), unindented(expected).trim(), "\n{told}");
    }

    fn told(&self, events: &[Event]) -> String {
        let mut told = String::new();
        let mut tally = Tally::new(Rules::default());
        for event in events {
            tally.event(event);
            let Some(line) = line(event, self.waits) else {
                continue;
            };
            let case = match &event.case {
                Some(case) if self.scenarios.len() > 1 => format!("{}: ", case.number),
                _ => String::new(),
            };
            told.push_str(&format!("{case}{line}\n"));
        }
        let code = exit_code(&tally);
        if code > 0 {
            told.push_str(&format!("exit {code}\n"));
        }
        // Only the folder's name and ids are not the same each time.
        let folder = self.folder.path().display().to_string();
        told.replace(&folder, "…").replace(&folder[1..], "…")
    }
}

/// Presses Ctrl-C: the first one ends the run with its cleanup, the second goes straight to removing.
fn press(at: Vec<Duration>, env: &Env) -> impl Future<Output = ()> + use<> {
    let tokens = [env.interrupted.clone(), env.hurry.clone()];
    let begun = Instant::now();
    async move {
        for (at, token) in at.into_iter().zip(tokens) {
            // The clock is a paused one: this is the moment at which it is pressed.
            tokio::time::sleep_until(begun + at).await;
            token.cancel();
        }
    }
}

fn unindented(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_start())).collect()
}
