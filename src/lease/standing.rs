//! The leases of a folder: whose run lives, and what the dead ones tell.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::kept::{self, KeptRun};
use super::{CASE, KeptCase, Line};
use crate::engine::Resource;
use crate::host::Group;

/// What a lease's file is called.
const EXTENSION: &str = "lease";
/// The longest lease file that is read.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;

/// The leases of a folder.
#[derive(Default)]
pub struct Leases {
    /// Those whose run is dead.
    pub dead: Vec<DeadLease>,
    /// The ids of those whose run lives, or is being removed by somebody else; and of those of which nobody knows.
    pub alive: BTreeSet<String>,
    /// Those whose run kept something.
    pub kept: Vec<KeptRun>,
    /// The built images that living runs want.
    pub wanted: BTreeSet<String>,
    /// Those that cannot be read, and why: whether their run lives is not known.
    pub unreadable: Vec<(PathBuf, io::Error)>,
    /// Their folder.
    pub folder: PathBuf,
}

/// A lease whose file is here and whose run is dead. While this is held nobody else removes what is left of it.
pub struct DeadLease {
    /// Its id.
    pub id: String,
    /// The run's process.
    pub pid: u32,
    /// The run's command.
    pub command: Vec<String>,
    /// The process groups that had not ended.
    pub groups: Vec<Group>,
    /// The engines on which something may be left.
    pub engines: BTreeSet<String>,
    /// What it kept for a look.
    pub kept: Vec<KeptCase>,
    /// The engines of which it left the swarm, whose network may still be there.
    pub(super) gateways: BTreeSet<String>,
    path: PathBuf,
    file: Mutex<File>,
}

impl Leases {
    /// Looks at the leases of a folder; a folder that is not there has none.
    pub fn look(folder: &Path) -> io::Result<Leases> {
        let mut leases = Leases {
            folder: folder.to_owned(),
            ..Leases::default()
        };
        for (path, id) in files(folder, kept::EXTENSION)? {
            match KeptRun::read(&path, &id) {
                Ok(run) => leases.kept.push(run),
                Err(why) => leases.unreadable.push((path, why)),
            }
        }
        for (path, id) in files(folder, EXTENSION)? {
            match DeadLease::open(&path, &id) {
                Ok(Standing::Dead(dead)) => leases.dead.push(dead),
                Ok(Standing::Alive(images)) => {
                    leases.alive.insert(id);
                    leases.wanted.extend(images);
                }
                Ok(Standing::Gone) => (),
                Err(why) => {
                    leases.alive.insert(id);
                    leases.unreadable.push((path, why));
                }
            }
        }
        Ok(leases)
    }

    /// The built images that living runs want by now: some have begun since, and others want more.
    pub(super) fn wanted_now(&self) -> io::Result<BTreeSet<String>> {
        let mut wanted = BTreeSet::new();
        for (path, id) in files(&self.folder, EXTENSION)? {
            // Those that are held here are locked, too.
            if !self.dead.iter().any(|dead| dead.id == id)
                && let Standing::Alive(images) = DeadLease::open(&path, &id)?
            {
                wanted.extend(images);
            }
        }
        Ok(wanted)
    }

    /// The kept case with this id.
    pub(super) fn kept_case(&self, id: &str) -> Option<&KeptCase> {
        let of_dead = self.dead.iter().flat_map(|run| &run.kept);
        let mut cases = self.kept.iter().flat_map(|run| &run.cases).chain(of_dead);
        cases.find(|kept| kept.case == id)
    }

    /// What cannot be read, told with what follows from it.
    pub fn unknown(&self) -> impl Iterator<Item = String> {
        self.unreadable.iter().map(|(path, why)| {
            let path = path.display();
            format!("the lease `{path}` cannot be read, and what its run left is not removed: {why}")
        })
    }
}

/// The files in a folder that are called so, each with its lease's id, in their order; a folder that is not there has none.
fn files(folder: &Path, wanted: &str) -> io::Result<Vec<(PathBuf, String)>> {
    let entries = match fs::read_dir(folder) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == wanted) {
            let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            files.push((path, id));
        }
    }
    files.sort();
    Ok(files)
}

enum Standing {
    Dead(DeadLease),
    /// With the built images that it wants.
    Alive(Vec<String>),
    Gone,
}

/// The lines of a lease's file. One that cannot be read is being written, or was cut off by a crash.
pub(super) fn lines(file: &mut File) -> io::Result<Vec<Line>> {
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT).read_to_end(&mut bytes)?;
    let lines = bytes.split(|byte| *byte == b'\n');
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

impl DeadLease {
    fn open(path: &Path, id: &str) -> io::Result<Standing> {
        let mut file = match OpenOptions::new().read(true).append(true).open(path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Standing::Gone),
            file => file?,
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let images = lines(&mut file)?.into_iter().filter_map(|line| match line {
                    Line::Image(image) => Some(image),
                    _ => None,
                });
                return Ok(Standing::Alive(images.collect()));
            }
            Err(TryLockError::Error(why)) => return Err(why),
            Ok(()) => (),
        }
        // It may have been given up between opening and locking.
        if file.metadata()?.nlink() == 0 {
            return Ok(Standing::Gone);
        }
        let lines = lines(&mut file)?;
        let (groups, engines, file) = (Vec::new(), BTreeSet::new(), Mutex::new(file));
        let mut dead = DeadLease {
            id: id.to_owned(),
            pid: 0,
            command: Vec::new(),
            groups,
            engines,
            kept: Vec::new(),
            gateways: BTreeSet::new(),
            path: path.to_owned(),
            file,
        };
        lines.into_iter().for_each(|line| dead.read(line));
        Ok(Standing::Dead(dead))
    }

    fn read(&mut self, line: Line) {
        match line {
            Line::Run { pid, command } => (self.pid, self.command) = (pid, command),
            Line::Started(group) => self.groups.push(group),
            Line::Ended(group) => self.groups.retain(|known| *known != group),
            Line::Engine(engine) => drop(self.engines.insert(engine)),
            Line::Kept(case) => self.kept.push(case),
            Line::Gateway(engine) => {
                self.engines.insert(engine.clone());
                self.gateways.insert(engine);
            }
            // Who is dead wants none.
            Line::Image(_) => (),
            Line::Clean(engine) => drop(self.engines.remove(&engine)),
        }
    }

    /// True for what belongs to a case that was kept for a look.
    pub(super) fn keeps(&self, resource: &Resource) -> bool {
        let case = resource.labels.get(CASE);
        case.is_some_and(|case| self.kept.iter().any(|kept| kept.case == *case))
    }

    /// Notes that nothing is left on an engine but what was kept; when that was the last one the lease is over.
    pub(super) fn clean(&self, engine: &str) -> io::Result<()> {
        if self.engines.iter().all(|known| known == engine) {
            return kept::over(&self.path, !self.kept.is_empty());
        }
        let line = serde_json::to_string(&Line::Clean(engine.to_owned())).map_err(io::Error::other)?;
        // On a line of its own even if the crash cut the last one off.
        let text = format!("\n{line}\n");
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(text.as_bytes())
    }
}
