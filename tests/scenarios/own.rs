//! The product's own scenarios.

use std::time::Duration;

use super::stage::{Counts, Stage};

/// A green run takes no longer, and a machine that is busy for a while does not make it red.
const SLOWLY: &[&str] = &["--timeout-scale", "4"];

#[test]
fn the_own_scenarios_pass_and_leave_nothing() {
    let stage = Stage::new();
    // Those of a swarm wait for its managers most of the time.
    let run = stage
        .start("results", &[&["scenarios", "-j", "4"][..], SLOWLY].concat())
        .end_within(Duration::from_secs(1500));
    run.code(0).left_nothing();
    let Counts {
        cases,
        failures,
        errors,
        skipped,
    } = run.counts();
    assert_eq!((failures, errors), (0, 0));
    // One for an engine of the future, one known issue, and where the kernel has no routing mesh, what asks for it.
    let no_mesh = run.told().contains("requires the routing mesh");
    assert_eq!(skipped, if no_mesh { 3 } else { 2 }, "{}", run.told());
    let listed = stage.program(&["list", "scenarios"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    // The tests of the suite in `run.yaml` are testcases, too.
    assert_eq!(cases, listed.lines().count() + 2, "{listed}");
}

#[test]
fn what_the_readme_shows_whole_runs_as_it_stands_there() {
    let stage = Stage::new();
    let readme = include_str!("../../README.md");
    let blocks = readme.split("```yaml\n").skip(1);
    let blocks: Vec<&str> = blocks.filter_map(|block| Some(block.split_once("```")?.0)).collect();
    let is_scenario = |block: &&str| block.starts_with("scenario: ");
    let is_stack = |block: &&str| block.starts_with("services:\n") || block.starts_with("version: ");
    let [first, swarm] = blocks.iter().copied().filter(is_scenario).collect::<Vec<_>>()[..] else {
        panic!("the README has other scenarios: {blocks:?}");
    };
    let [compose, stack] = blocks.iter().copied().filter(is_stack).collect::<Vec<_>>()[..] else {
        panic!("the README has other stacks: {blocks:?}");
    };
    let files = [
        ("readme/notes.yaml", first),
        ("readme/docker-compose.yml", compose),
        ("readme/shop.yaml", swarm),
        ("readme/stack.yml", stack),
    ];
    std::fs::create_dir(stage.path("readme")).unwrap();
    for (name, text) in files {
        std::fs::write(stage.path(name), text).unwrap();
    }
    let scenarios = ["readme/notes.yaml", "readme/shop.yaml"].map(|name| stage.path(name).display().to_string());
    let run = stage.run("results", &[&scenarios[0], &scenarios[1], "--timeout-scale", "4"]);
    run.code(0).says(&["2 cases: 2 passed"]).left_nothing();
}

#[test]
fn eight_cases_at_once_do_not_meet() {
    let stage = Stage::new();
    let run = stage.run(
        "results",
        &[&["scenarios/side-by-side.yaml", "-j", "8"][..], SLOWLY].concat(),
    );
    run.code(0).says(&["8 cases: 8 passed"]).left_nothing();
}

#[test]
fn a_log_that_is_rotated_is_counted_exactly() {
    let stage = Stage::new();
    let run = stage.run("results", &[&["tests/scenarios/rotated.yaml"][..], SLOWLY].concat());
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
}

#[test]
fn what_is_in_memory_is_copied_and_looked_at() {
    let stage = Stage::new();
    let run = stage.run("results", &[&["tests/scenarios/memory.yaml"][..], SLOWLY].concat());
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
}

#[test]
fn an_engine_of_this_machine_gets_copies_where_the_stack_says_so() {
    let stage = Stage::new();
    let run = stage.run("results", &[&["tests/scenarios/copied.yaml"][..], SLOWLY].concat());
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
}

#[test]
fn two_runs_of_one_scenario_do_not_meet() {
    let stage = Stage::new();
    let scenario = [&["scenarios/shop-redis.yaml"][..], SLOWLY].concat();
    let runs = [stage.start("one", &scenario), stage.start("two", &scenario)];
    for run in runs.map(super::stage::Going::end) {
        run.code(0).says(&["1 case: 1 passed"]).left_nothing();
    }
}

#[test]
fn recorded_events_give_the_same_junit_file() {
    let stage = Stage::new();
    let run = stage.run("results", &["scenarios/matrix.yaml", "tests/scenarios/checks.yaml"]);
    run.code(1);
    let (events, again) = (run.results().join("events.jsonl"), stage.path("again.xml"));
    let arguments = ["report", events.to_str().unwrap(), "--junit", again.to_str().unwrap()];
    stage.program(&arguments).output().unwrap();
    assert_eq!(std::fs::read_to_string(again).unwrap(), run.junit());
}
