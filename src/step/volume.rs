//! What is in volumes: the engine reads and writes it through a container that has them mounted and is never started. Its
//! image is this program's own, so that none has to come from anywhere.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Case, NodeHandle, inside};
use crate::engine::{EngineResult, ResourceKind};
use crate::event::Fault;

/// Where the container has it.
pub(crate) const THERE: &str = "/volume";

/// A container that has volumes mounted. It is removed as soon as this is no more: also with a step that is cut.
pub(crate) struct Holder {
    node: NodeHandle,
    /// Its id.
    pub(crate) id: String,
    kept: DropGuard,
    removal: JoinHandle<EngineResult<()>>,
}

impl Holder {
    /// Makes one of a volume, which it has where `THERE` says.
    pub(crate) async fn of(case: &Case, node: &NodeHandle, volume: &str) -> Result<Holder, Fault> {
        Holder::of_several(case, node, &[(volume, THERE)]).await
    }

    /// Makes one of volumes, each with where it has it; the engine would make them, too, if they were not there.
    pub(crate) async fn of_several(case: &Case, node: &NodeHandle, volumes: &[(&str, &str)]) -> Result<Holder, Fault> {
        // Nothing of the image goes into one that is empty.
        let mounts = volumes.iter().map(|(volume, there)| format!("{volume}:{there}:nocopy"));
        let mounts = mounts.collect();
        let outside = (node.engine.as_ref(), case.host.as_ref());
        let spec = inside::holder_spec(outside, case.labels.clone(), mounts).await?;
        let engine = Arc::clone(&node.engine);
        let gone = CancellationToken::new();
        let kept = gone.clone().drop_guard();
        let (tell, made) = oneshot::channel();
        // Its whole life is one task: whoever makes it may be cut while it is being made, too.
        let removal = case.changes.spawn(async move {
            let made = engine.create(&spec).await;
            let id = made.as_ref().ok().cloned();
            drop(tell.send(made));
            gone.cancelled().await;
            match id {
                Some(id) => engine.remove(ResourceKind::Container, &id).await,
                None => Ok(()),
            }
        });
        Ok(Holder {
            node: node.clone(),
            id: ended(made).await?,
            kept,
            removal,
        })
    }

    /// Unpacks archives at a path in it, one after the other.
    pub(crate) async fn fill(&self, case: &Case, path: &'static str, tars: Vec<Bytes>) -> Result<(), Fault> {
        for tar in tars {
            let (engine, id) = (Arc::clone(&self.node.engine), self.id.clone());
            let written = case
                .changes
                .spawn(async move { engine.write_archive(&id, path, tar).await });
            ended(written).await?;
        }
        Ok(())
    }

    /// Removes it: while it is there, the volume cannot be removed.
    pub(crate) async fn leave(self) -> Result<(), Fault> {
        drop(self.kept);
        ended(self.removal).await
    }
}

/// What becomes of a call that is made to its end whoever waits for it.
pub(crate) async fn ended<T, E>(call: impl Future<Output = Result<EngineResult<T>, E>>) -> Result<T, Fault> {
    match call.await {
        Ok(made) => made.map_err(|error| Fault::error(error.to_string())),
        Err(_) => Err(Fault::error("the call was ended")),
    }
}
