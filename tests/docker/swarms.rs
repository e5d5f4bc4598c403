//! What a swarm brings along that is made of an engine and left again.

use std::path::Path;
use std::time::Duration;

use e2erun::engine::docker::Docker;
use e2erun::engine::swarm::Swarm;
use e2erun::engine::{Engine, NetworkSpec};
use e2erun::lease::{Held, Lease, Locks, SwarmEnd, leave_swarm, make_swarm};
use e2erun::wait::{Pace, every};
use tokio::time::Instant;

use super::stage::{LIMIT, Stage, here};

/// By it a swarm's containers reach the outside.
const GATEWAY: &str = "docker_gwbridge";
/// How long other tests may use the engine's swarm.
const OTHERS: Duration = Duration::from_secs(30 * 60);

/// Waits until no run uses a swarm of the engine; none begins to until what is given is dropped.
async fn alone(engine: &Docker) -> Held {
    let id = engine.info().await.unwrap().id;
    // Where the program has the lock for all users of the machine.
    let locks = Locks::of(Path::new("/var/tmp"), &id);
    let taken = || async { locks.use_swarm(|_| ()).await.unwrap().alone().unwrap().ok_or(()) };
    let pace = Pace::steady(Duration::from_secs(1));
    let taken = every(pace, Instant::now() + OTHERS, taken).await;
    taken.expect("others use the engine's swarm all the time")
}

#[tokio::test]
async fn the_network_to_the_outside_goes_with_the_swarm_that_brought_it_and_one_that_was_there_stays() {
    let _alone = alone(&Docker::connect(&here()).await.unwrap()).await;
    Stage::with(async |stage| {
        let engine = &stage.engine;
        assert_eq!(
            engine.swarm().await.unwrap(),
            None,
            "this test needs an engine that is in no swarm"
        );
        let is_there = async || {
            let networks = engine.networks(&[]).await.unwrap();
            networks.iter().any(|network| network.name == GATEWAY)
        };
        let folder = tempfile::tempdir().unwrap();
        let lease = Lease::take(folder.path(), &[]).unwrap();
        let made_and_left = async || {
            make_swarm(engine, lease.id()).await.unwrap();
            // The engine makes it a little later, and tells nobody of one of its own.
            let comes = || async { is_there().await.then_some(()).ok_or(()) };
            let comes = every(Pace::steady(Duration::from_millis(100)), Instant::now() + LIMIT, comes);
            comes.await.expect("the swarm brought no network along");
            assert_eq!(leave_swarm(engine, &lease).await, Ok(SwarmEnd::Left));
        };
        if !is_there().await {
            made_and_left().await;
            assert!(!is_there().await, "it is left behind");
            let own = NetworkSpec {
                driver: "bridge".to_owned(),
                ..stage.network(GATEWAY)
            };
            engine.create_network(&own).await.unwrap();
        }
        made_and_left().await;
        assert!(is_there().await, "it was there before");
        lease.end().unwrap();
    })
    .await;
}
