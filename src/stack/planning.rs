//! One stack, planned: its files rewritten, and the images that its services build.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Span};
use crate::image::{self, Build, ComposeBuild, Copy, How, ImagePlan};
use crate::scenario::stacks::Stack;
use crate::substitute::{self, Addition, BuildInfo, Refused, Rewritten, StackInput, Value as Late};
use crate::template::Scope;

use super::{Context, StackPlan, of_stack, without_service};

/// Plans one stack.
pub(super) struct Planning<'a> {
    pub(super) scope: &'a Scope,
    pub(super) context: &'a Context<'a>,
    pub(super) problems: &'a mut Vec<Diagnostic>,
    /// True while planning: what is not known yet becomes a hole.
    pub(super) late: bool,
    /// The projects of the stacks before.
    pub(super) taken: &'a BTreeSet<String>,
}

impl Planning<'_> {
    pub(super) fn stack(
        mut self,
        (name, span): (&str, &Span),
        stack: &Stack,
        base: Option<(usize, String)>,
        number: usize,
    ) -> Option<(StackPlan, Vec<ImagePlan>)> {
        let is_base = base.is_none();
        let (id, project) = base.unwrap_or_else(|| (number, project_name(self.context.case, name, self.taken)));
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
            let compose = self.building(&input, name, &service);
            let at = planned
                .builds
                .iter()
                .find(|build| build.service == service)
                .map_or(span, |build| &build.at)
                .clone();
            let how = How::Build(Box::new(Build { compose, ..build }));
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

    /// The files that the compose tool builds a service from, apart from those of the run: they and the copies of contexts
    /// beside them are gone when the image is there.
    fn building(&mut self, input: &StackInput, name: &str, service: &str) -> Option<ComposeBuild> {
        let folder = self.context.builds.join(name).join(service);
        let input = StackInput {
            contexts: Some(folder.join("contexts")),
            folder,
            ..input.clone()
        };
        let rewritten = self.rewritten(&input)?;
        Some(compose_build(&input, &rewritten, service))
    }

    fn rewritten(&mut self, input: &StackInput) -> Option<Rewritten> {
        match substitute::rewrite(input, self.context.files) {
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

    /// Where a build's Dockerfile stands, as it is told.
    fn dockerfile(&self, info: &BuildInfo) -> String {
        let file = info.context.as_ref().zip(info.dockerfile.as_ref());
        match file {
            Some((context, name)) => self.context.files.shown(&context.join(name)),
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

fn compose_build(input: &StackInput, planned: &Rewritten, service: &str) -> ComposeBuild {
    let copies = planned.builds.iter().filter_map(|build| {
        let prepare = build.prepare.as_ref()?;
        Some(Copy {
            from: build.context.clone()?,
            to: format!("contexts/{}", prepare.copy),
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
    let name = name.trim_end_matches('-');
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut free = std::iter::once(name.to_owned()).chain(numbered);
    free.find(|name| !taken.contains(name)).unwrap_or_default()
}
