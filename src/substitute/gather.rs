//! All files of a stack, as trees: those that it names, and those that they include and extend. References between them
//! are turned to their copies on the way.
//!
//! Relative paths follow the compose tool's own rules: in several files and in included ones they are kept (the tool is
//! told the folder they belong to), in an extended file they belong to its own folder and are made absolute (paths.rs).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::files::{Found, Looking, join, trees};
use super::input::StackInput;
use super::interpolate::{Environment, Value, escape, fill};
use super::text::Texts;
use super::unit::Unit;
use super::{env_file, own_secrets, tree};
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::Node;

/// Files may include each other so deep.
const MAX_DEPTH: usize = 16;

/// A stack may have so many files.
const MAX_FILES: usize = 256;

pub(super) struct Gathering<'g> {
    input: &'g StackInput,
    looking: &'g Looking<'g>,
    units: Vec<Unit>,
    /// Copies of extended files by path: one however many services extend it.
    extended: BTreeMap<PathBuf, String>,
    names: BTreeSet<String>,
    /// The files that are being read now, each included by the one before.
    active: Vec<PathBuf>,
    pub(super) texts: Texts<'g>,
    problems: Vec<Diagnostic>,
    unset: Vec<Diagnostic>,
}

/// The files of a stack, in the order in which they are merged, included ones before those that include them.
pub(super) struct Gathered<'g> {
    pub(super) units: Vec<Unit>,
    pub(super) texts: Texts<'g>,
    pub(super) problems: Vec<Diagnostic>,
    /// What the env files beside them fill in, and nothing sets.
    pub(super) unset: Vec<Diagnostic>,
    /// The folder of the first file, the project's.
    pub(super) directory: PathBuf,
    /// The profiles that are active: the stack's, or where it names none those of the `.env`, as the tools have it.
    pub(super) profiles: BTreeSet<String>,
    /// What `${…}` sees in the files that the stack names.
    pub(super) environment: Rc<Environment>,
}

/// Reads all files of a stack.
pub(super) fn gather<'g>(input: &'g StackInput, looking: &'g Looking<'g>) -> Gathered<'g> {
    let mut gathering = Gathering {
        input,
        looking,
        units: Vec::new(),
        extended: BTreeMap::new(),
        names: BTreeSet::new(),
        active: Vec::new(),
        texts: Texts::new(&input.substitutions.text),
        problems: Vec::new(),
        unset: Vec::new(),
    };
    let directory = input
        .files
        .first()
        .and_then(|file| file.parent())
        .unwrap_or(Path::new("/"))
        .to_owned();
    let mut around = input.env.clone();
    around.insert("COMPOSE_PROJECT_NAME".to_owned(), Value::Known(input.project.clone()));
    let env_files: Vec<(PathBuf, Span)> = input
        .env_files
        .iter()
        .map(|file| (file.value.clone(), file.span.clone()))
        .collect();
    let environment = gathering.environment(&around, &directory, &env_files, &input.at);
    for file in &input.files {
        let place = Surroundings {
            base: &directory,
            environment: &environment,
        };
        gathering.file(&file.value, &file.span, &place);
    }
    let mut profiles = input.profiles.clone();
    if let Some(Value::Known(named)) = environment.get("COMPOSE_PROFILES").filter(|_| profiles.is_empty()) {
        let named = named.split(',').filter(|name| !name.is_empty());
        profiles.extend(named.map(str::to_owned));
    }
    let Gathering {
        units,
        texts,
        problems,
        unset,
        ..
    } = gathering;
    Gathered {
        units,
        texts,
        problems,
        unset,
        directory,
        profiles,
        environment,
    }
}

/// What a file is read in.
struct Surroundings<'s> {
    base: &'s Path,
    environment: &'s Rc<Environment>,
}

impl Gathering<'_> {
    fn environment(
        &mut self,
        around: &Environment,
        folder: &Path,
        files: &[(PathBuf, Span)],
        at: &Span,
    ) -> Rc<Environment> {
        let default = [(folder.join(".env"), at.clone())];
        let there = |path: &Path| {
            matches!(
                self.looking.look(path),
                Some(Found::File(_) | Found::Unreadable(_) | Found::NoText(..))
            )
        };
        let files = match files {
            [] if there(&default[0].0) => &default[..],
            files => files,
        };
        Rc::new(env_file::read(
            files,
            around,
            self.looking,
            (&mut self.problems, &mut self.unset),
        ))
    }

    /// Reads a file whose services are the stack's, after the files that it includes; gives the name of its copy.
    fn file(&mut self, path: &Path, at: &Span, place: &Surroundings<'_>) -> Option<String> {
        let shown = self.looking.shown(path);
        if self.active.iter().any(|active| active == path) {
            let message = format!("`{shown}` is included by itself");
            self.problems
                .push(Diagnostic::error(at, message).help("take this `include` out"));
            return None;
        }
        if self.active.len() >= MAX_DEPTH || self.units.len() >= MAX_FILES {
            let message = format!("`{shown}` is included too deep, or the stack has too many files");
            self.problems
                .push(Diagnostic::error(at, message).help(format!("at most {MAX_DEPTH} deep and {MAX_FILES} files")));
            return None;
        }
        let (mut documents, unchanged) = self.read(path, at)?;
        let mut extends = BTreeMap::new();
        self.active.push(path.to_owned());
        for document in &mut documents {
            self.includes(document, place);
            self.extends(document, place, &mut extends);
        }
        self.active.pop();
        let copy = self.name(path);
        let (base, environment) = (place.base.to_owned(), Rc::clone(place.environment));
        let (path, name) = (path.to_owned(), copy.clone());
        self.units.push(Unit {
            path,
            copy,
            extended: false,
            base,
            environment,
            documents,
            unchanged,
            extends,
        });
        Some(name)
    }

    fn read(&mut self, path: &Path, at: &Span) -> Option<(Vec<Node>, Arc<str>)> {
        let source = self.looking.text(path, at, &mut self.problems)?;
        let replaced = self.texts.replace(&source);
        let original = self.looking.parsed(path, &source);
        let read = if Arc::ptr_eq(&source, &replaced) {
            original
                .as_ref()
                .map(|parsed| parsed.documents.clone())
                .map_err(Vec::clone)
        } else {
            trees(&replaced)
        };
        let documents = match read {
            Ok(documents) => documents,
            Err(problems) => {
                self.problems.extend(problems);
                return None;
            }
        };
        own_secrets::hide_written(&documents);
        for document in documents
            .iter()
            .filter(|document| document.map().is_none() && !document.is_null())
        {
            let message = format!("a compose file is a mapping, this is {}", document.noun());
            self.problems
                .push(Diagnostic::error(&document.span, message).help("it begins with `services:`"));
        }
        let unchanged = original.map_or_else(|_| Arc::default(), |parsed| Arc::clone(&parsed.written));
        Some((documents, unchanged))
    }

    /// A free name for the copy of a file.
    fn name(&mut self, path: &Path) -> String {
        let name = path
            .file_name()
            .map_or_else(|| "compose.yml".to_owned(), |name| name.to_string_lossy().into_owned());
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, "yml"));
        let mut free = name.clone();
        let mut number = 2;
        while !self.names.insert(free.clone()) {
            free = format!("{stem}.{number}.{extension}");
            number += 1;
        }
        free
    }

    fn copy_path(&self, copy: &str) -> String {
        self.input.folder.join(copy).to_string_lossy().into_owned()
    }

    /// Reads what a document includes, and turns its `include` to the copies.
    fn includes(&mut self, document: &mut Node, place: &Surroundings<'_>) {
        let Some(include) = tree::entry(document, "include") else {
            return;
        };
        for item in tree::items(include) {
            let paths = match item.entry("path") {
                Some(path) => one_or_many(path),
                None => one_or_many(item),
            };
            let Some(paths) = self.paths(&paths, place) else {
                continue;
            };
            if paths.iter().any(|(path, _)| path.to_str().is_some_and(is_remote)) {
                continue;
            }
            let Some((first, span)) = paths.first().cloned() else {
                continue;
            };
            let folder = match item.entry("project_directory") {
                Some(folder) => self
                    .paths(&[folder], place)
                    .and_then(|found| found.into_iter().next())
                    .map(|(path, _)| path),
                None => first.parent().map(Path::to_owned),
            };
            let env_files = item.entry("env_file").map(one_or_many).unwrap_or_default();
            let (Some(folder), Some(env_files)) = (folder, self.paths(&env_files, place)) else {
                continue;
            };
            let environment = self.environment(place.environment, &folder, &env_files, &span);
            let inside = Surroundings {
                base: &folder,
                environment: &environment,
            };
            let mut copies = Vec::new();
            for (path, at) in &paths {
                if let Some(copy) = self.file(path, at, &inside) {
                    copies.push(tree::text(escape(&self.copy_path(&copy)), at));
                }
            }
            include_copies(item, copies, &folder);
        }
    }

    /// Paths of the file, filled in and made absolute.
    fn paths(&mut self, nodes: &[&Node], place: &Surroundings<'_>) -> Option<Vec<(PathBuf, Span)>> {
        let mut paths = Vec::new();
        for node in nodes {
            let text = node.scalar()?;
            match fill(text, place.environment).value {
                Some(path) if is_remote(&path) => paths.push((PathBuf::from(path), node.span.clone())),
                Some(path) => paths.push((join(place.base, &path), node.span.clone())),
                None => {
                    let message = format!("which file `{text}` is must be known before anything starts");
                    self.problems.push(Diagnostic::error(&node.span, message));
                    return None;
                }
            }
        }
        Some(paths)
    }

    /// Reads the files that services extend, and turns `extends` to their copies.
    fn extends(&mut self, document: &mut Node, place: &Surroundings<'_>, seen: &mut BTreeMap<String, PathBuf>) {
        let Some(services) = tree::entry(document, "services") else {
            return;
        };
        for (_, service) in tree::entries(services) {
            let Some(file) = tree::entry(service, "extends").and_then(|extends| tree::entry(extends, "file")) else {
                continue;
            };
            let Some(mut found) = self.paths(&[&*file], place) else {
                continue;
            };
            let Some((path, at)) = found.pop().filter(|(path, _)| !path.to_str().is_some_and(is_remote)) else {
                continue;
            };
            let Some(copy) = self.extended(&path, &at, place) else {
                continue;
            };
            let copy = escape(&self.copy_path(&copy));
            seen.insert(copy.clone(), path);
            tree::set_text(file, copy);
        }
    }

    /// Reads a file that services extend; gives the name of its copy.
    fn extended(&mut self, path: &Path, at: &Span, place: &Surroundings<'_>) -> Option<String> {
        if let Some(copy) = self.extended.get(path) {
            return Some(copy.clone());
        }
        let (mut documents, unchanged) = self.read(path, at)?;
        let copy = self.name(path);
        // Known before its own `extends` are read: files may extend each other's services.
        self.extended.insert(path.to_owned(), copy.clone());
        let base = path.parent().unwrap_or(Path::new("/")).to_owned();
        let inside = Surroundings {
            base: &base,
            environment: place.environment,
        };
        let mut extends = BTreeMap::new();
        for document in &mut documents {
            self.extends(document, &inside, &mut extends);
        }
        let environment = Rc::clone(place.environment);
        self.units.push(Unit {
            path: path.to_owned(),
            copy: copy.clone(),
            extended: true,
            base: base.clone(),
            environment,
            documents,
            unchanged,
            extends,
        });
        Some(copy)
    }
}

/// Turns an `include` to copies. A folder that is written stays as it is, read by the tool as it always was; where none
/// is, the original's is, since the copies have left it.
fn include_copies(item: &mut Node, copies: Vec<Node>, folder: &Path) {
    let span = item.span.clone();
    let written = item.entry("project_directory").is_some();
    tree::set(item, "path", tree::list(copies, &span));
    if !written {
        let folder = tree::text(escape(&folder.to_string_lossy()), &span);
        tree::set(item, "project_directory", folder);
    }
}

pub(super) fn one_or_many(node: &Node) -> Vec<&Node> {
    match node.list() {
        Some(items) => items.iter().collect(),
        None => vec![node],
    }
}

/// Whether the compose tool would fetch it from elsewhere: such a file is passed on as it is.
pub(super) fn is_remote(path: &str) -> bool {
    path.contains("://") || path.starts_with("git@") || path.starts_with("oci:") || path.starts_with("github.com/")
}
