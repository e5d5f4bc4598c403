//! The JSON schemas of our files: as they are committed, and accepting and refusing what `check` does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::disallowed_methods, reason = "the repository's files are what is tested")]

mod schema {
    pub(crate) mod beyond;
}

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use e2erun::diagnostic::Source;
use e2erun::scenario::{File, schema};
use e2erun::yaml;
use serde_json::Value;

use schema::beyond::BEYOND;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each kind of file, and what its schema is called.
const FILES: [(File, &str); 3] = [
    (File::Scenario, "scenario"),
    (File::Template, "template"),
    (File::Project, "project"),
];

fn parsed(file: File) -> Value {
    serde_json::from_str(&schema(file)).unwrap()
}

/// The validators of all kinds of files.
struct Validators(Vec<(File, jsonschema::Validator)>);

impl Validators {
    fn new() -> Validators {
        let made = FILES.map(|(file, _)| (file, jsonschema::draft7::new(&parsed(file)).unwrap()));
        Validators(made.into())
    }

    /// What a schema says of a value, by the kind of its file.
    fn problems(&self, value: &Value, file: File) -> Vec<String> {
        let (_, validator) = self.0.iter().find(|(kind, _)| *kind == file).unwrap();
        validator
            .iter_errors(value)
            .map(|problem| format!("{}: {problem}", problem.instance_path()))
            .collect()
    }
}

/// What a file is, as an editor is told; none for others' files.
fn kind(path: &Path, value: &Value) -> Option<File> {
    let is_project = path.file_stem().is_some_and(|name| name == "e2erun");
    match value {
        _ if is_project => Some(File::Project),
        value if value.get("services").is_some() => None,
        value if value.get("template").is_some() => Some(File::Template),
        _ => Some(File::Scenario),
    }
}

/// A file's value; none where it is no YAML.
fn value(path: &Path) -> Option<Value> {
    let source = Source::new(path.display().to_string(), fs::read_to_string(path).ok()?);
    Some(yaml::parse(&source).ok()?.merged().value())
}

/// The YAML files below a folder.
fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, found);
        } else if path
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml")
        {
            found.push(path);
        }
    }
    found.sort();
}

/// The cases of `check`, and whether it accepts each.
fn cases() -> Vec<(String, PathBuf, bool)> {
    let mut files = Vec::new();
    below(&repository().join("tests/cases/check"), &mut files);
    let told = |path: PathBuf| {
        let told = fs::read_to_string(path.with_extension("txt")).ok()?;
        let name = path.file_stem()?.to_str()?.to_owned();
        Some((name, path, told.trim_end().ends_with("exit code 0")))
    };
    files.into_iter().filter_map(told).collect()
}

fn check(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_e2erun"))
        .args(["check", "--no-color"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("CI_TOKEN", "x")
        .output()
        .unwrap()
}

#[test]
fn the_committed_schemas_are_these() {
    for (file, name) in FILES {
        let committed = fs::read_to_string(repository().join(format!("schema/{name}.schema.json")));
        assert!(
            committed.unwrap_or_default() == schema(file),
            "schema/{name}.schema.json is stale: `cargo run -- schema {name} > schema/{name}.schema.json`"
        );
    }
}

/// The keys of closed mappings that say nothing of themselves, wherever they are in the schema.
fn undescribed(schema: &Value, whole: &Value, path: &str, found: &mut Vec<String>) {
    let says = |one: &Value| {
        let target = one.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|target| whole.pointer(target.trim_start_matches('#')));
        target.unwrap_or(one).get("description").is_some()
    };
    match schema {
        Value::Array(items) => items.iter().for_each(|item| undescribed(item, whole, path, found)),
        Value::Object(map) => {
            let closed = map.get("additionalProperties") == Some(&Value::Bool(false));
            let keys = map.get("properties").filter(|_| closed).and_then(Value::as_object);
            let silent = keys.into_iter().flatten().filter(|(_, one)| !says(one));
            found.extend(silent.map(|(key, _)| format!("{path}: {key}")));
            for (key, value) in map {
                undescribed(value, whole, &format!("{path}/{key}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_key_is_described() {
    let mut found = Vec::new();
    for (file, _) in FILES {
        let whole = parsed(file);
        undescribed(&whole, &whole, "", &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_valid_case_checks_clean() {
    let output = check(repository(), &["--strict", "tests/cases/valid"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
}

/// The valid cases, the scenarios of the repository, and those of the cases of `check` that it accepts.
#[test]
fn accepts_what_check_accepts() {
    let mut files = Vec::new();
    below(&repository().join("tests/cases/valid"), &mut files);
    below(&repository().join("scenarios"), &mut files);
    let accepted = cases().into_iter().filter(|(_, _, is_accepted)| *is_accepted);
    files.extend(accepted.map(|(_, path, _)| path));
    let validators = Validators::new();
    let (mut seen, mut told) = (0, String::new());
    for path in files {
        let value = value(&path).unwrap();
        let Some(file) = kind(&path, &value) else { continue };
        seen += 1;
        for problem in validators.problems(&value, file) {
            writeln!(told, "{}: {problem}", path.display()).unwrap();
        }
    }
    assert!(seen >= 40, "only {seen} files");
    assert!(told.is_empty(), "{told}");
}

#[test]
fn refuses_what_check_refuses_by_its_form() {
    let validators = Validators::new();
    let mut accepted = Vec::new();
    for (name, path, _) in cases().into_iter().filter(|(_, _, is_accepted)| !is_accepted) {
        // What is no YAML an editor refuses without a schema.
        let Some(value) = value(&path) else { continue };
        let Some(file) = kind(&path, &value) else { continue };
        if validators.problems(&value, file).is_empty() {
            accepted.push(name);
        }
    }
    let mut beyond: Vec<&str> = BEYOND.iter().flat_map(|(_, cases)| *cases).copied().collect();
    beyond.sort_unstable();
    accepted.sort_unstable();
    assert_eq!(
        accepted, beyond,
        "left: what the schema accepts, right: what it cannot refuse"
    );
}

/// Steps that are wrong by their form: both refuse each of them.
const WRONG: &str = include_str!("cases/schema/wrong.yaml");
/// Steps that both accept.
const RIGHT: &str = include_str!("cases/schema/right.yaml");

/// Each scenario of a file of several, which stand in a list, with what `check` tells of it and what the schema does.
fn judged(text: &str) -> Vec<(String, bool, bool)> {
    let folder = tempfile::tempdir().unwrap();
    let compose = "services:\n  web: {image: busybox, ports: ['80:80']}\n  db: {image: busybox}\n";
    fs::write(folder.path().join("compose.yml"), compose).unwrap();
    let validators = Validators::new();
    let mut all = Vec::new();
    for (at, item) in text.split("\n---\n").enumerate() {
        let whole = match item.contains("scenario:") {
            true => item.to_owned(),
            false => format!("scenario: s{at}\nstacks: {{shop: compose.yml}}\ngiven: [{{up: shop}}]\nsteps:\n{item}\n"),
        };
        let name = format!("s{at}.yaml");
        fs::write(folder.path().join(&name), &whole).unwrap();
        let fits = value(&folder.path().join(&name))
            .is_some_and(|value| validators.problems(&value, File::Scenario).is_empty());
        let output = check(folder.path(), &[&name]);
        all.push((item.to_owned(), output.status.success(), fits));
    }
    all
}

#[test]
fn check_and_schema_refuse_the_same_steps() {
    let judged = judged(WRONG);
    let accepted = |(_, check, schema): &(String, bool, bool)| *check || *schema;
    let told: Vec<_> = judged.iter().filter(|one| accepted(one)).collect();
    assert!(told.is_empty(), "(step, check accepts, schema accepts): {told:#?}");
    assert!(judged.len() >= 60, "only {} steps", judged.len());
}

#[test]
fn check_and_schema_accept_the_same_steps() {
    let judged = judged(RIGHT);
    let told: Vec<_> = judged.iter().filter(|(_, check, schema)| !check || !schema).collect();
    assert!(told.is_empty(), "(step, check accepts, schema accepts): {told:#?}");
    assert!(judged.len() >= 20, "only {} steps", judged.len());
}

/// Examples of the manual are steps: they validate, each as a scenario of its own.
#[test]
fn accepts_the_examples_of_the_manual() {
    let validators = Validators::new();
    for kind in e2erun::step::KINDS {
        let text = format!("scenario: example\nsteps:\n{}\n", kind.example);
        let source = Source::new(kind.name, text);
        let value = yaml::parse(&source).unwrap().merged().value();
        let problems = validators.problems(&value, File::Scenario);
        assert!(problems.is_empty(), "{}: {problems:#?}", kind.name);
    }
}

/// What an editor offers under `expect` of each kind: the fields of its result, and no others.
#[test]
fn offers_only_the_fields_of_the_kind() {
    let whole = parsed(File::Scenario);
    let resolved = |one: &Value| {
        let target = one["$ref"].as_str().map(|target| target.trim_start_matches('#'));
        target.map_or(one.clone(), |target| whole.pointer(target).unwrap().clone())
    };
    let rules = whole["definitions"]["Step"]["allOf"].as_array().unwrap();
    for kind in e2erun::step::KINDS {
        let of_kind = |rule: &&Value| rule["if"]["required"][0] == kind.name;
        let expects = rules.iter().filter(of_kind);
        let expects = expects.filter_map(|rule| rule["then"]["properties"].get("expect"));
        let mut offered: Vec<String> = Vec::new();
        for expect in expects {
            let keys = resolved(expect)["properties"].as_object().unwrap().clone();
            offered.extend(keys.keys().map(|key| key.replace('-', "_")));
        }
        offered.sort();
        offered.dedup();
        let mut fields: Vec<&str> = kind.results.iter().map(|field| field.name).collect();
        fields.sort_unstable();
        assert_eq!(offered, fields, "{}", kind.name);
    }
}
