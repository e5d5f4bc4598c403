//! `images`: built, existing, or only named.

use std::time::Duration;

use crate::diagnostic::{Diagnostic, Spanned};
use crate::scenario::stacks::AddWritten;
use crate::shape::{Named, Problems, Rule, Shape, Text, shape, words};
use crate::yaml::Node;

words! {
    /// When an existing image is pulled.
    pub enum Pull {
        /// Before each run.
        Always = "always",
        /// When it is not here.
        Missing = "missing",
        /// Never.
        Never = "never",
    }
}

shape! {
    /// An image: one of `build`, `image` and `blank`.
    pub struct ImageFull ("an image") rules [
        Rule::One(&["build", "image", "blank"]),
        Rule::Needs("pull", &["image"]),
        Rule::Needs("own", &["image"]),
    ] {
        /// Built from a folder with a Dockerfile; a text alone is the folder.
        build: Option<BuildImage>,
        /// An existing image.
        image: Option<Text>,
        /// When an existing image is pulled (default: `missing`).
        pull: Option<Spanned<Pull>>,
        /// An existing image is removed at the end only if it is `own: true`.
        own: Option<Spanned<bool>>,
        /// Only a name, for `commit`.
        blank: Option<Spanned<bool>>,
    }
}

shape! {
    /// How an image is built.
    pub struct BuildImage ("`build`") short context {
        /// The folder that it is built from; absent: an empty one.
        context: Option<Text>,
        /// The Dockerfile in it (default: `Dockerfile`).
        dockerfile: Option<Text>,
        /// The stage to stop at.
        target: Option<Text>,
        /// Arguments.
        args: Named<Text>,
        /// Files that are put into the copied context.
        add: Vec<AddWritten>,
        /// Images named in FROM, COPY --from and the ARG defaults that they use: what is written → what it becomes.
        from: Named<Text>,
        /// `false` builds without the cache.
        cache: Option<Spanned<bool>>,
        /// Limit of the build (default: 20m).
        timeout: Option<Spanned<Duration>>,
    }
}

/// An image as written.
#[derive(Debug, Clone)]
pub enum Image {
    /// Built.
    Build(Box<BuildImage>),
    /// Existing.
    Existing {
        /// Its reference.
        image: Text,
        /// When it is pulled.
        pull: Pull,
        /// Whether it is removed at the end.
        own: bool,
    },
    /// Only a name.
    Blank,
}

impl Shape for Image {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let before = problems.diagnostics.len();
        let full = ImageFull::read(node, problems)?;
        // A misspelt `image` is not also a missing one.
        if problems.diagnostics.len() > before {
            return None;
        }
        let blank = full.blank.as_ref().is_some_and(|blank| blank.value);
        for (key, span) in [
            ("pull", full.pull.as_ref().map(|pull| &pull.span)),
            ("own", full.own.as_ref().map(|own| &own.span)),
        ] {
            if let (Some(span), None) = (span, &full.image) {
                problems.push(Diagnostic::error(
                    span,
                    format!("`{key}` belongs to `image`, and there is none"),
                ));
            }
        }
        match (full.build, full.image, blank) {
            (Some(build), None, false) => Some(Image::Build(Box::new(build))),
            (None, Some(image), false) => Some(Image::Existing {
                image,
                pull: full.pull.map_or(Pull::Missing, |pull| pull.value),
                own: full.own.is_some_and(|own| own.value),
            }),
            (None, None, true) => Some(Image::Blank),
            _ => {
                problems.push(
                    Diagnostic::error(
                        &full.span,
                        "an image has exactly one of `build`, `image` and `blank: true`",
                    )
                    .help("`{build: ./folder}`, `{image: \"redis:7\"}` or `{blank: true}`"),
                );
                None
            }
        }
    }
}

impl schemars::JsonSchema for Image {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Image".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        ImageFull::json_schema(generator)
    }
}
