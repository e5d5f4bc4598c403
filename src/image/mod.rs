//! Images of a case, planned: each gets its reference, built ones by the hash of their content.

mod identity;
mod name;
mod planning;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Span};
use crate::engine::Labels;
use crate::scenario::Attempt;
use crate::scenario::images::Image;
use crate::shape::{Named, Text};
use crate::substitute::Originals;
use crate::template::Scope;

pub use crate::scenario::images::Pull;
pub use crate::substitute::OURS;
pub use identity::{identity, reference, visible};
pub use name::image_problem;

use planning::Planning;

/// The default limit of a build.
pub const BUILD_LIMIT: Duration = Duration::from_secs(20 * 60);

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
    /// What the image is labelled with; the compose tool finds it in its files.
    pub labels: Labels,
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
    /// What these are copies of.
    pub originals: Originals,
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
    /// Where to, absolute.
    pub to: PathBuf,
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
    /// The try.
    pub attempt: Attempt<'a>,
    /// What the identity of a build is made of.
    pub identities: &'a Identities,
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
