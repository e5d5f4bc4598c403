//! `for-each`, `do`, `parallel` and `use`; what steps save, and what is hidden.

use super::stage;

#[tokio::test(start_paused = true)]
async fn a_step_is_done_for_each_item_and_what_it_saves_is_a_list() {
    stage(
        "vars: {list: [5, 5]}
steps:
  - {http: 'http://x/${{ it }}', for-each: {it: [a, b]}, save: {bodies: body}}
  - assert: bodies == ['a', 'b']
  - do: [{http: 'http://x/c', save: {inner: body}}]
    for-each: {n: list}
  - assert: inner == ['c', 'c']
  - {assert: n == 5, for-each: {n: list}}
  - {assert: n == 5, for-each: {n: '[]'}}
  - {assert: n == 5, for-each: {n: bodies | first}}
",
    )
    .check(
        "steps[1][it=a] passed
         steps[1][it=b] passed
         steps[2] passed
         steps[3][n=5].do[1] passed
         steps[3][n=5] passed
         steps[3][n=5#2].do[1] passed
         steps[3][n=5#2] passed
         steps[4] passed
         steps[5][n=5] passed
         steps[5][n=5#2] passed
         steps[6] skipped: `for-each` has no items
         steps[7] errored: `for-each` wants a list, and `bodies | first` is \"a\"
         = errored
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_step_saves_for_no_item_is_an_empty_list() {
    stage(
        "steps:
  - {http: 'http://x/a', for-each: {it: '[]'}, save: {bodies: body}}
  - do: [{do: [{http: 'http://x/a', save: {inner: body}}]}]
    for-each: {it: '[]'}
  - assert: bodies == [] and inner == []
",
    )
    .check(
        "steps[1] skipped: `for-each` has no items
         steps[2] skipped: `for-each` has no items
         steps[3] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_round_of_an_action_leaves_the_next_ones_but_not_in_then() {
    stage(
        "then: [{http: 'http://x/${{ it }}', for-each: {it: [bad, b]}}]
on-failure: [{assert: it == 'b', for-each: {it: [a, b]}}]
",
    )
    .answers("bad", &[(0, 404, "no")])
    .scenario(
        "two",
        "steps: [{http: 'http://x/${{ it }}', for-each: {it: [bad, b]}}, {assert: 'true'}]\n",
    )
    .check(
        "1: then[1][it=bad] failed: `status` is 404
         1: then[1][it=b] passed
         1: on-failure[1][it=a] failed: `it == 'b'` is false
         1: on-failure[1][it=b] passed
         1: = failed
         2: steps[1][it=bad] failed: `status` is 404
         2: steps[1][it=b] skipped: not reached: a step before it failed
         2: steps[2] skipped: not reached: a step before it failed
         2: = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_not_taken_for_a_saved_one() {
    stage(
        "steps:
  - {http: 'http://x/old', save: {body_now: body}}
  - {http: 'http://x/${{ it }}', for-each: {it: [a, bad, c]}, save: {body_now: body}, soft: true}
  - assert: body_now == ['a', 'c']
",
    )
    .answers("bad", &[(0, 404, "no")])
    .check(
        "steps[1] passed
         steps[2][it=a] passed
         steps[2][it=bad] failed: (soft) `status` is 404
         steps[2][it=c] passed
         steps[3] passed
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_soft_failure_is_told_and_the_phase_goes_on() {
    stage("steps: [{http: 'http://x/bad', soft: true}, {assert: 'true'}]\non-failure: [assert: true]\n")
        .answers("bad", &[(0, 404, "no")])
        .check(
            "steps[1] failed: (soft) `status` is 404
             steps[2] passed
             on-failure[1] passed
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn steps_are_skipped_by_if_and_skip() {
    stage(
        "vars: {n: 1}
steps:
  - {assert: 'false', if: n == 2}
  - {assert: 'false', skip: [{if: n == 2, reason: no}, {reason: not yet, link: 'http://t/1'}]}
  - {assert: 'true', skip: [{if: n == 2, reason: no}]}
",
    )
    .check(
        "steps[1] skipped: `if: n == 2` is false
         steps[2] skipped: not yet (http://t/1)
         steps[3] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn lanes_run_at_once_and_fail_after_all_have_ended() {
    stage(
        "steps:
  - parallel:
      a: [{http: 'http://x/bad'}, {assert: 'true'}]
      b: [{http: {get: 'http://x/late'}, within: 5s, save: {late: body}}, {assert: late == 'yes'}]
  - assert: 'true'
then: [assert: 'true']
",
    )
    .answers("bad", &[(0, 404, "no")])
    .answers("late", &[(0, 500, "no"), (3000, 200, "yes")])
    .check(
        "steps[1].parallel.a[1] failed: `status` is 404
         steps[1].parallel.a[2] skipped: not reached: a step before it failed
         steps[1].parallel.b[1] passed
         steps[1].parallel.b[2] passed
         steps[1] failed
         steps[2] skipped: not reached: a step before it failed
         then[1] skipped: not reached: a step before it failed
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_lanes_and_blocks_save_is_there_afterwards() {
    stage(
        "steps:
  - parallel:
      a: [{http: 'http://x/a', save: {a: body}}]
      b: [{http: 'http://x/b', save: {b: body}}]
    save: {both: a ~ b}
  - {assert: a == 'a' and b == 'b' and both == 'ab'}
",
    )
    .check(
        "steps[1].parallel.a[1] passed
         steps[1].parallel.b[1] passed
         steps[1] passed
         steps[2] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_block_has_a_limit_and_what_it_ends_failed() {
    stage("steps: [{do: [{http: 'http://x/never', timeout: 1m}, {assert: 'true'}], timeout: 2s}]\n")
        .answers("never", &[(600_000, 200, "")])
        .check(
            "steps[1].do[1] failed: `do` did not end within 2s
             steps[1].do[2] skipped: not reached: the scenario was ended
             steps[1] failed: `do` did not end within 2s
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_fails_in_a_soft_block_is_told_to_be_soft() {
    stage("steps:\n  - {do: [{http: 'http://x/bad'}, {shell: 'true'}], soft: true}\n  - assert: 'true'\n")
        .answers("bad", &[(0, 404, "no")])
        .check(
            "steps[1].do[1] failed: (soft) `status` is 404
             steps[1].do[2] skipped: not reached: a step before it failed
             steps[1] failed
             steps[2] passed
             = failed
             exit 1",
        )
        .await;
}
