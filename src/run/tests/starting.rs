//! `up` and `down` on the fake engine: what containers do, what the compose tool does.

use std::time::Duration;

use super::{Stage, stage};
use crate::engine::fake::{Script, ToolFault};

pub(super) const SHOP: &str = "services:
  web: {image: busybox, depends_on: [db]}
  db: {image: busybox, healthcheck: {test: x}, volumes: ['data:/data']}
volumes: {data: {}}
";

/// A scenario that brings the shop up.
pub(super) fn shop(up: &str) -> Stage {
    stage(&format!(
        "stacks: {{s: shop.yml}}\nsteps: [{up}]\nthen: [assert: 'true']\n"
    ))
    .file("shop.yml", SHOP)
    .engine(|fake| {
        fake.script("db", Script::new().after(2).healthy());
    })
}

pub(super) async fn check(stage: Stage, expected: &str) {
    stage.check(&format!("image `busybox` present\n{expected}")).await;
}

#[tokio::test(start_paused = true)]
async fn it_waits_until_each_service_is_as_it_should_be_and_down_removes() {
    let stage = shop("up: s, down: s, up: s, down: {stack: s, volumes: true}").waits();
    check(
        stage,
        "steps[1] waits for `s` to be up: `db` has no container yet, `web` has no container yet
         steps[1] waits for `s` to be up: `db` is running (health: starting)
         steps[1] passed
         steps[2] passed
         steps[3] waits for `s` to be up: `db` has no container yet, `web` has no container yet
         steps[3] waits for `s` to be up: `db` is running (health: starting)
         steps[3] passed
         steps[4] passed
         then[1] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_other_runs_have_is_waited_for_an_hour() {
    let stage = stage("stacks: {s: {compose: shop.yml, substitute: {ports: none}}}\nsteps: [up: s]\n").file(
        "shop.yml",
        "services: {web: {image: busybox, ports: ['80:80', '81:81']}}",
    );
    let locks = crate::lease::Locks::of(stage.folder.path(), "fake");
    let held = locks.take(&["host port 81".to_owned()].into(), |_| ()).await.unwrap();
    check(
        stage,
        "note: `one` waits for another run of e2erun, which has host port 81
         = errored: it has waited for an hour, while other runs of e2erun on this machine had one or another of these: host port 80, host port 81
         exit 3",
    )
    .await;
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_dies_ends_the_wait_at_once() {
    let stage = shop("up: s").engine(|fake| {
        fake.script("web", Script::new().after(1).exit(3));
    });
    check(
        stage,
        "steps[1] failed: `web` exited with code 3
         then[1] skipped: not reached: a step before it failed
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_a_good_end_it_is_told_how_to_say_that_it_is_one() {
    let stage = shop("up: s").engine(|fake| {
        fake.script("web", Script::new().after(1).exit(0));
    });
    let events = format!("{:?}", stage.events().await);
    assert!(
        events.contains("say so: `up: {stack: s, completes: [web]}`"),
        "{events}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_one_too() {
    let stage = shop("up: s").engine(|fake| {
        fake.script("db", Script::new().after(1).unhealthy("no route"));
    });
    check(
        stage,
        "steps[1] failed: `db` is unhealthy
         then[1] skipped: not reached: a step before it failed
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_started_again_is_waited_for() {
    let stage = shop("up: s").engine(|fake| {
        let again = Script::new().after(3).healthy();
        fake.script(
            "db",
            Script::new().restart("on-failure", 3).after(1).exit(1).then(again),
        );
    });
    check(stage, "steps[1] passed\nthen[1] passed\n= passed").await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_started_again_and_again_is_not_up() {
    let crashes = || {
        Script::new()
            .restart("always", 0)
            .out("no config\n")
            .after_ms(40)
            .exit(3)
    };
    let stage = shop("up: s").engine(|fake| {
        fake.script("web", (0..20).fold(crashes(), |script, _| script.then(crashes())));
    });
    check(
        stage,
        "steps[1] failed: `web` is started again and again (8 restarts, last exit code 3)
         then[1] skipped: not reached: a step before it failed
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_that_was_started_again_is_up_once_it_has_run_for_a_while() {
    let stage = shop("up: s").waits().engine(|fake| {
        let crashes = |after| Script::new().restart("always", 0).after_ms(after).exit(3);
        fake.script("db", Script::new().after(1).healthy());
        fake.script("web", crashes(400).then(crashes(600)).then(Script::new()));
    });
    let events = stage.events().await;
    let told = stage.told(&events);
    assert!(
        told.contains("`web` has not run for long yet (1 restart, last exit code 3)"),
        "{told}"
    );
    assert!(
        told.contains("`web` has not run for long yet (2 restarts, last exit code 3)"),
        "{told}"
    );
    assert!(told.contains("steps[1] passed"), "{told}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn one_that_should_complete_must_end_with_0() {
    let one_shot = |exit| {
        shop("up: {stack: s, completes: [web]}").engine(move |fake| {
            fake.script("web", Script::new().after(5).exit(exit));
        })
    };
    check(one_shot(0), "steps[1] passed\nthen[1] passed\n= passed").await;
    check(
        one_shot(4),
        "steps[1] failed: `web` exited with code 4
         then[1] skipped: not reached: a step before it failed
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_tells_the_last_observation() {
    let stage = shop("{up: s, timeout: 1s}");
    check(
        stage,
        "steps[1] failed: `s` was not up within 1s -> `db` is running (health: starting)
         then[1] skipped: not reached: a step before it failed
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_ends_it_from_outside_tells_the_last_observation_too() {
    let told = "-> `db` is running (health: starting)
         then[1] skipped: not reached: the scenario was ended";
    check(
        shop("up: s").interrupted_at(1000),
        &format!("steps[1] errored: interrupted {told}\n = errored: interrupted\n interrupted\n exit 130"),
    )
    .await;
    let limited = shop("up: s").file("e2erun.yaml", "timeout: 1s\n");
    check(
        limited,
        &format!(
            "steps[1] failed: the scenario did not end within 1s {told}
             = failed: the scenario did not end within 1s
             exit 1"
        ),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_that_others_start_without_may_end_as_it_likes() {
    let optional = |more: &str, up: &str| {
        let compose = format!(
            "services:
  web: {{image: busybox, depends_on: {{bad: {{condition: service_completed_successfully, required: false}}}}}}
  bad: {{image: busybox}}
{more}"
        );
        stage(&format!(
            "stacks: {{s: bad.yml}}\nsteps: [{up}]\nthen: [assert: 'true']\n"
        ))
        .file("bad.yml", &compose)
        .engine(|fake| {
            fake.script("bad", Script::new().after(2).exit(2));
        })
    };
    check(optional("", "up: s"), "steps[1] passed\nthen[1] passed\n= passed").await;
    let failed = "steps[1] failed: `bad` exited with code 2\nthen[1] skipped: not reached: a step before it failed\n= failed\nexit 1";
    let other = "  other: {image: busybox, depends_on: {bad: {condition: service_completed_successfully}}}\n";
    check(optional(other, "up: s"), failed).await;
    check(optional("", "up: {stack: s, services: [web, bad]}"), failed).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_there_and_is_stopped_while_the_tool_works_may_be_replaced_by_it() {
    let steps = "given: [{up: s}]
steps:
- parallel:
    again: [{up: s}]
    stopped:
    - {state-assert: {service: web}, within: 8s, expect: {restarts: 1, running: 1}}
    - kill: web
";
    let stage = stage(&format!("stacks: {{s: web.yml}}\n{steps}")).engine(|fake| {
        fake.script(
            "web",
            Script::new().restart("always", 0).after(3).exit(1).then(Script::new()),
        );
        fake.tool_fault(ToolFault::None);
        fake.tool_fault(ToolFault::Slow(Duration::from_secs(9)));
    });
    let events = stage.events().await;
    let told = stage.told(&events);
    assert!(told.ends_with("= passed\n"), "{told}");
}
