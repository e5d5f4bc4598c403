//! The files that a stack reads: a memo that only the loader fills. What is not in it yet is asked for.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source, Span};
use crate::mask::unshown;
use crate::yaml::{self, Node};

/// What was found at a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A file with text in it.
    File(Arc<Source>),
    /// A folder.
    Folder,
    /// Nothing.
    Missing,
    /// Something that cannot be read, and why.
    Unreadable(String),
    /// A file that is no text: what is wrong, and where in it; and its bytes.
    NoText(Box<Diagnostic>, Arc<[u8]>),
}

/// A file of a stack as it is read, before anything in it is changed.
#[derive(Debug)]
pub struct Parsed {
    /// Its documents, merge keys applied.
    pub(super) documents: Vec<Node>,
    /// The text that they would be written as.
    pub(super) written: Arc<str>,
}

/// A file that was parsed, or why it is no YAML.
pub type ParsedRead = Result<Arc<Parsed>, Vec<Diagnostic>>;

impl Parsed {
    /// Parses a file.
    pub fn of(source: &Arc<Source>) -> ParsedRead {
        let documents = trees(source)?;
        let written = yaml::write_all(&documents).into();
        Ok(Arc::new(Parsed { documents, written }))
    }
}

/// The documents of a file, merge keys applied.
pub(super) fn trees(source: &Arc<Source>) -> Result<Vec<Node>, Vec<Diagnostic>> {
    let documents = yaml::parse_all(source).map_err(|problems| unshown::hide_secrets(source, false, problems))?;
    Ok(documents.into_iter().map(Node::merged).collect())
}

/// What is known of the disk so far.
pub trait Files {
    /// What is at an absolute path; none if nobody has looked yet.
    fn look(&self, path: &Path) -> Option<Found>;

    /// Whether something is at an absolute path; none if nobody has looked yet.
    fn is_there(&self, path: &Path) -> Option<bool> {
        self.look(path).map(|found| found != Found::Missing)
    }

    /// Whether a folder is at an absolute path; none if nobody has looked yet.
    fn is_folder(&self, path: &Path) -> Option<bool> {
        self.look(path).map(|found| found == Found::Folder)
    }

    /// The file at a path, parsed; many stacks may be of the same one.
    fn parsed(&self, _path: &Path, source: &Arc<Source>) -> ParsedRead {
        Parsed::of(source)
    }

    /// A path as messages show it.
    fn shown(&self, path: &Path) -> String {
        path.display().to_string()
    }
}

/// Why a stack was not rewritten.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// These paths have to be looked at first; then rewrite again.
    Needs(BTreeSet<PathBuf>),
    /// What is wrong with it.
    Problems(Vec<Diagnostic>),
}

/// The memo while a stack is rewritten: gathers what has to be looked at.
pub(super) struct Looking<'f> {
    files: &'f dyn Files,
    needs: RefCell<BTreeSet<PathBuf>>,
}

impl<'f> Looking<'f> {
    pub(super) fn new(files: &'f dyn Files) -> Self {
        Looking {
            files,
            needs: RefCell::default(),
        }
    }

    /// What is at a path; none if it has to be looked at first, which is noted.
    pub(super) fn look(&self, path: &Path) -> Option<Found> {
        let found = self.files.look(path);
        if found.is_none() {
            self.needs.borrow_mut().insert(path.to_owned());
        }
        found
    }

    /// Whether something is at a path; none if nobody has looked yet. The rewriting does not depend on it.
    pub(super) fn is_there(&self, path: &Path) -> Option<bool> {
        self.files.is_there(path)
    }

    /// Whether a folder is at a path, likewise.
    pub(super) fn is_folder(&self, path: &Path) -> Option<bool> {
        self.files.is_folder(path)
    }

    /// The text of a file that must be there; what is wrong is told at `at`.
    pub(super) fn text(&self, path: &Path, at: &Span, problems: &mut Vec<Diagnostic>) -> Option<Arc<Source>> {
        let why = match self.look(path)? {
            Found::File(source) => return Some(source),
            Found::Folder => "it is a folder".to_owned(),
            Found::Missing => "there is no such file".to_owned(),
            Found::Unreadable(why) => why,
            // In the words in which it is told where the file is read for itself, so that it is told once.
            Found::NoText(problem, _) => {
                problems.push(*problem);
                return None;
            }
        };
        problems.push(Diagnostic::error(
            at,
            format!("cannot read `{}`: {why}", self.files.shown(path)),
        ));
        None
    }

    /// A path as messages show it.
    pub(super) fn shown(&self, path: &Path) -> String {
        self.files.shown(path)
    }

    pub(super) fn parsed(&self, path: &Path, source: &Arc<Source>) -> ParsedRead {
        self.files.parsed(path, source)
    }

    pub(super) fn needs(self) -> BTreeSet<PathBuf> {
        self.needs.into_inner()
    }
}

/// A path put to its base, `.` and `..` resolved by name as compose does.
pub(super) fn join(base: &Path, path: &str) -> PathBuf {
    let mut joined = PathBuf::new();
    for component in base.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                joined.pop();
            }
            other => joined.push(other),
        }
    }
    joined
}
