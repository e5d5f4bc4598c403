//! `down` of swarm stacks, and what is left of those that are ended.

use std::time::Duration;

use super::swarm_stacks::{SHOP, check, of, swarm};
use super::{Stage, stage};
use crate::engine::Labels;
use crate::engine::fake::{Script, ToolFault};
use crate::event::What;
use crate::wait::pause;

#[tokio::test(start_paused = true)]
async fn down_leaves_nothing() {
    let file = format!("{SHOP}secrets: {{s: {{file: ./s}}}}\nconfigs: {{c: {{file: ./s}}}}\n");
    // What is kept is nothing.
    let stacks = "keep: always\nstacks: {s: {swarm: s.yml}}";
    let stage = of(stacks, &file, "deploy: s, down: s")
        .file("s", "word")
        .engine(|fake| {
            fake.script("web", Script::new().ignores_term());
        });
    check(
        stage,
        "steps[1] passed\nsteps[2] passed\nthen[1] passed\n\
         note: `web` went on after SIGTERM and was killed 10s later, 2 times: the first process of a container ignores a signal that it does not handle (`init: true`, `exec` before the program in a shell's line, or another `stop_signal` helps); what needs longer has `stop_grace_period`\n\
         kept\n= passed",
    )
    .await;
}

/// The agent's own delay of two seconds is for those whose containers run when it hears of their end.
#[tokio::test(start_paused = true)]
async fn containers_are_stopped_with_their_own_grace_as_their_services_go() {
    let file = |grace: &str| format!("services: {{web: {{image: busybox, deploy: {{replicas: 3}}{grace}}}}}");
    for (grace, script, most) in [
        ("", Script::new(), 1000),
        (", stop_grace_period: 3s", Script::new().ignores_term(), 4000),
    ] {
        let stage = swarm(&file(grace), "deploy: s, down: s").engine(|fake| {
            fake.script("web", script);
        });
        let events = stage.events().await;
        let took = events.iter().find_map(|event| match &event.what {
            What::StepEnded { step, seconds, .. } if step.kind == "down" => Some(*seconds),
            _ => None,
        });
        assert!(
            took.is_some_and(|took| took * 1000.0 < f64::from(most)),
            "{grace}: {took:?}"
        );
        stage.fake.assert_clean();
    }
}

#[tokio::test(start_paused = true)]
async fn ended_at_any_time_it_leaves_nothing() {
    let tools = [
        ToolFault::None,
        ToolFault::Slow(Duration::from_secs(2)),
        ToolFault::Orphan,
        ToolFault::DiesAfter(1),
    ];
    for tool in tools {
        for at in [0, 1, 50, 100, 150, 500, 2500] {
            let stage = swarm(SHOP, "deploy: {stack: s, stable-for: 10s}").interrupted_at(at);
            stage.fake.tool_fault(tool.clone());
            stage.fake.script("db", Script::new().ignores_term());
            stage.events().await;
            // What goes on although nobody waits for it has its time, too.
            pause(Duration::from_secs(60)).await;
            assert_eq!(stage.fake.complaints(), Vec::<String>::new(), "{tool:?} {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn down_tells_at_its_limit_what_still_runs() {
    let file = "services: {web: {image: busybox, stop_grace_period: 60s}}";
    let stays = |stage: Stage| {
        stage.file("s.yml", file).engine(|fake| {
            fake.in_swarm(Labels::new());
            fake.script("web", Script::new().ignores_term());
        })
    };
    for (stack, up) in [("{swarm: s.yml}", "deploy"), ("s.yml", "up")] {
        let stage = stays(stage(&format!(
            "stacks: {{s: {stack}}}\nsteps: [{up}: s, {{down: s, timeout: 5s}}]\n"
        )));
        let told = stage.told(&stage.events().await);
        let expected = "steps[2] failed: `s` was not gone within 5s -> `web` still runs\n";
        assert!(told.contains(expected), "{told}");
        stage.fake.assert_clean();
    }
}
