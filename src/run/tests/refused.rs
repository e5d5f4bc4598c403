//! `up` where the compose tool fails or the engine refuses: what is tried again, and what is told.

use super::starting::{SHOP, check, shop};
use super::{Stage, stage};
use crate::engine::fake::{Script, ToolFault};
use crate::event::What;

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
