//! What a failed step is told with: the answer that was judged, what its containers have written.

use super::{Stage, stage};
use crate::engine::fake::{Answer, Script};
use crate::event::{Detail, What};

/// A stack of a service that is talkative and one that dies, and a check of it.
fn talking(step: &str) -> Stage {
    let files = "services: {web: {image: busybox, ports: ['80']}, db: {image: busybox, healthcheck: {test: x}}}";
    stage(&format!(
        "stacks: {{s: shop.yml}}\ngiven: [{{up: s}}]\nthen:\n- {step}\n"
    ))
    .file("shop.yml", files)
    .answers("odd", &[(0, 500, "<html>")])
    .engine(|fake| {
        let odd = || Answer::out("so it goes\n");
        fake.script(
            "web",
            Script::new().out("listening\n").exec("odd", [odd(), odd(), odd()]),
        );
        fake.script(
            "db",
            Script::new().healthy().out("ready\n").after(5).unhealthy("no route"),
        );
    })
}

/// The details of the step's faults: a title and the text's last line each, once for all of its expectations.
async fn check(step: &str, expected: &[(&str, &str)]) {
    let stage = talking(step);
    let events = stage.events().await;
    let faults = events.iter().filter_map(|event| match &event.what {
        What::StepEnded { step, faults, .. } if step.path == "then[1]" => Some(faults),
        _ => None,
    });
    let details: Vec<&Detail> = faults.flatten().flat_map(|fault| &fault.details).collect();
    let told: Vec<(String, &str)> = details
        .iter()
        .map(|detail| {
            let (begin, end) = detail
                .title
                .split_once("e2e-testrun-1-1-s-")
                .unwrap_or((&detail.title, ""));
            // How often it was asked is not of interest here.
            let text = if begin == "waited" { "" } else { &detail.text };
            (format!("{begin}{end}"), text.lines().last().unwrap_or_default())
        })
        .collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(title, text)| (title.as_str(), *text)).collect();
    assert_eq!(told, expected, "{step}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_state_is_told_with_the_log_and_the_output_of_the_healthcheck() {
    check(
        "{state-assert: {service: web}, expect: {running: 2, restarts: 1}}",
        &[("last lines of `web`", "listening")],
    )
    .await;
    check(
        "{state-assert: {service: db}, expect: {exit: 1}, within: 10s}",
        &[
            ("waited", ""),
            ("healthcheck of `db` (exit code 1)", "no route"),
            ("last lines of `db`", "ready"),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_command_is_told_with_what_it_wrote() {
    let written = [("last lines of `stdout`", "so it goes")];
    check("{exec: {service: web, command: odd}, expect: {exit: 1}}", &written).await;
    check("{exec: {service: web, command: odd}, expect: {stdout: well}}", &[]).await;
}

// Its shell is a real one, and runs in real time.
#[tokio::test]
async fn a_shell_is_told_with_what_it_wrote() {
    let written = [("last lines of `stdout`", "so it goes")];
    check("{shell: 'echo so it goes', expect: {exit: 1}}", &written).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_told_and_why_it_is_no_json_only_where_json_is_wanted() {
    check("http: http://x/odd", &[("answer", "<html>")]).await;
    check(
        "http: \"${{ url('web', 80) }}/odd\"",
        &[("answer", "<html>"), ("last lines of `web`", "listening")],
    )
    .await;
    check(
        "{http: http://x/odd, expect: {status: 500, json: {a: 1}}}",
        &[
            ("answer", "<html>"),
            ("`json`", "the body is no JSON: expected value at line 1 column 1"),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn addresses_are_told_with_who_asked() {
    check(
        "{dns: web, expect: {count: 3}}",
        &[("addresses of `web` here", "10.0.0.2")],
    )
    .await;
}

// Its shell is a real one, and runs in real time.
#[tokio::test]
async fn an_output_that_is_not_whole_is_neither_judged_nor_saved() {
    let long = "head -c 8388609 /dev/zero | tr '\\\\0' x";
    stage(&format!(
        "steps:
- {{shell: \"{long}; echo e >&2\", save: {{code: exit, e: stderr}}}}
- {{assert: code == 0 and e == 'e'}}
- {{shell: \"{long}\", save: {{x: stdout | length}}, soft: true}}
- {{shell: \"{long}\", save: {{x: json.a}}, soft: true}}
- {{shell: \"{long}\", expect: {{stdout: x}}, soft: true}}
- {{shell: \"({long}) >&2\", save: {{x: stderr}}, soft: true}}
"
    ))
    .check(
        "steps[1] passed
         steps[2] passed
         steps[3] errored: (soft) `stdout` cannot be saved: it is longer than the 8 MiB that are kept, by 1 bytes
         steps[4] errored: (soft) `stdout` cannot be saved: it is longer than the 8 MiB that are kept, by 1 bytes
         steps[5] errored: (soft) `stdout` cannot be judged: it is longer than the 8 MiB that are kept, by 1 bytes
         steps[6] errored: (soft) `stderr` cannot be saved: it is longer than the 8 MiB that are kept, by 1 bytes
         = errored
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_whole_is_neither_judged_nor_saved() {
    stage(
        "steps:
- {http: 'http://x/part', save: {code: status}}
- {http: 'http://x/part', save: {x: body}, soft: true}
- {http: 'http://x/part', save: {x: json}, soft: true}
- {http: 'http://x/part', expect: {body: {not: {contains: y}}}, soft: true}
- {tcp: {address: 'long:1', send: x}}
- {tcp: {address: 'long:1', send: x}, save: {x: answer | length}, soft: true}
- {tcp: {address: 'long:1', send: x}, expect: {answer: {not: {contains: y}}}, soft: true}
",
    )
    .check(
        "steps[1] passed
         steps[2] errored: (soft) `body` cannot be saved: it has 5 bytes or more, and only the first 4 are kept
         steps[3] errored: (soft) `body` cannot be saved: it has 5 bytes or more, and only the first 4 are kept
         steps[4] errored: (soft) `body` cannot be judged: it has 5 bytes or more, and only the first 4 are kept
         steps[5] passed
         steps[6] errored: (soft) `answer` cannot be saved: only its first 4194304 bytes are kept
         steps[7] errored: (soft) `answer` cannot be judged: only its first 4194304 bytes are kept
         = errored
         exit 3",
    )
    .await;
}

// Its shell is a real one, and runs in real time.
#[tokio::test]
async fn of_a_line_without_an_end_no_more_is_told_than_both_ends() {
    let events = stage("then: [shell: \"printf begin%0300000dend; exit 1\"]\n")
        .events()
        .await;
    let faults = events.iter().filter_map(|event| match &event.what {
        What::StepEnded { faults, .. } => Some(faults),
        _ => None,
    });
    let details: Vec<&Detail> = faults.flatten().flat_map(|fault| &fault.details).collect();
    let [Detail { title, text }] = details[..] else {
        panic!("{details:?}")
    };
    assert_eq!(title, "last lines of `stdout`");
    let (begin, end) = (&text[..6], &text[text.len() - 4..]);
    assert_eq!((begin, end), ("begin0", "0end"));
    assert!(text.len() < 70_000, "{}", text.len());
}

#[tokio::test(start_paused = true)]
async fn a_container_in_the_background_has_the_name_that_the_step_gave_it() {
    let stage = stage(
        "given: [{run: {image: files, command: [x], background: files}}]
steps: [{state-assert: {container: files}, expect: {state: exited}}]
",
    )
    .engine(|fake| {
        fake.image("files")
            .script("files", Script::new().out("here they are\n"));
    });
    let events = stage.events().await;
    let titles: Vec<&str> = details(&events).map(|detail| detail.title.as_str()).collect();
    assert_eq!(titles, ["last lines of `files`"]);
    stage.fake.assert_clean();
}

/// The details of all steps' faults.
fn details(events: &[crate::event::Event]) -> impl Iterator<Item = &Detail> {
    let faults = events.iter().filter_map(|event| match &event.what {
        What::StepEnded { faults, .. } => Some(faults),
        _ => None,
    });
    faults.flatten().flat_map(|fault| &fault.details)
}

#[tokio::test(start_paused = true)]
async fn of_one_stream_only_its_own_lines_are_shown() {
    for (stream, wants, text) in [("stdout", "KeyError", "begin\nend"), ("stderr", "begin", "KeyError")] {
        let stage = stage(&format!(
            "stacks: {{s: shop.yml}}
steps: [{{up: s}}, {{log-assert: {{service: py, contains: {wants}, stream: {stream}}}, within: 5s}}]
"
        ))
        .file("shop.yml", "services: {py: {image: busybox}}")
        .engine(|fake| {
            fake.script("py", Script::new().out("begin\n").err("KeyError\n").out("end\n"));
        });
        let events = stage.events().await;
        let told = stage.told(&events);
        let why = format!("no line of `py` ({stream}) contains `{wants}`");
        assert!(told.contains(&why), "{told}");
        let last: Vec<(&str, &str)> = details(&events)
            .filter(|detail| detail.title.starts_with("last lines"))
            .map(|detail| (detail.title.as_str(), detail.text.as_str()))
            .collect();
        assert_eq!(last, [(format!("last lines of `py` ({stream})").as_str(), text)]);
    }
}

#[tokio::test(start_paused = true)]
async fn of_one_stream_that_is_read_from_a_step_on_the_lines_since_are_shown() {
    for (after, text) in [("", "(it wrote nothing to stderr since that step)"), ("new", "new")] {
        let stage = stage(
            "stacks: {s: shop.yml}
steps:
- up: s
- {log-assert: {service: py, contains: old}, within: 5s}
- {assert: '1 == 1', name: here}
- {log-assert: {service: py, contains: done}, within: 5s}
- {log-assert: {service: py, contains: wanted, stream: stderr, since: here}}
",
        )
        .file("shop.yml", "services: {py: {image: busybox}}")
        .engine(|fake| {
            let script = Script::new().err("old\n").after_ms(1000);
            let script = if after.is_empty() {
                script
            } else {
                script.err(format!("{after}\n"))
            };
            fake.script("py", script.out("done\n"));
        });
        let events = stage.events().await;
        let mut last = details(&events).filter(|detail| detail.title.starts_with("last lines"));
        assert_eq!(last.next().map(|detail| detail.text.as_str()), Some(text));
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_only_the_stacks_networks_know_is_told_as_one() {
    let hint = async |ports: &str| {
        let stage = stage("stacks: {s: shop.yml}\nsteps: [{up: s}, {tcp: 'nosuch:80'}]\n").file(
            "shop.yml",
            &format!("services: {{nosuch: {{image: busybox, ports: [{ports}]}}}}"),
        );
        let events = stage.events().await;
        let hint = events.iter().find_map(|event| match &event.what {
            What::StepEnded { faults, .. } => faults.first()?.hint.clone(),
            _ => None,
        });
        hint.unwrap_or_default()
    };
    let asked = "`nosuch` is a name in the networks of its stack: ask there with `inside: nosuch`, or `${{ url('nosuch', 80) }}`";
    assert_eq!(hint("'80'").await, format!("{asked} from here"));
    assert_eq!(
        hint("'81'").await,
        format!("{asked} once its file has `\"80\"` under `ports`")
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_there_is_told_by_its_place() {
    let steps = "stacks: {s: web.yml}
given: [up: s]
then:
- {file-assert: nowhere.txt}
- {file-assert: 'web:/www/none', expect: {text: x}}
- {file-assert: 'web:/www/none', expect: {exists: false}}
- {file-assert: 'web:/www/none', expect: {exists: true}}
";
    stage(steps)
        .check(
            "image `busybox` present
             given[1] passed
             then[1] failed: there is no `nowhere.txt`
             then[2] failed: `web` has no `/www/none`
             then[3] passed
             then[4] failed: `exists` is not what was expected -> false
             = failed
             exit 1",
        )
        .await;
}
