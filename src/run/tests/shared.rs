//! What stacks of one case share: the network of one, on which another one is.

use super::stage;
use crate::engine::Engine;

#[tokio::test(start_paused = true)]
async fn a_network_on_which_others_are_stays_when_its_stack_goes() {
    let stage = stage(
        "stacks:\n  a: a.yml\n  b: {compose: b.yml, env: {NET: \"${{ stacks.a.networks.net }}\"}}\n\
         steps:\n- up: a\n- up: b\n- down: a\n- state-assert: {service: b/web}\n  expect: {running: 1, networks: [net]}\n\
         - down: b\n- up: a\n- down: a\n",
    )
    .file("a.yml", "services: {store: {image: busybox, networks: [net]}}\nnetworks: {net: {}}\n")
    .file(
        "b.yml",
        "services: {web: {image: busybox, networks: [net]}}\nnetworks: {net: {external: true, name: \"${NET}\"}}\n",
    );
    let fake = stage.fake.clone();
    stage
        .check(
            "image `busybox` present
             steps[1] passed
             steps[2] passed
             note: network `net` of `a` stays until the scenario's end: `web` is on it
             steps[3] passed
             steps[4] passed
             steps[5] passed
             steps[6] passed
             steps[7] passed
             = passed",
        )
        .await;
    assert_eq!(fake.networks(&[]).await.unwrap(), Vec::new());
}
