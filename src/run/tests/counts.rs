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

#[tokio::test(start_paused = true)]
async fn one_answer_too_many_is_one_and_nobody_is_asked_again() {
    stage(
        "steps:
  - {balance-assert: {get: 'http://x/turn', requests: 9, distinct: 2}, within: 20s, soft: true}
  - {http: 'http://x/turn', expect: {body: '4'}}
",
    )
    .check(
        "steps[1] failed: (soft) 3 different answers, and 2 are expected
         steps[2] passed
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_one_answers_each_time_it_is_told_why_that_may_be() {
    for (distinct, told) in [(3, true), (1, false)] {
        let steps = format!(
            "steps: [{{balance-assert: {{get: 'http://x/who', requests: 20, distinct: {distinct}, least: 5}}}}]\n"
        );
        let stage = stage(&steps).answers("who", &[(0, 200, "a")]);
        let events = format!("{:?}", stage.events().await);
        assert_eq!(events.contains("ask that name from another service"), told, "{events}");
    }
}
