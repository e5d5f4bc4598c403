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
        for word in WORDS {
            assert!(!bare.contains(word), "`{word}` is in {name}:\n{text}");
        }
        hidden += usize::from(text.contains("***"));
    }
    assert!(hidden > 5, "{paths:?}");
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
