//! Updates: when one is over, and what is told of one that was undone.

use super::{judged, service, task};
use crate::engine::swarm::{Rules, Service, ServiceMode, Task, UpdateStatus, Verdict};

#[test]
fn an_update_is_over_when_the_swarm_says_so() {
    let updated = |state: &str, rolls_back: bool| {
        let service = Service {
            update: Some(UpdateStatus {
                state: state.into(),
                message: "why".into(),
            }),
            ..service(ServiceMode::Replicated(1))
        };
        let rules = Rules {
            rolls_back,
            ..Rules::default()
        };
        match judged(service, &[task(1, "running")], &rules) {
            Verdict::Failed(failed) => failed[0].why.clone(),
            Verdict::NotYet(seen) => seen[0].clone(),
            Verdict::Converged => String::new(),
        }
    };
    assert_eq!(updated("updating", false), "`shop_web` is being updated: why");
    assert_eq!(updated("completed", false), "");
    assert_eq!(updated("paused", false), "its update is paused: why");
    assert_eq!(updated("rollback_completed", false), "its update was rolled back: why");
    assert_eq!(updated("rollback_completed", true), "");
}

#[test]
fn an_update_is_undone_for_the_task_that_the_swarm_names() {
    let updated = |message: &str, tasks: &[Task]| {
        let service = Service {
            update: Some(UpdateStatus {
                state: "paused".into(),
                message: message.into(),
            }),
            ..service(ServiceMode::Replicated(1))
        };
        match judged(service, tasks, &Rules::default()) {
            Verdict::Failed(failed) => failed[0].why.clone(),
            Verdict::NotYet(seen) => seen[0].clone(),
            Verdict::Converged => String::new(),
        }
    };
    let message = "update paused due to failure or early termination of task new";
    let named = |state: &str| Task {
        id: "new".into(),
        error: "No such image: nosuch".into(),
        at: 1,
        ..task(1, state)
    };
    let former = Task {
        id: "former".into(),
        error: "network not found".into(),
        at: 2,
        ..task(1, "rejected")
    };
    let paused = "its update is paused, since a task failed or ended early";
    let rejected =
        format!("{paused}; it was rejected: No such image: nosuch (it is not there, and could not be pulled)");
    assert_eq!(updated(message, &[named("rejected"), former.clone()]), rejected);
    assert_eq!(
        updated(message, &[named("complete")]),
        format!("{paused}; it completed")
    );
    // The services were asked a moment later than the tasks.
    for state in ["preparing", "running"] {
        assert_eq!(
            updated(message, &[named(state)]),
            format!("`shop_web`: {paused}"),
            "{state}"
        );
    }
    // Of one on a node that is away nobody ever tells the end.
    let away = Task {
        node: "gone".into(),
        ..named("running")
    };
    assert_eq!(updated(message, &[away]), format!("{paused}; its node is away"));
    let unnamed = "its update is paused due to failure; it was rejected: network not found";
    assert_eq!(updated("update paused due to failure", &[former]), unnamed);
}
