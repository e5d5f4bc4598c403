//! What is judged is judged whole, or told to be too long: never a part of it in silence.

use super::stage;
use crate::engine::fake::Script;

/// A stack that writes so many lines `status=200`, each with so much behind it, and after them another one.
async fn check_lines(many: usize, more: usize, expect: &str, expected: &str) {
    let step = format!("{{log-assert: {{service: web, contains: status=}}, expect: {expect}}}");
    stage(&format!("stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\nthen: [{step}]\n"))
        .engine(|fake| {
            let line = format!("status=200{}\n", ".".repeat(more));
            let lines = line.repeat(many) + "status=500\n";
            fake.script("web", Script::new().out(lines));
        })
        .check(&format!("image `busybox` present\ngiven[1] passed\n{expected}"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn all_lines_that_fit_are_judged() {
    check_lines(
        150,
        0,
        "{lines: {all: {contains: '200'}}}",
        "then[1] failed: item 151 of `lines` does not contain `200` -> status=500
         = failed
         exit 1",
    )
    .await;
    check_lines(
        150,
        0,
        "{lines: {length: 151}, count: 151}",
        "then[1] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn more_lines_than_are_kept_are_counted_and_not_judged() {
    check_lines(
        4_200,
        4_000,
        "{lines: {all: {contains: '200'}}}",
        "then[1] errored: `lines` cannot be judged: those that fit are longer than 16 MiB
         = errored
         exit 3",
    )
    .await;
    check_lines(
        4_200,
        4_000,
        "{count: 4201}",
        "then[1] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn all_answers_of_a_probe_are_judged() {
    const EVERY: &str = "steps:
  - {http: 'http://x/p', probe: p, every: 100ms}
  - {http: 'http://x/late', within: 60s}
  - {state-assert: {probe: p}, expect: {values: {length: 200}}}
";
    let answers: Vec<(u64, u16, &str)> = (0..200)
        .map(|at| (at * 100, 200, ["a", "b"][at as usize % 2]))
        .collect();
    stage(EVERY)
        .answers("p", &answers)
        .answers("late", &[(0, 500, "no"), (30_000, 200, "yes")])
        .check(
            "steps[1] passed
             steps[2] passed
             steps[3] passed
             probe p: 0 failures
             = passed",
        )
        .await;
    let long: &'static str = Box::leak("long ".repeat(10_000).into_boxed_str());
    let answers: Vec<(u64, u16, &str)> = (0..60)
        .map(|at| (at * 100, 200, [long, "b"][at as usize % 2]))
        .collect();
    stage(EVERY)
        .answers("p", &answers)
        .answers("late", &[(0, 500, "no"), (5_000, 200, "yes")])
        .check(
            "steps[1] passed
             steps[2] passed
             steps[3] errored: `values` cannot be judged: the answers are longer than the 1 MiB that are kept: let the question give less
             probe p: 0 failures
             = errored
             exit 3",
        )
        .await;
}
