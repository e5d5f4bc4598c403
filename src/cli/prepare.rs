//! From paths to plans: discover, read, choose, resolve; what `check`, `list`, `render` and a run have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex::Regex;
use serde_json::Value;

use super::Process;
use super::again::Last;
use super::options::Selection;
use crate::diagnostic::{Diagnostic, Level, Source, Span, did_you_mean, known_names};
use crate::image::Identities;
use crate::load::{self, Document, Found, Loaded, Projects};
use crate::mask::{HIDDEN, Masks, unshown};
use crate::plan::{self, CaseSeed, Settings};
use crate::scenario::Files;
use crate::shape::{Named, Problems, Shape};
use crate::substitute::Writable;
use crate::template::Data;

/// What was asked for on the command line, understood.
pub(crate) struct Chosen {
    /// The files that may be scenarios.
    pub(crate) found: Vec<Found>,
    tags: Vec<String>,
    name: Option<Regex>,
    /// Values of variables.
    pub(crate) overrides: BTreeMap<String, Value>,
    /// Where each value was given, for when no scenario wants it.
    given: BTreeMap<String, Span>,
    /// How often each case runs, if it is to be repeated.
    pub(crate) repeat: Option<u32>,
    /// The last run, of whose cases only those are meant that did not pass.
    pub(crate) again: Option<Last>,
}

/// Understands a selection; what is wrong with it is told as diagnostics.
pub(crate) fn choose(process: &Process, selection: &Selection) -> Result<Chosen, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let here = [PathBuf::from(".")];
    let paths = if selection.paths.is_empty() {
        &here[..]
    } else {
        &selection.paths
    };
    let found = load::discover(paths, &process.cwd).unwrap_or_else(|told| {
        problems.extend(told);
        Vec::new()
    });
    let name = selection.name.as_ref().and_then(|name| {
        let compiled = crate::template::regex(name);
        compiled
            .map_err(|why| problems.push(Diagnostic::error(&typed("--name", name, name.len()), why)))
            .ok()
    });
    let (mut overrides, mut given) = (BTreeMap::new(), BTreeMap::new());
    for file in &selection.vars {
        match variables(&process.cwd.join(file), &file.display().to_string()) {
            Err(told) => problems.extend(told),
            Ok(variables) => {
                for (name, value, span) in variables {
                    given.insert(name.clone(), span);
                    overrides.insert(name, value);
                }
            }
        }
    }
    for set in &selection.sets {
        match set.split_once('=') {
            Some((name, value)) => {
                // A value of which nobody knows what it is may be the one that is to be hidden.
                let shown = format!("{name}={HIDDEN}");
                given.insert(name.to_owned(), typed("--set", &shown, name.len()));
                overrides.insert(name.to_owned(), set_value(value));
            }
            None => problems.push(no_value(set)),
        }
    }
    if problems.is_empty() {
        Ok(Chosen {
            found,
            tags: selection.tags.clone(),
            name,
            overrides,
            given,
            repeat: None,
            again: None,
        })
    } else {
        Err(problems)
    }
}

/// A place on the command line, as places of files are: the first bytes of an option's value.
fn typed(option: &str, value: &str, length: usize) -> Span {
    let start = option.len() + 1;
    Span {
        source: Source::new("command line", format!("{option} {value}")),
        start,
        end: start + length,
    }
}

/// A `--set` without `=`; what stands behind the name in another way may be meant as its value, and is not shown.
fn no_value(set: &str) -> Diagnostic {
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let name = set.trim_start_matches(is_of_name);
    let name = &set[..set.len() - name.len()];
    let shown = match name.len() == set.len() {
        true => set.to_owned(),
        false => format!("{name}{HIDDEN}"),
    };
    Diagnostic::error(&typed("--set", &shown, shown.len()), format!("`{shown}` has no value"))
        .help("write it as `NAME=VALUE`")
}

/// YAML where it is plain data, the text itself where it is not.
fn set_value(text: &str) -> Value {
    let source = Source::new("--set", text);
    match crate::yaml::parse(&source) {
        Ok(node) if crate::yaml::foreign_tags(&node).is_empty() => node.value(),
        _ => text.into(),
    }
}

fn variables(path: &Path, shown: &str) -> Result<Vec<(String, Value, Span)>, Vec<Diagnostic>> {
    let source = load::text(path, shown).map_err(|problem| vec![*problem])?;
    // Any of the values may be one to be hidden: which are, only the scenarios say.
    let node = crate::yaml::parse(&source).map_err(|problems| unshown::hide_lines(&source, problems))?;
    let node = node.merged();
    unshown::hide_values(&node);
    let refused = |problems| Err(unshown::without_values(&node, problems));
    let tags = crate::yaml::foreign_tags(&node);
    if !tags.is_empty() {
        return refused(tags);
    }
    let Some(entries) = node.map() else {
        let problem = Diagnostic::error(&node.span.part(0, 0), "expected a mapping of variables to values");
        return Err(vec![problem.help("write a line `name: value` for each variable")]);
    };
    // The traps are those of `vars`; a text is taken as it is.
    let mut problems = Problems::default();
    Named::<Data>::read(&node, &mut problems);
    if !problems.diagnostics.is_empty() {
        return refused(problems.diagnostics);
    }
    Ok(entries
        .iter()
        .filter_map(|(name, value)| Some((name.scalar()?.to_owned(), value.value(), name.span.clone())))
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
            && self.again.as_ref().is_none_or(|last| last.wants(&seed.info))
    }

    /// The cases of a scenario that are taken, numbered from `first`, and the others.
    pub(crate) fn cases(&self, loaded: &Loaded, first: usize) -> (Vec<CaseSeed>, Vec<CaseSeed>) {
        let seeds = plan::cases(loaded, 0).into_iter();
        let (taken, others): (Vec<CaseSeed>, Vec<CaseSeed>) = seeds.partition(|seed| self.takes(seed));
        let mut taken = match self.repeat {
            Some(times) => taken.iter().flat_map(|seed| seed.repeated(times)).collect(),
            None => taken,
        };
        for (index, seed) in taken.iter_mut().enumerate() {
            seed.renumber(first + index);
        }
        (taken, others)
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
    /// How many scenarios were read, selected or not.
    pub(crate) scenarios: usize,
    /// Their files, as the user would write them.
    pub(crate) files_read: BTreeSet<String>,
    /// The names of all their cases.
    pub(crate) names: BTreeSet<String>,
    /// Files that somebody may take for project files.
    pub(crate) ignored: Vec<Diagnostic>,
    /// Folders that several of the cases can write to.
    pub(crate) shared: Vec<Diagnostic>,
    /// What is told, worst first in each file's order.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Prepared {
    /// Notes what cases a file has.
    fn knows<'s>(&mut self, file: &str, seeds: impl Iterator<Item = &'s CaseSeed>) {
        self.files_read.insert(file.to_owned());
        self.names.extend(seeds.map(|seed| seed.info.base().to_owned()));
    }

    /// Plans a case that is to run.
    fn plan(&mut self, loaded: &Arc<Loaded>, seed: CaseSeed, settings: &Settings) {
        match plan::filled(loaded, &seed, 1, settings, &self.files) {
            Ok(plan) => {
                self.diagnostics.extend(plan.notes.iter().cloned());
                self.jobs.push(crate::run::Job {
                    loaded: Arc::clone(loaded),
                    seed,
                    plan,
                });
            }
            Err(problems) => self.diagnostics.extend(problems),
        }
    }
}

/// Reads and plans all that was chosen.
pub(crate) fn prepare(process: &Process, chosen: &Chosen, settings: &Settings) -> Prepared {
    let projects = Projects::seen_from(&process.cwd);
    let mut prepared = Prepared {
        jobs: Vec::new(),
        files: Files::seen_from(&process.cwd),
        passed_over: 0,
        scenarios: 0,
        files_read: BTreeSet::new(),
        names: BTreeSet::new(),
        ignored: Vec::new(),
        shared: Vec::new(),
        diagnostics: Vec::new(),
    };
    let mut names: BTreeMap<String, Span> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for found in &chosen.found {
        let loaded = match load::read(found, &projects) {
            Ok(Document::Scenario(loaded)) => Arc::new(*loaded),
            Ok(Document::Template(_) | Document::Project(_)) => continue,
            Ok(Document::Other) => {
                prepared.passed_over += 1;
                continue;
            }
            Err(problems) => {
                prepared.diagnostics.extend(problems);
                continue;
            }
        };
        prepared.diagnostics.extend(twice(&mut names, &loaded));
        prepared.scenarios += 1;
        let (seeds, others) = chosen.cases(&loaded, prepared.jobs.len() + 1);
        prepared.knows(&loaded.file, seeds.iter().chain(&others));
        if !seeds.is_empty() {
            variables_of(&loaded, &mut known);
        }
        let files = &prepared.files;
        let wrong = others.iter().flat_map(|seed| errors(&loaded, seed, settings, files));
        prepared.diagnostics.extend(wrong);
        for seed in seeds {
            prepared.plan(&loaded, seed, settings);
        }
    }
    if !prepared.jobs.is_empty() {
        prepared.diagnostics.extend(unused(chosen, &known));
    }
    prepared.shared = shared(&prepared.jobs);
    prepared.ignored = projects.ignored();
    prepared.diagnostics.extend(prepared.ignored.iter().cloned());
    crate::diagnostic::sort(&mut prepared.diagnostics);
    prepared.diagnostics.dedup();
    prepared
}

/// What is told of each folder that several cases can write to: they see what the others write.
fn shared(jobs: &[crate::run::Job]) -> Vec<Diagnostic> {
    let mut folders: BTreeMap<&Path, (&Writable, BTreeSet<usize>)> = BTreeMap::new();
    for (case, job) in jobs.iter().enumerate() {
        for writable in job.plan.stacks.iter().flat_map(|stack| &stack.planned.writable) {
            let folder = folders.entry(&writable.path);
            folder.or_insert_with(|| (writable, BTreeSet::new())).1.insert(case);
        }
    }
    let shared = folders.into_values().filter(|(_, cases)| cases.len() > 1);
    let told = shared.map(|(writable, cases)| {
        let masks = Masks::default();
        cases.iter().for_each(|case| jobs[*case].plan.hide(&masks));
        writable.note().reworded(|text| masks.hide(text))
    });
    told.collect()
}

/// The errors of a case that was not selected. A selection chooses what runs, not what is looked at: a file that is wrong
/// may be the very one that was meant, and its name or its tags what is wrong with it.
pub(crate) fn errors(loaded: &Loaded, seed: &CaseSeed, settings: &Settings, files: &Files) -> Vec<Diagnostic> {
    let settings = Settings {
        // Nothing of it is built.
        identities: Identities::None,
        ..settings.clone()
    };
    let mut problems = plan::filled(loaded, seed, 1, &settings, files)
        .err()
        .unwrap_or_default();
    problems.retain(|problem| problem.level == Level::Error);
    problems
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

/// Adds the variables that a scenario has.
pub(crate) fn variables_of(loaded: &Loaded, known: &mut BTreeSet<String>) {
    let project = loaded.project.iter().flat_map(|project| project.0.vars.names());
    known.extend(loaded.scenario.vars.names().chain(project).map(str::to_owned));
}

/// Values of the command line that no scenario has a variable for.
pub(crate) fn unused(chosen: &Chosen, known: &BTreeSet<String>) -> Vec<Diagnostic> {
    let missing = chosen.given.iter().filter(|(name, _)| !known.contains(*name));
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    let problem = |(name, span): (&String, &Span)| {
        let problem = Diagnostic::error(span, format!("no selected scenario has a variable `{name}`"));
        problem.help(match names.is_empty() {
            true => "none of them has `vars`: a name has to be declared there".to_owned(),
            false if did_you_mean(name, &names).is_some() => known_names(name, &names),
            false => format!("{}; a name has to be declared under `vars`", known_names(name, &names)),
        })
    };
    missing.map(problem).collect()
}

/// Why there is nothing to do, and what to do about it.
pub(crate) fn nothing(verb: &str, chosen: &Chosen, scenarios: usize) -> String {
    let why = match (chosen.found.len(), scenarios) {
        (0, _) => "there is no YAML file; a scenario is one with the key `scenario`".to_owned(),
        (1, 0) => "the YAML file that is there has no key `scenario`".to_owned(),
        (files, 0) => format!("none of the {files} YAML files has the key `scenario`"),
        (_, scenarios) => {
            let tags = chosen.tags.iter().map(|tag| format!("--tags {tag}"));
            let name = chosen.name.iter().map(|name| format!("--name {name}"));
            let again = chosen.again.iter().map(|_| "--rerun-failed".to_owned());
            let options: Vec<String> = tags
                .chain(name)
                .chain(again)
                .map(|option| format!("`{option}`"))
                .collect();
            let scenarios = match scenarios {
                1 => "the one scenario that is there".to_owned(),
                _ => format!("the {scenarios} scenarios"),
            };
            format!(
                "no case of {scenarios} fits {}; `e2erun list` shows names and tags",
                options.join(" and ")
            )
        }
    };
    format!("nothing to {verb}: {why}\n")
}

/// True when something keeps the run from starting.
pub(crate) fn refused(diagnostics: &[Diagnostic], strict: bool) -> bool {
    let worst = if strict { Level::Warning } else { Level::Error };
    diagnostics.iter().any(|diagnostic| diagnostic.level <= worst)
}

/// Why results cannot go there: scenarios stand in that folder, and a run removes there what it made.
pub(crate) fn among_scenarios(process: &Process, chosen: &Chosen, results: &Path) -> Option<String> {
    let projects = Projects::seen_from(&process.cwd);
    let is_ours = |found: &&Found| !matches!(load::read(found, &projects), Ok(Document::Other));
    let mut below = chosen.found.iter().filter(|found| found.path.starts_with(results));
    Some(format!(
        "`--results` wants a folder of its own: `{}` is in that one, and the results would stand among the scenarios",
        below.find(is_ours)?.shown
    ))
}

/// The results folder, absolute.
pub(crate) fn results(process: &Process, given: &Path) -> PathBuf {
    crate::scenario::normal(&process.cwd.join(given))
}
