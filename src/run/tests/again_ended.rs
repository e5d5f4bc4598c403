//! Results that are judged again: what was wrong with the case itself, and a case that did not come to its end.

use super::again::{TAKEN, as_it_was, judge, judge_stored, writes};
use super::stage;
use crate::run::Stored;

#[tokio::test(start_paused = true)]
async fn what_was_wrong_with_the_case_itself_is_taken_as_it_went() {
    let scan = |never: &str| format!("steps: [assert: 'true']\nlog-scan: {{never: [{never}]}}\n");
    as_it_was(
        writes("one\nERROR: two\n", &scan("ERROR")),
        &format!(
            "given[1] passed\nsteps[1] passed\n{TAKEN}
             = failed: a line that no log may have, in that of `web`: it contains `ERROR` -> ERROR: two\nexit 1"
        ),
    )
    .await;
    as_it_was(
        writes("one\n", &scan("ERROR")),
        &format!("given[1] passed\nsteps[1] passed\n{TAKEN}\n= passed"),
    )
    .await;
    as_it_was(
        stage("steps: [{http: 'http://x/get', expect: {status: 200}}]\ncleanup: [{tcp: 'closed:1'}]"),
        "steps[1] passed
         cleanup[1] failed: no answer (refused): closed:1
         = errored
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_case_that_was_ended_early_is_errored() {
    as_it_was(
        stage("steps: [{tcp: 'closed:1', within: 50s}]").interrupted_at(2_000),
        &format!("steps[1] errored: interrupted\n{TAKEN}\n= errored: interrupted\nexit 3"),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_case_that_could_not_begin_is_as_it_was() {
    as_it_was(
        stage("images: {x: {image: gone, pull: always}}\nsteps: [assert: 'true']\n"),
        "= errored: image `gone` is not here and cannot be pulled: no registry in reach\nexit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_had_to_hold_is_as_it_went() {
    let body = |must: &str| {
        format!(
            "steps: [{{http: 'http://x/get', probe: p, must-hold: {must}}}, {{http: 'http://x/wait', expect: {{status: 200}}}}]"
        )
    };
    let down = |body: &str| stage(body).answers("get", &[(0, 0, "refused")]);
    as_it_was(
        down(&body("true")),
        "steps[1] errored: probe `p` never had an answer
         steps[2] passed
         = errored
         exit 3",
    )
    .await;
    judge(
        down(&body("false")),
        &body("true"),
        "note: steps[1] `http GET http://x/get` is not judged again: it asked for something else then
         steps[1] skipped: not judged again: it asked for something else then
         steps[2] passed
         = not verified: 1 step was not judged again",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_case_that_has_no_end_is_errored() {
    let ran = stage("steps: [{http: 'http://x/get', expect: {status: 200}}]");
    let mut stored = Stored::default();
    let ends = |event: &crate::event::Event| matches!(event.what, crate::event::What::CaseEnded { .. });
    let events = ran.events().await.into_iter().filter(|event| !ends(event));
    events.for_each(|event| stored.event(event));
    let same = "steps: [{http: 'http://x/get', expect: {status: 200}}]";
    judge_stored(
        ran,
        stored,
        same,
        &format!(
            "steps[1] passed\n{TAKEN}
             = errored: the run did not come to this case's end: it was killed, or it is not through yet\nexit 3"
        ),
    )
    .await;
}
