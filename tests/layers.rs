//! Data flows one way: a module uses only what stands before it in this list, and itself.
//!
//! `architecture.md` calls it the house. Modules of one line know each other: a step kind is a column through YAML, plan
//! and act, so what is written, what is bound and what does it have each other's types.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From left to right. Of `run` and of the reporters only what is named may be used beyond this order.
const LAYERS: &[&[&str]] = &[
    &["cut", "diagnostic", "quantity", "version"],
    &["yaml"],
    &["template"],
    &["shape"],
    &["event", "mask"],
    &["expect"],
    &["wait"],
    // The rim: docker tools are processes of the host, and the host tells their lines in the engine's words.
    &["net", "engine", "host"],
    &["lease"],
    &["substitute"],
    // The language: a scenario is made of steps, a step's types name parts of a scenario.
    &["scenario", "step", "stack", "image", "declared"],
    &["load"],
    &["plan"],
    &["schedule"],
    &["run"],
    &["report"],
    &["cli"],
];

/// What reports are made of: nothing else, so that they can be made again from a file.
const REPORT: &[&str] = &["diagnostic", "event", "report"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that a text names as `crate::module`. What only tests use is no part of the flow.
fn used(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let mut used = BTreeSet::new();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    for line in code {
        for rest in line.split("crate::").skip(1) {
            let names = match rest.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap_or("").split(',').collect(),
                None => vec![rest],
            };
            for name in names {
                let name = name.trim_start();
                let end = name.find(|c: char| !c.is_ascii_lowercase() && c != '_');
                used.insert(name[..end.unwrap_or(name.len())].to_owned());
            }
        }
    }
    used
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn a_module_uses_only_what_stands_before_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    all.sort();
    let mut wrong = Vec::new();
    for file in &all {
        let below = file.strip_prefix(&source).unwrap();
        let first = below.components().next().unwrap();
        let module = first.as_os_str().to_str().unwrap().trim_end_matches(".rs");
        let tests = below.iter().any(|part| part == "tests" || part == "tests.rs");
        if matches!(module, "main" | "lib") || tests {
            continue;
        }
        let Some(own) = layer(module) else {
            wrong.push(format!("`{module}` has no layer: put it into LAYERS"));
            continue;
        };
        for name in used(&fs::read_to_string(file).unwrap()) {
            // Macros and other words that are no module.
            let Some(other) = layer(&name) else { continue };
            let allowed = match module {
                "report" => REPORT.contains(&name.as_str()),
                _ => other <= own,
            };
            if !allowed {
                wrong.push(format!("{} uses `{name}`", below.display()));
            }
        }
    }
    assert!(all.len() > 50, "the source was not found");
    assert!(wrong.is_empty(), "upward:\n{}", wrong.join("\n"));
}

#[test]
fn reads_imports_in_every_form() {
    let found = used("use crate::{plan::Plan, run};\nlet x = crate::host::Host;\n// crate::cli\n");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["host", "plan", "run"]);
}
