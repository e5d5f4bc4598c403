//! A swarm on an engine from afar: over TLS, over ssh, and by the name of a docker context. It is the machine's one swarm all the
//! same, by the engine's id.

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
    let config = Tls::start(&stage).context("far-away");
    let env = [("DOCKER_CONFIG", &*config)];
    let run = stage.run_with(&env, &[SCENARIO, "--docker", "far-away"]);
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
    let unknown = stage.run_with(&env, &[SCENARIO, "--docker", "far-awy"]);
    unknown.code(2).says(&["far-awy"]);
}
