//! Tracebacks in a log, joined or not, whose lines come one by one.

use super::stage;
use crate::engine::fake::Script;

/// Judges a log with a traceback whose lines come one by one.
async fn check_trace(step: &str, expected: &str) {
    let script = Script::new().out("up\nERROR: one\nTraceback (most recent call last):\n");
    let script = script
        .after_ms(50)
        .out("  File \"a.py\"\n")
        .after_ms(100)
        .out("    f()\n");
    let script = script.after_ms(150).out("KeyError: 'x'\n").after_ms(3000).out("done\n");
    stage(&format!(
        "stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\nthen: [{{log-assert: {{service: web, join: tracebacks, {step}}}]\n"
    ))
    .engine(|fake| {
        fake.script("web", script);
    })
    .check(&format!("image `busybox` present\ngiven[1] passed\n{expected}"))
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_joined_traceback_is_one_line_however_it_comes() {
    check_trace(
        "matches: '(?s)^Traceback.*KeyError'}, within: 1s, expect: {count: 1}",
        "then[1] passed\n= passed",
    )
    .await;
    check_trace(
        "contains: done, ignore: [{contains: KeyError, reason: known}], never: [Traceback]}, within: 5s",
        "then[1] passed\n= passed",
    )
    .await;
    // Half of one is no finding while more of it may come.
    check_trace(
        "contains: up, ignore: [{contains: KeyError, reason: known}], never: [Traceback]}, within: 5s",
        "then[1] passed\n= passed",
    )
    .await;
    check_trace(
        "contains: up, never: [Traceback]}, within: 200ms",
        "then[1] failed: a line that must never be there: it contains `Traceback`
         = failed
         exit 1",
    )
    .await;
    check_trace(
        "contains: done, never: [KeyError]}, within: 5s",
        "then[1] failed: a line that must never be there: it contains `KeyError`
         = failed
         exit 1",
    )
    .await;
    check_trace("last: done}, within: 5s", "then[1] passed\n= passed").await;
    check_trace(
        "between: {from: {matches: '^Traceback'}}, last: {contains: KeyError}}, within: 1s",
        "then[1] passed\n= passed",
    )
    .await;
}
