//! What is removed by `gc`, and what is left.

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
