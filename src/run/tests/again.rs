//! `--validate-only`: the results of one run, judged again by other words.

use std::io::Write as _;

use tokio::sync::mpsc::unbounded_channel;

use super::{Stage, stage, unindented};
use crate::engine::fake::Script;
use crate::engine::world::World;
use crate::plan::{self, Settings};
use crate::run::{Stored, validate};
use crate::step::Emitter;

/// Runs a scenario, and judges its results by another one; compares what that tells.
async fn check(then: &str, now: &str, expected: &str) {
    judge(stage(then).answers("get", &[(0, 200, "it is 17")]), now, expected).await;
}

/// The same, of a stage that is set up.
pub(super) async fn judge(ran: Stage, now: &str, expected: &str) {
    let events = ran.events().await;
    let mut stored = Stored::default();
    events.into_iter().for_each(|event| stored.event(event));
    judge_stored(ran, stored, now, expected).await;
}

pub(super) async fn judge_stored(ran: Stage, stored: Stored, now: &str, expected: &str) {
    let judged = Stage {
        folder: ran.folder,
        ..stage("then: [{assert: true}]")
    };
    std::fs::write(judged.folder.path().join("one.yaml"), format!("scenario: one\n{now}")).unwrap();
    let judged = Stage {
        scenarios: vec![judged.folder.path().join("one.yaml")],
        ..judged
    };
    let settings = Settings {
        seed: "another".to_owned(),
        ..judged.settings()
    };
    let (mut jobs, files) = judged.prepared(&settings);
    for job in &mut jobs {
        let (attempt, unique) = stored.names_of(&mut job.seed.info).unwrap();
        job.seed.unique = unique;
        job.plan = plan::filled(&job.loaded, &job.seed, attempt, &settings, &files).unwrap();
    }
    let (sink, mut all) = unbounded_channel();
    let world = World::watch(judged.engine_handle(), String::new()).await.unwrap();
    let mut env = judged
        .env(world, (settings, files), Emitter::new(super::RUN, sink))
        .await;
    env.nodes.clear();
    validate(env, jobs, stored, Vec::new()).await;
    let mut told = Vec::new();
    while let Some(event) = all.recv().await {
        told.push(event);
    }
    let told = judged.told(&told);
    assert_eq!(told.trim(), unindented(expected).trim(), "\n{told}");
}

#[tokio::test(start_paused = true)]
async fn what_was_expected_is_judged_by_the_words_of_now() {
    check(
        "steps: [{http: 'http://x/get', save: {page: body}}]\nthen: [{assert: page == 'it is 17'}]",
        "steps: [{http: 'http://x/get', within: 9s, expect: {body: it is 18}, save: {page: body}}]
then: [{assert: page == 'it is 17'}]",
        "steps[1] failed: `body` is not what was expected -> it is 17
         then[1] skipped: not reached: a step before it failed
         = failed
         exit 1",
    )
    .await;
    check(
        "steps: [{http: 'http://x/get', expect: {body: it is 18}}]\nthen: [{assert: 1 == 2}]",
        "steps: [{http: 'http://x/get', expect: {body: it is 17}, save: {page: body}}]
then: [{assert: \"page | length == 8\"}, {measure: {name: a, value: '${{ page | length }}', max: 7}}]",
        "steps[1] passed
         then[1] passed
         then[2] failed: `a` is more than its `max` -> 8
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_judged_again_is_told_with_why() {
    check(
        "steps: [{http: 'http://x/get', save: {page: body}}]
then: [{http: 'http://x/get', if: 1 == 2}, {tcp: 'closed:1', soft: true}]",
        "steps: [{tcp: 'x:1'}]
then:
  - http: 'http://x/get'
  - assert: 1 == 1
  - http: 'http://x/get'
  - tcp: 'y:1'",
        "note: steps[1] `tcp x:1` is not judged again: it was a `http`
         steps[1] skipped: not judged again: it was a `http`
         note: then[1] `http GET http://x/get` is not judged again: it was skipped: `if: 1 == 2` is false
         then[1] skipped: not judged again: it was skipped: `if: 1 == 2` is false
         then[2] passed
         note: then[3] `http GET http://x/get` is not judged again: the run had no such step
         then[3] skipped: not judged again: the run had no such step
         note: then[4] `tcp y:1` is not judged again: the run had no such step
         then[4] skipped: not judged again: the run had no such step
         = not verified: 4 steps were not judged again",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn unique_names_and_what_is_saved_are_as_they_were() {
    let scenario = "vars: {guest: \"${{ unique('guest') }}\"}
steps: [{http: {post: 'http://x/${{ guest }}', body: x}, save: {page: body}}]
then: [{assert: page == guest}]";
    check(scenario, scenario, "steps[1] passed\nthen[1] passed\n= passed").await;
}

pub(super) const TAKEN: &str =
    "note: what was found of the case itself (its logs, its limit, its cleanup) is taken as it went";

/// A stage whose container writes this.
pub(super) fn writes(log: &'static str, body: &str) -> Stage {
    stage(&format!("stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\n{body}")).engine(|fake| {
        fake.script("web", Script::new().out(log));
    })
}

/// Judges what it left by the same words.
pub(super) async fn as_it_was(ran: Stage, expected: &str) {
    let written = std::fs::read_to_string(&ran.scenarios[0]).unwrap();
    let same = written.strip_prefix("scenario: one\n").unwrap().to_owned();
    judge(ran, &same, expected).await;
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_another_question_is_none() {
    check(
        "steps: [{http: 'http://x/get', name: one, expect: {body: it is 17}}]",
        "steps: [{http: 'http://x/other', name: one, expect: {body: it is 17}}]",
        "note: steps[1] `one` is not judged again: it asked for something else then
         steps[1] skipped: not judged again: it asked for something else then
         = not verified: 1 step was not judged again",
    )
    .await;
    let asserts = |line: &str| format!("then: [{{log-assert: {{service: web, contains: {line}}}, within: 2s}}]");
    let scenario = |line: &str| format!("stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\n{}", asserts(line));
    judge(
        writes("one\n", &asserts("one")),
        &scenario("two"),
        "given[1] passed
         note: then[1] `log-assert web two` is not judged again: it asked for something else then
         then[1] skipped: not judged again: it asked for something else then
         = not verified: 1 step was not judged again",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn lines_that_were_expected_of_logs_came_or_came_not() {
    let body = |line: &str| {
        format!(
            "steps:
  - do: [{{http: 'http://x/get', expect: {{status: 200}}}}]
    expect-log: [{{service: web, contains: {line}}}]
    within: 1s
"
        )
    };
    let begins = "given[1] passed\nsteps[1].do[1] passed\n";
    as_it_was(
        writes("", &body("one")),
        &format!("{begins}steps[1] failed: no line of `web` contains `one` since this block began\n= failed\nexit 1"),
    )
    .await;
    let came = |body: &str| {
        stage(&format!("stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\n{body}")).engine(|fake| {
            fake.script("web", Script::new().after_ms(500).out("one\n"));
        })
    };
    as_it_was(came(&body("one")), &format!("{begins}steps[1] passed\n= passed")).await;
    judge(
        came(&body("one")),
        &format!("stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\n{}", body("two")),
        &format!(
            "{begins}note: `expect-log` of steps[1] is not judged again: it asked for something else then
             steps[1] passed
             = not verified: 1 step was not judged again"
        ),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_looks_at_containers_or_probes_is_not_judged_again() {
    check(
        "steps: [{http: 'http://x/get', probe: p}]
then: [{assert: probes.p.failures == 0}, {measure: {name: a, value: '${{ probes.p.failures }}', max: 7}}]",
        "steps: [{http: 'http://x/get', probe: p}]
then: [{assert: probes.p.failures == 0}, {measure: {name: a, value: '${{ probes.p.failures }}', max: 7}}]",
        "steps[1] passed
         note: then[1] `assert probes.p.failures == 0` is not judged again: it looks at containers or probes of then
         then[1] skipped: not judged again: it looks at containers or probes of then
         note: then[2] `measure a` is not judged again: it looks at containers or probes of then
         then[2] skipped: not judged again: it looks at containers or probes of then
         = not verified: 2 steps were not judged again",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_run_did_not_come_to_is_not_judged_and_told_in_a_line() {
    let body = "steps: [{tcp: 'closed:1', within: 50s}]
then: [{assert: 1 == 2}, {http: 'http://x/get'}, {do: [{assert: 1 == 2}]}, {assert: n == 2, for-each: {n: [1, 2]}}]";
    as_it_was(
        stage(body).interrupted_at(2_000),
        &format!(
            "steps[1] errored: interrupted
             then[1] skipped: not reached: a step before it failed
             then[2] skipped: not reached: a step before it failed
             then[3] skipped: not reached: a step before it failed
             then[4] skipped: not reached: a step before it failed
             {TAKEN}\n= errored: interrupted\nexit 3"
        ),
    )
    .await;
    // In `then` what follows a failure is done all the same.
    let body = "then: [{assert: 1 == 1}, {tcp: 'closed:1', within: 50s}, {assert: 1 == 2}, {do: [{assert: 1 == 2}]}, {http: 'http://x/get'}]";
    let expected = "then[1] passed
         then[2] errored: interrupted
         then[3] skipped: not judged again: the run did not come to it
         then[4] skipped: not judged again: the run did not come to it
         then[5] skipped: not judged again: the run did not come to it
         note: 3 steps are not judged again: the run did not come to them
         END
         exit 3";
    let ended = expected.replace("END", &format!("{TAKEN}\n= errored: interrupted"));
    as_it_was(stage(body).interrupted_at(2_000), &ended).await;
    // Of one that was killed nothing is told of what it did not come to.
    let ran = stage(body).interrupted_at(2_000);
    let mut stored = Stored::default();
    let came = |event: &crate::event::Event| match &event.what {
        crate::event::What::StepEnded { outcome, .. } => *outcome != crate::event::Outcome::Skipped,
        crate::event::What::CaseEnded { .. } => false,
        _ => true,
    };
    let events = ran.events().await.into_iter().filter(came);
    events.for_each(|event| stored.event(event));
    judge_stored(ran, stored, body, &expected.replace("END", "= errored")).await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_variable_is_noticed_and_what_it_was_asked_with_is_not_judged_again() {
    let scenario = |page: &str| {
        format!(
            "vars: {{page: {page}, chance: '${{{{ random(9) }}}}'}}
steps: [{{http: 'http://x/${{{{ page }}}}'}}, {{http: 'http://x/${{{{ chance }}}}'}}, {{http: 'http://x/get'}}]"
        )
    };
    check(
        &scenario("get"),
        &scenario("get"),
        "steps[1] passed\nsteps[2] passed\nsteps[3] passed\n= passed",
    )
    .await;
    check(
        &scenario("get"),
        &scenario("other"),
        "note: the variable `page` was \"get\" when it ran, and is another one now: what was done with it is not done anew
         note: steps[1] `http GET http://x/${{ page }}` is not judged again: it asked for something else then: `page` was \"get\"
         steps[1] skipped: not judged again: it asked for something else then: `page` was \"get\"
         steps[2] passed
         steps[3] passed
         = not verified: 1 step was not judged again",
    )
    .await;
    // So is what it was saved as, and an item.
    let scenario = |field: &str, item: &str| {
        format!(
            "steps: [{{http: 'http://x/get', save: {{it: {field}}}}}, {{http: 'http://x/${{{{ it }}}}'}},
  {{for-each: {{n: [{item}]}}, http: 'http://x/${{{{ n }}}}'}}]"
        )
    };
    check(
        &scenario("status", "1"),
        &scenario("body", "2"),
        "steps[1] passed
         note: steps[2] `http GET http://x/${{ it }}` is not judged again: it asked for something else then: `it` was 200
         steps[2] skipped: not judged again: it asked for something else then: `it` was 200
         note: steps[3][n=2] `http GET http://x/${{ n }}` is not judged again: the run had no such step
         steps[3][n=2] skipped: not judged again: the run had no such step
         = not verified: 2 steps were not judged again",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn other_rules_of_a_log_scan_are_judged_by_the_logs_that_the_run_left() {
    const LOG: &str = "one\nERROR: two\nTraceback (most recent call last):\n  f()\nKeyError: x\n";
    const AGAIN: &str = "note: `log-scan` has other rules now: the logs that the run left are looked through again";
    let body = |scan: &str| format!("vars: {{bad: nosuch}}\nsteps: [assert: 'true']\nlog-scan: {{{scan}}}\n");
    let stacks = |body: &str| format!("stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\n{body}");
    let judged = async |then: &str, now: &str, expected: &str| {
        let expected = format!("given[1] passed\nsteps[1] passed\n{expected}");
        judge(writes(LOG, &body(then)), &stacks(&body(now)), &expected).await;
    };
    judged("never: [ERROR]", "never: [nosuch]", &format!("{AGAIN}\n= passed")).await;
    judged(
        "never: [nosuch]",
        "never: [ERROR], services: [web]",
        &format!("{AGAIN}\n= failed: a line that no log may have, in that of `web`: it contains `ERROR` -> ERROR: two\nexit 1"),
    )
    .await;
    judged(
        "never: [Traceback]",
        "never: [Traceback], ignore: [{contains: KeyError, reason: known}], join: tracebacks",
        &format!("{AGAIN}\n= passed"),
    )
    .await;
    judged(
        "never: ['${{ bad }}']",
        "never: [nosuch]",
        &format!("{TAKEN}\n= passed"),
    )
    .await;
    // What is hidden stands in no file's name, and the file is found all the same.
    let hidden = |scan: &str| {
        let body = body(scan).replace("bad: nosuch", "word: vaulted");
        format!("mask: [word]\nstacks: {{vaulted: web.yml}}\ngiven: [{{up: vaulted}}]\n{body}")
    };
    let ran = stage(&hidden("never: [nosuch]")).engine(|fake| {
        fake.script("web", Script::new().out(LOG));
    });
    judge(
        ran,
        &hidden("never: [ERROR]"),
        &format!(
            "given[1] passed\nsteps[1] passed\n{AGAIN}
             = failed: a line that no log may have, in that of `web`: it contains `ERROR` -> ERROR: two\nexit 1"
        ),
    )
    .await;
    // One that there was not.
    let now = stacks(&body("never: [ERROR]"));
    judge(
        writes(LOG, "steps: [assert: 'true']\n"),
        &now,
        &format!(
            "given[1] passed\nsteps[1] passed\n{AGAIN}
             = failed: a line that no log may have, in that of `web`: it contains `ERROR` -> ERROR: two\nexit 1"
        ),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_log_had_after_its_last_look_is_nobodys_fault_by_other_rules_too() {
    let body = |scan: &str| {
        format!("stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\nsteps: [assert: 'true']\nlog-scan: {{never: [{scan}]}}\n")
    };
    let ran = writes("one\n", "steps: [assert: 'true']\nlog-scan: {never: [nosuch]}\n");
    let events = ran.events().await;
    let mut stored = Stored::default();
    events.into_iter().for_each(|event| stored.event(event));
    let log = ran.folder.path().join("results/001-one/logs/s.web-1.log");
    let mut written = std::fs::OpenOptions::new().append(true).open(log).unwrap();
    written.write_all(b"ERROR: its database was killed\n").unwrap();
    let expected = "given[1] passed\nsteps[1] passed\n\
         note: `log-scan` has other rules now: the logs that the run left are looked through again\n= passed";
    judge_stored(ran, stored, &body("ERROR"), expected).await;
}

#[tokio::test(start_paused = true)]
async fn the_long_form_asks_for_what_the_short_one_does() {
    check(
        "steps: [{http: 'http://x/get', expect: {body: it is 17}}]",
        "steps: [{http: {get: 'http://x/get'}, expect: {body: it is 17}}]",
        "steps[1] passed
         = passed",
    )
    .await;
    check(
        "steps: [{http: {get: 'http://x/get'}, expect: {body: it is 17}}]",
        "steps: [{http: {post: 'http://x/get'}, name: one}]",
        "note: steps[1] `one` is not judged again: it asked for something else then
         steps[1] skipped: not judged again: it asked for something else then
         = not verified: 1 step was not judged again",
    )
    .await;
}
