//! The order of the phases, and what a failure in one does to the others.

use super::stage;

/// A step that passes, one that fails, and an action that does: a question without an expectation of its own.
const OK: &str = "assert: true";
const BAD: &str = "assert: 1 == 2";

#[tokio::test(start_paused = true)]
async fn phases_come_in_their_order_and_on_failure_only_after_one() {
    let body = format!("given: [{OK}]\nsteps: [{OK}]\nthen: [{OK}]\non-failure: [{OK}]\ncleanup: [{OK}]\n");
    stage(&body)
        .check(
            "given[1] passed
             steps[1] passed
             then[1] passed
             cleanup[1] passed
             = passed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_given_makes_the_checks_errored() {
    let body =
        format!("given: [{BAD}]\nsteps: ['http': 'http://x/a']\nthen: [{OK}]\non-failure: [{OK}]\ncleanup: [{OK}]\n");
    stage(&body)
        .check(
            "given[1] failed: `1 == 2` is false
             steps[1] skipped: not reached: `given` failed
             then[1] errored: not checked: `given` failed
             on-failure[1] passed
             cleanup[1] passed
             = errored
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_action_ends_its_phase() {
    let body = format!("steps: [http: 'http://x/bad', {OK}]\nthen: [{OK}]\n");
    stage(&body)
        .answers("bad", &[(0, 500, "no")])
        .check(
            "steps[1] failed: `status` is 500
             steps[2] skipped: not reached: a step before it failed
             then[1] skipped: not reached: a step before it failed
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_check_those_that_follow_directly_are_made() {
    let body = format!("steps: [{BAD}, {OK}, {BAD}, http: 'http://x/a', {OK}]\n");
    stage(&body)
        .check(
            "steps[1] failed: `1 == 2` is false
             steps[2] passed
             steps[3] failed: `1 == 2` is false
             steps[4] skipped: not reached: a step before it failed
             steps[5] skipped: not reached: a step before it failed
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_may_change_something_is_not_done_after_a_failed_check() {
    let asked = "{http: 'http://x/a', expect: {status: 200}}";
    let sent = "{http: {post: 'http://x/a'}, expect: {status: 200}}";
    let body = format!("steps: [{BAD}, {asked}, {sent}, {OK}]\nthen: [{sent}]\n");
    stage(&body)
        .check(
            "steps[1] failed: `1 == 2` is false
             steps[2] passed
             steps[3] skipped: not reached: a step before it failed
             steps[4] skipped: not reached: a step before it failed
             then[1] skipped: not reached: a step before it failed
             = failed
             exit 1",
        )
        .await;
    stage("steps: [{assert: 1 == 2}, {shell: 'true', expect: {stdout: ''}}]\n")
        .check(
            "steps[1] failed: `1 == 2` is false
             steps[2] skipped: not reached: a step before it failed
             = failed
             exit 1",
        )
        .await;
    stage(&format!(
        "steps: [{BAD}, {{http: {{post: 'http://x/a'}}, expect: {{status: 200}}, within: 1s}}]\n"
    ))
    .check(
        "steps[1] failed: `1 == 2` is false
             steps[2] passed
             = failed
             exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn then_runs_all_and_cleanup_too() {
    let body =
        format!("then: [{BAD}, http: 'http://x/bad', {OK}]\non-failure: [{BAD}, {OK}]\ncleanup: [{BAD}, {OK}]\n");
    stage(&body)
        .answers("bad", &[(0, 0, "nobody")])
        .check(
            "then[1] failed: `1 == 2` is false
             then[2] failed: no answer (refused): nobody
             then[3] passed
             on-failure[1] failed: `1 == 2` is false
             on-failure[2] passed
             cleanup[1] failed: `1 == 2` is false
             cleanup[2] passed
             = errored
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_passes_while_it_is_prepared_is_no_failure() {
    stage(&format!(
        "timeout: 5s\ngiven: [http: {{get: 'http://x/late'}}, {OK}]\nthen: [{OK}]\n"
    ))
    .answers("late", &[(3_600_000, 200, "yes")])
    .check(
        "given[1] failed: the scenario did not end within 5s
             given[2] skipped: not reached: the scenario was ended
             then[1] skipped: not reached: the scenario was ended
             = errored: the scenario did not end within 5s
             exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_cleanup_is_an_error() {
    stage(&format!("then: [{OK}]\ncleanup: [{BAD}]\n"))
        .check(
            "then[1] passed
             cleanup[1] failed: `1 == 2` is false
             = errored
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_checks_nothing_is_not_verified() {
    stage("steps: [{assert: 'true', if: 'false'}]\n")
        .check(
            "steps[1] skipped: `if: false` is false
             = not verified",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_soft_failure_in_cleanup_is_a_failure_like_any_other() {
    stage(&format!(
        "then: [{OK}]\ncleanup: [{{assert: 1 == 2, soft: true}}, {OK}]\n"
    ))
    .check(
        "then[1] passed
             cleanup[1] failed: (soft) `1 == 2` is false
             cleanup[2] passed
             = failed
             exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_probe_of_given_had_to_hold_is_a_failure_beside_what_could_not_be_found_out() {
    let probe = "{http: 'http://x/p', probe: p, every: 100ms, must-hold: true}";
    stage(&format!(
        "vars: {{zero: '${{{{ 0 }}}}'}}\ngiven: [{probe}]\nsteps: [{{http: 'http://x/late', within: 9s}}, assert: 1 / zero]\n"
    ))
    .answers("p", &[(0, 200, "a"), (950, 500, "b"), (1150, 200, "a")])
    .answers("late", &[(0, 500, "no"), (3000, 200, "yes")])
    .check(
        "given[1] passed
             steps[1] passed
             steps[2] errored: unable to calculate 1 / 0
             probe p: 2 failures
             given[1] failed: probe `p` must hold, and failed 2 times: `status` is 500
             = errored
             exit 1",
    )
    .await;
}
