//! What a scenario declares beside its stacks is made before its first step, and goes with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Stage, stage};
use crate::engine::fake::{Reply, Script};
use crate::engine::{Engine, Reason, ResourceKind};
use crate::host::{Host, NoGroups, RealHost};

fn calls(stage: &Stage, beginning: &str) -> Vec<String> {
    let journal = stage.fake.journal().into_iter();
    journal.filter(|call| call.starts_with(beginning)).collect()
}

#[tokio::test(start_paused = true)]
async fn networks_and_volumes_are_there_before_the_first_step_and_their_names_known() {
    let stage = stage(
        "networks: {front: {}, back: {labels: {team: shop}}}\nvolumes: {plain: {driver: local}}\n\
         steps:\n\
         - assert: networks.front == 'testrun-1-1_front' and volumes.plain == 'testrun-1-1_plain'\n\
         - {state-assert: {network: back}, expect: {exists: true, driver: bridge, labels: {includes: {team: shop}}}}\n\
         - {state-assert: {volume: plain}, expect: {exists: true}}\n\
         - {run: {image: busybox, command: serve, networks: {back: {aliases: [desk]}}, volumes: ['plain:/data'], background: files}}\n\
         - {state-assert: {network: nowhere}, expect: {exists: false}}\n",
    );
    stage
        .check(
            "steps[1] passed
             steps[2] passed
             steps[3] passed
             steps[4] passed
             steps[5] passed
             = passed",
        )
        .await;
    assert_eq!(
        calls(&stage, "create_"),
        [
            "create_network testrun-1-1_front",
            "create_network testrun-1-1_back",
            "create_volume testrun-1-1_plain"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_engine_refuses_keeps_the_steps_from_being_reached() {
    stage("networks: {front: overlay}\nsteps: [assert: 1 == 1]\nthen: [assert: 1 == 1]\n")
        .engine(|fake| {
            let answer = "This node is not a swarm manager.";
            fake.call("create_network", 1, Reply::Fail(Reason::Other, answer));
        })
        .check(
            "steps[1] skipped: not reached: what the scenario declares or expects is not there
             then[1] skipped: not reached: what the scenario declares or expects is not there
             = errored: cannot create_network `testrun-1-1_front`: This node is not a swarm manager.
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn of_services_whose_names_are_computed_what_nobody_gives_is_told_by_up() {
    let stage = stage(
        "stacks: {s: vault.yml}\nsteps:\n- {http: 'http://x/web', save: {name: body}}\n- {http: 'http://x/db', save: {other: body}}\n\
         - {up: {stack: s, services: ['${{ other }}']}}\n- {up: {stack: s, services: ['${{ name }}']}}\n",
    )
    .file(
        "vault.yml",
        "services: {web: {image: busybox, secrets: [word]}, db: {image: busybox}}\nsecrets: {word: {external: true}}\n",
    );
    stage
        .check(
            "image `busybox` present
             steps[1] passed
             steps[2] passed
             steps[3] passed
             steps[4] errored: the secret `word` is external: no compose tool gives a service what is external
             = errored
             exit 3",
        )
        .await;
}

// On the real clock: a paused one runs to the limits of a real process while that works.
#[tokio::test]
async fn a_secret_is_a_file_while_the_case_lasts_and_told_nowhere() {
    let stage = stage(
        "secrets: {word: {content: 'open sesame'}}\nstacks: {s: vault.yml}\n\
         steps:\n\
         - up: s\n\
         - {name: \"says ${{ secrets.word }}\", file-assert: \"${{ scenario.dir }}/hidden/testrun-1-1/secret-word\", expect: {text: open sesame, mode: '0444'}}\n\
         - {shell: \"echo ${{ secrets.word }}\", expect: {stdout: other}}\n",
    )
    .file("vault.yml", "services: {web: {image: busybox, secrets: [word]}}\nsecrets: {word: {external: true}}\n");
    let events = stage.events().await;
    let told = serde_json::to_string(&events).unwrap();
    assert!(!told.contains("sesame") && told.contains("says ***"), "{told}");
    let told = stage.told(&events);
    assert!(
        told.contains("steps[2] passed") && told.contains("steps[3] failed"),
        "{told}"
    );
    let case = stage.folder.path().join("results/001-one");
    let copy = std::fs::read_to_string(case.join("stacks/s/vault.yml")).unwrap();
    assert!(
        copy.contains("/hidden/testrun-1-1/secret-word") && !copy.contains("external"),
        "{copy}"
    );
    assert!(!stage.folder.path().join("hidden/testrun-1-1").exists());
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_run_with_options_is_made_by_the_compose_tool_and_is_as_any_other() {
    let stage = stage(
        "steps:\n- {run: {image: busybox, command: [work], options: {cap_add: [NET_ADMIN], init: true}}, expect: {stdout: done, exit: 3}}\n",
    )
    .engine(|fake| {
        fake.script("e2erun-run", Script::new().after(1).out("done\n").exit(3));
    });
    stage
        .check(
            "steps[1] passed
             = passed",
        )
        .await;
    // It is of no service: its log is called by its step.
    let logs = std::fs::read_dir(stage.folder.path().join("results/001-one/logs")).unwrap();
    let logs: Vec<_> = logs
        .map(|log| log.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(logs, ["steps-1-run-busybox-work.log"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_run_reads_is_written_to_it() {
    let stage = stage("steps:\n- {run: {image: busybox, command: [cat], stdin: \"some text\"}}\n").engine(|fake| {
        fake.script("busybox", Script::new().exit(0));
    });
    stage
        .check(
            "steps[1] passed
             = passed",
        )
        .await;
    let started = calls(&stage, "start_with");
    assert!(
        matches!(started.as_slice(), [one] if one.ends_with(" some text")),
        "{started:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn why_a_volume_cannot_be_filled_is_told_though_its_container_stays_as_well() {
    let program = RealHost::new(Arc::new(NoGroups)).program().await.unwrap();
    let stage = stage("volumes: {seed: {from: ./data}}\nsteps: [assert: 'true']\n")
        .file("data/a", "x")
        .engine(|fake| {
            fake.image(&crate::step::inside::image(&program));
            fake.call("write_archive", 1, Reply::Fail(Reason::Other, "no space left"));
            fake.call("remove", 1, Reply::Fail(Reason::Other, "stuck"));
        });
    let told = stage.told(&stage.events().await);
    assert!(told.contains("no space left") && !told.contains("stuck"), "{told}");
    stage.fake.assert_clean();
}

/// What the making of a network is to the case that declares it, where it takes the engine half a minute.
async fn check_slow(stage: Stage, expected: &str) {
    let begun = Instant::now();
    let stage = stage.engine(|fake| {
        fake.call("create_network", 1, Reply::Late(Duration::from_secs(30)));
    });
    let told = stage.told(&stage.events().await);
    assert!(told.contains(expected), "{told}");
    // What was under way is waited for, so that it can be removed; the next one was not begun.
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert_eq!(calls(&stage, "create_network"), ["create_network testrun-1-1_front"]);
    stage.fake.assert_clean();
}

const SLOW: &str = "networks: {front: {}, back: {}}\nsteps: [assert: 'true']\n";

#[tokio::test(start_paused = true)]
async fn an_interruption_ends_the_making_of_what_is_declared() {
    let told = "steps[1] skipped: not reached: the scenario was ended\n= errored: interrupted\ninterrupted\n";
    check_slow(stage(SLOW).interrupted_at(5000), told).await;
}

#[tokio::test(start_paused = true)]
async fn so_does_the_scenario_s_own_limit() {
    let told = "steps[1] skipped: not reached: the scenario was ended\n= errored: the scenario did not end within 5s\n";
    check_slow(stage(&format!("timeout: 5s\n{SLOW}")), told).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_container_somebody_removes_says_so() {
    let stage = stage("steps: [run: {image: busybox, command: [serve]}]\n");
    let fake = stage.fake.clone();
    let removal = tokio::spawn(async move {
        crate::wait::pause(Duration::from_secs(3)).await;
        for name in fake.names() {
            fake.remove(ResourceKind::Container, &name).await.unwrap();
        }
    });
    stage
        .check(
            "steps[1] failed: its container was removed before its output was read
             = failed
             exit 1",
        )
        .await;
    removal.await.unwrap();
}

/// A stage with a volume and this program's image, through which it is looked into.
async fn with_a_volume(steps: &str) -> Stage {
    let program = RealHost::new(Arc::new(NoGroups)).program().await.unwrap();
    stage(&format!("volumes: {{data: {{}}}}\nsteps: [{steps}]\n")).engine(|fake| {
        let reference = crate::step::inside::image(&program);
        fake.image(&reference);
        fake.script(&reference, Script::new().file("/volume/a", "x"));
    })
}

#[tokio::test(start_paused = true)]
async fn why_a_volume_cannot_be_looked_into_is_told_though_the_container_for_it_stays_as_well() {
    for (step, call) in [
        ("copy: {content: x, to: 'volume:data:/a'}", "write_archive"),
        ("copy: {from: 'volume:data:/a', to: ./a}", "read_archive"),
        ("file-assert: 'volume:data:/a'", "stat"),
        ("file-assert: 'volume:data:/a'", "read_archive"),
    ] {
        let stage = with_a_volume(step).await.engine(|fake| {
            fake.call(call, 1, Reply::Fail(Reason::Other, "no such luck"));
            fake.call("remove", 1, Reply::Fail(Reason::Other, "stuck"));
        });
        let told = stage.told(&stage.events().await);
        assert!(told.contains("no such luck") && !told.contains("stuck"), "{told}");
        stage.fake.assert_clean();
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_cannot_be_looked_at_does_not_keep_its_volume() {
    let stage = with_a_volume("copy: {content: x, to: 'volume:data:/a'}")
        .await
        .engine(|fake| {
            fake.call("inspect", 1, Reply::Fail(Reason::Other, "no such luck"));
        });
    let told = stage.told(&stage.events().await);
    assert!(
        told.contains("steps[1] errored: ") && told.contains("no such luck"),
        "{told}"
    );
    let journal = stage.fake.journal();
    let at = |beginning: &str| journal.iter().position(|call| call.starts_with(beginning));
    // At once, and not only when all of the case is listed and removed.
    assert!(at("remove ").unwrap() < at("labelled ").unwrap(), "{journal:?}");
    stage.fake.assert_clean();
}
