//! Names → ids: a scenario as written becomes the plan of one case and one attempt. Pure: files come from the memo.

pub mod alone;
mod cases;
mod checks;
mod filled;
mod finish;
mod names;
mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Level};
use crate::event::{CaseInfo, Phase};
use crate::image::{Identities, ImagePlan};
use crate::load::Loaded;
use crate::mask::Masks;
use crate::scenario::{Collect, Files, Project, Requires};
use crate::shape::Named;
use crate::stack::{Lock, StackPlan};
use crate::step::{Binder, Bound, Keep, KnownIssue, SetBy, Skip, StackNames, Static};
use crate::template::Scope;

pub use cases::{CaseSeed, cases};
pub use filled::filled;

/// The run's own folder in the results, of what is gone when the images are built.
pub const SCRATCH: &str = "scratch";

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
    /// The author's own names, those that steps save too.
    pub own_names: BTreeSet<String>,
    /// The scenario's folder.
    pub folder: PathBuf,
    /// Its folder in the results, absolute: that of the try.
    pub results: PathBuf,
    /// Its scratch folder.
    pub scratch: PathBuf,
    /// Limit of the try, cleanup apart.
    pub timeout: Duration,
    /// What sets it.
    pub timeout_by: SetBy,
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
    /// The numbers of the steps by whose beginning logs are marked.
    pub marks: BTreeSet<usize>,
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
    marks: BTreeSet<usize>,
    masked: Vec<String>,
    own_names: BTreeSet<String>,
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

    fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.level == Level::Error)
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
        let literal = self.literal();
        let image_names: Vec<String> = scenario.images.names().map(str::to_owned).collect();
        let partial = self.partial(&names);
        let (limits, none) = (self.project().map(|project| &project.timeouts), Named::default());
        let fixed = Static {
            partial: &partial,
            stacks: &names,
            images: &image_names,
            env: &env,
            matrix: &matrix,
            literal: &literal,
            files: self.files,
            limits: limits.unwrap_or(&none),
        };
        let mut binder = Binder::new(&fixed, self.scope.clone(), self.loaded.folder.clone());
        let phases = parts::bind_phases(&mut binder, &scenario);
        // Those of the project file are for all its scenarios: one of them may well not have the service.
        scenario.collect.iter().for_each(|entry| binder.collected(&entry.path));
        binder.tell_saved_later();
        binder.tell_begun_later();
        let never_up = binder.never_up();
        let (known, marks) = (binder.known.clone(), std::mem::take(&mut binder.marks));
        self.problems.append(&mut binder.problems);
        self.check_top_level(&known, &fixed);
        let masked = self.masked(&known, &partial);
        // Of what has other problems, the step that does it may be one that was not understood.
        if !self.has_errors() {
            self.problems.extend(never_up);
        }
        if self.has_errors() {
            return Err(self.problems);
        }
        // What is left of the problems keeps nothing from starting.
        let told = checks::notes(&scenario, &phases, &stacks);
        let notes = std::mem::take(&mut self.problems).into_iter().chain(told).collect();
        Ok(self.finished(Parts {
            results,
            images,
            stacks,
            names,
            phases,
            marks,
            masked,
            own_names: known.own_names().map(str::to_owned).collect(),
            notes,
        }))
    }
}
