//! One image, planned: its words rendered, its Dockerfile rewritten, and its reference made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::identity::tidy;
use super::{BUILD_LIMIT, Build, Context, How, ImagePlan, OURS, identity, image_problem, reference};
use crate::diagnostic::{Diagnostic, Span};
use crate::scenario::images::{BuildImage, Image};
use crate::scenario::stacks::AddWritten;
use crate::scenario::{Reading, TooLate, normal};
use crate::substitute;
use crate::template::Scope;

/// Why an image waits for nothing.
const LATE: TooLate = (
    "images are made before anything starts, and this is known only later",
    "use variables, or `commit` for one that a step makes",
);

/// Plans one image.
pub(super) struct Planning<'a> {
    pub(super) scope: &'a Scope,
    pub(super) context: &'a Context<'a>,
    pub(super) problems: &'a mut Vec<Diagnostic>,
}

impl Planning<'_> {
    pub(super) fn image(&mut self, name: &str, span: &Span, image: &Image) -> Option<ImagePlan> {
        let (reference, how) = match image {
            Image::Existing { image, pull, own } => {
                let reference = self.reading().text(image)?;
                if let Some(problem) = image_problem(&reference, &image.span) {
                    self.problems.push(problem);
                    return None;
                }
                (reference, How::Existing { pull: *pull, own: *own })
            }
            Image::Blank => (
                format!("{OURS}{}:{}", tidy(name), self.context.attempt.case),
                How::Blank,
            ),
            Image::Build(build) => {
                let (reference, build) = self.build(name, build)?;
                (reference, How::Build(Box::new(build)))
            }
        };
        Some(ImagePlan {
            name: name.to_owned(),
            reference,
            at: span.clone(),
            how,
        })
    }

    fn reading(&mut self) -> Reading<'_> {
        Reading {
            known: self.context.attempt.known(self.scope),
            late: LATE,
            problems: self.problems,
        }
    }

    fn build(&mut self, name: &str, written: &BuildImage) -> Option<(String, Build)> {
        let context = match &written.context {
            Some(context) => Some(self.reading().path(context)?),
            None => None,
        };
        let dockerfile = match &written.dockerfile {
            Some(dockerfile) => self.reading().text(dockerfile)?,
            None => "Dockerfile".to_owned(),
        };
        let add = self.additions(&written.add)?;
        let args = self.reading().texts(&written.args)?;
        let from = self.reading().texts(&written.from)?;
        let target = self.reading().optional(written.target.as_ref())?;
        let path = self.dockerfile_path(context.as_deref(), &dockerfile, &add);
        let at = written
            .dockerfile
            .as_ref()
            .or(written.context.as_ref())
            .map_or(&written.span, |text| &text.span);
        let source = match self.context.attempt.files.text(&path)? {
            Ok(source) => source,
            Err(why) => {
                self.problems.push(Diagnostic::error(
                    at,
                    format!(
                        "cannot read the Dockerfile `{}`: {why}",
                        self.context.attempt.files.shown(&path)
                    ),
                ));
                return None;
            }
        };
        let rewritten = substitute::rewrite_dockerfile(&source.text, &from, &args);
        self.tell_unused(written, &rewritten);
        // It is made from what stands in place of the images that were replaced.
        let replaced = rewritten.used.iter().filter_map(|key| from.get(key)).cloned();
        let named = rewritten.images.iter().filter(|name| !from.contains_key(*name));
        let bases = named.cloned().chain(replaced).filter(|name| name != "scratch");
        // A Dockerfile from elsewhere stands in the copy under a plain name.
        let inside = context.as_ref().and_then(|context| path.strip_prefix(context).ok());
        let dockerfile = inside.map_or_else(|| "Dockerfile".to_owned(), |path| path.display().to_string());
        let build = Build {
            source: self.context.attempt.files.shown(&path),
            dockerfiles: BTreeMap::from([(dockerfile.clone(), rewritten.text.clone())]),
            context,
            dockerfile,
            args,
            target,
            add,
            labels: crate::lease::image_labels(&self.context.attempt.folder.display().to_string()),
            bases: bases.collect(),
            cache: written.cache.as_ref().is_none_or(|cache| cache.value),
            limit: written.timeout.as_ref().map_or(BUILD_LIMIT, |limit| limit.value),
            compose: None,
        };
        let hash = identity(self.context, &build, &rewritten.text, at, self.problems)?;
        Some((reference(name, &hash), build))
    }

    /// Images that `from` replaces, and that the Dockerfile does not name.
    fn tell_unused(&mut self, written: &BuildImage, rewritten: &substitute::RewrittenDockerfile) {
        for (key, (span, _)) in &written.from.0 {
            if !rewritten.used.contains(key) {
                let known = rewritten.images.iter().map(String::as_str);
                self.problems
                    .push(Diagnostic::unknown(span, "image in the Dockerfile,", key, known));
            }
        }
    }

    /// Without a context the Dockerfile stands beside the scenario; one that is added counts, too.
    fn dockerfile_path(&self, context: Option<&Path>, dockerfile: &str, add: &[(PathBuf, String)]) -> PathBuf {
        if let Some((from, _)) = add.iter().find(|(_, to)| to == dockerfile) {
            return from.clone();
        }
        normal(&context.unwrap_or(self.context.attempt.folder).join(dockerfile))
    }

    fn additions(&mut self, add: &[AddWritten]) -> Option<Vec<(PathBuf, String)>> {
        let mut additions = Vec::new();
        for entry in add {
            let from = self.reading().path(&entry.path)?;
            let to = match &entry.to {
                Some(to) => self.reading().text(to)?,
                None => from
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
            };
            match substitute::Files::look(self.context.attempt.files, &from) {
                Some(substitute::Found::Missing) => {
                    self.problems.push(Diagnostic::error(
                        &entry.path.span,
                        format!("there is no `{}` to add", from.display()),
                    ));
                }
                Some(_) => additions.push((from, to)),
                None => return None,
            }
        }
        Some(additions)
    }
}
