//! Which files may be scenarios: all of the given folders, but what runs left there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{Found, nowhere, unreadable};
use crate::diagnostic::Diagnostic;

/// The file of a results folder that lists what a run made there: no scenario is in that.
pub const RESULTS_MARKER: &str = ".e2erun-results";
/// Its first line, above the names.
pub const RESULTS_HEADER: &str = "made by e2erun, and removed by its next run:\n";

/// Finds the scenario files of the given paths: in the order of the paths, and below a folder in name order. A path that is
/// not there is a diagnostic.
pub fn discover(paths: &[PathBuf], cwd: &Path) -> Result<Vec<Found>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for given in paths {
        let path = crate::scenario::normal(&cwd.join(given));
        match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => problems.push(missing(given)),
            Err(error) => problems.push(unreadable(&given.display().to_string(), &error.to_string())),
            Ok(data) if data.is_dir() => below(&path, given, &mut found, &mut problems),
            Ok(_) => found.push(Found {
                shown: given.display().to_string(),
                path,
                named: true,
            }),
        }
    }
    if problems.is_empty() {
        Ok(once(found))
    } else {
        Err(problems)
    }
}

/// A file that is named twice, or named and found, runs once: where it was first, and as one that is named.
fn once(found: Vec<Found>) -> Vec<Found> {
    let named: BTreeSet<PathBuf> = found.iter().filter(|it| it.named).map(|it| it.path.clone()).collect();
    let mut seen = BTreeSet::new();
    let mut once: Vec<Found> = found.into_iter().filter(|it| seen.insert(it.path.clone())).collect();
    once.iter_mut().for_each(|it| it.named = named.contains(&it.path));
    once
}

fn below(folder: &Path, given: &Path, found: &mut Vec<Found>, problems: &mut Vec<Diagnostic>) {
    let top = folder.to_path_buf();
    let made = Mutex::new(made_in(folder));
    // Git's ignore files do not count: a scenario that is silently left out would never be missed.
    let walk = ignore::WalkBuilder::new(folder)
        .standard_filters(false)
        .hidden(true)
        .sort_by_file_path(Ord::cmp)
        .filter_entry(move |entry| {
            let path = entry.path();
            let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
            if path == top || entry.file_name() == "fixtures" || made.contains(path) {
                return path == top;
            }
            if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                made.extend(made_in(path));
            }
            true
        })
        .build();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                problems.push(unreadable(&given.display().to_string(), &error.to_string()));
                continue;
            }
        };
        let path = entry.path();
        let yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        if !yaml || path.is_dir() || path.file_stem().is_some_and(|stem| stem == "e2erun") {
            continue;
        }
        let shown = path
            .strip_prefix(folder)
            .map_or_else(|_| path.to_path_buf(), |rest| given.join(rest));
        found.push(Found {
            shown: crate::scenario::normal(&shown).display().to_string(),
            path: path.to_path_buf(),
            named: false,
        });
    }
}

/// The names of what a run made, by the text of its marker; of another text, nothing.
pub fn results_made(marker: &str) -> Option<BTreeSet<String>> {
    let names = marker.strip_prefix(RESULTS_HEADER)?;
    Some(names.lines().map(str::to_owned).collect())
}

/// What a run made in a folder. All else there is somebody's: the folder may be one of scenarios, too.
fn made_in(folder: &Path) -> BTreeSet<PathBuf> {
    let marker = fs::read_to_string(folder.join(RESULTS_MARKER)).ok();
    let names = marker.and_then(|marker| results_made(&marker)).unwrap_or_default();
    names.iter().map(|name| folder.join(name)).collect()
}

fn missing(given: &Path) -> Diagnostic {
    let shown = given.display().to_string();
    Diagnostic::error(&nowhere(&shown), format!("there is no file or folder `{shown}`"))
}
