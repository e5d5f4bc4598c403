//! `expect-log` of a block: lines that have to come, and that `log-scan` allows then.

use super::scanned::{check, writes};
use crate::engine::fake::Script;

/// A container that writes an error at once, and others later.
fn erring() -> Script {
    Script::new()
        .out("ERROR: at first\n")
        .after(5)
        .out("ERROR: expected\n")
        .after(9)
        .out("ERROR: again\n")
}

#[tokio::test(start_paused = true)]
async fn lines_that_a_block_expects_have_to_come_and_are_allowed_from_then_on() {
    let block = |expected: &str| {
        format!(
            "steps: [{{do: [{{assert: 'true'}}], expect-log: [{expected}], within: 20s}}]\n\
             log-scan: {{never: [ERROR], ignore: [{{contains: at first, reason: known}}]}}\n"
        )
    };
    let passed = "steps[1].do[1] passed\nsteps[1] passed\n= passed";
    check(erring(), &block("{contains: ERROR, service: web}"), passed).await;
    check(
        erring(),
        &block("{matches: '^ERROR: (expected|again)'}, expected"),
        passed,
    )
    .await;
    check(
        erring(),
        &block("expected, nosuch"),
        "steps[1].do[1] passed
         steps[1] failed: no line of any container contains `nosuch` since this block began
         = failed: a line that no log may have, in that of `web`: it contains `ERROR` -> ERROR: again
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_line_is_expected_of_the_service_that_is_named() {
    let of = |service: &str| {
        let expects = format!("{{contains: expected, service: {service}}}");
        let steps = format!("steps: [{{do: [{{assert: 'true'}}], expect-log: [{expects}], within: 20s}}]\n");
        let db = "services: {web: {image: busybox}, db: {image: busybox}}";
        writes(Script::new(), &steps).file("web.yml", db).engine(|fake| {
            fake.script("db", erring());
        })
    };
    let told = |outcome: &str| format!("image `busybox` present\ngiven[1] passed\nsteps[1].do[1] passed\n{outcome}");
    of("db").check(&told("steps[1] passed\n= passed")).await;
    let why = "no line of `web` contains `expected` since this block began";
    of("web")
        .check(&told(&format!("steps[1] failed: {why}\n= failed\nexit 1")))
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_there_before_a_block_is_not_what_it_expects() {
    check(
        erring(),
        "steps: [{do: [{assert: 'true'}], expect-log: [at first]}]\n",
        "steps[1].do[1] passed
         steps[1] failed: no line of any container contains `at first` since this block began
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_block_that_failed_is_not_told_twice() {
    check(
        erring(),
        "steps: [{do: [{assert: '1 > 2'}], expect-log: [nosuch], within: 3s}]\n",
        "steps[1].do[1] failed: `1 > 2` is false
         steps[1] failed
         = failed
         exit 1",
    )
    .await;
}
