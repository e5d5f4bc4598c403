//! Names → ids: a scenario as written becomes the plan of one case and one attempt. Pure: files come from the memo.

pub mod alone;
mod baseline;
mod cases;
mod checks;
mod filled;
mod finish;
mod log_scan;
mod names;
mod parts;
mod secret;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::declared::Declared;
use crate::diagnostic::{Diagnostic, Level};
use crate::event::{CaseInfo, Phase, What};
use crate::image::{Identities, ImagePlan};
use crate::load::Loaded;
use crate::mask::{HIDDEN, Masks};
use crate::scenario::{Collect, Files, Project, Requires};
use crate::shape::Named;
use crate::stack::{Lock, StackPlan};
use crate::step::{BUILT_IN, Binder, Bound, Keep, KnownIssue, Measuring, Noted, SetBy, Skip, StackNames, Static};
use crate::template::{Scope, unique_seed};

pub use cases::{CaseSeed, cases};
pub use filled::filled;
pub use log_scan::LogScan;
pub use secret::StackSecret;

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
    /// The folder of what nobody else may find, absolute: secrets. It goes with the run, also with one that was killed.
    pub hidden: PathBuf,
    /// Whether to keep, over the scenario's own.
    pub keep: Option<Keep>,
    /// The values that measured ones are compared with, over the project's own.
    pub baseline: Baselining,
    /// The machine that the engine is on, where that is known to be another one.
    pub elsewhere: Option<String>,
    /// What the identity of a build is made of: nothing for `check`, and the images of an engine in a run.
    pub identities: Identities,
}

/// What is said on the command line of the values that measured ones are compared with.
#[derive(Debug, Clone, Default)]
pub struct Baselining {
    /// Their file, absolute.
    pub file: Option<PathBuf>,
    /// True when it is written anew.
    pub update: bool,
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
    /// What was given to the run, by its command line or its environment, and secrets are made of.
    pub made_of: Vec<Value>,
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
    /// True where the engine is made a swarm if it is in none.
    pub makes_swarm: bool,
    /// When it is skipped.
    pub skip: Vec<Skip>,
    /// Failures that are known.
    pub known_issues: Vec<KnownIssue>,
    /// Images, in an order in which each comes after those that it is made from.
    pub images: Vec<ImagePlan>,
    /// Secrets, configs, networks and volumes beside those of the stacks.
    pub declared: Declared,
    /// What the stacks' own secrets hold, as far as it is known.
    pub stack_secrets: Vec<StackSecret>,
    /// Stacks, by number.
    pub stacks: Vec<Arc<StackPlan>>,
    /// Their names, for targets.
    pub names: Vec<StackNames>,
    /// The steps by phase, in the order of the phases.
    pub phases: BTreeMap<Phase, Vec<Bound>>,
    /// The numbers of the steps by whose beginning logs are marked.
    pub marks: BTreeSet<usize>,
    /// The numbers of swarm stacks whose external things have to be there before the first step.
    pub expects: BTreeSet<usize>,
    /// What the logs are looked through for at the end.
    pub log_scans: Vec<LogScan>,
    /// What its measured values are compared with.
    pub measuring: Measuring,
    /// What is copied into the results.
    pub collect: Vec<Collect>,
    /// What cannot be freed: such scenarios wait for each other.
    pub locks: Vec<Lock>,
    /// What `check` tells beside problems.
    pub notes: Vec<Diagnostic>,
}

impl Plan {
    /// What is told when it begins.
    pub fn started(&self) -> What {
        What::CaseStarted {
            unique: self.scope.unique.clone(),
            vars: self.vars(),
        }
    }

    /// Its variables, for whoever compares them: of long values a digest.
    pub fn vars(&self) -> BTreeMap<String, Value> {
        let known = self
            .scope
            .values
            .keys()
            .filter(|name| !BUILT_IN.contains(&name.as_str()));
        self.scope.comparable(known.map(String::as_str))
    }

    /// True when a step asks from inside a service's network, or this program's image is needed otherwise.
    pub fn asks_inside(&self) -> bool {
        self.declared.fills() || self.phases.values().flatten().any(Bound::asks_inside)
    }

    /// The images that its steps name, whoever makes them: a step before may do so.
    pub fn step_images(&self) -> impl Iterator<Item = &str> {
        self.phases.values().flatten().flat_map(Bound::images)
    }

    /// The folder that nobody else finds, where something is in it: secrets, and what has hidden values in it.
    pub fn private(&self) -> Option<&Path> {
        let folder = self.declared.folder.as_path();
        let mut stacks = self.stacks.iter();
        let is_used = !self.declared.contents.is_empty() || stacks.any(|stack| stack.copies.starts_with(folder));
        is_used.then_some(folder)
    }

    /// Hides the values of masked names that are known early, and secrets.
    pub fn hide(&self, masks: &Masks) {
        self.hide_everywhere(masks);
        self.hide_names(&self.masked, masks);
        let declared = self.declared.secrets().map(|secret| &secret.bytes);
        let of_stacks = self.stack_secrets.iter().map(|secret| &secret.bytes);
        declared.chain(of_stacks).for_each(|bytes| masks.add_bytes(bytes));
    }

    /// Hides those that are to be hidden in the other cases, too: what one of them leaves, another may find.
    pub fn hide_everywhere(&self, masks: &Masks) {
        self.hide_names(&self.masked_everywhere, masks);
        let declared = self.declared.long_secrets().map(|secret| &secret.bytes);
        let of_stacks = self.stack_secrets.iter().filter(|secret| !secret.is_short());
        let of_stacks = of_stacks.map(|secret| &secret.bytes);
        declared.chain(of_stacks).for_each(|bytes| masks.add_bytes(bytes));
        self.made_of.iter().for_each(|value| masks.add(value));
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
    declared: Declared,
    stacks: Vec<StackPlan>,
    names: Vec<StackNames>,
    phases: BTreeMap<Phase, Vec<Bound>>,
    noted: Noted,
    log_scans: Vec<LogScan>,
    masked: Vec<String>,
    measuring: Measuring,
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
        let secret = format!("{}{id}", settings.seed);
        let scope = Scope {
            unique: seed.unique.clone().unwrap_or_else(|| unique_seed(&secret)),
            seed: secret,
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

    /// What keeps it from starting; where nothing does, what else there is to say. Any of it may have a value in it: of one
    /// with few letters only what stands by itself is that.
    fn told(
        &mut self,
        (declared, hidden): (&Declared, &Masks),
        notes: impl FnOnce() -> Vec<Diagnostic>,
    ) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        let long = self.long_hidden(declared);
        let part = |text: &str| {
            if hidden.is_value(text) {
                HIDDEN.to_owned()
            } else {
                text.to_owned()
            }
        };
        let by_itself = |text: &str| text.split('`').map(part).collect::<Vec<_>>().join("`");
        self.hide_masked();
        let hide = |told: Diagnostic| {
            told.hide(|text| long.places(text));
            told.reworded(|text| by_itself(&long.hide(text)))
        };
        let keeps = self.has_errors();
        let problems = std::mem::take(&mut self.problems).into_iter();
        match keeps {
            true => Err(problems.map(|problem| hide(self.with_origin(problem))).collect()),
            false => Ok(problems.map(hide).chain(notes().into_iter().map(hide)).collect()),
        }
    }

    fn plan(mut self) -> Result<Plan, Vec<Diagnostic>> {
        let scenario = Arc::clone(&self.loaded.scenario);
        let results = self.results();
        let scratch = results.join("scratch");
        let env = self.built_in(&scratch);
        self.variables();
        let (declared, images, stacks) = self.made(&results);
        let elsewhere = self.elsewhere((&results, &scratch));
        let names = self.stack_names(&stacks, elsewhere.as_ref());
        let matrix = scenario.matrix.as_ref();
        let matrix = matrix.map_or_else(Vec::new, |matrix| matrix.names.clone());
        let (literal, hidden) = (self.literal(), self.hidden(&declared));
        let image_names: Vec<String> = scenario.images.names().map(str::to_owned).collect();
        let own = declared.names();
        let partial = self.partial(&names, &own);
        let (measuring, none) = (self.measuring(), Named::default());
        let fixed = Static {
            partial: &partial,
            stacks: &names,
            own: &own,
            images: &image_names,
            env: &env,
            matrix: &matrix,
            literal: &literal,
            hidden: &hidden,
            files: self.files,
            elsewhere: elsewhere.as_ref(),
            limits: self.project().map_or(&none, |project| &project.timeouts),
        };
        let mut binder = Binder::new(&fixed, self.scope.clone(), self.loaded.folder.clone());
        let phases = parts::bind_phases(&mut binder, &scenario);
        // Those of the project file are for all its scenarios: one of them may well not have the service.
        scenario.collect.iter().for_each(|entry| binder.collected(&entry.path));
        let log_scans = self.log_scans(&mut binder);
        binder.tell_saved_later();
        binder.tell_begun_later();
        let (never_up, known, noted) = (binder.never_up(), binder.known.clone(), binder.noted());
        self.tell_unused(&declared, &stacks, binder);
        self.check_top_level(&known, &fixed);
        let masked = self.masked(&known, &partial);
        // Of what has other problems, the step that does it may be one that was not understood.
        if !self.has_errors() {
            self.problems.extend(never_up);
        }
        let whole = (&*scenario, self.has_swarm());
        let notes = self.told((&declared, &hidden), || {
            checks::notes(whole, &phases, &stacks, &declared)
        })?;
        Ok(self.finished(Parts {
            results,
            images,
            declared,
            stacks,
            names,
            phases,
            noted,
            log_scans,
            masked,
            measuring,
            own_names: known.own_names().map(str::to_owned).collect(),
            notes,
        }))
    }
}
