//! Containers without a healthcheck that end soon after their start: looked at once more, watched for `stable-for`, and told
//! with what fails later.

use std::time::Duration;

use super::{Stage, stage};
use crate::engine::fake::{Answer, Reply, Script};
use crate::event::What;

/// A container that ends so many milliseconds after its start.
fn ends(after: u64, exit: i64) -> Script {
    Script::new().out("no config\n").after_ms(after).exit(exit)
}

fn web(script: Script, body: &str) -> Stage {
    stage(&format!("stacks: {{s: web.yml}}\n{body}")).engine(|fake| {
        fake.script("web", script);
    })
}

async fn check(stage: Stage, expected: &str) {
    stage.check(&format!("image `busybox` present\n{expected}")).await;
}

#[tokio::test(start_paused = true)]
async fn up_watches_for_as_long_as_it_is_told_to() {
    let up = |stable: &str| format!("steps: [{{up: {{stack: s, stable-for: {stable}}}}}]\n");
    check(
        web(ends(40, 1), &up("1s")),
        "steps[1] failed: `web` exited with code 1\n= failed\nexit 1",
    )
    .await;
    check(web(ends(1500, 1), &up("1s")), "steps[1] passed\n= not verified").await;
    check(
        web(Script::new(), &up("1s")).waits(),
        "steps[1] waits for `s` to be up: `web` has no container yet
         steps[1] waits for `s` to be up: all is as it should be, and has to stay so
         steps[1] passed
         = not verified",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_begins_the_watching_anew() {
    let crash = Script::new().restart("always", 0).after_ms(700).exit(3);
    let stage = web(
        crash.then(Script::new()),
        "steps: [{up: {stack: s, stable-for: 1s}}, {state-assert: {service: web}, expect: {restarts: 1, running: 1}}]\n",
    );
    check(stage, "steps[1] passed\nsteps[2] passed\n= passed").await;
}

#[tokio::test(start_paused = true)]
async fn start_and_restart_watch_too() {
    let starts = |step: &str, exit| {
        let script = Script::new().then(ends(40, exit));
        web(script, &format!("given: [{{up: s}}, {{stop: web}}]\nsteps: [{step}]\n"))
    };
    let given = "given[1] passed\ngiven[2] passed\n";
    for step in [
        "start: {service: web, stable-for: 1s}",
        "restart: {service: web, stable-for: 1s}",
    ] {
        check(
            starts(step, 1),
            &format!(
                "{given}steps[1] failed: `web` ended within `stable-for`, with exit code 1, 40ms after its start\n= failed\nexit 1"
            ),
        )
        .await;
        // It has done its work.
        check(starts(step, 0), &format!("{given}steps[1] passed\n= not verified")).await;
    }
    check(
        starts("start: web", 1),
        &format!("{given}steps[1] passed\n= not verified"),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn they_are_looked_at_once_more_when_all_else_is_done() {
    // An engine that takes its time: meanwhile it has ended.
    let slow = |number| {
        web(ends(40, 1), "steps: [up: s]\n").engine(move |fake| {
            fake.call("containers", number, Reply::Late(Duration::from_millis(100)));
        })
    };
    check(slow(4), "steps[1] failed: `web` exited with code 1\n= failed\nexit 1").await;
    check(slow(9), "steps[1] passed\n= not verified").await;
}

/// What explains the failure of the last step of these.
async fn explained(script: Script, body: &str) -> Vec<String> {
    let stage = web(script, body);
    let events = stage.events().await;
    stage.fake.assert_clean();
    let mut faults = events.into_iter().filter_map(|event| match event.what {
        What::StepEnded { faults, .. } if !faults.is_empty() => Some(faults),
        _ => None,
    });
    let details = faults.next().unwrap().remove(0).details.into_iter();
    let details = details.map(|detail| format!("{}: {}", detail.title, detail.text));
    details
        .map(|detail| detail.replace(&stage.folder.path().display().to_string(), "…"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_fails_after_such_an_end_says_that_it_was_so() {
    let asked = "{tcp: 'closed:1', within: 1s}";
    let told = explained(ends(40, 1), &format!("steps: [up: s, {asked}]\n")).await;
    let expected = "end of `web`: `web` ended with code 1, 40ms after its start; the `up` at one.yaml:3:9 took it \
                    for running, as it has no healthcheck: give it one, let `up` watch it for longer (`stable-for: 2s`), or wait \
                    for what it writes (`log-assert`)";
    assert!(told.contains(&expected.to_owned()), "{told:#?}");
    assert!(told.iter().any(|detail| detail.ends_with("no config")), "{told:#?}");
    let told = explained(
        Script::new().then(ends(40, 1)),
        &format!("steps: [up: s, restart: web, {asked}]\n"),
    )
    .await;
    assert!(
        told[2].contains("the `restart` at one.yaml:3:16 took it for running"),
        "{told:#?}"
    );
    for quiet in [
        format!("steps: [up: s, {{stop: web}}, {asked}]\n"),
        format!("steps: [up: s, {{kill: web}}, {asked}]\n"),
    ] {
        let told = explained(Script::new(), &quiet).await;
        assert!(
            !told.iter().any(|detail| detail.contains("took it for running")),
            "{told:#?}"
        );
    }
}

/// How the `exec` of a command that takes five seconds ends.
async fn executed(script: Script, step: &str) -> (String, Vec<String>) {
    let long = Answer::out("late").after_ms(5000);
    let body = format!("steps: [up: s, {{exec: {{service: web, command: sleep 5}}{step}}}]\n");
    let stage = web(script.exec("sleep", [long]), &body);
    let events = stage.events().await;
    stage.fake.assert_clean();
    let mut ends = events.into_iter().rev().filter_map(|event| match event.what {
        What::StepEnded { faults, .. } => Some(faults),
        _ => None,
    });
    let Some(fault) = ends.next().unwrap().into_iter().next() else {
        return (String::new(), Vec::new());
    };
    assert_eq!(fault.hint, None);
    let titles = fault.details.into_iter().map(|detail| detail.title);
    (fault.message, titles.collect())
}

#[tokio::test(start_paused = true)]
async fn a_container_that_ends_while_a_command_runs_in_it_is_what_failed() {
    let (message, titles) = executed(ends(1000, 4), "").await;
    assert_eq!(message, "`web` ended (code 4) while the command ran");
    assert_eq!(titles, ["last lines of `web`", "end of `web`"]);
    // It can no longer become so.
    let (message, titles) = executed(ends(1000, 4), ", within: 30s").await;
    assert_eq!(message, "`web` ended (code 4) while the command ran");
    assert_eq!(titles, ["waited", "last lines of `web`", "end of `web`"]);
    let again = Script::new()
        .restart("always", 0)
        .out("no config\n")
        .after_ms(1000)
        .exit(4);
    let (message, titles) = executed(again.then(Script::new()), "").await;
    assert_eq!(message, "`web` ended (code 4) while the command ran");
    assert_eq!(titles, ["last lines of `web`"]);
    // Who expects the end of the command has it.
    let (message, _) = executed(ends(1000, 4), ", expect: {exit: 137}").await;
    assert_eq!(message, "");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_a_failure_tells_of_is_not_noted() {
    let again = Script::new().restart("always", 0).after_ms(1000).exit(4);
    let long = Answer::out("late").after_ms(5000);
    let stage = web(
        again.exec("sleep", [long]).then(Script::new()),
        "steps: [up: s, {exec: {service: web, command: sleep 5}}]\n",
    );
    check(
        stage,
        "steps[1] passed\nsteps[2] failed: `web` ended (code 4) while the command ran\n= failed\nexit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_killed_in_a_container_that_goes_on_has_its_own_exit_code() {
    let script = Script::new().exec("sleep", [Answer::err("", 137)]);
    let stage = web(script, "steps: [up: s, {exec: {service: web, command: sleep 5}}]\n");
    check(
        stage,
        "steps[1] passed\nsteps[2] failed: `exit` is 137\n= failed\nexit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_told_a_little_after_that_of_the_command_is_waited_for() {
    let killed = Answer::err("", 137).after_ms(1000);
    let script = ends(1400, 4).exec("sleep", [killed]);
    check(
        web(script, "steps: [up: s, {exec: {service: web, command: sleep 5}}]\n"),
        "steps[1] passed\nsteps[2] failed: `web` ended (code 4) while the command ran\n= failed\nexit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_killed_holds_no_question_back_that_is_asked_again() {
    let killed = || Answer::err("", 137).after_ms(500);
    let yes = || Answer::out("yes").after_ms(100);
    let script = Script::new()
        .exec("ask", [yes(), killed(), yes()])
        .exec("wait", [yes().after_ms(5000)])
        .exec("until", [killed(), killed(), yes()]);
    let body = "steps:
  - up: s
  - {exec: {service: web, command: ask}, probe: p, every: 100ms}
  - {exec: {service: web, command: wait}}
  - {state-assert: {probe: p}, expect: {failures: 1, max_outage: {lt: 1s}}}
  - {exec: {service: web, command: until}, within: 2s}
";
    check(
        web(script, body),
        "steps[1] passed\nsteps[2] passed\nsteps[3] passed\nsteps[4] passed\nsteps[5] passed\nprobe p: 1 failures\n= passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_command_came_too_late_only_where_its_container_has_ended() {
    let says = |words: &str| Answer::out(words.to_owned()).exit(126).after_ms(1000);
    let stopped = "OCI runtime exec failed: exec failed: cannot exec in a stopped container: unknown";
    let steps = "steps: [up: s, {exec: {service: web, command: sleep 5}}]\n";
    for (script, words, expected) in [
        (
            ends(1200, 4),
            stopped,
            "`web` ended (code 4) before the command could begin",
        ),
        (
            Script::new(),
            stopped,
            "the command cannot be started in `web`: cannot exec in a stopped container",
        ),
        // A command that runs others may write what it was told of them.
        (Script::new(), "inner: container not running", "`exit` is 126"),
    ] {
        check(
            web(script.exec("sleep", [says(words)]), steps),
            &format!("steps[1] passed\nsteps[2] failed: {expected}\n= failed\nexit 1"),
        )
        .await;
    }
}
