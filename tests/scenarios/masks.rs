//! A hidden value is nowhere: not in what a run says, and in no file of its results.

use std::path::Path;

use super::stage::{Run, Stage};

/// Two lines, with quotes, backslash, `$`, and letters that JSON may write by number.
const TOKEN: &str = "p\"ass\\wo'rd $HOME é🔑 <&>\nline two of %it: {x}";

/// Its words, each of which is told by no form of the whole, and a part of the other value and of base64 of the first.
const WORDS: [&str; 8] = [
    "p\"ass",
    "wo'rd",
    "line two of",
    "ass\\",
    "q\"u",
    "o'te",
    "o''te",
    "cCJhc3Ncd28ncmQg",
];

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// The value's words are in nothing that the run left, its own variables' file aside.
fn tells_nothing(run: &Run) {
    let hidden = tells_no_word(run);
    assert!(hidden > 5, "{hidden}");
}

/// The same; in how many files something is hidden.
fn tells_no_word(run: &Run) -> usize {
    tells_none_of(run, &WORDS)
}

/// The same of these words.
fn tells_none_of(run: &Run, words: &[&str]) -> usize {
    let mut paths = Vec::new();
    files(run.results(), &mut paths);
    assert!(paths.iter().any(|path| path.ends_with("events.jsonl")), "{paths:?}");
    let texts = paths.iter().map(|path| {
        let bytes = std::fs::read(path).unwrap();
        (path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned())
    });
    let said = [
        ("stdout".to_owned(), run.out.clone()),
        ("stderr".to_owned(), run.err.clone()),
    ];
    let mut hidden = 0;
    for (name, text) in texts.chain(said) {
        // As JSON, as XML, and twice as JSON: without what quotes.
        let bare = text
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&#39;", "'");
        let bare = bare
            .replace("\\\\", "\\")
            .replace("\\\"", "\"")
            .replace("\\\\", "\\")
            .replace("\\\"", "\"");
        for word in words {
            assert!(!bare.contains(*word), "`{word}` is in {name}:\n{text}");
        }
        hidden += usize::from(text.contains("***"));
    }
    hidden
}

fn variables(stage: &Stage) -> String {
    let path = stage.path("vars.json");
    std::fs::write(&path, serde_json::json!({"token": TOKEN}).to_string()).unwrap();
    path.display().to_string()
}

#[test]
fn a_hidden_value_is_told_nowhere_by_a_run_that_fails_and_tries_again() {
    let stage = Stage::new();
    let run = stage.run(
        "results",
        &["tests/scenarios/hidden.yaml", "--vars", &variables(&stage)],
    );
    run.code(1).left_nothing();
    assert_eq!(run.counts().failures, 1, "{}", run.told());
    tells_nothing(&run);
    let tried = std::fs::read_dir(run.results().join("001-a-hidden-value-of-many-forms/try-2/stacks")).unwrap();
    assert_eq!(tried.count(), 1);
}

#[test]
fn a_hidden_value_is_told_nowhere_by_a_run_that_is_interrupted() {
    let stage = Stage::new();
    let going = stage.start_until_told(
        "results",
        &["tests/scenarios/hidden.yaml", "--vars", &variables(&stage)],
    );
    going.signal("INT");
    let run = going.end();
    run.code(130).left_nothing();
    tells_nothing(&run);
}

/// A service that says its secret in several forms, and keeps it.
const SAYS: &str = "version: \"3.8\"\nservices:\n  says:\n    image: busybox\n    init: true\n    secrets: [token]\n    \
    command: sh -c 'cp /run/secrets/token /kept; cat /kept; base64 /kept | tr -d \"\\n\"; echo; exec sleep 1000000'\n\
secrets: {token: {external: true}}\n";

/// A service that is started so says and keeps its secret, the scenario fails, and no file of the run tells of it.
fn check_said(begin: &str, starts: &str, stack: &str) {
    let stage = Stage::new();
    let folder = stage.path("scenarios");
    std::fs::create_dir_all(&folder).unwrap();
    let scenario = format!(
        "scenario: x\n{begin}\nsecrets: {{token: {{file: token}}}}\ncollect: ['says:/kept']\nretries: 1\nsteps:\n- {starts}: s\n\
         - {{log-assert: {{service: says, contains: line two}}, within: 20s}}\n\
         - run: {{image: busybox, command: 'echo \"$T\"', env: {{T: \"${{{{ secrets.token }}}}\"}}}}\n\
         - {{name: \"with ${{{{ secrets.token }}}}\", exec: {{service: says, command: 'cat /kept; base64 /kept'}}, expect: {{stdout: other}}}}\n"
    );
    let written = [("x.yaml", &*scenario), ("stack.yml", stack), ("token", TOKEN)];
    for (name, text) in written {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let run = stage.run("results", &[&folder.display().to_string()]);
    run.code(1).left_nothing();
    assert_eq!(run.counts().failures, 1, "{}", run.told());
    let mut paths = Vec::new();
    files(run.results(), &mut paths);
    let log = |path: &std::path::PathBuf| {
        let is_log = path.display().to_string().contains("says") && path.extension().is_some_and(|end| end == "log");
        is_log && std::fs::read_to_string(path).is_ok_and(|text| text.contains("***"))
    };
    assert!(paths.iter().any(log), "no log of what it said: {paths:?}");
    assert!(run.junit().contains("***"), "{}", run.junit());
    tells_nothing(&run);
}

#[test]
fn what_a_secret_holds_is_told_nowhere_though_a_service_says_and_keeps_it() {
    check_said("stacks: {s: stack.yml}", "up", SAYS);
}

#[test]
fn what_a_swarms_secret_holds_is_told_nowhere_though_a_task_says_and_keeps_it() {
    check_said(
        "cluster: {swarm: true}\nstacks: {s: {swarm: stack.yml}}",
        "deploy",
        &SAYS.replace("init: true", "init: true\n    deploy: {endpoint_mode: dnsrr}"),
    );
}

#[test]
fn what_a_secret_holds_is_in_no_file_of_a_run_that_is_killed() {
    let stage = Stage::new();
    let folder = stage.path("scenarios");
    std::fs::create_dir_all(&folder).unwrap();
    let scenario = "scenario: x\nvars: {told: /tmp}\nsecrets: {token: {file: token}}\n\
        stacks: {s: {compose: compose.yml, substitute: {text: [{from: LABEL, to: \"${{ secrets.token }}\"}]}}}\n\
        steps:\n- up: s\n- {log-assert: {service: says, contains: line two}, within: 20s}\n\
        - {shell: 'echo here > ${{ told }}/pipe; exec tail -f /dev/null', timeout: 5m}\n";
    let compose = SAYS.replace("init: true", "init: true\n    labels:\n      of: |-\n        LABEL");
    let token = TOKEN.replace('\n', " ").replace('$', "");
    let files = [("x.yaml", scenario), ("compose.yml", &compose), ("token", &token)];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let going = stage.start_until_told("results", &[&folder.display().to_string()]);
    going.signal("KILL");
    let run = going.end();
    assert_eq!(run.code, None);
    assert!(stage.program(&["gc"]).status().unwrap().success());
    run.left_nothing();
    let hidden = tells_no_word(&run);
    assert!(hidden >= 2, "the log and the stack's file: {hidden}");
}

#[test]
fn what_was_told_before_a_value_was_saved_is_hidden_in_the_reports() {
    let stage = Stage::new();
    let word = "late!hidden!word";
    let scenario = format!(
        "scenario: says {word}\nmask: [token]\nsteps:\n- {{name: 'asks for {word}', shell: 'printf {word}'}}\n\
         - {{shell: 'printf {word}', save: {{token: stdout}}}}\n- {{name: 'no {word}', assert: token == 'another'}}\n"
    );
    let path = stage.path("late.yaml");
    std::fs::write(&path, scenario).unwrap();
    let run = stage.run_with(
        &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_STEP_SUMMARY", &stage.path("summary.md").display().to_string()),
        ],
        &[&path.display().to_string()],
    );
    run.code(1);
    let results = ["junit.xml", "events.jsonl"].map(|name| run.results().join(name));
    for path in results.into_iter().chain([stage.path("summary.md")]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let shown = path.display();
        assert!(text.contains("no ***"), "{shown}:\n{text}");
        assert!(!text.contains(word), "{shown}:\n{text}");
    }
    let annotations: Vec<&str> = run.out.lines().filter(|line| line.starts_with("::error")).collect();
    assert!(
        matches!(annotations[..], [one] if !one.contains(word)),
        "{annotations:?}"
    );
}

#[test]
fn a_hidden_value_is_told_nowhere_by_a_build_that_fails() {
    let stage = Stage::new();
    let folder = stage.path("scenarios");
    std::fs::create_dir_all(&folder).unwrap();
    let scenario = "scenario: x\nmask: [token]\nvars: {token: none}\nimages: {i: {build: {context: ., args: {T: '${{ token }}'}}}}\nsteps: [assert: 'true']\n";
    std::fs::write(folder.join("x.yaml"), scenario).unwrap();
    let base = std::fs::read_to_string("tests/scenarios/broken/Dockerfile").unwrap();
    let base = base.lines().find(|line| line.starts_with("FROM")).unwrap();
    std::fs::write(
        folder.join("Dockerfile"),
        format!("{base}\nARG T\nRUN echo \"$T\"; false\n"),
    )
    .unwrap();
    let run = stage.run(
        "results",
        &[&folder.display().to_string(), "--vars", &variables(&stage)],
    );
    run.code(3).says(&[r"\*\*\*"]);
    assert!(
        !run.told().contains("p\"ass") && !run.told().contains("line two of"),
        "{}",
        run.told()
    );
}

/// What the stacks' own secrets hold: a file, one that only a step makes, a variable of an env file. And parts of some of the
/// forms in which the services say them.
const OWN: [&str; 3] = ["word-of/the-file", "word-of/a-step", "word-of/the-environment"];
const OWN_FORMS: [&str; 4] = ["word-of%2F", "d29yZC1vZi9", "b3JkLW9m", "cmQtb2Yv"];

/// A service that says what its secrets hold, also encoded, and keeps it.
fn says(secrets: &str) -> String {
    format!(
        "    image: busybox\n    init: true\n    secrets: [{secrets}]\n    command: sh -c 'cd /run/secrets; tail -n +1 * > /kept; \
         cat /kept; for s in *; do base64 $$s | tr -d \"\\n\"; sed s,/,%2F, $$s; echo; done; echo all; exec sleep 1000000'\n"
    )
}

/// Runs what stands in these files: it fails once, tells nothing of what its own secrets hold, and hides it so often at least.
fn check_own_secrets(files: &[(&str, &str)], least: usize) {
    let stage = Stage::new();
    let folder = stage.path("scenarios");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let run = stage.run("results", &[&folder.display().to_string()]);
    run.code(1).left_nothing();
    assert_eq!(run.counts().failures, 1, "{}", run.told());
    let hidden = tells_none_of(&run, &[&OWN[..], &OWN_FORMS[..]].concat());
    assert!(hidden >= least, "{hidden}");
}

#[test]
fn what_a_compose_files_own_secrets_hold_is_told_nowhere() {
    let compose = format!(
        "services:\n  says:\n    labels: {{of: {}}}\n{}secrets:\n  one: {{file: one.txt}}\n  two: {{file: two.txt}}\n  three: {{environment: THREE}}\n",
        OWN[0],
        says("one, two, three")
    );
    let scenario = format!(
        "scenario: x\nstacks: {{s: compose.yml}}\ncollect: ['says:/kept']\nretries: 1\nsteps:\n\
         - {{shell: \"printf word-of/%s a-step > two.txt\"}}\n- up: s\n- {{log-assert: {{service: says, contains: all}}, within: 20s}}\n\
         - {{name: 'with {}', exec: {{service: says, command: 'cat /kept; base64 /kept'}}, expect: {{stdout: other}}}}\n",
        OWN[0]
    );
    let env = format!("THREE={}\n", OWN[2]);
    let files = [
        ("x.yaml", &*scenario),
        ("compose.yml", &compose),
        ("one.txt", OWN[0]),
        (".env", &env),
    ];
    check_own_secrets(&files, 6);
}

#[test]
fn what_the_own_secrets_of_a_file_for_a_swarm_hold_is_told_nowhere() {
    let swarm = format!(
        "version: '3.8'\nservices:\n  says:\n{}    deploy: {{endpoint_mode: dnsrr, labels: {{of: {}}}}}\nsecrets:\n  one: {{file: one.txt}}\n  two: {{file: two.txt}}\n",
        says("one, two"),
        OWN[0]
    );
    let scenario = "scenario: x\ncluster: {swarm: true}\nstacks: {s: {swarm: stack.yml}}\ncollect: ['says:/kept']\nsteps:\n\
         - {shell: \"printf word-of/%s a-step > two.txt\"}\n- deploy: s\n- {log-assert: {service: says, contains: all}, within: 20s}\n\
         - {exec: {service: says, command: 'cat /kept; base64 /kept'}, expect: {stdout: other}}\n";
    let files = [("x.yaml", scenario), ("stack.yml", &swarm), ("one.txt", OWN[0])];
    check_own_secrets(&files, 5);
}
