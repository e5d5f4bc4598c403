//! Stacks of a swarm on the fake engine: `deploy`, `scale`, `update`, `rollback` and `down`, and what they wait for.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;

use super::{Stage, stage};
use crate::engine::fake::{Fake, Reply, Script, ToolFault};
use crate::engine::{Engine, Labels, Reason};
use crate::event::{Event, Fault, What};
use crate::wait::pause;

pub(super) const SHOP: &str = "services:
  web: {image: busybox, deploy: {replicas: 2}}
  db: {image: busybox}
";

/// A scenario with a stack on an engine that is in a swarm.
pub(super) fn swarm(file: &str, steps: &str) -> Stage {
    of("stacks: {s: {swarm: s.yml}}", file, steps)
}

/// The same with these stacks, or more.
pub(super) fn of(stacks: &str, file: &str, steps: &str) -> Stage {
    let body = format!("{stacks}\nsteps: [{steps}]\nthen: [assert: 'true']\n");
    stage(&body).file("s.yml", file).engine(|fake| {
        fake.in_swarm(Labels::new());
    })
}

/// One service whose tasks do what the script says.
pub(super) fn one(deploy: &str, script: Script, steps: &str) -> Stage {
    let file = format!("services: {{web: {{image: busybox, deploy: {{{deploy}}}}}}}");
    swarm(&file, steps).engine(|fake| {
        fake.script("web", script);
    })
}

pub(super) fn failing() -> Script {
    Script::new().after_ms(500).out("no database\n").exit(1)
}

/// One that fails so often, and then runs.
pub(super) fn failing_times(times: usize) -> Script {
    let last = Script::new();
    (0..times).fold(last, |next, _| failing().then(next))
}

pub(super) async fn check(stage: Stage, expected: &str) {
    stage.check(&format!("image `busybox` present\n{expected}")).await;
}

/// So many steps pass, and the scenario does.
pub(super) async fn check_passes(stage: Stage, steps: usize) {
    let told: String = (1..=steps).map(|step| format!("steps[{step}] passed\n")).collect();
    check(stage, &format!("{told}then[1] passed\n= passed")).await;
}

/// The last step fails, before so many seconds of the engine's time have passed.
pub(super) async fn check_fails(stage: Stage, seconds: u64, (step, why): (usize, &str)) {
    let begun = Instant::now();
    let told: String = (1..step).map(|step| format!("steps[{step}] passed\n")).collect();
    let skipped = "then[1] skipped: not reached: a step before it failed";
    check(
        stage,
        &format!("{told}steps[{step}] failed: {why}\n{skipped}\n= failed\nexit 1"),
    )
    .await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(seconds), "{took:?}");
}

/// How many containers of a service were ever made.
pub(super) async fn made(fake: &Fake, service: &str) -> usize {
    let mut events = fake.events(Some("0".into())).await.unwrap();
    let mut count = 0;
    while let Some(Some(Ok(event))) = events.next().now_or_never() {
        let of = event.attributes.get("com.docker.swarm.service.name");
        let is_of = of.is_some_and(|name| name.ends_with(&format!("_{service}")));
        count += usize::from(is_of && event.action == "create");
    }
    count
}

/// The faults of the first step that has some.
pub(super) fn faults(events: &[Event]) -> Vec<Fault> {
    let faults = events.iter().find_map(|event| match &event.what {
        What::StepEnded { faults, .. } if !faults.is_empty() => Some(faults.clone()),
        _ => None,
    });
    faults.unwrap_or_default()
}

/// How a task that the script has fail is told.
pub(super) const FAILED: &str = "`web.1` on node `fake`: failed: task: non-zero exit (1)";

#[tokio::test(start_paused = true)]
async fn it_converges_and_what_it_waits_for_is_told() {
    check(
        swarm(SHOP, "deploy: s").waits(),
        "steps[1] waits for `s` to converge: `web` has 0 of 2 tasks running (2 preparing), `db` has 0 of 1 tasks running (1 preparing)
         steps[1] waits for `s` to converge: `web` has 0 of 2 tasks running (2 starting), `db` has 0 of 1 tasks running (1 starting)
         steps[1] waits for `s` to converge: all is as it should be, and has to stay so
         steps[1] passed
         then[1] passed
         = passed",
    )
    .await;
}

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

/// It ends each time after so many milliseconds, and the last time not at all.
pub(super) fn ends_after(milliseconds: &[u64], code: i64) -> Script {
    let each = milliseconds.iter().rev();
    each.fold(Script::new(), |next, at| {
        Script::new().after_ms(*at).exit(code).then(next)
    })
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
async fn a_file_in_a_container_needs_no_manager() {
    let steps = "deploy: s, {file-assert: web:/etc/page, expect: {exists: false}}";
    let with = |fails: &[u64]| {
        swarm(SHOP, steps).engine(|fake| {
            for nth in fails {
                fake.call("tasks", *nth, Reply::Fail(Reason::Limit, "no quorum"));
            }
        })
    };
    let stage = with(&[]);
    stage.events().await;
    let journal = stage.fake.journal();
    let before = journal.iter().take_while(|call| !call.starts_with("stat "));
    let last = before.filter(|call| call.starts_with("tasks ")).count() as u64;
    let told = "note: what configs `web` has is not known, and each is empty to this step: cannot tasks";
    let stage = with(&[last]);
    let seen = stage.told(&stage.events().await);
    assert!(seen.contains(told) && seen.contains("steps[2] passed"), "{seen}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_no_node_takes_is_not_waited_for() {
    let nowhere = "no suitable node (scheduling constraints not satisfied on 1 node)";
    let why = format!("`web.1`: {nowhere}, and nothing changes that");
    check_fails(one("", Script::new().unplaced(nowhere), "deploy: s"), 9, (1, &why)).await;
    let full = "no suitable node (insufficient resources on 1 node)";
    let why = format!("`web.1`: {full}, and nothing changes that");
    check_fails(one("", Script::new().unplaced(full), "deploy: s"), 24, (1, &why)).await;
    // What ends by itself gives back what it has.
    let file = "services: {web: {image: busybox}, job: {image: busybox, deploy: {restart_policy: {condition: none}}}}";
    let stage = swarm(file, "{deploy: s, timeout: 60s}").engine(|fake| {
        fake.script("web", Script::new().unplaced(full));
    });
    let why = format!("`s` did not converge within 1m -> `web` has 0 of 1 tasks running (1 pending: {full})");
    check_fails(stage, 64, (1, &why)).await;
}

#[tokio::test(start_paused = true)]
async fn a_global_service_and_one_that_wants_none_are_fine() {
    let file =
        "services:\n  web: {image: busybox, deploy: {mode: global}}\n  db: {image: busybox, deploy: {replicas: 0}}\n";
    let stage = swarm(file, "deploy: s");
    let fake = stage.fake.clone();
    check_passes(stage, 1).await;
    assert_eq!((made(&fake, "web").await, made(&fake, "db").await), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn its_deadline_tells_what_was_seen_last() {
    let slow = Script::new().after(60).healthy();
    let why = "`s` did not converge within 5s -> `web` has 0 of 1 tasks running (1 starting)";
    check_fails(one("", slow, "{deploy: s, timeout: 5s}"), 10, (1, why)).await;
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
async fn what_a_healthcheck_says_is_told_while_it_is_waited_for() {
    let ails = Script::new()
        .after(1)
        .ailing("no route to the store\n")
        .after(4)
        .healthy();
    let stage = one("", ails, "deploy: s").waits();
    let told = stage.told(&stage.events().await);
    let waits = "`web` has 0 of 1 tasks running (1 starting), the healthcheck of `web.1` on node `fake` failed: no route to the store";
    assert!(told.contains(waits), "{told}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_death_while_all_has_to_stay_so_begins_that_anew() {
    let dies = Script::new().after(1).exit(1).then(Script::new());
    check(
        one("", dies, "deploy: {stack: s, stable-for: 3s}").waits(),
        "steps[1] waits for `s` to converge: `web` has 0 of 1 tasks running (1 preparing)
         steps[1] waits for `s` to converge: `web` has 0 of 1 tasks running (1 starting)
         steps[1] waits for `s` to converge: all is as it should be, and has to stay so
         steps[1] waits for `s` to converge: `web` has 0 of 1 tasks running (1 failed: task: non-zero exit (1))
         steps[1] waits for `s` to converge: `web` has 0 of 1 tasks running (1 ready)
         steps[1] waits for `s` to converge: `web` has 0 of 1 tasks running (1 starting)
         steps[1] waits for `s` to converge: all is as it should be, and has to stay so
         note: before `s` converged `web.1` on node `fake` failed: task: non-zero exit (1)
         steps[1] passed
         then[1] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn down_leaves_nothing() {
    let file = format!("{SHOP}secrets: {{s: {{file: ./s}}}}\nconfigs: {{c: {{file: ./s}}}}\n");
    // What is kept is nothing.
    let stacks = "keep: always\nstacks: {s: {swarm: s.yml}}";
    let stage = of(stacks, &file, "deploy: s, down: s")
        .file("s", "word")
        .engine(|fake| {
            fake.script("web", Script::new().ignores_term());
        });
    check(
        stage,
        "steps[1] passed\nsteps[2] passed\nthen[1] passed\n\
         note: `web` went on after SIGTERM and was killed 10s later, 2 times: the first process of a container ignores a signal that it does not handle (`init: true`, `exec` before the program in a shell's line, or another `stop_signal` helps); what needs longer has `stop_grace_period`\n\
         kept\n= passed",
    )
    .await;
}

/// The agent's own delay of two seconds is for those whose containers run when it hears of their end.
#[tokio::test(start_paused = true)]
async fn containers_are_stopped_with_their_own_grace_as_their_services_go() {
    let file = |grace: &str| format!("services: {{web: {{image: busybox, deploy: {{replicas: 3}}{grace}}}}}");
    for (grace, script, most) in [
        ("", Script::new(), 1000),
        (", stop_grace_period: 3s", Script::new().ignores_term(), 4000),
    ] {
        let stage = swarm(&file(grace), "deploy: s, down: s").engine(|fake| {
            fake.script("web", script);
        });
        let events = stage.events().await;
        let took = events.iter().find_map(|event| match &event.what {
            What::StepEnded { step, seconds, .. } if step.kind == "down" => Some(*seconds),
            _ => None,
        });
        assert!(
            took.is_some_and(|took| took * 1000.0 < f64::from(most)),
            "{grace}: {took:?}"
        );
        stage.fake.assert_clean();
    }
}

#[tokio::test(start_paused = true)]
async fn two_stacks_are_told_apart() {
    let steps = "deploy: s, deploy: t, scale: {service: t/web, replicas: 1}, assert: \"containers('s/web') | length == 2\", \
                 down: s, assert: \"containers('t/web') | length == 1\"";
    check_passes(of("stacks: {s: {swarm: s.yml}, t: {swarm: s.yml}}", SHOP, steps), 6).await;
}

#[tokio::test(start_paused = true)]
async fn ended_at_any_time_it_leaves_nothing() {
    let tools = [
        ToolFault::None,
        ToolFault::Slow(Duration::from_secs(2)),
        ToolFault::Orphan,
        ToolFault::DiesAfter(1),
    ];
    for tool in tools {
        for at in [0, 1, 50, 100, 150, 500, 2500] {
            let stage = swarm(SHOP, "deploy: {stack: s, stable-for: 10s}").interrupted_at(at);
            stage.fake.tool_fault(tool.clone());
            stage.fake.script("db", Script::new().ignores_term());
            stage.events().await;
            // What goes on although nobody waits for it has its time, too.
            pause(Duration::from_secs(60)).await;
            assert_eq!(stage.fake.complaints(), Vec::<String>::new(), "{tool:?} {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_goes_away_is_an_error() {
    let stage = swarm(SHOP, "deploy: {stack: s, stable-for: 10s}");
    let fake = stage.fake.clone();
    let away = tokio::spawn(async move {
        pause(Duration::from_secs(1)).await;
        fake.away(true);
        pause(Duration::from_secs(3)).await;
        fake.away(false);
    });
    let told = stage.told(&stage.events().await);
    away.await.unwrap();
    assert!(
        told.contains("steps[1] errored: ") && told.ends_with("= errored\nexit 3\n"),
        "{told}"
    );
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn down_tells_at_its_limit_what_still_runs() {
    let file = "services: {web: {image: busybox, stop_grace_period: 60s}}";
    let stays = |stage: Stage| {
        stage.file("s.yml", file).engine(|fake| {
            fake.in_swarm(Labels::new());
            fake.script("web", Script::new().ignores_term());
        })
    };
    for (stack, up) in [("{swarm: s.yml}", "deploy"), ("s.yml", "up")] {
        let stage = stays(stage(&format!(
            "stacks: {{s: {stack}}}\nsteps: [{up}: s, {{down: s, timeout: 5s}}]\n"
        )));
        let told = stage.told(&stage.events().await);
        let expected = "steps[2] failed: `s` was not gone within 5s -> `web` still runs\n";
        assert!(told.contains(expected), "{told}");
        stage.fake.assert_clean();
    }
}
