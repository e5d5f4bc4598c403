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
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{GcOptions, LEASE, Leases, Resource, ResourceKind, Why, WhyNot, decide, gc, plan_gc, sweep};
    use crate::engine::fake::Fake;
    use crate::engine::{ContainerSpec, Engine};
    use crate::host::{NoGroups, RealHost};
    use crate::lease::Lease;

    const NOW: i64 = 1_800_000_000;

    fn resource(kind: ResourceKind, name: &str, lease: &str, age: i64) -> Resource {
        let labels = [
            (LEASE.to_owned(), lease.to_owned()),
            ("e2erun.case".to_owned(), name.to_owned()),
        ]
        .into();
        Resource {
            kind,
            id: name.to_owned(),
            name: name.to_owned(),
            labels,
            created: NOW - age,
        }
    }

    /// An image that was built for whoever needs it.
    fn built(name: &str, age: i64) -> Resource {
        Resource {
            labels: crate::lease::image_labels("/shop"),
            ..resource(ResourceKind::Image, name, "", age)
        }
    }

    fn check(options: &GcOptions, expected: &[(&str, Why)]) {
        let folder = tempfile::tempdir().unwrap();
        let dead = Lease::take(folder.path(), &[]).unwrap();
        let alive = Lease::take(folder.path(), &[]).unwrap();
        let dead_id = dead.id().to_owned();
        drop(dead);
        let all = vec![
            resource(ResourceKind::Volume, "of-dead", &dead_id, 5),
            resource(ResourceKind::Container, "of-alive", alive.id(), 5000),
            resource(ResourceKind::Container, "old", "elsewhere", 5000),
            resource(ResourceKind::Container, "young", "elsewhere", 5),
            built("image", 5000),
            resource(ResourceKind::Image, "committed", &dead_id, 5),
        ];
        let leases = Leases::look(folder.path()).unwrap();
        let plan = decide(
            all.into_iter().map(|resource| (resource, None)).collect(),
            &leases,
            &GcOptions {
                now: NOW,
                ..options.clone()
            },
        );
        let removed: Vec<_> = plan
            .resources
            .iter()
            .map(|(resource, why)| (resource.name.as_str(), *why))
            .collect();
        assert_eq!(removed, expected);
        assert!(
            plan.kept
                .iter()
                .all(|(resource, why)| (resource.name == "of-alive") == (*why == WhyNot::Alive)),
            "{:?}",
            plan.kept
        );
        assert_eq!(
            plan.resources.len() + plan.kept.len(),
            if options.label.is_some() { expected.len() } else { 6 }
        );
    }

    #[test]
    fn only_dead_runs_are_removed_without_being_asked() {
        check(
            &GcOptions::default(),
            &[("of-dead", Why::Dead), ("committed", Why::Dead)],
        );
    }

    #[test]
    fn what_cannot_be_looked_up_goes_by_age() {
        let older_than = Some(Duration::from_secs(3600));
        let options = GcOptions {
            older_than,
            ..GcOptions::default()
        };
        check(
            &options,
            &[("old", Why::Old), ("of-dead", Why::Dead), ("committed", Why::Dead)],
        );
        let images = GcOptions {
            images: true,
            ..options
        };
        check(
            &images,
            &[
                ("old", Why::Old),
                ("of-dead", Why::Dead),
                ("image", Why::Image),
                ("committed", Why::Dead),
            ],
        );
    }

    /// What is removed of two images, one used an hour ago and one ten days ago, each also held.
    fn of_images(images: bool, older_than: Option<Duration>) -> Vec<String> {
        let (young, old) = (3600, 10 * 86_400);
        let all = vec![
            (built("young", young), None),
            (built("old", old), None),
            (built("wanted", old), Some(WhyNot::Wanted)),
            (built("used", old), Some(WhyNot::Used)),
        ];
        let options = GcOptions {
            images,
            older_than,
            now: NOW,
            label: None,
        };
        let plan = decide(all, &Leases::default(), &options);
        let held = |(resource, why): &(Resource, WhyNot)| match why {
            WhyNot::Wanted => resource.name == "wanted",
            WhyNot::Used => resource.name == "used",
            _ => false,
        };
        assert_eq!(plan.kept.iter().filter(|kept| held(kept)).count(), 2);
        plan.resources.into_iter().map(|(resource, _)| resource.name).collect()
    }

    #[test]
    fn built_images_go_when_nobody_has_used_them_for_a_week_and_never_while_they_are_held() {
        assert_eq!(of_images(false, None), ["old"]);
        assert_eq!(of_images(true, None), ["young", "old"]);
        // An age for what others left is none for images that nobody asked to remove.
        assert_eq!(of_images(false, Some(Duration::from_secs(60))), ["old"]);
        assert_eq!(of_images(true, Some(Duration::from_secs(86_400))), ["old"]);
    }

    #[tokio::test]
    async fn images_of_containers_of_living_runs_and_with_names_of_others_are_held() {
        let folder = tempfile::tempdir().unwrap();
        let alive = Lease::take(folder.path(), &[]).unwrap();
        alive.wants("e2erun/wanted:1");
        let leases = Leases::look(folder.path()).unwrap();
        assert_eq!(
            leases.wanted.iter().map(String::as_str).collect::<Vec<_>>(),
            ["e2erun/wanted:1"]
        );
        let fake = Fake::new("e2erun.lease=run");
        for image in ["acme/own:1", "e2erun/wanted:1", "e2erun/used:1", "e2erun/free:1"] {
            fake.labelled_image(image, crate::lease::image_labels("/shop"));
        }
        let container = ContainerSpec {
            image: "e2erun/used:1".to_owned(),
            ..ContainerSpec::default()
        };
        fake.create(&container).await.unwrap();
        let options = GcOptions {
            images: true,
            now: NOW,
            ..GcOptions::default()
        };
        let plan = plan_gc(&fake, &leases, &options).await.unwrap();
        let removed: Vec<_> = plan
            .resources
            .iter()
            .map(|(resource, _)| resource.name.as_str())
            .collect();
        assert_eq!(removed, ["e2erun/free:1"]);
        let mut kept: Vec<_> = plan.kept.iter().map(|(kept, why)| (kept.name.as_str(), *why)).collect();
        kept.sort_unstable();
        assert_eq!(
            kept,
            [
                ("acme/own:1", WhyNot::Named),
                ("e2erun/used:1", WhyNot::Used),
                ("e2erun/wanted:1", WhyNot::Wanted)
            ]
        );
        drop(alive);
    }

    #[tokio::test]
    async fn what_somebody_made_of_a_kept_container_and_named_stays() {
        let folder = tempfile::tempdir().unwrap();
        let dead = Lease::take(folder.path(), &[]).unwrap();
        let labels = crate::lease::case_labels(dead.id(), "a.yaml", "case");
        let fake = Fake::new(&dead.label());
        fake.labelled_image("acme/own:1", labels.clone());
        fake.labelled_image("e2erun/snapshot:case", labels);
        drop(dead);
        let host = RealHost::new(Arc::new(NoGroups));
        let left = async || -> Vec<String> {
            let left = fake.labelled(LEASE).await.unwrap();
            left.into_iter().map(|image| image.name).collect()
        };
        let labelled = GcOptions {
            label: Some("e2erun.case=case".to_owned()),
            ..GcOptions::default()
        };
        let nobody = Leases::default();
        let plan = plan_gc(&fake, &nobody, &labelled).await.unwrap();
        assert_eq!(plan.kept[0].1, WhyNot::Named);
        gc(&fake, &host, &nobody, plan, &labelled).await;
        assert_eq!(left().await, ["acme/own:1"]);
        // Nor does it go with what a dead run left.
        let leases = Leases::look(folder.path()).unwrap();
        let swept = sweep(&fake, &host, &leases.dead[0]).await;
        assert_eq!((left().await.len(), swept.left.len()), (1, 0));
    }

    #[tokio::test]
    async fn an_image_that_a_run_has_come_to_want_since_it_was_planned_stays() {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake::new("e2erun.lease=run");
        for image in ["e2erun/free:1", "e2erun/wanted:1"] {
            fake.labelled_image(image, crate::lease::image_labels("/shop"));
        }
        let options = GcOptions {
            images: true,
            now: NOW,
            ..GcOptions::default()
        };
        let leases = Leases::look(folder.path()).unwrap();
        let plan = plan_gc(&fake, &leases, &options).await.unwrap();
        assert_eq!(plan.resources.len(), 2);
        let begun = Lease::take(folder.path(), &[]).unwrap();
        begun.wants("e2erun/wanted:1");
        let host = RealHost::new(Arc::new(NoGroups));
        let swept = gc(&fake, &host, &leases, plan, &options).await;
        let removed: Vec<_> = swept.removed.iter().map(|resource| resource.name.as_str()).collect();
        assert_eq!(removed, ["e2erun/free:1"]);
    }

    #[test]
    fn a_label_names_exactly_what_is_removed() {
        let label = Some("e2erun.case=young".to_owned());
        check(
            &GcOptions {
                label,
                ..GcOptions::default()
            },
            &[("young", Why::Labelled)],
        );
    }
}
