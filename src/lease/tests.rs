//! Leases that are taken, given up and left.

use std::fs;
use std::io::Write;

use super::{GcOptions, KeptCase, Lease, Leases, WhyNot, case_labels, gc, plan_gc};
use crate::engine::fake::Fake;
use crate::engine::{ContainerSpec, Engine};
use crate::host::{Group, Groups, NoGroups, RealHost};

fn group(id: i32) -> Group {
    Group {
        id,
        started: 7,
        session: 1,
        boot: "b".to_owned(),
    }
}

#[test]
fn a_lease_lives_while_it_is_held_and_is_gone_when_it_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases");
    assert!(Leases::look(&path).unwrap().dead.is_empty());
    let lease = Lease::take(&path, &["e2erun".to_owned()]).unwrap();
    let seen = Leases::look(&path).unwrap();
    assert_eq!((seen.dead.len(), seen.alive.contains(lease.id())), (0, true));
    assert_eq!(lease.label(), format!("e2erun.lease={}", lease.id()));
    lease.end().unwrap();
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
}

#[test]
fn a_lease_of_what_could_not_be_removed_is_a_dead_one() {
    let folder = tempfile::tempdir().unwrap();
    let lease = Lease::take(folder.path(), &[]).unwrap();
    let id = lease.id().to_owned();
    lease.leave();
    lease.end().unwrap();
    assert_eq!(Leases::look(folder.path()).unwrap().dead[0].id, id);
}

#[tokio::test]
async fn of_what_was_kept_the_file_tells_until_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let lease = Lease::take(folder.path(), &[]).unwrap();
    let id = lease.id().to_owned();
    let fake = Fake::new(&lease.label());
    lease.on_engine(&fake.info().await.unwrap().id).unwrap();
    let case = KeptCase {
        case: format!("{id}-1-1"),
        scenario: "shop.yaml".to_owned(),
        at: 7,
    };
    lease.keeps(case.clone());
    lease.end().unwrap();
    let labels = case_labels(&id, "shop.yaml", &case.case);
    fake.labelled_image("web", crate::engine::Labels::new());
    let image = "web".to_owned();
    let made = ContainerSpec {
        image,
        labels,
        ..ContainerSpec::default()
    };
    fake.create(&made).await.unwrap();

    let options = GcOptions::default();
    let host = RealHost::new(std::sync::Arc::new(NoGroups));
    let leases = Leases::look(folder.path()).unwrap();
    assert!(leases.dead.is_empty());
    let plan = plan_gc(&fake, &leases, &options).await.unwrap();
    assert_eq!((plan.kept.len(), plan.kept[0].1), (1, WhyNot::Kept));
    assert_eq!(plan.cases.values().collect::<Vec<_>>(), [&case]);
    gc(&fake, &host, &leases, plan, &options).await;
    assert_eq!(Leases::look(folder.path()).unwrap().kept.len(), 1);

    let label = Some(format!("e2erun.case={}", case.case));
    let options = GcOptions { label, ..options };
    let plan = plan_gc(&fake, &leases, &options).await.unwrap();
    let swept = gc(&fake, &host, &leases, plan, &options).await;
    assert_eq!((swept.removed.len(), swept.left.len()), (1, 0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_dead_run_kept_stays_when_the_rest_of_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let lease = Lease::take(folder.path(), &[]).unwrap();
    let fake = Fake::new(&lease.label());
    for name in ["kept", "other"] {
        fake.labelled_image(&format!("e2erun/{name}:1"), case_labels(lease.id(), "shop.yaml", name));
    }
    lease.keeps(KeptCase {
        case: "kept".to_owned(),
        scenario: "shop.yaml".to_owned(),
        at: 7,
    });
    lease.leave();
    lease.end().unwrap();

    let (options, host) = (GcOptions::default(), RealHost::new(std::sync::Arc::new(NoGroups)));
    let leases = Leases::look(folder.path()).unwrap();
    let plan = plan_gc(&fake, &leases, &options).await.unwrap();
    let names = |left: &[crate::engine::Resource]| left.iter().map(|left| left.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (plan.resources.len(), plan.kept.len(), plan.kept[0].1),
        (1, 1, WhyNot::Kept)
    );
    gc(&fake, &host, &leases, plan, &options).await;
    assert_eq!(names(&fake.labelled(super::LEASE).await.unwrap()), ["e2erun/kept:1"]);
    let leases = Leases::look(folder.path()).unwrap();
    assert_eq!((leases.dead.len(), leases.kept.len()), (0, 1));
}

#[test]
fn a_lease_that_cannot_be_read_is_told_and_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    drop(Lease::take(folder.path(), &[]).unwrap());
    fs::create_dir(folder.path().join("aaa.lease")).unwrap();
    let seen = Leases::look(folder.path()).unwrap();
    assert_eq!((seen.dead.len(), seen.alive.contains("aaa")), (1, true));
    let told: Vec<String> = seen.unknown().collect();
    assert!(told.len() == 1 && told[0].contains("aaa.lease"), "{told:?}");
}

#[test]
fn a_dead_lease_tells_what_had_not_ended() {
    let folder = tempfile::tempdir().unwrap();
    let lease = Lease::take(folder.path(), &["e2erun".to_owned(), "a b".to_owned()]).unwrap();
    let id = lease.id().to_owned();
    lease.on_engine("one").unwrap();
    lease.on_engine("two").unwrap();
    lease.started(&group(1));
    lease.started(&group(2));
    lease.ended(&group(1));
    assert_eq!(lease.trouble(), None);
    drop(lease);
    // The crash cut the last line off.
    let path = folder.path().join(format!("{id}.lease"));
    fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"{\"started\":{\"id\":3,")
        .unwrap();

    let seen = Leases::look(folder.path()).unwrap();
    let dead = &seen.dead[0];
    assert_eq!(
        (dead.id.as_str(), dead.pid, dead.command[1].as_str()),
        (id.as_str(), std::process::id(), "a b")
    );
    assert_eq!(dead.groups, [group(2)]);
    assert_eq!(
        dead.engines.iter().map(String::as_str).collect::<Vec<_>>(),
        ["one", "two"]
    );
    // Whoever holds it is the only one to remove what is left.
    assert!(Leases::look(folder.path()).unwrap().alive.contains(&id));
}

#[test]
fn a_lease_is_over_when_the_last_engine_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let lease = Lease::take(folder.path(), &[]).unwrap();
    lease.on_engine("one").unwrap();
    lease.on_engine("two").unwrap();
    drop(lease);
    let clean = |engine: &str| {
        let seen = Leases::look(folder.path()).unwrap();
        seen.dead[0].clean(engine).unwrap();
    };
    clean("one");
    let left = Leases::look(folder.path()).unwrap();
    assert_eq!(
        left.dead[0].engines.iter().map(String::as_str).collect::<Vec<_>>(),
        ["two"]
    );
    drop(left);
    clean("two");
    assert!(Leases::look(folder.path()).unwrap().dead.is_empty());
}

#[test]
fn ids_are_short_words_and_never_numbers() {
    let ids: std::collections::BTreeSet<String> = (0..200).map(|_| super::random_id().unwrap()).collect();
    assert_eq!(ids.len(), 200);
    for id in ids {
        assert!(
            id.len() == 10 && id.starts_with(|first: char| first.is_ascii_lowercase()),
            "{id}"
        );
        assert!(
            id.chars().all(|at| at.is_ascii_lowercase() || at.is_ascii_digit()),
            "{id}"
        );
    }
}

#[test]
fn a_case_has_the_labels_of_its_run() {
    let labels: Vec<(String, String)> = case_labels("r", "a.yaml", "c").into_iter().collect();
    let expected = [
        ("e2erun.case", "c"),
        ("e2erun.lease", "r"),
        ("e2erun.scenario", "a.yaml"),
    ];
    assert_eq!(
        labels,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}
