//! Which tasks a service is to have, by nodes of every sort.

use serde_json::{Value, json};

use super::{Look, Rules, Service, ServiceMode, SwarmNode, Task, Verdict, convergence};

/// What is seen of a service with these placement constraints on nodes of every sort; nothing where it has converged. A
/// task is its node, its state, the wanted one, and what it is made from where that is not what the service is now.
fn seen(mode: ServiceMode, constraints: &[&str], tasks: &[(&str, &str, &str, Option<Value>)]) -> String {
    let node = |id: &str, availability: &str, state: &str| SwarmNode {
        id: id.into(),
        hostname: id.into(),
        availability: availability.into(),
        state: state.into(),
        ..SwarmNode::default()
    };
    let template = json!({"v": 1, "Placement": {"Constraints": constraints}});
    let task = |(number, (node, state, desired, other)): (u64, &(&str, &str, &str, Option<Value>))| Task {
        id: number.to_string(),
        service: "s".into(),
        slot: matches!(mode, ServiceMode::Replicated(_)).then_some(number),
        node: (*node).into(),
        state: (*state).into(),
        desired: (*desired).into(),
        template: other.clone().unwrap_or_else(|| template.clone()),
        ..Task::default()
    };
    let look = Look {
        services: vec![Service {
            id: "s".into(),
            name: "web".into(),
            mode,
            template: template.clone(),
            ..Service::default()
        }],
        tasks: (1..).zip(tasks).map(task).collect(),
        nodes: vec![
            node("one", "active", "ready"),
            node("two", "active", "ready"),
            node("drained", "drain", "ready"),
            node("paused", "pause", "ready"),
            node("away", "active", "down"),
        ],
        ..Look::default()
    };
    match convergence(&look, &Rules::default()) {
        Verdict::Converged => String::new(),
        Verdict::NotYet(seen) => seen.join("; "),
        Verdict::Failed(failed) => format!("{failed:?}"),
    }
}

#[test]
fn a_global_service_has_a_task_on_each_node_that_may_have_one() {
    let check = |constraints: &[&str], tasks: &[(&str, &str, &str)], expected: &str| {
        let tasks: Vec<_> = tasks
            .iter()
            .map(|(node, state, desired)| (*node, *state, *desired, None))
            .collect();
        assert_eq!(
            seen(ServiceMode::Global, constraints, &tasks),
            expected,
            "{constraints:?} {tasks:?}"
        );
    };
    let (one, two) = (("one", "running", "running"), ("two", "running", "running"));
    check(&[], &[one], "`web` has 1 of 2 tasks running");
    check(
        &[],
        &[one, ("two", "preparing", "running")],
        "`web` has 1 of 2 tasks running (1 preparing)",
    );
    // The other three take none.
    check(&[], &[one, two], "");
    check(
        &[],
        &[one, two, ("drained", "running", "shutdown")],
        "`web` still has 3 tasks, and 2 are wanted",
    );
    // A paused node keeps the task that it has, unless that is to go.
    check(&[], &[one, two, ("paused", "running", "running")], "");
    check(
        &[],
        &[one, ("paused", "running", "running")],
        "`web` has 2 of 3 tasks running",
    );
    check(
        &[],
        &[one, two, ("paused", "running", "shutdown")],
        "`web` still has 3 tasks, and 2 are wanted",
    );
    // Of what runs on a node that is down nobody tells.
    check(&[], &[one, two, ("away", "running", "shutdown")], "");
    check(&["node.hostname != two"], &[one], "");
    check(
        &["node.hostname != two"],
        &[one, ("two", "running", "shutdown")],
        "`web` still has 2 tasks, and 1 are wanted",
    );
    check(&["node.hostname == nowhere"], &[], "");
}

#[test]
fn a_task_stays_whose_node_is_as_another_placement_wants_it() {
    let on = |node: &'static str, template: Value| {
        let mode = ServiceMode::Replicated(1);
        seen(
            mode,
            &["node.hostname == one"],
            &[(node, "running", "running", Some(template))],
        )
    };
    let before = |v: u64| json!({"v": v, "Placement": {"Constraints": ["node.hostname != two"]}});
    assert_eq!(on("one", before(1)), "");
    assert_eq!(on("one", json!({"v": 1})), "");
    assert_eq!(on("one", before(0)), "`web` has 0 of 1 tasks running");
    assert_eq!(on("two", json!({"v": 1})), "`web` has 0 of 1 tasks running");
}
