//! Stacks of a case, planned: their files rewritten with late values as holes, and again with all of them at `up`.

mod input;
mod lock;
mod planning;
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Level, Span, Spanned};
use crate::engine::Labels;
use crate::image::{Identities, ImagePlan, OURS};
use crate::scenario::Files;
use crate::scenario::stacks::Stack;
use crate::shape::Named;
use crate::step::StackNames;
use crate::substitute::{self, LockKind, Refused, Rewritten, StackInput};
use crate::template::Scope;

pub use lock::Lock;
use planning::Planning;

/// A stack, planned.
#[derive(Debug, Clone)]
pub struct StackPlan {
    /// Its name in the scenario.
    pub name: String,
    /// The number of the stack that runs: another version of a stack has its base's.
    pub id: usize,
    /// The project's name: unique a try.
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
}

/// A host port that stays fixed.
#[derive(Debug, Clone)]
pub struct FixedPort {
    /// The port.
    pub number: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
    /// The host's address that it is bound to; all of them if none.
    pub address: Option<String>,
    /// Where the file says so.
    pub at: Span,
}

/// A subnet that stays fixed.
#[derive(Debug, Clone)]
pub struct FixedSubnet {
    /// The subnet: `10.1.0.0/16`.
    pub subnet: String,
    /// Where the file says so.
    pub at: Span,
}

/// What planning stacks needs to know.
pub struct Context<'a> {
    /// The files that were read.
    pub files: &'a Files,
    /// The scenario's folder.
    pub folder: &'a Path,
    /// The case's folder in the results, absolute.
    pub results: &'a Path,
    /// The folder in which its builds are prepared, absolute.
    pub builds: &'a Path,
    /// What the identity of a build is made of.
    pub identities: &'a Identities,
    /// The case's id.
    pub case: &'a str,
    /// The labels of all that the case makes.
    pub labels: &'a Labels,
    /// Names of what had problems: they are told, and these are not unknown.
    pub left_out: &'a BTreeSet<String>,
}

/// Plans the stacks in their order; the scope's `stacks` gets their real names. Gives the stacks, the images that are
/// built for their services, and the problems.
pub fn plan(
    stacks: &Named<Stack>,
    scope: &mut Scope,
    context: &Context<'_>,
) -> (Vec<StackPlan>, Vec<ImagePlan>, Vec<Diagnostic>) {
    let (mut plans, mut builds, mut problems) = (Vec::<StackPlan>::new(), Vec::new(), Vec::new());
    let mut values = serde_json::Map::new();
    scope.values.insert("stacks".to_owned(), Arc::new(json!({})));
    for (name, (span, stack)) in &stacks.0 {
        let base = match &stack.version_of {
            None => None,
            Some(of) => match plans.iter().find(|plan| plan.name == of.value) {
                Some(base) => Some((base.id, base.project.clone())),
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

/// What is wrong with the `version-of` of a stack that names none before it.
fn no_base(of: &Spanned<String>, own: &Span, stacks: &Named<Stack>, plans: &[StackPlan]) -> Option<Diagnostic> {
    match stacks.0.get(&of.value) {
        Some((base, _)) if base == own => Some(
            Diagnostic::error(&of.span, "a stack is no other version of itself")
                .help("name the stack whose other version it is, or leave `version-of` out"),
        ),
        None => {
            let known = plans.iter().map(|plan| plan.name.as_str());
            Some(Diagnostic::unknown(&of.span, "stack", &of.value, known))
        }
        Some((base, _)) if base.start > of.span.start => Some(
            Diagnostic::error(&of.span, format!("`{}` is written below this one", of.value))
                .related(base, "here")
                .help("put the stack before its other versions"),
        ),
        // The base's own problem was told.
        Some(_) => None,
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

    /// Where it is written.
    pub fn at(&self) -> &Span {
        &self.at
    }

    /// Its names, for targets of steps.
    pub fn names(&self) -> StackNames {
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
            services: services.collect(),
            container_names: container_names.collect(),
            volumes: known_names(&self.planned.volumes),
            networks: known_names(&self.planned.networks),
            hosts: self.hosts(),
            freed: self.planned.freed.clone(),
            mounts_paths: self.planned.services.values().any(|service| service.mounts_paths),
            absent: self.planned.absent.clone(),
        }
    }

    /// The names by which its services are known on networks.
    fn hosts(&self) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
        let mut hosts = BTreeMap::<String, BTreeMap<String, BTreeSet<String>>>::new();
        for (service, info) in &self.planned.services {
            for (network, aliases) in &info.networks {
                let Some(Some(real)) = self.planned.networks.get(network) else {
                    continue;
                };
                let names = aliases.iter().chain(&info.container_name).chain([service]);
                for name in names {
                    let whose = hosts.entry(name.clone()).or_default();
                    whose.entry(service.clone()).or_default().insert(real.clone());
                }
            }
        }
        hosts
    }

    /// What expressions see of it.
    fn value(&self) -> Value {
        json!({"project": self.project, "networks": self.planned.networks, "volumes": self.planned.volumes})
    }

    /// Images that its services use as they are: not built here, and known before anything starts.
    pub fn pulled(&self) -> impl Iterator<Item = &String> {
        let active = self
            .planned
            .services
            .values()
            .filter(|service| service.active && !service.built);
        active
            .filter_map(|service| service.image.as_ref())
            .filter(|image| !image.starts_with(OURS))
    }

    /// What it cannot share with another case on its engine.
    pub fn locks(&self) -> Vec<Lock> {
        let locks = self.planned.locks.iter().flat_map(|lock| Lock::of(&lock.kind));
        locks.collect()
    }

    /// The host ports that stay fixed.
    pub fn fixed_ports(&self) -> Vec<FixedPort> {
        let active = self.planned.services.values().filter(|service| service.active);
        let fixed = active.flat_map(|service| &service.ports);
        let fixed = fixed.filter_map(|port| Some((port, port.fixed.as_ref()?)));
        let each = fixed.flat_map(|(port, fixed)| {
            (fixed.value.first..=fixed.value.last).map(move |number| FixedPort {
                number,
                protocol: port.protocol.clone(),
                address: port.host_ip.clone(),
                at: fixed.span.clone(),
            })
        });
        each.collect()
    }

    /// The subnets that stay fixed.
    pub fn fixed_subnets(&self) -> Vec<FixedSubnet> {
        let fixed = self.planned.locks.iter().filter_map(|lock| match &lock.kind {
            LockKind::Subnet(subnet) => Some(FixedSubnet {
                subnet: subnet.clone(),
                at: lock.at.clone(),
            }),
            _ => None,
        });
        fixed.collect()
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
        notes.chain(locks).chain(writable).collect()
    }

    /// Rewrites its files again with the values that are known now.
    pub fn rewrite(&self, scope: &Scope, files: &Files) -> Result<(StackInput, Rewritten), Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let context = Context {
            files,
            folder: &self.folder,
            results: self.copies.parent().and_then(Path::parent).unwrap_or(&self.copies),
            // Everything is built by now.
            builds: &self.copies,
            identities: &Identities::Files,
            case: "",
            labels: &self.labels,
            left_out: &BTreeSet::new(),
        };
        let mut planning = Planning {
            scope,
            context: &context,
            problems: &mut problems,
            late: false,
            taken: &BTreeSet::new(),
        };
        let input = planning.input((&self.name, &self.at), &self.written, self.project.clone(), &self.built);
        let Some(input) = input.filter(|_| problems.is_empty()) else {
            return Err(problems);
        };
        match substitute::rewrite(&input, files) {
            Ok(rewritten) => Ok((input, rewritten)),
            Err(Refused::Problems(problems)) => Err(problems),
            Err(Refused::Needs(paths)) => {
                let named = paths
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", ");
                Err(vec![
                    Diagnostic::error(
                        &self.at,
                        format!("with the values that are known now it reads other files: {named}"),
                    )
                    .help("a compose file's `include` and `extends` may not depend on values that are known late"),
                ])
            }
        }
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
