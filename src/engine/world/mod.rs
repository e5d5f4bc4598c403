//! The events of a node folded into what is known of its containers; all waiting is predicates over it.
//!
//! One stream a node is read by a task that does nothing but queue, because the engine drops events for a reader that
//! stalls. A second task folds them into a `State` and asks the engine where an event says less than is needed. After
//! each (re)connect it subscribes first, lists then, and only then believes events.
//!
//! A state keeps the runs of each container, so that a wait which begins late misses nothing.

mod ended;
mod feed;
mod fold;
mod ready;
mod state;
mod told_apart;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::{Engine, EngineError, EngineResult, Reason};
pub use ended::Outlasted;
use feed::Fed;
pub(crate) use fold::nanos;
pub use ready::{Becomes, Dead, Verdict, Wanted, readiness};
pub use state::{ContainerState, End, Happened, NAME, Run, State};
pub use told_apart::{shown_among, told_apart};

/// What is known of a node's containers that have a label; clones are the same world.
#[derive(Clone)]
pub struct World {
    state: watch::Receiver<Arc<State>>,
    feed: mpsc::UnboundedSender<Fed>,
    _tasks: Arc<[AbortOnDropHandle<()>; 2]>,
}

/// Why a wait ended without what it waited for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Waited {
    /// Its deadline passed; the engine was asked once more at the end.
    #[error("it did not become so in time")]
    Limit,
    /// The engine went away and did not come back.
    #[error(transparent)]
    EngineAway(EngineError),
}

impl World {
    /// Watches the containers with a label (`name` or `name=value`) of an engine until the last clone is dropped.
    ///
    /// What is there already is known when this returns.
    pub async fn watch(engine: Arc<dyn Engine>, label: String) -> EngineResult<World> {
        let events = engine.events(None).await?;
        let (publish, state) = watch::channel(Arc::new(State::default()));
        let (feed, fed) = mpsc::unbounded_channel();
        let reader = tokio::spawn(feed::read(Arc::clone(&engine), events, feed.downgrade()));
        let folder = tokio::spawn(feed::fold(
            feed::Folder::new(engine, label, publish, feed.downgrade()),
            fed,
        ));
        let tasks = Arc::new([AbortOnDropHandle::new(reader), AbortOnDropHandle::new(folder)]);
        let world = World {
            state,
            feed,
            _tasks: tasks,
        };
        world.sync().await?;
        Ok(world)
    }

    /// What is known now.
    pub fn snapshot(&self) -> Arc<State> {
        Arc::clone(&self.state.borrow())
    }

    /// Waits until a predicate finds what it looks for: it is asked at once, and then at each change.
    ///
    /// At the deadline the engine is asked once more, so that an event which it dropped fails nothing.
    pub async fn until<T>(
        &self,
        mut predicate: impl FnMut(&State) -> Option<T>,
        deadline: Instant,
    ) -> Result<T, Waited> {
        let mut changes = self.state.clone();
        let seen = |state: &State, found: Option<T>| match (found, &state.away) {
            (Some(found), _) => Some(Ok(found)),
            (None, Some(error)) => Some(Err(Waited::EngineAway(error.clone()))),
            (None, None) => None,
        };
        loop {
            let state = Arc::clone(&changes.borrow_and_update());
            if let Some(result) = seen(&state, predicate(&state)) {
                return result;
            }
            match timeout_at(deadline, changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Waited::EngineAway(ended())),
                Err(_) => break,
            }
        }
        self.sync().await.map_err(Waited::EngineAway)?;
        let state = self.snapshot();
        seen(&state, predicate(&state)).unwrap_or(Err(Waited::Limit))
    }

    /// Waits for the next change after the given generation of the state; gives the state then. At once once the engine is
    /// away: nothing changes any more.
    pub async fn changed(&self, after: u64) -> Arc<State> {
        let mut changes = self.state.clone();
        match changes
            .wait_for(|state| state.generation != after || state.away.is_some())
            .await
        {
            Ok(state) => Arc::clone(&state),
            Err(_) => self.snapshot(),
        }
    }

    /// A barrier: when it returns, what the engine did before it is known.
    pub async fn sync(&self) -> EngineResult<()> {
        let (reply, done) = oneshot::channel();
        // If the folder has ended, so has the reply.
        self.feed.send(Fed::Sync(reply)).ok();
        done.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Forgets the removed containers with a label's value: a long run need not carry those of its first scenarios.
    pub fn forget(&self, label: &str, value: &str) {
        self.feed.send(Fed::Forget(label.into(), value.into())).ok();
    }
}

fn ended() -> EngineError {
    EngineError {
        attempt: "watch the engine".into(),
        answer: "the watch has ended".into(),
        reason: Reason::Away,
    }
}
