//! The world against the fake engine: what is known, when waits end, and what lost events cost.

mod feed;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Becomes, Verdict, Waited, Wanted, World, readiness};
use crate::engine::fake::{Fake, Reply, Script};
use crate::engine::{ContainerSpec, Engine, Labels, ResourceKind};

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
