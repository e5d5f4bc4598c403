//! Names → ids: a scenario as written becomes the plan of one case and one attempt. Pure: files come from the memo.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Span};
use crate::event::{CaseInfo, Phase};
use crate::image::{self, Identities, ImagePlan};
use crate::load::Loaded;
use crate::mask::Masks;
use crate::scenario::{Collect, Files, Matrix, Partial, Project, Requires};
use crate::shape::Named;
use crate::stack::{self, Lock, StackPlan};
use crate::step::{Binder, Bound, Keep, Known, KnownIssue, Skip, StackNames, Static, path_problem};
use crate::template::{Data, Scope, Template, Unrendered};

/// The run's own folder in the results, of what is gone when the images are built.
pub const SCRATCH: &str = "scratch";
/// The default limit of one try of a scenario.
const TIMEOUT: Duration = Duration::from_secs(600);

/// What planning needs to know of the run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The run's id: short, `[a-z0-9]`.
    pub run: String,
    /// Secret of the run: seeds `random()`.
    pub seed: String,
    /// Variables from the command line, over the scenario's own.
    pub overrides: BTreeMap<String, Value>,
    /// The process's environment; only what `requires.env` lists is seen.
    pub env: BTreeMap<String, String>,
    /// The results folder, absolute.
    pub results: PathBuf,
    /// Whether to keep, over the scenario's own.
    pub keep: Option<Keep>,
    /// What the identity of a build is made of: nothing for `check`, and the images of an engine in a run.
    pub identities: Identities,
}

/// One case and one attempt, all names bound.
#[derive(Debug)]
pub struct Plan {
    /// The case.
    pub info: CaseInfo,
    /// The try, from 1.
    pub attempt: u32,
    /// Its id: in the names and labels of all that it makes.
    pub id: String,
    /// The names known before anything starts, and the seed.
    pub scope: Scope,
    /// Names whose values are hidden.
    pub masked: Vec<String>,
    /// Those of them whose values are no matter of this case alone: given to the run, or masked by the project.
    pub masked_everywhere: Vec<String>,
    /// The scenario's folder.
    pub folder: PathBuf,
    /// Its folder in the results, absolute: that of the try.
    pub results: PathBuf,
    /// Its scratch folder.
    pub scratch: PathBuf,
    /// Limit of the try, cleanup apart.
    pub timeout: Duration,
    /// How often it is tried again.
    pub retries: u32,
    /// Whether what it started is left.
    pub keep: Keep,
    /// What must be there.
    pub requires: Vec<Requires>,
    /// When it is skipped.
    pub skip: Vec<Skip>,
    /// Failures that are known.
    pub known_issues: Vec<KnownIssue>,
    /// Images, in an order in which each comes after those that it is made from.
    pub images: Vec<ImagePlan>,
    /// Stacks, by number.
    pub stacks: Vec<Arc<StackPlan>>,
    /// Their names, for targets.
    pub names: Vec<StackNames>,
    /// The steps by phase, in the order of the phases.
    pub phases: BTreeMap<Phase, Vec<Bound>>,
    /// Steps by whose beginning logs are marked.
    pub marks: BTreeSet<String>,
    /// What is copied into the results.
    pub collect: Vec<Collect>,
    /// What cannot be freed: such scenarios wait for each other.
    pub locks: Vec<Lock>,
    /// What `check` tells beside problems.
    pub notes: Vec<Diagnostic>,
}

impl Plan {
    /// True when a step asks from inside a service's network.
    pub fn asks_inside(&self) -> bool {
        self.phases.values().flatten().any(Bound::asks_inside)
    }

    /// The images that its steps name, whoever makes them: a step before may do so.
    pub fn step_images(&self) -> impl Iterator<Item = &str> {
        self.phases.values().flatten().flat_map(Bound::images)
    }

    /// Hides the values of masked names that are known early.
    pub fn hide(&self, masks: &Masks) {
        self.hide_names(&self.masked, masks);
    }

    /// Hides those that are to be hidden in the other cases, too.
    pub fn hide_everywhere(&self, masks: &Masks) {
        self.hide_names(&self.masked_everywhere, masks);
    }

    fn hide_names(&self, names: &[String], masks: &Masks) {
        let values = names.iter().map(|name| self.scope.values.get(name));
        values.flatten().for_each(|value| masks.add(value));
    }
}

/// A case of a scenario before it is planned.
#[derive(Debug, Clone)]
pub struct CaseSeed {
    /// What is known of it.
    pub info: CaseInfo,
    /// Its number among the scenario's combinations.
    pub combination: usize,
}

/// The cases of a scenario, numbered from `first`.
pub fn cases(loaded: &Loaded, first: usize) -> Vec<CaseSeed> {
    let scenario = &loaded.scenario;
    let project = loaded.project.as_deref().map(|(project, _)| project);
    let mut tags: Vec<String> = scenario.tags.iter().map(|tag| tag.value.clone()).collect();
    tags.extend(
        project
            .into_iter()
            .flat_map(|project| &project.tags)
            .map(|tag| tag.value.clone()),
    );
    let mut properties: BTreeMap<String, String> = BTreeMap::new();
    for named in project
        .into_iter()
        .map(|project| &project.properties)
        .chain([&scenario.properties])
    {
        properties.extend(named.iter().map(|(name, value)| (name.to_owned(), value.value.clone())));
    }
    let place = scenario.scenario.span.place();
    // A folder's name cannot be hidden afterwards.
    let hides = !scenario.mask.is_empty() || project.is_some_and(|project| !project.mask.is_empty());
    let combinations = Matrix::cases(scenario.matrix.as_ref());
    let seeds = combinations.iter().enumerate().map(|(combination, values)| {
        let name = format!("{}{}", scenario.scenario.value, Matrix::suffix(values));
        let info = CaseInfo {
            number: first + combination,
            file: loaded.file.clone(),
            place: place.clone(),
            scenario: scenario.scenario.value.clone(),
            folder: folder_name(
                first + combination,
                if hides { &scenario.scenario.value } else { &name },
            ),
            name,
            matrix: values
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            tags: tags.clone(),
            properties: properties.clone(),
        };
        CaseSeed { info, combination }
    });
    seeds.collect()
}

/// A case's folder in the results: its number and what of its name a file system takes.
fn folder_name(number: usize, name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '=' | '.' | '_') => slug.push(c),
            _ if !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let slug: String = slug.chars().take(60).collect();
    numbered(number) + slug.trim_matches(['-', '.'])
}

fn numbered(number: usize) -> String {
    format!("{number:03}-")
}

/// Plans one attempt of a case. What is wanted of the memo and not there yet makes the answer preliminary.
pub fn resolve(
    loaded: &Loaded,
    seed: &CaseSeed,
    attempt: u32,
    settings: &Settings,
    files: &Files,
) -> Result<Plan, Vec<Diagnostic>> {
    Resolving::new(loaded, seed, attempt, settings, files).plan()
}

/// What resolving has found out, before it is put together.
struct Parts {
    results: PathBuf,
    images: Vec<ImagePlan>,
    stacks: Vec<StackPlan>,
    names: Vec<StackNames>,
    phases: BTreeMap<Phase, Vec<Bound>>,
    marks: BTreeSet<String>,
    masked: Vec<String>,
    notes: Vec<Diagnostic>,
}

struct Resolving<'a> {
    loaded: &'a Loaded,
    seed: &'a CaseSeed,
    attempt: u32,
    settings: &'a Settings,
    files: &'a Files,
    id: String,
    scope: Scope,
    problems: Vec<Diagnostic>,
}

impl<'a> Resolving<'a> {
    fn new(loaded: &'a Loaded, seed: &'a CaseSeed, attempt: u32, settings: &'a Settings, files: &'a Files) -> Self {
        let id = format!("{}-{}-{attempt}", settings.run, seed.info.number);
        let scope = Scope {
            seed: format!("{}{id}", settings.seed),
            ..Scope::default()
        };
        Resolving {
            loaded,
            seed,
            attempt,
            settings,
            files,
            id,
            scope,
            problems: loaded.partial.problems.clone(),
        }
    }

    fn project(&self) -> Option<&'a Project> {
        self.loaded.project.as_deref().map(|(project, _)| project)
    }

    fn plan(mut self) -> Result<Plan, Vec<Diagnostic>> {
        let scenario = Arc::clone(&self.loaded.scenario);
        let results = self.results();
        let env = self.built_in(&results.join("scratch"));
        self.variables();
        let mut images = self.images();
        let stacks = self.stacks(&results, &mut images);
        let names: Vec<StackNames> = stacks.iter().map(|stack| stack.names()).collect();
        let matrix: Vec<String> = scenario
            .matrix
            .as_ref()
            .map_or_else(Vec::new, |matrix| matrix.names.clone());
        let image_names: Vec<String> = scenario.images.names().map(str::to_owned).collect();
        let partial = self.partial(&names);
        let (limits, none) = (self.project().map(|project| &project.timeouts), Named::default());
        let fixed = Static {
            partial: &partial,
            stacks: &names,
            images: &image_names,
            env: &env,
            matrix: &matrix,
            files: self.files,
            limits: limits.unwrap_or(&none),
        };
        let mut binder = Binder::new(&fixed, self.scope.clone(), self.loaded.folder.clone());
        let phases = bind_phases(&mut binder, &scenario);
        // Those of the project file are for all its scenarios: one of them may well not have the service.
        scenario.collect.iter().for_each(|entry| binder.collected(&entry.path));
        binder.tell_saved_later();
        let (known, marks) = (
            binder.known.clone(),
            binder.marks.iter().cloned().collect::<BTreeSet<_>>(),
        );
        self.problems.append(&mut binder.problems);
        self.check_steps_since(&marks, &binder.step_names, &scenario.scenario.span);
        self.check_top_level(&known, &fixed);
        let masked = self.masked(&known, &partial);
        if self
            .problems
            .iter()
            .any(|problem| problem.level == crate::diagnostic::Level::Error)
        {
            return Err(self.problems);
        }
        // What is left of the problems keeps nothing from starting.
        let told = notes(&scenario, &phases, &stacks);
        let notes = std::mem::take(&mut self.problems).into_iter().chain(told).collect();
        Ok(self.finished(Parts {
            results,
            images,
            stacks,
            names,
            phases,
            marks,
            masked,
            notes,
        }))
    }

    /// The plan of its parts, with what is said once for all of it.
    fn finished(self, parts: Parts) -> Plan {
        let scenario = Arc::clone(&self.loaded.scenario);
        let project = self.project();
        let locks = parts
            .stacks
            .iter()
            .flat_map(|stack| stack.locks())
            .collect::<BTreeSet<_>>();
        let keep = self.settings.keep.or(scenario
            .keep
            .as_ref()
            .or(project.and_then(|p| p.keep.as_ref()))
            .map(|keep| keep.value));
        let limit = scenario
            .timeout
            .as_ref()
            .or(project.and_then(|project| project.timeout.as_ref()));
        let retries = scenario
            .retries
            .as_ref()
            .or(project.and_then(|project| project.retries.as_ref()));
        let masked_everywhere = self.masked_everywhere(&parts.masked);
        Plan {
            info: self.seed.info.clone(),
            attempt: self.attempt,
            id: self.id,
            scope: self.scope,
            masked_everywhere,
            masked: parts.masked,
            folder: self.loaded.folder.clone(),
            scratch: parts.results.join("scratch"),
            results: parts.results,
            timeout: limit.map_or(TIMEOUT, |limit| limit.value),
            retries: retries.map_or(0, |retries| u32::try_from(retries.value).unwrap_or(u32::MAX)),
            keep: keep.unwrap_or(Keep::Never),
            requires: project
                .and_then(|p| p.requires.clone())
                .into_iter()
                .chain(scenario.requires.clone())
                .collect(),
            skip: scenario.skip.clone(),
            known_issues: scenario.known_issue.clone(),
            images: parts.images,
            stacks: parts.stacks.into_iter().map(Arc::new).collect(),
            names: parts.names,
            phases: parts.phases,
            marks: parts.marks,
            collect: project
                .into_iter()
                .flat_map(|p| p.collect.clone())
                .chain(scenario.collect.clone())
                .collect(),
            locks: locks.into_iter().collect(),
            notes: parts.notes,
        }
    }

    /// The try's own folder: what one leaves is not overwritten by the next.
    fn results(&self) -> PathBuf {
        let case = self.settings.results.join(&self.seed.info.folder);
        match self.attempt {
            1 => case,
            attempt => case.join(format!("try-{attempt}")),
        }
    }

    /// The masked names whose values come from the command line, or that the project masks.
    fn masked_everywhere(&self, masked: &[String]) -> Vec<String> {
        let of_project = |name: &String| {
            let mut project = self.project().into_iter().flat_map(|project| &project.mask);
            project.any(|masked| masked.value == *name)
        };
        let everywhere = |name: &&String| self.settings.overrides.contains_key(*name) || of_project(name);
        masked.iter().filter(everywhere).cloned().collect()
    }

    fn put(&mut self, name: &str, value: Value) {
        self.scope.values.insert(name.to_owned(), Arc::new(value));
    }

    /// The built-in names that are known early; gives the names of the environment that are seen.
    fn built_in(&mut self, scratch: &Path) -> Vec<String> {
        let scenario = &self.loaded.scenario;
        let project = self.project();
        let requires = project
            .and_then(|project| project.requires.as_ref())
            .into_iter()
            .chain(scenario.requires.as_ref());
        let names: Vec<String> = requires
            .flat_map(|requires| &requires.env)
            .map(|name| name.value.clone())
            .collect();
        // One that is not set makes the scenario skipped; planning goes on to find what else there is to say.
        let env: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| {
                (
                    name.clone(),
                    self.settings.env.get(name).cloned().unwrap_or_default().into(),
                )
            })
            .collect();
        let matrix: serde_json::Map<String, Value> = self
            .seed
            .info
            .matrix
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        self.put("env", env.into());
        self.put("matrix", matrix.into());
        self.put("run", json!({"id": self.settings.run}));
        let name = self.loaded.scenario.scenario.value.clone();
        self.put(
            "scenario",
            json!({"name": name, "dir": self.loaded.folder.display().to_string()}),
        );
        self.put("scratch", scratch.display().to_string().into());
        self.put("got", json!({}));
        names
    }

    /// Variables in their order: the project's, then the scenario's, those of the command line over both.
    fn variables(&mut self) {
        let loaded = self.loaded;
        let scenario = &loaded.scenario.vars;
        let project = loaded.project.as_deref().map(|(project, _)| &project.vars);
        for (name, value) in self.settings.overrides.clone() {
            self.put(&name, value);
        }
        for (name, (span, data)) in project.into_iter().chain([scenario]).flat_map(|vars| &vars.0) {
            if self.settings.overrides.contains_key(name) {
                continue;
            }
            if let Some(problem) = self.too_early(data) {
                self.problems.push(problem);
                self.put(name, Value::Null);
                continue;
            }
            let rendered = self.early(|scope| data.render(scope), span);
            if let Some(value) = rendered {
                self.put(name, value);
            } else {
                // Its problem is told; those that use it have none of their own.
                self.put(name, Value::Null);
            }
        }
    }

    /// A variable that is used before it has a value: variables are evaluated in their order.
    fn too_early(&self, data: &Data) -> Option<Diagnostic> {
        let templates = data.templates();
        let names = templates.iter().flat_map(Template::names);
        let early = names.filter_map(|path| {
            let name = &path.parts[0];
            let (own, _) = self.loaded.scenario.vars.0.get(name)?;
            let later = !path.call && !self.scope.values.contains_key(name);
            later.then(|| {
                let problem = Diagnostic::error(&path.span, format!("`{name}` has no value yet"));
                problem
                    .related(own, "it gets one here")
                    .help("variables are evaluated in the order in which they are written")
            })
        });
        early.into_iter().next()
    }

    /// Renders what must be known before anything starts; files are answered from the memo.
    fn early<T>(&mut self, render: impl Fn(&Scope) -> Result<T, Unrendered>, at: &Span) -> Option<T> {
        match stack::render_early(&self.scope, self.files, &self.loaded.folder, render) {
            Ok(value) => value,
            Err(Unrendered::Failed { span, message }) => {
                self.problems.push(Diagnostic::error(&span, message));
                None
            }
            Err(Unrendered::Needs(_)) => {
                self.problems.push(
                    Diagnostic::error(
                        at,
                        "this is needed before anything starts, and it is known only when a stack is up",
                    )
                    .help("use `port()`, `url()`, `address()` and saved names in steps"),
                );
                None
            }
        }
    }

    fn images(&mut self) -> Vec<ImagePlan> {
        let context = image::Context {
            files: self.files,
            folder: &self.loaded.folder,
            identities: &self.settings.identities,
            case: &self.id,
        };
        let images = image::plan(&self.loaded.scenario.images, &mut self.scope, &context);
        self.problems.extend(images.1);
        images.0
    }

    fn stacks(&mut self, results: &Path, images: &mut Vec<ImagePlan>) -> Vec<StackPlan> {
        let context = stack::Context {
            files: self.files,
            folder: &self.loaded.folder,
            results,
            builds: &self.settings.results.join(SCRATCH).join(&self.id),
            identities: &self.settings.identities,
            case: &self.id,
            labels: &self.labels(),
        };
        let (stacks, builds, problems) = stack::plan(&self.loaded.scenario.stacks, &mut self.scope, &context);
        self.problems.extend(problems);
        images.extend(builds);
        stacks
    }

    fn labels(&self) -> crate::engine::Labels {
        crate::lease::case_labels(&self.settings.run, &self.seed.info.file, &self.id)
    }

    /// The names in all that is not a step: what a stack takes may be saved by a step before its `up`.
    fn check_top_level(&mut self, known: &Known, fixed: &Static<'_>) {
        for template in &self.loaded.templates {
            let told: Vec<Diagnostic> = template
                .names()
                .filter_map(|path| path_problem(path, known, fixed))
                .collect();
            for problem in told {
                // What evaluating it told knows less of what may have been meant.
                self.problems.retain(|known| !overlaps(&known.span, &problem.span));
                self.problems.push(problem);
            }
        }
    }

    fn check_steps_since(&mut self, marks: &BTreeSet<String>, names: &[String], at: &Span) {
        for mark in marks.iter().filter(|mark| !names.contains(mark)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.problems
                .push(Diagnostic::unknown(at, "step in `since`,", mark, names));
        }
    }

    /// What is wrong with the scenario as written, and what with its stacks.
    fn partial(&self, stacks: &[StackNames]) -> Partial {
        let mut partial = Partial {
            problems: Vec::new(),
            ..self.loaded.partial.clone()
        };
        for name in self.loaded.scenario.stacks.names() {
            if !stacks.iter().any(|stack| stack.name == name) {
                partial.names.insert(name.to_owned());
                partial.services = true;
            }
        }
        partial
    }

    fn masked(&mut self, known: &Known, partial: &Partial) -> Vec<String> {
        let project = self.project();
        for name in &self.loaded.scenario.mask {
            if !known.has(&name.value) && !partial.has(&name.value) {
                self.problems
                    .push(Diagnostic::unknown(&name.span, "name", &name.value, known.names()));
            }
        }
        let own = self.loaded.scenario.mask.iter();
        own.chain(project.into_iter().flat_map(|project| &project.mask))
            .map(|name| name.value.clone())
            .collect()
    }
}

fn overlaps(a: &Span, b: &Span) -> bool {
    Arc::ptr_eq(&a.source, &b.source) && a.start < b.end && b.start < a.end
}

/// Binds the phases: what one saves the next see; those that run after a failure see it all only perhaps.
fn bind_phases(binder: &mut Binder<'_>, scenario: &crate::scenario::Scenario) -> BTreeMap<Phase, Vec<Bound>> {
    let phases = [
        (Phase::Given, &scenario.given),
        (Phase::Steps, &scenario.steps),
        (Phase::Then, &scenario.then),
        (Phase::OnFailure, &scenario.on_failure),
        (Phase::Cleanup, &scenario.cleanup),
    ];
    let mut bound = BTreeMap::new();
    for (phase, steps) in phases {
        if let Some(steps) = steps {
            bound.insert(phase, binder.steps(steps));
        }
    }
    bound
}

/// What `check` tells beside problems: locks, and a scenario that checks nothing.
fn notes(
    scenario: &crate::scenario::Scenario,
    phases: &BTreeMap<Phase, Vec<Bound>>,
    stacks: &[StackPlan],
) -> Vec<Diagnostic> {
    let mut notes: Vec<Diagnostic> = stacks.iter().flat_map(StackPlan::notes).collect();
    let checks = [Phase::Given, Phase::Steps, Phase::Then]
        .iter()
        .filter_map(|phase| phases.get(phase))
        .flatten()
        .any(Bound::checks);
    if !checks {
        notes.push(
            Diagnostic::warning(
                &scenario.scenario.span,
                "the scenario checks nothing: it will be reported as not verified",
            )
            .help("add a check, e.g. `- log-assert: {service: web, contains: ready}`"),
        );
    }
    notes
}

impl CaseSeed {
    /// Gives it another number, and with it another folder.
    pub fn renumber(&mut self, number: usize) {
        if let Some(named) = self.info.folder.strip_prefix(&numbered(self.info.number)) {
            self.info.folder = numbered(number) + named;
        }
        self.info.number = number;
    }
}
