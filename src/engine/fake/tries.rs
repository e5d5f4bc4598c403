//! Whether the fake's manager has another task follow one that has ended: how often it has done so it counts for each place,
//! from the service's last change on. For a swarm a rollback is none, and here it is.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::swarm::{Known, Swarmed};
use super::{Fake, State};
use crate::engine::swarm::{ServiceMode, Task};

/// How often another task has followed in a place: counted anew after each change of the service.
#[derive(Default)]
pub(super) struct Tries {
    version: u64,
    at: Vec<Instant>,
}

impl Tries {
    /// Counts a task that was made of a version of the service.
    fn count(&mut self, version: u64) {
        if self.version != version {
            *self = Tries {
                version,
                at: Vec::new(),
            };
        }
        self.at.push(Instant::now());
    }

    /// How often by now, for a task of a version; within a time, if there is one.
    fn within(&self, version: u64, window: Duration) -> u64 {
        let counts = |at: &&Instant| self.version == version && (window.is_zero() || at.elapsed() < window);
        self.at.iter().filter(counts).count() as u64
    }
}

impl Fake {
    /// Gives up a task that has ended, and makes the one that follows it, if one does: in one write, as a manager does.
    /// What follows is of what the service is now, also where an update has not come to its place.
    pub(super) fn give_up(&self, id: &str, at: &(String, u64), tries: &mut Tries) -> Option<(String, Value)> {
        self.change(|state| {
            let swarm = state.swarm.as_mut()?;
            let service = swarm.services.get(&at.0).map(|it| (it.version, it.template.clone()));
            let known = swarm.tasks.get_mut(id)?;
            let is_wanted = swarm.places.contains_key(at);
            known.task.desired = if is_wanted { "shutdown" } else { "remove" }.into();
            let known = known.clone();
            let follows = is_wanted && Self::follows(swarm, &known, tries);
            let (version, template) = service.filter(|_| follows)?;
            swarm.places.get_mut(at)?.template.clone_from(&template);
            tries.count(version);
            let follower = self.add_task(state, at, &template, ("ready", "ready"))?;
            Some((follower, template))
        })
    }

    /// Puts a new task into a place.
    pub(super) fn add_task(
        &self,
        state: &mut State,
        (service, slot): &(String, u64),
        template: &Value,
        (word, desired): (&str, &str),
    ) -> Option<String> {
        let (id, created) = (state.next_id(), self.tick(state));
        let swarm = state.swarm.as_mut()?;
        let of = swarm.services.get(service)?;
        let (labels, version) = (of.labels.clone(), of.version);
        let task = Task {
            id: id.clone(),
            service: service.clone(),
            slot: Some(*slot).filter(|slot| *slot > 0),
            node: swarm.node.id.clone(),
            state: word.into(),
            desired: desired.into(),
            template: template.clone(),
            at: created,
            created,
            ..Task::default()
        };
        let known = Known { task, labels, version };
        swarm.tasks.insert(id.clone(), known);
        Some(id)
    }

    /// True where another task follows one that has ended.
    fn follows(swarm: &Swarmed, Known { task, version, .. }: &Known, tries: &Tries) -> bool {
        let policy = &task.template["RestartPolicy"];
        let job = swarm
            .services
            .get(&task.service)
            .is_some_and(|service| matches!(service.mode, ServiceMode::ReplicatedJob(_) | ServiceMode::GlobalJob));
        let most = policy["MaxAttempts"].as_u64().filter(|most| *most > 0);
        let wanted = match policy["Condition"].as_str() {
            Some("none") => false,
            Some("on-failure") => task.state != "complete",
            _ => task.state != "complete" || !job,
        };
        let window = policy["Window"].as_u64().map_or(Duration::ZERO, Duration::from_nanos);
        wanted && most.is_none_or(|most| tries.within(*version, window) < most)
    }
}
