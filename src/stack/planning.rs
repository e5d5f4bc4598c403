//! One stack, planned: its files rewritten, and the images that its services build.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Span};
use crate::image::{self, Build, ComposeBuild, Copy, How, ImagePlan};
use crate::scenario::stacks::Stack;
use crate::substitute::{self, Addition, BuildInfo, Refused, Rewritten, StackInput, StackKind, Value as Late};
use crate::template::{Question, Scope};

use super::version::{Base, anew};
use super::{Context, StackPlan, of_stack, without_service};

/// Names in a swarm have at most so many characters.
const MAX_NAME: usize = 63;

/// So many of them are for the number of a name that another stack has already.
const NUMBER: usize = 3;

/// Plans one stack.
pub(super) struct Planning<'a> {
    pub(super) scope: &'a Scope,
    pub(super) context: &'a Context<'a>,
    pub(super) problems: &'a mut Vec<Diagnostic>,
    /// True while planning: what is not known yet becomes a hole.
    pub(super) late: bool,
    /// What is to be asked before the values are known that are not yet.
    pub(super) needs: Vec<Question>,
    /// The projects of the stacks before.
    pub(super) taken: &'a BTreeSet<String>,
}

impl Planning<'_> {
    pub(super) fn stack(
        mut self,
        (name, span): (&str, &Span),
        stack: &Stack,
        base: Option<Base<'_>>,
        number: usize,
    ) -> Option<(StackPlan, Vec<ImagePlan>)> {
        let is_base = base.is_none();
        let Base { id, project, before } = base.unwrap_or_else(|| Base {
            id: number,
            project: project_name(self.context.attempt.case, name, self.taken),
            before: Vec::new(),
        });
        let mut built = BTreeMap::new();
        let mut input = self.input((name, span), stack, project, &built)?;
        let mut planned = self.rewritten(&input)?;
        if stack.kind() == StackKind::Swarm {
            planned = self.in_swarm(&mut input, planned, &before, is_base)?;
        }
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
        let images = self.images(&input, (name, span), &planned.builds, images);
        let plan = StackPlan {
            name: name.to_owned(),
            id,
            kind: input.kind,
            project: input.project,
            written: stack.clone(),
            planned,
            built,
            copies: input.folder,
            at: span.clone(),
            base: is_base,
            folder: self.context.attempt.folder.to_path_buf(),
            labels: self.context.attempt.labels.clone(),
            given: self.context.given.into(),
            anew: input.anew,
            home: self.context.home.map(Path::to_owned),
        };
        Some((plan, images))
    }

    /// The images that its services are built to: of each its reference, its service, and how.
    fn images(
        &mut self,
        input: &StackInput,
        (name, span): (&str, &Span),
        infos: &[BuildInfo],
        built: Vec<(String, String, Build)>,
    ) -> Vec<ImagePlan> {
        let image = |(reference, service, build): (String, String, Build)| {
            let at = infos.iter().find(|info| info.service == service);
            let at = at.map_or(span, |info| &info.at).clone();
            let compose = self.building(input, name, &service);
            ImagePlan {
                name: format!("{name}/{service}"),
                reference,
                at,
                how: How::Build(Box::new(Build { compose, ..build })),
            }
        };
        built.into_iter().map(image).collect()
    }

    /// The files that the compose tool builds a service from, apart from those of the run: they and the copies of contexts
    /// beside them are gone when the image is there.
    fn building(&mut self, input: &StackInput, name: &str, service: &str) -> Option<ComposeBuild> {
        let folder = self.context.builds.join(name).join(service);
        let contexts = self.context.contexts.join(name).join(service).join("contexts");
        let input = StackInput {
            contexts: Some(contexts.clone()),
            folder,
            ..input.clone()
        };
        let rewritten = self.rewritten(&input)?;
        Some(compose_build((&input, &contexts), &rewritten, service))
    }

    /// A swarm stack whose names can be those of what it makes.
    fn in_swarm(
        &mut self,
        input: &mut StackInput,
        planned: Rewritten,
        before: &[&Rewritten],
        is_base: bool,
    ) -> Option<Rewritten> {
        input.anew = anew(&planned, before);
        let planned = match input.anew.is_empty() {
            true => planned,
            false => self.rewritten(input)?,
        };
        self.fitted(input, planned, is_base)
    }

    /// A swarm stack whose name leaves room for those of all that it makes: rewritten again with a shorter one if need be,
    /// and if it is no version of another one, whose name it has.
    fn fitted(&mut self, input: &mut StackInput, planned: Rewritten, is_base: bool) -> Option<Rewritten> {
        let (longest, name) = longest_name(&planned);
        if input.project.len() + longest <= MAX_NAME {
            return Some(planned);
        }
        let case = project_name(self.context.attempt.case, "", &BTreeSet::new());
        let room = MAX_NAME.checked_sub(longest + NUMBER);
        match room.filter(|room| is_base && *room >= case.len()) {
            Some(room) => {
                let short: String = input.project.chars().take(room).collect();
                input.project = free_name(short.trim_end_matches('-'), self.taken);
                self.rewritten(input)
            }
            None => {
                let message = format!("the name `{name}` in its files is too long for a swarm");
                self.problems.push(Diagnostic::error(&input.at, message).help(format!(
                    "the stack's own name stands before it, unique in each run, and together they have at most {MAX_NAME} characters"
                )));
                None
            }
        }
    }

    fn rewritten(&mut self, input: &StackInput) -> Option<Rewritten> {
        match substitute::rewrite(input, self.context.attempt.files) {
            Ok(rewritten) => Some(rewritten),
            // They are wanted now; the plan is made again when they are there.
            Err(Refused::Needs(_)) => None,
            Err(Refused::Problems(problems)) => {
                let told = problems.into_iter().map(|problem| of_stack(problem, &input.at));
                self.problems.extend(told);
                None
            }
        }
    }

    fn service_build(&mut self, info: &BuildInfo) -> Option<(String, Build)> {
        let prepare = info.prepare.as_ref();
        let build = Build {
            context: info.context.clone(),
            source: self.dockerfile(info),
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
            attempt: self.context.attempt,
            identities: self.context.identities,
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

    /// Where a build's Dockerfile stands, as it is told.
    fn dockerfile(&self, info: &BuildInfo) -> String {
        let file = info.context.as_ref().zip(info.dockerfile.as_ref());
        match file {
            Some((context, name)) => self.context.attempt.files.shown(&context.join(name)),
            None => info.at.place().to_string(),
        }
    }
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

fn compose_build((input, contexts): (&StackInput, &Path), planned: &Rewritten, service: &str) -> ComposeBuild {
    let copies = planned.builds.iter().filter_map(|build| {
        let prepare = build.prepare.as_ref()?;
        Some(Copy {
            from: build.context.clone()?,
            to: contexts.join(&prepare.copy),
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
            .map(|file| (file.path.clone(), substitute::builds_only(&file.text)))
            .collect(),
        originals: planned.originals(&input.folder),
        copies: copies.collect(),
        arguments: planned.arguments(&input.folder),
        env: input.tool_env(),
    }
}

/// A project's name: of the case and the stack, in the characters that Docker takes, and short; of names that become the
/// same, each later one gets its number.
fn project_name(case: &str, stack: &str, taken: &BTreeSet<String>) -> String {
    let plain: String = stack
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let name = format!("e2e-{case}-{plain}");
    let name: String = name.chars().take(60).collect();
    free_name(name.trim_end_matches('-'), taken)
}

fn free_name(name: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut free = std::iter::once(name.to_owned()).chain(numbered);
    free.find(|name| !taken.contains(name)).unwrap_or_default()
}

/// How much longer than the stack's the longest name in a swarm is, and what of the files it is of.
fn longest_name(planned: &Rewritten) -> (usize, String) {
    let services = planned.services.keys().map(|name| (name.len() + 1, name));
    let made = [&planned.networks, &planned.secrets, &planned.configs]
        .into_iter()
        .flatten();
    let made = made.filter_map(|(name, real)| Some((real.as_ref()?.strip_prefix(&planned.project)?.len(), name)));
    let longest = services.chain(made).max();
    longest.map(|(length, name)| (length, name.clone())).unwrap_or_default()
}
