//! Questions that are asked again: `within`, `every`, `holds-for`, `timeout`, `probe`.

use std::time::Duration;

use super::stage;
use crate::engine::fake::{Answer, Script};
use crate::event::What;

#[tokio::test(start_paused = true)]
async fn it_is_asked_again_until_it_holds_and_each_observation_is_told_once() {
    let stage = stage("steps: [{http: 'http://x/slow', within: 10s, every: 1s}]\n")
        .answers("slow", &[(0, 0, "nobody"), (2500, 500, "no"), (4500, 200, "yes")])
        .waits();
    stage
        .check(
            "steps[1] waits for http GET http://x/slow: no answer (refused): nobody
             steps[1] waits for http GET http://x/slow: `status` is 500
             steps[1] passed
             = passed",
        )
        .await;
    let events = stage.events().await;
    let asked = events.iter().find_map(|event| match &event.what {
        What::StepEnded { attempts, seconds, .. } => Some((*attempts, *seconds)),
        _ => None,
    });
    assert_eq!(asked, Some((6, 5.0)));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_become_true_tells_the_last_observation() {
    let stage =
        stage("steps: [{http: 'http://x/slow', within: 1s}]\n").answers("slow", &[(0, 0, "nobody"), (900, 500, "no")]);
    stage
        .check(
            "steps[1] failed: `status` is 500
             = failed
             exit 1",
        )
        .await;
    let events = stage.events().await;
    let waited = events.iter().find_map(|event| match &event.what {
        What::StepEnded { faults, .. } => Some(faults[0].details[0].text.clone()),
        _ => None,
    });
    assert_eq!(waited.unwrap(), "it did not become so: asked 10 times within 1s");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_cut_off_leaves_the_answer_before_it() {
    let never = || Answer::out("late").after_ms(600_000);
    let stage = stage(
        "stacks: {s: web.yml}
given: [up: s]
then:
  - {exec: {service: web, command: ask}, within: 2s}
  - {exec: {service: web, command: hang}, within: 2s}
  - {exec: {service: web, command: hang}, within: 2s, timeout: 1s}
",
    )
    .engine(|fake| {
        let script = Script::new()
            .exec("ask", [Answer::err("no", 4), never()])
            .exec("hang", [never()]);
        fake.script("web", script);
    });
    let events = stage.events().await;
    let told = stage.told(&events);
    let expected = "image `busybox` present
given[1] passed
then[1] failed: `exit` is 4
then[2] failed: the command did not end within the 2s of `within`
then[3] failed: the command did not end within 1s
= failed
exit 1
";
    assert_eq!(told, expected);
    let waited = events.iter().find_map(|event| match &event.what {
        What::StepEnded { faults, .. } if !faults.is_empty() => Some(faults[0].details[0].text.clone()),
        _ => None,
    });
    assert_eq!(
        waited.unwrap(),
        "it did not become so: asked 2 times within 2s; the last question had no answer when that was over, and this is \
         the answer before it"
    );
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn of_a_command_whose_connection_was_cut_nothing_is_judged() {
    stage(
        "stacks: {s: web.yml}
steps:
  - up: s
  - {exec: {service: web, command: cut}, expect: {exit: 4}, within: 5s, soft: true}
  - {exec: {service: web, command: cut, background: it}}
  - {http: 'http://x/a', holds-for: 1s}
",
    )
    .engine(|fake| {
        fake.script("web", Script::new().exec("cut", [Answer::out("half").exit(4).cut()]));
    })
    .check(
        "image `busybox` present
         steps[1] passed
         steps[2] errored: (soft) the command's output ended before the command did: the connection to it was cut
         steps[3] passed
         steps[4] passed
         = errored: how background process `it` ended is not known: the command's output ended before the command did: the connection to it was cut
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_port_of_one_that_does_not_run_just_then_is_asked_for_again() {
    stage(
        "steps:
  - run: {image: busybox, expose: [80], background: c}
  - stop: {container: c}
  - http: \"${{ url('c', 80) }}/x\"
    soft: true
  - parallel:
      ask:
        - {http: \"${{ url('c', 80) }}/x\", within: 20s}
        - {http: \"${{ url('c', 81) }}/x\", within: 20s}
      later:
        - {http: 'http://x/slow', within: 9s}
        - start: {container: c}
",
    )
    .answers("slow", &[(0, 500, "no"), (3000, 200, "yes")])
    .check(
        "steps[1] passed
         steps[2] passed
         steps[3] failed: (soft) no answer (refused): `c` exited with code 143: it has no port now
         steps[4].parallel.later[1] passed
         steps[4].parallel.later[2] passed
         steps[4].parallel.ask[1] passed
         steps[4].parallel.ask[2] errored: `c` does not publish port 81
         steps[4] errored
         = errored
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_engine_is_asked_for_a_volume_only_when_it_has_told_of_one() {
    let stage = stage(
        "stacks: {s: data.yml}
steps:
  - parallel:
      ask:
        - {state-assert: {volume: s/data}, within: 30s, expect: {exists: true}}
      later:
        - {http: 'http://x/slow', within: 20s}
        - up: s
  - {state-assert: {volume: s/data}, within: 10s, expect: {exists: false}}
",
    )
    .file(
        "data.yml",
        "services: {web: {image: busybox, volumes: ['data:/data']}}\nvolumes: {data: {}}\n",
    )
    .answers("slow", &[(0, 500, "no"), (8000, 200, "yes")]);
    let told = stage.told(&stage.events().await);
    assert!(
        told.contains("ask[1] passed") && told.contains("steps[2] failed: `exists`"),
        "{told}"
    );
    let asked = stage
        .fake
        .journal()
        .iter()
        .filter(|call| call.starts_with("volumes"))
        .count();
    assert!(asked <= 8, "{asked}: {told}");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_the_engine_does_not_tell_of_is_seen_by_asking_again() {
    let stage =
        stage("steps: [{state-assert: {image: 'built:now'}, within: 30s, every: 1s, expect: {exists: true}}]\n");
    let built = async {
        crate::wait::pause(Duration::from_secs(5)).await;
        // As a build by BuildKit makes it: without an event.
        stage.fake.image("built:now");
    };
    let (events, ()) = tokio::join!(stage.events(), built);
    let took = events.iter().find_map(|event| match &event.what {
        What::StepEnded { seconds, .. } => Some(*seconds),
        _ => None,
    });
    assert!(took.is_some_and(|took| took < 7.0), "{took:?} {}", stage.told(&events));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_not_asked_again() {
    stage("steps: [{assert: '1', within: 10s}]\n")
        .check(
            "steps[1] errored: `1` is neither true nor false: it is 1
             = errored
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_value_that_cannot_be_compared_yet_is_asked_for_again() {
    let ask = |path: &str| {
        stage(&format!(
            "steps: [{{http: 'http://x/{path}', within: 2s, expect: {{body: {{ge: 3}}}}}}]\n"
        ))
        .answers("slow", &[(0, 200, "starting"), (900, 200, "5")])
        .answers("never", &[(0, 200, "starting")])
    };
    ask("slow").check("steps[1] passed\n= passed").await;
    ask("never")
        .check(
            "steps[1] failed: `body` cannot be compared: \"starting\" is neither a number nor a size, a duration, an RFC 3339 time or a version
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_holds_has_to_hold_for_its_time() {
    stage(
        "steps:
  - {http: 'http://x/up', within: 5s, holds-for: 2s}
  - {http: 'http://x/down', within: 5s, holds-for: 9s}
",
    )
    .answers("up", &[(0, 500, "no"), (1000, 200, "yes")])
    .answers("down", &[(0, 200, "yes"), (8000, 500, "no")])
    .waits()
    .check(
        "steps[1] waits for http GET http://x/up: `status` is 500
         steps[1] waits for http GET http://x/up: it holds; it has to for 2s
         steps[1] passed
         steps[2] waits for http GET http://x/down: it holds; it has to for 9s
         steps[2] failed: `status` is 500
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_has_a_limit() {
    stage("then: [{http: 'http://x/never', timeout: 3s}, {http: 'http://x/never', timeout: 3s, expect: {error: timeout}}]\n")
        .answers("never", &[(600_000, 200, "")])
        .check(
            "then[1] failed: no answer (timeout): timeout
             then[2] passed
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn limits_are_stretched() {
    stage("then: [{http: 'http://x/late', timeout: 3s, within: 4s}]\n")
        .answers("late", &[(0, 500, "no"), (30_000, 200, "yes")])
        .timeout_scale(10.0)
        .check("then[1] passed\n= passed")
        .await;
}

const PROBE: &str = "steps:
  - {http: 'http://x/p', probe: p, every: 100ms, must-hold: MUST}
  - {http: 'http://x/late', within: 9s}
  - assert: probes.p.failures == 2 and probes.p.max_outage == '300ms'
on-failure: [assert: true]
";

#[tokio::test(start_paused = true)]
async fn a_probe_goes_on_until_the_end_and_is_seen_as_it_is_now() {
    stage(&PROBE.replace("MUST", "false"))
        .answers("p", &[(0, 200, "a"), (950, 500, "b"), (1150, 200, "a")])
        .answers("late", &[(0, 500, "no"), (3000, 200, "yes")])
        .check(
            "steps[1] passed
             steps[2] passed
             steps[3] passed
             probe p: 2 failures
             = passed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_must_hold_and_does_not_fails_the_scenario() {
    stage(&PROBE.replace("MUST", "true"))
        .answers("p", &[(0, 200, "a"), (950, 500, "b"), (1150, 200, "a")])
        .answers("late", &[(0, 500, "no"), (3000, 200, "yes")])
        .check(
            "steps[1] passed
             steps[2] passed
             steps[3] passed
             on-failure[1] passed
             probe p: 2 failures
             steps[1] failed: probe `p` must hold, and failed 2 times: `status` is 500
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_at_a_port_of_the_compose_file_says_where_the_service_is() {
    let stage = stage(
        "stacks: {s: ports.yml}
given: [up: s]
then:
  - http: http://localhost:8080/gone
  - http: http://localhost:8081/gone
  - {http: {get: 'http://localhost:8080/gone', connect-to: '127.0.0.1:1'}}
  - tcp: closed:1
  - {http: 'http://localhost:8081/gone', within: 1s}
  - stop: web
  - tcp: {service: web, port: 80}
",
    )
    .file("ports.yml", "services: {web: {image: busybox, ports: ['8080:80']}}")
    .answers("gone", &[(0, 0, "nobody")]);
    let mut hints = Vec::new();
    for event in stage.events().await {
        if let What::StepEnded { faults, .. } = event.what {
            hints.extend(faults.into_iter().map(|fault| fault.hint.unwrap_or_default()));
        }
    }
    let freed = hints.remove(0);
    assert!(
        freed.starts_with("`web` is not at port 8080 here: its host ports become free ones; `${{ url('web', 80) }}`"),
        "{freed}"
    );
    let early = "it may not listen yet: ask again with `within: 10s` on the step, or give its service a healthcheck";
    // Who asks again needs not be told to, and at a container that is stopped nothing will listen.
    assert_eq!(hints, [early, early, early, "", ""]);
}

#[tokio::test(start_paused = true)]
async fn what_a_stack_is_given_of_another_one_is_asked_when_it_comes_up() {
    let second = "{compose: second.yml, env: {AT: \"${{ url('first', 80) }}\", BY: \"by ${{ port('first', 80) }}\"}, \
                  substitute: {text: [{from: THERE, to: \"to ${{ port('first', 80) }}\"}]}}";
    let stage = stage(&format!(
        "stacks: {{s: first.yml, t: {second}}}\nsteps:\n\
         - {{up: t, soft: true}}\n- up: s\n- up: t\n\
         - {{file-assert: results/001-one/stacks/t/second.yml, expect: {{text: {{matches: 'to \\d+'}}}}}}\n"
    ))
    .file("first.yml", "services: {first: {image: busybox, ports: ['8080:80']}}")
    .file(
        "second.yml",
        "services: {second: {image: busybox, command: 'THERE', labels: {at: '${AT:?}', by: '${BY:?}'}}}",
    );
    let told = stage.told(&stage.events().await);
    assert!(
        told.contains("steps[1] failed: (soft) `first` has no container"),
        "{told}"
    );
    assert!(
        told.ends_with("steps[3] passed\nsteps[4] passed\n= failed\nexit 1\n"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_and_stays_is_told_with_what_to_do() {
    let stage = stage("steps: [{tcp: {address: 'stays:1', send: PING}, expect: {answer: {contains: PONG}}}]\n");
    let mut faults = stage.events().await.into_iter().filter_map(|event| match event.what {
        What::StepEnded { faults, .. } => faults.into_iter().next(),
        _ => None,
    });
    let fault = faults.next().unwrap();
    assert!(
        fault
            .message
            .starts_with("no answer (timeout) within 9.9s: connected to stays:1"),
        "{}",
        fault.message
    );
    assert!(
        fault.hint.as_ref().is_some_and(|hint| hint.contains("`until: ")),
        "{:?}",
        fault.hint
    );
}
