//! The results folder: what a run removes there is what an earlier one made, and nothing else.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::event::What;
use crate::load::RESULTS_HEADER as HEADER;
use crate::plan::SCRATCH;
use crate::report::jsonl;
use crate::report::measures::FILES as MEASURES;

/// The marker: the paths of what a run made, from its folder.
const MARKER: &str = crate::load::RESULTS_MARKER;
/// The marker of a run that kept no names.
const NAMELESS: &str = "results of e2erun: emptied at the next run\n";
/// The events, in the results folder.
pub(crate) const EVENTS: &str = "events.jsonl";
/// The report, unless it is wanted elsewhere.
pub(crate) const JUNIT: &str = "junit.xml";

/// What `--validate-only` makes of the results that it judges, beside them.
pub(crate) const VALIDATED: &str = "validated";

/// A results folder, this run's own until the program ends: two runs at once would remove and mix each other's results.
pub(crate) struct Results {
    folder: PathBuf,
    /// Locked.
    marker: File,
    /// What an earlier run made.
    made: BTreeSet<String>,
}

impl Results {
    /// Takes a folder, which is made; nothing in it is touched.
    pub(crate) fn take(folder: &Path) -> io::Result<Results> {
        fs::create_dir_all(folder)?;
        let path = folder.join(MARKER);
        let mut marker = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        marker.try_lock().map_err(|why| match why {
            TryLockError::WouldBlock => io::Error::other("another run writes there now"),
            TryLockError::Error(why) => why,
        })?;
        let mut text = String::new();
        marker.read_to_string(&mut text)?;
        let made = match crate::load::results_made(&text) {
            Some(names) => names,
            None if text == NAMELESS => told(folder),
            None => BTreeSet::new(),
        };
        let folder = folder.to_owned();
        Ok(Results { folder, marker, made })
    }

    /// Removes what an earlier run made, and notes what this one will make: these names. Where one of them is somebody
    /// else's nothing is removed.
    pub(crate) fn renew(&mut self, names: BTreeSet<String>) -> io::Result<()> {
        let own = |name: &&String| !self.made.contains(*name);
        let mut foreign = names.iter().filter(own).map(|name| self.folder.join(name));
        if let Some(path) = foreign.find_map(|path| self.in_the_way(&path)) {
            let told = format!(
                "`{}` is there and of no earlier run; this one would write there: move it away",
                path.display()
            );
            return Err(io::Error::new(ErrorKind::AlreadyExists, told));
        }
        for path in self.standing() {
            remove(&path).map_err(|why| {
                let told = format!("`{}` of an earlier run cannot be removed: {why}", path.display());
                io::Error::new(why.kind(), told)
            })?;
            // The folders above it go with the last of what a run made in them.
            let above = path.ancestors().skip(1).take_while(|above| *above != self.folder);
            above.take_while(|above| fs::remove_dir(above).is_ok()).for_each(drop);
        }
        self.made = names;
        let names: String = self.made.iter().map(|name| format!("{name}\n")).collect();
        let text = format!("{HEADER}{names}");
        // Whenever this is cut off, no name is lost.
        self.marker.rewind()?;
        self.marker.write_all(text.as_bytes())?;
        self.marker.set_len(text.len() as u64)
    }

    /// What stands at a path, or is no folder above it.
    fn in_the_way(&self, path: &Path) -> Option<PathBuf> {
        let above = path.ancestors().skip(1).take_while(|above| *above != self.folder);
        let no_folder = |above: &&Path| above.symlink_metadata().is_ok() && !above.is_dir();
        let mut all = above
            .filter(no_folder)
            .chain(path.symlink_metadata().is_ok().then_some(path));
        all.next().map(Path::to_owned)
    }

    /// The folders of an earlier run that are still there.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        self.standing()
            .filter(|path| path.is_dir() && !path.is_symlink())
            .collect()
    }

    fn standing(&self) -> impl Iterator<Item = PathBuf> {
        let paths = self.made.iter().map(|name| self.folder.join(name));
        paths.filter(|path| path.symlink_metadata().is_ok())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match path.is_dir() && !path.is_symlink() {
        // One that was emptied in a container may be another user's, who alone can look into it.
        true => fs::remove_dir(path).or_else(|_| fs::remove_dir_all(path)),
        false => fs::remove_file(path),
    }
}

/// The names of what a run makes in its results folder, whose cases have these folders below it.
pub(crate) fn names<'c>(
    junit: Option<&Path>,
    results: &Path,
    cases: impl IntoIterator<Item = &'c str>,
) -> BTreeSet<String> {
    // Only what is below it.
    let inside = |folder: &&str| !folder.is_empty() && folder.split('/').all(|name| !matches!(name, "" | "." | ".."));
    let cases = cases.into_iter().filter(inside).map(str::to_owned);
    let junit = junit
        .filter(|path| *path == results.join(JUNIT))
        .map(|_| JUNIT.to_owned());
    let own = [EVENTS, SCRATCH, VALIDATED, MEASURES[0], MEASURES[1]].map(str::to_owned);
    cases.chain(own).chain(junit).collect()
}

/// What a run made that kept no names: its events tell the folders of its cases.
fn told(folder: &Path) -> BTreeSet<String> {
    let events = File::open(folder.join(EVENTS)).map(BufReader::new);
    let first = events.ok().and_then(|events| jsonl::events(events).next());
    let cases = match first.map(|event| event.map(|event| event.what)) {
        Some(Ok(What::RunStarted { cases, .. })) => cases,
        _ => Vec::new(),
    };
    let folders = cases.iter().map(|case| case.folder.as_str());
    names(Some(&folder.join(JUNIT)), folder, folders)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{EVENTS, HEADER, JUNIT, MARKER, NAMELESS, Results, names};
    use crate::report::jsonl;

    fn renew(folder: &Path, cases: &[&str]) -> std::io::Result<()> {
        let junit = folder.join(JUNIT);
        Results::take(folder)?.renew(names(Some(&junit), folder, cases.iter().copied()))
    }

    /// As a run does.
    fn write(folder: &Path, cases: &[&str]) {
        for case in cases {
            fs::create_dir_all(folder.join(case).join("logs")).unwrap();
        }
        for name in [EVENTS, JUNIT] {
            fs::write(folder.join(name), "written").unwrap();
        }
    }

    fn listed(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != MARKER)
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_run_made_goes_and_what_somebody_else_put_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        renew(folder, &["shop", "sub/web"]).unwrap();
        write(folder, &["shop", "sub/web"]);
        fs::create_dir(folder.join("kept")).unwrap();
        fs::write(folder.join("sub/own.txt"), "mine").unwrap();
        renew(folder, &["other", "deep/in/web"]).unwrap();
        assert_eq!(listed(folder), ["kept", "notes.txt", "sub"]);
        assert_eq!(listed(&folder.join("sub")), ["own.txt"]);
        write(folder, &["other", "deep/in/web"]);
        renew(folder, &["other"]).unwrap();
        assert_eq!(listed(folder), ["kept", "notes.txt", "sub"]);
    }

    #[test]
    fn a_case_called_like_a_file_of_somebody_else_removes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        renew(folder, &["shop"]).unwrap();
        write(folder, &["shop"]);
        fs::write(folder.join("web"), "mine").unwrap();
        let refused = renew(folder, &["shop", "web"]).unwrap_err().to_string();
        assert!(refused.contains("web` is there and of no earlier run"), "{refused}");
        let refused = renew(folder, &["shop", "web/a"]).unwrap_err().to_string();
        assert!(refused.contains("web` is there and of no earlier run"), "{refused}");
        assert_eq!(listed(folder), [EVENTS, JUNIT, "shop", "web"]);
        // It is still known which are the earlier run's.
        fs::remove_file(folder.join("web")).unwrap();
        renew(folder, &["shop", "web"]).unwrap();
        assert_eq!(listed(folder), Vec::<String>::new());
    }

    #[test]
    fn of_a_run_that_kept_no_names_its_events_tell_them() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join(MARKER), NAMELESS).unwrap();
        write(folder, &["shop"]);
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        let started = crate::event::Event {
            run: "run".to_owned(),
            at: String::new(),
            elapsed: 0.0,
            case: None,
            what: serde_json::from_value(serde_json::json!({
                "event": "run-started", "version": "0", "command": [], "nodes": [], "passed_over": 0, "jobs": 1,
                "cases": [{
                    "number": 1, "file": "shop.yaml", "scenario": "shop", "name": "shop", "matrix": {}, "tags": [],
                    "place": {"path": "shop.yaml", "line": 1, "column": 1, "source_line": ""},
                    "properties": {}, "folder": "shop",
                }],
            }))
            .unwrap(),
        };
        fs::write(folder.join(EVENTS), jsonl::line(&started)).unwrap();
        renew(folder, &["shop"]).unwrap();
        assert_eq!(listed(folder), ["notes.txt"]);
        let marker = fs::read_to_string(folder.join(MARKER)).unwrap();
        assert_eq!(
            marker,
            format!("{HEADER}{EVENTS}\n{JUNIT}\nmeasures.csv\nmeasures.json\nscratch\nshop\nvalidated\n")
        );
    }

    #[test]
    fn a_folder_is_one_runs_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Results::take(folder.path()).unwrap();
        let second = Results::take(folder.path()).map(|_| ()).unwrap_err();
        assert_eq!(second.to_string(), "another run writes there now");
        drop(first);
        assert!(Results::take(folder.path()).is_ok());
    }
}
