//! Images that are pulled: once, and what a registry or an engine says to it.

use super::stage;
use crate::engine::Reason;
use crate::engine::fake::Reply;
use crate::event::What;

#[tokio::test(start_paused = true)]
async fn a_pull_is_tried_again_when_the_registry_is_busy_and_not_when_there_is_no_such_image() {
    let body = "images: {x: {image: busybox, pull: always}}\nsteps: [assert: 'true']\n";
    stage(body)
        .engine(|fake| {
            fake.call("pull", 1, Reply::Fail(Reason::Other, "toomanyrequests: slow down"));
        })
        .check(
            "retried: pull `busybox`: toomanyrequests: slow down
             image `x` pulled
             steps[1] passed
             = passed",
        )
        .await;
    stage(&body.replace("busybox", "gone"))
        .check(
            "image `x` failed: image `gone` is not here and cannot be pulled: no registry in reach
             = errored: image `gone` is not here and cannot be pulled: no registry in reach
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_image_of_a_stack_that_cannot_be_had_is_told_where_its_service_names_it() {
    let file = "services:\n  web: {image: busybox}\n  agent:\n    image: gone\n";
    let stage = stage("stacks: {s: s.yml}\nsteps: [up: s]\n").file("s.yml", file);
    let events = stage.events().await;
    let told = stage.told(&events);
    let missing = "= errored: `agent`: image `gone` is not here and cannot be pulled";
    assert!(told.contains(missing), "{told}");
    let events = format!("{events:?}");
    assert!(events.contains("s.yml\", line: 4, column: 12"), "{events}");
}

#[tokio::test(start_paused = true)]
async fn of_an_image_that_is_here_it_is_not_said_that_it_is_not() {
    let refused = Reply::Fail(Reason::Other, "denied");
    stage("images: {x: {image: busybox, pull: always}}\nsteps: [assert: 'true']\n")
        .engine(|fake| {
            fake.call("pull", 1, refused);
        })
        .check(
            "image `x` failed: image `busybox` is here, but cannot be pulled anew: denied
             = errored: image `busybox` is here, but cannot be pulled anew: denied
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_nowhere_is_asked_for_once_before_the_first_scenario_and_again_by_each_step() {
    let body = "steps: [run: {image: nowhere, command: 'true'}]\n";
    let stage = stage(body).scenario("two", body);
    stage.events().await;
    let journal = stage.fake.journal();
    let asked = journal.iter().filter(|call| *call == "pull nowhere").count();
    // Another scenario may have pushed it meanwhile.
    assert_eq!(asked, 3, "{journal:?}");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_does_not_answer_a_pull_says_nothing_of_the_image() {
    for (reason, is_of_image) in [
        (Reason::NotFound, true),
        (Reason::Other, true),
        (Reason::Away, false),
        (Reason::Limit, false),
    ] {
        let stage = stage("steps: [run: {image: nowhere, command: 'true'}]\n").engine(|fake| {
            // The first one is asked for before the scenario.
            fake.call("pull", 2, Reply::Fail(reason, "no luck"));
        });
        let events = stage.events().await;
        let faults = events.iter().find_map(|event| match &event.what {
            What::StepEnded { faults, .. } => Some(faults),
            _ => None,
        });
        let fault = &faults.unwrap()[0];
        assert!(fault.message.contains("no luck"), "{fault:?}");
        let speaks = fault.hint.as_ref().is_some_and(|hint| hint.contains("registry"));
        assert_eq!(speaks, is_of_image, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_of_a_step_that_may_be_skipped_is_not_asked_for() {
    let stage = stage(
        "steps:
  - assert: 'true'
  - {run: {image: nowhere, command: 'true'}, if: 'false'}
  - {do: [{run: {image: nowhere, command: 'true'}}], skip: [{if: 'true', reason: not here}]}
",
    );
    let told = stage.told(&stage.events().await);
    let journal = stage.fake.journal();
    assert!(!journal.iter().any(|call| call == "pull nowhere"), "{told} {journal:?}");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_only_a_commit_makes_is_asked_of_no_registry() {
    let stage = stage(
        "images: {b: {blank: true}}
stacks: {s: {compose: web.yml, substitute: {images: {busybox: '${{ images.b }}'}}}, t: web.yml}
given: [up: t]
then:
  - run: {image: '${{ images.b }}', command: 'true'}
  - up: s
  - commit: {service: t/web, image: '${{ images.b }}'}
  - up: s
",
    );
    let told = "errored: there is no image `images.b`: no `commit` to it has run";
    stage
        .check(&format!(
            "image `busybox` present
             given[1] passed
             then[1] {told}
             then[2] {told}
             then[3] passed
             then[4] passed
             = errored
             exit 3"
        ))
        .await;
    let journal = stage.fake.journal();
    assert!(
        !journal.iter().any(|call| call.starts_with("pull e2erun/")),
        "{journal:?}"
    );
}
