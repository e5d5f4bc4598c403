//! `inside` on the fake engine: which container is asked, and what becomes of what it tells.

use std::sync::Arc;
use std::time::Duration;

use super::{Stage, stage};
use crate::engine::fake::{Answer, Reply, Script};
use crate::event::What;
use crate::host::{Host, NoGroups, RealHost};
use crate::step::inside::image;

/// A stage with a service, whose helper gives these answers.
async fn asking(steps: &str, told: &[&str]) -> Stage {
    let program = RealHost::new(Arc::new(NoGroups)).program().await.unwrap();
    let reference = image(&program);
    let answers: Vec<Answer> = told.iter().map(|text| Answer::out((*text).to_owned())).collect();
    stage(&format!("stacks: {{s: web.yml}}\nsteps:\n- up: s\n{steps}\n")).engine(|fake| {
        fake.image(&reference);
        // A restart takes time, so that the start after it is another one.
        fake.script("web", Script::new().ignores_term());
        fake.script(&reference, Script::new().exec("ask-here", answers));
    })
}

const REFUSED: &str = r#"{"no": ["refused", "nobody listens"]}"#;
const ANSWER: &str =
    r#"{"http": {"status": 200, "headers": {}, "body": "eWVz", "length": 3, "duration": {"secs": 0, "nanos": 5}}}"#;

async fn check(steps: &str, told: &[&str], expected: &str) {
    let stage = asking(steps, told).await;
    let ready = "image `busybox` present\nimage e2erun/inside cached\nsteps[1] passed";
    stage.check(&format!("{ready}\n{expected}")).await;
}

#[tokio::test(start_paused = true)]
async fn one_helper_answers_all_questions() {
    let steps = "- {http: {get: http://x/, inside: web}, within: 5s, expect: {body: 'yes'}}\n\
                 - tcp: {address: x:1, inside: web}\n";
    let told = [REFUSED, ANSWER, r#"{"tcp": ""}"#];
    let stage = asking(steps, &told).await;
    let events = stage.events().await;
    assert!(
        stage
            .told(&events)
            .ends_with("steps[2] passed\nsteps[3] passed\n= passed\n")
    );
    let created = stage
        .fake
        .journal()
        .into_iter()
        .filter(|call| call.starts_with("create testrun"));
    assert_eq!(created.collect::<Vec<_>>(), ["create testrun-1-1-inside-1"]);
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_is_a_failure_and_what_cannot_be_asked_an_error() {
    check(
        "- http: {get: http://x/, inside: web}",
        &[REFUSED],
        "steps[2] failed: no answer (refused): nobody listens
         = failed
         exit 1",
    )
    .await;
    check(
        "- http: {get: http://x/, inside: web}",
        &["exec format error"],
        "steps[2] errored: the question cannot be asked from inside: expected value at line 1 column 1: exec format error
         = errored
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_restarted_container_has_another_helper_and_a_stopped_one_none() {
    let question = "- http: {get: http://x/, inside: web}\n";
    let steps = format!("{question}- restart: web\n{question}- stop: web\n{question}");
    let stage = asking(&steps, &[ANSWER]).await;
    let told = stage.told(&stage.events().await);
    assert!(
        told.contains("steps[6] failed: `web` exited with code 137: nothing can be asked from inside it"),
        "{told}"
    );
    let helpers = stage
        .fake
        .journal()
        .into_iter()
        .filter(|call| call.contains("create testrun-1-1-inside"));
    assert_eq!(helpers.count(), 2, "{told}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn one_whose_question_was_given_up_while_it_was_made_keeps_its_name() {
    let steps = "- {http: {get: http://x/, inside: web}, timeout: 2s, within: 20s}\n";
    let stage = asking(steps, &[ANSWER]).await.engine(|fake| {
        fake.call("create", 1, Reply::Late(Duration::from_secs(3)));
    });
    let told = stage.told(&stage.events().await);
    assert!(told.ends_with("steps[2] passed\n= passed\n"), "{told}");
    let journal = stage.fake.journal().into_iter();
    let created: Vec<String> = journal.filter(|call| call.starts_with("create testrun")).collect();
    assert_eq!(created, ["create testrun-1-1-inside-1", "create testrun-1-1-inside-2"]);
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn the_way_into_what_was_kept_is_told_without_the_helpers() {
    let stage = asking("- http: {get: http://x/, inside: web}\nkeep: always", &[ANSWER]).await;
    let events = stage.events().await;
    let kept = events.iter().find_map(|event| match &event.what {
        What::Kept { text } => Some(text.as_str()),
        _ => None,
    });
    let kept = kept.unwrap();
    assert!(kept.contains("web-1 sh") && !kept.contains("-inside-"), "{kept}");
}

#[tokio::test(start_paused = true)]
async fn a_container_that_ends_as_its_helper_starts_is_the_systems_state_and_no_error() {
    let program = RealHost::new(Arc::new(NoGroups)).program().await.unwrap();
    let reference = image(&program);
    let asked = "steps: [up: s, {http: {get: http://x/, inside: web}}]";
    let stage = stage(&format!("stacks: {{s: web.yml}}\n{asked}\n")).engine(|fake| {
        fake.image(&reference);
        fake.script("web", Script::new().after(1).exit(3));
        fake.script(
            &reference,
            Script::new().refuses("cannot join network of a non running container"),
        );
        // The first one is the service's.
        fake.call("create", 1, Reply::Late(Duration::from_secs(2)));
    });
    stage
        .check("image `busybox` present\nimage e2erun/inside cached\nsteps[1] passed\nsteps[2] failed: `web` ended as it was to be asked from inside\n= failed\nexit 1")
        .await;
    // Another try makes another one: it does not stay until all is looked through at the end.
    let journal = stage.fake.journal();
    let at = |beginning: &str| journal.iter().position(|call| call.starts_with(beginning));
    assert!(at("remove ").unwrap() < at("labelled ").unwrap(), "{journal:?}");
}
