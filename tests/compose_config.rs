//! The compose tools themselves read a rewritten file as they read its original, wherever no substitution applies.
//!
//! Each folder of `cases/compose` is a stack, and some of `fixtures`: its files are those whose names begin with
//! `compose.` or `docker-compose.`, in name order. It is read by the plugin (2.x), which must be there, and by the
//! standalone tool 1.29 where it is; what one refuses it must refuse before and after.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::disallowed_methods, reason = "the tools are what is tested against")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2erun::diagnostic::{Source, Span, Spanned};
use e2erun::substitute::{Files, Found, Ports, Refused, Rewritten, StackInput, Substitutions, rewrite};
use serde_json::Value;

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

fn stacks() -> Vec<(PathBuf, Vec<PathBuf>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = std::fs::read_dir(root.join("tests/cases/compose")).unwrap();
    let cases = cases.map(|entry| entry.unwrap().path());
    let fixtures = ["shop", "multi"].map(|name| root.join("fixtures").join(name));
    let mut stacks: Vec<_> = cases
        .chain(fixtures)
        .map(|folder| {
            let files = std::fs::read_dir(&folder).unwrap();
            let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
            files.retain(|file| {
                let name = file.file_name().unwrap().to_string_lossy();
                name.starts_with("compose.") || name.starts_with("docker-compose.")
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
        labels: label("e2erun.run"),
        build_labels: label("e2erun.owner"),
        built: BTreeMap::new(),
        folder: copies.to_owned(),
        contexts: None,
        at,
    }
}

/// Rewrites a stack into a folder.
fn copied(files: &[PathBuf], copies: &Path, isolated: bool) -> Rewritten {
    let rewritten = match rewrite(&input(files, copies, isolated), &Disk) {
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
    let (tools, stacks) = (tools(), stacks());
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

/// The service of each container name.
fn container_names(stack: &Value) -> BTreeMap<String, String> {
    let services = stack["services"].as_object().unwrap().iter();
    let name =
        |(service, value): (&String, &Value)| Some((value["container_name"].as_str()?.to_owned(), service.clone()));
    services.filter_map(name).collect()
}

/// A stack as the tool reads it, without what isolation may change: published ports, our labels, fixed names.
fn without_isolation(mut stack: Value, names: &BTreeMap<String, String>) -> Value {
    for (_, service) in stack["services"].as_object_mut().unwrap() {
        let service = service.as_object_mut().unwrap();
        service.remove("container_name");
        named_services(service, names);
        unlabel(service.get_mut("labels"));
        service.retain(|key, value| key != "labels" || value != &Value::Object(Default::default()));
        if let Some(build) = service.get_mut("build").and_then(Value::as_object_mut) {
            unlabel(build.get_mut("labels"));
            build.retain(|key, value| key != "labels" || value != &Value::Object(Default::default()));
        }
        for port in service
            .get_mut("ports")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            port.as_object_mut().unwrap().remove("published");
        }
        // Two host ports of one container port are one free port.
        if let Some(Value::Array(ports)) = service.get_mut("ports") {
            let mut seen = Vec::new();
            ports.retain(|port| {
                !seen.contains(port) && {
                    seen.push(port.clone());
                    true
                }
            });
        }
    }
    for section in ["networks", "volumes", "secrets", "configs"] {
        let Some(things) = stack.get_mut(section).and_then(Value::as_object_mut) else {
            continue;
        };
        for (_, thing) in things {
            let thing = thing.as_object_mut().unwrap();
            unlabel(thing.get_mut("labels"));
            thing.retain(|key, value| key != "labels" || value != &Value::Object(Default::default()));
            if let Some(Value::String(name)) = thing.get_mut("name") {
                *name = name.trim_start_matches("proj_").to_owned();
            }
        }
    }
    stack
}

/// What names a container of the stack names its service (and so depends on it), and an alias that is a container's name
/// goes.
fn named_services(service: &mut serde_json::Map<String, Value>, names: &BTreeMap<String, String>) {
    if !names.is_empty() {
        service.retain(|key, _| !["depends_on", "links", "external_links"].contains(&key.as_str()));
    }
    for key in ["network_mode", "ipc", "pid"] {
        if let Some(Value::String(mode)) = service.get_mut(key)
            && let Some(name) = mode.strip_prefix("container:").and_then(|name| names.get(name))
        {
            *mode = format!("service:{name}");
        }
    }
    for (_, network) in service
        .get_mut("networks")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        let Some(settings) = network.as_object_mut() else {
            continue;
        };
        if let Some(Value::Array(aliases)) = settings.get_mut("aliases") {
            aliases.retain(|alias| !alias.as_str().is_some_and(|alias| names.contains_key(alias)));
            if aliases.is_empty() {
                settings.remove("aliases");
            }
        }
        if settings.is_empty() {
            *network = Value::Null;
        }
    }
}

fn unlabel(labels: Option<&mut Value>) {
    if let Some(Value::Object(labels)) = labels {
        labels.retain(|name, value| {
            let ours = name.starts_with("e2erun.");
            // A dollar in a label of ours is one after filling in (and written twice by `config`).
            assert!(!ours || value == "$$x", "{name}: {value}");
            !ours
        });
    }
}
