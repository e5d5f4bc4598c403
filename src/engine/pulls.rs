//! Pulls: each image once however many ask for it, and one that is nowhere is asked for once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::{Engine, EngineResult, Reason};

/// What came of the pulls on one node in a run.
#[derive(Clone, Default)]
pub struct Pulls(Arc<Mutex<BTreeMap<String, Pull>>>);

/// Done, or known to be in vain; empty while neither is so.
type Pull = Arc<OnceCell<EngineResult<()>>>;

impl Pulls {
    /// Pulls an image; who asks for it meanwhile waits for the same answer. What failed for the surroundings' sake is
    /// tried again by whoever asks next.
    pub async fn pull(&self, engine: &dyn Engine, reference: &str) -> EngineResult<()> {
        let pull = {
            let mut pulls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(pulls.entry(reference.to_owned()).or_default())
        };
        let pulled = pull.get_or_try_init(|| async {
            match engine.pull(reference).await {
                Err(error) if error.reason != Reason::NotFound => Err(error),
                decided => Ok(decided),
            }
        });
        pulled.await?.clone()
    }
}
