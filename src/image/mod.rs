//! Images of a case, planned: each gets its reference, built ones by the hash of their content.

mod identity;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Span};
use crate::scenario::images::{BuildImage, Image};
use crate::scenario::stacks::AddWritten;
use crate::scenario::{Files, normal};
use crate::shape::{Named, Text};
use crate::stack::render_early;
use crate::substitute;
use crate::template::{Scope, Unrendered};

pub use crate::scenario::images::Pull;
pub use identity::{identity, reference, visible};

use identity::tidy;

/// The default limit of a build.
pub const BUILD_LIMIT: Duration = Duration::from_secs(20 * 60);
/// What the references of all images that are made here begin with.
pub const OURS: &str = "e2erun/";

/// An image that a case needs.
#[derive(Debug, Clone)]
pub struct ImagePlan {
    /// Its name in the scenario, or whose it is: `shop/web`; empty for one that a stack uses as it is.
    pub name: String,
    /// Its real reference.
    pub reference: String,
    /// Where it is written.
    pub at: Span,
    /// How it comes to be.
    pub how: How,
}

/// How an image comes to be.
#[derive(Debug, Clone)]
pub enum How {
    /// Built.
    Build(Box<Build>),
    /// It exists, here or in a registry.
    Existing {
        /// When it is pulled.
        pull: Pull,
        /// Whether it is removed at the end.
        own: bool,
    },
    /// Only a name.
    Blank,
}

/// A build.
#[derive(Debug, Clone, Default)]
pub struct Build {
    /// The folder that is copied; none for an empty one.
    pub context: Option<PathBuf>,
    /// The Dockerfile in the copy.
    pub dockerfile: String,
    /// Where the Dockerfile stands, as it is told.
    pub source: String,
    /// Dockerfiles and their texts after replacing images.
    pub dockerfiles: BTreeMap<String, String>,
    /// Arguments.
    pub args: BTreeMap<String, String>,
    /// The stage to stop at.
    pub target: Option<String>,
    /// What is put into the copy: from where, to where in it.
    pub add: Vec<(PathBuf, String)>,
    /// The base images that it names.
    pub bases: BTreeSet<String>,
    /// False: built anew.
    pub cache: bool,
    /// Its limit.
    pub limit: Duration,
    /// For a service's build: the compose tool does it, so that all build options stay its business.
    pub compose: Option<ComposeBuild>,
}

/// A service's build by the compose tool.
#[derive(Debug, Clone)]
pub struct ComposeBuild {
    /// The service.
    pub service: String,
    /// The folder of the copies.
    pub folder: PathBuf,
    /// The rewritten files.
    pub files: Vec<(String, String)>,
    /// Copies of contexts that are made first.
    pub copies: Vec<Copy>,
    /// The tool's arguments before its command.
    pub arguments: Vec<String>,
    /// What interpolation sees.
    pub env: BTreeMap<String, String>,
}

/// A copy of a context.
#[derive(Debug, Clone)]
pub struct Copy {
    /// What is copied.
    pub from: PathBuf,
    /// Where to, in the folder of copies.
    pub to: String,
    /// Texts that are put into it.
    pub texts: BTreeMap<String, String>,
    /// Files that are put into it.
    pub add: Vec<(PathBuf, String)>,
}

impl ImagePlan {
    /// An image that a stack uses as it is.
    pub fn existing(reference: &str, at: &Span) -> Self {
        ImagePlan {
            name: String::new(),
            reference: reference.to_owned(),
            at: at.clone(),
            how: How::Existing {
                pull: Pull::Missing,
                own: false,
            },
        }
    }

    /// The images that it is made from.
    pub fn bases(&self) -> BTreeSet<String> {
        match &self.how {
            How::Build(build) => build.bases.clone(),
            How::Existing { .. } | How::Blank => BTreeSet::new(),
        }
    }

    /// As it is told: `shop/web`, with its reference where it has no name.
    pub fn shown(&self) -> String {
        if self.name.is_empty() {
            format!("`{}`", self.reference)
        } else {
            format!("`{}`", self.name)
        }
    }

    /// A folder name of its own.
    pub fn slug(&self) -> String {
        self.reference
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect()
    }
}

/// What the identity of a build is made of.
#[derive(Debug, Clone)]
pub enum Identities {
    /// Nothing: contexts are not read.
    None,
    /// The files alone, where no engine is asked.
    Files,
    /// The base images, too, as they are on the engine.
    Bases(Bases),
}

/// The images on an engine that others are made from, as they were when the run began.
#[derive(Debug, Clone)]
pub struct Bases {
    /// The run.
    pub run: String,
    /// The ids by reference, of those that are there.
    pub ids: BTreeMap<String, String>,
}

impl Bases {
    /// The id of one of them. What nobody knows makes an image of this run alone: there is no telling what it was.
    fn id(&self, reference: &str) -> &str {
        self.ids.get(reference).unwrap_or(&self.run)
    }
}

/// What planning images needs to know.
pub struct Context<'a> {
    /// The files that were read.
    pub files: &'a Files,
    /// The scenario's folder.
    pub folder: &'a Path,
    /// What the identity of a build is made of.
    pub identities: &'a Identities,
    /// The case's id.
    pub case: &'a str,
}

/// Plans images, each after those that it is made from; the scope's `images` gets their references.
pub fn plan(images: &Named<Image>, scope: &mut Scope, context: &Context<'_>) -> (Vec<ImagePlan>, Vec<Diagnostic>) {
    let (mut plans, mut problems) = (Vec::new(), Vec::new());
    let mut references = serde_json::Map::new();
    let mut left: Vec<(&str, &Span, &Image)> = images
        .0
        .iter()
        .map(|(name, (span, image))| (name.as_str(), span, image))
        .collect();
    scope.values.insert("images".to_owned(), Arc::new(json!({})));
    while !left.is_empty() {
        let open: Vec<&str> = left.iter().map(|(name, ..)| *name).collect();
        let ready = left
            .iter()
            .position(|(_, _, image)| !uses(image).iter().any(|used| open.contains(&used.as_str())));
        let Some(ready) = ready else {
            let (name, span, _) = left[0];
            problems.push(
                Diagnostic::error(span, format!("image `{name}` is made from itself"))
                    .help("what it is made from leads back to it, maybe by way of other images"),
            );
            break;
        };
        let (name, span, image) = left.remove(ready);
        let mut planning = Planning {
            scope,
            context,
            problems: &mut problems,
        };
        if let Some(planned) = planning.image(name, span, image) {
            references.insert(name.to_owned(), planned.reference.clone().into());
            plans.push(planned);
        } else {
            references.insert(name.to_owned(), Value::Null);
        }
        scope
            .values
            .insert("images".to_owned(), Arc::new(references.clone().into()));
    }
    (plans, problems)
}

/// The images that an image's words name.
fn uses(image: &Image) -> BTreeSet<String> {
    let texts: Vec<&Text> = match image {
        Image::Build(build) => build
            .from
            .iter()
            .chain(build.args.iter())
            .map(|(_, text)| text)
            .collect(),
        Image::Existing { image, .. } => vec![image],
        Image::Blank => Vec::new(),
    };
    let names = texts
        .iter()
        .flat_map(|text| text.names())
        .filter(|path| path.parts[0] == "images");
    names.filter_map(|path| path.parts.get(1).cloned()).collect()
}

struct Planning<'a> {
    scope: &'a Scope,
    context: &'a Context<'a>,
    problems: &'a mut Vec<Diagnostic>,
}

impl Planning<'_> {
    fn image(&mut self, name: &str, span: &Span, image: &Image) -> Option<ImagePlan> {
        let (reference, how) = match image {
            Image::Existing { image, pull, own } => {
                let reference = self.text(image)?;
                if reference.trim().is_empty() {
                    self.problems
                        .push(Diagnostic::error(&image.span, "the image's reference is empty"));
                    return None;
                }
                (reference, How::Existing { pull: *pull, own: *own })
            }
            Image::Blank => (format!("{OURS}{}:{}", tidy(name), self.context.case), How::Blank),
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

    fn text(&mut self, text: &Text) -> Option<String> {
        match render_early(
            self.scope,
            self.context.files,
            self.context.folder,
            &text.span,
            |scope| text.text(scope),
        ) {
            Ok(text) => text,
            Err(Unrendered::Failed { span, message }) => {
                self.problems.push(Diagnostic::error(&span, message));
                None
            }
            Err(Unrendered::Needs(_)) => {
                self.problems.push(Diagnostic::error(
                    &text.span,
                    "images are made before anything starts, and this is known only later",
                ));
                None
            }
        }
    }

    fn texts(&mut self, texts: &Named<Text>) -> Option<BTreeMap<String, String>> {
        let rendered: Vec<Option<(String, String)>> = texts
            .iter()
            .map(|(name, text)| Some((name.to_owned(), self.text(text)?)))
            .collect();
        rendered.into_iter().collect()
    }

    fn build(&mut self, name: &str, written: &BuildImage) -> Option<(String, Build)> {
        let context = match &written.context {
            Some(context) => Some(self.path(context)?),
            None => None,
        };
        let dockerfile = match &written.dockerfile {
            Some(dockerfile) => self.text(dockerfile)?,
            None => "Dockerfile".to_owned(),
        };
        let add = self.additions(&written.add)?;
        let args = self.texts(&written.args)?;
        let from = self.texts(&written.from)?;
        let target = match &written.target {
            Some(target) => Some(self.text(target)?),
            None => None,
        };
        let path = self.dockerfile_path(context.as_deref(), &dockerfile, &add);
        let at = written
            .dockerfile
            .as_ref()
            .or(written.context.as_ref())
            .map_or(&written.span, |text| &text.span);
        let source = match self.context.files.text(&path)? {
            Ok(source) => source,
            Err(why) => {
                self.problems.push(Diagnostic::error(
                    at,
                    format!(
                        "cannot read the Dockerfile `{}`: {why}",
                        self.context.files.shown(&path)
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
            source: self.context.files.shown(&path),
            dockerfiles: BTreeMap::from([(dockerfile.clone(), rewritten.text.clone())]),
            context,
            dockerfile,
            args,
            target,
            add,
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
        normal(&context.unwrap_or(self.context.folder).join(dockerfile))
    }

    fn path(&mut self, text: &Text) -> Option<PathBuf> {
        Some(normal(&self.context.folder.join(self.text(text)?)))
    }

    fn additions(&mut self, add: &[AddWritten]) -> Option<Vec<(PathBuf, String)>> {
        let mut additions = Vec::new();
        for entry in add {
            let from = self.path(&entry.path)?;
            let to = match &entry.to {
                Some(to) => self.text(to)?,
                None => from
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
            };
            match substitute::Files::look(self.context.files, &from) {
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
