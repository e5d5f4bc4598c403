//! Logs: a follower a container, and its log spooled to the results folder from the first line to the last.
//!
//! ```text
//! engine ─ frames ─▶ follow.rs     runs, one after the other: a follow for the first entries, then snapshots
//!                    snapshot.rs   a reading without follow, from behind what was read to what there is
//!                    place.rs      what was read, so that each entry is taken once
//!                    assemble.rs   frames to whole lines
//!                    spool.rs ─▶ a file of whole lines ─▶ reader.rs ─▶ steps
//!                    shown.rs ─▶ the same with values hidden, for others
//! ```
//!
//! A log costs one reading of the engine, and memory only for what is under way: a line is kept to one MiB, readers read
//! blocks, and how often they read costs the engine nothing.
//!
//! **Why a follow and snapshots.** A follow is the cheapest way to the first entries and the only one to be told of
//! further ones. But it loses a last line without newline, ends with every run, and where the engine rotates a log it gives
//! entries again or leaves out whole files, and says nothing. So from the first end, cut or possible rotation on, and where
//! the clock was set back, a follow only tells that there is more; what that is a snapshot gives, that begins so far before
//! the end that it meets the entry that was read last. It asks nothing of the engine while a container is silent, and is
//! read at most every 50 ms while it is not. Only of a rotated log it is asked each second whether the follow still tells.
//!
//! **The end of a run** is read by a snapshot after the follow has ended. Whoever removes a container in that moment may be
//! faster: then the log is `unsure`, and what a further line could change is not known. Not so of one that was stopped
//! first, as compose tools and swarms do it: what a follow gives until its end is all of it there but a last line without
//! newline.
//!
//! **Now** is a barrier: the engine is asked where the log ends, by its last entries, and that is waited for in what is read
//! anyway; where their times do not tell (a clock was set back) or it takes long, for a snapshot that began afterwards.
//!
//! What never is: an entry that is in a spool twice; one that is missing without a gap or a note; a time of this machine's
//! clock that decides what was written before another; a log in memory.

mod assemble;
mod barrier;
mod follow;
mod last;
mod place;
mod reader;
mod record;
mod shown;
mod snapshot;
mod source;
mod spool;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::world::ContainerState;
use super::{Engine, EngineResult};
use crate::mask::Masks;
use follow::Follower;
pub use last::LastLines;
pub use reader::{Block, LineReader, More, Streams, each_line};
pub use record::{Joined, Records};
pub use spool::{Offset, Phase, Progress, Spool};
pub use writer::ProcessLog;

/// The label of a container whose log's file is not called as the container is: with what it is called.
pub const FILE: &str = "e2erun.log";

/// The spools of a case: one for each container that it ever had, and for each process in the background.
pub struct Spools {
    folder: PathBuf,
    /// What the names of all projects of the case begin with.
    case: String,
    masks: Arc<Masks>,
    followed: Mutex<BTreeMap<String, Followed>>,
    processes: Mutex<BTreeMap<String, Arc<Spool>>>,
    /// True once all are read to their end: nothing is followed any more that was not before.
    finished: AtomicBool,
}

/// Where the logs of all containers were at one moment; a container that came later is read from its first line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    offsets: BTreeMap<String, Offset>,
}

/// A container that is followed.
struct Followed {
    engine: Arc<dyn Engine>,
    container: watch::Sender<Arc<ContainerState>>,
    spool: Result<Arc<Spool>, String>,
    task: Option<AbortOnDropHandle<()>>,
}

impl Mark {
    /// Where a container's log was.
    pub fn of(&self, container: &str) -> Offset {
        self.offsets.get(container).copied().unwrap_or_default()
    }
}

impl Spools {
    /// Spools that write to files of a folder, which is made when the first one is; the names of the case's projects
    /// begin with that text.
    pub fn new(folder: PathBuf, case: &str) -> Spools {
        Spools {
            folder,
            case: case.to_owned(),
            masks: Arc::default(),
            followed: Mutex::default(),
            processes: Mutex::default(),
            finished: AtomicBool::new(false),
        }
    }

    /// The same, with these values hidden in the files.
    #[must_use]
    pub fn hiding(self, masks: &Arc<Masks>) -> Spools {
        Spools {
            masks: Arc::clone(masks),
            ..self
        }
    }

    /// Shows all logs to their ends; gives the files in which there is nothing to hide any more.
    pub async fn clean(&self) -> BTreeSet<PathBuf> {
        let spools = self.all();
        let shown = spawn_blocking(move || {
            spools.iter().for_each(|spool| spool.show_all());
            let clean = spools.iter().filter(|spool| spool.is_clean());
            clean.map(|spool| spool.path().to_owned()).collect()
        });
        // Of none it is known then, and all are looked through.
        shown.await.unwrap_or_default()
    }

    fn all(&self) -> Vec<Arc<Spool>> {
        let followed = self.lock();
        let followed = followed.values().filter_map(|known| known.spool.as_ref().ok());
        followed.chain(self.processes().values()).cloned().collect()
    }

    /// Follows a container, once; tells its follower what is known of it now. Once all are read to their end none is new.
    pub fn follow(&self, engine: &Arc<dyn Engine>, container: &Arc<ContainerState>) {
        let mut followed = self.lock();
        if let Some(known) = followed.get(&container.id) {
            let news = Arc::clone(container);
            known.container.send_if_modified(|old| {
                let changed = *old != news;
                *old = news;
                changed
            });
            return;
        }
        if self.finished.load(Ordering::Relaxed) {
            return;
        }
        let taken: Vec<&Arc<Spool>> = followed
            .values()
            .filter_map(|known| known.spool.as_ref().ok())
            .collect();
        let path = self.path(&self.name_of(container), &taken);
        let (sender, receiver) = watch::channel(Arc::clone(container));
        let spool = Spool::create(&container.shown(), &path, &self.masks);
        let spool = spool.map_err(|why| {
            format!(
                "the log of `{}` cannot be written to `{}`: {why}",
                container.shown(),
                path.display()
            )
        });
        let task = spool.as_ref().ok().map(|spool| {
            let follower = Follower {
                engine: Arc::clone(engine),
                container: receiver,
                spool: Arc::clone(spool),
            };
            AbortOnDropHandle::new(tokio::spawn(follower.run()))
        });
        let known = Followed {
            engine: Arc::clone(engine),
            container: sender,
            spool,
            task,
        };
        followed.insert(container.id.clone(), known);
    }

    /// `shop.web-1` of the stack `shop`.
    fn name_of(&self, container: &ContainerState) -> String {
        match container.service.as_str() {
            "" => container.labels.get(FILE).cloned().unwrap_or_else(|| container.shown()),
            service => {
                let stack = container.project.strip_prefix(&self.case).unwrap_or(&container.project);
                format!("{stack}.{service}-{}", container.number.max(1))
            }
        }
    }

    /// The file of a log that is called so: `shop.web-1.log`; for a further one `shop.web-1.2.log`, `shop.web-1.3.log`, …
    /// Nothing hidden stands in it from the first: events tell it, and it is found by that when it is judged again.
    fn path(&self, name: &str, taken: &[&Arc<Spool>]) -> PathBuf {
        let name = self.masks.hide(name);
        let first = self.folder.join(format!("{name}.log"));
        let is_free = |path: &PathBuf| taken.iter().all(|spool| spool.path() != path);
        let further = (2..=taken.len() + 1).map(|number| self.folder.join(format!("{name}.{number}.log")));
        let mut free = std::iter::once(first.clone()).chain(further).filter(is_free);
        free.next().unwrap_or(first)
    }

    /// Makes the log of a process in the background; `of_process` is what it is read by.
    pub fn process(&self, name: &str) -> Result<ProcessLog, String> {
        let id = Self::of_process(name);
        let mut processes = self.processes();
        // Of a process that is started again the new log takes the place of the old one.
        let taken: Vec<&Arc<Spool>> = processes
            .iter()
            .filter(|(of, _)| **of != id)
            .map(|(_, spool)| spool)
            .collect();
        let path = self.path(&format!("process.{name}"), &taken);
        let spool = Spool::create(name, &path, &self.masks);
        let spool = spool.map_err(|why| {
            let path = path.display();
            format!("the output of process `{name}` cannot be written to `{path}`: {why}")
        })?;
        processes.insert(id, Arc::clone(&spool));
        Ok(ProcessLog::new(spool))
    }

    /// What the log of a process goes by, where that of a container goes by its id.
    pub fn of_process(name: &str) -> String {
        format!("process {name}")
    }

    /// The process whose log goes by an id, if it is that of one.
    pub fn process_of(id: &str) -> Option<&str> {
        id.strip_prefix("process ")
    }

    /// The spool of a container or process; fails where it cannot be written, is none where it is not followed.
    pub fn spool(&self, id: &str) -> Option<Result<Arc<Spool>, String>> {
        let process = self.processes().get(id).cloned().map(Ok);
        process.or_else(|| self.lock().get(id).map(|followed| followed.spool.clone()))
    }

    /// A barrier: when it returns, all that a container has written before is in its spool, or its gap is known. Of one
    /// that has ended that is all: it may be removed then.
    ///
    /// With it "now" can be decided: no clock is asked, but the engine for the end of the log. Of a process there is
    /// nobody to be asked: of it, what has come is all that is known.
    pub async fn barrier(&self, container: &str) -> EngineResult<()> {
        let known = self.lock().get(container).and_then(|followed| {
            let spool = followed.spool.as_ref().ok();
            spool.map(|spool| (Arc::clone(&followed.engine), Arc::clone(spool)))
        });
        let Some((engine, spool)) = known else {
            return Ok(());
        };
        barrier::wait(&engine, &spool, container).await
    }

    /// Marks where all logs are now, after a barrier.
    pub async fn now(&self) -> EngineResult<Mark> {
        let ids: Vec<String> = self.lock().keys().cloned().collect();
        let all = join_all(ids.iter().map(|id| self.barrier(id))).await;
        all.into_iter().collect::<EngineResult<()>>()?;
        Ok(self.ends())
    }

    fn ends(&self) -> Mark {
        let followed = self.lock();
        let followed = followed
            .iter()
            .filter_map(|(id, known)| Some((id, known.spool.as_ref().ok()?)));
        let processes = self.processes();
        let offset = |(id, spool): (&String, &Arc<Spool>)| (id.clone(), spool.progress().end);
        Mark {
            offsets: followed.chain(&*processes).map(offset).collect(),
        }
    }

    /// The last lines of a container, read to its end as far as that is possible at once; empty when it wrote nothing.
    pub async fn tail(&self, container: &str, lines: usize) -> String {
        // Where the engine does not answer, what was read until now is shown.
        timeout_at(Instant::now() + Duration::from_secs(5), self.barrier(container))
            .await
            .ok();
        self.last_lines(container, lines)
    }

    /// The last lines of a container that were read until now; empty when there were none.
    pub fn last_lines(&self, container: &str, lines: usize) -> String {
        match self.spool(container) {
            Some(Ok(spool)) => spool.last_lines(lines),
            Some(Err(why)) => format!("({why})"),
            None => String::new(),
        }
    }

    /// Reads all logs to their end as of now, and closes them; false if that took longer than the limit.
    pub async fn finish(&self, limit: Duration) -> bool {
        self.finished.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + limit;
        let ids: Vec<String> = self.lock().keys().cloned().collect();
        let ended = ids.iter().map(|id| timeout_at(deadline, self.barrier(id)));
        let all = join_all(ended).await.iter().all(|ended| matches!(ended, Ok(Ok(()))));
        for followed in self.lock().values_mut() {
            if let Ok(spool) = &followed.spool {
                spool.set_phase(Phase::Closed);
            }
            followed.task = None;
        }
        self.processes()
            .values()
            .for_each(|spool| spool.set_phase(Phase::Closed));
        all
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn processes(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Spool>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
