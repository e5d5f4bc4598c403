//! The JSON schema of scenario files: as it is committed, and refusing what `check` refuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::disallowed_methods, reason = "the repository's files are what is tested")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2erun::diagnostic::Source;
use e2erun::scenario::schema;
use e2erun::yaml;
use serde_json::Value;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What of the refused cases an editor sees as well: closed keys, types, kinds.
const REFUSED: [&str; 11] = [
    "keys-unknown",
    "keys-in-step",
    "keys-in-parts",
    "keys-later",
    "keys-missing",
    "kind-two",
    "kind-none",
    "kind-unknown",
    "kind-later",
    "types",
    "durations",
];

fn valid_cases() -> Vec<PathBuf> {
    let mut all = Vec::new();
    for folder in ["", "project", "templates", "fixtures"] {
        let folder = repository().join("tests/cases/valid").join(folder);
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        all.extend(entries.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")));
    }
    all.retain(|path| !path.ends_with("e2erun.yaml"));
    all.sort();
    all
}

fn value(path: &Path) -> Value {
    let source = Source::new(path.display().to_string(), fs::read_to_string(path).unwrap());
    yaml::parse(&source).unwrap().merged().value()
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft7::new(&serde_json::from_str(&schema()).unwrap()).unwrap()
}

#[test]
fn the_committed_schema_is_this_one() {
    let committed = fs::read_to_string(repository().join("schema/scenario.schema.json"));
    assert!(
        committed.unwrap_or_default() == schema(),
        "schema/scenario.schema.json is stale: `cargo run -- schema > schema/scenario.schema.json`"
    );
}

/// The keys of closed mappings that say nothing of themselves, wherever they are in the schema.
fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| undescribed(item, path, found)),
        Value::Object(map) => {
            let closed = map.get("additionalProperties") == Some(&Value::Bool(false));
            let keys = map.get("properties").filter(|_| closed).and_then(Value::as_object);
            let silent = keys
                .into_iter()
                .flatten()
                .filter(|(_, one)| one.get("description").is_none());
            found.extend(silent.map(|(key, _)| format!("{path}: {key}")));
            for (key, value) in map {
                undescribed(value, &format!("{path}/{key}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_key_is_described() {
    let mut found = Vec::new();
    undescribed(&serde_json::from_str(&schema()).unwrap(), "", &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_valid_case_checks_clean() {
    let output = Command::new(env!("CARGO_BIN_EXE_e2erun"))
        .args(["check", "--strict", "--no-color", "tests/cases/valid"])
        .current_dir(repository())
        .env_clear()
        .env("CI_TOKEN", "x")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
}

#[test]
fn every_valid_case_validates() {
    let validator = validator();
    let cases = valid_cases();
    assert!(cases.len() >= 6, "{cases:?}");
    for case in cases {
        let value = value(&case);
        let problems: Vec<String> = validator
            .iter_errors(&value)
            .map(|problem| format!("{}: {problem}", problem.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{}: {problems:#?}", case.display());
    }
}

#[test]
fn refuses_what_check_refuses_by_its_form() {
    let validator = validator();
    for case in REFUSED {
        let path = repository().join(format!("tests/cases/check/{case}.yaml"));
        assert!(!validator.is_valid(&value(&path)), "{case} is accepted");
    }
}

/// Examples of the manual are steps: they validate, each as a scenario of its own.
#[test]
fn accepts_the_examples_of_the_manual() {
    let validator = validator();
    for kind in e2erun::step::KINDS {
        let text = format!("scenario: example\nsteps:\n{}\n", kind.example);
        let source = Source::new(kind.name, text);
        let value = yaml::parse(&source).unwrap().merged().value();
        let problems: Vec<String> = validator
            .iter_errors(&value)
            .map(|problem| format!("{}: {problem}", problem.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{}: {problems:#?}", kind.name);
    }
}
