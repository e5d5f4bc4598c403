//! What is judged as converged, and what as failed.

mod updates;

use std::collections::BTreeSet;

use serde_json::json;

use super::converge::ENDED;
use super::{Look, Rules, Service, ServiceMode, SwarmNode, Task, Verdict, convergence};

fn service(mode: ServiceMode) -> Service {
    Service {
        id: "s".into(),
        name: "shop_web".into(),
        mode,
        template: json!({"v": 1}),
        ..Service::default()
    }
}

fn task(slot: u64, state: &str) -> Task {
    Task {
        id: format!("t{slot}{state}"),
        service: "s".into(),
        slot: Some(slot),
        state: state.into(),
        desired: if ENDED.contains(&state) { "shutdown" } else { "running" }.into(),
        template: json!({"v": 1}),
        created: 1,
        ..Task::default()
    }
}

fn judged(service: Service, tasks: &[Task], rules: &Rules) -> Verdict {
    let look = Look {
        services: vec![service],
        tasks: tasks.to_vec(),
        nodes: vec![SwarmNode {
            id: "n".into(),
            state: "ready".into(),
            availability: "active".into(),
            ..SwarmNode::default()
        }],
        ..Look::default()
    };
    convergence(&look, rules)
}

fn not_yet(text: &str) -> Verdict {
    Verdict::NotYet(vec![text.to_owned()])
}

#[test]
fn a_replicated_service_has_as_many_running_as_it_wants_and_no_more() {
    let check = |wanted: u64, tasks: &[Task], expected: Verdict| {
        let verdict = judged(service(ServiceMode::Replicated(wanted)), tasks, &Rules::default());
        assert_eq!(verdict, expected, "{wanted} {tasks:?}");
    };
    check(0, &[], Verdict::Converged);
    check(2, &[], not_yet("`shop_web` has 0 of 2 tasks running"));
    check(2, &[task(1, "running"), task(2, "running")], Verdict::Converged);
    check(
        2,
        &[task(1, "running"), task(2, "preparing")],
        not_yet("`shop_web` has 1 of 2 tasks running (1 preparing)"),
    );
    let leaving = Task {
        desired: "remove".into(),
        ..task(2, "running")
    };
    check(
        1,
        &[task(1, "running"), leaving],
        not_yet("`shop_web` still has 2 tasks, and 1 are wanted"),
    );
    // What was before the current task of its number is no matter once it has ended.
    let former = Task {
        created: 0,
        ..task(1, "shutdown")
    };
    check(1, &[task(1, "running"), former], Verdict::Converged);
    let pending = Task {
        error: "no suitable node".into(),
        ..task(1, "pending")
    };
    check(
        1,
        &[pending],
        not_yet("`shop_web` has 0 of 1 tasks running (1 pending: no suitable node)"),
    );
}

#[test]
fn tasks_of_another_version_do_not_count() {
    let old = Task {
        id: "old".into(),
        template: json!({"v": 0}),
        ..task(1, "running")
    };
    let one = || service(ServiceMode::Replicated(1));
    let verdict = judged(one(), std::slice::from_ref(&old), &Rules::default());
    assert_eq!(verdict, not_yet("`shop_web` has 0 of 1 tasks running"));
    let verdict = judged(one(), &[task(1, "running"), old], &Rules::default());
    assert_eq!(verdict, not_yet("`shop_web` still has 2 tasks, and 1 are wanted"));
}

/// A stack that goes back to an earlier version: the swarm remembers how that one ended the last time.
#[test]
fn what_had_completed_before_another_version_does_not_count() {
    let with = |version: u64, condition: &str| json!({"v": version, "RestartPolicy": {"Condition": condition}});
    let completes = Rules {
        completes: ["shop_web".to_owned()].into(),
        ..Rules::default()
    };
    for (condition, rules) in [("any", &completes), ("none", &Rules::default())] {
        let made = |version: u64, created: i64, state: &str| Task {
            id: format!("{version} {created}"),
            template: with(version, condition),
            created,
            ..task(1, state)
        };
        let service = || Service {
            template: with(1, condition),
            ..service(ServiceMode::Replicated(1))
        };
        let before = [made(1, 1, "complete"), made(2, 2, "complete")];
        let seen = judged(service(), &before, rules);
        assert!(matches!(seen, Verdict::NotYet(_)), "{condition} {seen:?}");
        let begun = [&before[..], &[made(1, 3, "preparing")]].concat();
        let seen = judged(service(), &begun, rules);
        assert!(matches!(seen, Verdict::NotYet(_)), "{condition} {seen:?}");
        let done = [&before[..], &[made(1, 3, "complete")]].concat();
        assert_eq!(judged(service(), &done, rules), Verdict::Converged, "{condition}");
    }
}

#[test]
fn what_has_completed_counts_where_nothing_follows_it() {
    let with = |condition: &str| Service {
        template: json!({"v": 1, "RestartPolicy": {"Condition": condition}}),
        ..service(ServiceMode::Replicated(1))
    };
    let of = |condition: &str, state: &str| Task {
        template: with(condition).template,
        ..task(1, state)
    };
    let check = |condition: &str, state: &str, rules: &Rules, expected: Verdict| {
        assert_eq!(
            judged(with(condition), &[of(condition, state)], rules),
            expected,
            "{condition} {state}"
        );
    };
    let none = Rules::default();
    check("none", "complete", &none, Verdict::Converged);
    check("on-failure", "running", &none, Verdict::Converged);
    let seen = not_yet(
        "`shop_web` has 0 of 1 tasks running (1 complete); it completed once, and its restart policy starts it again",
    );
    check("any", "complete", &none, seen);
    let completes = Rules {
        completes: BTreeSet::from(["shop_web".to_owned()]),
        ..Rules::default()
    };
    let seen = not_yet("`shop_web` has 0 of 1 tasks complete (1 running)");
    check("on-failure", "running", &completes, seen);
    check("any", "complete", &completes, Verdict::Converged);
}

#[test]
fn jobs_complete_and_global_services_are_on_every_eligible_node() {
    let job = || service(ServiceMode::ReplicatedJob(2));
    let seen = not_yet("`shop_web` has 1 of 2 tasks complete (1 running)");
    assert_eq!(
        judged(job(), &[task(1, "complete"), task(2, "running")], &Rules::default()),
        seen
    );
    let done = [task(1, "complete"), task(2, "complete")];
    assert_eq!(judged(job(), &done, &Rules::default()), Verdict::Converged);
    let on_node = Task {
        slot: None,
        node: "n".into(),
        ..task(0, "running")
    };
    let global = || service(ServiceMode::Global);
    let seen = not_yet("`shop_web` has 0 of 1 tasks running");
    assert_eq!(judged(global(), &[], &Rules::default()), seen);
    assert_eq!(judged(global(), &[on_node], &Rules::default()), Verdict::Converged);
}

/// Tasks one after the other, in these places.
fn tasks(state: &str, slots: &[u64]) -> Vec<Task> {
    let numbered = (0_i64..).zip(slots);
    let all = numbered.map(|(number, slot)| Task {
        id: number.to_string(),
        error: "why".into(),
        at: number,
        created: number,
        ..task(*slot, state)
    });
    all.collect()
}

/// The same as failed ones, each of whose places has one more on its way.
fn followed(slots: &[u64]) -> Vec<Task> {
    let next = slots.iter().map(|slot| Task {
        created: 9,
        ..task(*slot, "ready")
    });
    [tasks("failed", slots), next.collect()].concat()
}

#[test]
fn a_task_that_nothing_mends_ends_it_with_its_own_error() {
    let with = |policy: serde_json::Value| Service {
        template: json!({"v": 1, "RestartPolicy": policy}),
        ..service(ServiceMode::Replicated(2))
    };
    let check = |policy: serde_json::Value, tasks: &[Task], rules: &Rules, expected: Option<&str>| {
        let service = with(policy.clone());
        let made = tasks.iter().cloned();
        let made: Vec<Task> = made
            .map(|task| Task {
                template: service.template.clone(),
                ..task
            })
            .collect();
        let verdict = judged(service, &made, rules);
        let why = match &verdict {
            Verdict::Failed(failed) => Some(failed[0].why.as_str()),
            _ => None,
        };
        assert_eq!(why, expected, "{policy} {tasks:?}");
    };
    let (none, any) = (Rules::default(), json!({}));
    check(any.clone(), &tasks("rejected", &[1]), &none, Some("was rejected: why"));
    // Another one follows, and what it needs may be there then.
    check(any.clone(), &followed(&[1]), &none, None);
    check(any.clone(), &followed(&[1, 2, 1, 2, 1, 2]), &none, None);
    let often = Some("failed: why; so did 3 before it");
    check(any.clone(), &tasks("failed", &[1, 1, 1, 1]), &none, often);
    // Nothing follows.
    let once = Some("failed: why");
    check(json!({"Condition": "none"}), &tasks("failed", &[1]), &none, once);
    let most = json!({"Condition": "on-failure", "MaxAttempts": 1});
    check(most.clone(), &followed(&[1]), &none, None);
    // The swarm counts from the last change of the service on, or within a time.
    check(most.clone(), &followed(&[1, 1]), &none, None);
    let twice = Some("failed: why; so did 1 before it");
    check(most.clone(), &tasks("failed", &[1, 1]), &none, twice);
    check(most, &tasks("failed", &[1]), &none, once);
    // As it was said, and what was known before.
    let strict = Rules {
        may_fail: Some(0),
        ..Rules::default()
    };
    check(any.clone(), &tasks("failed", &[1]), &strict, once);
    let known = Rules {
        known: BTreeSet::from(["0".to_owned()]),
        ..Rules::default()
    };
    check(any.clone(), &tasks("rejected", &[1]), &known, None);
    // It was scaled away.
    let leaving = Task {
        desired: "remove".into(),
        ..task(2, "failed")
    };
    check(any, &[leaving], &strict, None);
}

#[test]
fn what_the_image_does_not_have_is_not_waited_for_where_it_is_the_same_for_all() {
    let check = |error: &str, template: serde_json::Value, nodes: usize, fails: bool| {
        let service = Service {
            template: template.clone(),
            ..service(ServiceMode::Replicated(1))
        };
        let failed = Task {
            error: error.to_owned(),
            // The swarm has not seen to it yet.
            desired: "running".into(),
            template,
            ..task(1, "failed")
        };
        let node = |number: usize| SwarmNode {
            id: number.to_string(),
            hostname: format!("core{number}"),
            ..SwarmNode::default()
        };
        let look = Look {
            services: vec![service],
            tasks: vec![failed],
            nodes: (0..nodes).map(node).collect(),
            ..Look::default()
        };
        let verdict = convergence(&look, &Rules::default());
        assert_eq!(
            matches!(verdict, Verdict::Failed(_)),
            fails,
            "{error} {nodes}: {verdict:?}"
        );
    };
    let plain = || json!({"v": 1});
    let start = "starting container failed: failed to create shim task: OCI runtime create failed: runc create failed: \
                 unable to start container process: ";
    for why in [
        "exec: \"nosuch\": executable file not found in $PATH: unknown",
        "exec: \"/nosuch/x\": stat /nosuch/x: no such file or directory: unknown",
        "exec: \"/etc/passwd\": permission denied: unknown",
    ] {
        check(&format!("{start}{why}"), plain(), 1, true);
        // Another node may have another image of that name.
        check(&format!("{start}{why}"), plain(), 2, false);
        let only_here = json!({"Placement": {"Constraints": ["node.hostname == core1"]}});
        check(&format!("{start}{why}"), only_here, 2, true);
        // What is mounted may have the command later.
        let mounts = json!({"ContainerSpec": {"Mounts": [{"Type": "volume", "Target": "/nosuch"}]}});
        check(&format!("{start}{why}"), mounts, 1, false);
    }
    let user = "starting container failed: unable to find user nobody: no matching entries in passwd file";
    check(user, plain(), 1, true);
    for heals in [
        "starting container failed: error while mounting volume '/data': permission denied",
        "starting container failed: driver failed programming external connectivity: port is already allocated",
        "task: non-zero exit (127)",
    ] {
        check(heals, plain(), 1, false);
    }
}
