//! Background processes at the end of a case: ended, and their exits checked.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::event::Fault;
use crate::step::Case;

/// How long a process may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// Ends what still runs; one that ended by itself before, and not with 0, is a failure.
pub(crate) async fn finish(case: &Case, hurry: &CancellationToken) -> Vec<Fault> {
    let processes = std::mem::take(&mut case.state().processes);
    let mut faults = Vec::new();
    for (name, process) in processes {
        match process.exit_now() {
            Some(0) => {}
            Some(exit) => faults.push(
                Fault::failure(format!("background process `{name}` ended with exit code {exit}"))
                    .detail(format!("last lines of `{name}`"), process.tail(30).await),
            ),
            None => {
                let ended = tokio::time::timeout(GRACE + GRACE, async {
                    tokio::select! {
                        () = process.end(GRACE) => {}
                        () = hurry.cancelled() => process.end(Duration::ZERO).await,
                    }
                });
                // What does not end even so is in the lease, and ended with it.
                let _ = ended.await;
            }
        }
    }
    faults
}
