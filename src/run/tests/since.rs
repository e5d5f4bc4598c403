//! `since`: only what was written after a step began, and never more because that step did not begin.

use super::stage;
use crate::engine::fake::Script;

/// Runs steps on a container that has written `old` before they begin, and writes `new` when it is told to.
async fn check(steps: &str, expected: &str) {
    stage(&format!("stacks: {{s: web.yml}}\ngiven: [up: s]\nsteps:\n{steps}"))
        .engine(|fake| {
            fake.script("web", Script::new().out("old\n"));
        })
        .check(&format!("image `busybox` present\ngiven[1] passed\n{expected}"))
        .await;
}

const SINCE: &str = "  - log-assert: {service: web, contains: old, since: mark}\n";

#[tokio::test(start_paused = true)]
async fn every_named_step_marks_the_logs_as_it_begins() {
    for step in [
        "{name: mark, assert: 'true'}",
        "{name: mark, do: [{assert: 'true'}]}",
        "{name: mark, parallel: {a: [{assert: 'true'}], b: [{assert: 'true'}]}}",
        "{name: mark, use: {template: part.yaml}}",
        "{name: mark, http: 'http://x/a', probe: p}",
        "{name: mark, assert: 'i > 0', for-each: {i: [0, 1]}, soft: true}",
    ] {
        let told = stage(&format!(
            "stacks: {{s: web.yml}}\ngiven: [up: s]\nsteps:\n  - log-assert: {{service: web, contains: old}}\n  - {step}\n{SINCE}"
        ))
        .file("part.yaml", "template: part\nsteps: [{assert: 'true'}]\n")
        .engine(|fake| {
            fake.script("web", Script::new().out("old\n"));
        });
        let told = told.told(&told.events().await);
        assert!(
            told.contains("steps[3] failed: no line of `web` contains `old`"),
            "{step}:\n{told}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn since_a_step_that_did_not_begin_nothing_is_known() {
    check(
        &format!("  - {{name: mark, shell: 'true', if: '1 == 2'}}\n{SINCE}"),
        "steps[1] skipped: `if: 1 == 2` is false
         steps[2] errored: nothing is since `mark`: that step did not begin (`if: 1 == 2` is false)
         = errored
         exit 3",
    )
    .await;
    check(
        &format!("  - {{do: [{{name: mark, assert: 'true'}}], skip: [{{reason: not now}}]}}\n{SINCE}"),
        "steps[1] skipped: not now
         steps[2] errored: nothing is since `mark`: that step did not begin (not now)
         = errored
         exit 3",
    )
    .await;
    check(
        &format!("  - {{do: [{{assert: '1 > 2'}}, {{http: 'http://x/a'}}, {{name: mark, assert: 'true'}}], soft: true}}\n{SINCE}"),
        "steps[1].do[1] failed: (soft) `1 > 2` is false
         steps[1].do[2] skipped: not reached: a step before it failed
         steps[1].do[3] skipped: not reached: a step before it failed
         steps[1] failed
         steps[2] errored: nothing is since `mark`: that step did not begin (not reached: a step before it failed)
         = errored
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_mark_of_another_round_is_not_taken_for_this_one() {
    let round = "{name: mark, assert: 'true', if: i == 1}, {log-assert: {service: web, contains: old, since: mark}, soft: true}";
    let outer = format!("  - {{do: [{round}], for-each: {{i: [1, 2]}}}}\n");
    check(
        &format!("  - log-assert: {{service: web, contains: old}}\n{outer}"),
        "steps[1] passed
         steps[2][i=1].do[1] passed
         steps[2][i=1].do[2] failed: (soft) no line of `web` contains `old` -> 0
         steps[2][i=1] failed
         steps[2][i=2].do[1] skipped: `if: i == 1` is false
         steps[2][i=2].do[2] errored: (soft) nothing is since `mark`: that step did not begin (`if: i == 1` is false)
         steps[2][i=2] errored
         = errored
         exit 1",
    )
    .await;
}
