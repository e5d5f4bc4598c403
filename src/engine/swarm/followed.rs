//! Whether a service of a swarm goes on where tasks have ended: its restart policy has another one follow, or has not.
//!
//! How often a place was tried only the swarm knows: it counts from the last change of the service on, also from one that
//! changes nothing but not from a rollback, or within a time, and tells nobody. But it says what has come of it: in one write it gives up what has
//! ended, and makes what follows.

use std::collections::BTreeMap;

use super::converge::last;
use super::{Service, ServiceMode, Task};

/// Whether a task of a service goes on, or another one will follow; of a replica, that one's. `ended` are the containers that
/// have ended, with their exit codes: the manager learns of that later. None where the swarm has not decided yet.
pub fn goes_on(
    service: &Service,
    replica: Option<u64>,
    tasks: &[Task],
    ended: &BTreeMap<String, Option<i64>>,
) -> Option<bool> {
    // Those of other services have no such number: all of them are asked for.
    let number = replica.filter(|_| matches!(service.mode, ServiceMode::Replicated(_)));
    let is_asked = |task: &&Task| task.service == service.id && (number.is_none() || task.slot == number);
    let last = last(service, tasks.iter().filter(is_asked));
    let goes_on = last.into_iter().map(|task| {
        let exit = task.container.as_ref().and_then(|id| ended.get(id));
        match exit {
            // Its place was scaled away.
            _ if task.desired == "remove" => Some(false),
            _ if service.is_to_replace(task) => Some(true),
            _ if task.is_given_up() => Some(false),
            Some(exit) => service.is_followed(*exit == Some(0)),
            None if task.has_ended() => service.is_followed(task.state == "complete"),
            None => Some(true),
        }
    });
    let all: Vec<_> = goes_on.collect();
    match all.contains(&Some(true)) {
        true => Some(true),
        false => (!all.contains(&None)).then_some(false),
    }
}

impl Service {
    /// Whether another task follows one that has ended; none where only the swarm can tell.
    fn is_followed(&self, completed: bool) -> Option<bool> {
        let policy = &self.template["RestartPolicy"];
        let wanted = match policy["Condition"].as_str() {
            Some("none") => false,
            Some("on-failure") => !completed,
            _ => !completed || !self.is_job(),
        };
        let is_counted = policy["MaxAttempts"].as_u64().is_some_and(|most| most > 0);
        (!wanted || !is_counted).then_some(wanted)
    }

    /// True while an update is under way that will give a task's place another one.
    fn is_to_replace(&self, task: &Task) -> bool {
        let mut update = self.update.iter();
        let is_updated = update.any(|update| matches!(update.state.as_str(), "updating" | "rollback_started"));
        is_updated && task.template != self.template
    }

    /// True where the swarm has given a place up: nothing follows its last task.
    pub(super) fn is_given_up(&self, task: &Task, tasks: &[&Task]) -> bool {
        let is_next = |other: &&Task| self.place(other) == self.place(task) && other.created > task.created;
        task.is_given_up() && !tasks.iter().any(is_next)
    }
}

impl Task {
    /// True where it has ended by itself, and the swarm has seen to it.
    fn is_given_up(&self) -> bool {
        (self.has_failed() || self.state == "complete") && self.desired == "shutdown"
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::super::{Service, ServiceMode, Task, UpdateStatus};
    use super::goes_on;

    const ALWAYS: ServiceMode = ServiceMode::Replicated(2);

    /// A task in a place, in a state, with a container; made at a time.
    fn task(slot: u64, state: &str, created: i64) -> Task {
        let ended = matches!(state, "failed" | "complete");
        Task {
            service: "s".into(),
            slot: Some(slot),
            state: state.into(),
            desired: if ended { "shutdown" } else { "running" }.into(),
            container: Some(format!("c{created}")),
            created,
            ..Task::default()
        }
    }

    fn service(mode: ServiceMode, policy: &Value) -> Service {
        Service {
            id: "s".into(),
            mode,
            template: json!({"RestartPolicy": policy}),
            ..Service::default()
        }
    }

    fn of(service: &Service, task: Task) -> Task {
        Task {
            template: service.template.clone(),
            ..task
        }
    }

    /// With the exit code of container `c1` where it has ended.
    fn found(service: &Service, tasks: &[Task], exit: Option<i64>) -> Option<bool> {
        let tasks: Vec<Task> = tasks.iter().map(|task| of(service, task.clone())).collect();
        let ended = exit.map(|exit| ("c1".to_owned(), Some(exit))).into_iter().collect();
        goes_on(service, Some(1), &tasks, &ended)
    }

    fn check(mode: ServiceMode, policy: Value, tasks: &[Task], exit: Option<i64>, expected: bool) {
        let found = found(&service(mode, &policy), tasks, exit);
        assert_eq!(found, Some(expected), "{mode:?} {policy} {tasks:?} {exit:?}");
    }

    fn decided(policy: Value, tasks: &[Task], expected: Option<bool>) {
        let found = found(&service(ALWAYS, &policy), tasks, Some(1));
        assert_eq!(found, expected, "{policy} {tasks:?}");
    }

    #[test]
    fn what_has_ended_is_followed_as_its_restart_policy_says() {
        let runs = [task(1, "running", 1)];
        check(ALWAYS, json!({}), &runs, Some(0), true);
        check(ALWAYS, json!({"Condition": "any"}), &runs, Some(137), true);
        check(ALWAYS, json!({"Condition": "none"}), &runs, Some(137), false);
        check(ALWAYS, json!({"Condition": "none"}), &runs, None, true);
        check(
            ALWAYS,
            json!({"Condition": "none"}),
            &[task(1, "failed", 1)],
            None,
            false,
        );
        check(ALWAYS, json!({"Condition": "on-failure"}), &runs, Some(137), true);
        check(ALWAYS, json!({"Condition": "on-failure"}), &runs, Some(0), false);
        check(
            ALWAYS,
            json!({"Condition": "on-failure"}),
            &[task(1, "complete", 1)],
            None,
            false,
        );
    }

    #[test]
    fn a_job_is_done_once_it_has_completed() {
        for mode in [ServiceMode::ReplicatedJob(1), ServiceMode::GlobalJob] {
            check(mode, json!({}), &[task(0, "running", 1)], Some(0), false);
            check(mode, json!({}), &[task(0, "running", 1)], Some(1), true);
        }
    }

    #[test]
    fn whether_its_tries_are_used_up_is_what_the_swarm_says() {
        let policy = |most: u64| json!({"MaxAttempts": most});
        let heard = Task {
            desired: "running".into(),
            ..task(1, "failed", 1)
        };
        // Tasks of before are no tries of now: it may have been changed in between.
        let before = task(1, "failed", 0);
        for last in [task(1, "running", 1), heard] {
            decided(policy(1), &[last.clone(), before.clone()], None);
            decided(policy(0), &[last, before.clone()], Some(true));
        }
        decided(policy(2), &[task(1, "failed", 1), before.clone()], Some(false));
        decided(policy(1), &[task(1, "complete", 1)], Some(false));
        let next = Task {
            desired: "ready".into(),
            ..task(1, "ready", 2)
        };
        decided(policy(1), &[next, task(1, "failed", 1), before], Some(true));
    }

    #[test]
    fn what_an_update_is_to_replace_is_not_over() {
        let old = |service: &Service| Task {
            template: json!({"v": 0}),
            ..of(service, task(1, "failed", 1))
        };
        for (state, expected) in [("updating", true), ("rollback_started", true), ("completed", false)] {
            let service = Service {
                update: Some(UpdateStatus {
                    state: state.into(),
                    ..UpdateStatus::default()
                }),
                ..service(ALWAYS, &json!({"Condition": "none"}))
            };
            let ended = BTreeMap::new();
            assert_eq!(
                goes_on(&service, None, &[old(&service)], &ended),
                Some(expected),
                "{state}"
            );
            let new = of(&service, task(1, "failed", 1));
            assert_eq!(goes_on(&service, None, &[new], &ended), Some(false), "{state}");
        }
    }

    #[test]
    fn the_last_task_of_the_asked_place_counts() {
        let next = Task {
            container: None,
            ..task(1, "pending", 2)
        };
        check(
            ALWAYS,
            json!({"Condition": "none"}),
            &[next, task(1, "failed", 1)],
            Some(1),
            true,
        );
        check(ALWAYS, json!({}), &[task(2, "running", 2)], None, false);
        let away = Task {
            desired: "remove".into(),
            ..task(1, "running", 1)
        };
        check(ALWAYS, json!({}), &[away], Some(137), false);
        check(
            ServiceMode::Global,
            json!({}),
            &[Task {
                slot: None,
                ..task(1, "running", 1)
            }],
            Some(137),
            true,
        );
        check(
            ALWAYS,
            json!({}),
            &[Task {
                service: "other".into(),
                ..task(1, "running", 1)
            }],
            None,
            false,
        );
    }
}
