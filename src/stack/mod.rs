//! Stacks of a case, planned: their files rewritten with late values as holes, and again with all of them at `up`.

mod elsewhere;
mod fixed;
mod input;
mod lock;
mod planning;
mod said;
mod shared;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Level, Span};
use crate::engine::Labels;
use crate::image::{Identities, ImagePlan, OURS};
use crate::scenario::stacks::Stack;
use crate::scenario::{Attempt, Files};
use crate::shape::Named;
use crate::step::{Elsewhere, StackNames};
use crate::substitute::{self, Given, Mode, Needs, Refused, Rewritten, StackInput, StackKind};
use crate::template::{Question, Scope};

pub use elsewhere::{OTHERWISE, uncopied};
pub use fixed::{FixedPort, FixedSubnet};
pub use input::STACKS;
pub use lock::Lock;
use planning::Planning;
use version::{Base, no_base, of_other_kind};

/// A stack, planned.
#[derive(Debug, Clone)]
pub struct StackPlan {
    /// Its name in the scenario.
    pub name: String,
    /// The number of the stack that runs: another version of a stack has its base's.
    pub id: usize,
    /// Which tool reads its files.
    pub kind: StackKind,
    /// The project's or the swarm stack's name: unique a try.
    pub project: String,
    /// As written.
    pub written: Stack,
    /// Its rewriting, late values as holes.
    pub planned: Rewritten,
    /// The images of its services with a `build:`.
    pub built: BTreeMap<String, String>,
    /// The absolute folder that its copies are written to.
    pub copies: PathBuf,
    at: Span,
    base: bool,
    folder: PathBuf,
    labels: Labels,
    given: Arc<[Given]>,
    /// The names of what the versions before have with other content: what is known later does not change them.
    anew: Anew,
    home: Option<PathBuf>,
}

/// Real names of secrets and configs, by section and name in the files.
type Anew = BTreeMap<(&'static str, String), String>;

/// Why a stack's files cannot be rewritten with what is known.
pub enum Unwritten {
    /// These are to be answered first.
    Needs(Vec<Question>),
    /// They are wrong.
    Problems(Vec<Diagnostic>),
}

/// What planning stacks needs to know.
pub struct Context<'a> {
    /// The try.
    pub attempt: Attempt<'a>,
    /// The folder of the folder `stacks` that the copies of the files are written to, absolute.
    pub copies: &'a Path,
    /// The folder of the files that its services are built by, absolute.
    pub builds: &'a Path,
    /// The folder of the copies of contexts, absolute: they may be large, and are as the author has them.
    pub contexts: &'a Path,
    /// What the identity of a build is made of.
    pub identities: &'a Identities,
    /// Secrets and configs that take the place of the stacks' own.
    pub given: &'a [Given],
    /// The home of who runs this, as the docker tools see it.
    pub home: Option<&'a Path>,
    /// Names of what had problems: they are told, and these are not unknown.
    pub left_out: &'a BTreeSet<String>,
}

/// The stacks, the images that are built for their services, and the problems.
pub type Planned = (Vec<StackPlan>, Vec<ImagePlan>, Vec<Diagnostic>);

/// Plans the stacks in their order; the scope's `stacks` gets their real names.
pub fn plan(stacks: &Named<Stack>, scope: &mut Scope, context: &Context<'_>) -> Planned {
    let (mut plans, mut builds, mut problems) = (Vec::<StackPlan>::new(), Vec::new(), Vec::new());
    let mut values = serde_json::Map::new();
    scope.values.insert("stacks".to_owned(), Arc::new(json!({})));
    for (name, (span, stack)) in &stacks.0 {
        let base = match &stack.version_of {
            None => None,
            Some(of) => match plans.iter().find(|plan| plan.name == of.value) {
                Some(base) if base.kind != stack.kind() => {
                    problems.push(of_other_kind(of, base, stack));
                    continue;
                }
                Some(base) => Some(Base::of(base, &plans)),
                None => {
                    let told = context.left_out.contains(&of.value);
                    problems.extend(no_base(of, span, stacks, &plans).filter(|_| !told));
                    continue;
                }
            },
        };
        let problem = stack.problem(span);
        let names_files = problem.is_none();
        problems.extend(problem);
        let taken = plans.iter().map(|plan| plan.project.clone()).collect();
        let planning = Planning {
            scope,
            context,
            problems: &mut problems,
            late: true,
            needs: Vec::new(),
            taken: &taken,
        };
        // Of one that names none its files say nothing.
        let planned = names_files.then(|| planning.stack((name, span), stack, base, plans.len()));
        if let Some((plan, images)) = planned.flatten() {
            values.insert(name.clone(), plan.value());
            plans.push(plan);
            builds.extend(images);
        } else {
            values.insert(name.clone(), json!({"project": null, "networks": {}, "volumes": {}}));
        }
        scope
            .values
            .insert("stacks".to_owned(), Arc::new(Value::Object(values.clone())));
    }
    shared::settle(&mut plans);
    tell_order(stacks, &mut problems);
    problems.extend(shared::tell_renamed(&plans));
    (plans, builds, problems)
}

/// A stack that is not known yet, because it is written below the one that uses it, is told as that.
fn tell_order(stacks: &Named<Stack>, problems: &mut [Diagnostic]) {
    for problem in problems {
        let below = stacks.0.iter().find(|(name, (at, _))| {
            at.start > problem.span.start && problem.message.starts_with(&format!("`stacks` has no `{name}`"))
        });
        if let Some((name, (at, _))) = below {
            problem.message = format!("`{name}` is written below this one");
            problem.related.push((at.clone(), "here".to_owned()));
            problem.help = Some("a stack sees the values of those above it: put that one first".to_owned());
        }
    }
}

/// Profiles that no service has: they were meant to start something.
fn without_service(stack: &Stack, planned: &Rewritten) -> Vec<Diagnostic> {
    let services = planned.services.values();
    let known: BTreeSet<&str> = services
        .flat_map(|service| service.profiles.iter().map(String::as_str))
        .collect();
    let written = stack.profiles.iter();
    let missing = written.filter_map(|text| Some((text, text.as_literal()?)));
    missing
        .filter(|(_, profile)| *profile != "*" && !known.contains(profile))
        .map(|(text, profile)| Diagnostic::unknown(&text.span, "profile", profile, known.iter().copied()))
        .collect()
}

impl StackPlan {
    /// True for a stack that is no other version of one.
    pub fn is_base(&self) -> bool {
        self.base
    }

    /// Its names, for targets of steps; and what is told of what an engine elsewhere cannot have.
    pub fn names(&self, elsewhere: Option<&Elsewhere>, files: &Files) -> StackNames {
        let services = self.planned.services.iter().map(|(name, service)| {
            let ports = service.ports.iter().filter(|port| port.published);
            let ports = ports.flat_map(|port| port.target.first..=port.target.last).collect();
            (name.clone(), service.ports_known.then_some(ports))
        });
        let container_names = self.planned.services.iter();
        let container_names =
            container_names.filter_map(|(name, service)| Some((service.container_name.clone()?, name.clone())));
        StackNames {
            name: self.name.clone(),
            id: self.id,
            kind: self.kind,
            services: services.collect(),
            global: self.with_mode(Mode::is_global),
            jobs: self.with_mode(Mode::is_job),
            container_names: container_names.collect(),
            volumes: known_names(&self.planned.volumes),
            networks: known_names(&self.planned.networks),
            hosts: self.hosts(),
            freed: self.planned.freed.clone(),
            mounts_paths: self.planned.services.values().any(|service| service.mounts_paths),
            absent: self.planned.absent.clone(),
            ungiven: self.planned.ungiven.clone(),
            elsewhere: self.refused_elsewhere(elsewhere, files),
        }
    }

    /// The services that a swarm runs in such a mode.
    fn with_mode(&self, is_such: fn(Mode) -> bool) -> BTreeSet<String> {
        let services = self.planned.services.iter().filter(|_| self.kind == StackKind::Swarm);
        let such = services.filter(|(_, service)| is_such(service.deploy.mode));
        such.map(|(name, _)| name.clone()).collect()
    }

    /// The names by which its services are known on networks.
    fn hosts(&self) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
        let mut hosts = BTreeMap::<String, BTreeMap<String, BTreeSet<String>>>::new();
        for (service, info) in &self.planned.services {
            for (network, aliases) in &info.networks {
                let Some(Some(real)) = self.planned.networks.get(network) else {
                    continue;
                };
                let names = aliases.iter().chain(&info.container_name).chain([service]).cloned();
                // In a swarm a service has its real name, too, and one that stands for all its tasks.
                let of_swarm = match self.kind {
                    StackKind::Compose => Vec::new(),
                    StackKind::Swarm => vec![format!("{}_{service}", self.project), format!("tasks.{service}")],
                };
                for name in names.chain(of_swarm) {
                    let whose = hosts.entry(name).or_default();
                    whose.entry(service.clone()).or_default().insert(real.clone());
                }
            }
        }
        hosts
    }

    /// What expressions see of it.
    fn value(&self) -> Value {
        let Rewritten {
            networks,
            volumes,
            secrets,
            configs,
            ..
        } = &self.planned;
        let mut value = json!({"project": self.project, "networks": networks, "volumes": volumes});
        if self.kind == StackKind::Swarm {
            value["secrets"] = json!(secrets);
            value["configs"] = json!(configs);
        }
        value
    }

    /// Images that its services use as they are, not built here, and known before anything starts: each with a service, and
    /// where that says so.
    pub fn pulled(&self) -> impl Iterator<Item = (&str, &str, &Span)> {
        let services = self.planned.services.iter();
        let active = services.filter(|(_, service)| service.active && !service.built);
        let pulled = active.filter_map(|(name, service)| {
            let image = service.image.as_deref()?;
            Some((image, name.as_str(), &service.image_at))
        });
        pulled.filter(|(image, ..)| !image.starts_with(OURS))
    }

    /// What of its files only newer compose tools read.
    pub fn needs(&self) -> &[Needs] {
        &self.planned.needs
    }

    /// What it cannot share with another case on its engine.
    pub fn locks(&self) -> Vec<Lock> {
        let locks = self.planned.locks.iter().flat_map(|lock| Lock::of(&lock.kind));
        locks.collect()
    }

    /// What `check` tells of a swarm's stack where nothing says that there is a swarm.
    pub fn without_swarm(&self) -> Diagnostic {
        let message = format!(
            "`{}` is a swarm's stack, and nothing here says that the engine is in a swarm",
            self.name
        );
        Diagnostic::note(&self.at, message).help(
            "`cluster: {swarm: true}` makes a swarm of it for the scenario; `requires: {swarm: true}` skips the scenario where \
             there is none",
        )
    }

    /// What `check` tells of it.
    pub fn notes(&self) -> Vec<Diagnostic> {
        let locks = self.planned.locks.iter().map(|lock| {
            Diagnostic::note(
                &lock.at,
                format!(
                    "{} stays fixed: scenarios that use it run one after the other",
                    lock.kind
                ),
            )
        });
        let notes = self.planned.notes.iter().cloned();
        let notes = notes.map(|note| of_stack(note, &self.at));
        let writable = self.planned.writable.iter().map(substitute::Writable::note);
        let expected = self.planned.expects.iter().map(|want| want.note(self.planned.kind));
        notes.chain(locks).chain(writable).chain(expected).collect()
    }

    /// Rewrites its files again with the values that are known now. With `copies`, these paths of this machine are copied to
    /// the engine, and true are those that are folders.
    pub fn rewrite(
        &self,
        scope: &Scope,
        files: &Files,
        copies: Option<BTreeMap<PathBuf, bool>>,
    ) -> Result<Rewritten, Unwritten> {
        let mut problems = Vec::new();
        let context = Context {
            attempt: Attempt {
                files,
                folder: &self.folder,
                case: "",
                labels: &self.labels,
            },
            copies: self.copies.parent().and_then(Path::parent).unwrap_or(&self.copies),
            // Everything is built by now.
            builds: &self.copies,
            contexts: &self.copies,
            identities: &Identities::Files,
            given: &self.given,
            home: self.home.as_deref(),
            left_out: &BTreeSet::new(),
        };
        let mut planning = Planning {
            scope,
            context: &context,
            problems: &mut problems,
            late: false,
            needs: Vec::new(),
            taken: &BTreeSet::new(),
        };
        let input = planning.input((&self.name, &self.at), &self.written, self.project.clone(), &self.built);
        let needs = planning.needs;
        let Some(input) = input.filter(|_| problems.is_empty()) else {
            return Err(Unwritten::Problems(problems));
        };
        if !needs.is_empty() {
            return Err(Unwritten::Needs(needs));
        }
        let input = StackInput {
            copies,
            anew: self.anew.clone(),
            ..input
        };
        match substitute::rewrite(&input, files) {
            Ok(rewritten) => Ok(rewritten),
            Err(Refused::Problems(problems)) => Err(Unwritten::Problems(problems)),
            Err(Refused::Needs(paths)) => Err(Unwritten::Problems(vec![self.reads_others(&paths)])),
        }
    }

    /// What is told where these files were not read when it was planned.
    fn reads_others<'p>(&self, paths: impl IntoIterator<Item = &'p PathBuf>) -> Diagnostic {
        let named: Vec<String> = paths.into_iter().map(|path| path.display().to_string()).collect();
        let named = named.join(", ");
        let message = format!("with the values that are known now it reads other files: {named}");
        Diagnostic::error(&self.at, message)
            .help("a compose file's `include` and `extends` may not depend on values that are known late")
    }
}

/// What is wrong with a file of a stack, with the stack that it is of: many may be.
fn of_stack(problem: Diagnostic, at: &Span) -> Diagnostic {
    if problem.level == Level::Note || problem.span.source.path == at.source.path {
        return problem;
    }
    problem.related(at, "of this stack")
}

fn known_names(names: &BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    names
        .iter()
        .filter_map(|(name, real)| Some((name.clone(), real.clone()?)))
        .collect()
}
