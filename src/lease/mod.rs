//! Who owns what was made: a lease is a locked file, and labels with its id on everything that its run makes.
//!
//! A run is dead only if its lease file is here and its lock is free; everything else goes by age, when it is asked for.

mod built;
mod gc;
mod kept;
mod locks;
mod services;
mod standing;
mod swarm;
mod sweep;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};

use crate::engine::Labels;
use crate::host::{Group, Groups};
pub use built::{IMAGE, NAMES, OURS, OWNER, image_labels, used_again};
pub use gc::{GcOptions, GcPlan, Why, WhyNot, gc, plan_gc};
pub use kept::KeptCase;
pub use locks::{Held, Locks, SwarmUse};
pub use services::{Ends, dissolve};
pub use standing::{DeadLease, Leases};
pub use swarm::{SWARM, SwarmEnd, leave_swarm, make_swarm, swarm_end};
pub use sweep::{Left, Swept, clear, clear_some, counted, sweep};

/// The label with the id of the lease, which is also the run's.
pub const LEASE: &str = "e2erun.lease";
/// The label with the scenario's file.
pub const SCENARIO: &str = "e2erun.scenario";
/// The label with the id of a case's try.
pub const CASE: &str = "e2erun.case";

/// How long an id is: ten of 36 characters.
const ID_LENGTH: usize = 10;

/// The labels of what a try of a case makes. A run's id is its lease's.
pub fn case_labels(run: &str, scenario: &str, case: &str) -> Labels {
    let labels = [(LEASE, run), (SCENARIO, scenario), (CASE, case)];
    labels
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The folder of a run that nobody else may look into: for its sockets, and for each case's secrets. It is short, as a
/// socket's path has to be, and known by the run's id, so that it can be removed after a crash.
pub fn private(run: &str) -> PathBuf {
    PathBuf::from(format!("/tmp/e2erun-{run}"))
}

/// A line of a lease's file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Line {
    /// Whose it is: its process and its command.
    Run { pid: u32, command: Vec<String> },
    /// Something is made on an engine.
    Engine(String),
    /// A process group was started.
    Started(Group),
    /// It has ended.
    Ended(Group),
    /// An image is wanted that was built, or will be.
    Image(String),
    /// Nothing is left on an engine.
    Clean(String),
    /// A swarm is left on an engine, and its network to the outside is to go, too.
    Gateway(String),
    /// A case was kept.
    Kept(KeptCase),
}

/// A lease that is held by this process.
pub struct Lease {
    id: String,
    path: PathBuf,
    /// Locked until it is closed, also by a crash.
    file: Mutex<File>,
    /// The first line that could not be written.
    trouble: Mutex<Option<String>>,
    /// Something is left that could not be removed.
    left: AtomicBool,
    /// A swarm is being left, and not all that it brought along is removed yet.
    leaves: AtomicBool,
    /// The ids of the cases that were kept.
    kept: Mutex<Vec<String>>,
}

impl Lease {
    /// Takes a lease: its file in the folder, which is made, and a new id.
    pub fn take(folder: &Path, command: &[String]) -> io::Result<Lease> {
        fs::create_dir_all(folder)?;
        let id = random_id()?;
        let path = folder.join(format!("{id}.lease"));
        // Locked before it has its name: whoever sees it sees it locked.
        let hidden = folder.join(format!(".{id}.new"));
        let file = OpenOptions::new().create_new(true).append(true).open(&hidden)?;
        file.try_lock().map_err(io::Error::from)?;
        let lease = Lease {
            id,
            path,
            file: Mutex::new(file),
            trouble: Mutex::new(None),
            left: AtomicBool::new(false),
            leaves: AtomicBool::new(false),
            kept: Mutex::new(Vec::new()),
        };
        lease.write(&Line::Run {
            pid: std::process::id(),
            command: command.to_vec(),
        })?;
        fs::rename(&hidden, &lease.path)?;
        Ok(lease)
    }

    /// Its id, on everything that its run makes; also the run's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The label that everything of its run has.
    pub fn label(&self) -> String {
        format!("{LEASE}={}", self.id)
    }

    /// Notes an engine (its own id), before anything is made on it.
    pub fn on_engine(&self, engine: &str) -> io::Result<()> {
        self.write(&Line::Engine(engine.to_owned()))
    }

    /// Notes a built image, before it is looked for: until the run ends nobody removes it.
    pub fn wants(&self, image: &str) {
        self.note(&Line::Image(image.to_owned()));
    }

    /// Why the file does not tell all: the first line that could not be written.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that something is left that could not be removed: when this process is gone, its run is a dead one.
    pub fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// Notes that a network is removed, which has no label, before the swarm is left that brought it to an engine. Until that
    /// is done this is left for the next run, whoever ends the waiting for it.
    fn removes_gateway(&self, engine: &str) {
        self.note(&Line::Gateway(engine.to_owned()));
        self.leaves.store(true, Ordering::Relaxed);
    }

    /// It is removed.
    fn removed_gateway(&self) {
        self.leaves.store(false, Ordering::Relaxed);
    }

    /// Notes a case of which all is left for a look.
    pub fn keeps(&self, case: KeptCase) {
        let id = case.case.clone();
        self.note(&Line::Kept(case));
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    }

    /// Gives it up: what is left with its label was left on purpose, unless it was said otherwise. Of what was kept the
    /// file goes on telling.
    pub fn end(self) -> io::Result<()> {
        let kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        kept::remove_private(&private(&self.id), |case| kept.iter().any(|kept| kept == case))?;
        if self.left.load(Ordering::Relaxed) || self.leaves.load(Ordering::Relaxed) {
            return Ok(());
        }
        kept::over(&self.path, !kept.is_empty())
    }

    fn write(&self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_string(line).map_err(io::Error::other)?;
        text.push('\n');
        // One write a line: a crash cuts off the last one at most, and that is passed over.
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(text.as_bytes())
    }

    fn note(&self, line: &Line) {
        if let Err(why) = self.write(line) {
            let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            trouble.get_or_insert_with(|| format!("cannot write to `{}`: {why}", self.path.display()));
        }
    }
}

impl Groups for Lease {
    fn started(&self, group: &Group) {
        self.note(&Line::Started(group.clone()));
    }

    fn ended(&self, group: &Group) {
        self.note(&Line::Ended(group.clone()));
    }
}

fn random_id() -> io::Result<String> {
    const CHARACTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut id = String::new();
    while id.len() < ID_LENGTH {
        let mut bytes = [0_u8; 32];
        getrandom(&mut bytes, GetRandomFlags::empty())?;
        // Those over the last multiple of 36 would make some characters likelier. The first one is a letter: an id
        // that is all digits, or like 1e5, would be a number in YAML.
        let fair = bytes
            .into_iter()
            .filter(|byte| *byte < 252)
            .map(|byte| char::from(CHARACTERS[usize::from(byte) % 36]));
        for character in fair {
            if id.len() < ID_LENGTH && (!id.is_empty() || character.is_ascii_lowercase()) {
                id.push(character);
            }
        }
    }
    Ok(id)
}

#[cfg(test)]
mod tests;
