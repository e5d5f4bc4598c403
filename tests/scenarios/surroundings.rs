//! What is around a run fails: the engine, a port, the disk.

use super::stage::{Stage, docker};

#[test]
fn an_engine_that_is_away_is_an_error_and_reported() {
    let stage = Stage::new();
    let run = stage.run(
        "results",
        &["scenarios/01-first.yaml", "--docker", "unix:///nonexistent.sock"],
    );
    run.code(3).says(&["nonexistent.sock"]);
    assert_eq!(run.counts().errors, 1);
}

#[test]
fn who_has_a_fixed_port_is_named_and_nothing_is_left() {
    let stage = Stage::new();
    let name = format!("e2erun-test-port-{}", std::process::id());
    let publish = [
        "-d",
        "--rm",
        "--name",
        &name,
        "-p",
        "127.0.0.1:18091:80",
        "busybox",
        "tail",
        "-f",
        "/dev/null",
    ];
    docker(&[&["run", "--init"], &publish[..]].concat()).unwrap();
    let run = stage.run("results", &["tests/scenarios/port-taken.yaml"]);
    docker(&["rm", "-f", &name]).unwrap();
    run.code(3).says(&["18091", &name]).left_nothing();
}

#[test]
fn results_that_cannot_be_written_are_told_before_anything_starts() {
    let stage = Stage::new();
    std::fs::write(stage.path("file"), "not a folder").unwrap();
    let run = stage.run("file/results", &["scenarios/01-first.yaml"]);
    run.says(&["results"]);
    assert!(matches!(run.code, Some(2 | 3)), "{}", run.told());
}

#[test]
fn invalid_scenarios_start_nothing_and_give_a_junit_file() {
    let stage = Stage::new();
    std::fs::write(
        stage.path("bad.yaml"),
        "scenario: bad\nsteps:\n- upp: shop\n- shell: 'true'\n  within: soon\n",
    )
    .unwrap();
    let run = stage.run("results", &[stage.path("bad.yaml").to_str().unwrap()]);
    run.code(2).says(&["bad.yaml:3:3", "bad.yaml:5:11"]);
    assert_eq!(run.counts().errors, 2);
}
