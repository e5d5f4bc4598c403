//! What is not there: names without an address, services without a container, answers without what is asked of them.

use super::stage;

#[tokio::test(start_paused = true)]
async fn a_name_without_an_address_is_not_closed() {
    stage(
        "then:
  - {tcp: 'closed:1', expect: {open: false}}
  - {tcp: 'nosuch:1', expect: {open: false}}
  - {tcp: 'nosuch:1', expect: {error: dns}}
  - {tcp: 'nosuch:1', expect: {error: dns, open: false}}
",
    )
    .check(
        "then[1] passed
         then[2] errored: nothing was asked at `nosuch:1`: nosuch:1
         then[3] passed
         then[4] passed
         = errored
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_name_without_an_address_is_told_with_who_asked() {
    stage(
        "then:
  - dns: nosuch
  - {dns: nosuch, expect: {error: dns, count: 0}}
  - {dns: web, expect: {count: 2}}
  - {dns: web, expect: {count: 3}}
  - dns: unanswered
",
    )
    .check(
        "then[1] failed: `nosuch` has no address here: nosuch
         then[2] passed
         then[3] passed
         then[4] failed: `count` is not what was expected -> 2
         then[5] failed: `unanswered` was not found here: Temporary failure in name resolution
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_no_container_nothing_is_said_but_that_none_runs() {
    stage(
        "stacks: {s: web.yml}
given: [up: s]
then:
  - {state-assert: {service: web.3}, expect: {restarts: 0}}
  - {state-assert: {service: web.3}, expect: {healthy: 0, nodes: []}}
  - {state-assert: {service: web.3}, expect: {running: 0, nodes: []}}
  - {state-assert: {service: web}, expect: {running: 1, healthy: 0, restarts: 0}}
",
    )
    .check(
        "image `busybox` present
         given[1] passed
         then[1] failed: there is no `web.3`: `web` has 1 container
         then[2] failed: there is no `web.3`: `web` has 1 container
         then[3] passed
         then[4] passed
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_what_is_saved_or_asserted_of_it_is_a_failure() {
    stage(
        "steps:
  - {http: 'http://x/get', save: {id: json.id}, soft: true}
  - {http: 'http://x/text', save: {id: json.id}, soft: true}
  - {http: 'http://x/get', save: {a: json}}
then:
  - assert: a.c == 1
  - assert: a.b == 1
  - assert: a.b | int(nonsense=1) == 1
",
    )
    .answers("get", &[(0, 200, "{\"b\": 1}")])
    .check(
        "steps[1] failed: (soft) `json` has no `id`; it has `b`
         steps[2] failed: (soft) there is no `json`; there is `body`, `duration`, `engine`, `env`, `got`, `headers`, `images`, `matrix`, `networks`, `nodes`, `probes`, `request`, `run`, `scenario`, `scratch`, `secrets`, `stacks`, `status`, `volumes`
         steps[3] passed
         then[1] failed: `a` has no `c`; it has `b`
         then[2] passed
         then[3] errored: too many arguments: unknown keyword argument 'nonsense'
         = errored
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_check_of_what_a_failed_step_did_not_save_is_not_reached() {
    let ask = "{http: 'http://x/get', expect: {json: {b: 2}}, save: {id: json.b}, name: ask}";
    stage(&format!("steps: [{ask}, {{assert: id == 1}}, {{assert: 1 == 1}}]\n"))
        .answers("get", &[(0, 200, "{\"b\": 1}")])
        .check(
            "steps[1] failed: `b` of `json` is not what was expected -> 1
             steps[2] skipped: not reached: it needs `id`, and the step `ask` (steps[1]) that saves it did not pass
             steps[3] passed
             = failed
             exit 1",
        )
        .await;
    stage(&format!(
        "then:
  - {ask}
  - {{http: 'http://x/${{{{ id }}}}', expect: {{status: 200}}, save: {{more: status}}, name: again}}
  - assert: more == 200
  - assert: id is not defined
  - {{assert: i == id, for-each: {{i: [1]}}}}
  - {{http: 'http://x/get', if: 1 == 2, save: {{other: status}}, name: none}}
  - assert: other == 200
"
    ))
    .answers("get", &[(0, 200, "{\"b\": 1}")])
    .check(
        "then[1] failed: `b` of `json` is not what was expected -> 1
         then[2] skipped: not reached: it needs `id`, and the step `ask` (then[1]) that saves it did not pass
         then[3] skipped: not reached: it needs `more`, and the step `again` (then[2]) that saves it was not reached: it needs `id`, and the step `ask` (then[1]) that saves it did not pass
         then[4] passed
         then[5] skipped: not reached: it needs `id`, and the step `ask` (then[1]) that saves it did not pass
         then[6] skipped: `if: 1 == 2` is false
         then[7] errored: `other` has no value: the step `none` (then[6]) that saves it was skipped: `if: 1 == 2` is false
         = errored
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn only_what_is_not_there_is_the_systems_fault_and_not_what_is_wrong_beside_it() {
    let stage = stage(
        "vars: {body: \"${{ {'in': 3} }}\"}
then:
  - assert: \"(body.zz | default('4')) == 3\"
  - assert: \"body.zz is defined or ('x' | int) == 3\"
  - assert: body.zz == 3
",
    );
    let events = stage.events().await;
    let outcomes = events.iter().filter_map(|event| match &event.what {
        crate::event::What::StepEnded { outcome, .. } => Some(format!("{outcome:?}")),
        _ => None,
    });
    assert_eq!(outcomes.collect::<Vec<_>>(), ["Errored", "Errored", "Failed"]);
}
