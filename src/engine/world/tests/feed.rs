//! What the engine tells late, twice or not at all, and what is known all the same.

use std::sync::Arc;
use std::time::Duration;

use super::{begin, start, wait_for, world_of};
use crate::engine::fake::{EventFault, Fake, Reply, Script};
use crate::engine::world::{Becomes, World};
use crate::engine::{ContainerSpec, Engine, Reason, ResourceKind};

#[tokio::test(start_paused = true)]
async fn what_is_to_be_forgotten_goes_with_its_removal_also_when_that_is_told_later() {
    let (fake, world) = begin(Script::new()).await;
    world.sync().await.unwrap();
    world.forget("lease", "1");
    world.sync().await.unwrap();
    assert_eq!(world.snapshot().all().count(), 1);
    fake.remove(ResourceKind::Container, "shop-db-1").await.unwrap();
    world.sync().await.unwrap();
    assert_eq!(world.snapshot().all().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_there_already_is_known_and_others_are_not_looked_at() {
    let fake = Fake::new("lease=1");
    fake.image("busybox");
    start(&fake).await;
    fake.create(&ContainerSpec {
        name: "other".into(),
        image: "busybox".into(),
        ..Default::default()
    })
    .await
    .unwrap();
    let world = world_of(&fake).await;
    fake.start("other").await.unwrap();
    world.sync().await.unwrap();
    let names: Vec<_> = world
        .snapshot()
        .present()
        .map(|container| container.name.clone())
        .collect();
    assert_eq!(names, ["shop-db-1"]);
    assert_eq!(world.snapshot().running_with("lease", "1").len(), 1);
}

/// The state that a script leads to whatever becomes of its events: each is lost, doubled, or cuts the stream.
#[tokio::test(start_paused = true)]
async fn lost_doubled_and_cut_events_change_nothing_at_the_end() {
    let script = || {
        Script::new()
            .restart("on-failure", 1)
            .after(1)
            .exit(7)
            .then(Script::new().after(1).healthy())
    };
    let truth = |world: &World| {
        let container = Arc::clone(world.snapshot().all().next().unwrap());
        let runs: Vec<_> = container.runs.iter().map(|run| run.ended.is_some()).collect();
        (
            container.state.clone(),
            container.health.clone(),
            container.restarts,
            runs.last().copied(),
        )
    };
    for fault in [EventFault::Lost, EventFault::Doubled, EventFault::Cut] {
        for nth in 1..=5 {
            let fake = Fake::new("lease=1");
            fake.image("busybox").script("db", script()).event(nth, fault);
            let world = world_of(&fake).await;
            start(&fake).await;
            let said = wait_for(&world, Becomes::Healthy, 10).await;
            assert_eq!(said.0, "ready", "{fault:?} {nth}");
            if fault != EventFault::Lost {
                assert!(said.1 < 3, "{fault:?} {nth}: after {} s", said.1);
            }
            let expected = ("running".to_owned(), Some("healthy".to_owned()), 1, Some(false));
            assert_eq!(truth(&world), expected, "{fault:?} {nth}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_comes_back_is_believed_again_and_one_that_does_not_ends_all_waits() {
    let (fake, world) = begin(Script::new().after(5).healthy()).await;
    fake.away(true);
    let back = fake.clone();
    tokio::spawn(async move {
        crate::wait::pause(Duration::from_secs(8)).await;
        back.away(false);
    });
    let (said, second) = wait_for(&world, Becomes::Healthy, 60).await;
    assert_eq!(said, "ready");
    assert!((8..11).contains(&second), "{second}");

    fake.away(true);
    let (said, second) = wait_for(&world, Becomes::Completed, 600).await;
    assert_eq!(said, "away: cannot events ``: connection refused");
    assert!(second <= 16, "{second}");
    assert_eq!(
        wait_for(&world, Becomes::Completed, 600).await.1,
        0,
        "a wait that begins later ends at once"
    );
    assert_eq!(
        wait_for(&world, Becomes::Healthy, 600).await.0,
        "ready",
        "what was known stays"
    );
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_away_at_the_start_is_an_error() {
    let fake = Fake::new("lease=1");
    fake.away(true);
    let refused = World::watch(Arc::new(fake), "lease=1".into()).await.err().unwrap();
    assert_eq!(refused.reason, Reason::Away);
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_late_do_not_undo_what_happened_since() {
    for nth in 1..=3 {
        let fake = Fake::new("lease=1");
        fake.image("busybox")
            .script("db", Script::new().after(1).healthy().after(2).exit(5));
        fake.call("inspect", nth, Reply::Late(Duration::from_secs(4)));
        let world = world_of(&fake).await;
        start(&fake).await;
        crate::wait::pause(Duration::from_secs(20)).await;
        let container = Arc::clone(world.snapshot().all().next().unwrap());
        assert_eq!(
            (container.state.as_str(), container.exit, container.settled),
            ("exited", Some(5), true),
            "{nth}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn how_a_run_ended_and_that_it_is_gone_are_known_however_much_was_told_before() {
    let (fake, world) = begin(Script::new()).await;
    let known = async || {
        world.sync().await.unwrap();
        let state = world.snapshot();
        let container = state.all().next().unwrap();
        (container.stopped, container.destroyed, container.history.len())
    };
    assert_eq!(known().await, (false, false, 2));
    for _ in 0..100 {
        fake.restart("shop-db-1", None).await.unwrap();
    }
    // More was told than is kept; the last run goes on.
    assert_eq!(known().await, (false, false, 500));
    fake.stop("shop-db-1", None).await.unwrap();
    fake.remove(ResourceKind::Container, "shop-db-1").await.unwrap();
    assert_eq!(known().await, (true, true, 500));
}

#[tokio::test(start_paused = true)]
async fn barriers_at_once_cost_two_lists() {
    let (fake, world) = begin(Script::new()).await;
    let before = fake.journal().len();
    let all = futures_util::future::join_all((0..50).map(|_| world.sync())).await;
    assert!(all.iter().all(Result::is_ok));
    let asked = fake.journal()[before..]
        .iter()
        .filter(|call| call.starts_with("containers"))
        .count();
    assert!(asked <= 2, "{asked}");
}
