//! Swarm stacks that do not get there, and what is left of those that somebody ends.

use std::collections::BTreeSet;

use super::one_swarm;
use super::stage::{Stage, docker, labelled};

#[test]
fn a_task_that_fails_for_good_ends_a_deploy_with_its_own_error() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/failed.yaml"]);
    run.code(1).left_nothing();
    run.code(1).says(&[
        "`broken.1` on node `",
        r"failed: task: non-zero exit \(3\)",
        "tests/scenarios/swarms/failed.yaml:6:5",
        "last lines of `broken`: it cannot work",
    ]);
}

#[test]
fn a_task_that_its_node_rejects_ends_a_deploy_with_its_own_error() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/rejected.yaml"]);
    run.code(1).left_nothing();
    run.code(1)
        .says(&["`web.1` on node `", "was rejected: ", "NO_SUCH_CAPABILITY"]);
}

#[test]
fn a_change_that_does_not_get_there_is_told_with_what_was_seen() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/changed.yaml"]);
    run.code(1).left_nothing();
    run.code(1).says(&[
        "`shop` did not converge within 15s",
        r"`huge` has 0 of 1 tasks running \(1 pending: no suitable node",
        "`web` was not rolled back: it was never updated, so there is nothing to go back to",
        "its update is paused, since a task failed or ended early",
        r"it failed: task: non-zero exit \(4\)",
        "expected: completed",
        "actual: paused",
    ]);
}

#[test]
fn what_never_gets_there_is_not_waited_for() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/unended.yaml"]);
    run.left_nothing();
    // What failed counts more than what could not be found out.
    run.code(1).says(&[
        r"`job`: it completed \d times, and its restart policy starts it again",
        r"`completes: \[job\]`",
        r"`nowhere.1`: no suitable node \(scheduling constraints not satisfied on 1 node\): no node meets `[^`]+`, and nothing changes that",
        r"`ill.1` on node `.*`: failed: task: non-zero exit \(137\): dockerexec: unhealthy container; so did 1 before it",
        "no route to the store",
        "there is no `web.7`, and never was: `web` has replicas 1 and 2",
        "not manually attachable",
        "`attachable: true`",
    ]);
}

#[test]
fn tries_are_counted_as_the_swarm_counts_them() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/attempts.yaml"]);
    run.code(1).left_nothing();
    run.says(&[
        "it can no longer become so",
        "`web` has ended, and the swarm has no other task follow",
    ]);
}

#[test]
fn another_version_may_have_secrets_and_configs_with_other_content() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/content.yaml"]);
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
}

#[test]
fn secrets_and_configs_with_names_of_their_own_are_each_run_s_own() {
    let stages = [Stage::new(), Stage::new()];
    let runs = stages.each_ref().map(|stage| {
        std::fs::create_dir(stage.path("told")).unwrap();
        let go = stage.pipe("told/go");
        let going = stage.start_until_told("results", &["tests/scenarios/swarms/named.yaml"]);
        (going, go)
    });
    // Both are deployed now, and each has names that are not the file's.
    for (kind, names) in [
        ("secret", &["own-of-production", "given-of-production"][..]),
        ("config", &["page-of-production"][..]),
    ] {
        let real = runs.each_ref().map(|(going, _)| {
            let filter = format!("label={}", going.label());
            let told = docker(&[kind, "ls", "--format", "{{.Name}}", "--filter", &filter]).unwrap();
            told.lines().map(str::to_owned).collect::<BTreeSet<String>>()
        });
        let [one, other] = &real;
        assert_eq!((one.len(), other.len()), (names.len(), names.len()), "{real:?}");
        assert!(one.is_disjoint(other), "{real:?}");
        assert!(
            !names.iter().any(|name| one.contains(*name) || other.contains(*name)),
            "{real:?}"
        );
    }
    for (going, go) in runs {
        std::fs::write(go, "go\n").unwrap();
        going.end().code(0).left_nothing();
    }
}

#[test]
fn updates_that_run_otherwise_than_expected_are_told_with_what_happened() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/updated.yaml"]);
    run.code(1).left_nothing();
    run.code(1).says(&[
        "`agent` is to have a task on each node, and has none: no node meets `node.labels.disk == ssd`",
        r"updated.yaml:10:22",
        r"\+  1,",
        r"\d\.\d\d s: new one starts; 1 new and 2 old run",
        r"\d\.\d\d s: old one ends; 2 new and 0 old run",
        r"`web\.\d` on node `.*`: failed: task: non-zero exit \(8\); so did [3-9] before it",
    ]);
}

#[test]
fn a_change_that_the_swarm_undoes_is_told_with_the_task_that_it_was_undone_for() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/undone.yaml"]);
    run.code(1).left_nothing();
    let paused = "its update is paused, since a task failed or ended early";
    for (place, how, exit, said) in [
        ("17:5", paused, 6, "no disk"),
        ("20:5", "its update was rolled back", 7, "no memory"),
        ("21:5", "its update was rolled back", 8, "no time"),
    ] {
        let told = format!(r"`web\.1` on node `.*`: {how}; it failed: task: non-zero exit \({exit}\)");
        run.says(&[
            &format!(r"{told}\n  --> .*undone.yaml:{place}\n"),
            &format!("last lines of `web`: {said}"),
        ]);
    }
    // What was there before the changes is there again, each time.
    assert_eq!(run.counts().cases, 1);
    let failed = |place: &str| {
        run.told()
            .contains(&format!("  --> tests/scenarios/swarms/undone.yaml:{place}"))
    };
    assert!(!failed("18:5") && !failed("22:5"), "{}", run.told());
}

#[test]
fn a_job_whose_tasks_fail_is_removed_though_the_swarm_remembers_them() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/job-fails.yaml"]);
    run.code(1).left_nothing();
    run.says(&[r"`job` on node `.*`: failed: task: non-zero exit \(4\); so did 3 before it"]);
}

#[test]
fn a_job_that_is_scaled_is_done_anew() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/job-scaled.yaml"]);
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
}

#[test]
fn a_command_that_the_image_does_not_have_is_not_tried_again() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/no-command.yaml"]);
    // The first task ends it: nothing is told of others before it.
    run.code(1).left_nothing().says(&[
        r#"`web.1` on node `.*`: failed: starting container failed: .*exec: "nosuch": executable file not found[^;\n]*\n"#,
    ]);
}

#[test]
fn what_fails_after_its_deploy_and_what_does_not_heed_its_stop_signal_is_told() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/crashes.yaml"]);
    run.code(0).left_nothing().says(&[
        r"`web` ended \d times with code 9 after it had come up, and no step expected that",
        r"`deaf` went on after SIGTERM and was killed \d+s later, 2 times: the first process",
    ]);
}

#[test]
fn a_line_that_no_log_may_hold_is_found_in_that_of_a_replica_that_was_scaled_away() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/scanned.yaml"]);
    run.code(1).left_nothing().says(&[
        "a line that no log may have, in that of `web.2`: it contains `told to stop`",
        "scanned.yaml:10:20",
        "actual: ERROR: told to stop",
    ]);
    assert!(!run.told().contains("in that of `web.1`"), "{}", run.told());
}

#[test]
fn nothing_of_a_stack_is_left_when_down_returns() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/swarms/gone.yaml"]);
    run.code(0).says(&["1 case: 1 passed"]).left_nothing();
}

#[test]
fn an_interrupt_removes_the_services_too() {
    let stage = Stage::new();
    let going = stage.start_until_told("results", &["tests/scenarios/swarms/slow.yaml"]);
    going.signal("INT");
    let run = going.end();
    run.code(130).says(&["interrupted"]).left_nothing();
}

#[test]
fn gc_removes_what_a_killed_run_left_in_a_swarm() {
    let stage = Stage::new();
    let going = stage.start_until_told("results", &["tests/scenarios/swarms/slow.yaml"]);
    going.signal("KILL");
    let label = going.end().label();
    let services = docker(&["service", "ls", "-q", "--filter", &format!("label={label}")]);
    assert_eq!(services.unwrap_or_default().lines().count(), 4);
    assert!(stage.program(&["gc"]).status().unwrap().success());
    assert_eq!(labelled(&label), Vec::<String>::new());
}

#[test]
fn the_gc_that_removes_what_was_kept_leaves_the_swarm_or_says_why_not() {
    let stage = Stage::new();
    let arguments = ["tests/scenarios/swarms/kept.yaml", "--keep", "always"];
    let run = stage.run("results", &arguments);
    run.code(0);
    let label = run.label();
    assert!(!labelled(&label).is_empty(), "{}", run.told());
    let command = regex::Regex::new(r"e2erun gc --label (\S+)").unwrap();
    let told = command.captures(&run.out).unwrap()[1].to_owned();
    // Nobody leaves it meanwhile: what was kept is in it.
    let is_ours = one_swarm::swarm_of().is_some();
    let gc = |more: &[&str]| {
        let gc = stage
            .program(&[&["gc", "--label", &told], more].concat())
            .output()
            .unwrap();
        assert!(gc.status.success(), "{gc:?}");
        String::from_utf8(gc.stdout).unwrap()
    };
    let (shown, done) = (gc(&["--dry-run"]), gc(&[]));
    assert_eq!(labelled(&label), Vec::<String>::new());
    let swarm = "the swarm that e2erun made of this engine";
    // Tests beside this one may use it, or have something in it.
    let of_swarm = regex::Regex::new(&format!("(?m)^(ended {swarm}$|{swarm} stays: )")).unwrap();
    assert_eq!(of_swarm.is_match(&done), is_ours, "{done}");
    let would = regex::Regex::new(&format!(
        "(?m)^(would end {swarm}, if nothing stays in it|{swarm} stays: )"
    ))
    .unwrap();
    assert_eq!(would.is_match(&shown), is_ours, "{shown}");
    assert_eq!(gc(&[]), format!("nothing on this engine has the label `{told}`\n"));
    run.left_nothing();
}
