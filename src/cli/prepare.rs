//! From paths to plans: discover, read, choose, resolve; what `check`, `list`, `render` and a run have in common.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex::Regex;
use serde_json::Value;

use super::Process;
use super::options::Selection;
use crate::diagnostic::{Diagnostic, Level, Source, Span};
use crate::load::{self, Found, Loaded, Projects};
use crate::plan::{self, CaseSeed, Plan, Settings};
use crate::scenario::Files;

/// What was asked for on the command line, understood.
pub(crate) struct Chosen {
    /// The files that may be scenarios.
    pub(crate) found: Vec<Found>,
    tags: Vec<String>,
    name: Option<Regex>,
    /// Values of variables.
    pub(crate) overrides: BTreeMap<String, Value>,
}

/// Understands a selection; what is wrong with it is told as diagnostics.
pub(crate) fn choose(process: &Process, selection: &Selection, results: &Path) -> Result<Chosen, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let found = load::discover(&selection.paths, &process.cwd, results).unwrap_or_else(|told| {
        problems.extend(told);
        Vec::new()
    });
    let name = selection.name.as_ref().and_then(|name| match Regex::new(name) {
        Ok(regex) => Some(regex),
        Err(error) => {
            problems.push(on_command_line(
                "--name",
                name,
                &format!("no regular expression: {error}"),
            ));
            None
        }
    });
    let mut overrides = BTreeMap::new();
    for file in &selection.vars {
        match variables(&process.cwd.join(file), &file.display().to_string()) {
            Ok(variables) => overrides.extend(variables),
            Err(told) => problems.extend(told),
        }
    }
    for set in &selection.sets {
        match set.split_once('=') {
            Some((name, value)) => {
                overrides.insert(name.to_owned(), set_value(value));
            }
            None => problems.push(on_command_line("--set", set, "write it as `NAME=VALUE`")),
        }
    }
    if problems.is_empty() {
        Ok(Chosen {
            found,
            tags: selection.tags.clone(),
            name,
            overrides,
        })
    } else {
        Err(problems)
    }
}

/// A problem of the command line, drawn like those of files.
pub(crate) fn on_command_line(option: &str, value: &str, why: &str) -> Diagnostic {
    let source = Source::new("command line", format!("{option} {value}"));
    let start = option.len() + 1;
    let span = Span {
        start,
        end: start + value.len(),
        source,
    };
    Diagnostic::error(&span, why.to_owned())
}

/// YAML where it is plain data, the text itself where it is not.
fn set_value(text: &str) -> Value {
    let source = Source::new("--set", text);
    crate::yaml::parse(&source).map_or_else(|_| text.into(), |node| node.value())
}

fn variables(path: &Path, shown: &str) -> Result<Vec<(String, Value)>, Vec<Diagnostic>> {
    let source = load::text(path, shown).map_err(|problem| vec![*problem])?;
    let node = crate::yaml::parse(&source)?.merged();
    let Some(entries) = node.map() else {
        return Err(vec![Diagnostic::error(
            &node.span,
            "expected a mapping of variables to values",
        )]);
    };
    Ok(entries
        .iter()
        .filter_map(|(name, value)| Some((name.scalar()?.to_owned(), value.value())))
        .collect())
}

impl Chosen {
    /// True for a case that the selection takes.
    fn takes(&self, seed: &CaseSeed) -> bool {
        let has = |tag: &str| seed.info.tags.iter().any(|known| known == tag);
        let (without, with): (Vec<&String>, Vec<&String>) = self.tags.iter().partition(|tag| tag.starts_with('!'));
        with.is_empty() | with.iter().any(|tag| has(tag))
            && !without.iter().any(|tag| has(&tag[1..]))
            && self.name.as_ref().is_none_or(|name| name.is_match(&seed.info.name))
    }

    /// The cases of a scenario that are taken, numbered from `first`.
    pub(crate) fn cases(&self, loaded: &Loaded, first: usize) -> Vec<CaseSeed> {
        let mut seeds: Vec<CaseSeed> = plan::cases(loaded, 0)
            .into_iter()
            .filter(|seed| self.takes(seed))
            .collect();
        for (index, seed) in seeds.iter_mut().enumerate() {
            seed.renumber(first + index);
        }
        seeds
    }
}

/// Reads and plans: all scenarios of a selection, for a run.
pub(crate) struct Prepared {
    /// The cases with the plans of their first tries.
    pub(crate) jobs: Vec<crate::run::Job>,
    /// The files that were read.
    pub(crate) files: Files,
    /// Files that are none of ours.
    pub(crate) passed_over: usize,
    /// What is told, worst first in each file's order.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Reads and plans all that was chosen.
pub(crate) fn prepare(process: &Process, chosen: &Chosen, settings: &Settings) -> Prepared {
    let projects = Projects::seen_from(&process.cwd);
    let mut prepared = Prepared {
        jobs: Vec::new(),
        files: Files::seen_from(&process.cwd),
        passed_over: 0,
        diagnostics: Vec::new(),
    };
    let mut names: BTreeMap<String, Span> = BTreeMap::new();
    for found in &chosen.found {
        let loaded = match load::read(found, &projects) {
            Ok(Ok(loaded)) => Arc::new(loaded),
            Ok(Err(other)) => {
                prepared.passed_over += usize::from(other);
                continue;
            }
            Err(problems) => {
                prepared.diagnostics.extend(problems);
                continue;
            }
        };
        prepared.diagnostics.extend(twice(&mut names, &loaded));
        let seeds = chosen.cases(&loaded, prepared.jobs.len() + 1);
        for seed in seeds {
            match planned(&loaded, &seed, settings, &mut prepared.files, &process.cwd) {
                Ok(plan) => {
                    prepared.diagnostics.extend(plan.notes.iter().cloned());
                    prepared.jobs.push(crate::run::Job {
                        loaded: Arc::clone(&loaded),
                        seed,
                        plan,
                    });
                }
                Err(problems) => prepared.diagnostics.extend(problems),
            }
        }
    }
    prepared.diagnostics.extend(unused(chosen, &prepared));
    crate::diagnostic::sort(&mut prepared.diagnostics);
    prepared.diagnostics.dedup();
    prepared
}

/// Plans a case; reads what planning finds that it needs, until it needs no more.
pub(crate) fn planned(
    loaded: &Loaded,
    seed: &CaseSeed,
    settings: &Settings,
    files: &mut Files,
    cwd: &Path,
) -> Result<Plan, Vec<Diagnostic>> {
    loop {
        let plan = plan::resolve(loaded, seed, 1, settings, files);
        let wanted = files.take_wanted();
        if wanted.is_empty() {
            return plan;
        }
        load::fill(files, wanted, cwd);
    }
}

/// A name that two scenarios have: reports could not tell them apart.
pub(crate) fn twice(names: &mut BTreeMap<String, Span>, loaded: &Loaded) -> Option<Diagnostic> {
    let name = &loaded.scenario.scenario;
    match names.get(&name.value) {
        Some(first) => Some(
            Diagnostic::error(&name.span, format!("another scenario has the name `{}`", name.value))
                .related(first, "the first one")
                .help("a scenario's name is unique in a run"),
        ),
        None => {
            names.insert(name.value.clone(), name.span.clone());
            None
        }
    }
}

/// Values of the command line that no scenario has a variable for.
fn unused(chosen: &Chosen, prepared: &Prepared) -> Vec<Diagnostic> {
    if prepared.jobs.is_empty() {
        return Vec::new();
    }
    let mut known: Vec<&str> = Vec::new();
    for job in &prepared.jobs {
        known.extend(job.loaded.scenario.vars.names());
        known.extend(job.loaded.project.iter().flat_map(|project| project.0.vars.names()));
    }
    known.sort_unstable();
    known.dedup();
    let missing = chosen.overrides.keys().filter(|name| !known.contains(&name.as_str()));
    missing
        .map(|name| {
            on_command_line("--set", name, &format!("no scenario has a variable `{name}`"))
                .help(crate::diagnostic::known_names(name, &known))
        })
        .collect()
}

/// True when something keeps the run from starting.
pub(crate) fn refused(diagnostics: &[Diagnostic], strict: bool) -> bool {
    let worst = if strict { Level::Warning } else { Level::Error };
    diagnostics.iter().any(|diagnostic| diagnostic.level <= worst)
}

/// The results folder, absolute.
pub(crate) fn results(process: &Process, given: &Path) -> PathBuf {
    crate::scenario::normal(&process.cwd.join(given))
}
