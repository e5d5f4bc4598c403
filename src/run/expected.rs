//! What swarm stacks expect to be there, asked before a case's first step where no step before their `deploy` can make it.

use crate::event::Fault;
use crate::plan::Plan;
use crate::step::{Case, expected};

/// What is not there.
pub(super) async fn absent(case: &Case, plan: &Plan) -> Vec<Fault> {
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
        if let Ok(absent) = expected::absent(case.unplaced(), &*case.host, &stack.planned).await {
            faults.extend(absent);
        }
    }
    faults
}
