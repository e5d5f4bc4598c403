//! What swarm stacks expect to be there, asked before a case's first step where no step before their `deploy` can make it.

use tokio_util::sync::CancellationToken;

use crate::event::Fault;
use crate::plan::Plan;
use crate::step::{Case, expected};

/// What is not there; it is not asked to the end where the case is ended meanwhile.
pub(super) async fn absent(case: &Case, plan: &Plan, cancel: &CancellationToken) -> Vec<Fault> {
    // What a run left is judged again: there is nothing to ask.
    if case.nodes.is_empty() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for number in &plan.expects {
        let Some(stack) = plan.stacks.get(*number) else {
            continue;
        };
        // An engine that does not answer is told by the step.
        let asked = expected::absent(case.unplaced(), &*case.host, &stack.planned);
        if let Some(Ok(absent)) = cancel.run_until_cancelled(asked).await {
            faults.extend(absent);
        }
    }
    faults
}
