//! A case's turn: a slot of so many at once, and what only one case on an engine can have, also of other runs.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::Env;
use crate::event::CaseId;
use crate::lease::Held;
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
}

/// A turn, until it is dropped.
pub(super) struct Turn<'t> {
    _held: Held,
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
        let taking = timeout(LIMIT, env.unplaced().locks.take(&names, waits));
        let held = match env.cancel.run_until_cancelled(taking).await {
            None => Held::default(),
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

    fn block(&self) -> Blocked<'_> {
        self.blocked.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
        Blocked(self)
    }
}
