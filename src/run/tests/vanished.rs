//! Containers that go between what is known of them and the question for them.

use super::{Stage, stage};
use crate::engine::Reason;
use crate::engine::fake::Reply;

fn up(then: &str) -> Stage {
    stage(&format!("stacks: {{s: web.yml}}\nsteps:\n- up: s\n{then}"))
}

/// Runs it; how often a container was asked for.
async fn inspected(stage: Stage) -> u64 {
    stage.events().await;
    let journal = stage.fake.journal();
    journal.iter().filter(|call| call.starts_with("inspect ")).count() as u64
}

#[tokio::test(start_paused = true)]
async fn a_container_that_has_just_gone_is_no_failure_of_a_state_that_does_not_need_it() {
    let look = "- state-assert: {service: web}\n  expect: {wanted: 1}\n";
    let (without, all) = (inspected(up("")).await, inspected(up(look)).await);
    assert!(without < all, "the state-assert itself asks for no container");
    for nth in 1..=all {
        let stage = up(look).engine(|fake| {
            fake.call("inspect", nth, Reply::Fail(Reason::NotFound, "No such container"));
        });
        let told = stage.told(&stage.events().await);
        // One of the first may be of `up`.
        let (is_up, has_passed) = (told.contains("steps[1] passed"), told.contains("steps[2] passed"));
        assert!(is_up || nth <= without, "{nth} {told}");
        assert_eq!(has_passed, is_up, "{nth} {told}");
    }
}
