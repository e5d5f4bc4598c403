//! Before the first scenario: host ports that stay fixed, looked at for all cases at once; who has one is named.

use std::collections::BTreeMap;

use super::{Env, Job};
use crate::event::Fault;
use crate::plan::Plan;
use crate::step::{Asker, held};

/// Why cases cannot have their ports, by the case's number.
#[derive(Default)]
pub(super) struct Ports(BTreeMap<usize, Vec<Fault>>);

impl Ports {
    /// Why a case cannot have its ports. A later try asks for itself: who had one may be gone.
    pub(super) fn of(&self, plan: &Plan) -> Vec<Fault> {
        let faults = self.0.get(&plan.info.number).filter(|_| plan.attempt == 1);
        faults.cloned().unwrap_or_default()
    }
}

/// Looks at them.
pub(super) async fn look(env: &Env, jobs: &[&Job]) -> Ports {
    let mut taken = Ports::default();
    for job in jobs {
        let fixed: Vec<_> = job.plan.stacks.iter().flat_map(|stack| stack.fixed_ports()).collect();
        if fixed.is_empty() {
            continue;
        }
        let asker = Asker {
            host: env.host.as_ref(),
            case: None,
        };
        // An engine that does not answer now is told of by the first step that needs it.
        let faults = held(env.unplaced(), asker, &fixed).await.unwrap_or_default();
        if !faults.is_empty() {
            taken.0.insert(job.plan.info.number, faults);
        }
    }
    taken
}
