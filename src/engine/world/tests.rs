//! The world against the fake engine: what is known, when waits end, and what lost events cost.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Becomes, Verdict, Waited, Wanted, World, readiness};
use crate::engine::fake::{EventFault, Fake, Reply, Script};
use crate::engine::{ContainerSpec, Engine, Labels, Reason, ResourceKind};

fn labels(service: &str) -> Labels {
    let pairs = [
        ("lease", "1"),
        ("com.docker.compose.project", "shop"),
        ("com.docker.compose.service", service),
        ("com.docker.compose.container-number", "1"),
        ("com.docker.compose.oneoff", "False"),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

async fn world_of(fake: &Fake) -> World {
    World::watch(Arc::new(fake.clone()), "lease=1".into()).await.unwrap()
}

/// An engine with a service by that script, started, and its world.
async fn begin(script: Script) -> (Fake, World) {
    let fake = Fake::new("lease=1");
    fake.image("busybox").script("db", script);
    let world = world_of(&fake).await;
    start(&fake).await;
    (fake, world)
}

async fn start(fake: &Fake) -> String {
    let spec = ContainerSpec {
        name: "shop-db-1".into(),
        image: "busybox".into(),
        labels: labels("db"),
        ..Default::default()
    };
    let id = fake.create(&spec).await.unwrap();
    fake.start(&id).await.unwrap();
    id
}

fn in_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

fn wanted(becomes: Becomes) -> Vec<Wanted> {
    vec![Wanted {
        service: "db".into(),
        replicas: 1,
        becomes,
        optional: false,
    }]
}

/// Waits for readiness; gives the verdict (or the limit) and the second at which it came.
async fn wait_for(world: &World, becomes: Becomes, limit: u64) -> (String, u64) {
    let begun = Instant::now();
    let mut last = String::new();
    let waited = world.until(
        |state| match readiness(state, "shop", &wanted(becomes), |_| true) {
            Verdict::Ready => Some("ready".to_owned()),
            Verdict::Dead(dead) => Some(format!("{} {}", dead[0].service, dead[0].why)),
            Verdict::NotYet(seen) => {
                last = seen.join("; ");
                None
            }
        },
        in_seconds(limit),
    );
    let said = match waited.await {
        Ok(said) => said,
        Err(Waited::Limit) => format!("limit: {last}"),
        Err(Waited::EngineAway(error)) => format!("away: {error}"),
    };
    (said, begun.elapsed().as_secs())
}

async fn check(script: Script, becomes: Becomes, expected: (&str, u64)) {
    let (_fake, world) = begin(script).await;
    let (said, second) = wait_for(&world, becomes, 30).await;
    assert_eq!((said.as_str(), second), expected);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_it_is_so_or_can_no_longer_become_so() {
    use Becomes::{Completed, Healthy, Running};
    let new = Script::new;
    check(new(), Running, ("ready", 0)).await;
    check(new(), Healthy, ("ready", 0)).await;
    check(new().after(2).healthy(), Healthy, ("ready", 2)).await;
    check(new().after(2).healthy(), Running, ("ready", 0)).await;
    check(new().after(2).unhealthy("no"), Healthy, ("db is unhealthy", 2)).await;
    check(
        new().after(2).healthy().after(1).exit(3),
        Healthy,
        ("db exited with code 3", 1),
    )
    .await;
    check(
        new().after(3).oom().after(9).healthy(),
        Healthy,
        ("db was killed for its memory", 3),
    )
    .await;
    check(new().after(4).exit(0), Completed, ("ready", 4)).await;
    check(new().after(4).exit(1), Completed, ("db exited with code 1", 4)).await;
    check(new().after(1).healthy().after(4).exit(0), Completed, ("ready", 4)).await;
    check(new(), Completed, ("limit: `db` is still running", 30)).await;
    check(
        new().after(50).healthy(),
        Healthy,
        ("limit: `db` is running (health: starting)", 30),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn restarts_are_waited_for_counted_and_shown() {
    let crash = || Script::new().restart("on-failure", 3).after(1).exit(7);
    let then_good = crash().then(Script::new().after(2).healthy());
    check(then_good, Becomes::Healthy, ("ready", 3)).await;
    check(
        crash().after(9).healthy(),
        Becomes::Healthy,
        ("db exited with code 7 after 3 restarts", 4),
    )
    .await;
    let for_ever = Script::new().restart("always", 0).after(1).exit(7).after(9).healthy();
    let (_fake, world) = begin(for_ever).await;
    let seen = wait_for(&world, Becomes::Healthy, 2).await.0;
    assert_eq!(
        seen,
        "limit: `db` is running (health: starting, 1 restart, last exit code 7)"
    );
    crate::wait::pause(Duration::from_millis(300)).await;
    let state = world.snapshot();
    let seen = readiness(&state, "shop", &wanted(Becomes::Healthy), |_| true);
    assert_eq!(
        seen,
        Verdict::NotYet(vec!["`db` is restarting (2 restarts, last exit code 7)".into()])
    );
}

/// On a busy machine the first question is answered after that: whether it is started again is not known before.
#[tokio::test(start_paused = true)]
async fn what_ends_before_the_engine_was_heard_of_it_is_not_over_yet() {
    for (policy, expected) in [("on-failure", "ready"), ("no", "db exited with code 7")] {
        let script = Script::new().restart(policy, 3).after(1).exit(7).then(Script::new());
        let fake = Fake::new("lease=1");
        fake.image("busybox").script("db", script);
        fake.call("inspect", 1, Reply::Late(Duration::from_secs(4)));
        let world = world_of(&fake).await;
        start(&fake).await;
        crate::wait::pause(Duration::from_millis(1050)).await;
        let seen = readiness(&world.snapshot(), "shop", &wanted(Becomes::Running), |_| true);
        assert!(matches!(seen, Verdict::NotYet(_)), "{policy} {seen:?}");
        crate::wait::pause(Duration::from_secs(10)).await;
        assert_eq!(wait_for(&world, Becomes::Running, 30).await.0, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_killed_by_a_user_is_not_waited_for_whatever_its_policy() {
    let (fake, world) = begin(Script::new().restart("always", 0).after(9).healthy()).await;
    fake.kill("shop-db-1", "KILL").await.unwrap();
    assert_eq!(
        wait_for(&world, Becomes::Healthy, 30).await,
        ("db exited with code 137".into(), 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_begins_late_misses_nothing() {
    let (fake, world) = begin(
        Script::new()
            .restart("on-failure", 0)
            .after(1)
            .exit(7)
            .then(Script::new()),
    )
    .await;
    crate::wait::pause(Duration::from_secs(5)).await;
    fake.stop("shop-db-1", None).await.unwrap();
    fake.remove(ResourceKind::Container, "shop-db-1").await.unwrap();
    world.sync().await.unwrap();
    let state = world.snapshot();
    let container = Arc::clone(state.all().next().unwrap());
    let exits: Vec<_> = container.runs.iter().map(|run| run.ended.unwrap().exit).collect();
    assert_eq!((exits, container.removed), (vec![Some(7), Some(143)], true));
    let history: Vec<_> = container
        .history
        .iter()
        .map(|happened| happened.what.as_str())
        .collect();
    let told = [
        "create",
        "start",
        "die (exitCode 7)",
        "start",
        "kill (signal 15)",
        "die (exitCode 143)",
        "stop",
        "destroy",
    ];
    assert_eq!(history, told);
    assert_eq!(state.history_of("lease", "1").len(), 8);
    assert!(state.of_service("shop", "db").is_empty());
    assert_eq!(state.ever_of_service("shop", "db").len(), 1);
    world.forget("lease", "1");
    world.sync().await.unwrap();
    assert_eq!(world.snapshot().all().count(), 0);
}

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
async fn a_predicate_is_asked_at_once_even_after_the_deadline() {
    let (_fake, world) = begin(Script::new()).await;
    world.sync().await.unwrap();
    let waited = world
        .until(|state| state.present().next().map(|it| it.name.clone()), Instant::now())
        .await;
    assert_eq!(waited, Ok("shop-db-1".into()));
    let none: Result<(), _> = world.until(|_| None, Instant::now()).await;
    assert_eq!(none, Err(Waited::Limit));
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

#[tokio::test(start_paused = true)]
async fn a_task_has_the_tasks_name_whatever_its_image_says() {
    let fake = Fake::new("lease=1");
    fake.image("busybox");
    let world = world_of(&fake).await;
    let of_swarm = [
        ("com.docker.stack.namespace", "shop"),
        ("com.docker.swarm.service.name", "shop_web"),
        ("com.docker.swarm.task.id", "x1"),
        ("com.docker.swarm.task.name", "shop_web.2.x1"),
    ];
    let mut both = labels("db");
    both.extend(of_swarm.map(|(name, value)| (name.to_owned(), value.to_owned())));
    // The task, one of a compose tool from an image of it, and one of nobody's.
    for name in ["shop_web.2.x1", "shop-db-1", "other"] {
        let spec = ContainerSpec {
            name: name.into(),
            image: "busybox".into(),
            labels: both.clone(),
            ..Default::default()
        };
        fake.start(&fake.create(&spec).await.unwrap()).await.unwrap();
    }
    world.sync().await.unwrap();
    let state = world.snapshot();
    let seen: Vec<_> = state
        .all()
        .map(|it| (&*it.name, &*it.service, it.number, it.task.is_some()))
        .collect();
    assert_eq!(seen.len(), 3);
    for (name, expected) in [("shop_web.2.x1", ("web", 2, true)), ("shop-db-1", ("db", 1, false))] {
        let found = seen
            .iter()
            .find(|(found, ..)| *found == name)
            .map(|(_, service, number, task)| (*service, *number, *task));
        assert_eq!(found, Some(expected), "{name}");
    }
    assert_eq!(state.of_service("shop", "web").len(), 1);
}
