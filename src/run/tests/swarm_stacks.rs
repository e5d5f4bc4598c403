//! Stacks of a swarm on the fake engine: `deploy`, `scale`, `update`, `rollback` and `down`, and what they wait for.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;

use super::{Stage, stage};
use crate::engine::fake::{Fake, Reply, Script};
use crate::engine::{Engine, Labels, Reason};
use crate::event::{Event, Fault, What};
use crate::wait::pause;

pub(super) const SHOP: &str = "services:
  web: {image: busybox, deploy: {replicas: 2}}
  db: {image: busybox}
";

/// A scenario with a stack on an engine that is in a swarm.
pub(super) fn swarm(file: &str, steps: &str) -> Stage {
    of("stacks: {s: {swarm: s.yml}}", file, steps)
}

/// The same with these stacks, or more.
pub(super) fn of(stacks: &str, file: &str, steps: &str) -> Stage {
    let body = format!("{stacks}\nsteps: [{steps}]\nthen: [assert: 'true']\n");
    stage(&body).file("s.yml", file).engine(|fake| {
        fake.in_swarm(Labels::new());
    })
}

/// One service whose tasks do what the script says.
pub(super) fn one(deploy: &str, script: Script, steps: &str) -> Stage {
    let file = format!("services: {{web: {{image: busybox, deploy: {{{deploy}}}}}}}");
    swarm(&file, steps).engine(|fake| {
        fake.script("web", script);
    })
}

pub(super) fn failing() -> Script {
    Script::new().after_ms(500).out("no database\n").exit(1)
}

/// One that fails so often, and then runs.
pub(super) fn failing_times(times: usize) -> Script {
    let last = Script::new();
    (0..times).fold(last, |next, _| failing().then(next))
}

pub(super) async fn check(stage: Stage, expected: &str) {
    stage.check(&format!("image `busybox` present\n{expected}")).await;
}

/// So many steps pass, and the scenario does.
pub(super) async fn check_passes(stage: Stage, steps: usize) {
    let told: String = (1..=steps).map(|step| format!("steps[{step}] passed\n")).collect();
    check(stage, &format!("{told}then[1] passed\n= passed")).await;
}

/// The last step fails, before so many seconds of the engine's time have passed.
pub(super) async fn check_fails(stage: Stage, seconds: u64, (step, why): (usize, &str)) {
    let begun = Instant::now();
    let told: String = (1..step).map(|step| format!("steps[{step}] passed\n")).collect();
    let skipped = "then[1] skipped: not reached: a step before it failed";
    check(
        stage,
        &format!("{told}steps[{step}] failed: {why}\n{skipped}\n= failed\nexit 1"),
    )
    .await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(seconds), "{took:?}");
}

/// How many containers of a service were ever made.
pub(super) async fn made(fake: &Fake, service: &str) -> usize {
    let mut events = fake.events(Some("0".into())).await.unwrap();
    let mut count = 0;
    while let Some(Some(Ok(event))) = events.next().now_or_never() {
        let of = event.attributes.get("com.docker.swarm.service.name");
        let is_of = of.is_some_and(|name| name.ends_with(&format!("_{service}")));
        count += usize::from(is_of && event.action == "create");
    }
    count
}

/// The faults of the first step that has some.
pub(super) fn faults(events: &[Event]) -> Vec<Fault> {
    let faults = events.iter().find_map(|event| match &event.what {
        What::StepEnded { faults, .. } if !faults.is_empty() => Some(faults.clone()),
        _ => None,
    });
    faults.unwrap_or_default()
}

/// How a task that the script has fail is told.
pub(super) const FAILED: &str = "`web.1` on node `fake`: failed: task: non-zero exit (1)";

#[tokio::test(start_paused = true)]
async fn it_converges_and_what_it_waits_for_is_told() {
    check(
        swarm(SHOP, "deploy: s").waits(),
        "steps[1] waits for `s` to converge: `web` has 0 of 2 tasks running (2 preparing), `db` has 0 of 1 tasks running (1 preparing)
         steps[1] waits for `s` to converge: `web` has 0 of 2 tasks running (2 starting), `db` has 0 of 1 tasks running (1 starting)
         steps[1] waits for `s` to converge: all is as it should be, and has to stay so
         steps[1] passed
         then[1] passed
         = passed",
    )
    .await;
}

/// It ends each time after so many milliseconds, and the last time not at all.
pub(super) fn ends_after(milliseconds: &[u64], code: i64) -> Script {
    let each = milliseconds.iter().rev();
    each.fold(Script::new(), |next, at| {
        Script::new().after_ms(*at).exit(code).then(next)
    })
}

#[tokio::test(start_paused = true)]
async fn a_file_in_a_container_needs_no_manager() {
    let steps = "deploy: s, {file-assert: web:/etc/page, expect: {exists: false}}";
    let with = |fails: &[u64]| {
        swarm(SHOP, steps).engine(|fake| {
            for nth in fails {
                fake.call("tasks", *nth, Reply::Fail(Reason::Limit, "no quorum"));
            }
        })
    };
    let stage = with(&[]);
    stage.events().await;
    let journal = stage.fake.journal();
    let before = journal.iter().take_while(|call| !call.starts_with("stat "));
    let last = before.filter(|call| call.starts_with("tasks ")).count() as u64;
    let told = "note: what configs `web` has is not known, and each is empty to this step: cannot tasks";
    let stage = with(&[last]);
    let seen = stage.told(&stage.events().await);
    assert!(seen.contains(told) && seen.contains("steps[2] passed"), "{seen}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_no_node_takes_is_not_waited_for() {
    let nowhere = "no suitable node (scheduling constraints not satisfied on 1 node)";
    let why = format!("`web.1`: {nowhere}, and nothing changes that");
    check_fails(one("", Script::new().unplaced(nowhere), "deploy: s"), 9, (1, &why)).await;
    let file = "services: {web: {image: busybox, deploy: {placement: {constraints: [node.labels.disk == ssd]}}}}";
    let constrained = swarm(file, "deploy: s").engine(|fake| {
        fake.script("web", Script::new().unplaced(nowhere));
    });
    let why = format!("`web.1`: {nowhere}: no node meets `node.labels.disk == ssd`, and nothing changes that");
    check_fails(constrained, 9, (1, &why)).await;
    let full = "no suitable node (insufficient resources on 1 node)";
    let why = format!("`web.1`: {full}, and nothing changes that");
    check_fails(one("", Script::new().unplaced(full), "deploy: s"), 24, (1, &why)).await;
    // What ends by itself gives back what it has.
    let file = "services: {web: {image: busybox}, job: {image: busybox, deploy: {restart_policy: {condition: none}}}}";
    let stage = swarm(file, "{deploy: s, timeout: 60s}").engine(|fake| {
        fake.script("web", Script::new().unplaced(full));
    });
    let why = format!("`s` did not converge within 1m -> `web` has 0 of 1 tasks running (1 pending: {full})");
    check_fails(stage, 64, (1, &why)).await;
}

#[tokio::test(start_paused = true)]
async fn a_port_that_each_node_has_once_is_told_at_its_place() {
    let taken = "no suitable node (host-mode port already in use on 1 node)";
    let file = "services:\n  web: {image: busybox, ports: [{target: 80, published: 8088, mode: host}, '8089:81']}\n";
    let stack = "stacks: {s: {swarm: s.yml, substitute: {ports: none}}}";
    let stage = of(stack, file, "deploy: s").engine(|fake| {
        fake.script("web", Script::new().unplaced(taken));
    });
    let fault = faults(&stage.events().await).remove(0);
    assert_eq!(
        fault.message,
        format!("`web.1`: {taken}, and nothing changes that; it publishes 8088 on the node itself")
    );
    let place = fault.place.map(|place| (place.line, place.column));
    assert_eq!(place, Some((2, 57)));
    let hint = fault.hint.unwrap_or_default();
    assert!(hint.contains("`substitute: {ports: [8088]}`"), "{hint}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_global_service_and_one_that_wants_none_are_fine() {
    let file =
        "services:\n  web: {image: busybox, deploy: {mode: global}}\n  db: {image: busybox, deploy: {replicas: 0}}\n";
    let stage = swarm(file, "deploy: s");
    let fake = stage.fake.clone();
    check_passes(stage, 1).await;
    assert_eq!((made(&fake, "web").await, made(&fake, "db").await), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_global_service_that_no_node_takes_is_told() {
    let file = "services: {agent: {image: busybox, deploy: {mode: global, placement: {constraints: [node.labels.disk == ssd]}}}}";
    let stage = swarm(file, "deploy: s");
    let told = stage.told(&stage.events().await);
    let note = "note: `agent` is to have a task on each node, and has none: no node meets `node.labels.disk == ssd`";
    assert_eq!(told.matches(note).count(), 1, "{told}");
    assert!(told.contains("steps[1] passed"), "{told}");
    assert_eq!(made(&stage.fake, "agent").await, 0);
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn its_deadline_tells_what_was_seen_last() {
    let slow = Script::new().after(60).healthy();
    let why = "`s` did not converge within 5s -> `web` has 0 of 1 tasks running (1 starting)";
    check_fails(one("", slow, "{deploy: s, timeout: 5s}"), 10, (1, why)).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_healthcheck_says_is_told_while_it_is_waited_for() {
    let ails = Script::new()
        .after(1)
        .ailing("no route to the store\n")
        .after(4)
        .healthy();
    let stage = one("", ails, "deploy: s").waits();
    let told = stage.told(&stage.events().await);
    let waits = "`web` has 0 of 1 tasks running (1 starting), the healthcheck of `web.1` on node `fake` failed: no route to the store";
    assert!(told.contains(waits), "{told}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_death_while_all_has_to_stay_so_begins_that_anew() {
    let dies = Script::new().after(1).exit(1).then(Script::new());
    check(
        one("", dies, "deploy: {stack: s, stable-for: 3s}").waits(),
        "steps[1] waits for `s` to converge: `web` has 0 of 1 tasks running (1 preparing)
         steps[1] waits for `s` to converge: `web` has 0 of 1 tasks running (1 starting)
         steps[1] waits for `s` to converge: all is as it should be, and has to stay so
         steps[1] waits for `s` to converge: `web.1` on node `fake` has ended, and the swarm does not know it yet
         steps[1] waits for `s` to converge: `web` has 0 of 1 tasks running (1 failed: task: non-zero exit (1))
         steps[1] waits for `s` to converge: `web` has 0 of 1 tasks running (1 ready)
         steps[1] waits for `s` to converge: `web` has 0 of 1 tasks running (1 starting)
         steps[1] waits for `s` to converge: all is as it should be, and has to stay so
         note: before `s` converged `web.1` on node `fake` failed: task: non-zero exit (1)
         steps[1] passed
         then[1] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn two_stacks_are_told_apart() {
    let steps = "deploy: s, deploy: t, scale: {service: t/web, replicas: 1}, assert: \"containers('s/web') | length == 2\", \
                 down: s, assert: \"containers('t/web') | length == 1\"";
    check_passes(of("stacks: {s: {swarm: s.yml}, t: {swarm: s.yml}}", SHOP, steps), 6).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_goes_away_is_an_error() {
    let stage = swarm(SHOP, "deploy: {stack: s, stable-for: 10s}");
    let fake = stage.fake.clone();
    let away = tokio::spawn(async move {
        pause(Duration::from_secs(1)).await;
        fake.away(true);
        pause(Duration::from_secs(3)).await;
        fake.away(false);
    });
    let told = stage.told(&stage.events().await);
    away.await.unwrap();
    assert!(
        told.contains("steps[1] errored: ") && told.ends_with("= errored\nexit 3\n"),
        "{told}"
    );
    stage.fake.assert_clean();
}
