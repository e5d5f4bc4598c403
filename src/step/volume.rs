//! What is in volumes: the engine reads and writes it through a container that has them mounted and is never started. Its
//! image is this program's own, so that none has to come from anywhere.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::{Case, NodeHandle, inside};
use crate::engine::{EngineResult, ResourceKind};
use crate::event::Fault;

/// Where the container has it.
pub(crate) const THERE: &str = "/volume";

/// A container that has volumes mounted.
pub(crate) struct Holder {
    node: NodeHandle,
    /// Its id.
    pub(crate) id: String,
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
        let made = case.changes.spawn(async move { engine.create(&spec).await });
        Ok(Holder {
            node: node.clone(),
            id: ended(made).await?,
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
    pub(crate) async fn leave(self, case: &Case) -> Result<(), Fault> {
        let Holder { node, id } = self;
        let removal = case
            .changes
            .spawn(async move { node.engine.remove(ResourceKind::Container, &id).await });
        ended(removal).await
    }
}

/// What becomes of a call that is made to its end whoever waits for it.
pub(crate) async fn ended<T>(call: JoinHandle<EngineResult<T>>) -> Result<T, Fault> {
    match call.await {
        Ok(made) => made.map_err(|error| Fault::error(error.to_string())),
        Err(_) => Err(Fault::error("the call was ended")),
    }
}
