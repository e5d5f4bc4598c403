//! What was read from the disk: a memo that only `load.rs` fills. Resolving asks it; what is not in it is wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Document, Template, read_document};
use crate::diagnostic::{Diagnostic, Source};
use crate::mask::unshown;
use crate::substitute::{self, Entry, Found, Parsed, ParsedRead};

/// A file's text, or why it cannot be read.
pub type Read = Result<Arc<Source>, String>;

/// A template file that was read, or what is wrong with it.
type TemplateRead = Result<Arc<Template>, Vec<Diagnostic>>;

/// Of so many files of stacks the trees are kept, which need more memory than their texts.
const MOST_PARSED: usize = 256;

/// The memo.
#[derive(Debug, Default)]
pub struct Files {
    known: RwLock<Known>,
    /// Who plans.
    planning: Mutex<()>,
    /// What messages leave out of paths: where the run was started.
    cwd: PathBuf,
    wanted: Mutex<BTreeSet<Wanted>>,
    templates: Mutex<BTreeMap<PathBuf, TemplateRead>>,
    parsed: Mutex<BTreeMap<PathBuf, ParsedRead>>,
}

/// What is known of paths.
#[derive(Debug, Default)]
struct Known {
    paths: BTreeMap<PathBuf, Found>,
    folders: BTreeMap<PathBuf, Result<Arc<[Entry]>, String>>,
    there: BTreeMap<PathBuf, There>,
}

/// What is at a path that nobody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum There {
    /// Nothing.
    Nothing,
    /// A folder.
    Folder,
    /// A file, or what cannot be looked at.
    File,
}

/// What resolving asked for, and was not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// What is at a path: a file's text.
    Path(PathBuf),
    /// All that is below a folder, files by their content.
    Folder(PathBuf),
    /// Whether something is at a path.
    There(PathBuf),
}

impl substitute::Files for Files {
    fn look(&self, path: &Path) -> Option<Found> {
        let path = normal(path);
        let known = self.known().paths.get(&path).cloned();
        if known.is_none() {
            self.want(Wanted::Path(path));
        }
        known
    }

    fn is_there(&self, path: &Path) -> Option<bool> {
        Files::is_there(self, path)
    }

    fn is_folder(&self, path: &Path) -> Option<bool> {
        self.there(path).map(|there| there == There::Folder)
    }

    fn parsed(&self, path: &Path, source: &Arc<Source>) -> ParsedRead {
        let path = normal(path);
        if let Some(known) = locked(&self.parsed).get(&path) {
            return known.clone();
        }
        let read = Parsed::of(source);
        let mut parsed = locked(&self.parsed);
        if parsed.len() >= MOST_PARSED {
            parsed.clear();
        }
        parsed.insert(path, read.clone());
        read
    }

    fn shown(&self, path: &Path) -> String {
        Files::shown(self, path)
    }
}

impl Files {
    /// None is read yet; messages show paths as they are seen from a folder.
    pub fn seen_from(cwd: &Path) -> Files {
        Files {
            cwd: cwd.to_path_buf(),
            ..Files::default()
        }
    }

    /// A path as messages show it.
    pub fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.cwd).unwrap_or(path);
        match below.as_os_str().is_empty() {
            true => ".".to_owned(),
            false => below.display().to_string(),
        }
    }

    /// A file's text; `None` when it was not read yet: it is wanted then.
    pub fn text(&self, path: &Path) -> Option<Read> {
        Some(match substitute::Files::look(self, path)? {
            Found::File(source) => Ok(source),
            Found::Folder => Err("it is a folder".to_owned()),
            Found::Missing => Err("there is no such file".to_owned()),
            Found::Unreadable(why) => Err(why),
            Found::NoText(problem, _) => Err(problem.message),
        })
    }

    /// A file's bytes, whether or not it is text; `None` when it was not read yet: it is wanted then.
    pub fn bytes(&self, path: &Path) -> Option<Result<Arc<[u8]>, String>> {
        match substitute::Files::look(self, path)? {
            Found::NoText(_, bytes) => Some(Ok(bytes)),
            _ => Some(self.text(path)?.map(|source| source.text.as_bytes().into())),
        }
    }

    /// What is below a folder (of a file: itself, without a path); `None` when it was not read yet: it is wanted then.
    pub fn folder(&self, path: &Path) -> Option<Result<Arc<[Entry]>, String>> {
        let path = normal(path);
        let known = self.known().folders.get(&path).cloned();
        if known.is_none() {
            self.want(Wanted::Folder(path));
        }
        known
    }

    /// Whether something is at a path, without reading it; `None` when nobody looked yet: it is wanted then.
    pub fn is_there(&self, path: &Path) -> Option<bool> {
        self.there(path).map(|there| there != There::Nothing)
    }

    fn there(&self, path: &Path) -> Option<There> {
        let path = normal(path);
        let known = self.known().there.get(&path).copied();
        if known.is_none() {
            self.want(Wanted::There(path));
        }
        known
    }

    /// A template file; `None` when it was not read yet. Why it cannot be read is told by [`Files::text`].
    pub fn template(&self, path: &Path) -> Option<TemplateRead> {
        let path = normal(path);
        if let Some(known) = locked(&self.templates).get(&path) {
            return Some(known.clone());
        }
        let source = self.text(&path)?;
        let read = source.map_or_else(|_| Err(Vec::new()), |source| read_template(&source));
        locked(&self.templates).insert(path, read.clone());
        Some(read)
    }

    /// The template files that were asked for.
    pub fn templates(&self) -> BTreeSet<PathBuf> {
        locked(&self.templates).keys().cloned().collect()
    }

    /// Takes what was asked for and was not there.
    pub fn take_wanted(&self) -> BTreeSet<Wanted> {
        std::mem::take(&mut *locked(&self.wanted))
    }

    /// Puts in what is at a path.
    pub fn put_path(&self, path: PathBuf, found: Found) {
        locked(&self.parsed).remove(&path);
        self.known_mut().paths.insert(path, found);
    }

    /// Puts in what is below a folder.
    pub fn put_folder(&self, path: PathBuf, entries: Result<Arc<[Entry]>, String>) {
        self.known_mut().folders.insert(path, entries);
    }

    /// Puts in what is at a path that nobody reads.
    pub fn put_there(&self, path: PathBuf, there: There) {
        self.known_mut().there.insert(path, there);
    }

    /// While it is held nobody else plans who asks for it, too.
    pub fn alone(&self) -> MutexGuard<'_, ()> {
        self.planning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_mut(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn want(&self, wanted: Wanted) {
        locked(&self.wanted).insert(wanted);
    }
}

fn locked<T>(memo: &Mutex<T>) -> MutexGuard<'_, T> {
    memo.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_template(source: &Arc<Source>) -> Result<Arc<Template>, Vec<Diagnostic>> {
    let node = crate::yaml::parse(source).map_err(|problems| unshown::hide_secrets(source, false, problems))?;
    let begin = node.span.part(0, 0);
    match read_document(node, false, &[])? {
        Document::Template(template) => Ok(Arc::new(*template)),
        _ => Err(vec![
            Diagnostic::error(&begin, "this is no template: it has no top-level key `template`")
                .help("a template file begins with `template: NAME`"),
        ]),
    }
}

/// A path without `.` and, where that is safe, without `..`: the same file has the same key.
pub fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::substitute::Files as _;

    #[test]
    fn a_file_of_stacks_is_parsed_once_and_again_when_another_text_is_put_in() {
        let path = Path::new("/a/compose.yml");
        let files = Files::default();
        let parsed = |text: &str, put: bool| {
            let source = Source::new("compose.yml", text);
            if put {
                files.put_path(path.to_path_buf(), Found::File(Arc::clone(&source)));
            }
            files.parsed(path, &source)
        };
        let first = parsed("a: 1\n", true).expect("YAML");
        let again = parsed("a: 1\n", false).expect("YAML");
        let other = parsed("a: 2\n", true).expect("YAML");
        assert!(Arc::ptr_eq(&first, &again));
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[test]
    fn the_trees_of_many_files_are_not_all_kept() {
        let files = Files::default();
        let source = Source::new("compose.yml", "a: 1\n");
        for number in 0..=MOST_PARSED {
            let read = files.parsed(Path::new(&format!("/{number}")), &source);
            assert!(read.is_ok());
        }
        assert_eq!(locked(&files.parsed).len(), 1);
    }
}
