//! What a built image is known by: the hash of all that its content comes from, in its reference.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostic::{Diagnostic, Span};
use crate::scenario::Files;
use crate::substitute::{self, Entry, IgnoreFile, Ingredients};

use super::{Bases, Build, Context, Identities, OURS};

/// The hash of a build's content, its base images included; zeros where contexts are not read.
pub fn identity(
    context: &Context<'_>,
    build: &Build,
    dockerfile: &str,
    at: &Span,
    problems: &mut Vec<Diagnostic>,
) -> Option<String> {
    if let Identities::None = context.identities {
        if let Some(folder) = &build.context
            && substitute::Files::look(context.attempt.files, folder)? != substitute::Found::Folder
        {
            problems.push(Diagnostic::error(
                at,
                format!("there is no folder `{}` to build from", folder.display()),
            ));
        }
        return Some("0".repeat(12));
    }
    let ingredients = Ingredients {
        entries: entries(context, build, at, problems)?,
        dockerfile: dockerfile.to_owned(),
        bases: match context.identities {
            Identities::Bases(bases) => known(build, bases),
            Identities::None | Identities::Files => BTreeMap::new(),
        },
        args: build
            .args
            .iter()
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect(),
        target: build.target.clone(),
        options: String::new(),
    };
    Some(substitute::build_hash(&ingredients))
}

/// What the builder sees: the context's entries, and what is added to them.
fn entries(context: &Context<'_>, build: &Build, at: &Span, problems: &mut Vec<Diagnostic>) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    if let Some(folder) = &build.context {
        match context.attempt.files.folder(folder)? {
            Ok(all) => entries.extend(visible(context.attempt.files, folder, &all, at, problems)?),
            Err(why) => {
                problems.push(Diagnostic::error(
                    at,
                    format!("cannot build from `{}`: {why}", folder.display()),
                ));
                return None;
            }
        }
    }
    for (from, to) in &build.add {
        let Ok(all) = context.attempt.files.folder(from)? else {
            continue;
        };
        entries.extend(all.iter().map(|entry| {
            let path = if entry.path.is_empty() {
                to.clone()
            } else {
                format!("{to}/{}", entry.path)
            };
            Entry { path, ..entry.clone() }
        }));
    }
    Some(entries)
}

/// The ids of the images that a build is made from. Those that are built here have their content in their names.
fn known(build: &Build, bases: &Bases) -> BTreeMap<String, String> {
    let found = build.bases.iter().filter(|base| !base.starts_with(OURS));
    let mut ids: BTreeMap<String, String> = found.map(|base| (base.clone(), bases.id(base).to_owned())).collect();
    if !build.cache {
        // It is made anew in each run, and no run may take away the name of what another one uses.
        ids.insert(String::new(), bases.run.clone());
    }
    ids
}

/// A context's entries that the builder sees.
pub fn visible(
    files: &Files,
    folder: &Path,
    all: &[Entry],
    at: &Span,
    problems: &mut Vec<Diagnostic>,
) -> Option<Vec<Entry>> {
    let ignore = match files.text(&folder.join(".dockerignore"))? {
        Err(_) => IgnoreFile::default(),
        Ok(source) => match IgnoreFile::parse(&source.text) {
            Ok(ignore) => ignore,
            Err((line, why)) => {
                problems.push(Diagnostic::error(at, format!("`{}`, line {line}: {why}", source.path)));
                return None;
            }
        },
    };
    Some(
        all.iter()
            .filter(|entry| !ignore.ignores(&entry.path))
            .cloned()
            .collect(),
    )
}

/// The reference of an image that is built here.
pub fn reference(name: &str, hash: &str) -> String {
    format!("{OURS}{}:{}", tidy(name), hash.get(..12).unwrap_or(hash))
}

/// A name as a part of an image's reference.
pub(super) fn tidy(name: &str) -> String {
    let plain: String = name
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() {
        "image".to_owned()
    } else {
        plain.to_owned()
    }
}
