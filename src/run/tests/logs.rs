//! What `log-assert` decides, and when.

use super::{Stage, stage};
use crate::engine::Reason;
use crate::engine::fake::{Reply, Script};

/// Judges a container that writes `ok` at once and after five seconds, and `bad` after ten.
async fn check_over_time(step: &str, expected: &str) {
    let script = Script::new().out("ok\n").after(5).out("ok\n").after(10).out("bad\n");
    stage(&format!(
        "stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\nthen: [{{{step}}}]\n"
    ))
    .engine(|fake| {
        fake.script("web", script);
    })
    .check(&format!("image `busybox` present\ngiven[1] passed\n{expected}"))
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_has_to_hold_for_a_time_is_judged_for_that_long() {
    let log = "log-assert: {service: web, contains: ok, never: [bad]}";
    check_over_time(&format!("{log}, holds-for: 4s"), "then[1] passed\n= passed").await;
    check_over_time(
        &format!("{log}, holds-for: 20s"),
        "then[1] failed: a line that must never be there: it contains `bad`
         = failed
         exit 1",
    )
    .await;
    check_over_time(
        &format!("{log}, within: 3s, holds-for: 4s, expect: {{count: 1}}"),
        "then[1] passed\n= passed",
    )
    .await;
    check_over_time(
        &format!("{log}, within: 3s, holds-for: 6s, expect: {{count: 1}}"),
        "then[1] failed: `count` is not what was expected -> 2
         = failed
         exit 1",
    )
    .await;
}

/// Judges a container that was removed by something else in the moment of its end: nobody has seen whether its log goes on.
fn removed(step: &str) -> Stage {
    stage(&format!(
        "stacks: {{s: web.yml}}\ngiven: [{{up: {{stack: s, completes: [web]}}}}]\nthen: [{{log-assert: {{service: web, {step}}}]\n"
    ))
    .engine(|fake| {
        fake.script("web", Script::new().out("one\ntwo\nlast").after(1).exit(0));
        // The first one is the follow.
        let why = "can not get logs from container which is dead or marked for removal";
        fake.call("logs", 2, Reply::Fail(Reason::Conflict, why));
    })
}

async fn check_removed(step: &str, expected: &str) {
    let expected = format!("image `busybox` present\ngiven[1] passed\n{expected}");
    removed(step).check(&expected).await;
}

#[tokio::test(start_paused = true)]
async fn of_a_log_whose_last_moments_may_be_missing_only_what_is_there_is_known() {
    let passed = "then[1] passed\n= passed";
    check_removed("contains: two}", passed).await;
    check_removed("ordered: [one, two]}", passed).await;
    check_removed(
        "contains: o}, expect: {count: {ge: 2}, lines: {contains: [two]}}",
        passed,
    )
    .await;
    check_removed("contains: o}, within: 5s, expect: {count: {ge: 2}}", passed).await;
    check_removed("matches: '(?<what>two)'}, expect: {matches: {what: two}}", passed).await;
    check_removed(
        "contains: o, never: [two]}",
        "then[1] failed: a line that must never be there: it contains `two`
         = failed
         exit 1",
    )
    .await;
    let unknown = [
        "never: [last]}",
        "never: [last]}, within: 5s",
        "contains: two, never: [last]}",
        "contains: last}",
        "contains: last}, within: 5s",
        "ordered: [two, last]}",
        "contains: last}, expect: {count: 0}",
        "contains: o}, expect: {count: 2}",
        "contains: o}, expect: {count: 3}",
        "contains: o}, expect: {count: {gt: 2}}",
        "contains: o}, expect: {count: {lt: 9}}",
        "contains: o}, expect: {count: {all: [{ge: 1}, {le: 2}]}}",
        "contains: o}, expect: {lines: [one, two]}",
    ];
    for step in unknown {
        check_removed(
            step,
            "then[1] errored: the last moments of the log of `web` may be missing: it was removed by \
             something else as it ended
             = errored
             exit 3",
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_further_line_can_mend_is_a_failure_of_a_log_that_may_be_longer() {
    for (step, field) in [
        ("contains: o}, expect: {count: {lt: 2}}", "count"),
        ("contains: o}, expect: {count: {lt: 2}}, within: 5s", "count"),
        ("contains: o}, expect: {count: 1}", "count"),
        ("contains: two}, expect: {count: 0}", "count"),
        ("contains: o}, expect: {count: {all: [{ge: 3}, {le: 1}]}}", "count"),
        ("contains: o}, expect: {lines: [two, one]}", "lines"),
        ("contains: o}, expect: {lines: [one]}", "lines"),
        ("contains: o}, expect: {lines: {length: {le: 1}}}", "lines"),
        ("matches: '(?<what>two)'}, expect: {matches: {what: one}}", "matches"),
    ] {
        let stage = removed(step);
        let told = stage.told(&stage.events().await);
        let is_failed = told.contains("then[1] failed: ") && told.contains(field) && told.contains("\n= failed");
        assert!(is_failed, "{step}\n{told}");
    }
}
