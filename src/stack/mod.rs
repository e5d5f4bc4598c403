//! Stacks of a case, planned: their files rewritten with late values as holes, and again with all of them at `up`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::engine::Labels;
use crate::image::{self, Build, ComposeBuild, Copy, How, ImagePlan, OURS};
use crate::scenario::stacks::{AddWritten, BuildWritten, PortsWritten, Stack, Substitute};
use crate::scenario::{Files, normal};
use crate::shape::{Named, Text};
use crate::step::StackNames;
use crate::substitute::{
    self, Addition, BuildInfo, BuildReplacement, Environment, LockKind, Ports, Refused, Replacement, Rewritten,
    StackInput, Substitutions, TextReplacement, Value as Late,
};
use crate::template::{Question, Scope, Unrendered};

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

/// Something that only one case on an engine can have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lock(String);

impl Lock {
    /// A host port.
    pub fn port(port: u16) -> Lock {
        Lock(format!("host port {port}"))
    }
}

impl std::fmt::Display for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What planning stacks needs to know.
pub struct Context<'a> {
    /// The files that were read.
    pub files: &'a Files,
    /// The scenario's folder.
    pub folder: &'a Path,
    /// The case's folder in the results, absolute.
    pub results: &'a Path,
    /// Whether build contexts are read for their identity.
    pub identities: bool,
    /// The case's id.
    pub case: &'a str,
    /// The labels of all that the case makes.
    pub labels: &'a Labels,
}

/// Renders what must be known before anything starts. Files are answered from the memo: `None` while one is not read.
pub fn render_early<T>(
    scope: &Scope,
    files: &Files,
    folder: &Path,
    render: impl Fn(&Scope) -> Result<T, Unrendered>,
) -> Result<Option<T>, Unrendered> {
    let needed = match render(scope) {
        Ok(value) => return Ok(Some(value)),
        Err(Unrendered::Needs(needed)) => needed,
        Err(failed) => return Err(failed),
    };
    let mut scope = scope.clone();
    for question in &needed {
        let Question::File(path) = question else {
            return Err(Unrendered::Needs(needed));
        };
        match files.text(&normal(&folder.join(path))) {
            None => return Ok(None),
            // What cannot be read is told by the rendering itself, at its place.
            Some(Err(why)) => {
                scope.answers.insert(question.clone(), json!({"unreadable": why}));
            }
            Some(Ok(source)) => {
                scope.answers.insert(question.clone(), source.text.clone().into());
            }
        }
    }
    render(&scope).map(Some)
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
        problems.extend(stack.problem(span));
        let base = match &stack.version_of {
            None => None,
            Some(of) => match plans.iter().find(|plan| plan.name == of.value) {
                Some(base) => Some((base.id, base.project.clone())),
                None => {
                    problems.extend(no_base(of, stacks, &plans));
                    continue;
                }
            },
        };
        let planning = Planning {
            scope,
            context,
            problems: &mut problems,
            late: true,
        };
        if let Some((plan, images)) = planning.stack((name, span), stack, base, plans.len()) {
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
    (plans, builds, problems)
}

/// What is wrong with a `version-of` that names no stack before it.
fn no_base(of: &Spanned<String>, stacks: &Named<Stack>, plans: &[StackPlan]) -> Option<Diagnostic> {
    match stacks.0.get(&of.value) {
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
        }
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
        let locks = self.planned.locks.iter().flat_map(|lock| match &lock.kind {
            LockKind::Port(range, _) => (range.first..=range.last).map(Lock::port).collect(),
            other => vec![Lock(other.to_string())],
        });
        locks.collect()
    }

    /// The host ports that stay fixed.
    pub fn fixed_ports(&self) -> Vec<u16> {
        let locks = self.planned.locks.iter().filter_map(|lock| match &lock.kind {
            LockKind::Port(range, _) => Some(range.first..=range.last),
            _ => None,
        });
        locks.flatten().collect()
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
        self.planned.notes.iter().cloned().chain(locks).collect()
    }

    /// Rewrites its files again with the values that are known now.
    pub fn rewrite(&self, scope: &Scope, files: &Files) -> Result<(StackInput, Rewritten), Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let context = Context {
            files,
            folder: &self.folder,
            results: self.copies.parent().and_then(Path::parent).unwrap_or(&self.copies),
            identities: true,
            case: "",
            labels: &self.labels,
        };
        let mut planning = Planning {
            scope,
            context: &context,
            problems: &mut problems,
            late: false,
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

fn known_names(names: &BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    names
        .iter()
        .filter_map(|(name, real)| Some((name.clone(), real.clone()?)))
        .collect()
}

struct Planning<'a> {
    scope: &'a Scope,
    context: &'a Context<'a>,
    problems: &'a mut Vec<Diagnostic>,
    /// True while planning: what is not known yet becomes a hole.
    late: bool,
}

impl Planning<'_> {
    fn stack(
        mut self,
        (name, span): (&str, &Span),
        stack: &Stack,
        base: Option<(usize, String)>,
        number: usize,
    ) -> Option<(StackPlan, Vec<ImagePlan>)> {
        let is_base = base.is_none();
        let (id, project) = base.unwrap_or_else(|| (number, project_name(self.context.case, name)));
        let mut built = BTreeMap::new();
        let mut input = self.input((name, span), stack, project.clone(), &built)?;
        let mut planned = self.rewritten(&input)?;
        self.problems.extend(without_service(stack, &planned));
        let mut images = Vec::new();
        if !planned.builds.is_empty() {
            // The images' names come from the content that the first rewriting found out.
            for build in &planned.builds {
                let (reference, plan) = self.service_build(build)?;
                built.insert(build.service.clone(), reference.clone());
                images.push((reference, build.service.clone(), plan));
            }
            input.built.clone_from(&built);
            planned = self.rewritten(&input)?;
        }
        let images = images.into_iter().map(|(reference, service, build)| {
            let compose = compose_build(&input, &planned, &service);
            let at = planned
                .builds
                .iter()
                .find(|build| build.service == service)
                .map_or(span, |build| &build.at)
                .clone();
            let how = How::Build(Box::new(Build {
                compose: Some(compose),
                ..build
            }));
            ImagePlan {
                name: format!("{name}/{service}"),
                reference,
                at,
                how,
            }
        });
        let images = images.collect();
        let plan = StackPlan {
            name: name.to_owned(),
            id,
            project,
            written: stack.clone(),
            planned,
            built,
            copies: input.folder,
            at: span.clone(),
            base: is_base,
            folder: self.context.folder.to_path_buf(),
            labels: self.context.labels.clone(),
        };
        Some((plan, images))
    }

    fn rewritten(&mut self, input: &StackInput) -> Option<Rewritten> {
        match substitute::rewrite(input, self.context.files) {
            Ok(rewritten) => Some(rewritten),
            // They are wanted now; the plan is made again when they are there.
            Err(Refused::Needs(_)) => None,
            Err(Refused::Problems(problems)) => {
                self.problems.extend(problems);
                None
            }
        }
    }

    fn service_build(&mut self, info: &BuildInfo) -> Option<(String, Build)> {
        let prepare = info.prepare.as_ref();
        let build = Build {
            context: info.context.clone(),
            args: info
                .args
                .iter()
                .map(|(name, value)| {
                    (
                        name.clone(),
                        value.as_ref().and_then(Late::known).unwrap_or_default().to_owned(),
                    )
                })
                .collect(),
            target: info.target.clone(),
            add: prepare.map_or_else(Vec::new, |prepare| added(&prepare.add)),
            bases: info.bases.clone(),
            cache: true,
            limit: image::BUILD_LIMIT,
            ..Build::default()
        };
        let context = image::Context {
            files: self.context.files,
            folder: self.context.folder,
            identities: self.context.identities,
            case: self.context.case,
        };
        let text = format!("{}{}", info.dockerfile_text, info.options);
        // Further folders that it sees count, though nobody puts them into the context.
        let mut counted = build.clone();
        counted.add.extend(
            info.contexts
                .iter()
                .map(|(name, folder)| (folder.clone(), format!("context {name}"))),
        );
        let hash = image::identity(&context, &counted, &text, &info.at, self.problems)?;
        Some((image::reference(&info.service, &hash), build))
    }

    fn input(
        &mut self,
        (name, span): (&str, &Span),
        stack: &Stack,
        project: String,
        built: &BTreeMap<String, String>,
    ) -> Option<StackInput> {
        let files = self.paths(&stack.compose.0)?;
        let env_files = self.paths(&stack.env_file.0)?;
        let mut env = Environment::new();
        for (name, text) in stack.env.iter() {
            env.insert(name.to_owned(), self.value(text)?);
        }
        let mut profiles = BTreeSet::new();
        for profile in &stack.profiles {
            profiles.insert(self.early(profile)?);
        }
        let substitutions = match &stack.substitute {
            Some(substitute) => self.substitutions(substitute)?,
            None => Substitutions::default(),
        };
        let labels = self.context.labels;
        Some(StackInput {
            at: span.clone(),
            project,
            files,
            env,
            env_files,
            profiles,
            substitutions,
            labels: labels.clone(),
            build_labels: crate::lease::image_labels(),
            built: built.clone(),
            folder: self.context.results.join("stacks").join(name),
        })
    }

    fn substitutions(&mut self, written: &Substitute) -> Option<Substitutions> {
        Some(Substitutions {
            images: self.replacements(&written.images)?,
            ports: match &written.ports {
                None | Some(PortsWritten::All) => Ports::All,
                Some(PortsWritten::None) => Ports::None,
                Some(PortsWritten::Listed(list)) => Ports::Listed(list.clone()),
            },
            host_paths: self.host_paths(&written.host_paths)?,
            builds: written
                .builds
                .0
                .iter()
                .map(|(from, (span, build))| self.build(from, span, build))
                .collect::<Option<_>>()?,
            external: self.replacements(&written.external)?,
            text: written
                .text
                .iter()
                .map(|text| {
                    Some(TextReplacement {
                        from: Spanned::new(self.early(&text.from)?, text.from.span.clone()),
                        to: self.value(&text.to)?,
                        count: text.count.as_ref().map(|count| count.value),
                    })
                })
                .collect::<Option<_>>()?,
        })
    }

    fn replacements(&mut self, named: &Named<Text>) -> Option<Vec<Replacement>> {
        let all = named.0.iter().map(|(from, (span, to))| {
            Some(Replacement {
                from: Spanned::new(from.clone(), span.clone()),
                to: self.value(to)?,
            })
        });
        all.collect()
    }

    /// Paths on the right are relative to the scenario, and the copy stands elsewhere.
    fn host_paths(&mut self, named: &Named<Text>) -> Option<Vec<Replacement>> {
        let mut all = self.replacements(named)?;
        for replacement in &mut all {
            if let Late::Known(path) = &replacement.to {
                replacement.to = Late::Known(normal(&self.context.folder.join(path)).display().to_string());
            }
        }
        Some(all)
    }

    fn build(&mut self, from: &str, span: &Span, build: &BuildWritten) -> Option<BuildReplacement> {
        let context = match &build.context {
            Some(context) => Some(Spanned::new(self.path(context)?, context.span.clone())),
            None => None,
        };
        let dockerfiles = build
            .dockerfiles
            .iter()
            .map(|text| Some(Spanned::new(self.early(text)?, text.span.clone())));
        let dockerfiles = dockerfiles.collect::<Option<_>>()?;
        let add = build.add.iter().map(|add| self.addition(add)).collect::<Option<_>>()?;
        Some(BuildReplacement {
            from: Spanned::new(from.to_owned(), span.clone()),
            context,
            dockerfiles,
            add,
        })
    }

    fn addition(&mut self, add: &AddWritten) -> Option<Addition> {
        let to = match &add.to {
            Some(to) => Some(self.early(to)?),
            None => None,
        };
        Some(Addition {
            from: Spanned::new(self.path(&add.path)?, add.path.span.clone()),
            to,
        })
    }

    fn paths(&mut self, texts: &[Text]) -> Option<Vec<Spanned<PathBuf>>> {
        texts
            .iter()
            .map(|text| Some(Spanned::new(self.path(text)?, text.span.clone())))
            .collect()
    }

    fn path(&mut self, text: &Text) -> Option<PathBuf> {
        Some(normal(&self.context.folder.join(self.early(text)?)))
    }

    /// A text that must be known before anything starts.
    fn early(&mut self, text: &Text) -> Option<String> {
        match render_early(self.scope, self.context.files, self.context.folder, |scope| {
            text.text(scope)
        }) {
            Ok(known) => known,
            Err(Unrendered::Failed { span, message }) => {
                self.problems.push(Diagnostic::error(&span, message));
                None
            }
            Err(Unrendered::Needs(_)) => {
                self.problems.push(
                    Diagnostic::error(
                        &text.span,
                        "files and names of a stack are known before anything starts, and this is not",
                    )
                    .help("late values have their place in the stack's `env`"),
                );
                None
            }
        }
    }

    /// A text that may be known only at `up`.
    fn value(&mut self, text: &Text) -> Option<Late> {
        if self.late && text.names().any(|path| is_late(path, self.scope)) {
            return Some(Late::Late);
        }
        match render_early(self.scope, self.context.files, self.context.folder, |scope| {
            text.text(scope)
        }) {
            Ok(known) => known.map(Late::Known),
            Err(Unrendered::Needs(_)) if self.late => Some(Late::Late),
            Err(Unrendered::Needs(_)) => Some(Late::Known(String::new())),
            Err(Unrendered::Failed { span, message }) => {
                self.problems.push(Diagnostic::error(&span, message));
                None
            }
        }
    }
}

/// True for a name that has no value yet: a saved one, or what only a run knows.
fn is_late(path: &crate::template::NamePath, scope: &Scope) -> bool {
    let name = path.parts[0].as_str();
    let asks = path.call && ["port", "address", "url", "containers"].contains(&name);
    asks || (!path.call && !scope.values.contains_key(name))
}

fn added(additions: &[Addition]) -> Vec<(PathBuf, String)> {
    let all = additions.iter().map(|addition| {
        let from = addition.from.value.clone();
        let name = from
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        (from, addition.to.clone().unwrap_or(name))
    });
    all.collect()
}

fn compose_build(input: &StackInput, planned: &Rewritten, service: &str) -> ComposeBuild {
    let copies = planned.builds.iter().filter_map(|build| {
        let prepare = build.prepare.as_ref()?;
        Some(Copy {
            from: build.context.clone()?,
            to: prepare.copy.clone(),
            texts: prepare.dockerfiles.clone(),
            add: added(&prepare.add),
        })
    });
    ComposeBuild {
        service: service.to_owned(),
        folder: input.folder.clone(),
        files: planned
            .files
            .iter()
            .map(|file| (file.path.clone(), file.text.clone()))
            .collect(),
        copies: copies.collect(),
        arguments: planned.arguments(&input.folder),
        env: input.tool_env(),
    }
}

/// A project's name: of the case and the stack, in the characters that Docker takes, and short.
fn project_name(case: &str, stack: &str) -> String {
    let plain: String = stack
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let name = format!("e2e-{case}-{plain}");
    name.chars()
        .take(60)
        .collect::<String>()
        .trim_end_matches('-')
        .to_owned()
}
