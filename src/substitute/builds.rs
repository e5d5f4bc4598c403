//! `builds`: contexts that are replaced by prepared copies, with other Dockerfiles, base images and files in them; and
//! what each build is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::build_written::{args, context, options};
use super::contexts::Contexts;
use super::dockerfile;
use super::files::{Found, Looking, join};
use super::gather::is_remote;
use super::input::{BuildReplacement, Replacement, StackInput};
use super::interpolate::{Environment, Value, escape, fill};
use super::matching::Matching;
use super::rewritten::{BuildInfo, Prepare};
use super::tree;
use super::unit::Unit;
use super::view::{self, Layers, Said, View};
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::{Content, Node};

/// The contexts that are replaced, by the path of the copy as it stands in the rewritten file.
#[derive(Debug, Default)]
pub(super) struct Copies(BTreeMap<String, Copy>);

#[derive(Debug)]
struct Copy {
    /// The folder that is copied.
    from: PathBuf,
    prepare: Prepare,
}

/// The keys of `builds` as ordinary ones; what each is replaced by is looked up by its index.
pub(super) fn keys(input: &StackInput) -> Vec<Replacement> {
    let builds = &input.substitutions.builds;
    builds
        .iter()
        .map(|build| Replacement {
            from: build.from.clone(),
            to: Value::from(""),
        })
        .collect()
}

/// What replacing goes by.
pub(super) struct Building<'b, 'm> {
    pub(super) input: &'b StackInput,
    pub(super) looking: &'b Looking<'b>,
    pub(super) images: &'b mut Matching<'m>,
    pub(super) problems: &'b mut Vec<Diagnostic>,
}

impl Building<'_, '_> {
    /// Turns the contexts that `builds` names to their copies.
    pub(super) fn replace(&mut self, units: &mut [Unit], matching: &mut Matching<'_>) -> Copies {
        let mut copies = Copies::default();
        view::each(units, "services", |around, _, service| {
            let Some(build) = tree::entry(service, "build") else {
                return;
            };
            let context = if build.scalar().is_some() {
                Some(&*build)
            } else {
                build.entry("context")
            };
            let default = tree::plain(".", &build.span);
            let context = context.unwrap_or(&default);
            let Some(written) = context.scalar() else {
                return;
            };
            let Some(hit) = matching.find(written, &around.environment) else {
                return;
            };
            let replacement = &self.input.substitutions.builds[hit.index];
            let from = match &replacement.context {
                Some(context) => context.value.clone(),
                None => join(
                    &around.base,
                    &fill(written, &around.environment).value.unwrap_or_default(),
                ),
            };
            let copy = (hit.index + 1).to_string();
            let folder = self.input.contexts.as_ref().unwrap_or(&self.input.folder);
            let path = escape(&folder.join(&copy).to_string_lossy());
            let prepare = Prepare {
                copy,
                dockerfiles: BTreeMap::new(),
                add: replacement.add.clone(),
            };
            let copy = copies.0.entry(path.clone()).or_insert(Copy { from, prepare });
            self.dockerfiles(build, replacement, copy, &around.environment);
            if build.scalar().is_some() {
                tree::set_text(build, path);
            } else {
                let span = build.span.clone();
                tree::set(build, "context", tree::text(path, &span));
            }
        });
        copies
    }

    /// Where nothing is built there are no copies: what they would be copies of stands in their place.
    pub(super) fn without_copies(&self, units: &mut [Unit], copies: &Copies) {
        if self.input.contexts.is_some() {
            return;
        }
        view::each(units, "services", |_, _, service| {
            let Some(build) = tree::entry(service, "build") else {
                return;
            };
            let context = match build.scalar() {
                Some(_) => Some(build),
                None => tree::entry(build, "context"),
            };
            if let Some(context) = context
                && let Some(copy) = copies.0.get(context.scalar().unwrap_or_default())
            {
                tree::set_text(context, escape(&copy.from.to_string_lossy()));
            }
        });
    }

    /// Replaces images in the Dockerfiles of a build.
    fn dockerfiles(&mut self, build: &mut Node, by: &BuildReplacement, copy: &mut Copy, environment: &Environment) {
        let said = [Said {
            node: build,
            environment: environment.clone().into(),
            place: no_place(),
        }];
        let (args, contexts) = (args(&said), Contexts::of(&said).names);
        if let Some(inline) = tree::entry(build, "dockerfile_inline") {
            let text = inline.scalar().unwrap_or_default();
            let filled = fill(text, environment).value.unwrap_or_default();
            let text = self.images(&filled, &args, &contexts);
            return tree::set_text(inline, escape(&text));
        }
        let own = build.entry("dockerfile").and_then(Node::scalar);
        let own = own.map_or(Some("Dockerfile".to_owned()), |text| fill(text, environment).value);
        let own = own.into_iter().map(|name| (name, build.span.clone()));
        let listed = by
            .dockerfiles
            .iter()
            .map(|file| (file.value.clone(), file.span.clone()));
        let names: Vec<(String, Span)> = if by.dockerfiles.is_empty() {
            own.collect()
        } else {
            listed.collect()
        };
        for (name, at) in names {
            let text = match copy.prepare.dockerfiles.get(&name) {
                Some(text) => Some(text.clone()),
                None => self.read(&name, by, &copy.from, &at),
            };
            if let Some(text) = text {
                let text = self.images(&text, &args, &contexts);
                copy.prepare.dockerfiles.insert(name, text);
            }
        }
    }

    /// A Dockerfile of a context, or one that is put into it.
    fn read(&mut self, name: &str, by: &BuildReplacement, from: &Path, at: &Span) -> Option<String> {
        let added = by.add.iter().find(|addition| {
            let to = addition
                .to
                .clone()
                .or_else(|| Some(addition.from.file_name()?.to_string_lossy().into_owned()));
            to.is_some_and(|to| join(Path::new("/"), &to) == join(Path::new("/"), name))
        });
        let path = added.map_or_else(|| join(from, name), |addition| addition.from.value.clone());
        Some(self.looking.text(&path, at, self.problems)?.text.clone())
    }

    fn images(&mut self, text: &str, args: &BTreeMap<String, Option<Value>>, contexts: &BTreeSet<String>) -> String {
        let rewritten = dockerfile::rewrite(text, &self.images.map(), &known(args));
        let images = rewritten.images.into_iter().filter(|image| !contexts.contains(image));
        self.images.note(images, &rewritten.used);
        rewritten.text
    }

    /// What the build of an active service is made of.
    pub(super) fn info(
        &mut self,
        units: &[Unit],
        service: &str,
        layers: &Layers,
        copies: &Copies,
    ) -> Option<BuildInfo> {
        let view = View::service(units, layers);
        let builds = view.all("build");
        let last = view.last("build")?;
        self.late(&builds);
        let field = |key: &str| {
            let mut last_first = builds.iter().rev();
            last_first.find_map(|said| said.fill(said.node.entry(key)?))
        };
        let (at, written, context, base) = context(&builds, &last, units);
        let copy = copies.0.get(written);
        let remote = (copy.is_none() && is_remote(&context)).then(|| context.clone());
        let folder = match copy {
            Some(copy) => Some(copy.from.clone()),
            None => remote.is_none().then(|| join(base, &context)),
        };
        let inline = field("dockerfile_inline");
        let own = || field("dockerfile").unwrap_or_else(|| "Dockerfile".to_owned());
        let dockerfile = inline.is_none().then(own);
        let prepared = dockerfile.as_ref().and_then(|name| copy?.prepare.dockerfiles.get(name));
        let contexts = Contexts::of(&builds);
        let mut info = BuildInfo {
            service: service.to_owned(),
            at,
            context: folder,
            remote,
            dockerfile_text: inline.or(prepared.cloned()).unwrap_or_default(),
            dockerfile,
            bases: BTreeSet::new(),
            target: field("target"),
            options: options(&builds),
            contexts: contexts.folders(units),
            prepare: copy.map(|copy| copy.prepare.clone()),
            args: args(&builds),
        };
        self.check(&mut info);
        if copy.is_none() {
            self.note_bases(&info, &context);
        }
        info.bases.retain(|base| !contexts.names.contains(base));
        info.bases.extend(contexts.images);
        Some(info)
    }

    /// Only in builds that are listed are base images replaced.
    fn note_bases(&mut self, info: &BuildInfo, context: &str) {
        let file = match (&info.context, &info.dockerfile) {
            (Some(folder), Some(name)) => format!("`{}`", self.looking.shown(&join(folder, name))),
            _ => format!("the `dockerfile_inline` of `{}`", info.service),
        };
        let help = format!(
            "it stands in {file}, where nothing is replaced unless its build is listed: `builds: {{{context}: {{}}}}`"
        );
        self.images.note_out_of_reach(&info.bases, &help);
    }

    /// Images are made before anything starts, so nothing of a build may be known later.
    fn late(&mut self, builds: &[Said<'_>]) {
        for said in builds {
            each_scalar(said.node, &mut |node| {
                let filled = fill(node.scalar().unwrap_or_default(), &said.environment);
                if filled.value.is_none() && filled.problems.is_empty() {
                    let message = "a build must be known before anything starts, and this is known later";
                    self.problems.push(Diagnostic::error(&node.span, message));
                }
            });
        }
    }

    /// Looks whether the context and its Dockerfile are there.
    fn check(&mut self, info: &mut BuildInfo) {
        let Some(context) = &info.context else { return };
        let found = self.looking.look(context);
        if let Some(Found::Missing | Found::File(_) | Found::Unreadable(_) | Found::NoText(..)) = found {
            let message = format!(
                "there is no folder `{}` to build `{}` from",
                context.display(),
                info.service
            );
            self.problems.push(Diagnostic::error(&info.at, message));
            return;
        }
        if let Some(name) = info.dockerfile.as_ref().filter(|_| info.dockerfile_text.is_empty()) {
            let path = join(context, name);
            match self.looking.text(&path, &info.at, self.problems) {
                Some(source) => info.dockerfile_text = source.text.clone(),
                None => return,
            }
        }
        info.bases = dockerfile::rewrite(&info.dockerfile_text, &BTreeMap::new(), &known(&info.args)).images;
        info.bases.remove("scratch");
    }
}

fn each_scalar(node: &Node, visit: &mut dyn FnMut(&Node)) {
    match &node.content {
        Content::Map(entries) => entries.iter().for_each(|(_, value)| each_scalar(value, visit)),
        Content::List(items) => items.iter().for_each(|item| each_scalar(item, visit)),
        Content::Scalar(_) => visit(node),
    }
}

fn no_place() -> view::Place {
    view::Place {
        unit: 0,
        document: 0,
        name: String::new(),
    }
}

fn known(args: &BTreeMap<String, Option<Value>>) -> BTreeMap<String, String> {
    let known = |(name, value): (&String, &Option<Value>)| Some((name.clone(), value.as_ref()?.known()?.to_owned()));
    args.iter().filter_map(known).collect()
}
