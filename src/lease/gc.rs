//! What `gc` removes: planned first, so that it can be shown. Nothing without a label of e2erun's is ever looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use super::built::{built, is_named, unwanted};
use super::sweep::{AT_ONCE, left, remove_all};
use super::{CASE, KeptCase, LEASE, Leases, Swept, sweep};
use crate::engine::{Engine, EngineResult, Resource, ResourceKind};
use crate::host::{Group, Host};

/// How long nobody may have used a built image before it goes unasked.
const UNUSED: Duration = Duration::from_secs(7 * 86_400);

/// What is to be removed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GcOptions {
    /// Also what is at least so old and whose run cannot be looked up here.
    pub older_than: Option<Duration>,
    /// Only what has this label: `name` or `name=value`.
    pub label: Option<String>,
    /// Also built images that were used lately; those that `commit` made go with the rest of their run.
    pub images: bool,
    /// The time now, Unix seconds.
    pub now: i64,
}

/// Why something is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its run is dead.
    Dead,
    /// It is old enough.
    Old,
    /// It has the label that was asked for.
    Labelled,
    /// It is a built image that nobody has used for long, or images were asked for.
    Image,
}

/// What would be removed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GcPlan {
    /// The process groups of dead runs that still run.
    pub groups: Vec<Group>,
    /// The resources, in the order in which they can be removed. A built image was `created` when it was last used.
    pub resources: Vec<(Resource, Why)>,
    /// Those that stay.
    pub kept: Vec<(Resource, WhyNot)>,
    /// The kept cases, by their id, of which something stays.
    pub cases: BTreeMap<String, KeptCase>,
}

/// Why something stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyNot {
    /// Its run is alive.
    Alive,
    /// It was kept for a look.
    Kept,
    /// Its run is not known on this machine.
    Elsewhere,
    /// It is a built image that was used lately, and images were not asked for.
    Recent,
    /// It is a built image that a living run wants.
    Wanted,
    /// It is a built image that a container was made from.
    Used,
    /// It is an image of ours, or made of what is, that has a name of somebody else's.
    Named,
    /// It is a built image that is younger than what was asked for.
    Young,
}

/// What would be removed from an engine.
pub async fn plan_gc(engine: &dyn Engine, leases: &Leases, options: &GcOptions) -> EngineResult<GcPlan> {
    let leased = engine.labelled(LEASE).await?;
    let mut all = Vec::new();
    for resource in leased {
        let hold = is_named(engine, &resource).await?.then_some(WhyNot::Named);
        all.push((resource, hold));
    }
    all.extend(built(engine, leases).await?);
    let mut plan = decide(all, leases, options);
    if options.label.is_none() {
        let groups = leases.dead.iter().flat_map(|lease| &lease.groups);
        plan.groups = groups.filter(|group| !group.members().is_empty()).cloned().collect();
    }
    Ok(plan)
}

/// Removes what was planned; a dead run also ends, and its lease with it.
pub async fn gc(engine: &dyn Engine, host: &dyn Host, leases: &Leases, plan: GcPlan, options: &GcOptions) -> Swept {
    let mut swept = Swept::default();
    if options.label.is_none() {
        for lease in &leases.dead {
            swept.add(sweep(engine, host, lease).await);
        }
    }
    let done = |resource: &Resource| {
        swept
            .removed
            .iter()
            .any(|known| known.kind == resource.kind && known.id == resource.id)
    };
    let rest = plan.resources.into_iter().map(|(resource, _)| resource);
    let rest = rest.filter(|resource| !done(resource));
    let (images, others): (Vec<Resource>, _) = rest.partition(|resource| resource.kind == ResourceKind::Image);
    let (mut removed, mut failed) = remove_all(engine, others).await;
    // Since it was planned minutes may have passed, in which runs have begun: a few at a time are looked at again.
    for some in images.chunks(AT_ONCE) {
        match unwanted(engine, leases, some).await {
            Ok(free) => {
                let of_images = remove_all(engine, free).await;
                removed.extend(of_images.0);
                failed.extend(of_images.1);
            }
            Err(why) => swept.left.extend(some.iter().map(|image| left(image, &why))),
        }
    }
    swept.removed.extend(removed);
    // What could not be removed for something that was removed after it has a second try.
    let (removed, failed) = remove_all(engine, failed.into_iter().map(|(resource, _)| resource).collect()).await;
    swept.removed.extend(removed);
    for (resource, why) in failed {
        let told = left(&resource, &why);
        if !swept.left.iter().any(|known| known.what == told.what) {
            swept.left.push(told);
        }
    }
    // What cannot be found out now, the next one finds out.
    if let Ok(info) = engine.info().await {
        for run in &leases.kept {
            swept
                .left
                .extend(run.forget_if_gone(engine, &info.id).await.ok().flatten());
        }
    }
    swept
}

/// Decides over resources; what holds one, holds it whatever is asked for.
fn decide(all: Vec<(Resource, Option<WhyNot>)>, leases: &Leases, options: &GcOptions) -> GcPlan {
    let mut plan = GcPlan::default();
    for (resource, hold) in all {
        if options.label.as_ref().is_some_and(|label| !has(&resource, label)) {
            continue;
        }
        match hold.map_or_else(|| why(&resource, leases, options), Err) {
            Ok(why) => plan.resources.push((resource, why)),
            Err(why_not) => {
                plan.cases.extend(kept_case(&resource, leases));
                plan.kept.push((resource, why_not));
            }
        }
    }
    plan.resources.sort_by_key(|(resource, _)| resource.kind);
    plan
}

/// The kept case that a resource is of, if it is.
fn kept_case(resource: &Resource, leases: &Leases) -> Option<(String, KeptCase)> {
    let case = leases.kept_case(resource.labels.get(CASE)?)?;
    Some((case.case.clone(), case.clone()))
}

fn has(resource: &Resource, label: &str) -> bool {
    match label.split_once('=') {
        Some((name, value)) => resource.labels.get(name).is_some_and(|own| own == value),
        None => resource.labels.contains_key(label),
    }
}

fn why(resource: &Resource, leases: &Leases, options: &GcOptions) -> Result<Why, WhyNot> {
    // The engine does not say of everything when it was made: that has no age.
    let is_old = |age: Duration| {
        let limit = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        resource.created > 0 && options.now.saturating_sub(resource.created) >= limit
    };
    let old = options.older_than.map(is_old);
    if resource.kind == ResourceKind::Image && !resource.labels.contains_key(LEASE) {
        return match (options.images, old) {
            (false, _) if !is_old(UNUSED) => Err(WhyNot::Recent),
            (true, Some(false)) => Err(WhyNot::Young),
            (_, _) => Ok(Why::Image),
        };
    }
    let lease = resource.labels.get(LEASE);
    // A run that is alive keeps what it has, whatever label is named.
    if lease.is_some_and(|lease| leases.alive.contains(lease)) {
        return Err(WhyNot::Alive);
    }
    if options.label.is_some() {
        return Ok(Why::Labelled);
    }
    let is_dead = lease.is_some_and(|lease| leases.dead.iter().any(|dead| dead.id == *lease));
    match kept_case(resource, leases) {
        None if is_dead => Ok(Why::Dead),
        _ if lease.is_some() && old == Some(true) => Ok(Why::Old),
        Some(_) => Err(WhyNot::Kept),
        None => Err(WhyNot::Elsewhere),
    }
}

#[cfg(test)]
mod tests;
