//! What one try of a case has while it runs: its nodes, its stacks and its names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::crash_watch::CrashWatch;
use super::resource::Resources;
use super::taken::Taken;
use super::{Emitter, Expected, Measuring, OwnNames, Put, Seen, ServiceRef, StackNames};
use crate::diagnostic::Place;
use crate::engine::Engine;
use crate::engine::Labels;
use crate::engine::Pulls;
use crate::engine::docker::Pasted;
use crate::engine::logs::Spools;
use crate::engine::world::{ContainerState, World};
use crate::host::{Host, Process};
use crate::lease::Locks;
use crate::net::Net;
use crate::scenario::Files;
use crate::stack::StackPlan;
use crate::substitute::{OwnSecret, StackKind};

/// A node of the run's cluster.
#[derive(Clone)]
pub struct NodeHandle {
    /// Its name; `local` for the local engine.
    pub name: Arc<str>,
    /// Its engine.
    pub engine: Arc<dyn Engine>,
    /// What is known of its containers.
    pub world: World,
    /// Where its published ports are reached from here.
    pub address: Arc<str>,
    /// True where it takes this machine's files for its own.
    pub is_here: bool,
    /// The commands that speak to it, for hints.
    pub pasted: Arc<Pasted>,
    /// What was pulled there in this run.
    pub pulls: Pulls,
    /// What only one case on it can have, kept from the cases of other runs.
    pub locks: Locks,
}

/// A stack of a case, and where it is.
#[derive(Debug, Clone)]
pub struct StackState {
    /// Its plan: the version of it that is up, or the first one.
    pub plan: Arc<StackPlan>,
    /// The number of its node.
    pub node: usize,
    /// The files that were handed to the compose tool last, absolute; empty before the first `up`.
    pub files: Vec<PathBuf>,
}

/// The number of the node on which is whatever nothing places elsewhere: a step, a stack before it is up, an image. This is
/// the one place that says so.
pub const UNPLACED: usize = 0;

/// What one try of a case has while it runs.
pub struct Case {
    /// Its id: in the names and labels of all that it makes.
    pub id: String,
    /// The nodes.
    pub nodes: Vec<NodeHandle>,
    /// This machine's processes and files.
    pub host: Arc<dyn Host>,
    /// http and tcp.
    pub net: Arc<dyn Net>,
    /// The labels of what it makes.
    pub labels: Labels,
    /// Its folder in the results, absolute.
    pub results: PathBuf,
    /// Its scratch folder, absolute.
    pub scratch: PathBuf,
    /// The scenario's folder, absolute.
    pub folder: PathBuf,
    /// The stacks' names, for targets that are computed.
    pub stacks: Vec<StackNames>,
    /// What the scenario declares beside them.
    pub own: OwnNames,
    /// The stacks and their versions, by number.
    pub versions: Vec<Arc<StackPlan>>,
    /// Names whose values are hidden.
    pub masked: Vec<String>,
    /// The numbers of the steps by whose beginning logs are marked.
    pub marks: BTreeSet<usize>,
    /// The files that were read.
    pub files: Arc<Files>,
    /// The logs of its containers.
    pub spools: Spools,
    /// Calls that change the engine: tearing down waits for them.
    pub changes: TaskTracker,
    /// How it tells of itself.
    pub emitter: Emitter,
    /// The environment of commands on this machine: PATH and HOME.
    pub machine: BTreeMap<String, String>,
    /// What says to commands on this machine which engine is meant: `DOCKER_HOST`, …
    pub docker_env: BTreeMap<String, String>,
    /// Stretches every limit.
    pub timeout_scale: f64,
    /// True when golden files are rewritten.
    pub update: bool,
    /// What its measured values are compared with.
    pub measuring: Measuring,
    /// The networks of services that questions were asked in, by the container and the time of its start.
    pub helpers: tokio::sync::Mutex<BTreeMap<String, Arc<dyn Net>>>,
    /// How many lists of steps are walked at once: one, and in a `parallel` one a lane that has not ended.
    pub walks: watch::Sender<usize>,
    /// What changes as it runs.
    pub state: Mutex<CaseState>,
}

/// A process that a step started in the background.
pub struct Started {
    /// The process.
    pub process: Arc<dyn Process>,
    /// Where the step stands.
    pub place: Place,
    /// True for one of this machine: the docker tools are its own.
    pub is_here: bool,
}

/// Why a step has made no mark in the logs.
#[derive(Debug, Clone)]
pub enum Unmarked {
    /// It did not begin, for this reason.
    NotBegun(String),
    /// Where they were could not be found out.
    Unread(String),
}

/// What changes as a case runs.
#[derive(Default)]
pub struct CaseState {
    /// The stacks by id.
    pub stacks: BTreeMap<usize, StackState>,
    /// Containers that steps started by name: name → (node, id).
    pub backgrounds: BTreeMap<String, (usize, String)>,
    /// Where the steps stand that started those, by id; without those whose end a step has made or judged.
    pub places: BTreeMap<String, Place>,
    /// The containers that a step made to crash, by id.
    pub crashed: BTreeSet<String>,
    /// The files that tasks of a swarm are given, by the ids of their containers.
    pub given: BTreeMap<String, Vec<String>>,
    /// What was copied to an engine that has not this machine's files, by the volume or the container and the place in it.
    pub copied: BTreeMap<(String, String), Put>,
    /// The containers that a step took for running, by id.
    pub taken: BTreeMap<String, Taken>,
    /// The services that steps have left as they should be.
    pub crash_watch: CrashWatch,
    /// Processes that steps started by name.
    pub processes: BTreeMap<String, Started>,
    /// Summaries of probes by name, those that still run too: shared with the scopes, and copied only when one of them
    /// still has it while there is news.
    pub probes: Arc<Value>,
    /// What the probes have seen: the summaries are brought up to it when they are asked for.
    pub seen: BTreeMap<String, Arc<Seen>>,
    /// Marks in the logs by the number of the step that made them, or why it made none.
    pub marks: BTreeMap<usize, Result<crate::engine::logs::Mark, Unmarked>>,
    /// How many containers the compose tool was asked to make for a `run`.
    pub runs: u64,
    /// How many containers were begun that ask from `inside`, those too that were given up before they were there.
    pub helpers_begun: u64,
    /// Lines that blocks expect or have expected: no log is the worse for them.
    pub expected: Vec<Expected>,
    /// The steps that are done now, by path.
    pub at_work: BTreeMap<String, String>,
    /// The secrets of the stacks' own files, as they were when the stacks came up.
    pub own_secrets: Vec<OwnSecret>,
    /// Images that `commit` made, to be removed at the end.
    pub images: Vec<String>,
    /// Seconds by part, of all steps.
    pub parts: BTreeMap<String, f64>,
    /// True where a container or a service of it was there to be removed.
    pub started: bool,
}

impl Case {
    /// Makes one of its parts; the state begins with the stacks.
    pub fn with_state(self, stacks: BTreeMap<usize, StackState>) -> Arc<Case> {
        Arc::new(Case {
            state: Mutex::new(CaseState {
                stacks,
                probes: Arc::new(json!({})),
                ..CaseState::default()
            }),
            ..self
        })
    }

    /// What changes as it runs; held only briefly, never across an await.
    pub fn state(&self) -> MutexGuard<'_, CaseState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty state, for making a case.
    pub fn no_state() -> Mutex<CaseState> {
        Mutex::new(CaseState::default())
    }

    /// The processes in the background of this machine that have not ended.
    pub fn running_here(&self) -> Vec<Arc<dyn Process>> {
        let state = self.state();
        let goes_on = |started: &&Started| started.is_here && started.process.exit_now().is_none();
        let running = state.processes.values().filter(goes_on);
        running.map(|started| Arc::clone(&started.process)).collect()
    }

    /// The node of a step that is placed nowhere.
    pub fn unplaced(&self) -> &NodeHandle {
        &self.nodes[UNPLACED]
    }

    /// The node that a stack is on.
    pub fn node_of(&self, stack: usize) -> NodeHandle {
        let node = self.state().stacks.get(&stack).map_or(UNPLACED, |state| state.node);
        self.nodes[node].clone()
    }

    /// The containers of a service as last known, by number; of a replica, that one.
    pub fn containers(&self, service: &ServiceRef) -> Vec<Arc<ContainerState>> {
        let state = self.state().stacks.get(&service.stack).cloned();
        let Some(state) = state else {
            return Vec::new();
        };
        let all = self.nodes[state.node]
            .world
            .snapshot()
            .of_service(&state.plan.project, &service.service);
        all.into_iter()
            .filter(|container| service.replica.is_none_or(|replica| container.number == replica))
            .collect()
    }

    /// The real name of the swarm stack that a service is of; none of a compose stack.
    pub fn in_swarm(&self, service: &ServiceRef) -> Option<String> {
        let state = self.state();
        let plan = &state.stacks.get(&service.stack)?.plan;
        (plan.kind == StackKind::Swarm).then(|| plan.project.clone())
    }

    /// The networks and volumes that steps may name.
    pub(super) fn resources(&self) -> Resources<'_> {
        Resources {
            own: &self.own,
            stacks: &self.stacks,
        }
    }

    /// True for a container that a service has or had; of a replica, that one's.
    pub fn is_of(&self, container: &ContainerState, service: &ServiceRef) -> bool {
        let state = self.state();
        let project = state.stacks.get(&service.stack).map(|stack| &stack.plan.project);
        project == Some(&container.project)
            && container.service == *service.service
            && service.replica.is_none_or(|replica| container.number == replica)
    }

    /// The label that everything of this try has.
    pub fn label(&self) -> String {
        format!("{}={}", crate::lease::CASE, self.id)
    }

    /// The summaries of the probes, up to now.
    pub fn probes(&self) -> Arc<Value> {
        let state = &mut *self.state();
        for (name, seen) in &state.seen {
            seen.now().tell(name, &mut state.probes);
        }
        Arc::clone(&state.probes)
    }

    /// A probe that begins: what it sees is in the summaries.
    pub fn sees_probe(&self, name: &str, seen: Arc<Seen>) {
        self.state().seen.insert(name.to_owned(), seen);
    }

    /// Adds a step's times to those of the case: what is in no part of its own is `step`.
    pub fn add_parts(&self, parts: &BTreeMap<String, f64>, seconds: f64) {
        let mut state = self.state();
        let rest = seconds - parts.values().sum::<f64>();
        let rest = ("step".to_owned(), rest.max(0.0));
        for (part, seconds) in parts.clone().into_iter().chain([rest]) {
            *state.parts.entry(part).or_default() += seconds;
        }
    }

    /// Writes a text of the case into the results, hidden values hidden; what cannot be written is told.
    pub async fn write_masked(&self, path: &Path, text: &str) {
        if let Err(why) = self
            .host
            .write_file(path, self.emitter.masks.hide(text).as_bytes())
            .await
        {
            self.emitter.note(&format!("cannot write `{}`: {why}", path.display()));
        }
    }

    /// A limit, stretched as the user asked.
    pub fn scaled(&self, limit: Duration) -> Duration {
        limit.mul_f64(self.timeout_scale)
    }
}
