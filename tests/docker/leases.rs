//! What a killed run leaves behind is removed by whoever comes next, and nothing of anybody else's is.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use e2erun::engine::{Engine, ResourceKind};
use e2erun::host::{Command, Host, NoGroups, RealHost};
use e2erun::lease::{self, GcOptions, Lease, Leases, Swept, WhyNot};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::stage::{LIMIT, Stage};

/// Where the victim takes its lease: set for the test's own child only.
const VICTIM: &str = "E2ERUN_TEST_VICTIM";

/// What the test's child does: takes a lease, makes some of everything, and is killed while it waits.
async fn victim(folder: &Path) {
    let lease = Arc::new(Lease::take(folder, &["victim".to_owned()]).unwrap());
    let stage = Stage::new().await;
    lease.on_engine(&stage.engine.info().await.unwrap().id).unwrap();
    let labels = lease::case_labels(lease.id(), "a.yaml", &stage.name("case"));
    let (network, volume) = (stage.name("net"), stage.name("data"));
    let made = e2erun::engine::NetworkSpec {
        labels: labels.clone(),
        ..stage.network(&network)
    };
    stage.engine.create_network(&made).await.unwrap();
    let made = e2erun::engine::VolumeSpec {
        labels: labels.clone(),
        ..stage.volume(&volume)
    };
    stage.engine.create_volume(&made).await.unwrap();
    let spec = e2erun::engine::ContainerSpec {
        labels: labels.clone(),
        networks: vec![(network, Vec::new())],
        volumes: vec![format!("{volume}:/data")],
        ..stage.shell("sleep 600")
    };
    let container = stage.start_spec(&spec).await;
    let image = format!("{}{}", lease::NAMES, stage.name("image:1"));
    stage.engine.commit(&container, &image, &labels).await.unwrap();
    let host = RealHost::new(lease.clone());
    let command = Command {
        argv: [
            "/bin/sh",
            "-c",
            "trap '' TERM; echo begun; for i in $(seq 600); do sleep 0.1; done",
        ]
        .map(str::to_owned)
        .to_vec(),
        env: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
        folder: "/".into(),
        stdin: None,
        limit: LIMIT,
        keep: 1000,
    };
    #[expect(clippy::print_stdout, reason = "its parent waits for this line")]
    let told: e2erun::engine::ToolLine = Arc::new(|_, _| println!("\nready"));
    host.run(command, told).await.unwrap();
}

/// Starts the victim, and waits until it has made all that it makes.
async fn start_victim(folder: &Path) -> tokio::process::Child {
    #[expect(clippy::disallowed_methods, reason = "a test program is its own rim")]
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "docker::leases::what_a_killed_run_left_is_swept",
            "--nocapture",
        ])
        .env(VICTIM, folder)
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = async { while lines.next_line().await.unwrap().expect("the victim ended") != "ready" {} };
    tokio::time::timeout(LIMIT, ready).await.unwrap();
    child
}

#[tokio::test]
async fn what_a_killed_run_left_is_swept() {
    #[expect(clippy::disallowed_methods, reason = "a test program is its own rim")]
    if let Some(folder) = std::env::var_os(VICTIM) {
        return victim(folder.as_ref()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = start_victim(folder.path()).await;
    let alive = Leases::look(folder.path()).unwrap();
    assert_eq!((alive.dead.len(), alive.alive.len()), (0, 1));
    child.kill().await.unwrap();

    let stage = Stage::new().await;
    let leases = Leases::look(folder.path()).unwrap();
    let dead = &leases.dead[0];
    assert_eq!(
        (dead.command.as_slice(), dead.groups.len()),
        (&["victim".to_owned()][..], 1)
    );
    assert!(!dead.groups[0].members().is_empty());
    let planned = lease::plan_gc(&stage.engine, &leases, &GcOptions::default())
        .await
        .unwrap();
    let of_victim = planned
        .resources
        .iter()
        .filter(|(resource, _)| resource.labels[lease::LEASE] == dead.id);
    assert_eq!((of_victim.count(), planned.groups.len()), (4, 1));

    let host = RealHost::new(Arc::new(NoGroups));
    let swept = lease::sweep(&stage.engine, &host, dead).await;
    let kinds: Vec<ResourceKind> = swept.removed.iter().map(|resource| resource.kind).collect();
    assert_eq!(
        kinds,
        [
            ResourceKind::Container,
            ResourceKind::Network,
            ResourceKind::Volume,
            ResourceKind::Image
        ]
    );
    assert_eq!(
        (swept.groups.as_slice(), swept.left.as_slice()),
        (&dead.groups[..], &[][..])
    );
    assert_eq!(dead.groups[0].members(), Vec::<i32>::new());
    assert_eq!(
        stage.engine.labelled(&format!("{}={}", lease::LEASE, dead.id)).await,
        Ok(vec![])
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_label_is_cleared_until_nothing_is_left_and_nothing_else_goes() {
    Stage::with(async |stage| {
        let others = stage.start("sleep 600").await;
        let mut labels = stage.labels();
        labels.insert(lease::CASE.to_owned(), stage.name("case"));
        for _ in 0..3 {
            stage
                .start_spec(&e2erun::engine::ContainerSpec {
                    labels: labels.clone(),
                    ..stage.shell("sleep 600")
                })
                .await;
        }
        let label = format!("{}={}", lease::CASE, stage.name("case"));
        let swept = lease::clear(&stage.engine, &label).await;
        assert_eq!((swept.removed.len(), swept.left.len()), (3, 0));
        assert_eq!(stage.engine.inspect(&others).await.unwrap().state, "running");
        assert_eq!(lease::clear(&stage.engine, &label).await, Swept::default());
    })
    .await;
}

#[tokio::test]
async fn gc_removes_what_is_old_by_its_label_and_leaves_the_rest() {
    Stage::with(async |stage| {
        let mut labels = stage.labels();
        labels.insert(lease::LEASE.to_owned(), stage.name("lease"));
        let spec = e2erun::engine::ContainerSpec {
            labels,
            ..stage.shell("true")
        };
        let id = stage.engine.create(&spec).await.unwrap();
        let now = jiff::Timestamp::now().as_second();
        let leases = Leases::default();
        let mine = |plan: &lease::GcPlan| plan.resources.iter().any(|(resource, _)| resource.id == id);
        let older_than = Some(Duration::from_secs(3600));
        let young = GcOptions {
            older_than,
            now,
            ..GcOptions::default()
        };
        assert!(!mine(&lease::plan_gc(&stage.engine, &leases, &young).await.unwrap()));
        // Whoever else works on this engine is left alone: only what has the test's label is in the plan.
        let old = GcOptions {
            label: Some(stage.label.clone()),
            ..young
        };
        let plan = lease::plan_gc(&stage.engine, &leases, &old).await.unwrap();
        assert_eq!((mine(&plan), plan.resources.len()), (true, 1));
        let host = RealHost::new(Arc::new(NoGroups));
        let swept = lease::gc(&stage.engine, &host, &leases, plan, &old).await;
        assert_eq!((swept.removed.len(), swept.left.len()), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn gc_removes_a_built_image_that_nobody_has_used_for_long() {
    Stage::with(async |stage| {
        let engine = &stage.engine;
        let mut labels = lease::image_labels("/shop");
        labels.extend(stage.labels());
        let image = format!("{}{}", lease::NAMES, stage.name("built:1"));
        let source = stage.start("sleep 600").await;
        engine.commit(&source, &image, &labels).await.unwrap();
        engine.remove(ResourceKind::Container, &source).await.unwrap();
        let built = jiff::Timestamp::now().as_second();
        let week = 7 * 86_400;
        let options = |now: i64| GcOptions {
            label: Some(stage.label.clone()),
            now,
            ..GcOptions::default()
        };
        let kept = async |leases: &Leases, options: &GcOptions| -> Option<WhyNot> {
            let plan = lease::plan_gc(engine, leases, options).await.unwrap();
            plan.kept
                .into_iter()
                .find(|(resource, _)| resource.name == image)
                .map(|(_, why)| why)
        };
        let (now, later) = (options(built), options(built + week + 60));
        let nobody = Leases::default();
        assert_eq!(kept(&nobody, &now).await, Some(WhyNot::Recent));
        assert_eq!(kept(&nobody, &later).await, None);
        let living = Leases {
            wanted: [image.clone()].into(),
            ..Leases::default()
        };
        assert_eq!(kept(&living, &later).await, Some(WhyNot::Wanted));
        let mut spec = stage.shell("true");
        spec.image.clone_from(&image);
        let user = engine.create(&spec).await.unwrap();
        let all = GcOptions { images: true, ..later };
        assert_eq!(kept(&nobody, &all).await, Some(WhyNot::Used));
        engine.remove(ResourceKind::Container, &user).await.unwrap();

        // It would go with a name that somebody else gave it.
        let other = stage.name("own:1");
        engine.tag(&image, &other).await.unwrap();
        assert_eq!(kept(&nobody, &all).await, Some(WhyNot::Named));
        engine.remove(ResourceKind::Image, &other).await.unwrap();

        // A run that finds it uses it: that counts, not when it was made.
        let named = engine.image(&image).await.unwrap().unwrap().named;
        assert!(named >= built - 60, "{named}");
        assert_eq!(lease::used_again(engine, &image).await, Ok(true));
        assert!(engine.image(&image).await.unwrap().unwrap().named >= named);

        let plan = lease::plan_gc(engine, &nobody, &all).await.unwrap();
        let host = RealHost::new(Arc::new(NoGroups));
        let swept = lease::gc(engine, &host, &nobody, plan, &all).await;
        assert_eq!((swept.removed.len(), swept.left.len()), (1, 0));
        assert_eq!(lease::used_again(engine, &image).await, Ok(false));
    })
    .await;
}
