//! The work of the fake's manager: services whose places are kept filled with tasks, each with a container. It knows late
//! of what happens to a container, and no event tells of a task. How services change is in `rolling.rs`.

use std::future::pending;
use std::time::Duration;

use serde_json::Value;

use super::machine::Machine;
use super::swarm::{Place, namespace};
use super::tries::Tries;
use super::{Fake, State};
use crate::engine::swarm::{Service, ServiceMode, ServicePort, Task, eligible};
use crate::engine::{EngineEvent, Labels};
use crate::wait::pause;

/// How long after something has happened to a container its manager knows of it.
const LATE: Duration = Duration::from_millis(70);
/// How long after a change its agent hears of what is wanted of a task.
const HEARD: Duration = Duration::from_millis(100);
/// How long an agent waits before it stops a container that is no longer wanted, also where it ends meanwhile.
const AGENT: Duration = Duration::from_secs(2);
/// How long a task that has ended is known whose place is gone.
const LINGERS: Duration = Duration::from_millis(250);
/// Between a container's stop signal and the kill.
const GRACE: Duration = Duration::from_secs(10);
/// The swarm's own pause before another task follows one that has ended, and its time to watch an updated one.
const USUAL: Duration = Duration::from_secs(5);

/// How long after it knows of a task's end the manager sees to that.
const DECIDES: Duration = Duration::from_millis(20);

/// A service of the fake by its spec, as the engine describes it.
pub(super) fn described(id: &str, spec: Value) -> Service {
    let count = |value: &Value| value.as_u64().unwrap_or(1);
    let mode = &spec["Mode"];
    let number = |value: &Value| {
        value
            .as_u64()
            .and_then(|number| number.try_into().ok())
            .unwrap_or_default()
    };
    let ports = spec["EndpointSpec"]["Ports"].as_array().into_iter().flatten();
    let ports = ports.map(|port| ServicePort {
        target: number(&port["TargetPort"]),
        published: number(&port["PublishedPort"]),
        protocol: "tcp".into(),
        by_mesh: port["PublishMode"] != "host",
    });
    Service {
        ports: ports.collect(),
        id: id.into(),
        name: spec["Name"].as_str().unwrap_or_default().into(),
        labels: serde_json::from_value(spec["Labels"].clone()).unwrap_or_default(),
        mode: if mode["Global"].is_object() {
            ServiceMode::Global
        } else if mode["GlobalJob"].is_object() {
            ServiceMode::GlobalJob
        } else if mode["ReplicatedJob"].is_object() {
            ServiceMode::ReplicatedJob(count(&mode["ReplicatedJob"]["TotalCompletions"]))
        } else {
            ServiceMode::Replicated(count(&mode["Replicated"]["Replicas"]))
        },
        template: spec["TaskTemplate"].clone(),
        spec,
        ..Service::default()
    }
}

pub(super) fn length(nanoseconds: &Value) -> Duration {
    nanoseconds.as_u64().map_or(USUAL, Duration::from_nanos)
}

impl Fake {
    /// Makes a service.
    pub fn make_service(&self, spec: Value) {
        let id = self.change(|state| {
            let id = state.next_id();
            let mut service = described(&id, spec);
            self.check_label(state, &format!("service `{}`", service.name), &service.labels);
            service.version = 1;
            self.tell_of_service(state, &service, "create");
            if let Some(swarm) = &mut state.swarm {
                swarm.services.insert(id.clone(), service);
            }
            id
        });
        self.fill(&id);
    }

    /// Removes a service: its tasks end by themselves.
    pub(super) fn remove_service(&self, id: &str) {
        self.change(|state| {
            let Some(swarm) = &mut state.swarm else { return };
            swarm.places.retain(|(service, _), _| service != id);
            if let Some(service) = swarm.services.remove(id) {
                self.tell_of_service(state, &service, "remove");
            }
        });
    }

    pub(super) fn tell_of_service(&self, state: &mut State, service: &Service, action: &str) {
        let event = EngineEvent {
            of: "service".into(),
            action: action.into(),
            id: service.id.clone(),
            attributes: [("name".to_owned(), service.name.clone())].into(),
            at: 0,
        };
        self.tell(state, event);
    }

    /// Gives a service as many places as it wants; new ones are kept filled from now on.
    pub(super) fn fill(&self, id: &str) {
        let new = self.change(|state| {
            let keeper = state.next_id();
            let Some(swarm) = &mut state.swarm else {
                return Vec::new();
            };
            let Some(service) = swarm.services.get(id) else {
                return Vec::new();
            };
            let (first, last) = match service.mode {
                ServiceMode::Replicated(count) | ServiceMode::ReplicatedJob(count) => (1, count),
                ServiceMode::Global | ServiceMode::GlobalJob if eligible(&service.template, &swarm.node) => (0, 0),
                ServiceMode::Global | ServiceMode::GlobalJob => (1, 0),
            };
            let wanted = first..=last;
            let template = service.template.clone();
            swarm
                .places
                .retain(|(service, slot), _| service != id || wanted.contains(slot));
            let new: Vec<u64> = wanted
                .filter(|slot| !swarm.places.contains_key(&(id.into(), *slot)))
                .collect();
            for slot in &new {
                let template = template.clone();
                swarm.places.insert(
                    (id.into(), *slot),
                    Place {
                        keeper: keeper.clone(),
                        template,
                    },
                );
            }
            new.into_iter().map(|slot| (slot, keeper.clone())).collect::<Vec<_>>()
        });
        for (slot, keeper) in new {
            tokio::spawn(self.clone().keep((id.into(), slot), keeper));
        }
    }

    /// Keeps a place filled, one task after the other, until nobody wants it any more.
    async fn keep(self, at: (String, u64), keeper: String) {
        let wanted = |state: &State| {
            let place = state.swarm.as_ref()?.places.get(&at);
            let place = place.filter(|place| place.keeper == keeper);
            place.map(|place| place.template.clone())
        };
        let (mut made, mut next, mut tries) = (Vec::new(), None, Tries::default());
        loop {
            let (task, template) = if let Some(next) = next.take() {
                next
            } else {
                let template = wanted(&self.lock());
                let Some(template) = template else { break };
                let Some(task) = self.change(|state| self.add_task(state, &at, &template, ("preparing", "running")))
                else {
                    break;
                };
                made.push(task.clone());
                (task, template)
            };
            let unwanted = || self.until(|state| (wanted(state).as_ref() != Some(&template)).then_some(()));
            let heard = async {
                unwanted().await;
                pause(HEARD).await;
            };
            let ended = tokio::select! {
                biased;
                () = self.work(&task, made.len() as u64 - 1) => true,
                () = heard => false,
            };
            if !ended {
                let place = wanted(&self.lock());
                match place {
                    Some(next) if self.starts_first(&at.0) => self.shut_down_after(task, (at.clone(), next)),
                    place => {
                        let desired = place.map_or("remove", |_| "shutdown");
                        self.shut_down(&task, desired).await;
                    }
                }
                continue;
            }
            pause(DECIDES).await;
            let Some((follower, template)) = self.give_up(&task, &at, &mut tries) else {
                unwanted().await;
                continue;
            };
            made.push(follower.clone());
            let unwanted = || self.until(|state| (wanted(state).as_ref() != Some(&template)).then_some(()));
            tokio::select! {
                () = pause(length(&template["RestartPolicy"]["Delay"])) => {
                    self.set(&follower, |task| (task.state, task.desired) = ("preparing".into(), "running".into()));
                    next = Some((follower, template));
                }
                () = unwanted() => self.set(&follower, |task| {
                    (task.state, task.desired) = ("shutdown".into(), "shutdown".into());
                }),
            }
        }
        self.forget(&made).await;
    }

    /// Removes what is left of tasks whose place is gone.
    async fn forget(&self, made: &[String]) {
        for task in made {
            if let Some(container) = self.task(task).and_then(|task| task.container) {
                self.erase(&container);
            }
        }
        pause(LINGERS).await;
        self.change(|state| {
            if let Some(swarm) = &mut state.swarm {
                swarm.tasks.retain(|id, _| !made.contains(id));
            }
        });
    }

    /// The life of a task's container, up to its end and to the manager's knowledge of that.
    async fn work(&self, id: &str, former: u64) {
        pause(LATE).await;
        let Some(mut machine) = self.machine_of(id) else {
            return pending().await;
        };
        machine.former = former;
        let unplaced = self
            .lock()
            .script_of(&machine)
            .and_then(|script| script.unplaced.clone());
        if let Some(why) = unplaced {
            self.set(id, |task| {
                (task.state, task.error, task.node) = ("pending".into(), why, String::new())
            });
            return pending().await;
        }
        let container = match self.add(machine) {
            Ok(container) => container,
            Err(why) => return self.settle(id, ("rejected", "preparing"), why.answer, 0),
        };
        self.set(id, |task| {
            task.state = "starting".into();
            task.container = Some(container.clone());
        });
        if let Err(why) = self.launch(&container) {
            pause(LATE).await;
            return self.settle(id, ("failed", "starting"), why.answer, 127);
        }
        let healthy = |machine: &Machine| !machine.healthcheck || machine.health == Some("healthy");
        let lost = |machine: Option<&Machine>| machine.is_none_or(|it| !it.runs() || it.health == Some("unhealthy"));
        let well = self.until(|state| {
            let machine = state.machines.get(&container);
            (lost(machine) || machine.is_some_and(healthy)).then_some(!lost(machine))
        });
        if well.await {
            pause(LATE).await;
            if !lost(self.lock().machines.get(&container)) {
                self.set(id, |task| task.state = "running".into());
            }
        }
        self.until(|state| lost(state.machines.get(&container)).then_some(()))
            .await;
        self.end(id, &container).await;
    }

    /// The end of a task whose container has ended, is gone, or is to be killed for its health.
    async fn end(&self, id: &str, container: &str) {
        let (sick, exit) = match self.lock().machines.get(container) {
            Some(machine) if machine.runs() => (true, 137),
            Some(machine) => (false, machine.exit),
            None => (false, 137),
        };
        if sick {
            self.signal(container, "KILL");
        }
        pause(LATE).await;
        let why = if sick { ": dockerexec: unhealthy container" } else { "" };
        match exit {
            0 => self.settle(id, ("complete", "finished"), String::new(), 0),
            exit => self.settle(
                id,
                ("failed", "started"),
                format!("task: non-zero exit ({exit}){why}"),
                exit,
            ),
        }
    }

    /// Ends a task that is not wanted any more.
    pub(super) async fn shut_down(&self, id: &str, desired: &str) {
        let container = self.task(id).and_then(|task| task.container);
        self.set(id, |task| task.desired = desired.into());
        pause(AGENT).await;
        if let Some(container) = container {
            tokio::select! { () = self.halt(&container, GRACE) => (), () = self.ended(&container) => () }
            pause(LATE).await;
        }
        self.set(id, |task| task.state = "shutdown".into());
    }

    fn task(&self, id: &str) -> Option<Task> {
        let state = self.lock();
        let known = state.swarm.as_ref()?.tasks.get(id)?;
        Some(known.task.clone())
    }

    fn set(&self, id: &str, change: impl FnOnce(&mut Task)) {
        self.change(|state| {
            let at = self.tick(state);
            let known = state.swarm.as_mut().and_then(|swarm| swarm.tasks.get_mut(id));
            if let Some(known) = known {
                known.task.at = at;
                change(&mut known.task);
            }
        });
    }

    fn settle(&self, id: &str, (word, message): (&str, &str), error: String, exit: i64) {
        self.set(id, |task| {
            (task.state, task.message) = (word.into(), message.into());
            (task.error, task.exit) = (error, exit);
        });
    }

    /// The container of a task.
    fn machine_of(&self, task: &str) -> Option<Machine> {
        let state = self.lock();
        let swarm = state.swarm.as_ref()?;
        let task = &swarm.tasks.get(task)?.task;
        let service = swarm.services.get(&task.service)?;
        let place = task.slot.map_or_else(|| task.node.clone(), |slot| slot.to_string());
        let name = format!("{}.{place}.{}", service.name, task.id);
        let container = &task.template["ContainerSpec"];
        let mut labels: Labels = serde_json::from_value(container["Labels"].clone()).unwrap_or_default();
        let of_swarm = [
            ("node.id", &task.node),
            ("service.id", &service.id),
            ("service.name", &service.name),
            ("task.id", &task.id),
            ("task.name", &name),
        ];
        labels.extend(of_swarm.map(|(key, value)| (format!("com.docker.swarm.{key}"), value.clone())));
        let networks = task.template["Networks"].as_array();
        let targets = networks
            .into_iter()
            .flatten()
            .filter_map(|network| network["Target"].as_str());
        let alias = service.name.strip_prefix(&format!("{}_", namespace(&labels)));
        let aliases: Vec<String> = alias.map(str::to_owned).into_iter().collect();
        let ports = service.spec["EndpointSpec"]["Ports"].as_array();
        let targets_of_ports = ports.into_iter().flatten().map(|port| &port["TargetPort"]);
        Some(Machine {
            expose: targets_of_ports
                .filter_map(|target| Some((u16::try_from(target.as_u64()?).ok()?, "tcp".to_owned(), 0)))
                .collect(),
            networks: targets
                .map(|target| (target.to_owned(), ("10.0.1.2".to_owned(), aliases.clone())))
                .collect(),
            name,
            image: container["Image"].as_str().unwrap_or_default().into(),
            labels,
            healthcheck: container["Healthcheck"].is_object(),
            ..Machine::default()
        })
    }

    /// Waits for what is found in the world.
    pub(super) async fn until<T>(&self, found: impl Fn(&State) -> Option<T>) -> T {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let seen = found(&self.lock());
            if let Some(seen) = seen {
                return seen;
            }
            if changed.changed().await.is_err() {
                return pending().await;
            }
        }
    }
}
