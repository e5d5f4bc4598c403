//! Tasks of a swarm that end: which are waited for, and what is told of those that failed.

use std::time::Duration;

use tokio::time::Instant;

use super::swarm_stacks::{FAILED, check, check_fails, check_passes, ends_after, failing, failing_times, faults, one};
use crate::engine::fake::Script;

#[tokio::test(start_paused = true)]
async fn a_rejected_task_ends_it_at_once() {
    let script = Script::new().unmade("invalid mount config for type \"bind\"");
    let why = "`web.1` on node `fake`: was rejected: invalid mount config for type \"bind\"";
    check_fails(one("", script, "deploy: s"), 5, (1, why)).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_and_is_not_followed_ends_it_at_once_with_its_last_lines() {
    let stage = one("restart_policy: {condition: none}", failing(), "deploy: s");
    let begun = Instant::now();
    let events = stage.events().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let fault = &faults(&events)[0];
    assert_eq!(fault.message, FAILED);
    assert!(
        format!("{:?}", fault.details).contains("no database"),
        "{:?}",
        fault.details
    );
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_command_that_the_image_does_not_have_is_not_tried_again() {
    let refused = |why: &str| format!("starting container failed: {why}");
    let told = |why: &str| format!("`web.1` on node `fake`: failed: {}", refused(why));
    let stage = |why: &str| one("", Script::new().refuses(&refused(why)), "deploy: s");
    let command = "OCI runtime create failed: exec: \"nosuch\": executable file not found in $PATH";
    check_fails(stage(command), 5, (1, &told(command))).await;
    let hint = faults(&stage(command).events().await)[0].hint.clone();
    assert!(
        hint.as_ref().is_some_and(|hint| hint.contains("[sh, -c, …]")),
        "{hint:?}"
    );
    // What others have may be given back.
    let port = "driver failed programming external connectivity: port is already allocated";
    let often = format!("{}; so did 3 before it", told(port));
    check_fails(stage(port), 40, (1, &often)).await;
}

#[tokio::test(start_paused = true)]
async fn an_update_that_stops_where_it_should_not_tells_how_its_task_ended() {
    let steps = "deploy: s, {update: {service: web, env: {A: '2'}}, expect: {state: completed}}";
    let stage = one(
        "restart_policy: {condition: none}",
        Script::new().then(failing()),
        steps,
    );
    let fault = &faults(&stage.events().await)[0];
    assert_eq!(fault.actual.as_deref(), Some("paused"));
    let details = format!("{:?}", fault.details);
    for part in [
        "end of `web.1` on node `fake`",
        "failed: task: non-zero exit (1)",
        "no database",
    ] {
        assert!(details.contains(part), "{part}: {details}");
    }
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_followed_may_fail_three_times() {
    let told = "note: before `s` converged `web.1` on node `fake` failed: task: non-zero exit (1); so did 2 before it";
    let passes = format!("{told}\nsteps[1] passed\nthen[1] passed\n= passed");
    check(one("", failing_times(3), "deploy: s"), &passes).await;
    let often = format!("{FAILED}; so did 3 before it");
    check_fails(one("", failing_times(4), "deploy: s"), 30, (1, &often)).await;
    let strict = "deploy: {stack: s, may-fail: 0}";
    check_fails(one("", failing_times(1), strict), 5, (1, FAILED)).await;
    let most = one("restart_policy: {max_attempts: 1}", failing_times(2), "deploy: s");
    check_fails(most, 12, (1, &format!("{FAILED}; so did 1 before it"))).await;
    // The swarm counts what it was itself to replace, and not what is longer ago than it is told.
    let used_up = one(
        "restart_policy: {max_attempts: 1}",
        Script::new().then(failing()),
        "deploy: s, restart: web",
    );
    check_fails(used_up, 20, (2, FAILED)).await;
    let policy = "restart_policy: {max_attempts: 1, window: 1s, delay: 2s}";
    check(one(policy, failing_times(3), "deploy: s"), &passes).await;
}

#[tokio::test(start_paused = true)]
async fn what_ends_by_itself_is_as_it_should_be_and_may_be_waited_for() {
    let ends_after = |milliseconds| Script::new().after_ms(milliseconds).exit(0);
    check_passes(
        one("restart_policy: {condition: none}", ends_after(300), "deploy: s"),
        1,
    )
    .await;
    let completes = "deploy: {stack: s, completes: [web]}";
    // It is started again, which is no matter.
    check_passes(one("", ends_after(300), completes), 1).await;
    for (how, step) in [
        ("restart_policy: {condition: on-failure}", completes),
        ("mode: replicated-job, replicas: 2", "deploy: s"),
        ("mode: global-job", "deploy: s"),
    ] {
        let begun = Instant::now();
        check_passes(one(how, ends_after(20_000), step), 1).await;
        assert!(
            begun.elapsed() > Duration::from_secs(20),
            "{how}: {:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_completes_and_is_started_again_is_told() {
    let ends = || Script::new().after_ms(300).exit(0);
    let again = |times: &str| format!("it completed {times}, and its restart policy starts it again");
    let why = format!("`web`: {}", again("3 times"));
    check_fails(one("", ends(), "deploy: s"), 15, (1, &why)).await;
    let late = format!(
        "`s` did not converge within 4s -> `web` has 0 of 1 tasks running (1 ready); {}",
        again("once")
    );
    check_fails(one("", ends(), "{deploy: s, timeout: 4s}"), 5, (1, &late)).await;
    for step in ["deploy: s", "{deploy: s, timeout: 4s}"] {
        let events = one("", ends(), step).events().await;
        let hints = faults(&events).into_iter().filter_map(|fault| fault.hint);
        let expected = "one that is to end has `deploy: {restart_policy: {condition: none}}` in its file, or is named here: `completes: [web]`";
        assert_eq!(hints.collect::<Vec<_>>(), [expected], "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_about_every_second_is_not_fine_in_between() {
    let often = format!("{FAILED}; so did 3 before it");
    let dies = ends_after(&[950, 1050, 1150, 1050], 1);
    check_fails(one("", dies, "deploy: s"), 40, (1, &often)).await;
    let stage = one("", ends_after(&[950, 1050], 1), "deploy: s").waits();
    let told = stage.told(&stage.events().await);
    let waits = "all is as it should be, and has to stay so for 1.4s: `web.1` on node `fake` failed: task: non-zero exit (1) before";
    assert!(told.contains(waits), "{told}");
    assert!(told.ends_with("steps[1] passed\nthen[1] passed\n= passed\n"), "{told}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_task_has_failed() {
    let sick = Script::new().after(1).unhealthy("no");
    let why = format!(
        "{} (137): dockerexec: unhealthy container",
        FAILED.trim_end_matches(" (1)")
    );
    check_fails(one("", sick.clone(), "deploy: {stack: s, may-fail: 0}"), 5, (1, &why)).await;
    // Each had all the time that it needs to show itself healthy, so fewer are borne.
    let twice = format!("{why}; so did 1 before it");
    check_fails(one("", sick, "deploy: s"), 10, (1, &twice)).await;
    let was_fine = Script::new().healthy().after(1).unhealthy("no");
    let often = format!("{why}; so did 3 before it");
    check_fails(
        one("", was_fine, "deploy: {stack: s, stable-for: 20s}"),
        30,
        (1, &often),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_ended_soon_after_the_deploy_is_told_with_what_fails_next() {
    let dies = Script::new().after(3).out("no database\n").exit(4);
    let steps = "deploy: s, {state-assert: {service: web}, expect: {running: 1}, holds-for: 5s}";
    let stage = one("restart_policy: {condition: none}", dies, steps);
    let fault = faults(&stage.events().await).remove(0);
    let told: Vec<&str> = fault.details.iter().map(|detail| detail.text.as_str()).collect();
    let says = "`web` ended with code 4, 3s after its start; the `deploy` at ";
    assert!(
        told.iter()
            .any(|text| text.starts_with(says) && text.contains("`stable-for: 4s`")),
        "{told:#?}"
    );
}
