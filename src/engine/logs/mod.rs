//! Logs: a follower a container, and its log spooled to the results folder from the first line to the last.
//!
//! What the engine's habits ask for (a follow loses a last line without newline, ends at every restart, can be cut off;
//! entries of one time) is met in `follow.rs`; that each entry is written once, by `place.rs`. A spool is a plain text
//! file of whole lines, stdout and stderr in the engine's order; readers read it in large blocks, from any place on, and
//! wait for its growth. So a log costs one reading of the engine, and memory only for what is under way.

mod assemble;
mod follow;
mod place;
mod reader;
mod spool;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::world::ContainerState;
use super::{Engine, EngineResult, Reason};
use follow::Follower;
pub use reader::{Block, LineReader, More, Streams};
pub use spool::{Offset, Phase, Progress, Spool};

/// The spools of a case: one for each container that it ever had.
pub struct Spools {
    folder: PathBuf,
    followed: Mutex<BTreeMap<String, Followed>>,
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
    /// Spools that write to files of a folder, which is made when the first one is.
    pub fn new(folder: PathBuf) -> Spools {
        Spools {
            folder,
            followed: Mutex::default(),
        }
    }

    /// Follows a container, once; tells its follower what is known of it now.
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
        let name = self.file_name(&followed, container);
        let (sender, receiver) = watch::channel(Arc::clone(container));
        let path = self.folder.join(format!("{name}.log"));
        let spool = Spool::create(&container.shown(), &path);
        let spool =
            spool.map_err(|why| format!("the log of `{name}` cannot be written to `{}`: {why}", path.display()));
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

    /// `web-1`; for a further container of that name `web-1.2`, `web-1.3`, …
    fn file_name(&self, followed: &BTreeMap<String, Followed>, container: &ContainerState) -> String {
        let plain = match container.service.as_str() {
            "" => container.name.clone(),
            service => format!("{service}-{}", container.number.max(1)),
        };
        let taken = |name: &str| {
            let path = self.folder.join(format!("{name}.log"));
            followed
                .values()
                .any(|known| known.spool.as_ref().is_ok_and(|spool| spool.path() == path))
        };
        let mut name = plain.clone();
        let mut number = 1;
        while taken(&name) {
            number += 1;
            name = format!("{plain}.{number}");
        }
        name
    }

    /// The spool of a container; fails where it cannot be written, is none where the container is not followed.
    pub fn spool(&self, container: &str) -> Option<Result<Arc<Spool>, String>> {
        self.lock().get(container).map(|followed| followed.spool.clone())
    }

    /// A barrier: when it returns, all that a container has written before is in its spool, or its gap is known.
    ///
    /// With it "now" can be decided: no clock is asked, but the engine for the end of the log.
    pub async fn barrier(&self, container: &str) -> EngineResult<()> {
        let known = self.lock().get(container).and_then(|followed| {
            let state = Arc::clone(&followed.container.borrow());
            followed
                .spool
                .as_ref()
                .ok()
                .map(|spool| (Arc::clone(&followed.engine), state, Arc::clone(spool)))
        });
        let Some((engine, state, spool)) = known else {
            return Ok(());
        };
        if spool.progress().phase == Phase::Closed || state.log_driver == "none" {
            return Ok(());
        }
        let place = spool.place().clone();
        let (frames, bytes) = match follow::beyond(&engine, container, state.tty, &place).await {
            Ok((frames, bytes)) => (place.frames + frames, place.bytes + bytes),
            // It is gone: its follower tells what was missed. If it never ran, there is nothing to miss.
            Err(error) if error.reason == Reason::NotFound => (u64::MAX, u64::MAX),
            Err(error) => return Err(error),
        };
        let gone = frames == u64::MAX;
        let reached = |progress: &Progress| {
            let read = if state.tty {
                progress.bytes >= bytes
            } else {
                progress.frames >= frames
            };
            read || progress.phase == Phase::Closed || gone && progress.phase != Phase::Running
        };
        if !reached(&spool.progress()) && spool.progress().phase != Phase::Running {
            spool.nudge.notify_one();
        }
        // The spool is kept here, so its end cannot come first.
        spool.watch().wait_for(reached).await.ok();
        Ok(())
    }

    /// Marks where all logs are now, after a barrier; where that fails, where they are known to be.
    pub async fn mark(&self) -> Mark {
        let ids: Vec<String> = self.lock().keys().cloned().collect();
        join_all(ids.iter().map(|id| self.barrier(id))).await;
        let followed = self.lock();
        let offset = |(id, followed): (&String, &Followed)| {
            followed
                .spool
                .as_ref()
                .ok()
                .map(|spool| (id.clone(), spool.progress().end))
        };
        Mark {
            offsets: followed.iter().filter_map(offset).collect(),
        }
    }

    /// The last lines of a container, read to its end as far as that is possible at once; empty when it wrote nothing.
    pub async fn tail(&self, container: &str, lines: usize) -> String {
        // Where the engine does not answer, what was read until now is shown.
        timeout_at(Instant::now() + Duration::from_secs(5), self.barrier(container))
            .await
            .ok();
        match self.spool(container) {
            Some(Ok(spool)) => spool
                .tail(lines)
                .unwrap_or_else(|why| format!("(its log cannot be read: {why})")),
            Some(Err(why)) => format!("({why})"),
            None => String::new(),
        }
    }

    /// Reads all logs to their end as of now, and closes them; false if that took longer than the limit.
    pub async fn finish(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let ids: Vec<String> = self.lock().keys().cloned().collect();
        let ended = ids.iter().map(|id| timeout_at(deadline, self.end(id)));
        let all = join_all(ended).await.iter().all(|ended| matches!(ended, Ok(Ok(()))));
        for followed in self.lock().values_mut() {
            if let Ok(spool) = &followed.spool {
                spool.set_phase(Phase::Closed);
            }
            followed.task = None;
        }
        all
    }

    /// Waits for the end of a log as of now; of a container that has ended, until its follower has seen to that.
    async fn end(&self, container: &str) -> EngineResult<()> {
        self.barrier(container).await?;
        let engine = self.lock().get(container).map(|followed| Arc::clone(&followed.engine));
        if let (Some(engine), Some(Ok(spool))) = (engine, self.spool(container))
            && spool.progress().phase == Phase::Running
        {
            let runs = engine
                .inspect(container)
                .await
                .is_ok_and(|it| matches!(it.state.as_str(), "running" | "paused"));
            if !runs {
                spool
                    .watch()
                    .wait_for(|progress| progress.phase != Phase::Running)
                    .await
                    .ok();
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
