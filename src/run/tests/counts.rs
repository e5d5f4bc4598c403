//! `balance-assert` on the fake engine: which answers count, and errors that are borne.

use super::stage;

#[tokio::test(start_paused = true)]
async fn errors_are_borne_where_they_are_expected_and_count_as_no_answer() {
    stage(
        "steps:
  - {balance-assert: {get: 'http://x/who', requests: 3, distinct: 1}, expect: {errors: 0}}
  - {balance-assert: {get: 'http://x/no', requests: 3, distinct: 1}, soft: true}
  - {balance-assert: {get: 'http://x/no', requests: 3, distinct: 1}, expect: {errors: 3}, soft: true}
  - {balance-assert: {get: 'http://x/no', requests: 3, least: 1}, expect: {errors: 3}, soft: true}
",
    )
    .answers("who", &[(0, 200, "a")])
    .answers("no", &[(0, 500, "no")])
    .check(
        "steps[1] passed
         steps[2] failed: (soft) 3 answers were not of status 2xx, the first: status 500
         steps[3] failed: (soft) 0 different answers, and 1 is expected
         steps[4] failed: (soft) no answer came
         = failed
         exit 1",
    )
    .await;
}
