//! What runs left for a look: their lease's file goes on telling of it, until nothing of it is left.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::standing::lines;
use super::{CASE, LEASE, Left, Line, private};
use crate::engine::{Engine, EngineResult};

/// What the file of such a lease is called.
pub(super) const EXTENSION: &str = "kept";

/// Ends a lease: its file goes, or goes on telling of what was kept.
pub(super) fn over(path: &Path, kept: bool) -> io::Result<()> {
    match kept {
        true => fs::rename(path, path.with_extension(EXTENSION)),
        false => fs::remove_file(path),
    }
}

/// Removes a run's own folder, but what cases keep in it: their containers mount it. Most runs have none.
pub(super) fn remove_private(folder: &Path, keeps: impl Fn(&str) -> bool) -> io::Result<()> {
    let gone = |why: io::Error| match why.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(why),
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) => return gone(why),
    };
    let mut all = true;
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&keeps) {
            all = false;
            continue;
        }
        let removed = match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path()),
            false => fs::remove_file(entry.path()),
        };
        removed.or_else(gone)?;
    }
    match all {
        true => fs::remove_dir(folder).or_else(gone),
        false => Ok(()),
    }
}

/// A case of which all was left for a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCase {
    /// Its id, in the labels of all that it made.
    pub case: String,
    /// The scenario's file.
    pub scenario: String,
    /// When it was kept, Unix seconds.
    pub at: i64,
}

/// A run that kept something.
#[derive(Debug)]
pub struct KeptRun {
    /// Its lease's id.
    pub id: String,
    /// What it kept.
    pub cases: Vec<KeptCase>,
    /// The engines on which it made something.
    engines: BTreeSet<String>,
    path: PathBuf,
}

impl KeptRun {
    pub(super) fn read(path: &Path, id: &str) -> io::Result<KeptRun> {
        let mut run = KeptRun {
            id: id.to_owned(),
            cases: Vec::new(),
            engines: BTreeSet::new(),
            path: path.to_owned(),
        };
        for line in lines(&mut File::open(path)?)? {
            match line {
                Line::Kept(case) => run.cases.push(case),
                Line::Engine(engine) => drop(run.engines.insert(engine)),
                _ => {}
            }
        }
        Ok(run)
    }

    /// Forgets it where nothing of it is left, and its secrets as soon as nothing is left of their case: it made nothing on
    /// another engine.
    pub(super) async fn forget_if_gone(&self, engine: &dyn Engine, id: &str) -> EngineResult<Option<Left>> {
        if self.engines.iter().any(|known| known != id) {
            return Ok(None);
        }
        let left = engine.labelled(&format!("{LEASE}={}", self.id)).await?;
        let has = |case: &str| {
            left.iter()
                .any(|left| left.labels.get(CASE).is_some_and(|own| own == case))
        };
        let mut removed = remove_private(&private(&self.id), has);
        if left.is_empty() {
            removed = removed.and_then(|()| fs::remove_file(&self.path));
        }
        let failed = removed.err().filter(|why| why.kind() != io::ErrorKind::NotFound);
        Ok(failed.map(|why| Left {
            what: format!("the lease of run `{}`", self.id),
            why: why.to_string(),
        }))
    }
}
