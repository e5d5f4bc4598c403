//! The life of the fake engine's containers: made, started, ended and removed, as their scripts and their users say.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::faults::error;
use super::machine::Machine;
use super::script::{Act, Script};
use super::{Fake, State};
use crate::engine::membership::SERVICE;
use crate::engine::swarm::STACK;
use crate::engine::{EngineEvent, EngineResult, Reason};

impl State {
    /// The machine of an id; for what goes on in the background it may be gone.
    fn machine(&mut self, id: &str) -> Option<&mut Machine> {
        self.machines.get_mut(id)
    }

    /// The script of a container: by its name, its service or its image.
    pub(super) fn script_of(&self, machine: &Machine) -> Option<&Script> {
        let label = |name: &str| machine.labels.get(name).map(String::as_str).unwrap_or_default();
        let in_swarm = label("com.docker.swarm.service.name");
        let own = in_swarm.strip_prefix(&format!("{}_", label(STACK)));
        let service = own.unwrap_or(label(SERVICE));
        let image = machine.image.split([':', '@']).next().unwrap_or_default();
        let names = [&machine.name, service, &machine.image, image];
        names.iter().find_map(|name| self.scripts.get(*name))
    }
}

impl Fake {
    /// Tells of something at the next time.
    pub(super) fn tell(&self, state: &mut State, mut event: EngineEvent) {
        event.at = self.tick(state);
        state.events.push(event);
    }

    pub(super) fn tell_of(&self, state: &mut State, id: &str, action: &str, extra: &[(&str, String)]) {
        if let Some(event) = state.machine(id).map(|machine| machine.event(action, extra)) {
            self.tell(state, event);
        }
    }

    /// Finds a container's id, or the engine's answer that there is none.
    pub(super) fn id_of(&self, method: &str, container: &str) -> EngineResult<String> {
        self.lock()
            .find(container)
            .map(|machine| machine.id.clone())
            .ok_or_else(|| {
                error(
                    &format!("{method} `{container}`"),
                    Reason::NotFound,
                    format!("no such container: {container}"),
                )
            })
    }

    /// Puts a container made elsewhere into the world.
    pub(super) fn add(&self, mut machine: Machine) -> EngineResult<String> {
        self.change(|state| {
            if state.find(&machine.name).is_some() {
                let answer = format!("the container name {:?} is already in use", machine.name);
                return Err(error(&format!("create `{}`", machine.name), Reason::Conflict, answer));
            }
            let Some(image) = state.image(&machine.image) else {
                let answer = format!("no such image: {}", machine.image);
                return Err(error(&format!("create `{}`", machine.name), Reason::NotFound, answer));
            };
            machine.image_id = image.id.clone();
            let inherited = image.labels.clone();
            for (name, value) in inherited {
                machine.labels.entry(name).or_insert(value);
            }
            self.check_label(state, &format!("container `{}`", machine.name), &machine.labels);
            machine.id = state.next_id();
            if machine.name.is_empty() {
                machine.name = format!("fake_{}", state.last_id);
            }
            self.equip(state, &mut machine);
            if let Some(answer) = machine.script.unmade.clone() {
                return Err(error(&format!("create `{}`", machine.name), Reason::Other, answer));
            }
            let id = machine.id.clone();
            state.machines.insert(id.clone(), machine);
            self.tell_of(state, &id, "create", &[]);
            Ok(id)
        })
    }

    /// Gives a new container its script and what follows from it.
    fn equip(&self, state: &State, machine: &mut Machine) {
        let script = state.script_of(machine);
        machine.script = script
            .map(|script| script.of_start(machine.former))
            .cloned()
            .unwrap_or_default();
        machine.state = "created";
        machine.healthcheck |= machine.script.has_health();
        machine.files.extend(machine.script.files.clone());
        if let Some(policy) = &machine.script.policy {
            machine.policy = policy.clone();
        }
        if machine.policy.0.is_empty() {
            machine.policy.0 = "no".into();
        }
    }

    /// Starts a container: its script begins.
    pub(super) fn launch(&self, id: &str) -> EngineResult<()> {
        let plan = self.change(|state| {
            let started = self.tick(state);
            let Some(machine) = state.machines.get_mut(id) else {
                return Ok(None);
            };
            if machine.runs() {
                return Ok(None);
            }
            let script = machine.script.of_start(machine.run);
            if let Some(answer) = script.refuses.clone() {
                machine.error = answer.clone();
                machine.exit = 127;
                return Err(error(&format!("start `{}`", machine.name), Reason::Other, answer));
            }
            let mut acts = script.acts.clone();
            acts.sort_by_key(|(at, _)| *at);
            machine.run += 1;
            machine.state = "running";
            machine.by_hand = false;
            machine.oom = false;
            machine.health = machine.healthcheck.then_some("starting");
            machine.started_at = started;
            let run = machine.run;
            for (port, protocol, wanted) in machine.expose.clone() {
                state.last_port += u16::from(wanted == 0);
                let published = if wanted == 0 { state.last_port } else { wanted };
                if let Some(machine) = state.machines.get_mut(id) {
                    machine
                        .ports
                        .insert((port, protocol), vec![("0.0.0.0".into(), published)]);
                }
            }
            self.tell_of(state, id, "start", &[]);
            Ok(Some((run, acts)))
        })?;
        if let Some((run, acts)) = plan {
            self.play(id, run, acts);
        }
        Ok(())
    }

    /// Plays a script's acts: those due at the start at once, the others in the background in their time.
    fn play(&self, id: &str, run: u64, acts: Vec<(Duration, Act)>) {
        let (at_once, later): (Vec<_>, Vec<_>) = acts.into_iter().partition(|(at, _)| at.is_zero());
        for (_, act) in at_once {
            if self.is_in_run(id, run) {
                self.perform(id, act);
            }
        }
        let (fake, id, begun) = (self.clone(), id.to_owned(), Instant::now());
        tokio::spawn(async move {
            for (at, act) in later {
                sleep_until(begun + at).await;
                if !fake.is_in_run(&id, run) {
                    return;
                }
                fake.perform(&id, act);
            }
        });
    }

    /// Waits for the end of a container's run.
    pub(super) async fn ended(&self, id: &str) {
        let run = self.lock().machines.get(id).map(|machine| machine.run);
        let mut changed = self.shared.changed.subscribe();
        // The sender lives as long as the fake.
        while run.is_some_and(|run| self.is_in_run(id, run)) && changed.changed().await.is_ok() {}
    }

    fn is_in_run(&self, id: &str, run: u64) -> bool {
        self.lock()
            .machines
            .get(id)
            .is_some_and(|machine| machine.runs() && machine.run == run)
    }

    fn perform(&self, id: &str, act: Act) {
        let now = self.now();
        match act {
            Act::Write(stream, bytes) => self.change(|state| {
                if let Some(machine) = state.machine(id) {
                    machine.write(stream, &bytes, now);
                }
            }),
            Act::Health(status, output) => self.change(|state| {
                if let Some(machine) = state.machine(id) {
                    machine.health = Some(status);
                    machine.health_log.push((i64::from(status != "healthy"), output));
                }
                // A probe that changes nothing is told to nobody.
                if status != "starting" {
                    self.tell_of(state, id, &format!("health_status: {status}"), &[]);
                }
            }),
            Act::Oom => {
                self.change(|state| {
                    if let Some(machine) = state.machine(id) {
                        machine.oom = true;
                    }
                    self.tell_of(state, id, "oom", &[]);
                });
                self.die(id, 137);
            }
            Act::Exit(code) => self.die(id, code),
        }
    }

    /// Ends a container; its restart policy may start it again.
    pub(super) fn die(&self, id: &str, exit: i64) {
        let again = self.change(|state| {
            let finished = self.tick(state);
            let machine = state.machines.get_mut(id).filter(|machine| machine.runs())?;
            machine.end_log(finished);
            machine.exit = exit;
            machine.finished_at = finished;
            machine.ports.clear();
            let again = machine.comes_again(exit);
            machine.state = if again { "restarting" } else { "exited" };
            if machine.health.is_some() {
                machine.health = Some("unhealthy");
            }
            let (run, restarts) = (machine.run, machine.restarts);
            machine.restarts += u64::from(again);
            self.tell_of(state, id, "die", &[("exitCode", exit.to_string())]);
            again.then_some((run, restarts))
        });
        let Some((run, restarts)) = again else { return };
        let (fake, id) = (self.clone(), id.to_owned());
        let pause = Duration::from_millis(100 << restarts.min(9));
        tokio::spawn(async move {
            sleep_until(Instant::now() + pause).await;
            let waits = fake
                .lock()
                .machines
                .get(&id)
                .is_some_and(|machine| machine.state == "restarting" && machine.run == run);
            if waits {
                // A start that is refused leaves it dead, as the engine's own restart does.
                fake.launch(&id).ok();
            }
        });
    }

    /// Sends a signal on behalf of a user: no restart policy answers to it.
    pub(super) fn signal(&self, id: &str, signal: &str) {
        let exit = self.change(|state| {
            let number = if matches!(signal, "KILL" | "SIGKILL" | "9") {
                "9"
            } else {
                "15"
            };
            self.tell_of(state, id, "kill", &[("signal", number.into())]);
            let machine = state.machine(id)?;
            machine.by_hand = true;
            match signal.trim_start_matches("SIG") {
                "KILL" | "9" => Some(137),
                "TERM" | "15" | "INT" | "2" => machine.script.term,
                _ => None,
            }
        });
        if let Some(exit) = exit {
            self.die(id, exit);
        }
    }

    /// Stops a container: its stop signal, then a kill.
    pub(super) async fn halt(&self, id: &str, grace: Duration) {
        let (runs, ends) = self.lock().machines.get(id).map_or((false, false), |machine| {
            (
                machine.runs() || machine.state == "restarting",
                machine.script.term.is_some(),
            )
        });
        if !runs {
            return;
        }
        self.signal(id, "TERM");
        self.change(|state| {
            if let Some(machine) = state.machine(id).filter(|machine| machine.state == "restarting") {
                machine.state = "exited";
            }
        });
        if !ends {
            sleep_until(Instant::now() + grace).await;
            self.signal(id, "KILL");
        }
        self.change(|state| self.tell_of(state, id, "stop", &[]));
    }

    /// Removes a container, killed if it runs.
    pub(super) fn erase(&self, id: &str) {
        if self.lock().machines.get(id).is_some_and(Machine::runs) {
            self.signal(id, "KILL");
        }
        self.change(|state| {
            self.tell_of(state, id, "destroy", &[]);
            state.machines.remove(id);
            state.execs.retain(|_, (container, _)| container != id);
        });
    }
}
