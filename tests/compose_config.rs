//! The compose tools themselves read a rewritten file as they read its original, wherever no substitution applies.
//!
//! Each folder of `cases/compose` is a stack, and some of `fixtures`: its files are those whose names begin with
//! `compose.` or `docker-compose.`, in name order. It is read by the plugin (2.x), which must be there, and by the
//! standalone tool 1.29 where it is; what one refuses it must refuse before and after.
//!
//! Likewise `docker stack config` with the folders of `cases/swarm` and of `fixtures/swarm`, whose files begin with `stack.`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::disallowed_methods, reason = "the tools are what is tested against")]

mod compose_config {
    pub(crate) mod isolation;
}

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2erun::diagnostic::{Source, Span, Spanned};
use e2erun::substitute::{Files, Found, Ports, Refused, Rewritten, StackInput, StackKind, Substitutions, rewrite};
use e2erun::yaml;
use serde_json::Value;

use compose_config::isolation::{container_names, unlabel, without_isolation};

/// The real disk.
struct Disk;

impl Files for Disk {
    fn look(&self, path: &Path) -> Option<Found> {
        Some(match std::fs::read_to_string(path) {
            Ok(text) => Found::File(Source::new(path.display().to_string(), text)),
            Err(_) if path.is_dir() => Found::Folder,
            Err(_) => Found::Missing,
        })
    }
}

fn folders(path: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn compose_stacks() -> Vec<(PathBuf, Vec<PathBuf>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = folders("tests/cases/compose");
    all.extend(["shop", "multi"].map(|name| root.join("fixtures").join(name)));
    stacks(all, &["compose.", "docker-compose."])
}

/// Stacks in folders: their files whose names begin so.
fn stacks(folders: Vec<PathBuf>, begin: &[&str]) -> Vec<(PathBuf, Vec<PathBuf>)> {
    let mut stacks: Vec<_> = folders
        .into_iter()
        .map(|folder| {
            let files = std::fs::read_dir(&folder).unwrap();
            let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
            files.retain(|file| {
                let name = file.file_name().unwrap().to_string_lossy();
                begin.iter().any(|begin| name.starts_with(begin))
            });
            // `compose.yml` before `compose.override.yml`.
            files.sort_by_key(|file| (file.as_os_str().len(), file.clone()));
            (folder, files)
        })
        .collect();
    stacks.sort();
    stacks
}

/// The environment of the tools. The old one does not know the project's name by itself.
fn env() -> BTreeMap<String, String> {
    BTreeMap::from([("COMPOSE_PROJECT_NAME".to_owned(), "proj".to_owned())])
}

fn input(files: &[PathBuf], copies: &Path, isolated: bool) -> StackInput {
    let at = Span {
        source: Source::new("scenario.yaml", ""),
        start: 0,
        end: 0,
    };
    let env = env();
    let label = |name: &str| {
        if isolated {
            BTreeMap::from([(name.to_owned(), "$x".to_owned())])
        } else {
            BTreeMap::new()
        }
    };
    StackInput {
        kind: StackKind::Compose,
        project: "proj".to_owned(),
        files: files
            .iter()
            .map(|file| Spanned::new(file.clone(), at.clone()))
            .collect(),
        env: env.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect(),
        env_files: Vec::new(),
        profiles: Default::default(),
        substitutions: Substitutions {
            ports: if isolated { Ports::All } else { Ports::None },
            ..Substitutions::default()
        },
        given: Vec::new(),
        labels: label("e2erun.run"),
        build_labels: label("e2erun.owner"),
        built: BTreeMap::new(),
        folder: copies.to_owned(),
        contexts: None,
        copies: None,
        anew: BTreeMap::new(),
        home: None,
        at,
    }
}

/// Rewrites a stack into a folder.
fn copied(files: &[PathBuf], copies: &Path, isolated: bool) -> Rewritten {
    written(&input(files, copies, isolated), copies)
}

fn written(input: &StackInput, copies: &Path) -> Rewritten {
    let rewritten = match rewrite(input, &Disk) {
        Ok(rewritten) => rewritten,
        Err(Refused::Problems(problems)) => {
            let told: Vec<String> = problems
                .iter()
                .map(|p| format!("{}: {}", p.span.place(), p.message))
                .collect();
            panic!("{}", told.join("\n"))
        }
        Err(needs) => panic!("{needs:?}"),
    };
    for file in &rewritten.files {
        std::fs::write(copies.join(&file.path), &file.text).unwrap();
    }
    rewritten
}

/// What a tool makes of a stack: its answer, or that it refuses.
fn config(tool: &[&str], arguments: &[String], format: &[&str]) -> Result<String, String> {
    let mut command = Command::new(tool[0]);
    command.args(&tool[1..]).args(arguments).arg("config");
    command.args(format).env_clear().envs(env());
    command.current_dir("/");
    for name in ["PATH", "HOME"] {
        command.env(name, std::env::var(name).unwrap());
    }
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

/// The arguments by which the original is read.
fn original(files: &[PathBuf], directory: &Path) -> Vec<String> {
    let mut arguments = vec!["--project-name".to_owned(), "proj".to_owned()];
    arguments.extend(["--project-directory".to_owned(), directory.display().to_string()]);
    for file in files {
        arguments.extend(["--file".to_owned(), file.display().to_string()]);
    }
    arguments
}

/// A swarm stack without what only ours has: labels of services as such, a default network that is written out; and without
/// builds, which are no matter of `docker stack`, and the names of env files, whose values it has put in.
fn of_swarm(mut stack: Value) -> Value {
    for (_, service) in stack["services"].as_object_mut().unwrap() {
        let service = service.as_object_mut().unwrap();
        for key in ["build", "env_file"] {
            service.remove(key);
        }
        let mut deploy = service.remove("deploy").unwrap_or_default();
        unlabel(deploy.get_mut("labels"));
        let empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
        if let Some(deploy) = deploy.as_object_mut() {
            deploy.retain(|_, value| !empty(value));
        }
        if !deploy.is_null() && !empty(&deploy) {
            service.insert("deploy".to_owned(), deploy);
        }
    }
    let mut stack = without_isolation(stack, &BTreeMap::new());
    if let Some(networks) = stack.get_mut("networks").and_then(Value::as_object_mut) {
        networks.retain(|name, network| name != "default" || network.as_object().is_some_and(|map| !map.is_empty()));
    }
    let sections = stack.as_object_mut().unwrap();
    sections.retain(|_, section| section.as_object().is_none_or(|map| !map.is_empty()));
    stack.sort_all_objects();
    stack
}

/// What `docker stack` makes of files.
fn stack_config(files: &[PathBuf], env: &BTreeMap<String, String>) -> Value {
    let files = files.iter().map(|file| file.display().to_string());
    let files: Vec<String> = files.flat_map(|file| ["--compose-file".to_owned(), file]).collect();
    let mut command = Command::new("docker");
    command.args(["stack", "config"]).args(&files);
    command.env_clear().envs(env).current_dir("/");
    for name in ["PATH", "HOME"] {
        command.env(name, std::env::var(name).unwrap());
    }
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{files:?}: {told}");
    let text = String::from_utf8(output.stdout).unwrap();
    // A dollar is written twice, as the compose tool writes it.
    let text = text.replace('$', "$$");
    yaml::parse(&Source::new("config", text)).unwrap().value()
}

#[test]
fn a_swarm_copy_is_read_as_its_original() {
    let mut all = folders("tests/cases/swarm");
    all.extend(folders("fixtures/swarm"));
    for (folder, files) in stacks(all, &["stack."]) {
        let copies = tempfile::tempdir().unwrap();
        let swarm = |isolated| {
            let mut input = input(&files, copies.path(), isolated);
            input.kind = StackKind::Swarm;
            let env = [("QUERIES_IMAGE", "busybox"), ("EXTERNAL_NETWORK_PREFIX", "tc")];
            input
                .env
                .extend(env.map(|(name, value)| (name.to_owned(), value.into())));
            input
        };
        let paths = |rewritten: &Rewritten| -> Vec<PathBuf> {
            rewritten
                .files
                .iter()
                .map(|file| copies.path().join(&file.path))
                .collect()
        };
        let same = written(&swarm(false), copies.path());
        let shown = |value: Value| serde_json::to_string_pretty(&of_swarm(value)).unwrap();
        let before = shown(stack_config(&files, &same.tool_env));
        assert_same(&folder, &before, &shown(stack_config(&paths(&same), &same.tool_env)));
        let isolated = written(&swarm(true), copies.path());
        let labelled = stack_config(&paths(&isolated), &isolated.tool_env);
        for (name, service) in labelled["services"].as_object().unwrap() {
            assert_eq!(service["labels"]["e2erun.run"], "$$x", "{name}");
            assert_eq!(service["deploy"]["labels"]["e2erun.run"], "$$x", "{name}");
        }
        assert_same(&folder, &before, &shown(labelled));
    }
}

fn tools() -> Vec<&'static [&'static str]> {
    let plugin: &[&str] = &["docker", "compose"];
    let standalone: &[&str] = &["docker-compose"];
    let old = Command::new("docker-compose").args(["version", "--short"]).output();
    let old = old.is_ok_and(|output| output.stdout.starts_with(b"1."));
    if old { vec![plugin, standalone] } else { vec![plugin] }
}

/// All stacks, shared by two threads: the tools are slow to start.
#[test]
fn a_copy_is_read_as_its_original() {
    let (tools, stacks) = (tools(), compose_stacks());
    let check = |remainder: usize| -> usize {
        let mine = stacks.iter().enumerate().filter(|(at, _)| at % 2 == remainder);
        mine.map(|(_, (folder, files))| tools.iter().filter(|tool| read_alike(tool, folder, files)).count())
            .sum()
    };
    let read = std::thread::scope(|scope| {
        let other = scope.spawn(|| check(1));
        check(0) + other.join().unwrap()
    });
    assert!(read > 20, "only {read} stacks were read");
}

/// Checks one stack with one tool; false if the tool refuses it, original and copy alike.
fn read_alike(tool: &[&str], folder: &Path, files: &[PathBuf]) -> bool {
    let json: &[&str] = if tool.len() > 1 { &["--format", "json"] } else { &[] };
    let copies = tempfile::tempdir().unwrap();
    let rewritten = copied(files, copies.path(), false);
    let before = config(tool, &original(files, &rewritten.directory), json);
    let after = config(tool, &rewritten.arguments(copies.path()), json);
    let (before, after) = match (before, after) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(_), Err(_)) => return false,
        // The old tool refuses the project's name, which is dropped.
        (Err(_), Ok(_)) if json.is_empty() && isolates(&rewritten) => return true,
        (before, after) => panic!("{} by {tool:?}: {before:?}\n{after:?}", folder.display()),
    };
    // Fixed names are isolated without being asked; where there are none, every byte is the same.
    if !isolates(&rewritten) {
        assert_same(folder, &before, &after);
    }
    let rewritten = copied(files, copies.path(), true);
    let isolated = config(tool, &rewritten.arguments(copies.path()), json).unwrap();
    if !json.is_empty() {
        let names = container_names(&serde_json::from_str(&before).unwrap());
        let plain = |text: &str| {
            let mut value = without_isolation(serde_json::from_str(text).unwrap(), &names);
            value.sort_all_objects();
            serde_json::to_string_pretty(&value).unwrap()
        };
        assert_same(folder, &plain(&before), &plain(&isolated));
    }
    true
}

fn isolates(rewritten: &Rewritten) -> bool {
    let mut files = rewritten.files.iter();
    files.any(|file| !file.difference("").is_empty())
}

fn assert_same(folder: &Path, before: &str, after: &str) {
    let difference = e2erun::substitute::difference("original", before, after);
    assert!(before == after, "{}:\n{difference}", folder.display());
}
