//! The scratch folder of a case, removed at its end. What containers put there as another user only a container can
//! remove: this program is its image, so that none has to come from anywhere.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::world::State;
use crate::engine::{EngineResult, Labels, ResourceKind};
use crate::event::Fault;
use crate::host::Host;
use crate::step::{Case, NodeHandle, inside};

/// How long a container may take to empty it.
const LIMIT: Duration = Duration::from_secs(60);
/// Where the container has it.
const THERE: &str = "/scratch";

/// Removes it with all that is in it; tells why it cannot be.
pub(super) async fn remove(case: &Case) -> Option<Fault> {
    let removed = match case.host.remove_folder(&case.scratch).await {
        // An engine elsewhere would make an empty folder of that name on its machine.
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied && case.unplaced().is_here => {
            let (node, host, labels) = (case.unplaced(), case.host.as_ref(), case.labels.clone());
            match empty(node, host, labels, &case.scratch).await {
                Ok(()) => case.host.remove_folder(&case.scratch).await,
                Err(fault) => return Some(of(case, &format!("{why}; nor in a container: {}", fault.message))),
            }
        }
        removed => removed,
    };
    removed.err().map(|why| of(case, &why.to_string()))
}

fn of(case: &Case, why: &str) -> Fault {
    let folder = case.scratch.display();
    Fault::error(format!("cannot remove the scratch folder `{folder}`: {why}"))
        .hint("have what writes there as another user remove it (`cleanup`), or run it as `user: self`")
}

/// Empties a folder of this machine in a container, whose user may do so.
pub async fn empty(node: &NodeHandle, host: &dyn Host, labels: Labels, folder: &Path) -> Result<(), Fault> {
    let mounts = vec![format!("{}:{THERE}", folder.display())];
    let mut spec = inside::holder_spec((node.engine.as_ref(), host), labels, mounts).await?;
    spec.command = Some([inside::WORD, "--empty", THERE].map(str::to_owned).to_vec());
    let fault = |error: crate::engine::EngineError| Fault::error(error.to_string());
    let id = node.engine.create(&spec).await.map_err(fault)?;
    let ended = run(node, &id).await;
    let engine = Arc::clone(&node.engine);
    engine.remove(ResourceKind::Container, &id).await.map_err(fault)?;
    match ended.map_err(fault)? {
        Some(0) => Ok(()),
        Some(exit) => Err(Fault::error(format!("it ended with exit code {exit}"))),
        None => Err(Fault::error("it did not end in time")),
    }
}

/// Runs a container to its end; gives its exit code if it was seen.
async fn run(node: &NodeHandle, id: &str) -> EngineResult<Option<i64>> {
    node.engine.start(id).await?;
    let ended = |state: &State| state.container(id).filter(|it| it.has_ended())?.exit;
    Ok(node.world.until(ended, Instant::now() + LIMIT).await.ok())
}
