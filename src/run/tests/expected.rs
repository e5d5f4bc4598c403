//! What a stack expects to be there, and what is told of it where it is not.

use super::{Stage, stage};
use crate::engine::Labels;
use crate::engine::fake::Script;

const UNREACHED: &str = "skipped: not reached: what the scenario declares or expects is not there";

/// A scenario with a stack `s` on an engine that is in a swarm.
fn swarm(file: &str, steps: &str) -> Stage {
    stage(&format!("stacks: {{s: {{swarm: s.yml}}}}\nsteps: [{steps}]\n"))
        .file("s.yml", file)
        .engine(|fake| {
            fake.in_swarm(Labels::new());
        })
}

async fn check(stage: Stage, expected: &str) {
    stage.check(&format!("image `busybox` present\n{expected}")).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_external_and_not_there_is_told_before_the_first_step() {
    for (section, one) in [("secrets", "secret"), ("configs", "config"), ("networks", "network")] {
        let file =
            format!("services: {{web: {{image: busybox, {section}: [it]}}}}\n{section}: {{it: {{external: true}}}}\n");
        check(
            swarm(&file, "{assert: 'true'}, {deploy: s}"),
            &format!(
                "steps[1] {UNREACHED}\nsteps[2] {UNREACHED}\n= errored: the {one} `it` is external to the stack, and the swarm has none of that name\nexit 3"
            ),
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_that_is_not_there_is_told_before_the_first_step_too() {
    let file = "services: {web: {image: busybox, volumes: ['/nowhere/at/all:/x', '/:/host']}}\n";
    check(
        swarm(file, "deploy: s"),
        &format!(
            "steps[1] {UNREACHED}\n= errored: there is no file or folder `/nowhere/at/all`: a swarm makes none, and rejects every task of `web`\nexit 3"
        ),
    )
    .await;
}

// On the real clock: a paused one runs to the limits of a real process while that works.
#[tokio::test]
async fn where_a_step_may_have_made_it_the_deploy_tells() {
    let file = "services: {web: {image: busybox, secrets: [it]}}\nsecrets: {it: {external: true}}\n";
    check(
        swarm(file, "{shell: 'true'}, {deploy: s}"),
        "steps[1] passed
         steps[2] errored: the secret `it` is external to the stack, and the swarm has none of that name
         = errored
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn so_it_does_where_a_container_with_the_engine_s_socket_may_have_made_it() {
    let file = "services: {web: {image: busybox, secrets: [it]}}\nsecrets: {it: {external: true}}\n";
    let run =
        |socket: bool| format!("{{run: {{image: docker, command: [make], engine-socket: {socket}}}}}, {{deploy: s}}");
    let made = |socket: bool| {
        swarm(file, &run(socket)).engine(|fake| {
            fake.image("docker");
            fake.script("docker", Script::new().exit(0));
        })
    };
    let absent = "the secret `it` is external to the stack, and the swarm has none of that name";
    let told = async |socket: bool| {
        let stage = made(socket);
        stage.told(&stage.events().await)
    };
    let with = told(true).await;
    assert!(
        with.contains(&format!("steps[1] passed\nsteps[2] errored: {absent}")),
        "{with}"
    );
    let without = told(false).await;
    assert!(without.contains(&format!("= errored: {absent}")), "{without}");
}

#[tokio::test(start_paused = true)]
async fn what_another_stack_makes_need_not_be_there_before() {
    let base = "services: {db: {image: busybox, networks: [front]}}\nnetworks: {front: {}}\n";
    let file =
        "services: {web: {image: busybox, networks: [front]}}\nnetworks: {front: {external: {name: \"${P}_front\"}}}\n";
    let body = "stacks:\n  b: {swarm: b.yml}\n  s: {swarm: s.yml, env: {P: \"${{ stacks.b.project }}\"}}\nsteps: [{deploy: b}, {deploy: s}]\n";
    let stage = stage(body).file("b.yml", base).file("s.yml", file).engine(|fake| {
        fake.in_swarm(Labels::new());
    });
    check(stage, "steps[1] passed\nsteps[2] passed\n= not verified").await;
}

#[tokio::test(start_paused = true)]
async fn what_a_task_says_is_told_with_the_names_of_the_files() {
    let file = "services: {web: {image: busybox, networks: [front]}}\nnetworks: {front: {}}\n";
    let stage = swarm(file, "deploy: s").engine(|fake| {
        fake.script("web", Script::new().unmade("network e2e-testrun-1-1-s_front not found"));
    });
    check(
        stage,
        "steps[1] failed: `web.1` on node `fake`: was rejected: network front not found
         = failed
         exit 1",
    )
    .await;
}

/// A scenario with a compose stack `s`, of which `web` is on an external network and has an external volume.
fn compose(up: &str) -> Stage {
    let file = "services:
  web: {image: busybox, volumes: ['data:/data']}
  alone: {image: busybox, network_mode: none}
networks: {default: {external: true, name: prod-net}}
volumes: {data: {external: true}}
";
    stage(&format!("stacks: {{s: {{compose: s.yml}}}}\nsteps: [{{up: {up}}}]\n")).file("s.yml", file)
}

#[tokio::test(start_paused = true)]
async fn what_is_external_to_a_compose_stack_and_not_there_is_told_at_its_place() {
    check(
        compose("s"),
        "steps[1] errored: the network `prod-net` is external to the stack, and the engine has none of that name: \
         the volume `data` is external to the stack, and the engine has none of that name
         = errored
         exit 3",
    )
    .await;
    let events = format!("{:?}", compose("s").events().await);
    assert!(events.contains("s.yml\", line: 4, column: 21"), "{events}");
    let alone = compose("{stack: s, services: [alone]}");
    check(alone, "steps[1] passed\n= not verified").await;
    let file = "services: {web: {image: busybox}}\nnetworks: {default: {external: true, name: '${NET}'}}\n";
    let body = "networks: {front: {}}\nstacks: {s: {compose: s.yml, env: {NET: \"${{ networks.front }}\"}}}\nsteps: [{up: s}]\n";
    check(stage(body).file("s.yml", file), "steps[1] passed\n= not verified").await;
}
