//! What is around a run fails: the engine, a port, the disk.

use super::port::Port;
use super::proxy::Proxy;
use super::stage::{Counts, Stage, docker, labelled};

#[test]
fn an_engine_that_is_away_is_an_error_and_reported() {
    let stage = Stage::new();
    let run = stage.run(
        "results",
        &["scenarios/01-first.yaml", "--docker", "unix:///nonexistent.sock"],
    );
    run.code(3).says(&["nonexistent.sock"]);
    // The case, and the run itself: why is told once, of the run.
    assert_eq!(run.counts().errors, 2);
    assert_eq!(run.out.matches("cannot reach the engine").count(), 1, "{}", run.told());
    assert!(!run.out.contains("cannot be reached"), "{}", run.told());
}

/// Runs a scenario with a fixed port that somebody has, and one beside it: the first is errored where its file says that
/// the port is fixed, before any step; the other one passes.
fn check_taken(port: u16, says: &[&str]) {
    let stage = Stage::new();
    let set = format!("host_port={port}");
    let scenarios = ["tests/scenarios/port-taken.yaml", "tests/scenarios/well.yaml"];
    let run = stage.run("results", &[&scenarios[..], &["--set", &set]].concat());
    run.code(3)
        .says(&[&["docker-compose.yml:"], says].concat())
        .left_nothing();
    let Counts { cases, errors, .. } = run.counts();
    assert_eq!((cases, errors), (2, 1), "{}", run.told());
    // Of the one beside it.
    assert_eq!(run.outcomes(), ["passed"], "{}", run.told());
}

#[test]
fn a_container_that_has_a_fixed_port_is_named_before_anything_starts() {
    let name = format!("e2erun-test-port-{}", std::process::id());
    let labels = [
        "--label",
        "com.docker.compose.project=theirs",
        "--label",
        "e2erun.lease=another",
    ];
    let publish = ["-d", "--rm", "--init", "--name", &name, "-p", "127.0.0.1:18091:80"];
    let command = ["busybox", "tail", "-f", "/dev/null"];
    docker(&[&["run"], &publish[..], &labels[..], &command[..]].concat()).unwrap();
    let checked = std::panic::catch_unwind(|| {
        check_taken(18091, &["host port 18091", &name, "project `theirs`", "run `another`"])
    });
    docker(&["rm", "-f", &name]).unwrap();
    checked.unwrap();
}

#[test]
fn what_a_case_of_another_run_has_is_waited_for() {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("told")).unwrap();
    stage.pipe("told/go");
    let first = stage.start_until_told("first", &["tests/scenarios/turns/holds.yaml"]);
    let told = format!("told={}", stage.path("told").display());
    let scenarios = ["tests/scenarios/turns/waits.yaml", "tests/scenarios/turns/goes.yaml"];
    let second = stage.run("second", &[&scenarios[..], &["-j", "1", "--set", &told]].concat());
    first.end().code(0).left_nothing();
    second.code(0).left_nothing();
    second.says(&["waits for another run of e2erun, which has host port 18093"]);
}

#[test]
fn a_process_that_has_a_fixed_port_is_named_before_anything_starts() {
    let port = Port::listened_at();
    check_taken(port.number, &[&port.told()]);
}

/// Runs a scenario whose second stack cannot have its port, since the first one got it after the look before the run.
fn check_taken_meanwhile(scenario: &str, says: &[&str], steps: &[&str]) {
    let stage = Stage::new();
    let run = stage.run("results", &[scenario]);
    run.code(3).says(says).left_nothing();
    let Counts { cases, errors, .. } = run.counts();
    assert_eq!((cases, errors), (1, 1), "{}", run.told());
    assert_eq!(run.outcomes(), steps, "{}", run.told());
}

#[test]
fn a_container_that_takes_a_fixed_port_after_that_look_is_named() {
    let says = [
        "host port 18092 is taken by container",
        "started by this scenario",
        "docker-compose.yml:",
        "driver failed programming external connectivity",
    ];
    check_taken_meanwhile(
        "tests/scenarios/port-taken-by-itself.yaml",
        &says,
        &["passed", "errored"],
    );
}

#[test]
fn a_network_that_has_a_fixed_subnet_is_named() {
    let says = [
        r"subnet 10.231.40.128/25 is taken by network `e2e-.*-one_fixed` \(10.231.40.0/24\) .* started by this scenario",
        "docker-compose.yml:9:",
    ];
    check_taken_meanwhile("tests/scenarios/subnet-taken.yaml", &says, &["passed", "errored"]);
}

#[test]
fn a_process_that_takes_a_fixed_port_after_that_look_is_named() {
    let stage = Stage::new();
    let port = Port::bound();
    let scenario = ["tests/scenarios/port-taken-later.yaml", "--set", &port.setting()];
    let going = stage.start_until_told("results", &scenario);
    port.listen();
    std::fs::write(stage.path("told/go"), "").unwrap();
    let run = going.end();
    run.code(3).says(&[&port.told(), "docker-compose.yml:"]).left_nothing();
    assert_eq!(run.counts().errors, 1, "{}", run.told());
}

#[test]
fn an_engine_that_is_lost_for_good_is_an_error_and_the_next_run_removes_what_is_left() {
    let stage = Stage::new();
    let proxy = Proxy::start(stage.path("engine.sock"));
    let arguments = ["tests/scenarios/slow-step.yaml", "--docker", &proxy.address()];
    let going = stage.start_until_told("results", &arguments);
    proxy.away();
    let run = going.end();
    run.code(3).says(&["slow-step.yaml", "could not all be removed"]);
    assert_eq!(run.counts().errors, 1, "{}", run.told());
    assert!(!labelled(&run.label()).is_empty());
    stage.run("next", &["tests/scenarios/well.yaml"]).code(0);
    run.left_nothing();
}

#[test]
fn an_engine_that_comes_back_is_an_error_of_what_it_was_asked_alone() {
    let stage = Stage::new();
    let proxy = Proxy::start(stage.path("engine.sock"));
    std::fs::create_dir(stage.path("told")).unwrap();
    let go = stage.pipe("told/go");
    let scenarios = ["tests/scenarios/cut.yaml", "tests/scenarios/well.yaml"];
    let options = ["-j", "1", "--docker", &proxy.address()];
    let going = stage.start_until_told("results", &[&scenarios[..], &options[..]].concat());
    proxy.cut();
    // The command goes on; its end is asked for.
    proxy.until_asked("%22exec_die%22%2C%22die%22");
    std::fs::write(&go, "go\n").unwrap();
    let run = going.end();
    run.code(3)
        .says(&["cut.yaml:9:5", "the command's output ended before the command did"])
        .left_nothing();
    let Counts { cases, errors, .. } = run.counts();
    assert_eq!((cases, errors), (2, 1), "{}", run.told());
}

#[test]
fn a_full_disk_is_an_error_and_everything_is_removed_all_the_same() {
    let stage = Stage::new();
    let junit = stage.path("junit.xml");
    let scenarios = ["tests/scenarios/loud.yaml", "tests/scenarios/well.yaml"];
    let options = ["--junit", junit.to_str().unwrap(), "-j", "1"];
    let run = stage.run_on_disk("results", 100, &[&scenarios[..], &options[..]].concat());
    run.code(3).says(&["No space left on device"]).left_nothing();
    let Counts { cases, errors, .. } = run.with_junit(&junit).counts();
    assert_eq!((cases, errors), (2, 1));
}

#[test]
fn whatever_goes_wrong_with_some_the_others_go_on() {
    let stage = Stage::new();
    let bad = [
        "missing-image",
        "failing-build",
        "given-fails",
        "dying",
        "dies-in-wait",
        "unhealthy",
        "well",
    ];
    let paths = bad.map(|name| format!("tests/scenarios/{name}.yaml"));
    let run = stage.run("results", &paths.each_ref().map(String::as_str));
    run.code(1).says(&["7 cases: .*1 passed"]).left_nothing();
    let Counts { errors, failures, .. } = run.counts();
    assert_eq!((errors, failures), (3, 3), "{}", run.told());
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
