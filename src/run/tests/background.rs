//! What goes on in the background: its exits are checked, where its step stands, and in time for `on-failure`.

use super::stage;
use crate::engine::Reason;
use crate::engine::fake::{Answer, Reply, Script};
use crate::event::{Event, Fault, What};

/// The places and words of the faults of the case itself.
fn faults(events: &[Event]) -> Vec<String> {
    let of_case = |event: &Event| match &event.what {
        What::CaseEnded { faults, .. } => faults.clone(),
        _ => Vec::new(),
    };
    let told = |fault: Fault| format!("{}: {}", fault.place.map_or(0, |place| place.line), fault.message);
    events.iter().flat_map(of_case).map(told).collect()
}

#[tokio::test(start_paused = true)]
async fn a_process_that_failed_is_placed_at_its_step_and_calls_on_failure() {
    let stage = stage(
        "stacks: {s: web.yml}
steps:
  - up: s
  - {exec: {service: web, command: [broken], background: broken}}
  - {http: 'http://x/a', holds-for: 5s}
on-failure: [assert: true]
",
    )
    .engine(|fake| {
        let broken = Answer::out("no disk").exit(3).after_ms(2000);
        fake.script("web", Script::new().exec("broken", [broken]));
    });
    let events = stage.events().await;
    stage.fake.assert_clean();
    assert_eq!(
        faults(&events),
        ["5: background process `broken` ended with exit code 3"]
    );
    let told = stage.told(&events);
    assert!(
        told.contains("on-failure[1] passed") && told.ends_with("exit 1\n"),
        "{told}"
    );
}

const RUNS: &str = "steps:
  - {run: {image: broken, background: it}}
  - {http: 'http://x/a', holds-for: 5s}
STEP
on-failure: [assert: true]
";

#[tokio::test(start_paused = true)]
async fn a_container_that_ends_badly_by_itself_is_a_failure() {
    let stage = stage(&RUNS.replace("STEP", "")).engine(|fake| {
        fake.image("broken")
            .script("broken", Script::new().after(2).out("no disk\n").exit(4));
    });
    let events = stage.events().await;
    stage.fake.assert_clean();
    assert_eq!(faults(&events), ["3: background container `it` ended with exit code 4"]);
    let told = stage.told(&events);
    assert!(told.contains("on-failure[1] passed"), "{told}");
    let shown = format!("{events:?}");
    assert!(shown.contains("no disk"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_container_that_a_step_ends_or_that_runs_to_the_end_is_none() {
    for (step, script) in [
        ("  - {kill: {container: it}}", Script::new()),
        ("  - {stop: {container: it}}", Script::new()),
        ("", Script::new()),
        ("", Script::new().after(2).exit(0)),
    ] {
        let stage = stage(&RUNS.replace("STEP", step)).engine(|fake| {
            fake.image("broken").script("broken", script.clone());
        });
        let events = stage.events().await;
        stage.fake.assert_clean();
        assert_eq!(faults(&events), Vec::<String>::new(), "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_whose_end_the_engine_does_not_tell_is_an_error() {
    let stage = stage(
        "stacks: {s: web.yml}
steps:
  - up: s
  - {exec: {service: web, command: [quick], background: it}}
  - {http: 'http://x/a', holds-for: 5s}
",
    )
    .engine(|fake| {
        fake.script("web", Script::new().exec("quick", [Answer::out("done")]));
        fake.call("exec_exit", 1, Reply::Fail(Reason::Away, "it went away"));
    });
    let events = stage.events().await;
    stage.fake.assert_clean();
    let told = faults(&events);
    assert!(
        matches!(told.as_slice(), [one] if one.starts_with("5: how background process `it` ended is not known: ") && one.contains("it went away")),
        "{told:?}"
    );
    let told = stage.told(&events);
    assert!(told.contains("= errored"), "{told}");
}

/// The faults of a scenario with a command in the background, whose container the step or the script ends.
async fn check_in(step: &str, script: Script, expected: &[&str]) {
    let stage = stage(&format!(
        "stacks: {{s: web.yml}}
steps:
  - up: s
  - {{exec: {{service: web, command: [it], background: it}}}}
  - {{http: 'http://x/a', holds-for: 5s}}
{step}
  - {{http: 'http://x/a', holds-for: 5s}}
on-failure: [assert: true]
"
    ))
    .engine(|fake| {
        fake.script("web", script);
    });
    let events = stage.events().await;
    stage.fake.assert_clean();
    assert_eq!(faults(&events), expected, "{step}\n{}", stage.told(&events));
    let called = stage.told(&events).contains("on-failure[1]");
    assert_eq!(called, !expected.is_empty(), "{step}\n{}", stage.told(&events));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_the_scenario_ends_with_its_container_is_no_fault() {
    let long = || Script::new().exec("it", [Answer::out("").after_ms(600_000)]);
    for step in ["", "down: s", "kill: web", "stop: web", "restart: web"] {
        let step = if step.is_empty() {
            String::new()
        } else {
            format!("  - {step}")
        };
        check_in(&step, long(), &[]).await;
    }
    // One that ended by itself before, or with a container that did, is.
    let early = Script::new().exec("it", [Answer::out("").exit(3).after_ms(1000)]);
    check_in(
        "  - down: s",
        early,
        &["5: background process `it` ended with exit code 3"],
    )
    .await;
    check_in(
        "",
        long().after(7).exit(4),
        &["5: background process `it` ended with exit code 137"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_container_whose_end_a_step_judges_is_that_steps() {
    for (judged, expected) in [
        ("{exit: 3}", vec![]),
        ("{state: exited}", vec![]),
        (
            "{restarts: 0}",
            vec!["3: background container `it` ended with exit code 3"],
        ),
    ] {
        let step = format!("  - {{state-assert: {{container: it}}, expect: {judged}}}");
        let stage = stage(&RUNS.replace("STEP", &step)).engine(|fake| {
            fake.image("broken").script("broken", Script::new().after(2).exit(3));
        });
        let events = stage.events().await;
        stage.fake.assert_clean();
        assert_eq!(faults(&events), expected, "{judged}");
    }
    // One that was seen running has ended badly all the same.
    let early = RUNS.replace(
        "  - {http",
        "  - {state-assert: {container: it}, expect: {state: running}}
  - {http",
    );
    let stage = stage(&early.replace("STEP", "")).engine(|fake| {
        fake.image("broken").script("broken", Script::new().after(2).exit(3));
    });
    let events = stage.events().await;
    assert_eq!(faults(&events), ["3: background container `it` ended with exit code 3"]);
}

// The shells are real ones. Asked to end, each waits for all to be asked: one after the other, none would be done.
#[tokio::test]
async fn all_processes_are_ended_at_once() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let ends = |name: &str| {
        format!(
            "touch {name}.asked; until [ -f {}.asked ]; do sleep 0.05; done; touch {name}.done; exit 0",
            names.join(".asked -a -f ")
        )
    };
    let steps = names.map(|name| {
        let command = format!("trap '{}' TERM; echo up; while :; do sleep 0.1; done", ends(name));
        format!("  - {{shell: {{command: \"{command}\", background: {name}}}}}\n  - {{log-assert: {{process: {name}, contains: up}}, within: 20s}}\n")
    });
    let stage = stage(&format!("steps:\n{}", steps.concat()));
    let events = stage.events().await;
    assert_eq!(faults(&events), Vec::<String>::new());
    let undone = names.map(|name| stage.folder.path().join(format!("{name}.done")));
    let undone: Vec<_> = undone.iter().filter(|file| !file.exists()).collect();
    assert!(undone.is_empty(), "{undone:?}");
}
