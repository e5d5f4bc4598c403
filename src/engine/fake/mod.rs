//! A scripted engine for tests: containers as state machines on tokio's clock, which a test pauses.
//!
//! ```text
//! let fake = Fake::new("e2erun.lease");
//! fake.script("db", Script::new().after(2).healthy().after(5).exit(3));
//! fake.call("start", 1, Reply::Fail(Reason::Other, "no space left on device"));
//! ```
//! Scripts are found by the container's name, its service (of a compose project or a stack), or its image. What goes wrong around an engine is a
//! builder call too: events that are lost, doubled or cut; logs that are cut; calls that fail, hang or answer late; a
//! compose tool that fails, dies midway or goes on after its parent. At a test's end, `assert_clean`.

mod archive;
mod calls;
mod compose;
mod conversation;
mod events;
mod faults;
mod life;
mod log;
mod machine;
mod project;
mod rolling;
mod script;
mod stack;
mod surroundings;
mod swarm;
mod tasks;
mod tool;
mod tries;
mod words;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tool_tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{EngineEvent, EngineInfo, ExecEnd, Image, Labels, Network, ToolEnd, Volume};
pub use faults::{EventFault, Reply, ToolFault};
pub use script::{Answer, Script};
pub use tool::unheard;

use machine::Machine;

/// Unix time at which the fake's clock begins.
const EPOCH: i64 = 1_700_000_000;

/// A scripted engine; clones are the same engine.
#[derive(Clone)]
pub struct Fake {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    begun: Instant,
    lease: String,
}

/// The fake's world.
#[derive(Default)]
struct State {
    info: EngineInfo,
    away: bool,
    scripts: BTreeMap<String, Script>,
    machines: BTreeMap<String, Machine>,
    networks: BTreeMap<String, Network>,
    volumes: BTreeMap<String, Volume>,
    images: BTreeMap<String, Image>,
    swarm: Option<swarm::Swarmed>,
    /// How execs ended, by id, and the container that each was in: they go with it.
    execs: BTreeMap<String, (String, ExecEnd)>,
    events: Vec<EngineEvent>,
    event_faults: BTreeMap<usize, EventFault>,
    event_cut: u64,
    replies: Vec<(String, u64, Reply)>,
    tool_faults: VecDeque<ToolFault>,
    tool_answers: Vec<(String, ToolEnd)>,
    counts: BTreeMap<String, u64>,
    journal: Vec<String>,
    complaints: Vec<String>,
    last_id: u64,
    last_port: u16,
    last_tick: i64,
}

impl Fake {
    /// An engine with no images and an empty world; everything made on it must have the label (`name` or `name=value`).
    pub fn new(lease_label: &str) -> Fake {
        let info = EngineInfo {
            version: "20.10.24".into(),
            api: "1.41".into(),
            os: "linux".into(),
            arch: "amd64".into(),
            kernel: "6.1".into(),
            id: "FAKE".into(),
            swarm: false,
            manager: false,
            node: String::new(),
            root: "/var/lib/docker".into(),
        };
        let state = State {
            info,
            last_port: 32767,
            ..State::default()
        };
        Fake {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                changed: watch::Sender::new(0),
                begun: Instant::now(),
                lease: lease_label.into(),
            }),
        }
    }

    /// What containers of that name, compose service or image do. Without a script they run until stopped.
    pub fn script(&self, of: &str, script: Script) -> &Fake {
        self.lock().scripts.insert(of.into(), script);
        self
    }

    /// An image that is here.
    pub fn image(&self, reference: &str) -> &Fake {
        self.lock().add_image(reference, Labels::new());
        self
    }

    /// An image that is here, with its labels.
    pub fn labelled_image(&self, reference: &str, labels: Labels) -> &Fake {
        self.lock().add_image(reference, labels);
        self
    }

    /// The n-th call (from 1) of an engine method (`start`, `inspect`, …) or of any (`*`) goes this way.
    pub fn call(&self, method: &str, nth: u64, reply: Reply) -> &Fake {
        self.lock().replies.push((method.into(), nth, reply));
        self
    }

    /// What happens to the n-th event (from 1) of all that the engine ever sends.
    pub fn event(&self, nth: usize, fault: EventFault) -> &Fake {
        self.lock().event_faults.insert(nth, fault);
        self
    }

    /// All streams of events end now; what happens before the next subscription is lost to its readers.
    pub fn cut_events(&self) {
        self.change(|state| state.event_cut += 1);
    }

    /// The engine goes away, or comes back: streams end and calls fail. Containers go on.
    pub fn away(&self, away: bool) {
        self.change(|state| {
            state.away = away;
            state.event_cut += u64::from(away);
        });
    }

    /// How the next calls of a tool go, in order.
    pub fn tool_fault(&self, fault: ToolFault) -> &Fake {
        self.lock().tool_faults.push_back(fault);
        self
    }

    /// What a call of a tool whose arguments contain the text (joined by spaces) answers.
    pub fn tool_answer(&self, arguments: &str, end: ToolEnd) -> &Fake {
        self.lock().tool_answers.push((arguments.into(), end));
        self
    }

    /// Every call so far, in order: `start web`, `tool compose -p x up`.
    pub fn journal(&self) -> Vec<String> {
        self.lock().journal.clone()
    }

    /// The names of the containers that are there, in the order they were made.
    pub fn names(&self) -> Vec<String> {
        self.lock()
            .machines
            .values()
            .map(|machine| machine.name.clone())
            .collect()
    }

    /// The lines that a container has written, as a reader that misses nothing sees them.
    pub fn written(&self, container: &str) -> Vec<(super::Stream, String)> {
        self.lock().find(container).map(Machine::written).unwrap_or_default()
    }

    /// Makes a container end by itself now, as a crash that its restart policy answers.
    pub fn crash(&self, container: &str, exit: i64) {
        let id = self.lock().find(container).map(|machine| machine.id.clone());
        if let Some(id) = id {
            self.die(&id, exit);
        }
    }

    /// Sets the clock back by which a container's log has its times from now on.
    pub fn set_clock_back(&self, container: &str, by: Duration) {
        self.change(|state| {
            if let Some(machine) = state.find_mut(container) {
                machine.set_back += i64::try_from(by.as_nanos()).unwrap_or_default();
            }
        });
    }

    /// Makes a container write now, to one of its streams.
    pub fn write_to(&self, container: &str, stream: super::Stream, text: &str) {
        let now = self.now();
        self.change(|state| {
            if let Some(machine) = state.find_mut(container) {
                machine.write(stream, text.as_bytes(), now);
            }
        });
    }

    /// Makes a container write now.
    pub fn write(&self, container: &str, text: &str) {
        self.write_to(container, super::Stream::Stdout, text);
    }

    /// Rotates a container's log: only its last entries are left.
    pub fn rotate(&self, container: &str, left: usize) {
        self.change(|state| {
            if let Some(machine) = state.find_mut(container) {
                machine.rotated = machine.entries.len().saturating_sub(left);
            }
        });
    }

    /// The engine removes a container by deleting its log first: readings of it end with the engine's own words.
    pub fn delete_log(&self, container: &str) {
        self.change(|state| {
            if let Some(machine) = state.find_mut(container) {
                machine.log_deleted = true;
            }
        });
    }

    /// What is wrong at a test's end: something is left, was made without the label, or was called without a limit.
    pub fn complaints(&self) -> Vec<String> {
        let state = self.lock();
        let mut all = state.complaints.clone();
        all.extend(
            state
                .machines
                .values()
                .map(|machine| format!("container `{}` is left", machine.name)),
        );
        all.extend(
            state
                .networks
                .values()
                .filter(|network| network.name != swarm::INGRESS)
                .map(|network| format!("network `{}` is left", network.name)),
        );
        all.extend(
            state
                .volumes
                .values()
                .map(|volume| format!("volume `{}` is left", volume.name)),
        );
        let in_swarm = Fake::resources_in_swarm(&state, |_| true).into_iter();
        all.extend(in_swarm.map(|left| format!("{} `{}` is left", left.kind.word(), left.name)));
        all
    }

    /// Panics unless its world is empty, every creation was labelled, and every call of a tool had a limit.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert_eq!(self.complaints(), Vec::<String>::new());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already: what it left is still worth showing.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world and wakes the streams.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.shared.changed.send_modify(|version| *version += 1);
        result
    }

    /// The engine's clock: nanoseconds of Unix time, as virtual as tokio's.
    fn now(&self) -> i64 {
        let elapsed = i64::try_from(self.shared.begun.elapsed().as_nanos()).unwrap_or(i64::MAX / 2);
        EPOCH * 1_000_000_000 + elapsed
    }

    /// The clock, but later at each call: no two events have the same time.
    fn tick(&self, state: &mut State) -> i64 {
        state.last_tick = self.now().max(state.last_tick + 1);
        state.last_tick
    }

    /// True with the lease's label; built images have one of their own, since they stay.
    fn is_leased(&self, labels: &Labels) -> bool {
        matches(labels, &self.shared.lease) || matches(labels, "e2erun.image")
    }

    fn check_label(&self, state: &mut State, what: &str, labels: &Labels) {
        if !self.is_leased(labels) {
            let label = &self.shared.lease;
            state
                .complaints
                .push(format!("{what} was made without the label `{label}`"));
        }
    }
}

impl State {
    fn next_id(&mut self) -> String {
        self.last_id += 1;
        // 64 digits as Docker's; the counter first, so that ids sort in the order of creation.
        format!("{:012x}{:052x}", self.last_id, self.last_id * 0x9e37_79b9)
    }

    fn find(&self, container: &str) -> Option<&Machine> {
        self.machines.values().find(|machine| machine.is(container))
    }

    fn find_mut(&mut self, container: &str) -> Option<&mut Machine> {
        self.machines.values_mut().find(|machine| machine.is(container))
    }

    fn add_image(&mut self, reference: &str, labels: Labels) {
        let reference = with_tag(reference);
        let id = format!("sha256:{}", self.next_id());
        let image = Image {
            id,
            tags: vec![reference.clone()],
            labels,
            created: machine::rfc3339(EPOCH * 1_000_000_000),
            ..Image::default()
        };
        self.images.insert(reference, image);
    }

    fn image(&self, reference: &str) -> Option<&Image> {
        let tagged = with_tag(reference);
        self.images
            .get(&tagged)
            .or_else(|| self.images.values().find(|image| image.id == reference))
    }
}

/// True if the labels have one (`name` or `name=value`).
fn matches(labels: &Labels, label: &str) -> bool {
    match label.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|found| found == value),
        None => labels.contains_key(label),
    }
}

/// `name` and `name:latest` are the same image.
fn with_tag(reference: &str) -> String {
    let last = reference.rsplit('/').next().unwrap_or(reference);
    if last.contains([':', '@']) {
        reference.into()
    } else {
        format!("{reference}:latest")
    }
}
