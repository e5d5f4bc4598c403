//! Conditions under `for-each`, and names that a step did not save.

use super::stage;

#[tokio::test(start_paused = true)]
async fn a_condition_that_names_the_item_is_asked_in_each_round() {
    stage(
        "steps:
  - {http: 'http://x/${{ it }}', for-each: {it: [a, b, c]}, if: \"it != 'b'\", save: {bodies: body}}
  - {assert: 'bodies == [it]', for-each: {it: [a, c]}, skip: [{if: \"it == 'c'\", reason: not c}, {if: \"it == 'a'\", reason: not a}]}
  - assert: bodies == ['a', 'c']
  - {http: 'http://x/a', for-each: {it: [a, b]}, if: \"it == 'c'\", save: {nobody: body}}
  - assert: nobody == []
",
    )
    .check(
        "steps[1][it=a] passed
         steps[1][it=b] skipped: `if: it != 'b'` is false
         steps[1][it=c] passed
         steps[2][it=a] skipped: not a
         steps[2][it=c] skipped: not c
         steps[3] passed
         steps[4][it=a] skipped: `if: it == 'c'` is false
         steps[4][it=b] skipped: `if: it == 'c'` is false
         steps[5] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn another_condition_is_asked_once_and_before_the_items() {
    stage(
        "vars: {wanted: 'no'}
steps:
  - {http: 'http://x/a', if: wanted == 'yes', save: {list: '[1]'}}
  - {assert: i == 1, for-each: {i: list}, if: wanted == 'yes'}
  - assert: wanted == 'no'
",
    )
    .check(
        "steps[1] skipped: `if: wanted == 'yes'` is false
         steps[2] skipped: `if: wanted == 'yes'` is false
         steps[3] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_check_in_a_block_is_not_left_for_what_the_block_saves_only_after_it() {
    stage(
        "steps:
  - {http: 'http://x/a', if: '1 == 2', save: {a: body}}
  - do: [{assert: a == 'b'}, {http: 'http://x/a', save: {a: body}}]
",
    )
    .check(
        "steps[1] skipped: `if: 1 == 2` is false
         steps[2].do[1] errored: `a` has no value: the step `do` (steps[2]) that saves it has not passed
         steps[2].do[2] skipped: not reached: a step before it failed
         steps[2] errored
         = errored
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_a_name_without_a_value_it_is_told_which_step_did_not_save_it() {
    stage(
        "steps:
  - {name: first, http: 'http://x/a', if: '1 == 2', save: {a: body}}
  - {name: second, http: 'http://x/b', expect: {status: 404}, save: {b: body}, soft: true}
  - {do: [{name: third, http: 'http://x/c', save: {c: body}}], skip: [{reason: not now}]}
  - {parallel: {x: [{name: fourth, http: 'http://x/d', if: '1 == 2', save: {d: body}}], y: [{http: 'http://x/e'}]}}
  - {http: 'http://x/last', expect: {status: 404}}
  - {name: fifth, http: 'http://x/f', save: {f: body}}
cleanup: [assert: a == 1, assert: b == 1, assert: c == 1, assert: d == 1, assert: f == 1]
",
    )
    .check(
        "steps[1] skipped: `if: 1 == 2` is false
         steps[2] failed: (soft) `status` is not what was expected -> 200
         steps[3] skipped: not now
         steps[4].parallel.x[1] skipped: `if: 1 == 2` is false
         steps[4].parallel.y[1] passed
         steps[4] passed
         steps[5] failed: `status` is not what was expected -> 200
         steps[6] skipped: not reached: a step before it failed
         cleanup[1] errored: `a` has no value: the step `first` (steps[1]) that saves it was skipped: `if: 1 == 2` is false
         cleanup[2] skipped: not reached: it needs `b`, and the step `second` (steps[2]) that saves it did not pass
         cleanup[3] errored: `c` has no value: the step `do` (steps[3]) that saves it was skipped: not now
         cleanup[4] errored: `d` has no value: the step `fourth` (steps[4].parallel.x[1]) that saves it was skipped: `if: 1 == 2` is false
         cleanup[5] errored: `f` has no value: the step `fifth` (steps[6]) that saves it was not reached: a step before it failed
         = errored
         exit 1",
    )
    .await;
}
