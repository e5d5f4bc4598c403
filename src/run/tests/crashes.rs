//! What is told at the end of services that failed behind the steps' back, and of stops that took their whole grace period.

use super::swarm_stacks::{check, ends_after, one};
use super::{Stage, stage};
use crate::engine::fake::{Answer, Script};

/// Until something else answers, time goes by.
const LATER: &str = "{http: 'http://x/late', within: 200s}";

fn later(stage: Stage) -> Stage {
    stage.answers("late", &[(0, 500, "no"), (100_000, 200, "yes")])
}

/// How so many steps that pass are told, and what is noted at the end.
fn passes(steps: usize, note: Option<&str>) -> String {
    let told: String = (1..=steps).map(|step| format!("steps[{step}] passed\n")).collect();
    let note = note.map_or_else(String::new, |note| format!("note: {note}\n"));
    format!("{told}then[1] passed\n{note}= passed")
}

fn crashed(what: &str) -> String {
    format!(
        "{what} after it had come up, and no step expected that; `state-assert: {{service: web}}` judges it by `restarts` or `exit`"
    )
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_again_and_again_after_its_deploy_is_told() {
    let checked = async |lives: &[u64], steps: &str, (count, note): (usize, Option<&str>)| {
        let stage = later(one("", ends_after(lives, 9), steps));
        check(stage, &passes(count, note)).await;
    };
    let deploy = format!("deploy: s, {LATER}");
    let note = crashed("`web` ended 4 times with code 9");
    checked(&[12_000, 12_000, 12_000, 12_000], &deploy, (2, Some(&note))).await;
    // The first end of a loop may be all that is seen of it.
    let once = crashed("`web` ended once with code 9");
    checked(&[12_000], &deploy, (2, Some(&once))).await;
    // A step that looks at that expects it, and one that changes the service.
    let looked = format!("{deploy}, {{state-assert: {{service: web}}, expect: {{restarts: {{ge: 1}}}}}}");
    checked(&[12_000, 12_000], &looked, (3, None)).await;
    let scaled = format!("{deploy}, scale: {{service: web, replicas: 2}}");
    checked(&[12_000, 12_000], &scaled, (3, None)).await;
}

#[tokio::test(start_paused = true)]
async fn what_steps_end_is_no_crash() {
    let replaced = format!(
        "deploy: s, update: {{service: web, env: {{A: '2'}}}}, scale: {{service: web, replicas: 3}}, \
         scale: {{service: web, replicas: 1}}, kill: web, {LATER}, down: s"
    );
    check(later(one("", Script::new(), &replaced)), &passes(7, None)).await;
    // An update that stops half way, as it is expected to, fails on.
    let paused =
        format!("deploy: s, {{update: {{service: web, env: {{A: '2'}}}}, expect: {{state: paused}}}}, {LATER}");
    let fails = Script::new().then(ends_after(&[500; 30], 4));
    check(later(one("", fails, &paused)), &passes(3, None)).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_of_a_compose_stack_is_told_too_whether_its_policy_starts_it_again_or_not() {
    let shop = |policy: &str, steps: &str| {
        let body = format!("stacks: {{s: web.yml}}\nsteps: [{steps}]\nthen: [assert: 'true']\n");
        later(stage(&body)).engine(|fake| {
            let lives = ends_after(&[12_000, 13_000], 9).restart(policy, 0);
            fake.script("web", lives);
        })
    };
    let steps = format!("up: s, {LATER}");
    let note = crashed("`web` ended 2 times with code 9");
    check(shop("always", &steps), &passes(2, Some(&note))).await;
    let once = crashed("`web` ended once with code 9");
    check(shop("no", &steps), &passes(2, Some(&once))).await;
    let judged = format!("{steps}, {{state-assert: {{service: web}}, expect: {{exit: 9}}}}");
    check(shop("no", &judged), &passes(3, None)).await;
    check(shop("always", &format!("{steps}, restart: web")), &passes(3, None)).await;
}

/// What ends as it likes, or completes, was waited for by nobody once all is up; what a failure tells is not told twice.
#[tokio::test(start_paused = true)]
async fn an_end_that_a_file_or_a_failure_tells_of_is_no_news() {
    let shop = |file: &str, code: i64, steps: &str| {
        let body = format!("stacks: {{s: s.yml}}\nsteps: [{steps}]\nthen: [assert: 'true']\n");
        later(stage(&body)).file("s.yml", file).engine(|fake| {
            fake.script("job", Script::new().after_ms(12_000).exit(code));
        })
    };
    let file = |condition: &str| {
        format!(
            "services: {{job: {{image: busybox}}, web: {{image: busybox, depends_on: {{job: {{condition: {condition}}}}}}}}}"
        )
    };
    let steps = format!("up: s, {LATER}");
    let optional = file("service_started, required: false");
    check(shop(&optional, 3, &steps), &passes(2, None)).await;
    check(
        shop(&file("service_completed_successfully"), 0, &steps),
        &passes(2, None),
    )
    .await;
    let failed = "steps[1] passed\nsteps[2] passed\nsteps[3] failed: `job` exited with code 3: no command can run in it\n\
                  then[1] skipped: not reached: a step before it failed\n= failed\nexit 1";
    let asked = format!("{steps}, exec: {{service: job, command: x}}");
    check(shop(&file("service_started"), 3, &asked), failed).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_needs_its_whole_grace_period_is_told() {
    const ADVICE: &str = "the first process of a container ignores a signal that it does not handle (`init: true`, `exec` before \
                          the program in a shell's line, or another `stop_signal` helps); what needs longer has `stop_grace_period`";
    let shop = |steps: &str| {
        let body = format!("stacks: {{s: web.yml}}\nsteps: [up: s, {steps}]\nthen: [assert: 'true']\n");
        stage(&body).engine(|fake| {
            fake.script("web", Script::new().ignores_term());
        })
    };
    let note = |rest: &str| format!("`web` went on after SIGTERM and was killed 10s later{rest}: {ADVICE}");
    check(shop("stop: web"), &passes(2, Some(&note("")))).await;
    check(shop("restart: web, down: s"), &passes(3, Some(&note(", 2 times")))).await;
    // A grace period that is shorter is somebody's choice, and who is killed was not asked.
    check(shop("stop: {service: web, grace: 2s}"), &passes(2, None)).await;
    check(shop("kill: {service: web, signal: TERM}, kill: web"), &passes(3, None)).await;
    check(shop("assert: 'true'"), &passes(2, None)).await;
}

#[tokio::test(start_paused = true)]
async fn only_the_end_that_a_fault_of_a_step_tells_of_is_told_already() {
    let shop = |body: &str| {
        let body = format!("stacks: {{s: web.yml}}\n{body}then: [assert: 'true']\n");
        later(stage(&body)).engine(|fake| {
            let long = || Answer::out("yes").after_ms(2000);
            let ask = [long(), Answer::out("yes").after_ms(100)];
            let life = || Script::new().exec("wait", [long()]).exec("ask", ask.clone());
            let lives = life()
                .after_ms(3000)
                .exit(9)
                .then(life().after_ms(1000).exit(9))
                .then(life());
            fake.script("web", lives.restart("always", 0));
        })
    };
    let noted = |count: &str| format!("note: {}\n", crashed(&format!("`web` ended {count} with code 9")));
    // The fault was thrown away, and the next try had an answer.
    let borne =
        "steps: [up: s, {exec: {service: web, command: wait}}, {exec: {service: web, command: wait}, within: 60s}]\n";
    check(
        shop(borne),
        &format!(
            "steps[1] passed\nsteps[2] passed\nsteps[3] passed\nthen[1] passed\n{}= passed",
            noted("2 times")
        ),
    )
    .await;
    // A probe may fail.
    let asked = format!(
        "steps: [up: s, {{exec: {{service: web, command: wait}}}}, {{exec: {{service: web, command: ask}}, probe: p, every: 30s}}, {LATER}]\n"
    );
    let told = |more: &str| {
        format!(
            "steps[1] passed\nsteps[2] passed\nsteps[3] passed\nsteps[4] passed\nthen[1] passed\nprobe p: 1 failures\n{more}"
        )
    };
    check(shop(&asked), &told(&format!("{}= passed", noted("2 times")))).await;
    // Of its fault that end is told, and no other one.
    let held = asked.replace("30s", "30s, must-hold: true");
    let fault = "steps[3] failed: probe `p` must hold, and failed once: `web` ended (code 9) while the command ran\n";
    check(shop(&held), &told(&format!("{fault}{}= failed\nexit 1", noted("once")))).await;
    // Nor are those before the command.
    let before =
        "steps: [up: s, {http: 'http://x/soon', within: 9s, every: 50ms}, {exec: {service: web, command: wait}}]\n";
    let stage = shop(before).answers("soon", &[(0, 500, "no"), (3200, 200, "yes")]);
    let told = stage.told(&stage.events().await);
    assert!(told.contains("`web` ended (code 9) while the command ran"), "{told}");
    assert!(told.contains(&noted("once")), "{told}");
}
