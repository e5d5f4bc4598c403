//! Whether a service of a swarm goes on where tasks have ended: its restart policy has another one follow, or has not.

use std::collections::BTreeMap;

use super::{Service, ServiceMode, Task};

/// True where a task of a service goes on, or another one will follow; of a replica, that one's. `ended` are the containers
/// that have ended, with their exit codes: the manager learns of that later.
pub fn goes_on(service: &Service, replica: Option<u64>, tasks: &[Task], ended: &BTreeMap<String, Option<i64>>) -> bool {
    // Those of other services have no such number: all of them are asked for.
    let number = replica.filter(|_| matches!(service.mode, ServiceMode::Replicated(_)));
    let is_asked = |task: &&Task| task.service == service.id && (number.is_none() || task.slot == number);
    let tasks: Vec<&Task> = tasks.iter().filter(is_asked).collect();
    let mut last = BTreeMap::<(u64, &str), &Task>::new();
    for task in &tasks {
        let known = last.entry(service.place(task)).or_insert(task);
        if known.created < task.created {
            *known = task;
        }
    }
    last.values().any(|task| {
        let exit = task.container.as_ref().and_then(|id| ended.get(id));
        match exit {
            // Its place was scaled away.
            _ if task.desired == "remove" => false,
            Some(exit) => service.is_followed(task, &tasks, *exit == Some(0)),
            None if task.has_ended() => service.is_followed(task, &tasks, task.state == "complete"),
            None => true,
        }
    })
}

impl Service {
    /// True where another task follows the last one of a place, once that has ended.
    fn is_followed(&self, last: &Task, tasks: &[&Task], completed: bool) -> bool {
        let policy = &self.template["RestartPolicy"];
        let wanted = match policy["Condition"].as_str() {
            Some("none") => false,
            Some("on-failure") => !completed,
            _ => !completed || !self.is_job(),
        };
        // Of tries within a time only the swarm knows which it counts.
        let is_timed = policy["Window"].as_u64().is_some_and(|window| window > 0);
        let most = policy["MaxAttempts"].as_u64().filter(|most| *most > 0 && !is_timed);
        let same = |task: &&&Task| self.place(task) == self.place(last) && task.template == last.template;
        let tries = tasks.iter().filter(same).count();
        wanted && most.is_none_or(|most| tries as u64 <= most)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Service, ServiceMode, Task};
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

    /// With the exit code of container `c1` where it has ended.
    fn check(mode: ServiceMode, policy: Value, tasks: &[Task], exit: Option<i64>, expected: bool) {
        let template = json!({"RestartPolicy": policy});
        let service = Service {
            id: "s".into(),
            mode,
            template: template.clone(),
            ..Service::default()
        };
        let tasks: Vec<Task> = tasks
            .iter()
            .cloned()
            .map(|task| Task {
                template: template.clone(),
                ..task
            })
            .collect();
        let ended = exit.map(|exit| ("c1".to_owned(), Some(exit))).into_iter().collect();
        let found = goes_on(&service, Some(1), &tasks, &ended);
        assert_eq!(found, expected, "{mode:?} {policy} {tasks:?} {exit:?}");
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
    fn its_tries_may_be_used_up() {
        let twice = [task(1, "running", 1), task(1, "failed", 0)];
        let policy = |most: u64, window: u64| json!({"MaxAttempts": most, "Window": window});
        check(ALWAYS, policy(1, 0), &twice, Some(1), false);
        check(ALWAYS, policy(2, 0), &twice, Some(1), true);
        check(ALWAYS, policy(0, 0), &twice, Some(1), true);
        // In a time of which only the swarm knows when it began.
        check(ALWAYS, policy(1, 60), &twice, Some(1), true);
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
