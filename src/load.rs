//! Discovery, and the only reads of files: everything to the right of here works on what this module put into memory.

mod discover;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostic::{Diagnostic, Source, Span};
use crate::mask::unshown;
use crate::scenario::{
    Document as Written, Files, Partial, Project, Scenario, Template, There, Wanted, read_document, read_project,
};
use crate::substitute::{self as seen, Entry, EntryContent, FileDigest};
use crate::template::Template as Leaf;

pub use discover::{RESULTS_HEADER, RESULTS_MARKER, discover, results_made};

/// What a project file is called.
const PROJECT: &str = "e2erun.yaml";
/// The most bytes of a YAML file that are read.
const MAX_FILE: u64 = 64 << 20;

/// A file that may be a scenario.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The path as the user would write it.
    pub shown: String,
    /// The absolute path.
    pub path: PathBuf,
    /// True when the user named the file itself.
    pub named: bool,
}

/// A scenario that was read.
#[derive(Debug)]
pub struct Loaded {
    /// The path as the user would write it.
    pub file: String,
    /// The folder that it is in, absolute.
    pub folder: PathBuf,
    /// As written.
    pub scenario: Arc<Scenario>,
    /// The templates of all but its steps.
    pub templates: Vec<Leaf>,
    /// The project file above it, with its folder.
    pub project: Option<Arc<(Project, PathBuf)>>,
    /// What is wrong with it as written.
    pub partial: Partial,
}

/// What a file is.
#[derive(Debug)]
pub enum Document {
    /// A scenario.
    Scenario(Box<Loaded>),
    /// A template.
    Template(Box<Template>),
    /// A project file that the user named, with its folder.
    Project(Arc<(Project, PathBuf)>),
    /// None of ours.
    Other,
}

/// Project files by folder: each is read once.
#[derive(Debug)]
pub struct Projects {
    cwd: PathBuf,
    known: Mutex<BTreeMap<PathBuf, ProjectRead>>,
}

type ProjectRead = Result<Option<Arc<(Project, PathBuf)>>, Vec<Diagnostic>>;

fn unreadable(path: &str, why: &str) -> Diagnostic {
    Diagnostic::error(&nowhere(path), format!("cannot read `{path}`: {why}"))
}

/// The place of what is wrong with a file whose text is not known.
fn nowhere(path: &str) -> Span {
    Span {
        source: Source::new(path, ""),
        start: 0,
        end: 0,
    }
}

/// Reads a file.
pub fn read(found: &Found, projects: &Projects) -> Result<Document, Vec<Diagnostic>> {
    let folder = found.path.parent().unwrap_or(Path::new("/")).to_path_buf();
    if found.named && found.path.file_name().is_some_and(|name| name == PROJECT) {
        return Ok(projects.of(&folder)?.map_or(Document::Other, Document::Project));
    }
    let source = match text(&found.path, &found.shown) {
        Ok(source) => source,
        Err(problem) => return Err(vec![*problem]),
    };
    let project = || projects.of(&folder);
    let node = crate::yaml::parse(&source).map_err(|problems| {
        // A project file that cannot be read may mask any of its variables.
        let is_masked = project().map_or(true, |project| !masked(project.as_deref()).is_empty());
        unshown::hide_secrets(&source, is_masked, problems)
    })?;
    let node = node.merged();
    let project = match node.entry("scenario") {
        Some(_) => project()?,
        None => None,
    };
    match read_document(node, found.named, &masked(project.as_deref()))? {
        Written::Template(template) => Ok(Document::Template(template)),
        Written::Other => Ok(Document::Other),
        Written::Scenario(scenario, templates, partial) => Ok(Document::Scenario(Box::new(Loaded {
            file: found.shown.clone(),
            folder,
            scenario: Arc::new(*scenario),
            templates,
            project,
            partial,
        }))),
    }
}

/// The names that a project file masks.
fn masked(project: Option<&(Project, PathBuf)>) -> Vec<String> {
    let names = project.into_iter().flat_map(|(project, _)| &project.mask);
    names.map(|name| name.value.clone()).collect()
}

impl Projects {
    /// None is read yet; messages show paths as they are seen from a folder.
    pub fn seen_from(cwd: &Path) -> Projects {
        Projects {
            cwd: cwd.to_path_buf(),
            known: Mutex::default(),
        }
    }

    /// The project file of a folder: the nearest one upwards.
    pub fn of(&self, folder: &Path) -> ProjectRead {
        if let Some(known) = self.lock().get(folder) {
            return known.clone();
        }
        let file = folder.join(PROJECT);
        let read = if file.is_file() {
            project(&file, &self.cwd).map(Some)
        } else {
            match folder.parent() {
                Some(parent) => self.of(parent),
                None => Ok(None),
            }
        };
        self.lock().insert(folder.to_path_buf(), read.clone());
        read
    }

    /// Files that somebody may take for project files, where one was looked for.
    pub fn ignored(&self) -> Vec<Diagnostic> {
        let folders: Vec<PathBuf> = self.lock().keys().cloned().collect();
        let files = folders.iter().map(|folder| folder.join("e2erun.yml"));
        let ignored = files.filter(|file| file.is_file() && !file.with_extension("yaml").is_file());
        let shown = ignored.map(|file| file.strip_prefix(&self.cwd).unwrap_or(&file).display().to_string());
        shown
            .map(|file| {
                Diagnostic::warning(&nowhere(&file), format!("`{file}` is not read"))
                    .help("the project file is called `e2erun.yaml`: rename it")
            })
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, ProjectRead>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn project(file: &Path, cwd: &Path) -> Result<Arc<(Project, PathBuf)>, Vec<Diagnostic>> {
    let shown = file.strip_prefix(cwd).unwrap_or(file).display().to_string();
    let source = text(file, &shown).map_err(|problem| vec![*problem])?;
    let node = crate::yaml::parse(&source).map_err(|problems| unshown::hide_secrets(&source, false, problems))?;
    let folder = file.parent().unwrap_or(Path::new("/")).to_path_buf();
    read_project(node).map(|project| Arc::new((project, folder)))
}

/// A file's text, or what is wrong with it and where.
pub fn text(path: &Path, shown: &str) -> Result<Arc<Source>, Box<Diagnostic>> {
    content(path, shown).map_err(|unread| match unread {
        Unread::For(why) => Box::new(unreadable(shown, &why)),
        Unread::NoText(problem, _) => problem,
    })
}

/// A file that was not read.
enum Unread {
    /// For this reason.
    For(String),
    /// It is no text, but these bytes.
    NoText(Box<Diagnostic>, Arc<[u8]>),
}

fn content(path: &Path, shown: &str) -> Result<Arc<Source>, Unread> {
    let refuse = Unread::For;
    let file = fs::File::open(path).map_err(|error| refuse(error.to_string()))?;
    let size = file.metadata().map_or(0, |data| data.len());
    if size > MAX_FILE {
        return Err(refuse(format!(
            "it has more than {} MiB, which is the limit",
            MAX_FILE >> 20
        )));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(MAX_FILE)
        .read_to_end(&mut bytes)
        .map_err(|error| refuse(error.to_string()))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(shown, text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let source = Source::new(shown, String::from_utf8_lossy(&bytes));
            let span = Span {
                source,
                start: at,
                end: at + 1,
            };
            let message = format!("the file is not UTF-8: byte 0x{:02x} here", bytes[at]);
            let problem = Diagnostic::error(&span, message).help("save it as UTF-8");
            Err(Unread::NoText(Box::new(problem), bytes.into()))
        }
    }
}

/// Reads what resolving wanted into the memo.
pub fn fill(files: &Files, wanted: impl IntoIterator<Item = Wanted>) {
    for wanted in wanted {
        match wanted {
            Wanted::Path(path) => {
                let found = look(&path, &files.shown(&path));
                files.put_path(path, found);
            }
            Wanted::Folder(path) => {
                let entries = folder(&path);
                files.put_folder(path, entries.map(Arc::from));
            }
            Wanted::There(path) => {
                // One that cannot be looked at is told by what reads it.
                let there = match path.try_exists() {
                    Ok(false) => There::Nothing,
                    _ if path.is_dir() => There::Folder,
                    _ => There::File,
                };
                files.put_there(path, there);
            }
        }
    }
}

fn look(path: &Path, shown: &str) -> seen::Found {
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => seen::Found::Missing,
        Err(error) => seen::Found::Unreadable(error.to_string()),
        Ok(data) if data.is_dir() => seen::Found::Folder,
        Ok(_) => match content(path, shown) {
            Ok(source) => seen::Found::File(source),
            Err(Unread::For(why)) => seen::Found::Unreadable(why),
            Err(Unread::NoText(problem, bytes)) => seen::Found::NoText(problem, bytes),
        },
    }
}

/// All that is below a folder, in name order, files by their content; of a file, itself.
fn folder(path: &Path) -> Result<Vec<Entry>, String> {
    if !path.exists() {
        return Err("there is no such file or folder".to_owned());
    }
    if !path.is_dir() {
        return described(path, Path::new("")).map(|entry| vec![entry]);
    }
    let walk = ignore::WalkBuilder::new(path)
        .standard_filters(false)
        .sort_by_file_path(Ord::cmp)
        .follow_links(false)
        .build();
    let mut entries = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| error.to_string())?;
        let Ok(below) = entry.path().strip_prefix(path) else {
            continue;
        };
        if below.as_os_str().is_empty() {
            continue;
        }
        entries.push(described(entry.path(), below)?);
    }
    Ok(entries)
}

fn described(path: &Path, below: &Path) -> Result<Entry, String> {
    use std::os::unix::fs::PermissionsExt as _;
    let fail = |error: std::io::Error| format!("{}: {error}", path.display());
    let data = fs::symlink_metadata(path).map_err(fail)?;
    let content = if data.is_symlink() {
        EntryContent::Link(fs::read_link(path).map_err(fail)?.display().to_string())
    } else if data.is_dir() {
        EntryContent::Folder
    } else if data.is_file() {
        EntryContent::File(digest(path).map_err(fail)?)
    } else {
        // Sockets and pipes are no part of a build context.
        EntryContent::Folder
    };
    Ok(Entry {
        path: below.display().to_string(),
        mode: data.permissions().mode() & 0o7777,
        content,
    })
}

fn digest(path: &Path) -> std::io::Result<[u8; 32]> {
    let mut file = fs::File::open(path)?;
    let mut digest = FileDigest::default();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(digest.finish()),
            read => digest.feed(&piece[..read]),
        }
    }
}
