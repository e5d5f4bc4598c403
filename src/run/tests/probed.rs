//! Probes whose question hangs, and those that never had an answer.

use super::{Stage, stage};
use crate::engine::fake::{Answer, Script};
use crate::event::What;

/// Runs steps beside a probe: it asks every 50 ms, is answered at once, and from two seconds on hangs for `milliseconds`.
async fn check(probe: &str, hangs: u64, steps: &str, expected: &str) {
    let answers = (0..20).map(|_| Answer::out("yes").after_ms(100));
    let hang = Answer::out("late").after_ms(hangs);
    let answers: Vec<_> = answers
        .chain([hang])
        .chain((0..9999).map(|_| Answer::out("yes").after_ms(100)))
        .collect();
    let wait = "{exec: {service: web, command: wait}}";
    stage(&format!(
        "stacks: {{s: web.yml}}\ngiven: [up: s]\nsteps:\n  - {{exec: {{service: web, command: ask}}, probe: p{probe}}}\n  - {wait}\n{steps}"
    ))
    .engine(|fake| {
        let wait = (0..9).map(|_| Answer::out("").after_ms(5000));
        fake.script("web", Script::new().exec("ask", answers).exec("wait", wait.collect::<Vec<_>>()));
    })
    .check(&format!(
        "image `busybox` present\ngiven[1] passed\nsteps[1] passed\nsteps[2] passed\n{expected}"
    ))
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_hangs_is_an_outage_while_it_does() {
    check(
        "",
        60_000,
        "  - {state-assert: {probe: p}, expect: {failures: 0, max_outage: {lt: 2s}}, soft: true}
  - {state-assert: {probe: p}, expect: {max_outage: {ge: 2900ms, le: 3s}, outage: {ge: 2900ms}, answers: 20}}
  - assert: probes.p.max_outage == '3s'
",
        "steps[3] failed: (soft) `max_outage` is `3s`, not less than 2s
         steps[4] passed
         steps[5] passed
         probe p: 0 failures
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_came_late_has_ended_an_outage() {
    check(
        "",
        1_000,
        "  - {state-assert: {probe: p}, expect: {failures: 0, max_outage: 1s, outage: 1s}}\n",
        "steps[3] passed
         probe p: 0 failures
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_must_hold_is_not_held_by_a_question_that_hangs_to_the_end() {
    check(
        ", must-hold: true, timeout: 10s",
        60_000,
        "",
        "probe p: 1 failures
         steps[1] failed: probe `p` must hold, and failed once: the command did not end within 10s
         = failed
         exit 1",
    )
    .await;
    check(
        ", must-hold: true, timeout: 10s",
        7_000,
        "",
        "probe p: 0 failures
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_a_probe_that_never_had_an_answer_nothing_is_known_but_that() {
    stage(
        "stacks: {s: web.yml}
given: [up: s]
then:
  - {exec: {service: web, command: ask}, probe: p}
  - {state-assert: {probe: p}, expect: {failures: 0}}
  - {state-assert: {probe: p}, expect: {failures: 0}, within: 2s}
  - {state-assert: {probe: p}, expect: {answers: 0}}
  - {state-assert: {probe: p}, expect: {failures: 0}, within: 60s}
",
    )
    .engine(|fake| {
        let answers = [Answer::out("late").after_ms(5000), Answer::out("late").after_ms(60_000)];
        fake.script("web", Script::new().exec("ask", answers));
    })
    .check(
        "image `busybox` present
         given[1] passed
         then[1] passed
         then[2] errored: probe `p` never had an answer
         then[3] errored: probe `p` never had an answer
         then[4] passed
         then[5] passed
         probe p: 0 failures
         = errored
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_it_failed_and_which_step_was_done_then_is_told() {
    let no = Answer::err("no\n", 1).after_ms(100);
    let yes = || Answer::out("yes").after_ms(100);
    let answers: Vec<_> = (0..20)
        .map(|_| yes())
        .chain((0..10).map(|_| no.clone()))
        .chain([yes()])
        .collect();
    let stage = stage(
        "stacks: {s: web.yml}
given: [up: s]
steps:
  - {exec: {service: web, command: ask}, probe: p, every: 100ms, must-hold: true}
  - {exec: {service: web, command: wait}}
  - {state-assert: {probe: p}, expect: {max_outage: {lt: 1s}}}
",
    )
    .engine(|fake| {
        let wait = Answer::out("").after_ms(5000);
        fake.script("web", Script::new().exec("ask", answers).exec("wait", [wait]));
    });
    let expected = [
        "first failure: 2.1s after its first question, during `exec web: wait` at one.yaml:6:6: `exit` is 1",
        "longest outage: 1.1s, from the last answer before it: 2s after its first question, during `exec web: wait` at one.yaml:6:6",
    ];
    check_told(&stage, &[&expected, &expected]).await;
}

/// What is told of a probe in each fault of a step: when it failed first, and when its longest outage was.
async fn check_told(stage: &Stage, expected: &[&[&str]]) {
    let events = stage.events().await;
    stage.fake.assert_clean();
    let faults = events.iter().filter_map(|event| match &event.what {
        What::StepEnded { faults, .. } => faults.first(),
        _ => None,
    });
    let is_of_probe = |title: &str| ["first failure", "longest outage"].contains(&title);
    let told = faults.map(|fault| {
        let details = fault.details.iter().filter(|detail| is_of_probe(&detail.title));
        let details = details.map(|detail| format!("{}: {}", detail.title, detail.text));
        details.collect::<Vec<_>>()
    });
    assert_eq!(told.collect::<Vec<_>>(), expected, "{}", stage.told(&events));
}

#[tokio::test(start_paused = true)]
async fn of_a_question_that_hung_it_is_told_which_step_was_done_when_it_was_asked() {
    let yes = |milliseconds| Answer::out("yes").after_ms(milliseconds);
    let stage = |hangs: u64| {
        stage(
            "stacks: {s: web.yml}
given: [up: s]
steps:
  - {exec: {service: web, command: ask}, probe: p, every: 100ms, timeout: 10s}
  - {exec: {service: web, command: first}}
  - {exec: {service: web, command: second}}
  - {state-assert: {probe: p}, expect: {max_outage: {lt: 1s}}, soft: true}
  - {exec: {service: web, command: third}}
  - {state-assert: {probe: p}, expect: {max_outage: {lt: 1s}}}
",
        )
        .engine(move |fake| {
            let ask = (0..20).map(|_| yes(100)).chain([yes(hangs), yes(100)]);
            let script = Script::new().exec("ask", ask.collect::<Vec<_>>());
            let script = script.exec("first", [yes(3000)]).exec("second", [yes(3000)]);
            fake.script("web", script.exec("third", [yes(20_000)]));
        })
    };
    let first = "2s after its first question, during `exec web: first` at one.yaml:6:6";
    let open = format!("longest outage: 4s, from the last answer before it: {first}");
    let failed = [
        format!("first failure: {first}: the command did not end within 10s"),
        format!("longest outage: 10.1s, from the last answer before it: {first}"),
    ];
    check_told(&stage(60_000), &[&[&open], &[&failed[0], &failed[1]]]).await;
    // One that was answered after all.
    let answered = format!("longest outage: 9s, from the last answer before it: {first}");
    check_told(&stage(9000), &[&[&open], &[&answered]]).await;
}
