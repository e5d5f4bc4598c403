//! What is told at the end of services that failed behind the steps' back, and of stops that took their whole grace period.

use super::swarm_stacks::{check, ends_after, one};
use super::{Stage, stage};
use crate::engine::fake::Script;

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
async fn a_service_of_a_compose_stack_is_told_too_where_its_policy_starts_it_again() {
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
    check(shop("no", &steps), &passes(2, None)).await;
    check(shop("always", &format!("{steps}, restart: web")), &passes(3, None)).await;
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
