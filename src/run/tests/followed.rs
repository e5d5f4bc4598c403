//! A swarm's service whose tasks have ended: others follow them, and whoever asks waits for these.

use std::ops::Range;

use super::{Stage, stage};
use crate::engine::Labels;
use crate::engine::fake::{Answer, Script};
use crate::event::What;

/// A service whose tasks are followed after a second, and then what is done.
fn shop(policy: &str, steps: &str) -> Stage {
    let deploy = format!("{{replicas: 2, restart_policy: {{delay: 1s{policy}}}}}");
    let file = format!("services: {{web: {{image: busybox, ports: [{{target: 80, mode: host}}], deploy: {deploy}}}}}");
    let body = format!("stacks: {{s: {{swarm: s.yml}}}}\nsteps:\n  - deploy: s\n{steps}");
    stage(&body).file("s.yml", &file).engine(|fake| {
        fake.in_swarm(Labels::new());
        fake.script("web", Script::new().out("up\n").exec("hostname", [Answer::out("x\n")]));
    })
}

/// How the last step ends, and after how many seconds.
async fn check(policy: &str, steps: &[&str], (expected, seconds): (&str, Range<f64>)) {
    let steps: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    let stage = shop(policy, &steps);
    let events = stage.events().await;
    let last = events.iter().rev().find_map(|event| match &event.what {
        What::StepEnded { outcome, seconds, .. } => Some((super::word(outcome), *seconds)),
        _ => None,
    });
    let (outcome, took) = last.unwrap();
    let told = stage.told(&events);
    assert!(
        outcome == expected && seconds.contains(&took),
        "{steps}{outcome} after {took}\n{told}"
    );
    stage.fake.assert_clean();
}

const AT_ONCE: Range<f64> = 0.0..0.5;
const WHEN_IT_IS_BACK: Range<f64> = 1.0..3.0;

/// Questions that need a task that runs.
const QUESTIONS: [&str; 6] = [
    "{http: \"${{ url('web', 80) }}/x\", within: 20s}",
    "{tcp: {service: web, port: 80}, within: 20s}",
    "{exec: {service: web, command: hostname}, within: 20s}",
    "{log-assert: {service: web, contains: up}, within: 20s, expect: {count: 4}}",
    "{state-assert: {service: web}, within: 20s, expect: {running: 2}}",
    "{state-assert: {service: web}, within: 20s, expect: {running: 2, restarts: 2, nodes: [local]}}",
];

#[tokio::test(start_paused = true)]
async fn who_asks_waits_for_the_task_that_follows() {
    for ends in ["kill: web", "stop: web"] {
        for question in QUESTIONS {
            check("", &[ends, question], ("passed", WHEN_IT_IS_BACK)).await;
        }
    }
    let question = "{exec: {service: web.2, command: hostname}, within: 20s}";
    check("", &["kill: web.2", question], ("passed", WHEN_IT_IS_BACK)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_followed_is_given_up_at_once() {
    for question in QUESTIONS {
        check(", condition: none", &["kill: web", question], ("failed", AT_ONCE)).await;
    }
    let exec = "{exec: {service: web.2, command: hostname}, within: 20s}";
    let back = "{state-assert: {service: web}, within: 20s, expect: {running: 2}}";
    let twice = ["kill: web", back, "kill: web", exec];
    check(", max_attempts: 1", &twice, ("failed", AT_ONCE)).await;
    check(", max_attempts: 2", &twice, ("passed", WHEN_IT_IS_BACK)).await;
    // Tries of before a change, or of another time, are no tries of now.
    let changes = "{update: {service: web, env: {A: '2'}}}";
    let anew = ["kill: web", back, changes, "deploy: s", "kill: web", exec];
    check(", max_attempts: 1", &anew, ("passed", WHEN_IT_IS_BACK)).await;
    let within = |window: &str| format!(", max_attempts: 1, window: {window}");
    check(&within("10s"), &twice, ("failed", AT_ONCE)).await;
    check(&within("500ms"), &twice, ("passed", WHEN_IT_IS_BACK)).await;
    let written = "{log-assert: {service: web, contains: up}, within: 20s, expect: {count: 6}}";
    check(
        ", max_attempts: 1",
        &["kill: web", back, "kill: web", written],
        ("failed", AT_ONCE),
    )
    .await;
    let away = "scale: {service: web, replicas: 1}";
    check("", &[away, exec], ("failed", AT_ONCE)).await;
    check("", &["down: s", exec], ("failed", AT_ONCE)).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_manager_has_not_heard_of_runs_no_more() {
    let none = "{state-assert: {service: web}, expect: {running: 0, nodes: [], wanted: 2}}";
    let one = "{state-assert: {service: web}, expect: {running: 1, nodes: [local]}}";
    check("", &["kill: web", none], ("passed", AT_ONCE)).await;
    check("", &["stop: web", none], ("passed", AT_ONCE)).await;
    check("", &["kill: web.1", one], ("passed", AT_ONCE)).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_is_the_swarms_own_and_waited_for() {
    let running = 1.0..4.0;
    let written = |count| format!("{{log-assert: {{service: web, contains: up}}, expect: {{count: {count}}}}}");
    for ends in ["kill: web", "stop: web"] {
        check("", &[ends, "start: web"], ("passed", 2.0..4.0)).await;
        let after = [ends, "start: web", &written(4)];
        check("", &after, ("passed", AT_ONCE)).await;
    }
    check("", &["start: web"], ("passed", running.clone())).await;
    check("", &["start: {service: web, stable-for: 5s}"], ("passed", 5.0..6.0)).await;
    check("", &["restart: web"], ("passed", running.clone())).await;
    check("", &["restart: web.2", &written(3)], ("passed", AT_ONCE)).await;
    for starts in ["start: web", "restart: web.1"] {
        check(", condition: none", &["stop: web.1", starts], ("failed", AT_ONCE)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_of_what_no_task_follows_is_told_as_that() {
    shop(", condition: none", "  - stop: web\n  - start: web\n")
        .check(
            "image `busybox` present
             steps[1] passed
             steps[2] passed
             steps[3] failed: `web` has ended, and the swarm has no other task follow
             = failed
             exit 1",
        )
        .await;
}
