//! What is found out once, before the first scenario: fixed ports that are taken, images that cannot be had.

use std::collections::BTreeMap;

use super::images::{self, Images};
use super::ports::{self, Ports};
use super::{Env, Job};
use crate::event::Fault;
use crate::plan::Plan;

/// What was found out.
pub(super) struct Before {
    ports: Ports,
    images: Images,
}

impl Before {
    /// Finds it out: the ports first, since what has one may be told while images are built.
    pub(super) async fn the_first(env: &Env, jobs: &[Job]) -> Before {
        Before {
            ports: ports::look(env, jobs).await,
            images: images::prepare(env, jobs).await,
        }
    }

    /// Why a case cannot begin; adds the time that its images took to the case's.
    pub(super) fn faults(&self, plan: &Plan, parts: &mut BTreeMap<String, f64>) -> Vec<Fault> {
        let mut faults = self.ports.of(plan);
        faults.extend(self.images.of(plan, parts));
        faults
    }
}
