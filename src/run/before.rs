//! What is found out once, before the first scenario: what is skipped, fixed ports that are taken, images that cannot be
//! had.

use std::collections::BTreeMap;

use super::bases;
use super::case::unready;
use super::ended::TryEnded;
use super::images::Images;
use super::ports::{self, Ports};
use super::swarm::Swarm;
use super::{Env, Job};
use crate::event::Fault;
use crate::plan::Plan;
use crate::substitute::Needs;
use crate::version::Version;

/// What was found out.
pub(super) struct Before {
    unready: BTreeMap<usize, TryEnded>,
    ports: Ports,
    images: Images,
    /// The engine's swarm, for the cases that have a use for it.
    pub(super) swarm: Swarm,
}

impl Before {
    /// Finds it out: first what is not run at all, since nothing is built or pulled for that; then the ports, since what
    /// has one may be told while images are built.
    pub(super) async fn the_first(env: &mut Env, jobs: &mut [Job]) -> Before {
        let swarm = Swarm::of(env).await;
        let mut skipped = BTreeMap::new();
        for job in jobs.iter() {
            if let Some(unready) = unready(env, &job.plan, &swarm).await {
                skipped.insert(job.plan.info.number, unready);
            }
        }
        let ready = jobs.iter_mut();
        let mut ready: Vec<&mut Job> = ready
            .filter(|job| !skipped.contains_key(&job.plan.info.number))
            .collect();
        let ports = ports::look(env, &shared(&ready)).await;
        let images = Images::pull(env, &shared(&ready)).await;
        bases::settle(env, &mut ready).await;
        images.build(env, &shared(&ready)).await;
        env.nodes.iter().for_each(|node| node.pulls.scenarios_begin());
        Before {
            unready: skipped,
            ports,
            images,
            swarm,
        }
    }

    /// Why a case is not run, if it is not.
    pub(super) fn unready(&self, plan: &Plan) -> Option<TryEnded> {
        self.unready.get(&plan.info.number).cloned()
    }

    /// Why a case cannot begin; adds the time that its images took to the case's.
    pub(super) async fn faults(&self, env: &Env, plan: &Plan, parts: &mut BTreeMap<String, f64>) -> Vec<Fault> {
        let mut faults = too_old(env, plan);
        faults.extend(self.ports.of(plan));
        faults.extend(self.images.of(env, plan, parts).await);
        faults.extend(self.swarm.see_to(env, plan).await);
        faults
    }
}

/// What of a case's stacks the compose tool is too old for: it would tell of it without saying so.
fn too_old(env: &Env, plan: &Plan) -> Vec<Fault> {
    let found = &env.facts.compose;
    let is_older = |than: &str| {
        let versions = Version::parse(found).zip(Version::parse(than));
        versions.is_some_and(|(found, than)| found.first(than.parts()).lt(than.first(than.parts())))
    };
    let needs = plan.stacks.iter().flat_map(|stack| stack.needs());
    let faults = needs.filter(|needs| is_older(needs.compose)).map(|needs| {
        let Needs {
            what,
            compose,
            instead,
            at,
        } = needs;
        let message = format!("the compose tool {found} does not take {what}");
        let hint = format!("it takes version {compose} or a newer one; or {instead}");
        Fault::error(message).at(at.place()).hint(hint)
    });
    faults.collect()
}

fn shared<'j>(jobs: &'j [&mut Job]) -> Vec<&'j Job> {
    jobs.iter().map(|job| &**job).collect()
}
