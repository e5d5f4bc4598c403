//! Services of a swarm that are changed on the fake engine: scaled, updated, rolled back, deployed anew.

use std::time::Duration;

use tokio::time::Instant;

use super::swarm_stacks::{
    FAILED, SHOP, check, check_fails, check_passes, failing, failing_times, faults, made, of, one, swarm,
};
use crate::engine::Reason;
use crate::engine::fake::{Reply, Script};

#[tokio::test(start_paused = true)]
async fn a_replica_that_never_was_is_none_and_one_that_was_scaled_away_is_gone() {
    let looks =
        |replica: &str, expected: &str| format!("{{state-assert: {{service: {replica}}}, expect: {{{expected}}}}}");
    let there = looks("web.2", "running: 1, wanted: 1");
    let gone = looks("web.2", "running: 0, wanted: 0");
    let steps = format!("deploy: s, {there}, scale: {{service: web, replicas: 1}}, {gone}");
    check_passes(swarm(SHOP, &steps), 4).await;
    let steps = format!("deploy: s, {}", looks("web.7", "running: 0"));
    let why = "there is no `web.7`, and never was: `web` has replicas 1 and 2";
    check_fails(swarm(SHOP, &steps), 10, (2, why)).await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_brings_back_what_there_is_though_an_update_has_stopped_half_way() {
    let with = |new: Script, restart: &str| {
        let script = Script::new().then(failing().then(new));
        let update = "{update: {service: web, env: {A: '2'}, delay: 2s}, expect: {state: paused}}";
        one(
            "replicas: 2",
            script,
            &format!("deploy: s, {update}, restart: {restart}"),
        )
    };
    check_passes(with(Script::new(), "web.1"), 3).await;
    // What follows in the other place is of that update, and fails once, too.
    let told = "note: before `s` converged `web.2` on node `fake` failed: task: non-zero exit (1)";
    let passes = format!("steps[1] passed\nsteps[2] passed\n{told}\nsteps[3] passed\nthen[1] passed\n= passed");
    check(with(Script::new(), "web.2"), &passes).await;
    let fault = faults(&with(failing(), "web").events().await)[0].clone();
    assert!(fault.message.ends_with("; so did 3 before it"), "{fault:?}");
    let hint = fault.hint.unwrap_or_default();
    assert!(hint.contains("`- rollback: web`"), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_to_a_former_version_was_not_restarted() {
    let restarts =
        |count| format!("{{state-assert: {{service: web}}, within: 9s, expect: {{running: 2, restarts: {count}}}}}");
    let changed = "deploy: s, update: {service: web, env: {A: '2'}}, rollback: web";
    let steps = format!("{changed}, {}, kill: web.1, {}", restarts(0), restarts(1));
    check_passes(swarm(SHOP, &steps), 6).await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_wait_for_a_replica_that_is_being_scaled_away() {
    let steps = "deploy: s, parallel: {less: [{scale: {service: web, replicas: 1}}], again: [{restart: web}]}";
    let told = "steps[1] passed
                steps[2].parallel.again[1] passed
                note: before `s` converged `web.1` on node `fake` failed: task: non-zero exit (143)
                steps[2].parallel.less[1] passed
                steps[2] passed
                then[1] passed
                = passed";
    check(swarm(SHOP, steps), told).await;
}

#[tokio::test(start_paused = true)]
async fn an_update_to_what_it_is_already_says_so() {
    let why = "the update changes nothing: `web` is so already";
    let steps = "deploy: s, update: {service: web, image: 'busybox:latest'}";
    check_fails(swarm(SHOP, steps), 10, (2, why)).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_is_scaled_up_and_down_though_somebody_else_changes_it() {
    let stage = swarm(
        SHOP,
        "deploy: s, scale: {service: web, replicas: 4}, assert: \"containers('web') | length == 4\", \
         scale: {service: web, replicas: 1}, assert: \"containers('web') | length == 1\", scale: {service: web, replicas: 0}",
    );
    let stage = stage.engine(|fake| {
        for nth in [1, 3] {
            fake.call(
                "change_service",
                nth,
                Reply::Fail(Reason::Conflict, "update out of sequence"),
            );
        }
    });
    check_passes(stage, 6).await;
}

#[tokio::test(start_paused = true)]
async fn an_update_goes_in_the_stages_that_are_wanted() {
    for (replicas, how, stages) in [
        (2, "", "[1, 2]"),
        (4, ", parallelism: 2, delay: 3s", "[2, 4]"),
        (4, ", parallelism: 0", "[4]"),
        (4, ", parallelism: 2, delay: 4s, order: start-first", "[2, 4]"),
        (3, ", order: start-first, delay: 4s", "[1, 2, 3]"),
    ] {
        let file = format!("services: {{web: {{image: busybox, deploy: {{replicas: {replicas}}}}}}}");
        let update =
            format!("deploy: s, {{update: {{service: web, env: {{A: '2'}}{how}}}, expect: {{stages: {stages}}}}}");
        check_passes(swarm(&file, &update), 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_is_told_or_expected() {
    let then_fails = || Script::new().then(failing_times(9));
    let update = |how: &str| format!("deploy: s, {{update: {{service: web, env: {{A: '2'}}{how}}}}}");
    let stage = one("restart_policy: {condition: none}", then_fails(), &update(""));
    let why = "`web.1` on node `fake`: its update is paused, since a task failed or ended early; it failed: task: non-zero exit (1)";
    check_fails(stage, 10, (2, why)).await;
    let paused = "deploy: s, {update: {service: web, env: {A: '2'}}, expect: {state: paused}}";
    check_passes(one("", then_fails(), paused), 2).await;
    let back = "deploy: s, {update: {service: web, env: {A: '2'}, failure-action: rollback}, expect: {state: rollback_completed}}, restart: web";
    let fails_once = Script::new().then(failing().then(Script::new()));
    // That it was undone is no news to a step that changes nothing of it.
    check_passes(one("", fails_once, back), 3).await;
}

/// How a service whose update was undone is told: with the task that it was undone for.
fn undone(how: &str) -> String {
    format!("`web.1` on node `fake`: its update {how}; it failed: task: non-zero exit (1)")
}

#[tokio::test(start_paused = true)]
async fn an_update_that_is_rolled_back_fails_where_nobody_expects_that() {
    let steps = "deploy: s, {update: {service: web, env: {A: '2'}, failure-action: rollback}}";
    let fails_once = Script::new().then(failing().then(Script::new()));
    check_fails(one("", fails_once, steps), 20, (2, &undone("was rolled back"))).await;
}

#[tokio::test(start_paused = true)]
async fn a_deploy_of_a_version_that_is_not_taken_ends_with_the_task_that_it_was_undone_for() {
    for (action, how) in [
        ("pause", "is paused, since a task failed or ended early"),
        ("rollback", "was rolled back"),
    ] {
        let file = |more: &str| {
            let deploy = format!("deploy: {{update_config: {{failure_action: {action}}}}}");
            format!("services: {{web: {{image: busybox{more}, {deploy}}}}}")
        };
        let stacks = "stacks: {s: {swarm: s.yml}, next: {version-of: s, swarm: next.yml}}";
        let stage = of(stacks, &file(""), "deploy: s, deploy: next").file("next.yml", &file(", command: fails"));
        let stage = stage.engine(|fake| {
            fake.script("web", Script::new().then(failing().then(Script::new())));
        });
        let begun = Instant::now();
        let fault = faults(&stage.events().await)[0].clone();
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{action} {:?}",
            begun.elapsed()
        );
        assert_eq!(fault.message, undone(how));
        assert!(
            format!("{:?}", fault.details).contains("no database"),
            "{action} {fault:?}"
        );
        stage.fake.assert_clean();
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_needs_an_update_before_it() {
    let why = "`web` was not rolled back: it was never updated, so there is nothing to go back to";
    check_fails(one("", Script::new(), "deploy: s, rollback: web"), 10, (2, why)).await;
    let steps = "deploy: s, update: {service: web, env: {A: '2'}}, {rollback: web, expect: {stages: [1]}}";
    check_passes(one("", Script::new(), steps), 3).await;
}

/// Of a service that is a job in one version of its stack alone it is known only then.
#[tokio::test(start_paused = true)]
async fn a_job_is_not_rolled_back() {
    for mode in ["replicated-job", "global-job"] {
        let stacks = "stacks: {s: {swarm: s.yml}, next: {version-of: s, swarm: next.yml}}";
        let job = format!("services: {{web: {{image: busybox, deploy: {{mode: {mode}}}}}}}");
        let stage = of(stacks, &job, "deploy: s, rollback: web").file("next.yml", SHOP);
        let stage = stage.engine(|fake| {
            fake.script("web", Script::new().after_ms(300).exit(0));
        });
        check_fails(stage, 10, (2, "`web` is a job, which has no rollback")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn deployed_again_only_what_is_another_is_replaced() {
    let next = SHOP.replace(
        "image: busybox, deploy",
        "image: busybox, environment: {A: '1'}, deploy",
    );
    let stacks = "stacks: {s: {swarm: s.yml}, next: {version-of: s, swarm: next.yml}}";
    let stage = of(stacks, SHOP, "deploy: s, deploy: s, deploy: next").file("next.yml", &next);
    let fake = stage.fake.clone();
    check_passes(stage, 3).await;
    assert_eq!((made(&fake, "web").await, made(&fake, "db").await), (4, 1));
}

/// An update that goes on whatever fails is judged by what runs once it has completed.
#[tokio::test(start_paused = true)]
async fn an_update_that_goes_on_is_not_waited_for_once_it_has_completed() {
    let expected =
        "deploy: s, {update: {service: web, env: {A: '2'}, failure-action: continue}, expect: {state: completed}}";
    let stage = one(
        "",
        Script::new().then(failing().then(failing().then(failing().then(failing())))),
        expected,
    );
    let often = format!("{FAILED}; so did 3 before it");
    check_fails(stage, 60, (2, &often)).await;
}

/// What is made of another file has another name; what is made of the same one stays, and with it the services that have it.
#[tokio::test(start_paused = true)]
async fn a_version_may_have_secrets_and_configs_with_other_content() {
    let made_of =
        |secret: &str| format!("{SHOP}secrets: {{key: {{file: ./{secret}}}}}\nconfigs: {{page: {{file: ./one}}}}\n");
    let stacks = "stacks: {s: {swarm: s.yml}, next: {version-of: s, swarm: next.yml}, last: {version-of: next, swarm: next.yml}}";
    let steps = "deploy: s, deploy: next, deploy: s, deploy: last, \
                 assert: \"stacks.next.secrets.key == stacks.s.secrets.key ~ '-2'\", \
                 assert: stacks.last.secrets.key == stacks.next.secrets.key, \
                 assert: stacks.next.configs.page == stacks.s.configs.page, down: next";
    let stage = of(stacks, &made_of("one"), steps)
        .file("next.yml", &made_of("two"))
        .file("one", "1")
        .file("two", "2");
    check_passes(stage, 8).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_change_of_one_service_waits_for_names_it() {
    let stage = swarm(SHOP, "deploy: s, scale: {service: web, replicas: 1}").waits();
    let told = stage.told(&stage.events().await);
    let waits = "steps[2] waits for `s` to converge (scale web): ";
    assert!(told.contains(waits), "{told}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_command_in_a_service_that_is_scaled_to_nothing_has_no_replica() {
    let why = "`web` has no replica now (it is scaled to 0): no command can run in it";
    let steps = "deploy: s, scale: {service: web, replicas: 0}, exec: {service: web, command: x}";
    check_fails(swarm(SHOP, steps), 30, (3, why)).await;
}

/// The manager learns of the end of a task a little later than whoever killed it.
#[tokio::test(start_paused = true)]
async fn what_was_killed_before_a_change_is_no_news_of_it() {
    let steps = "deploy: s, kill: web.1, scale: {service: web, replicas: 3}";
    let stage = swarm(SHOP, steps);
    let told = stage.told(&stage.events().await);
    assert!(!told.contains("converged `web.1`"), "{told}");
    assert!(told.contains("steps[3] passed"), "{told}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn what_was_killed_is_not_taken_for_running() {
    let steps = "deploy: s, kill: web, {scale: {service: web, replicas: 2, stable-for: 0s}}, \
                 {state-assert: {service: web}, expect: {running: 2}}";
    check_passes(swarm(SHOP, steps), 4).await;
}

#[tokio::test(start_paused = true)]
async fn a_file_brings_its_image_back_after_an_update_to_another_one() {
    let steps = "deploy: s, update: {service: web, image: 'debian:12'}, deploy: s, \
                 {state-assert: {service: web}, expect: {image: busybox}}";
    let stage = swarm(SHOP, steps).engine(|fake| {
        fake.image("debian:12");
    });
    check_passes(stage, 4).await;
}

#[tokio::test(start_paused = true)]
async fn that_stages_have_no_delay_between_them_is_told_where_they_are_not_as_expected() {
    for (how, told) in [("", true), (", delay: 2s", false)] {
        let steps = format!("deploy: s, {{update: {{service: web, env: {{A: '2'}}{how}}}, expect: {{stages: [9]}}}}");
        let fault = faults(&swarm(SHOP, &steps).events().await).remove(0);
        let says = fault
            .details
            .iter()
            .any(|detail| detail.text.contains("`delay: 2s` parts the stages"));
        assert_eq!(says, told, "{fault:?}");
    }
}
