//! The commands, word for word: what they print, and their exit codes.
//!
//! Each case of COMMANDS is run in `cases/cli`; what is expected stands beside it in a `.txt` file of the case's name.
//! `UPDATE=1 cargo test --test cli` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(
    clippy::disallowed_methods,
    reason = "the program is what is tested, and UPDATE is for people"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod cli {
    mod judged;
}

/// A case's name, and the arguments.
const COMMANDS: &[(&str, &str)] = &[
    ("version", "--version"),
    ("unknown-flag", "--tag x"),
    ("unknown-command", "check --colour"),
    ("list", "list demo.yaml shop.yaml"),
    ("list-json", "list --json shop.yaml"),
    ("list-tags", "list --tags quick demo.yaml shop.yaml"),
    ("list-not-tags", "list --tags !quick demo.yaml shop.yaml"),
    ("list-name", "list --name db=pg16 demo.yaml shop.yaml"),
    ("list-order", "list shop.yaml demo.yaml ./shop.yaml"),
    ("list-nothing", "list --tags none demo.yaml"),
    ("list-bad-name", "list --name ( demo.yaml"),
    ("list-invalid", "list invalid"),
    ("check", "check demo.yaml shop.yaml"),
    ("check-quiet", "check --quiet demo.yaml shop.yaml"),
    ("check-set", "check --set title=3 --set list=[1,2] shop.yaml"),
    ("check-set-unknown", "check --set titel=3 shop.yaml"),
    ("check-set-wrong", "check --set title shop.yaml"),
    ("check-set-colon", "check --set title:hunter2zz shop.yaml"),
    ("check-set-no-value-of-its-kind", "check --set load=abc measured.yaml"),
    ("check-set-not-used", "check --set value=5 worded.yaml"),
    ("check-set-undeclared", "check --set zebra=hunter2zz shop.yaml"),
    ("check-set-no-vars", "check --set zebra=hunter2zz asserted.yaml"),
    ("check-vars", "check --vars values.yml --vars nowhere.yml shop.yaml"),
    ("check-vars-traps", "check --vars traps.yml shop.yaml"),
    ("check-vars-no-yaml", "check --vars no-yaml.yml shop.yaml"),
    ("check-nothing", "check --name nobody demo.yaml"),
    ("check-not-selected", "check --name nobody demo.yaml invalid"),
    ("check-tags-invalid", "check --tags quick demo.yaml invalid"),
    ("check-strict", "check --strict warned"),
    ("check-hidden", "check --set pw=hunter2hunter2 hidden/masked.yaml"),
    ("check-hidden-made", "check --set token=hunter2hunter2 hidden/made.yaml"),
    ("check-hidden-noted", "check --set pw=hunter2hunter2 hidden/noted.yaml"),
    ("list-hidden", "list hidden"),
    ("list-json-hidden", "list --json --name one hidden/matrix.yaml"),
    ("dry-run-hidden", "--dry-run hidden/matrix.yaml"),
    ("list-json-place", "list --json hidden/named.yaml"),
    ("dry-run-place", "--dry-run hidden/named.yaml"),
    ("check-elsewhere", "check --docker ssh://core@web1 elsewhere"),
    ("check-elsewhere-not", "check elsewhere"),
    ("check-elsewhere-unknown", "check --docker nowhere elsewhere"),
    ("render-demo", "render demo.yaml"),
    ("render-shop", "render shop.yaml --name db=pg15"),
    ("render-swarm", "render swarm.yaml"),
    ("render-invalid", "render invalid"),
    ("render-nothing", "render --name nobody demo.yaml"),
    ("dry-run", "--dry-run demo.yaml shop.yaml"),
    ("dry-run-shared", "--dry-run shared"),
    ("dry-run-shared-not", "--dry-run shared --name n=1"),
    ("dry-run-warned", "--quiet --dry-run warned"),
    ("steps-unknown", "steps asert"),
    ("steps-waiting", "steps sleep"),
    ("steps-command", "steps command"),
    ("steps-deploy", "steps deploy"),
    ("steps-update", "steps update"),
    ("steps-scale", "steps scale"),
    ("steps-rollback", "steps rollback"),
    ("steps-dns", "steps dns"),
    ("steps-balance-assert", "steps balance-assert"),
    ("steps-state-assert", "steps state-assert"),
    ("steps-file-assert", "steps file-assert"),
    ("steps-run", "steps run"),
    ("steps-commit", "steps commit"),
    ("steps-later-key", "steps needs"),
    ("steps-log-scan", "steps log-scan"),
    ("steps-near", "steps logs"),
    ("steps-up", "steps up"),
    ("steps-assert", "steps assert"),
    ("steps", "steps"),
    ("steps-http", "steps http"),
    ("steps-log-assert", "steps log-assert"),
    ("steps-common", "steps common"),
    ("steps-expect", "steps expect"),
    ("steps-expressions", "steps expressions"),
    ("steps-scenario", "steps scenario"),
    ("steps-images", "steps images"),
    ("steps-stacks", "steps stacks"),
    ("steps-project", "steps project"),
    ("dry-run-repeat", "--dry-run --repeat 2 demo.yaml"),
    ("dry-run-shuffle", "--dry-run --shuffle=7 demo.yaml shop.yaml shared"),
    ("again", "--dry-run --rerun-failed --results last"),
    ("again-tags", "--dry-run --rerun-failed --results last --tags quick"),
    ("again-well", "--rerun-failed --results last-well"),
    ("again-none", "--rerun-failed --results RESULTS"),
    ("again-broken", "--rerun-failed --results last-broken"),
    ("again-gone", "--rerun-failed --results last-gone"),
    ("validate-none", "--validate-only templates --results RESULTS"),
    ("validate-gone", "--validate-only last-gone --results RESULTS"),
    ("validate-and-repeat", "--validate-only last --repeat 3"),
    (
        "baseline-missing",
        "--baseline nowhere.json --results RESULTS demo.yaml",
    ),
    ("baseline-wrong", "--baseline shop.yaml --results RESULTS demo.yaml"),
    ("baseline-unnamed", "--update-baseline --results RESULTS demo.yaml"),
    ("steps-measure", "steps measure"),
    ("run-invalid", "invalid --results RESULTS"),
    ("run-not-selected", "--name demo --results RESULTS demo.yaml invalid"),
    ("run-nothing", "--tags none --results RESULTS demo.yaml"),
    ("list-results", "list with-results"),
    ("run-results-among", "demo.yaml --results ."),
    ("run-results-above", "part --results ."),
    (
        "run-results-beside-others",
        "--dry-run composed demo.yaml --results composed",
    ),
    (
        "validate-results-among",
        "--validate-only last-well --results . asserted.yaml",
    ),
    ("run-results-file", "demo.yaml --results demo.yaml/results"),
    ("run-no-such-path", "nowhere/shop.yaml --results RESULTS"),
    ("run-command-behind", "--results RESULTS --tags quick list"),
    ("run-named", "run --results RESULTS"),
    ("check-project-yml", "check project-yml"),
    ("run-mistyped-command", "chek --results RESULTS"),
    ("run-vars-unknown", "--vars values.yml --results RESULTS demo.yaml"),
    ("check-project", "check project-alone/e2erun.yaml"),
    ("check-template", "check templates/log-in.yaml"),
    ("run-template", "templates --results RESULTS"),
    ("check-compose-file", "check compose.yml"),
    ("report-missing", "report nowhere.jsonl"),
    ("report-no-events", "report demo.yaml"),
    ("gc-label", "gc --label notes"),
    ("gc-age", "gc --older-than 3x"),
    ("docker-scheme", "--docker ftp://x --results RESULTS demo.yaml"),
    ("docker-context", "--docker nowhere --results RESULTS demo.yaml"),
    ("gc-docker", "gc --docker ftp://x"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/cli")
}

fn run(arguments: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_e2erun"))
        .args(arguments)
        .current_dir(root())
        .env_clear()
        .output()
        .unwrap();
    let mut told = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    if !errors.is_empty() {
        let _ = write!(told, "--- standard error\n{errors}");
    }
    let repository = env!("CARGO_MANIFEST_DIR");
    (told.replace(repository, "[REPOSITORY]"), output.status.code().unwrap())
}

#[test]
fn prints_what_it_is_asked_for() {
    let results = tempfile::tempdir().unwrap();
    let results = results.path().display().to_string();
    let mut failed = Vec::new();
    for (name, arguments) in COMMANDS {
        let words: Vec<&str> = arguments
            .split(' ')
            .map(|word| if word == "RESULTS" { &results } else { word })
            .collect();
        let (told, code) = run(&words);
        let told = told.replace(&results, "[RESULTS]");
        let told = format!("$ e2erun {arguments}\n{told}exit code {code}\n");
        let file = root().join(format!("{name}.txt"));
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if expected == told {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, told).unwrap();
            continue;
        }
        let difference = similar::TextDiff::from_lines(&expected, &told);
        eprintln!("{}", difference.unified_diff().header(name, "printed now"));
        failed.push(*name);
    }
    assert!(
        failed.is_empty(),
        "printed otherwise than expected (UPDATE=1 accepts it): {failed:?}"
    );
}

/// A misspelt name may be that of a value to be hidden: it stands nowhere.
#[test]
fn the_value_of_a_name_that_nothing_has_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let (vars, results) = (folder.path().join("more.yml"), folder.path().join("results"));
    fs::write(&vars, "titel: hunter2zz\n").unwrap();
    let given = [
        ["--set", "titel=hunter2zz"],
        ["--set", "titel:hunter2zz"],
        ["--vars", vars.to_str().unwrap()],
    ];
    for [option, value] in given {
        let results = results.to_str().unwrap();
        let (told, code) = run(&[option, value, "--results", results, "shop.yaml"]);
        assert_eq!(code, 2, "{told}");
        assert!(told.contains("titel") && !told.contains("hunter2zz"), "{told}");
        for file in ["junit.xml", "events.jsonl"] {
            let written = fs::read_to_string(Path::new(results).join(file)).unwrap();
            assert!(written.contains("titel") && !written.contains("hunter2zz"), "{written}");
        }
    }
}

/// The manual is made of the table: each kind is in the overview, and has a page with its example.
#[test]
fn steps_tells_of_every_kind() {
    let (overview, code) = run(&["steps"]);
    assert_eq!(code, 0);
    for kind in e2erun::step::KINDS {
        assert!(overview.contains(&format!("  {} ", kind.name)), "{}", kind.name);
        let (manual, code) = run(&["steps", kind.name]);
        assert_eq!(code, 0, "{}", kind.name);
        assert!(manual.starts_with(&format!("{}: ", kind.name)), "{manual}");
        let first = kind.example.lines().next().unwrap();
        assert!(manual.contains(first), "{manual}");
    }
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let (help, code) = run(&["--help"]);
    assert_eq!(code, 0);
    let words = [
        "check",
        "list",
        "render",
        "schema",
        "steps",
        "report",
        "gc",
        "completions",
        "--jobs",
        "--tags",
        "--name",
        "--fail-fast",
        "--keep",
        "--timeout-scale",
        "--docker",
        "--dry-run",
        "--strict",
        "--quiet",
        "--no-color",
        "--junit",
        "--results",
        "--set",
        "--vars",
        "--rerun-failed",
        "--repeat",
        "--shuffle",
        "--validate-only",
        "--baseline",
        "--update-baseline",
        "Exit codes: 0",
    ];
    for word in words {
        assert!(help.contains(word), "{word} is missing:\n{help}");
    }
}

#[test]
fn writes_the_rewritten_files_and_junit_of_problems() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (_, code) = run(&["render", "demo.yaml", "--output", &path("out")]);
    assert_eq!(code, 0);
    let written = walkdir(&folder.path().join("out"));
    assert_eq!(written.len(), 1, "{written:?}");
    let (told, _) = run(&["render", "demo.yaml", "--output", &path("out")]);
    assert!(told.contains(&format!("{}\n", written[0].display())), "{told}");
    let (_, code) = run(&["check", "invalid", "--junit", &path("junit.xml")]);
    assert_eq!(code, 2);
    let junit = fs::read_to_string(path("junit.xml")).unwrap();
    assert_eq!(junit.matches("<error").count(), 3, "{junit}");
    assert!(junit.contains("invalid/bad.yaml:2:1"), "{junit}");
}

fn walkdir(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walkdir(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn completes_in_the_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let (script, code) = run(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(script.contains("timeout-scale"), "{shell}");
        // The pages of `e2erun steps`; of fish's scripts the values of a positional argument are no part.
        assert_eq!(script.contains("balance-assert"), shell != "fish", "{shell}");
    }
}

/// What the program prints on a terminal, with nothing in its environment but this.
fn on_a_terminal(arguments: &str, env: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let command = format!(
        "'{}' {arguments} --results '{}'",
        env!("CARGO_BIN_EXE_e2erun"),
        folder.path().display()
    );
    // A terminal of its own, as `bsdutils` makes it, which every Debian has.
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(root())
        .env_clear()
        .envs([("PATH", std::env::var("PATH").unwrap()), ("TERM", "xterm".to_owned())])
        .envs(env.iter().copied())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// An engine that is not there: a run that fails at once, and whose report has colours.
const AWAY: &str = "--docker unix:///nowhere/docker.sock demo.yaml";

#[test]
fn a_terminal_has_colours_unless_something_speaks_against_them() {
    let painted = |env: &[(&str, &str)], arguments: &str| on_a_terminal(arguments, env).contains("\x1b[1m");
    assert!(painted(&[], AWAY));
    assert!(
        painted(&[("NO_COLOR", ""), ("CI", "")], AWAY),
        "what is empty is not set"
    );
    assert!(!painted(&[("NO_COLOR", "1")], AWAY));
    assert!(!painted(&[("CI", "true")], AWAY));
    assert!(!painted(&[], &format!("{AWAY} --no-color")));
    assert!(
        !run(&["--docker", "unix:///nowhere/docker.sock", "nowhere.yaml"])
            .0
            .contains('\x1b')
    );
}

#[test]
fn under_ci_a_terminal_has_plain_lines_and_no_status() {
    let told = on_a_terminal(AWAY, &[("CI", "true")]);
    assert!(told.contains("demo.yaml") && !told.contains('\x1b'), "{told:?}");
    // Its colours alone are taken away: what is drawn anew is no colour.
    let told = on_a_terminal(AWAY, &[("NO_COLOR", "1")]);
    assert!(told.contains("demo.yaml") && told.contains("\x1b[J"), "{told:?}");
}

#[test]
fn under_github_actions_what_went_wrong_is_an_annotation_and_in_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary.md");
    let summary = summary.to_str().unwrap();
    let repository = env!("CARGO_MANIFEST_DIR");
    let env = [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_WORKSPACE", repository),
        ("GITHUB_STEP_SUMMARY", summary),
    ];
    let told = on_a_terminal(AWAY, &env);
    assert!(told.contains("::error file=tests/cases/cli/demo.yaml,line=1"), "{told}");
    assert!(!fs::read_to_string(summary).unwrap().is_empty());
    assert!(!on_a_terminal(AWAY, &[("CI", "true")]).contains("::error"));
}
