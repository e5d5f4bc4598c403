//! Pulls: each image once however many ask for it, and before the first scenario one that is nowhere is asked for once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::{Engine, EngineResult, Reason};

/// What came of the pulls on one node in a run.
#[derive(Clone, Default)]
pub struct Pulls(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    pulls: BTreeMap<String, Pull>,
    /// True once scenarios run.
    begun: bool,
}

/// Done, or known to be in vain; empty while neither is so.
type Pull = Arc<OnceCell<EngineResult<()>>>;

impl Pulls {
    /// From here on scenarios run: what is nowhere now, one of them may push.
    pub fn scenarios_begin(&self) {
        *self.known() = Known {
            begun: true,
            ..Known::default()
        };
    }

    /// Pulls an image; who asks for it meanwhile waits for the same answer. What failed for the surroundings' sake is
    /// tried again by whoever asks next.
    pub async fn pull(&self, engine: &dyn Engine, reference: &str) -> EngineResult<()> {
        let (pull, begun) = {
            let mut known = self.known();
            let pull = Arc::clone(known.pulls.entry(reference.to_owned()).or_default());
            (pull, known.begun)
        };
        let pulled = pull.get_or_try_init(|| async {
            match engine.pull(reference).await {
                Err(error) if begun || error.reason != Reason::NotFound => Err(error),
                decided => Ok(decided),
            }
        });
        pulled.await?.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
