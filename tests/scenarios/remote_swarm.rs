//! A swarm on an engine from afar: over TLS, over ssh, and by the name of a docker context. It is the machine's one swarm all the
//! same, by the engine's id.

use std::process::Command;

use super::far::{Tls, passes_over_ssh, passes_over_tls};
use super::stage::Stage;

const SCENARIO: &str = "tests/scenarios/remote-swarm.yaml";

#[test]
fn a_swarm_stack_runs_over_tls() {
    passes_over_tls(SCENARIO);
}

#[test]
fn a_swarm_stack_runs_over_ssh() {
    passes_over_ssh(SCENARIO);
}

#[test]
fn a_swarm_stack_runs_on_the_engine_of_a_docker_context() {
    let stage = Stage::new();
    let address = Tls::start(&stage).address;
    let (certs, config) = (stage.path("certs"), stage.path("docker").display().to_string());
    let certs = certs.display();
    let host = format!("host={address},ca={certs}/ca.pem,cert={certs}/cert.pem,key={certs}/key.pem");
    let made = Command::new("docker")
        .args(["context", "create", "far-away", "--docker", &host])
        .env("DOCKER_CONFIG", &config)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let env = [("DOCKER_CONFIG", &*config)];
    let run = stage.run_with(&env, &[SCENARIO, "--docker", "far-away"]);
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
    let unknown = stage.run_with(&env, &[SCENARIO, "--docker", "far-awy"]);
    unknown.code(2).says(&["far-awy"]);
}
