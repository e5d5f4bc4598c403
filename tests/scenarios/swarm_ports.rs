//! Fixed ports of swarm stacks that somebody else has.

use super::events::docker_events;
use super::port::Port;
use super::stage::{Run, Stage, docker};

const LATER: &str = "tests/scenarios/swarms/port-later.yaml";
const OF_MESH: &str = "tests/scenarios/swarms/port-of-mesh.yaml";

/// The port is free when the run begins, and somebody takes it before the stack is deployed: who has it is told, where the
/// file says that it is fixed.
fn check_taken_meanwhile(scenario: &str, setting: &str, take: impl FnOnce()) -> Run {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("told")).unwrap();
    let go = stage.pipe("told/go");
    let going = stage.start_until_told("results", &[scenario, "--set", setting]);
    take();
    std::fs::write(go, "go\n").unwrap();
    let run = going.end();
    run.code(3).left_nothing();
    assert_eq!(run.outcomes(), ["passed", "errored"], "{}", run.told());
    run
}

#[test]
fn a_process_that_has_a_fixed_port_of_a_swarm_stack_is_named_before_anything_starts() {
    let stage = Stage::new();
    let port = Port::listened_at();
    let scenarios = ["tests/scenarios/swarms/port.yaml", OF_MESH, "tests/scenarios/well.yaml"];
    let run = stage.run("results", &[&scenarios[..], &["--set", &port.setting()]].concat());
    run.code(3).left_nothing();
    run.says(&[&port.told(), r"port.yml:10:", r"port-of-mesh.yml:8:"]);
    assert_eq!(run.counts().errors, 2, "{}", run.told());
    // Of the one that is well.
    assert_eq!(run.outcomes(), ["passed"], "{}", run.told());
}

#[test]
fn a_container_that_has_a_fixed_port_when_the_stack_is_deployed_is_named() {
    // Below those that are given to whoever asks for any.
    let (port, name) = ("18097", format!("e2erun-test-port-{}", std::process::id()));
    let published = format!("{port}:80");
    let taken = std::panic::catch_unwind(|| {
        check_taken_meanwhile(LATER, &format!("host_port={port}"), || {
            let run = ["run", "-d", "--rm", "--init", "--name", &name, "-p", &published];
            docker(&[&run[..], &["busybox", "sleep", "1000"]].concat()).unwrap();
        })
    });
    docker(&["rm", "-f", &name]);
    let told = format!("host port {port} is taken by container `{name}`");
    taken.unwrap().says(&[&told, "port.yml:10:"]);
}

#[test]
fn a_process_that_has_a_fixed_port_of_tasks_is_named_when_they_cannot_have_it() {
    let port = Port::bound();
    let run = check_taken_meanwhile(LATER, &port.setting(), || port.listen());
    let often = r"address already in use; so did 3 before it";
    run.says(&[&port.told(), "port.yml:10:", r"`web.1` on node `.*`: failed: ", often]);
}

#[test]
fn a_process_that_has_a_fixed_port_of_the_mesh_is_named_since_the_swarm_says_nothing() {
    let port = Port::bound();
    let run = check_taken_meanwhile(OF_MESH, &port.setting(), || port.listen());
    run.says(&[&port.told(), "port-of-mesh.yml:8:"]);
}

#[test]
fn another_service_that_has_a_fixed_port_is_named() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/port-of-service.yaml"]);
    run.code(3).left_nothing();
    run.says(&[
        "host port 18096 is taken by service `e2erun-test-",
        "remove that service, or let the port become a free one",
        "port-of-mesh.yml:8:",
    ]);
}

#[test]
fn a_fixed_port_that_is_given_back_while_the_swarm_tries_again_is_waited_for() {
    let stage = Stage::new();
    let port = Port::bound();
    let tasks = docker_events(&[
        "type=container",
        "event=create",
        &format!("label=org.example.port={}", port.number),
    ]);
    let going = stage.start(
        "results",
        &["tests/scenarios/swarms/port.yaml", "--set", &port.setting()],
    );
    // The second task follows one that could not have it.
    for _ in 0..2 {
        tasks.next();
    }
    drop(port);
    let run = going.end();
    run.code(0)
        .says(&["before `fixed` converged `web.1` on node `.*` failed: .*address already in use"]);
    run.left_nothing();
}
