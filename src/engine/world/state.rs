//! What is known of a node's containers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::membership::{NUMBER, OF_RUN, ONE_OFF, PROJECT, SERVICE};
use crate::engine::{Container, EngineError, Labels};

/// The label of a container of no service: what its author calls it, where that is known.
pub const NAME: &str = "e2erun.name";

/// What the engine tells where a healthcheck passes for the first time, or again.
const HEALTHY: &str = "health_status: healthy";

/// What is known of the containers, as of one moment.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Grows with each change.
    pub generation: u64,
    /// Why nothing more will be known: the engine went away and did not come back.
    pub away: Option<EngineError>,
    /// Grows when the engine tells of a network, a volume, an image or something of its swarm, or may have done so unheard:
    /// whoever knows one has to ask again.
    pub others: u64,
    pub(super) containers: BTreeMap<String, Arc<ContainerState>>,
}

/// A container as last known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContainerState {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image as it was asked for.
    pub image: String,
    /// Its labels.
    pub labels: Labels,
    /// Docker's word for its state: `created running paused restarting removing exited dead`.
    pub state: String,
    /// `starting healthy unhealthy`; none without a healthcheck.
    pub health: Option<String>,
    /// The exit code of its last run, once that has ended.
    pub exit: Option<i64>,
    /// The engine's own error of starting it.
    pub error: String,
    /// True when the kernel killed it for its memory.
    pub oom_killed: bool,
    /// How often its restart policy started it again.
    pub restarts: u64,
    /// `no`, `always`, `on-failure`, `unless-stopped`; with `on-failure` the greatest number of tries.
    pub restart_policy: (String, u64),
    /// True with a terminal.
    pub tty: bool,
    /// True where it is given an engine's socket: it may do all that a user may.
    pub engine_socket: bool,
    /// True where the signal that stops it is one that nothing outlasts.
    pub stops_by_kill: bool,
    /// The log driver.
    pub log_driver: String,
    /// Its compose project, or its stack in a swarm; empty without one.
    pub project: String,
    /// Its service, as the compose or swarm file calls it; empty without one.
    pub service: String,
    /// Its number among the service's replicas, from 1.
    pub number: u32,
    /// The task of a swarm that it is of.
    pub task: Option<String>,
    /// True when `compose run` made it.
    pub one_off: bool,
    /// True once it is gone; what was known of it stays.
    pub removed: bool,
    /// True once the engine has told of its removal: its list, which has it no more, may be faster than what was told before.
    pub destroyed: bool,
    /// True when a user ended its last run: no restart policy answers to that.
    pub by_hand: bool,
    /// True when its last run was stopped: whoever does that waits for its end before anything else.
    pub stopped: bool,
    /// Its runs, the first one first.
    pub runs: Vec<Run>,
    /// What the engine told of it, in order.
    pub history: Vec<Happened>,
    /// False while something that an event left open is being asked.
    pub settled: bool,
    /// Counts the events that changed its state: an answer to a question asked before is no answer.
    pub(super) version: u64,
    pub(super) asked: bool,
}

/// One run of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// When it began, nanoseconds of Unix time by the engine's clock.
    pub started: i64,
    /// How it ended, if it has.
    pub ended: Option<End>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// When, if that was seen.
    pub at: Option<i64>,
    /// The exit code, if that was seen.
    pub exit: Option<i64>,
}

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// When, nanoseconds of Unix time by the engine's clock.
    pub at: i64,
    /// What: the engine's word, with the exit code or signal.
    pub what: String,
}

impl State {
    /// A container by id, a removed one too.
    pub fn container(&self, id: &str) -> Option<&Arc<ContainerState>> {
        self.containers.get(id)
    }

    /// All containers ever seen, the removed ones too.
    pub fn all(&self) -> impl Iterator<Item = &Arc<ContainerState>> {
        self.containers.values()
    }

    /// The containers that are there.
    pub fn present(&self) -> impl Iterator<Item = &Arc<ContainerState>> {
        self.all().filter(|container| !container.removed)
    }

    /// The containers that are there with a label's value.
    pub fn with_label(&self, label: &str, value: &str) -> Vec<Arc<ContainerState>> {
        self.present()
            .filter(|container| container.has(label, value))
            .cloned()
            .collect()
    }

    /// The containers ever seen with a label's value, the removed ones too.
    pub fn ever_with_label(&self, label: &str, value: &str) -> Vec<Arc<ContainerState>> {
        self.all()
            .filter(|container| container.has(label, value))
            .cloned()
            .collect()
    }

    /// The ids of the running ones with a label's value.
    pub fn running_with(&self, label: &str, value: &str) -> Vec<String> {
        let labelled = self.with_label(label, value).into_iter();
        labelled
            .filter(|container| container.is_running())
            .map(|container| container.id.clone())
            .collect()
    }

    /// The containers of a service that are there, by number; one-off ones apart. A swarm keeps those of tasks that have
    /// ended: of each number it is the last one.
    pub fn of_service(&self, project: &str, service: &str) -> Vec<Arc<ContainerState>> {
        let mut found = self.ever_of_service(project, service);
        found.retain(|container| !container.removed);
        let last: BTreeMap<u32, String> = found.iter().map(|it| (it.number, it.id.clone())).collect();
        found.retain(|it| it.task.is_none() || last.get(&it.number) == Some(&it.id));
        found
    }

    /// The containers that a service ever had, by number, then by age.
    pub fn ever_of_service(&self, project: &str, service: &str) -> Vec<Arc<ContainerState>> {
        let is_one = |container: &&Arc<ContainerState>| {
            container.project == project && container.service == service && !container.one_off
        };
        let mut found: Vec<_> = self.all().filter(is_one).cloned().collect();
        found.sort_by_key(|container| (container.number, container.begun()));
        found
    }

    /// What happened to the containers with a label's value, a line each, in order.
    pub fn history_of(&self, label: &str, value: &str) -> Vec<String> {
        let labelled = self.all().filter(|container| container.has(label, value));
        let mut all: Vec<(i64, String)> = labelled
            .flat_map(|container| {
                container
                    .history
                    .iter()
                    .map(|it| (it.at, format!("{} {}", container.name, it.what)))
            })
            .collect();
        all.sort();
        let line = |(at, what): (i64, String)| {
            let time = jiff::Timestamp::from_nanosecond(at.into());
            time.map_or_else(|_| what.clone(), |time| format!("{time:.3} {what}"))
        };
        all.into_iter().map(line).collect()
    }
}

impl ContainerState {
    /// The first that is known of it: of one whose beginning nobody heard the start of its first run. 0 for nothing.
    pub fn begun(&self) -> i64 {
        let told = self.history.first().map(|first| first.at);
        let ran = self.runs.first().map(|run| run.started);
        told.into_iter().chain(ran).min().unwrap_or_default()
    }

    /// When a run of it was up: its start, with a healthcheck the moment at which it was healthy, if it ever was.
    pub fn up(&self, run: &Run) -> Option<i64> {
        let Some(health) = &self.health else {
            return Some(run.started);
        };
        let until = run.ended.and_then(|end| end.at).unwrap_or(i64::MAX);
        let mut healthy = self.history.iter().filter(|it| it.what == HEALTHY);
        let told = healthy.find(|it| (run.started..=until).contains(&it.at));
        // What was told of it before anybody listened is not known.
        told.map(|it| it.at).or((health == "healthy").then_some(run.started))
    }

    /// True if a healthcheck of it ever passed, as far as it was told.
    pub fn was_healthy(&self) -> bool {
        self.history.iter().any(|it| it.what == HEALTHY)
    }

    /// True while its process is there.
    pub fn is_running(&self) -> bool {
        !self.removed && matches!(self.state.as_str(), "running" | "paused")
    }

    /// True if it has ended, and was started before.
    pub fn has_ended(&self) -> bool {
        self.removed || matches!(self.state.as_str(), "exited" | "dead" | "removing")
    }

    /// True if its restart policy will start it again, as far as is known.
    pub fn will_restart(&self) -> bool {
        let (policy, tries) = &self.restart_policy;
        let policy_would = match policy.as_str() {
            "always" | "unless-stopped" => true,
            "on-failure" => self.exit != Some(0) && (*tries == 0 || self.restarts < *tries),
            // The engine was not heard of it yet: it may die sooner than its first question is answered.
            "" => true,
            _ => false,
        };
        !self.removed && (self.state == "restarting" || policy_would && !self.by_hand && !self.settled)
    }

    /// True if it has ended, and will not run again by itself.
    pub fn is_over(&self) -> bool {
        self.has_ended() && !self.will_restart()
    }

    /// True with this value of a label.
    pub fn has(&self, label: &str, value: &str) -> bool {
        self.labels.get(label).is_some_and(|found| found == value)
    }

    /// What messages call it: its service (with the number when it is not the first), or its name, its author's if it has one.
    pub fn shown(&self) -> String {
        match (self.service.as_str(), self.number) {
            ("", _) => {
                let own = self.labels.get(NAME).filter(|name| !name.is_empty());
                own.unwrap_or(&self.name).clone()
            }
            (service, 0 | 1) => service.to_owned(),
            (service, number) => format!("{service}.{number}"),
        }
    }

    /// Takes over what the engine says of it.
    pub(super) fn describe(&mut self, container: &Container) {
        self.name.clone_from(&container.name);
        self.image.clone_from(&container.image);
        self.name_by_labels(container.labels.clone());
        self.state.clone_from(&container.state);
        self.health.clone_from(&container.health);
        self.exit = container.exit;
        self.error.clone_from(&container.error);
        self.oom_killed = container.oom_killed;
        self.restarts = container.restarts;
        self.restart_policy.clone_from(&container.restart_policy);
        self.tty = container.tty;
        let is_socket = |path: &str| path.ends_with("/docker.sock");
        let mounts = container.mounts.iter();
        self.engine_socket = mounts
            .into_iter()
            .any(|(_, from, to, _)| is_socket(from) || is_socket(to));
        let signal = container.raw["Config"]["StopSignal"].as_str();
        self.stops_by_kill = matches!(signal, Some("SIGKILL" | "KILL" | "9"));
        self.log_driver.clone_from(&container.log_driver);
        self.settled = true;
    }

    /// Takes its labels, and from them and its name its place in a compose project or in a swarm's stack.
    pub(super) fn name_by_labels(&mut self, labels: Labels) {
        let of = |name: &str| labels.get(name).cloned().unwrap_or_default();
        (self.project, self.service) = (of(PROJECT), of(SERVICE));
        self.number = of(NUMBER).parse().unwrap_or(0);
        // Version 1 writes `True`, version 2 too; it is a word of theirs and not YAML's.
        self.one_off = of(ONE_OFF).eq_ignore_ascii_case("true");
        if self.service == OF_RUN {
            (self.project, self.service) = (String::new(), String::new());
        }
        // An image that somebody committed has the labels of a task, and what is made of it has another name; one that a compose
        // tool has built has labels of a project, and may well be a task's.
        let task = of("com.docker.swarm.task.name");
        let is_task = !task.is_empty() && self.name == task;
        self.task = is_task.then(|| of("com.docker.swarm.task.id"));
        if is_task {
            self.project = of(crate::engine::swarm::STACK);
            let service = of("com.docker.swarm.service.name");
            let own = service.strip_prefix(&format!("{}_", self.project)).unwrap_or(&service);
            own.clone_into(&mut self.service);
            // `shop_web.2.<task>`; a global service has its node's id there, and one task on each.
            let slot = task.strip_prefix(&format!("{service}.")).unwrap_or_default();
            let slot = slot.split('.').next().unwrap_or_default();
            self.number = slot.parse().unwrap_or(1);
            self.one_off = false;
        }
        self.labels = labels;
    }
}
