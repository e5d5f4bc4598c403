//! Whatever goes wrong and whenever it is ended: the run ends, and nothing is left.

use std::time::Duration;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{collection::vec, option};

use super::{Stage, stage};
use crate::engine::fake::{EventFault, Reply, Script, ToolFault};
use crate::engine::{Labels, Reason};
use crate::event::What;

/// What a scenario has and does.
struct Kind {
    stacks: &'static str,
    file: &'static str,
    steps: [&'static str; 6],
}

static COMPOSE: Kind = Kind {
    stacks: "{s: s.yml, t: s.yml}",
    file: "services:
  web: {image: busybox, depends_on: {db: {condition: service_healthy}}, ports: ['80']}
  db: {image: busybox, healthcheck: {test: x}, volumes: ['data:/data'], networks: [default, back]}
networks: {back: {}}
volumes: {data: {}}
",
    steps: [
        "up: s",
        "{up: {stack: t, services: [db]}, timeout: 10s}",
        "down: s",
        "{parallel: {a: [up: s], b: [{up: t, soft: true}]}}",
        "{http: 'http://x/a', holds-for: 3s}",
        "{assert: \"containers('s/db') | length == 1\", within: 4s}",
    ],
};

static SWARM: Kind = Kind {
    stacks: "{s: {swarm: s.yml}, t: {swarm: s.yml}}",
    file: "services:
  web: {image: busybox, deploy: {replicas: 2, update_config: {failure_action: rollback}}}
  db: {image: busybox, networks: [default, back], deploy: {restart_policy: {delay: 1s}}}
networks: {back: {}}
",
    steps: [
        "{deploy: s, soft: true}",
        "{deploy: {stack: t, may-fail: 0}, timeout: 10s}",
        "down: s",
        "{parallel: {a: [deploy: s], b: [{deploy: t, soft: true}]}}",
        "deploy: s, {scale: {service: s/web, replicas: 3}, timeout: 8s, soft: true}",
        "deploy: s, {update: {service: s/web, env: {A: '2'}}, timeout: 20s}",
    ],
};

/// A fault of the fake engine.
#[derive(Debug, Clone)]
enum Wrong {
    Call(&'static str, u64, Reply),
    Event(usize, EventFault),
    Tool(ToolFault),
    Cut(u64),
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        Just(Reply::Fail(Reason::Other, "boom")),
        Just(Reply::Fail(Reason::Conflict, "busy")),
        (0..5000_u64).prop_map(|by| Reply::Late(Duration::from_millis(by))),
    ]
}

fn wrong() -> impl Strategy<Value = Wrong> {
    let methods = prop_oneof![
        Just("kill"),
        Just("remove"),
        Just("labelled"),
        Just("inspect"),
        Just("networks"),
        Just("volumes"),
        Just("stop"),
        Just("logs"),
        Just("tool"),
        Just("services"),
        Just("tasks"),
        Just("change_service"),
    ];
    let event = prop_oneof![Just(EventFault::Lost), Just(EventFault::Doubled), Just(EventFault::Cut)];
    let tool = prop_oneof![
        Just(ToolFault::None),
        Just(ToolFault::Fails(1, "port is already allocated")),
        Just(ToolFault::Fails(1, "boom")),
        (0..3_usize).prop_map(ToolFault::DiesAfter),
        Just(ToolFault::Orphan),
    ];
    prop_oneof![
        3 => (methods, 1..6_u64, reply()).prop_map(|(method, nth, reply)| Wrong::Call(method, nth, reply)),
        1 => ((2..5_u64), reply()).prop_map(|(nth, reply)| Wrong::Call("containers", nth, reply)),
        1 => Just(Wrong::Call("kill", 1, Reply::Hang)),
        2 => (1..30_usize, event).prop_map(|(nth, fault)| Wrong::Event(nth, fault)),
        2 => tool.prop_map(Wrong::Tool),
        1 => (0..20_000_u64).prop_map(Wrong::Cut),
    ]
}

/// What a container does: healthy after a while or never, ended after another, started again or not.
fn script() -> impl Strategy<Value = Script> {
    let times = (
        option::of(0..8000_u64),
        option::of(0..8000_u64),
        any::<bool>(),
        any::<bool>(),
    );
    times.prop_map(|(healthy, ended, again, ignores)| {
        let mut script = Script::new();
        if let Some(at) = healthy {
            script = script.after_ms(at).healthy();
        }
        if let Some(at) = ended {
            script = script.after_ms(at).exit(1);
        }
        if again {
            script = script.restart("on-failure", 2);
        }
        if ignores {
            script = script.ignores_term();
        }
        script
    })
}

fn staged(kind: &Kind, steps: &[usize], scripts: &[Script], wrongs: Vec<Wrong>, interrupts: &[u64]) -> Stage {
    let list: Vec<&str> = steps.iter().map(|step| kind.steps[*step]).collect();
    let body = format!(
        "retries: 1\ntimeout: 40s\nstacks: {}\nsteps: [{}, assert: 'true']\ncleanup: [down: t]\n",
        kind.stacks,
        list.join(", ")
    );
    let mut stage = stage(&body).scenario("two", &body).file("s.yml", kind.file).jobs(2);
    stage.fake.in_swarm(Labels::new());
    for at in interrupts {
        stage = stage.interrupted_at(*at);
    }
    for (service, script) in ["web", "db"].iter().zip(scripts) {
        stage.fake.script(service, script.clone());
    }
    for wrong in wrongs {
        match wrong {
            Wrong::Call(method, nth, reply) => drop(stage.fake.call(method, nth, reply)),
            Wrong::Event(nth, fault) => drop(stage.fake.event(nth, fault)),
            Wrong::Tool(fault) => drop(stage.fake.tool_fault(fault)),
            Wrong::Cut(after) => {
                let fake = stage.fake.clone();
                tokio::spawn(async move {
                    crate::wait::pause(Duration::from_millis(after)).await;
                    fake.cut_events();
                });
            }
        }
    }
    stage
}

/// Runs it, and looks whether something is left.
fn check(kind: &Kind, steps: &[usize], scripts: &[Script], wrongs: Vec<Wrong>, mut interrupts: Vec<u64>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        interrupts.sort_unstable();
        let stage = staged(kind, steps, scripts, wrongs, &interrupts);
        let hour = Duration::from_secs(3600);
        let events = tokio::time::timeout(hour, stage.events()).await.expect("it ends");
        assert!(matches!(events.last().unwrap().what, What::RunEnded { .. }));
        // What goes on although nobody waits for it has its time, too.
        crate::wait::pause(Duration::from_secs(300)).await;
        assert_eq!(stage.fake.complaints(), Vec::<String>::new(), "{}", stage.told(&events));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_run_ends_and_the_world_is_empty(
        steps in vec(0..COMPOSE.steps.len(), 1..5),
        scripts in vec(script(), 2),
        wrongs in vec(wrong(), 0..4),
        interrupts in vec(0..30_000_u64, 0..3),
    ) {
        check(&COMPOSE, &steps, &scripts, wrongs, interrupts);
    }

    #[test]
    fn so_it_is_in_a_swarm(
        steps in vec(0..SWARM.steps.len(), 1..5),
        scripts in vec(script(), 2),
        wrongs in vec(wrong(), 0..4),
        interrupts in vec(0..30_000_u64, 0..3),
    ) {
        check(&SWARM, &steps, &scripts, wrongs, interrupts);
    }
}
