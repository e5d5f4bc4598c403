//! A case's turn: a slot of so many at once, and what only one case on an engine can have, also of other runs.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::Env;
use crate::event::CaseId;
use crate::lease::{Held, Locks};
use crate::plan::Plan;
use crate::stack::Lock;

/// How long a case waits for other runs, all of them together: one that hangs does not hold all others for ever.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// The turns of a run's cases.
pub(super) struct Turns {
    slots: Semaphore,
    /// How many cases wait for another run, and need no slot meanwhile.
    blocked: AtomicUsize,
    changed: Notify,
    /// What cases of this run have among runs, by name. Its schedule keeps them apart: subnets of one block they may have
    /// at once.
    had: Mutex<BTreeMap<String, Arc<AsyncMutex<Weak<Held>>>>>,
}

/// A turn, until it is dropped.
pub(super) struct Turn<'t> {
    _held: Vec<Arc<Held>>,
    _slot: Option<SemaphorePermit<'t>>,
}

/// A case waits for another run.
struct Blocked<'t>(&'t Turns);

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        self.0.blocked.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turns {
    pub(super) fn of(jobs: usize) -> Turns {
        Turns {
            slots: Semaphore::new(jobs),
            blocked: AtomicUsize::new(0),
            changed: Notify::new(),
            had: Mutex::default(),
        }
    }

    /// How many cases wait for another run.
    pub(super) fn blocked(&self) -> usize {
        self.blocked.load(Ordering::Relaxed)
    }

    /// Waits until one more case does.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits for a case's turn; or why it has none. The end of the run ends the waiting: the case tells then why it is
    /// not run.
    pub(super) async fn take(&self, env: &Env, plan: &Plan) -> Result<Turn<'_>, String> {
        let names: BTreeSet<String> = plan.locks.iter().flat_map(Lock::among_runs).collect();
        let emitter = env.emitter.of_case(CaseId {
            number: plan.info.number,
            attempt: plan.attempt,
        });
        plan.hide(&emitter.masks);
        let blocked = OnceLock::new();
        let waits = |name: &str| {
            blocked.get_or_init(|| self.block());
            let case = &plan.info.name;
            emitter.note(&format!("`{case}` waits for another run of e2erun, which has {name}"));
        };
        let taking = timeout(LIMIT, self.among_runs(&env.unplaced().locks, &names, waits));
        let held = match env.cancel.run_until_cancelled(taking).await {
            None => Vec::new(),
            Some(Ok(held)) => held.map_err(|why| format!("cannot take what no other run may have meanwhile: {why}"))?,
            Some(Err(_)) => {
                let names = names.into_iter().collect::<Vec<_>>().join(", ");
                return Err(format!(
                    "it has waited for an hour, while other runs of e2erun on this machine had one or another of these: {names}"
                ));
            }
        };
        drop(blocked);
        let slot = env.cancel.run_until_cancelled(self.slots.acquire()).await;
        Ok(Turn {
            _held: held,
            _slot: slot.and_then(Result::ok),
        })
    }

    /// Takes what is had among runs, in the order of the names, as all runs do; what another case of this run has is had
    /// with it.
    async fn among_runs(
        &self,
        locks: &Locks,
        names: &BTreeSet<String>,
        waits: impl Fn(&str),
    ) -> io::Result<Vec<Arc<Held>>> {
        let mut all = Vec::new();
        for name in names {
            let had = Arc::clone(
                self.had
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .entry(name.clone())
                    .or_default(),
            );
            // Held while it is waited for: others of this run wait for the same.
            let mut had = had.lock().await;
            let held = match had.upgrade() {
                Some(held) => held,
                None => Arc::new(locks.take(&BTreeSet::from([name.clone()]), &waits).await?),
            };
            *had = Arc::downgrade(&held);
            all.push(held);
        }
        Ok(all)
    }

    fn block(&self) -> Blocked<'_> {
        self.blocked.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
        Blocked(self)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::Turns;
    use crate::lease::Locks;
    use crate::stack::Lock;

    #[tokio::test]
    async fn cases_of_a_run_have_subnets_of_one_block_at_once_and_another_run_waits_for_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let locks = Locks::of(folder.path(), "engine");
        let names = |subnet: &str| BTreeSet::from_iter(Lock::subnet(subnet).among_runs());
        let (one, other) = (Turns::of(2), Turns::of(2));
        let nobody = |name: &str| panic!("waits for {name}");
        let first = one.among_runs(&locks, &names("10.1.1.0/24"), nobody).await.unwrap();
        let second = one.among_runs(&locks, &names("10.1.2.0/24"), nobody).await.unwrap();
        let told = RefCell::new(Vec::new());
        let wanted = names("10.1.3.0/24");
        let third = other.among_runs(&locks, &wanted, |name| told.borrow_mut().push(name.to_owned()));
        tokio::pin!(third);
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(first);
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(second);
        third.await.unwrap();
        assert_eq!(*told.borrow(), ["subnets in 10.1.0.0/16"]);
    }
}
