//! The swarm that scenarios ask for.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{RUN, Stage, stage};
use crate::engine::fake::Reply;
use crate::engine::{Labels, Reason, Swarm, ToolEnd};
use crate::lease::SWARM;

const ASKS: &str = "cluster: {swarm: true}\nrequires: {swarm: true}\nsteps: [assert: engine.swarm]\n";

fn marked() -> Labels {
    [(SWARM.to_owned(), "killed".to_owned())].into()
}

/// How often the engine was asked for something, and whether it is in a swarm.
async fn check_engine(stage: &Stage, expected: (usize, usize, bool)) {
    let journal = stage.fake.journal();
    let count = |word: &str| journal.iter().filter(|call| *call == word).count();
    let found = (
        count("swarm_init"),
        count("swarm_leave"),
        stage.fake.swarm().await.unwrap().is_some(),
    );
    assert_eq!(found, expected, "{journal:?}");
}

#[tokio::test(start_paused = true)]
async fn it_is_made_once_before_the_first_and_left_after_the_last() {
    let stage = stage(ASKS).scenario("two", ASKS);
    stage
        .check("1: steps[1] passed\n1: = passed\n2: steps[1] passed\n2: = passed")
        .await;
    check_engine(&stage, (1, 1, false)).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_not_made_for_who_only_requires_one_or_is_skipped() {
    let skipped = "cluster: {swarm: true}\nskip: [{reason: no time}]\nsteps: [assert: 'true']\n";
    let stage = stage("requires: {swarm: true}\nsteps: [assert: 'true']\n").scenario("two", skipped);
    stage
        .check("1: = skipped: requires an engine in a swarm\n2: = skipped: no time")
        .await;
    check_engine(&stage, (0, 0, false)).await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_of_a_swarm_is_no_manager_and_cannot_be_made_one() {
    let stage = |body: &str| {
        stage(body).engine(|fake| {
            let part = Reply::Fail(Reason::Other, "This node is already part of a swarm.");
            for nth in 1..=100 {
                fake.as_worker().call("swarm_init", nth, part.clone());
            }
        })
    };
    stage("requires: {swarm: true}\nsteps: [assert: 'true']\n")
        .check("= skipped: requires a manager of a swarm, and the engine is none")
        .await;
    let asks = stage(ASKS);
    let told = format!("{:?}", asks.events().await);
    assert!(told.contains("no manager of it: name a manager with"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_there_is_used_and_stays() {
    let stage = stage(ASKS).engine(|fake| {
        fake.in_swarm(Labels::new());
    });
    stage.check_told("steps[1] passed\n= passed").await;
    check_engine(&stage, (0, 0, true)).await;
}

#[tokio::test(start_paused = true)]
async fn one_of_a_killed_run_is_left_by_the_next() {
    let stage = stage("steps: [assert: 'true']\n").engine(|fake| {
        fake.in_swarm(marked());
    });
    stage.check("steps[1] passed\n= passed").await;
    check_engine(&stage, (0, 1, false)).await;
}

#[tokio::test(start_paused = true)]
async fn it_stays_while_another_run_uses_it() {
    let stage = stage(ASKS);
    let other = crate::lease::Locks::of(stage.folder.path(), "fake");
    let using = other.use_swarm(|_| ()).await.unwrap();
    stage.check_told("steps[1] passed\n= passed").await;
    check_engine(&stage, (1, 0, true)).await;
    assert!(using.alone().unwrap().is_some());
}

/// A stage whose engine's swarm another run is leaving, and goes on with that.
async fn being_left() -> (Stage, crate::lease::Held) {
    let stage = stage("steps: [assert: 'true']\n");
    let other = crate::lease::Locks::of(stage.folder.path(), "fake");
    let using = other.use_swarm(|_| ()).await.unwrap();
    let alone = using.alone().unwrap().unwrap();
    (stage, alone)
}

const WAITS: &str =
    "note: this run waits for another run of e2erun on this machine, which is leaving the engine's swarm";

#[tokio::test(start_paused = true)]
async fn who_hangs_in_leaving_it_is_told_and_not_waited_for_for_ever() {
    let (stage, _alone) = being_left().await;
    let told = stage.told(&stage.events().await);
    assert!(told.starts_with(WAITS), "{told}");
    assert!(
        told.contains("stays at the end") && told.contains("locked for 5 minutes"),
        "{told}"
    );
    assert!(told.ends_with("steps[1] passed\n= passed\n"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn an_interruption_ends_the_waiting_for_who_is_leaving_it() {
    let (stage, _alone) = being_left().await;
    let stage = stage.interrupted_at(5000);
    let begun = Instant::now();
    let told = stage.told(&stage.events().await);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(told.starts_with(WAITS) && told.contains("interrupted"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_refuses_is_an_error() {
    let stage = stage(ASKS).engine(|fake| {
        let taken = Reply::Fail(Reason::Other, "listen tcp 127.0.0.1:2377: bind: address already in use");
        for nth in 1..=100 {
            fake.call("swarm_init", nth, taken.clone());
        }
    });
    let told = format!("{:?}", stage.events().await);
    assert!(told.contains("the engine is not made a swarm: "), "{told}");
    assert!(told.contains("free them, or make a swarm yourself"), "{told}");
    stage.fake.assert_clean();
}

const WANTS_NONE: &str = "requires: {swarm: false}\nsteps: [assert: 'true', shell: sleep 0.2]\n";

#[tokio::test]
async fn who_wants_none_is_skipped_once_another_case_has_asked_for_one() {
    let stage = stage(ASKS).scenario("two", WANTS_NONE);
    stage
        .check(
            "1: steps[1] passed
             1: = passed
             2: = skipped: requires an engine that is in no swarm",
        )
        .await;
    check_engine(&stage, (1, 1, false)).await;
}

#[tokio::test]
async fn none_is_made_while_a_case_runs_that_wants_none() {
    let stage = stage(WANTS_NONE).scenario("two", ASKS).jobs(2);
    stage
        .check(
            "1: steps[1] passed
             1: steps[2] passed
             1: = passed
             2: steps[1] passed
             2: = passed",
        )
        .await;
    check_engine(&stage, (1, 1, false)).await;
}

/// A scenario that asks for the routing mesh, on a manager on which the service is made that is asked for it.
fn asks_for_the_mesh() -> Stage {
    stage("requires: {routing-mesh: true}\nsteps: [assert: 'true']\n").engine(|fake| {
        let done = ToolEnd {
            exit: Some(0),
            ..ToolEnd::default()
        };
        fake.in_swarm(Labels::new())
            .tool_answer("import", done.clone())
            .tool_answer("service create", done);
    })
}

/// The same with a service that publishes a port.
fn has_service_at(port: u16) -> Stage {
    asks_for_the_mesh().engine(|fake| {
        let labels = json!({"e2erun.case": format!("{RUN}-mesh"), "e2erun.lease": RUN});
        fake.make_service(json!({
            "Name": "asked",
            "Labels": labels,
            "TaskTemplate": {"ContainerSpec": {"Image": "busybox", "Labels": labels}},
            "EndpointSpec": {"Ports": [{"TargetPort": 8080, "PublishedPort": port}]},
        }));
    })
}

#[tokio::test(start_paused = true)]
async fn there_is_a_routing_mesh_where_somebody_answers() {
    has_service_at(30_000).check("steps[1] passed\n= passed").await;
    let none = "= skipped: requires the routing mesh, and this kernel has no IPVS";
    has_service_at(9).check(none).await;
}

#[tokio::test(start_paused = true)]
async fn whether_there_is_a_mesh_is_not_asked_again_of_an_engine_that_refuses() {
    let stage = asks_for_the_mesh().engine(|fake| {
        fake.call("tasks", 1, Reply::Fail(Reason::Other, "no such thing here"));
    });
    let begun = Instant::now();
    let told = stage.told(&stage.events().await);
    let expected = "= errored: whether the routing mesh works cannot be found out: ";
    assert!(
        told.starts_with(expected) && told.contains("no such thing here"),
        "{told}"
    );
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_second_interruption_leaves_it_too() {
    let slow = format!("{ASKS}cleanup: [{{http: 'http://x/late', within: 200s}}]\n");
    let slow = || {
        let stage = stage(&slow).answers("late", &[(0, 500, "no")]);
        stage.interrupted_at(5000).interrupted_at(6000)
    };
    let ended = "steps[1] passed\ncleanup[1] errored: interrupted\n= errored";
    let stage = slow();
    stage.check_told(&format!("{ended}\ninterrupted\nexit 130")).await;
    check_engine(&stage, (1, 1, false)).await;
    // Of an engine that does not answer it is told what stays.
    let stage = slow().engine(|fake| {
        fake.call("swarm_leave", 1, Reply::Hang);
    });
    let begun = Instant::now();
    let events = stage.events().await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let told = format!("{events:?}");
    let why = "the swarm that e2erun made of this engine is not ended: leaving it did not end within 10s";
    assert!(told.contains(why) && told.contains("gc` ends it"), "{told}");
}
