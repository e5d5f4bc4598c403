//! Scenarios that must fail: with which exit code, and what is told.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::stage::{Counts, Run, Stage};

/// Runs a scenario of this folder, that must end so, telling what matches each of the patterns, and leave nothing.
fn check(scenario: &str, code: i32, says: &[&str]) -> (Stage, Run) {
    let stage = Stage::new();
    let run = stage.run("results", &[&format!("tests/scenarios/{scenario}")]);
    run.code(code).says(says).left_nothing();
    let Counts { failures, errors, .. } = run.counts();
    let expected = match code {
        1 => (1, 0),
        3 => (0, 1),
        _ => (0, 0),
    };
    assert_eq!((failures, errors), expected, "{}", run.junit());
    (stage, run)
}

#[test]
fn a_service_that_dies_is_told_at_once_with_its_last_words() {
    check(
        "dying.yaml",
        1,
        &["dying.yaml:6:5", "dying", r"\b7\b", "FATAL out of luck"],
    );
}

#[test]
fn an_unhealthy_service_is_told_with_its_health_output() {
    check(
        "unhealthy.yaml",
        1,
        &["unhealthy.yaml:6:5", "unhealthy", "my head hurts"],
    );
}

#[test]
fn one_that_is_started_again_and_again_is_told_with_how_it_ends_though_the_limit_is_short() {
    let (_, run) = check(
        "loops.yaml",
        1,
        &[
            "loops.yaml:6:5",
            r"`loops` is \w+ \((health: starting, )?\d restarts?, last exit code 3\)",
            "no database",
        ],
    );
    assert!(!run.out.contains("(it wrote nothing)"), "{}", run.out);
}

#[test]
fn a_folder_with_too_much_below_it_is_not_listed() {
    let says = [
        r"full.yaml:7:5",
        r"the entries of `/full` in `web` cannot be told: .* more than 64 MiB",
        r"the entries of `volume:full:/` cannot be told: .* more than 64 MiB",
        "list it by `run`",
    ];
    check("full.yaml", 3, &says);
}

#[test]
fn what_the_compose_tool_refuses_is_told_in_the_authors_file() {
    let says = [
        "--> tests/scenarios/refused/compose.yml:4:5",
        "`web` could not be brought up",
        "unknown key in a service, `enviroment`",
    ];
    let (_, run) = check("refused.yaml", 3, &says);
    assert!(!run.out.contains("/stacks/web/"), "{}", run.out);
}

#[test]
fn a_line_that_no_log_may_have_is_told_with_its_container_and_its_neighbours() {
    let says = [
        "scanned.yaml:12:11",
        r"a line that no log may have, in that of `app`: it contains `there is no milk`",
        r"> ERROR: there is no milk",
        r"in that of `twin.1`: it matches `\^I am`",
        r"in that of `twin.2`: it matches `\^I am`",
        r"scanned.yaml:13:23: this `ignore` of `log-scan` allowed no line",
    ];
    check("scanned.yaml", 1, &says);
}

#[test]
fn a_job_that_fails_is_told_with_its_exit_code() {
    check("broken-job.yaml", 1, &["broken-job", r"\b3\b", "FATAL no input"]);
}

#[test]
fn a_step_that_is_ended_from_outside_tells_what_was_seen() {
    let told = [
        r"(?m)= last lines of `stdout`: shell 41$",
        r"(?m)= last lines of `stdout`: exec 42$",
        r"(?m)= last lines of `run`: run 43$",
        r"(?m)= actual: 1 line read, 0 fit$",
        r"(?m)= last lines of `web`: log 44$",
    ];
    check("ended.yaml", 1, &told);
}

#[test]
fn what_the_engine_does_not_see_is_not_missing() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/unseen.yaml"]);
    let says = [
        "`/proc/1/status` in `web` is no file to carry: the kernel makes `/proc` up as it is read",
        "`/etc/passwd` in `web` is no folder",
        "the command cannot be started in `web`: unable to find user nosuch",
        "unseen.yaml:15:5",
        "unseen.yaml:22:5",
        "unseen.yaml:24:5",
        "`/memory/f` in `bare` is in memory, where only `tar` in it reaches, and that cannot be started: exec: \"tar\"",
        "put a `tar` into its image, mount a volume at `/memory` instead of the tmpfs",
        "`off` exited with code [0-9]+, and does not run: `/memory` is in its memory \\(a tmpfs\\), which needs a running container",
        "there is no folder `/memory/no` in `web`",
    ];
    // What failed makes the exit code; the case could not be judged as a whole, and is an error.
    run.code(1).says(&says).left_nothing();
    let Counts { failures, errors, .. } = run.counts();
    assert_eq!((failures, errors), (0, 1), "{}", run.junit());
}

#[test]
fn a_service_that_does_not_run_is_not_open_and_a_misspelt_name_is_an_error() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/stopped.yaml"]);
    let told = run.told();
    let lines = (9..=21).filter(|line| told.contains(&format!("--> tests/scenarios/stopped.yaml:{line}:")));
    assert_eq!(lines.collect::<Vec<u32>>(), [16, 17, 18, 20], "{told}");
    run.code(1).left_nothing().says(&[
        "failed: `open` is not what was expected",
        "failed: no answer \\(dns\\)",
        "errored: nothing was asked at `bd:80`",
    ]);
}

#[test]
fn a_failed_preparation_is_an_error() {
    check("given-fails.yaml", 3, &["FATAL no input"]);
}

#[test]
fn every_check_is_made_and_every_expectation_told() {
    let says = [
        "hello from another",
        r"\b204\b",
        "this is never said",
        "so it goes",
        "demo is listening on port 80",
        "it went well",
        "a warning",
        r"\b5\b",
        "too slow",
        "looked at after the failure",
        "cleaned after the failure",
        "--keep failed",
    ];
    let (_stage, run) = check("checks.yaml", 1, &[]);
    let junit = run.junit();
    for text in says {
        let found = regex::Regex::new(text).unwrap().is_match(&junit);
        assert!(found, "`{text}` is not in {junit}");
    }
    let collected = walk(run.results());
    let of = |end: &str| {
        let mut ends = collected.iter().filter(|path| path.ends_with(end));
        let path = ends.next().unwrap_or_else(|| panic!("no {end} in {collected:?}"));
        std::fs::read_to_string(path).unwrap()
    };
    assert!(of("www/index.html").contains("hello"));
    assert_eq!(
        (of("tmp/b/index.html"), of("tmp/link")),
        ("second\n".into(), "second\n".into())
    );
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => walk(&path),
            false => vec![path],
        })
        .collect()
}

#[test]
fn a_line_that_must_not_be_fails_at_once() {
    check("never.yaml", 1, &["out 5"]);
}

#[test]
fn what_can_no_longer_happen_is_not_waited_for() {
    check("dies-in-wait.yaml", 1, &["this is never said", "work done"]);
}

#[test]
fn one_that_has_ended_for_good_is_not_waited_for() {
    // No test waits for the ten minutes of its waits.
    let says = [
        r"`once` exited with code 137: it has no port now",
        "`once` exited with code 137: no command can run in it",
        r"\bworking\b",
    ];
    let (_stage, run) = check("gone.yaml", 1, &says);
    assert_eq!(
        run.out.matches("it can no longer become so").count(),
        3,
        "{}",
        run.told()
    );
}

#[test]
fn a_missing_image_is_an_error() {
    check("missing-image.yaml", 3, &["e2erun-no-such-image"]);
}

#[test]
fn a_failing_build_is_an_error_with_its_last_lines() {
    check(
        "failing-build.yaml",
        3,
        &["the compiler has no idea", "broken/Dockerfile"],
    );
}

#[test]
fn a_known_issue_that_passes_fails() {
    check("fails-then-known.yaml", 1, &["it used to fail"]);
}

#[test]
fn nothing_checked_is_told_and_refused_under_strict() {
    check("unchecked.yaml", 0, &["not verified"]);
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/unchecked.yaml", "--strict"]);
    run.code(2).says(&["the scenario checks nothing"]);
    replayed(&stage, &run, 2);
}

/// Its reports made again from its events come to the same end.
fn replayed(stage: &Stage, run: &Run, code: i32) {
    let events = run.results().join("events.jsonl");
    let again = stage.program(&["report", events.to_str().unwrap()]).output().unwrap();
    assert_eq!(again.status.code(), Some(code), "{again:?}");
}

#[test]
fn a_pass_on_a_retry_is_flaky_and_keeps_the_first_failure() {
    let stage = Stage::new();
    for (more, code) in [(None, 0), (Some("--flaky=fail"), 1)] {
        let mark = format!("mark={}", stage.path(&format!("mark-{code}")).display());
        let mut arguments = vec!["tests/scenarios/flaky.yaml", "--set", &mark];
        arguments.extend(more);
        let run = stage.run("results", &arguments);
        run.code(code).says(&["flaky"]).left_nothing();
        assert!(run.junit().contains("first try"), "{}", run.junit());
        replayed(&stage, &run, code);
    }
}

#[test]
fn a_golden_file_is_made_by_update() {
    let stage = Stage::new();
    let file = stage.path("golden.txt");
    std::fs::write(&file, "what there was\n").unwrap();
    let set = format!("golden={}", file.display());
    let run = |results: &str, more: &[&str]| {
        stage.run(
            results,
            &[&["tests/scenarios/golden.yaml", "--set", &set], more].concat(),
        )
    };
    run("before", &[])
        .code(1)
        .says(&["what there was", "what there is now", "--update"]);
    run("update", &["--update"]).code(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "what there is now\n");
    run("after", &[]).code(0);
}

#[test]
fn a_results_folder_has_one_run_at_a_time() {
    let stage = Stage::new();
    let going = stage.start_until_told("results", &["tests/scenarios/slow-step.yaml"]);
    let second = stage.run("results", &["tests/scenarios/well.yaml"]);
    second.code(2).says(&["another run writes there now", "--results DIR"]);
    going.signal("INT");
    going.end().code(130).left_nothing();
}

#[test]
fn a_step_in_a_block_is_told_once_to_junit_and_to_github() {
    let stage = Stage::new();
    let file = "tests/scenarios/nested.yaml";
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let summary = stage.path("summary.md");
    let env = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_WORKSPACE", here.parent().unwrap().to_str().unwrap()),
        ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
    ];
    let run = stage.run_with(&env, &[file, "--junit-grain", "step"]);
    run.code(1);
    let junit = run.results().join("junit.xml");
    let text = fs::read_to_string(&junit).unwrap();
    assert_eq!(text.matches("<failure").count(), 1, "{text}");
    assert_eq!(text.matches("<testcase").count(), 2, "{text}");
    assert!(text.contains("steps[1].do[2] the inner one"), "{text}");
    let rules = here.join("tests/junit/junit-10.rng");
    let valid = Command::new("xmllint")
        .args(["--noout", "--relaxng"])
        .args([&rules, &junit])
        .status();
    assert!(valid.unwrap().success(), "{text}");
    let lines = fs::read_to_string(here.join(file)).unwrap();
    let line = lines.lines().position(|line| line.contains("1 == 2")).unwrap() + 1;
    let root = here.file_name().unwrap().display();
    let annotations: Vec<&str> = run.out.lines().filter(|line| line.starts_with("::")).collect();
    let expected = format!("::error file={root}/{file},line={line},");
    assert!(
        matches!(annotations[..], [one] if one.starts_with(&expected)),
        "{annotations:?}"
    );
    let summary = fs::read_to_string(&summary).unwrap();
    assert!(summary.starts_with("## e2erun: 1 failed\n"), "{summary}");
    assert_eq!(summary.matches("failed: `1 == 2` is false").count(), 1, "{summary}");
}

#[test]
fn the_tests_of_a_suite_are_told_and_one_that_failed_fails_the_scenario() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/suite.yaml"]);
    run.code(1).left_nothing();
    run.code(1).says(&[
        "1 of 2 tests failed, and the command ended with 0",
        "shop.pays",
        "the test suite wrote no results: there is no `/nowhere` in the container",
    ]);
    let (junit, counts) = (run.junit(), run.counts());
    assert_eq!((counts.cases, counts.failures, counts.errors), (3, 2, 0), "{junit}");
    let case = "tests.scenarios.suite.a suite whose tests fail though its command does not";
    let failed =
        format!(r#"<testcase name="pays" time="0" classname="{case}.shop"><failure type="failed" message="no money">"#);
    assert!(junit.contains(&failed), "{junit}");
}

#[test]
fn a_test_that_failed_fails_its_step_whatever_is_expected_of_the_exit_code() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/suite-exits.yaml"]);
    run.code(1).left_nothing();
    run.says(&[
        "1 of 1 tests failed, and the command ended with 0",
        "1 of 1 tests failed, and the command ended with 1",
    ]);
    let events = run.events();
    let ended = events.iter().filter(|event| event["what"]["event"] == "step-ended");
    let outcomes: Vec<&str> = ended.map(|event| event["what"]["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["failed", "failed", "passed"], "{}", run.told());
}

#[test]
fn what_a_case_that_failed_measured_is_in_no_baseline_and_what_was_there_stays() {
    let stage = Stage::new();
    let (scenario, baseline) = (stage.path("x.yaml"), stage.path("baseline.json"));
    let text = "scenario: x\nsteps:\n- measure: {name: m, value: 3, unit: ms}\n- assert: 1 == 2\n";
    fs::write(&scenario, text).unwrap();
    let (scenario, file) = (scenario.display().to_string(), baseline.display().to_string());
    let update = |results: &str| stage.run(results, &[&scenario, "--update-baseline", "--baseline", &file]);
    let why = "the case did not pass";
    update("new")
        .code(1)
        .says(&[&format!("`m` of `x` is not written to the baseline: {why}")]);
    assert!(!baseline.exists());
    let other = r#"{"measures": [{"case": "x", "name": "n", "value": 1, "unit": "ms"}]}"#;
    fs::write(&baseline, other).unwrap();
    update("other")
        .code(1)
        .says(&[&format!("`m` of `x` is not written to the baseline: {why}")]);
    let old = r#"{"measures": [{"case": "x", "name": "m", "value": 1, "unit": "ms"}]}"#;
    fs::write(&baseline, old).unwrap();
    update("old")
        .code(1)
        .says(&[&format!("`m` of `x` stays as it was in the baseline: {why}")]);
    assert_eq!(fs::read_to_string(&baseline).unwrap(), old);
}
