//! Who does not run: a question for its port is refused, and it is waited for only while somebody may start it again.

use super::{Stage, stage};
use crate::engine::fake::Script;
use crate::event::What;

const SHOP: &str = "services:
  web: {image: busybox, ports: ['80']}
  db: {image: busybox, ports: ['5432']}
  again: {image: busybox, restart: always, ports: ['81']}
";

/// A shop whose `db` ends with 3 after five seconds, and whose `again` is started again then.
fn shop(steps: &str) -> Stage {
    stage(&format!("stacks: {{s: shop.yml}}\ngiven: [up: s]\n{steps}"))
        .file("shop.yml", SHOP)
        .answers("bad", &[(0, 500, "no")])
        .engine(|fake| {
            fake.script("db", Script::new().after(5).out("no disk\n").exit(3));
            fake.script("again", Script::new().after(5).exit(3).then(Script::new()));
        })
}

const UP: &str = "image `busybox` present\ngiven[1] passed\n";

#[tokio::test(start_paused = true)]
async fn a_question_for_a_port_that_nobody_has_now_is_refused() {
    shop(
        "steps:
  - {stop: web}
  - {http: \"${{ url('web', 80) }}/x\", expect: {error: refused, reason: '`web` exited with code 143: it has no port now'}}
  - {http: \"${{ url('web', 80) }}/x\", expect: {error: timeout}, soft: true}
  - {http: {get: 'http://x/y', connect-to: \"${{ address('web') }}:${{ port('web', 80) }}\"}, expect: {error: refused}}
  - {tcp: \"${{ address('web') }}:${{ port('web', 80) }}\", expect: {error: refused}}
  - {tcp: {service: web, port: 80}, expect: {error: refused, open: false}}
  - {tcp: {service: web, port: 80}, expect: {open: false}}
  - {tcp: {service: web, port: 80}, soft: true}
  - {balance-assert: {get: \"${{ url('web', 80) }}/x\", requests: 3, distinct: 1}, soft: true}
  - {http: {post: 'http://x/y', body: \"${{ port('web', 80) }}\"}, soft: true}
  - {shell: \"echo ${{ port('web', 80) }}\", soft: true}
  - {exec: {service: db, command: \"echo ${{ port('web', 80) }}\"}, soft: true}
  - {http: \"${{ url('web.2', 80) }}/x\", expect: {error: refused}, soft: true}
  - {down: s}
  - {http: \"${{ url('web', 80) }}/x\", expect: {error: refused}}
",
    )
    .check(&format!(
        "{UP}steps[1] passed
         steps[2] passed
         steps[3] failed: (soft) `error` is not what was expected -> refused
         steps[4] passed
         steps[5] passed
         steps[6] passed
         steps[7] passed
         steps[8] failed: (soft) no answer (refused): `web` exited with code 143: it has no port now
         steps[9] failed: (soft) 3 questions had no answer, the first: refused: `web` exited with code 143: it has no port now
         steps[10] failed: (soft) `web` exited with code 143: it has no port now
         steps[11] failed: (soft) `web` exited with code 143: it has no port now
         steps[12] failed: (soft) `web` exited with code 143: it has no port now
         steps[13] failed: (soft) there is no `web.2`: `web` has 1 container
         steps[14] passed
         steps[15] passed
         = failed
         exit 1"
    ))
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_service_that_was_stopped_is_one_of_a_probe() {
    shop(
        "steps:
  - {http: \"${{ url('web', 80) }}/x\", probe: p, every: 100ms, must-hold: true}
  - {stop: web}
  - {http: 'http://x/late', within: 9s}
  - {start: web}
  - {http: \"${{ url('web', 80) }}/x\", holds-for: 1s, within: 5s}
  - assert: probes.p.failures == 31 and probes.p.answers > 5
",
    )
    .answers("late", &[(0, 500, "no"), (3000, 200, "yes")])
    .check(&format!(
        "{UP}steps[1] passed
         steps[2] passed
         steps[3] passed
         steps[4] passed
         steps[5] passed
         steps[6] passed
         probe p: 31 failures
         steps[1] failed: probe `p` must hold, and failed 31 times: no answer (refused): `web` exited with code 143: it has no port now
         = failed
         exit 1"
    ))
    .await;
}

/// How the step ends, after so many seconds, and the titles of what explains it.
async fn check(steps: &str, expected: (&str, u64, &[&str])) {
    let stage = shop(&format!("steps:\n{steps}"));
    let events = stage.events().await;
    let last = events.iter().rev().find_map(|event| match &event.what {
        What::StepEnded {
            outcome,
            seconds,
            faults,
            ..
        } => Some((*outcome, *seconds, faults)),
        _ => None,
    });
    let (outcome, seconds, faults) = last.unwrap();
    let details = faults.iter().flat_map(|fault| &fault.details);
    let titles: Vec<String> = details.map(|it| it.title.replace("e2e-testrun-1-1-s-", "")).collect();
    let told = (
        super::word(&outcome),
        seconds.round() as u64,
        titles.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    assert_eq!(
        told,
        (expected.0, expected.1, expected.2.to_vec()),
        "{steps}\n{}",
        stage.told(&events)
    );
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn one_that_has_ended_for_good_is_not_waited_for() {
    let ends = ["waited", "last lines of `db`", "end of `db`"];
    let asked = ["waited", "question", "last lines of `db`", "end of `db`"];
    check(
        "  - {state-assert: {service: db}, within: 60s, expect: {completed: 1}}\n",
        ("failed", 5, &ends),
    )
    .await;
    check(
        "  - {state-assert: {service: db}, within: 60s, expect: {exit: 3}}\n",
        ("passed", 5, &[]),
    )
    .await;
    check(
        "  - {http: \"${{ url('db', 5432) }}/bad\", within: 60s}\n",
        ("failed", 5, &asked),
    )
    .await;
    check(
        "  - {tcp: {service: db, port: 5432, send: x, until: y}, within: 60s, expect: {answer: z}}\n",
        ("failed", 5, &asked),
    )
    .await;
    check(
        "  - {exec: {service: db, command: x}, within: 60s}\n",
        ("failed", 5, &ends),
    )
    .await;
    // What has ended before is told at once, and so is what is gone.
    let dead = "  - {state-assert: {service: db}, within: 60s, expect: {exit: 3}}\n";
    check(
        &format!("{dead}  - {{http: \"${{{{ url('db', 5432) }}}}/x\", within: 60s}}\n"),
        ("failed", 0, &asked),
    )
    .await;
    check(
        "  - down: s\n  - {exec: {service: db, command: x}, within: 60s}\n",
        ("failed", 0, &["waited"]),
    )
    .await;
    check(
        "  - down: s\n  - {state-assert: {service: web}, within: 60s, expect: {running: 1}}\n",
        ("failed", 0, &["waited"]),
    )
    .await;
    // Nor is the health of one that has no healthcheck.
    check(
        "  - {state-assert: {service: db}, within: 60s, expect: {healthy: 1}}\n",
        ("failed", 0, &["waited", "health", "last lines of `db`"]),
    )
    .await;
    // An expectation of health that holds already decides nothing of the others.
    check(
        "  - {state-assert: {service: again}, within: 60s, expect: {healthy: 0, restarts: {ge: 1}}}\n",
        ("passed", 5, &[]),
    )
    .await;
    // Its policy starts this one again.
    check(
        "  - {state-assert: {service: again}, within: 60s, expect: {restarts: 1, running: 1}}\n",
        ("passed", 5, &[]),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_that_somebody_may_start_again_is_waited_for() {
    // What the other lane does, and when it ends, decides.
    let lanes = |asked: &str, later: &str| {
        format!("  - parallel:\n      ask: [{asked}]\n      later: [{{http: 'http://x/late', within: 30s}}{later}]\n")
    };
    let ups = [
        "{state-assert: {service: db}, within: 60s, expect: {running: 2}}",
        "{log-assert: {service: db, contains: never}, within: 60s}",
    ];
    for ask in ups {
        check_lanes(&lanes(ask, ""), "failed", 20).await;
    }
    let up = "{state-assert: {service: db}, within: 60s, expect: {running: 1, restarts: 0, exit: {exists: false}}, name: seen again}";
    check_lanes(
        &lanes(
            &format!("{{state-assert: {{service: db}}, within: 9s, expect: {{exit: 3}}}}, {up}"),
            ", {start: db}",
        ),
        "passed",
        20,
    )
    .await;
    // One with the engine's socket may do what it likes for as long as it runs.
    let socket = "  - {run: {image: busybox, engine-socket: true, background: op}}\n";
    check(
        &format!("{socket}  - {{state-assert: {{service: db}}, within: 60s, expect: {{healthy: 1}}}}\n"),
        ("failed", 60, &["waited", "last lines of `db`", "end of `db`"]),
    )
    .await;
}

#[tokio::test]
async fn the_end_of_a_process_that_might_have_started_it_again_is_an_end_of_the_wait() {
    // Not in paused time: the process is a real one.
    let steps = "stacks: {s: shop.yml}
given: [up: {stack: s, services: [job], completes: [job]}]
steps:
  - shell: {command: 'sleep 0.3', background: other}
  - {log-assert: {service: job, contains: never}, within: 60s}
";
    let stage = stage(steps)
        .file("shop.yml", "services:\n  job: {image: busybox}\n")
        .engine(|fake| {
            fake.script("job", Script::new().out("ok\n").exit(0));
        });
    let events = stage.events().await;
    let told = stage.told(&events);
    assert!(told.contains("steps[2] failed: no line of `job`"), "{told}");
    assert!(events.last().unwrap().elapsed < 30.0, "{told}");
    stage.fake.assert_clean();
}

/// How the lane that asks ends, and after how many seconds of the run.
async fn check_lanes(steps: &str, outcome: &str, seconds: u64) {
    let stage = shop(&format!("steps:\n{steps}")).answers("late", &[(0, 500, "no"), (20_000, 200, "yes")]);
    let events = stage.events().await;
    let last = events.iter().rev().find_map(|event| match &event.what {
        What::StepEnded { outcome, step, .. } if step.path.contains(".ask[") => {
            Some((super::word(outcome), event.elapsed.round() as u64))
        }
        _ => None,
    });
    assert_eq!(last, Some((outcome, seconds)), "{steps}\n{}", stage.told(&events));
    stage.fake.assert_clean();
}
