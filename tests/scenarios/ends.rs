//! Runs that are interrupted or killed, and what keeps and removes what they made.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::proxy::Proxy;
use super::stage::{Stage, docker, labelled};

/// Interrupts a scenario where it tells that it is: it cleans up, reports, and leaves nothing.
fn interrupt(scenario: &str, signal: &str) {
    let stage = Stage::new();
    let going = stage.start_until_told("results", &[scenario]);
    going.signal(signal);
    let run = going.end();
    run.code(130).says(&["interrupted"]).left_nothing();
    let events = run.events();
    let cleaned = events.iter().any(|event| {
        event["what"]["event"] == "step-ended" && event["what"]["step"]["name"] == "cleaned up all the same"
    });
    assert!(cleaned, "{}", run.told());
    assert_eq!(run.counts().cases, 1);
}

#[test]
fn an_interrupt_in_the_middle_of_up_cleans_up() {
    interrupt("tests/scenarios/slow-up.yaml", "INT");
}

#[test]
fn an_interrupt_in_the_middle_of_a_step_cleans_up() {
    interrupt("tests/scenarios/slow-step.yaml", "INT");
}

#[test]
fn a_termination_is_an_interrupt() {
    interrupt("tests/scenarios/slow-step.yaml", "TERM");
}

#[test]
fn the_third_signal_leaves_what_there_is_to_gc() {
    let stage = Stage::new();
    let proxy = Proxy::start(stage.path("engine.sock"));
    let arguments = ["tests/scenarios/slow-step.yaml", "--docker", &proxy.address()];
    let going = stage.start_until_told("results", &arguments);
    // Without its engine nothing can be removed, and the run goes on to try.
    proxy.away();
    // Several of one kind may come as one.
    for signal in ["INT", "TERM", "HUP"] {
        going.signal(signal);
    }
    let run = going.end();
    run.code(130)
        .says(&["left as it is: `e2erun gc --docker [^`]*` removes it"]);
    let label = run.label();
    assert!(!labelled(&label).is_empty(), "{}", run.told());
    assert!(stage.program(&["gc"]).status().unwrap().success());
    run.left_nothing();
}

#[test]
fn an_interrupt_while_an_image_is_built_waits_for_the_end_of_the_build() {
    let stage = Stage::new();
    let [begun, asked, release] = ["begun", "asked", "release"].map(|name| stage.pipe(name));
    let leases = stage.path("state/e2erun/leases");
    let ended = stage.path("ended");
    // A build that takes its time to end, and tells then whether there still is a lease.
    stage.instead_of_docker_build(&format!(
        "trap 'echo > {}; read line < {}; ls {} > {}; exit 143' TERM\necho > {}\nwhile :; do sleep 1; done\n",
        asked.display(),
        release.display(),
        leases.display(),
        ended.display(),
        begun.display()
    ));
    let going = stage.start("results", &["tests/scenarios/failing-build.yaml"]);
    std::fs::read(&begun).unwrap();
    going.signal("INT");
    std::fs::read(&asked).unwrap();
    std::fs::write(&release, "now\n").unwrap();
    going.end().code(130).says(&["interrupted"]).left_nothing();
    assert!(std::fs::read_to_string(&ended).unwrap().contains(".lease"));
    assert_eq!(std::fs::read_dir(&leases).unwrap().count(), 0);
}

#[test]
fn an_interrupt_while_an_engine_does_not_answer_ends_the_run() {
    let stage = Stage::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let engine = format!("tcp://{}", silent.local_addr().unwrap());
    let going = stage.start("results", &["scenarios/matrix.yaml", "--docker", &engine]);
    let asked = silent.accept().unwrap();
    going.signal("INT");
    let run = going.end();
    run.code(130).says(&["interrupted"]);
    drop(asked);
    let events = run.events();
    let took = events.last().unwrap()["elapsed"].as_f64().unwrap();
    assert!(took < 30.0, "a call's own limit is 60 s: {took}");
}

/// Kills a run without mercy; gives the label of what it left.
fn killed(stage: &Stage) -> String {
    let going = stage.start_until_told("results", &["tests/scenarios/slow-step.yaml"]);
    going.signal("KILL");
    let run = going.end();
    assert_eq!(run.code, None);
    let label = run.label();
    assert!(
        labelled(&label).len() >= 4,
        "a container, a network, a volume and an image: {:?}",
        labelled(&label)
    );
    label
}

#[test]
fn gc_removes_what_a_killed_run_left_and_says_so_before() {
    let stage = Stage::new();
    let label = killed(&stage);
    let shown = stage.program(&["gc", "--dry-run"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("its run is dead"), "{shown}");
    assert!(!labelled(&label).is_empty());
    assert!(stage.program(&["gc"]).status().unwrap().success());
    assert_eq!(labelled(&label), Vec::<String>::new());
}

#[test]
fn the_next_run_removes_what_a_killed_one_left() {
    let stage = Stage::new();
    let label = killed(&stage);
    stage.run("next", &["scenarios/matrix.yaml"]).code(0);
    assert_eq!(labelled(&label), Vec::<String>::new());
}

/// The secret that the only container with a label has.
fn secret(label: &str) -> String {
    let id = docker(&["ps", "-q", "--filter", &format!("label={label}")]).unwrap();
    let word = docker(&["exec", &id, "cat", "/run/secrets/word"]).unwrap();
    assert_eq!(word.len(), 24);
    word
}

/// The folder in which a run hides what it has to.
fn hidden(label: &str) -> PathBuf {
    PathBuf::from(format!("/tmp/e2erun-{}", label.split_once('=').unwrap().1))
}

/// The files below a folder that hold a text.
fn holding(text: &str, folder: &Path) -> Vec<String> {
    let found = Command::new("grep").args(["-rlF", text]).arg(folder).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    found.lines().map(str::to_owned).collect()
}

/// Kills a run that has given a secret, and lets a run or `gc` remove what it left.
fn secret_after_kill(remove: impl Fn(&Stage)) {
    let stage = Stage::new();
    let going = stage.start_until_told("results", &["tests/scenarios/secret.yaml"]);
    going.signal("KILL");
    let run = going.end();
    let (label, all) = (run.label(), stage.path(""));
    let (word, folder) = (secret(&label), hidden(&label));
    assert_eq!(holding(&word, &all), Vec::<String>::new());
    assert_eq!(holding(&word, &folder).len(), 1);
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    remove(&stage);
    run.left_nothing();
    assert_eq!(holding(&word, &all), Vec::<String>::new());
    assert!(!folder.exists());
}

#[test]
fn gc_leaves_no_secret_of_a_killed_run() {
    secret_after_kill(|stage| assert!(stage.program(&["gc"]).status().unwrap().success()));
}

#[test]
fn the_next_run_leaves_no_secret_of_a_killed_one() {
    secret_after_kill(|stage| {
        stage.run("next", &["scenarios/matrix.yaml"]).code(0);
    });
}

#[test]
fn a_secret_of_what_is_kept_lasts_as_long_as_that() {
    let stage = Stage::new();
    let arguments = ["tests/scenarios/secret.yaml", "--keep", "failed", "--set", "then=false"];
    let run = stage.start_until_told("results", &arguments).end();
    run.code(1);
    let (label, all) = (run.label(), stage.path(""));
    let (word, folder) = (secret(&label), hidden(&label));
    let id = docker(&["ps", "-q", "--filter", &format!("label={label}")]).unwrap();
    assert!(docker(&["restart", "-t", "0", &id]).is_some());
    assert_eq!(secret(&label), word);
    // Neither a run nor a `gc` of the rest touches it.
    stage.run("next", &["scenarios/matrix.yaml"]).code(0);
    assert!(stage.program(&["gc"]).status().unwrap().success());
    assert_eq!(
        (holding(&word, &all).len(), holding(&word, &folder).len()),
        (0, 1),
        "{}",
        run.told()
    );
    let command = regex::Regex::new(r"e2erun gc --label (\S+)").unwrap();
    let told = command.captures(&run.out).unwrap()[1].to_owned();
    assert!(stage.program(&["gc", "--label", &told]).status().unwrap().success());
    run.left_nothing();
    assert!(!folder.exists());
}

#[test]
fn what_is_kept_can_be_looked_at_and_removed() {
    let stage = Stage::new();
    let run = stage.run("results", &["tests/scenarios/never.yaml", "--keep", "failed"]);
    run.code(1).says(&["docker exec", "e2erun gc --label"]);
    let label = run.label();
    let filter = format!("label={label}");
    let running = docker(&["ps", "-q", "--filter", &filter]).unwrap();
    assert!(!running.is_empty(), "{}", run.told());
    let command = regex::Regex::new(r"e2erun gc --label (\S+)").unwrap();
    let told = command.captures(&run.out).unwrap()[1].to_owned();
    let shown = stage.program(&["gc", "--dry-run"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let removes = regex::escape(&format!("`e2erun gc --label {told}` removes it\n"));
    let kept = format!(r": kept of `tests/scenarios/never\.yaml` \d min ago: {removes}");
    assert!(regex::Regex::new(&kept).unwrap().is_match(&shown), "{shown}");
    assert!(stage.program(&["gc", "--label", &told]).status().unwrap().success());
    assert_eq!(labelled(&label), Vec::<String>::new());
}

#[test]
fn what_containers_wrote_as_root_is_removed_for_others_too() {
    let stage = Stage::new();
    for _ in 0..2 {
        let run = stage.run_as_nobody("results", &["tests/scenarios/root-scratch.yaml", "-q"]);
        // It checks that a command ends with 0.
        run.code(0).left_nothing();
        let scratch = run.events().iter().find_map(|event| {
            let folder = event["what"]["cases"][0]["folder"].as_str()?;
            Some(run.results().join(folder).join("scratch"))
        });
        assert!(!scratch.unwrap().exists(), "{}", run.told());
    }
}

#[test]
fn what_containers_of_a_killed_run_wrote_as_root_does_not_stop_the_next_one() {
    let stage = Stage::new();
    let arguments = ["tests/scenarios/root-scratch.yaml", "-q"];
    let first = stage.run_as_nobody("results", &arguments);
    first.code(0);
    let left = first.results().join("001-left/scratch");
    let there = format!("{}:/there", first.results().display());
    // The killed run had noted it as its own.
    let script = "mkdir -p /there/001-left/scratch/of-root && chmod -R 700 /there/001-left && \
                  echo 001-left >> /there/.e2erun-results";
    let made = docker(&["run", "--rm", "-v", &there, "busybox:latest", "sh", "-c", script]);
    assert!(made.is_some() && left.parent().unwrap().exists());
    let run = stage.run_as_nobody("results", &arguments);
    run.code(0).left_nothing();
    assert!(!left.parent().unwrap().exists(), "{}", run.told());
}
