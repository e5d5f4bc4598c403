//! How the fake's manager changes a service: its tasks are replaced, so many at a time, and what follows when one fails.

use std::future::pending;
use std::time::Duration;

use serde_json::Value;

use super::swarm::{Known, Swarmed};
use super::tasks::{described, length};
use super::{Fake, State};
use crate::engine::swarm::{Service, Task, UpdateStatus};
use crate::wait::pause;

impl Fake {
    /// Makes a service what a spec says: tasks of another template are replaced, one after the other.
    pub(super) fn alter_service(&self, id: &str, spec: Value, back: bool) {
        let altered = self.change(|state| {
            let swarm = state.swarm.as_mut()?;
            let service = swarm.services.get_mut(id)?;
            let new = described(id, spec);
            let former = std::mem::replace(&mut service.spec, new.spec);
            (service.labels, service.mode, service.template) = (new.labels, new.mode, new.template);
            service.version += 1;
            service.has_former = true;
            service.update = None;
            swarm.former.insert(id.into(), former);
            let service = service.clone();
            self.tell_of_service(state, &service, "update");
            Some(service)
        });
        let Some(service) = altered else { return };
        self.fill(id);
        if !self.outdated(&service).is_empty() {
            let word = if back { "rollback_started" } else { "updating" };
            self.say(&service, word, "update in progress");
            tokio::spawn(self.clone().roll(service, back));
        }
    }

    /// Replaces the tasks of another template, so many at a time; a failure has what the service says follow.
    async fn roll(self, service: Service, back: bool) {
        let config = &service.spec[if back { "RollbackConfig" } else { "UpdateConfig" }];
        let outdated = self.outdated(&service);
        let at_once = match config["Parallelism"].as_u64().unwrap_or(1) {
            0 => outdated.len().max(1),
            count => usize::try_from(count).unwrap_or(usize::MAX),
        };
        let goes_on = config["FailureAction"] == "continue";
        for (number, batch) in outdated.chunks(at_once).enumerate() {
            if number > 0 {
                pause(config["Delay"].as_u64().map_or(Duration::ZERO, Duration::from_nanos)).await;
                if !goes_on && has_failed(&self.lock(), &service) {
                    return self.broken_off(&service, back);
                }
            }
            self.replace(&service, batch);
            if self.replaced(&service, batch, goes_on).await.is_err() {
                return self.broken_off(&service, back);
            }
        }
        let monitor = pause(length(&config["Monitor"]));
        let failed = self.until(|state| (!goes_on && has_failed(state, &service)).then_some(()));
        tokio::select! {
            () = monitor => {}
            () = failed => return self.broken_off(&service, back),
        }
        let (word, message) = match back {
            true => ("rollback_completed", "rollback completed"),
            false => ("completed", "update completed"),
        };
        self.say(&service, word, message);
    }

    fn replace(&self, service: &Service, slots: &[u64]) {
        self.change(|state| {
            let Some(swarm) = state.swarm.as_mut().filter(|swarm| is_now(swarm, service)) else {
                return;
            };
            for slot in slots {
                if let Some(place) = swarm.places.get_mut(&(service.id.clone(), *slot)) {
                    place.template = service.template.clone();
                }
            }
        });
    }

    /// Waits until each place has a new task that runs, or has ended well; not where one fails.
    async fn replaced(&self, service: &Service, slots: &[u64], goes_on: bool) -> Result<(), ()> {
        let is_done = |state: &State, slot: u64| {
            let tasks = new_tasks(state, service).filter(|task| task.slot.unwrap_or_default() == slot);
            let done = ["running", "complete"];
            tasks
                .last()
                .is_some_and(|task| done.contains(&task.state.as_str()) || goes_on && task.has_failed())
        };
        let done = self.until(|state| {
            if !state.swarm.as_ref().is_some_and(|swarm| is_now(swarm, service)) {
                // Something else is wanted by now, and somebody else sees to it.
                return Some(None);
            }
            if !goes_on && has_failed(state, service) {
                return Some(Some(false));
            }
            slots.iter().all(|slot| is_done(state, *slot)).then_some(Some(true))
        });
        match done.await {
            Some(true) => Ok(()),
            Some(false) => Err(()),
            None => pending().await,
        }
    }

    /// True where a service's new tasks run before its old ones end.
    pub(super) fn starts_first(&self, service: &str) -> bool {
        let state = self.lock();
        let service = state.swarm.as_ref().and_then(|swarm| swarm.services.get(service));
        service.is_some_and(|service| service.spec["UpdateConfig"]["Order"] == "start-first")
    }

    /// Ends a task once its successor runs, or is no longer wanted.
    pub(super) fn shut_down_after(&self, task: String, ((service, slot), template): ((String, u64), Value)) {
        let fake = self.clone();
        tokio::spawn(async move {
            let is_next = |known: &Known| {
                let task = &known.task;
                task.service == service && task.slot.unwrap_or_default() == slot && task.template == template
            };
            let may_go = |state: &State| {
                let swarm = state.swarm.as_ref()?;
                let wanted = swarm.places.contains_key(&(service.clone(), slot));
                let runs = swarm
                    .tasks
                    .values()
                    .any(|known| is_next(known) && known.task.state == "running");
                (runs || !wanted).then_some(())
            };
            fake.until(may_go).await;
            fake.shut_down(&task, "shutdown").await;
        });
    }

    /// What follows a failed update: a pause, or what was before.
    fn broken_off(&self, service: &Service, back: bool) {
        let why = "due to failure or early termination of task";
        let former = self
            .lock()
            .swarm
            .as_ref()
            .and_then(|swarm| swarm.former.get(&service.id).cloned());
        let goes_back = !back && service.spec["UpdateConfig"]["FailureAction"] == "rollback";
        match former.filter(|_| goes_back) {
            Some(former) => self.alter_service(&service.id, former, true),
            None if back => self.say(service, "rollback_paused", &format!("rollback paused {why}")),
            None => self.say(service, "paused", &format!("update paused {why}")),
        }
    }

    /// The places of a service that have another template than it.
    fn outdated(&self, service: &Service) -> Vec<u64> {
        let state = self.lock();
        let places = state.swarm.iter().flat_map(|swarm| &swarm.places);
        let old = places.filter(|((of, _), place)| *of == service.id && place.template != service.template);
        old.map(|((_, slot), _)| *slot).collect()
    }

    /// Says how an update goes, unless the service has changed once more; of that an event tells, too.
    fn say(&self, service: &Service, word: &str, message: &str) {
        self.change(|state| {
            let Some(swarm) = state.swarm.as_mut().filter(|swarm| is_now(swarm, service)) else {
                return;
            };
            if let Some(known) = swarm.services.get_mut(&service.id) {
                known.update = Some(UpdateStatus {
                    state: word.into(),
                    message: message.into(),
                });
                self.tell_of_service(state, service, "update");
            }
        });
    }
}

/// True while a service is the one of an update.
fn is_now(swarm: &Swarmed, service: &Service) -> bool {
    let now = swarm.services.get(&service.id);
    now.is_some_and(|now| now.version == service.version)
}

/// The tasks of a service as it is now, in the order in which they were made.
fn new_tasks<'s>(state: &'s State, service: &'s Service) -> impl Iterator<Item = &'s Task> {
    let tasks = state.swarm.iter().flat_map(|swarm| swarm.tasks.values());
    // It may have been the same before a version in between.
    let tasks = tasks
        .filter(|known| known.version == service.version)
        .map(|known| &known.task);
    tasks.filter(|task| task.service == service.id && task.template == service.template)
}

fn has_failed(state: &State, service: &Service) -> bool {
    new_tasks(state, service).any(Task::has_failed)
}
