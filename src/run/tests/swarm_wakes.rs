//! What wakes the waiting for a swarm: what happens to a container, and to a service. The manager knows of a container a little
//! later and tells nobody, so it is asked often then; its long pause is for what nobody tells.

use std::time::Duration;

use super::swarm_stacks::one;
use super::{RUN, Stage};
use crate::engine::fake::{Fake, Script};
use crate::engine::{Engine, VolumeSpec};
use crate::event::What;
use crate::lease::LEASE;
use crate::wait::pause;

/// How long the fake takes to give a task its container, and then to know of what has happened to it.
const KNOWN: Duration = Duration::from_millis(2 * 70);
/// How late it may be asked at most.
const LATE: Duration = Duration::from_millis(15);

/// The deploy of a service for which something decides so long after its start ends as soon as the manager knows of it.
async fn check(deploy: &str, decides: impl Fn(Script) -> Script, step: &str) {
    // Long after its start has woken anybody, and at each point of the long pause.
    for at in (1000..1200).step_by(10) {
        let stage = one(deploy, decides(Script::new().after_ms(at)), step);
        let late = took(&stage, 1).await.checked_sub(Duration::from_millis(at) + KNOWN);
        assert!(late.is_some_and(|late| late <= LATE), "{step}: {late:?} after {at} ms");
        stage.fake.assert_clean();
    }
}

/// How long a step took.
async fn took(stage: &Stage, step: usize) -> Duration {
    let events = stage.events().await;
    let mut took = events.iter().filter_map(|event| match event.what {
        What::StepEnded { seconds, .. } => Some(Duration::from_secs_f64(seconds)),
        _ => None,
    });
    took.nth(step - 1).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_update_is_seen_at_once() {
    // Its last task runs long before, and nothing happens to a container until then.
    let after = async |monitor: u64| {
        let update = format!("update: {{service: web, env: {{A: '2'}}, monitor: {monitor}ms}}");
        took(&one("", Script::new(), &format!("deploy: s, {update}")), 2).await
    };
    let first = after(1000).await;
    for more in (0..200).step_by(10) {
        let late = after(1000 + more)
            .await
            .checked_sub(first + Duration::from_millis(more));
        assert!(late.is_some_and(|late| late <= LATE), "{late:?} after {more} ms");
    }
}

/// How often the manager is asked by a deploy that waits 20 s for a healthcheck, while this happens on another node.
async fn asked(worker: &Fake, happens: impl Future<Output = ()> + Send + 'static) -> usize {
    let mut stage = one(
        "",
        Script::new().after_ms(20_000).healthy(),
        "deploy: {stack: s, stable-for: 0s}",
    );
    stage.worker = Some(worker.clone());
    let happens = tokio::spawn(happens);
    took(&stage, 1).await;
    happens.await.unwrap();
    let journal = stage.fake.journal();
    journal.iter().filter(|call| call.starts_with("tasks")).count()
}

#[tokio::test(start_paused = true)]
async fn what_happens_on_another_node_is_seen_too() {
    let lease = format!("{LEASE}={RUN}");
    let quiet = asked(&Fake::new(&lease), async {}).await;
    let worker = Fake::new(&lease);
    let engine = worker.clone();
    let busy = asked(&worker, async move {
        pause(Duration::from_secs(5)).await;
        let spec = VolumeSpec {
            name: "elsewhere".to_owned(),
            ..VolumeSpec::default()
        };
        engine.create_volume(&spec).await.unwrap();
    });
    // It is asked often for a while then.
    let busy = busy.await;
    assert!(busy > quiet + 20, "{busy} and {quiet}");
    let away = Fake::new(&lease);
    let gone = away.clone();
    let after = asked(&away, async move {
        pause(Duration::from_secs(5)).await;
        gone.away(true);
        gone.cut_events();
    });
    let after = after.await;
    assert!(after < quiet + 100, "who is gone tells nothing: {after} and {quiet}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_become_healthy_is_seen_at_once() {
    check("", Script::healthy, "deploy: {stack: s, stable-for: 0s}").await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_completed_is_seen_at_once() {
    let ends = |script: Script| script.exit(0);
    check("mode: replicated-job", ends, "deploy: {stack: s, stable-for: 0s}").await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_failed_for_good_is_seen_at_once() {
    let fails = |script: Script| script.exit(1);
    let step = "deploy: {stack: s, stable-for: 60s}";
    check("restart_policy: {condition: none}", fails, step).await;
}
