//! `up` and `down` on the fake engine: what containers do, what the compose tool does.

use super::{Stage, stage};
use crate::engine::fake::{Script, ToolFault};
use crate::event::What;

const SHOP: &str = "services:
  web: {image: busybox, depends_on: [db]}
  db: {image: busybox, healthcheck: {test: x}, volumes: ['data:/data']}
volumes: {data: {}}
";

/// A scenario that brings the shop up.
fn shop(up: &str) -> Stage {
    stage(&format!(
        "stacks: {{s: shop.yml}}\nsteps: [{up}]\nthen: [assert: 'true']\n"
    ))
    .file("shop.yml", SHOP)
    .engine(|fake| {
        fake.script("db", Script::new().after(2).healthy());
    })
}

async fn check(stage: Stage, expected: &str) {
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
async fn a_tool_that_fails_by_itself_is_an_error() {
    let stage = shop("up: s").engine(|fake| {
        fake.tool_fault(ToolFault::Fails(18, "invalid project"));
    });
    check(
        stage,
        "steps[1] errored: `s` could not be brought up: the compose tool ended with exit code 18
         then[1] skipped: not reached: a step before it failed
         = errored
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_image_that_the_tool_cannot_pull_is_told_once_and_with_what_to_do() {
    let why = "pull access denied for nosuch";
    for (said, what) in [
        (
            " web Error pull access denied for nosuch\nError response from daemon: pull access denied for nosuch",
            "the image of `web`",
        ),
        (
            " Image nosuch Error pull access denied for nosuch \nError response from daemon: pull access denied for nosuch",
            "image `nosuch`",
        ),
    ] {
        let stage = shop("up: s").engine(|fake| {
            fake.tool_fault(ToolFault::Fails(18, said));
        });
        let events = stage.events().await;
        let faults = events.iter().find_map(|event| match &event.what {
            What::StepEnded { faults, .. } if !faults.is_empty() => Some(faults.clone()),
            _ => None,
        });
        let fault = &faults.unwrap()[0];
        assert_eq!(
            fault.message,
            format!("`s` could not be brought up: {what} could not be pulled")
        );
        assert_eq!(fault.details[0].text.matches(why).count(), 1, "{fault:?}");
        assert!(fault.hint.as_ref().unwrap().contains("wants a login"), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_surroundings_refuse_is_tried_again() {
    let busy = ToolFault::Fails(1, "Bind for 0.0.0.0:80 failed: port is already allocated");
    let told = "retried steps[1]: up of `s`: Bind for 0.0.0.0:80 failed: port is already allocated";
    let stage = shop("up: s").engine(|fake| {
        fake.tool_fault(busy.clone());
    });
    check(stage, &format!("{told}\nsteps[1] passed\nthen[1] passed\n= passed")).await;
    let stage = shop("up: s").engine(|fake| {
        fake.tool_fault(busy.clone())
            .tool_fault(busy.clone())
            .tool_fault(busy.clone());
    });
    check(
        stage,
        &format!(
            "{told}
             {told}
             steps[1] errored: `s` could not be brought up: the compose tool ended with exit code 1
             then[1] skipped: not reached: a step before it failed
             = errored
             exit 3"
        ),
    )
    .await;
}

/// Two stacks that want one port, the second of which the engine refuses.
fn rivals(refusal: &'static str) -> Stage {
    let file = |service: &str| format!("services:\n  {service}: {{image: busybox, ports: ['8080:80']}}\n");
    let stack = |name: &str| format!("{name}: {{compose: {name}.yml, substitute: {{ports: none}}}}");
    let (one, two) = (stack("one"), stack("two"));
    stage(&format!(
        "stacks: {{{one}, {two}}}\nsteps: [up: one, up: two]\nthen: [assert: 'true']\n"
    ))
    .file("one.yml", &file("first"))
    .file("two.yml", &file("second"))
    .engine(|fake| {
        fake.script("second", Script::new().refuses(refusal));
    })
}

#[tokio::test(start_paused = true)]
async fn a_port_that_the_engine_refuses_is_an_error_that_names_who_has_it() {
    let refusal = "driver failed programming external connectivity on endpoint second: \
                   Bind for 0.0.0.0:8080 failed: port is already allocated";
    let retried = format!("retried steps[2]: up of `two`: Error response from daemon: {refusal}");
    check(
        rivals(refusal),
        &format!(
            "steps[1] passed
             {retried}
             {retried}
             steps[2] errored: host port 8080 is taken by container `e2e-testrun-1-1-one-first-1` of compose project `e2e-testrun-1-1-one`, \
             started by this scenario
             then[1] skipped: not reached: a step before it failed
             = errored
             exit 3"
        ),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_subnet_that_the_engine_refuses_is_an_error_that_names_who_has_it() {
    let file = |service: &str| {
        format!(
            "services:\n  {service}: {{image: busybox, networks: [net]}}\n\
             networks:\n  net: {{ipam: {{config: [{{subnet: 10.91.0.0/24}}]}}}}\n"
        )
    };
    check(
        stage("stacks: {one: one.yml, two: two.yml}\nsteps: [up: one, up: two]\nthen: [assert: 'true']\n")
            .file("one.yml", &file("first"))
            .file("two.yml", &file("second")),
        "steps[1] passed
         steps[2] errored: subnet 10.91.0.0/24 is taken by network `e2e-testrun-1-1-one_net` of compose project \
         `e2e-testrun-1-1-one`, started by this scenario
         then[1] skipped: not reached: a step before it failed
         = errored
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_refused_for_the_service_s_own_sake_is_a_failure() {
    let refusal = "exec: \"nosuch\": executable file not found in $PATH";
    check(
        rivals(refusal),
        &format!(
            "steps[1] passed
             steps[2] failed: `second` could not be started: {refusal}
             then[1] skipped: not reached: a step before it failed
             = failed
             exit 1"
        ),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_start_is_told_once_with_what_to_do() {
    let refusal = "exec: \"nosuch\": executable file not found in $PATH";
    let mut faults = rivals(refusal)
        .events()
        .await
        .into_iter()
        .filter_map(|event| match event.what {
            What::StepEnded { faults, .. } => faults.into_iter().next(),
            _ => None,
        });
    let fault = faults.next().unwrap();
    assert!(
        fault
            .hint
            .as_ref()
            .is_some_and(|hint| hint.contains("no shell reads the `command`")),
        "{:?}",
        fault.hint
    );
    let told = fault.details.iter().filter(|detail| detail.text.contains(refusal));
    assert_eq!(told.count(), 0, "{:?}", fault.details);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_tool_that_dies_or_goes_on_after_its_parent() {
    let stage = shop("up: s").engine(|fake| {
        fake.tool_fault(ToolFault::DiesAfter(1));
    });
    check(
        stage,
        "steps[1] errored: `s` could not be brought up: the compose tool was ended by a signal
         then[1] skipped: not reached: a step before it failed
         = errored
         exit 3",
    )
    .await;
    let waits = SHOP.replace("[db]", "{db: {condition: service_healthy}}");
    let stage = shop("{up: s, timeout: 1s}").file("shop.yml", &waits).engine(|fake| {
        fake.tool_fault(ToolFault::Orphan);
    });
    check(
        stage,
        "steps[1] failed: `s` was not up within 1s -> `db` is running (health: starting), `web` has no container yet
         then[1] skipped: not reached: a step before it failed
         = failed
         exit 1",
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
