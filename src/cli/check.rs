//! `e2erun check`: every problem of the scenarios, without Docker; file by file, so that ten thousand need no memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::options::CheckArguments;
use super::prepare::{self, Chosen};
use super::{NOTHING, Process, UNKNOWN, USAGE, connect, terminal};
use crate::diagnostic::{Diagnostic, Source, Span, Spanned, known_names};
use crate::image::Identities;
use crate::load::{self, Document, Projects};
use crate::plan::{self, Plan, Settings};
use crate::scenario::{Files, Template};
use crate::step::BUILT_IN;

/// What checking one file came to.
#[derive(Default)]
struct Checked {
    scenarios: usize,
    cases: usize,
    passed_over: usize,
    /// Templates and project files that were checked by themselves.
    templates: usize,
    projects: usize,
    /// The numbers of the templates that were only found, and the paths of those that scenarios use.
    found: Vec<usize>,
    used: BTreeSet<PathBuf>,
    diagnostics: Vec<Diagnostic>,
    /// The scenarios' names.
    names: Vec<Name>,
    /// The variables of the scenarios that are selected.
    variables: BTreeSet<String>,
    masks: Masked,
}

/// The names that project files mask, by their place, each with all that its scenarios have.
type Masked = BTreeMap<(String, usize), (Spanned<String>, BTreeSet<String>)>;

/// A scenario's name and where it is written; the file's text is forgotten.
struct Name {
    name: String,
    /// The file's number among all that were found.
    file: usize,
    range: Range<usize>,
}

impl Name {
    /// Its place, the file read anew: only a name that is there twice is told.
    fn span(&self, found: &[load::Found]) -> Span {
        let file = &found[self.file];
        let source = load::text(&file.path, &file.shown).unwrap_or_else(|_| Source::new(&file.shown, ""));
        Span {
            source,
            start: self.range.start,
            end: self.range.end,
        }
    }
}

/// Checks what was selected.
pub(crate) fn check(process: &Process, arguments: &CheckArguments) -> u8 {
    let color = terminal::color(process, arguments.no_color);
    let results = prepare::results(process, Path::new("e2erun-results"));
    let chosen = match prepare::choose(process, &arguments.selection) {
        Ok(chosen) => chosen,
        Err(problems) => {
            terminal::diagnostics(&problems, color);
            return USAGE;
        }
    };
    let elsewhere = match connect::elsewhere(process, arguments.docker.as_deref()) {
        Err(why) if arguments.docker.is_some() => return terminal::refuse(&why.to_string()),
        // Without one nothing is asked of Docker, its configuration neither.
        elsewhere => elsewhere.unwrap_or_default(),
    };
    let settings = Settings {
        elsewhere,
        ..settings(process, &chosen, results)
    };
    let mut checked = all(process, &chosen, &settings);
    checked
        .diagnostics
        .extend(twice(std::mem::take(&mut checked.names), &chosen.found));
    if checked.cases > 0 {
        checked.diagnostics.extend(prepare::unused(&chosen, &checked.variables));
    }
    if !prepare::refused(&checked.diagnostics, false) {
        checked.diagnostics.extend(unmasked(&checked.masks));
    }
    crate::diagnostic::sort(&mut checked.diagnostics);
    checked.diagnostics.dedup();
    terminal::diagnostics(&checked.diagnostics, color);
    let written = arguments
        .junit
        .as_ref()
        .is_none_or(|junit| super::report::write_invalid(process, junit, &checked.diagnostics));
    if prepare::refused(&checked.diagnostics, arguments.strict) {
        terminal::print_error(&format!("invalid: {}\n", terminal::counted(&checked.diagnostics)));
        return USAGE;
    }
    if checked.cases == 0 && (checked.scenarios > 0 || checked.templates + checked.projects == 0) {
        terminal::print_error(&prepare::nothing("check", &chosen, checked.scenarios));
        return NOTHING;
    }
    if !arguments.quiet {
        terminal::print(&summary(&checked));
    }
    if written { 0 } else { UNKNOWN }
}

fn summary(checked: &Checked) -> String {
    let told = terminal::counted(&checked.diagnostics);
    let told = if told.is_empty() {
        String::new()
    } else {
        format!("; {told}")
    };
    let over = match checked.passed_over {
        0 => String::new(),
        over => format!("; {} passed over", plural(over, "other YAML file")),
    };
    let parts = [
        (checked.scenarios, "scenario"),
        (checked.cases, "case"),
        (checked.templates, "template"),
        (checked.projects, "project file"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| plural(count, what)).collect();
    format!("ok: {}{over}{told}\n", parts.join(", "))
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Settings of a check: nothing runs, so nothing is random.
pub(crate) fn settings(process: &Process, chosen: &Chosen, results: std::path::PathBuf) -> Settings {
    Settings {
        run: "check".to_owned(),
        seed: String::new(),
        overrides: chosen.overrides.clone(),
        env: process.env.clone(),
        results,
        hidden: crate::lease::private("check"),
        keep: None,
        baseline: plan::Baselining::default(),
        elsewhere: None,
        identities: Identities::None,
    }
}

/// Checks all files, on all cores; each is forgotten when it was checked.
fn all(process: &Process, chosen: &Chosen, settings: &Settings) -> Checked {
    let projects = Projects::seen_from(&process.cwd);
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Checked::default());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut own = Checked::default();
                let files = Files::seen_from(&process.cwd);
                let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
                for number in numbers.take_while(|number| *number < chosen.found.len()) {
                    one(chosen, settings, (&projects, &files), (number, &mut own));
                }
                own.used = files.templates();
                let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                total.scenarios += own.scenarios;
                total.cases += own.cases;
                total.passed_over += own.passed_over;
                total.templates += own.templates;
                total.projects += own.projects;
                total.found.append(&mut own.found);
                total.used.append(&mut own.used);
                total.diagnostics.append(&mut own.diagnostics);
                total.names.append(&mut own.names);
                total.variables.append(&mut own.variables);
                for (place, (name, mut known)) in own.masks {
                    let total = total.masks.entry(place).or_insert((name, BTreeSet::new()));
                    total.1.append(&mut known);
                }
            });
        }
    });
    let mut total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    unused(process, chosen, &projects, &mut total);
    total.diagnostics.extend(projects.ignored());
    total
}

/// Checks the templates that were found and that no scenario uses: those that one does were checked with it.
fn unused(process: &Process, chosen: &Chosen, projects: &Projects, total: &mut Checked) {
    let files = Files::seen_from(&process.cwd);
    for number in std::mem::take(&mut total.found) {
        let found = &chosen.found[number];
        if total.used.contains(&crate::scenario::normal(&found.path)) {
            continue;
        }
        // One that cannot be read was told when it was found.
        if let Ok(Document::Template(template)) = load::read(found, projects) {
            alone(found, &template, (projects, &files), total);
        }
    }
}

/// Checks a template by itself.
fn alone(found: &load::Found, template: &Template, (projects, files): (&Projects, &Files), checked: &mut Checked) {
    checked.templates += 1;
    let folder = found.path.parent().unwrap_or(Path::new("/"));
    let told = projects.of(folder).map(|project| {
        let project = project.as_deref().map(|(project, _)| project);
        plan::alone::template(template, &found.path, project, files)
    });
    checked.diagnostics.extend(told.unwrap_or_else(|told| told));
}

fn one(
    chosen: &Chosen,
    settings: &Settings,
    (projects, files): (&Projects, &Files),
    (number, checked): (usize, &mut Checked),
) {
    let found = &chosen.found[number];
    let loaded = match load::read(found, projects) {
        Ok(Document::Scenario(loaded)) => loaded,
        Ok(Document::Template(template)) if found.named => {
            return alone(found, &template, (projects, files), checked);
        }
        Ok(Document::Template(_)) => return checked.found.push(number),
        Ok(Document::Project(project)) => {
            let (project, folder) = &*project;
            checked.projects += 1;
            return checked.diagnostics.extend(plan::alone::project(project, folder, files));
        }
        Ok(Document::Other) => {
            checked.passed_over += 1;
            return;
        }
        Err(problems) => {
            checked.diagnostics.extend(problems);
            return;
        }
    };
    checked.scenarios += 1;
    let name = &loaded.scenario.scenario;
    checked.names.push(Name {
        name: name.value.clone(),
        file: number,
        range: name.span.start..name.span.end,
    });
    let mut told = Vec::new();
    let (seeds, others) = chosen.cases(&loaded, 1);
    if !seeds.is_empty() && !chosen.overrides.is_empty() {
        prepare::variables_of(&loaded, &mut checked.variables);
    }
    for seed in seeds {
        checked.cases += 1;
        match plan::filled(&loaded, &seed, 1, settings, files) {
            Ok(plan) => {
                add_masks(&loaded, &plan, &mut checked.masks);
                told.extend(plan.notes);
            }
            Err(problems) => told.extend(problems),
        }
    }
    for seed in others {
        told.extend(prepare::errors(&loaded, &seed, settings, files));
    }
    // The cases of a matrix have most of their problems in common.
    crate::diagnostic::sort(&mut told);
    told.dedup();
    checked.diagnostics.extend(told);
}

fn add_masks(loaded: &load::Loaded, plan: &Plan, masks: &mut Masked) {
    let project = loaded.project.iter().flat_map(|project| &project.0.mask);
    for name in project {
        let place = (name.span.source.path.clone(), name.span.start);
        let entry = masks.entry(place).or_insert_with(|| (name.clone(), BTreeSet::new()));
        entry.1.extend(plan.own_names.iter().cloned());
    }
}

/// Names that a project file masks, and nothing has: one scenario may well go without, all of them hardly.
fn unmasked(masks: &Masked) -> Vec<Diagnostic> {
    let is_known = |name: &String, known: &BTreeSet<String>| known.contains(name) || BUILT_IN.contains(&name.as_str());
    let unknown = masks.values().filter(|(name, known)| !is_known(&name.value, known));
    let told = unknown.map(|(name, known)| {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let message = format!(
            "no selected scenario has a name `{}`: nothing is hidden by it",
            name.value
        );
        Diagnostic::note(&name.span, message).help(known_names(&name.value, &known))
    });
    told.collect()
}

fn twice(mut names: Vec<Name>, found: &[load::Found]) -> Vec<Diagnostic> {
    let shown = |name: &Name| found[name.file].shown.as_str();
    names.sort_by(|a, b| (&a.name, shown(a)).cmp(&(&b.name, shown(b))));
    let again = names.chunk_by(|a, b| a.name == b.name).filter(|same| same.len() > 1);
    let told = again.flat_map(|same| {
        let first = same[0].span(found);
        same[1..].iter().map(move |name| {
            Diagnostic::error(
                &name.span(found),
                format!("another scenario has the name `{}`", name.name),
            )
            .related(&first, "the first one")
            .help("a scenario's name is unique in a run")
        })
    });
    told.collect()
}
