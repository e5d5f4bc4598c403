//! Containers that go between what is known of them and the question for them.

use super::stage;
use crate::engine::Reason;
use crate::engine::fake::Reply;

#[tokio::test(start_paused = true)]
async fn a_container_that_has_just_gone_is_no_failure_of_a_state_that_does_not_need_it() {
    for nth in 1..=8 {
        let stage =
            stage("stacks: {s: web.yml}\nsteps:\n- up: s\n- state-assert: {service: web}\n  expect: {wanted: 1}\n")
                .engine(|fake| {
                    fake.call("inspect", nth, Reply::Fail(Reason::NotFound, "No such container"));
                });
        let told = stage.told(&stage.events().await);
        assert!(!told.contains("steps[2] failed"), "{nth} {told}");
    }
}
