//! What ends a scenario from outside: its limit, Ctrl-C, another one's failure, an engine that goes away.

use std::time::Duration;

use super::{Stage, stage};
use crate::engine::fake::{Fake, Reply, Script};
use crate::event::What;
use crate::report::{Reporters, Settings};

const LONG: &str = "stacks: {s: web.yml}
timeout: LIMIT
steps: [up: s, {http: 'http://x/late', within: 1h}, assert: true]
then: [assert: true]
cleanup: [{http: 'http://x/slow', within: 20s}, assert: true]
";

/// A scenario whose second step waits for good.
fn long(limit: &str) -> Stage {
    stage(&LONG.replace("LIMIT", limit))
        .answers("late", &[(0, 500, "no")])
        .answers("slow", &[(0, 500, "no"), (10_000, 200, "yes")])
}

#[tokio::test(start_paused = true)]
async fn a_scenario_that_takes_too_long_failed_and_is_cleaned_up() {
    long("5s")
        .check(
            "image `busybox` present
             steps[1] passed
             steps[2] failed: the scenario did not end within 5s
             steps[3] skipped: not reached: the scenario was ended
             then[1] skipped: not reached: the scenario was ended
             cleanup[1] passed
             cleanup[2] passed
             = failed: the scenario did not end within 5s
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_first_interruption_ends_it_with_its_cleanup() {
    long("10m")
        .interrupted_at(5000)
        .check(
            "image `busybox` present
             steps[1] passed
             steps[2] errored: interrupted
             steps[3] skipped: not reached: the scenario was ended
             then[1] skipped: not reached: the scenario was ended
             cleanup[1] passed
             cleanup[2] passed
             = errored: interrupted
             interrupted
             exit 130",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_second_interruption_ends_the_cleanup_too() {
    long("10m")
        .interrupted_at(5000)
        .interrupted_at(6000)
        .check(
            "image `busybox` present
             steps[1] passed
             steps[2] errored: interrupted
             steps[3] skipped: not reached: the scenario was ended
             then[1] skipped: not reached: the scenario was ended
             cleanup[1] errored: interrupted
             cleanup[2] skipped: not reached: the scenario was ended
             = errored: interrupted
             interrupted
             exit 130",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn all_that_is_done_after_an_interruption_has_one_limit() {
    let check = async |scale: f64, over: &str, limit: f64| {
        let waits = "{http: 'http://x/late', within: 200s}";
        let mut stage = stage(&format!(
            "stacks: {{s: web.yml}}\nsteps: [up: s, assert: 1 == 2]\non-failure: [{waits}, {waits}]\ncleanup: [{waits}]\n"
        ))
        .answers("late", &[(0, 500, "no")])
        .interrupted_at(2000);
        stage.timeout_scale = scale;
        let events = stage.events().await;
        stage.fake.assert_clean();
        let told = stage.told(&events);
        let expected = format!(
            "image `busybox` present
             steps[1] passed
             steps[2] failed: `1 == 2` is false
             note: the cleanup did not end within the {over} that an interruption leaves it: what is there is removed at once
             on-failure[1] errored: interrupted
             on-failure[2] skipped: not reached: the scenario was ended
             cleanup[1] skipped: not reached: the scenario was ended
             = failed
             interrupted
             exit 130"
        );
        assert_eq!(told.trim(), super::unindented(&expected).trim(), "\n{told}");
        let took = events.last().unwrap().elapsed;
        assert!((2.0 + limit..3.0 + limit).contains(&took), "{took}");
        let left = events.iter().find_map(|event| match event.what {
            What::Interrupted { limit } => Some(limit),
            _ => None,
        });
        assert_eq!(left, Some(limit));
    };
    check(1.0, "1m", 60.0).await;
    check(2.0, "2m", 120.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_scenario_is_no_known_issue_and_not_tried_again() {
    stage("retries: 2\nknown-issue: [{reason: slow}]\nsteps: [{http: 'http://x/late', within: 1h}]\n")
        .answers("late", &[(0, 500, "no")])
        .interrupted_at(2000)
        .check(
            "steps[1] errored: interrupted
             = errored: interrupted
             interrupted
             exit 130",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn with_fail_fast_the_others_end_early_and_the_rest_is_not_run() {
    let mut stage = long("10m")
        .scenario("two", "steps: [{http: 'http://x/failing', within: 3s}]\n")
        .scenario("three", "steps: [assert: 'true']\n")
        .answers("failing", &[(0, 500, "no")])
        .jobs(2);
    stage.fail_fast = true;
    stage
        .check(
            "image `busybox` present
             1: steps[1] passed
             2: steps[1] failed: `status` is 500
             2: = failed
             note: --fail-fast: a scenario failed, the rest is not run
             1: steps[2] errored: interrupted
             1: steps[3] skipped: not reached: the scenario was ended
             1: then[1] skipped: not reached: the scenario was ended
             1: cleanup[1] passed
             1: cleanup[2] passed
             1: = errored: ended early: another scenario failed, and `--fail-fast` was given
             exit 1",
        )
        .await;
}

/// The engine goes away after so many milliseconds, and comes back after as many more.
fn goes_away(fake: &Fake, after: u64, back: u64) {
    let fake = fake.clone();
    tokio::spawn(async move {
        crate::wait::pause(Duration::from_millis(after)).await;
        fake.away(true);
        crate::wait::pause(Duration::from_millis(back)).await;
        fake.away(false);
    });
}

const TWICE: &str = "stacks: {s: slow.yml}\nsteps: [up: s, assert: true]\n";
const SLOW: &str = "services: {db: {image: busybox, healthcheck: {test: x}}}";

#[tokio::test(start_paused = true)]
async fn an_engine_that_comes_back_in_time_costs_nothing() {
    stage(TWICE)
        .file("slow.yml", SLOW)
        .engine(|fake| {
            fake.script("db", Script::new().after(20).healthy());
            goes_away(fake, 5000, 8000);
        })
        .check(
            "image `busybox` present
             steps[1] passed
             steps[2] passed
             = passed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_lost_is_an_error_and_what_is_left_is_told() {
    let stage = stage(TWICE).file("slow.yml", SLOW).engine(|fake| {
        fake.script("db", Script::new().after(60).healthy());
        goes_away(fake, 5000, 3_600_000);
    });
    stage
        .check_told(
            "image `busybox` present
             steps[1] errored: cannot events ``: connection refused
             steps[2] skipped: not reached: a step before it failed
             = errored: what the scenario made on `local` could not all be removed
             exit 3",
        )
        .await;
    assert_eq!(stage.fake.names().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn removing_is_tried_again() {
    use crate::engine::Reason;
    stage("stacks: {s: web.yml}\nsteps: [up: s, assert: true]\n")
        .engine(|fake| {
            fake.call("labelled", 1, Reply::Fail(Reason::Other, "busy"))
                .call("remove", 1, Reply::Fail(Reason::Conflict, "in use"))
                .call("kill", 1, Reply::Fail(Reason::Other, "busy"));
        })
        .check(
            "image `busybox` present
             steps[1] passed
             steps[2] passed
             = passed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_interrupted_says_so() {
    let stage = long("10m").interrupted_at(5000);
    let told = format!("{:?}", stage.events().await);
    let waited = told.split("asked ").next().unwrap();
    assert!(waited.ends_with("interrupted after 5s of 1h: "), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn in_a_hurry_no_call_is_waited_for_that_does_not_end() {
    // The first one is the scenario's own step, which nobody waits for after the second Ctrl-C.
    let stage = stage("stacks: {s: web.yml}\nsteps: [up: s, stop: web, assert: true]\n")
        .engine(|fake| {
            fake.call("stop", 1, Reply::Hang);
        })
        .interrupted_at(5000)
        .interrupted_at(6000);
    let begun = tokio::time::Instant::now();
    let events = stage.events().await;
    let took = begun.elapsed();
    stage.fake.assert_clean();
    assert!(took < Duration::from_secs(40), "{took:?}\n{}", stage.told(&events));
}

#[tokio::test(start_paused = true)]
async fn what_a_case_made_is_forgotten_with_it() {
    let stage = long("5s");
    let label = format!("{}={}", crate::lease::LEASE, super::RUN);
    let engine: std::sync::Arc<dyn crate::engine::Engine> = std::sync::Arc::new(stage.fake.clone());
    let world = crate::engine::world::World::watch(engine, label).await.unwrap();
    stage.events_with(world.clone()).await;
    world.sync().await.unwrap();
    assert_eq!(world.snapshot().all().count(), 0);
}

/// Two scenarios that hold one lock, so that the second begins only when the first has given it back.
fn with_a_bug(jobs: usize) -> Stage {
    let fixed = "stacks: {s: {compose: fixed.yml, substitute: {ports: none}}}\n";
    let bug = format!(
        "{fixed}retries: 2\nsteps: [up: s, {{exec: {{service: web, command: [x]}}}}, assert: 'true']\ncleanup: [assert: 'true']\n"
    );
    stage(&bug)
        .file("fixed.yml", "services: {web: {image: busybox, ports: ['8080:80']}}")
        .scenario("two", &format!("{fixed}steps: [up: s, assert: 'true']\n"))
        .scenario("three", "steps: [assert: 'true']\n")
        .engine(|fake| {
            fake.call("exec", 1, Reply::Panic("a bug"));
        })
        .jobs(jobs)
}

const TOLD_OF_A_BUG: &str = "image `busybox` present
     1: steps[1] passed
     1: = errored: internal error: a bug
     2: steps[1] passed
     2: steps[2] passed
     2: = passed
     3: steps[1] passed
     3: = passed
     exit 3";

#[tokio::test(start_paused = true)]
async fn a_bug_of_ours_ends_its_scenario_alone() {
    with_a_bug(1).check(TOLD_OF_A_BUG).await;
}

#[tokio::test(start_paused = true)]
async fn after_a_bug_others_beside_it_go_on_and_reports_have_it() {
    let stage = with_a_bug(3);
    let events = stage.events().await;
    stage.fake.assert_clean();
    let mut told: Vec<String> = stage.told(&events).lines().map(str::to_owned).collect();
    let mut expected: Vec<&str> = TOLD_OF_A_BUG.lines().map(str::trim).collect();
    told.sort();
    expected.sort_unstable();
    assert_eq!(told, expected);
    let mut reporters = Reporters::new(&Settings {
        junit: Some("junit.xml".into()),
        ..Settings::default()
    });
    events.iter().for_each(|event| drop(reporters.event(event)));
    let junit = String::from_utf8(reporters.artifacts().remove(0).bytes).unwrap();
    assert!(
        junit.contains("internal error: a bug") && junit.contains("please report it"),
        "{junit}"
    );
}
