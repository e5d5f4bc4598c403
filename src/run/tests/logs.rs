//! What `log-assert` decides, and when.

use super::{Stage, stage};
use crate::engine::Reason;
use crate::engine::fake::{Reply, Script};

/// Judges a container that writes `ok` at once and after five seconds, and `bad` after ten.
async fn check_over_time(step: &str, expected: &str) {
    let script = Script::new().out("ok\n").after(5).out("ok\n").after(10).out("bad\n");
    stage(&format!(
        "stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\nthen: [{{{step}}}]\n"
    ))
    .engine(|fake| {
        fake.script("web", script);
    })
    .check(&format!("image `busybox` present\ngiven[1] passed\n{expected}"))
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_has_to_hold_for_a_time_is_judged_for_that_long() {
    let log = "log-assert: {service: web, contains: ok, never: [bad]}";
    check_over_time(&format!("{log}, holds-for: 4s"), "then[1] passed\n= passed").await;
    check_over_time(
        &format!("{log}, holds-for: 20s"),
        "then[1] failed: a line that must never be there: it contains `bad`
         = failed
         exit 1",
    )
    .await;
    check_over_time(
        &format!("{log}, within: 3s, holds-for: 4s, expect: {{count: 1}}"),
        "then[1] passed\n= passed",
    )
    .await;
    check_over_time(
        &format!("{log}, within: 3s, holds-for: 6s, expect: {{count: 1}}"),
        "then[1] failed: `count` is not what was expected -> 2
         = failed
         exit 1",
    )
    .await;
}

/// Judges a container that was removed by something else in the moment of its end: nobody has seen whether its log goes on.
fn removed(step: &str) -> Stage {
    stage(&format!(
        "stacks: {{s: web.yml}}\ngiven: [{{up: {{stack: s, completes: [web]}}}}]\nthen: [{{log-assert: {{service: web, {step}}}]\n"
    ))
    .engine(|fake| {
        fake.script("web", Script::new().out("one\ntwo\nlast").after(1).exit(0));
        // The first one is the follow.
        let why = "can not get logs from container which is dead or marked for removal";
        fake.call("logs", 2, Reply::Fail(Reason::Conflict, why));
    })
}

async fn check_removed(step: &str, expected: &str) {
    let expected = format!("image `busybox` present\ngiven[1] passed\n{expected}");
    removed(step).check(&expected).await;
}

#[tokio::test(start_paused = true)]
async fn of_a_log_whose_last_moments_may_be_missing_only_what_is_there_is_known() {
    let passed = "then[1] passed\n= passed";
    check_removed("contains: two}", passed).await;
    check_removed("ordered: [one, two]}", passed).await;
    check_removed(
        "contains: o}, expect: {count: {ge: 2}, lines: {contains: [two]}}",
        passed,
    )
    .await;
    check_removed("contains: o}, within: 5s, expect: {count: {ge: 2}}", passed).await;
    check_removed("matches: '(?<what>two)'}, expect: {matches: {what: two}}", passed).await;
    check_removed(
        "contains: o, never: [two]}",
        "then[1] failed: a line that must never be there: it contains `two`
         = failed
         exit 1",
    )
    .await;
    let unknown = [
        "never: [last]}",
        "never: [last]}, within: 5s",
        "contains: two, never: [last]}",
        "contains: last}",
        "contains: last}, within: 5s",
        "ordered: [two, last]}",
        "contains: last}, expect: {count: 0}",
        "contains: o}, expect: {count: 2}",
        "contains: o}, expect: {count: 3}",
        "contains: o}, expect: {count: {gt: 2}}",
        "contains: o}, expect: {count: {lt: 9}}",
        "contains: o}, expect: {count: {all: [{ge: 1}, {le: 2}]}}",
        "contains: o}, expect: {lines: [one, two]}",
    ];
    for step in unknown {
        check_removed(
            step,
            "then[1] errored: the last moments of the log of `web` may be missing: it was removed by \
             something else as it ended
             = errored
             exit 3",
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_further_line_can_mend_is_a_failure_of_a_log_that_may_be_longer() {
    for (step, field) in [
        ("contains: o}, expect: {count: {lt: 2}}", "count"),
        ("contains: o}, expect: {count: {lt: 2}}, within: 5s", "count"),
        ("contains: o}, expect: {count: 1}", "count"),
        ("contains: two}, expect: {count: 0}", "count"),
        ("contains: o}, expect: {count: {all: [{ge: 3}, {le: 1}]}}", "count"),
        ("contains: o}, expect: {lines: [two, one]}", "lines"),
        ("contains: o}, expect: {lines: [one]}", "lines"),
        ("contains: o}, expect: {lines: {length: {le: 1}}}", "lines"),
        ("matches: '(?<what>two)'}, expect: {matches: {what: one}}", "matches"),
    ] {
        let stage = removed(step);
        let told = stage.told(&stage.events().await);
        let is_failed = told.contains("then[1] failed: ") && told.contains(field) && told.contains("\n= failed");
        assert!(is_failed, "{step}\n{told}");
    }
}

const REPORT: &str = "noise\nbegin\n# remark\nb 1\na 2\nend\nnoise\nbegin\nc 3\nend\nbye\n";

/// Judges a container that has written a report twice, and runs.
async fn check_report(step: &str, expected: &str) {
    stage(&format!(
        "stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\nthen: [{{log-assert: {{service: web, {step}}}]\n"
    ))
    .engine(|fake| {
        fake.script("web", Script::new().out(REPORT).after(5).out("late\n"));
    })
    .check(&format!("image `busybox` present\ngiven[1] passed\n{expected}"))
    .await;
}

fn failed(why: &str) -> String {
    format!("then[1] failed: {why}\n= failed\nexit 1")
}

const HOLDS: &str = "then[1] passed\n= passed";

#[tokio::test(start_paused = true)]
async fn the_first_of_an_order_that_is_missing_is_told_with_its_number() {
    check_report("ordered: [begin, b, a, end, bye]}", HOLDS).await;
    check_report(
        "ordered: [begin, a 2, b 1]}",
        &failed("#3 of `ordered`: no line of `web` contains `b 1` after the line that contains `a 2`"),
    )
    .await;
    check_report(
        "ordered: [FATAL, begin]}",
        &failed("#1 of `ordered`: no line of `web` contains `FATAL`"),
    )
    .await;
    check_report("ordered: [bye, late]}, within: 9s", HOLDS).await;
}

#[tokio::test(start_paused = true)]
async fn only_what_is_between_two_lines_is_judged() {
    let between = "between: {after: begin, before: end}";
    check_report(
        &format!("{between}}}, expect: {{count: 4, lines: {{contains: c 3}}}}"),
        HOLDS,
    )
    .await;
    check_report(&format!("{between}, never: [noise, bye]}}"), HOLDS).await;
    check_report(
        &format!("{between}, contains: noise}}"),
        &failed("no line of `web` contains `noise` in the part that is `between` -> 0"),
    )
    .await;
    check_report("between: {from: begin, to: end}}, expect: {count: 8}", HOLDS).await;
    check_report("between: {after: end}, last: bye}", HOLDS).await;
    check_report("between: {before: begin}}, expect: {lines: [noise]}", HOLDS).await;
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_between_two_lines_nothing_holds() {
    check_report(
        "between: {after: nosuch}, never: [FATAL]}",
        &failed("no line of `web` contains `nosuch`: nothing is between the lines of `between`"),
    )
    .await;
    check_report(
        "between: {after: begin, before: nosuch}, never: [FATAL]}",
        &failed(
            "no line of `web` contains `nosuch` after the line that contains `begin`: what is `between` has no end",
        ),
    )
    .await;
    check_report(
        "between: {after: bye, before: late}, never: [FATAL]}, within: 9s",
        HOLDS,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_last_line_is_judged_as_of_now_or_of_some_time() {
    check_report("last: {matches: '^bye$'}}", HOLDS).await;
    check_report("last: late}", &failed("the last line of `web` is another one -> bye")).await;
    check_report("last: late}, within: 9s", HOLDS).await;
    check_report("last: bye, ignore: [late]}, within: 9s, holds-for: 9s", HOLDS).await;
    check_report(
        "last: bye}, holds-for: 9s",
        &failed("the last line of `web` is another one -> late"),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_a_condition_on_lines_all_of_them_are_meant() {
    check_report("stream: stderr}, expect: {count: 0}", HOLDS).await;
    check_report(
        "stream: stderr}, expect: {count: {ge: 1}}",
        &failed("`web` (stderr) has written no line -> 0"),
    )
    .await;
    check_report("ignore: [noise]}, expect: {count: 9}", HOLDS).await;
}

/// Compares a log with a golden file of that text.
async fn check_golden(step: &str, golden: &str, expected: &str) {
    let body = format!("stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\nthen: [{{log-assert: {{service: web, {step}}}]\n");
    stage(&body)
        .file("log.txt", golden)
        .engine(|fake| {
            fake.script("web", Script::new().out(REPORT));
        })
        .check(&format!("image `busybox` present\ngiven[1] passed\n{expected}"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_log_is_compared_with_a_golden_file_line_by_line() {
    let part = "between: {after: begin, before: end}, ignore: [{matches: '^#'}]}";
    let golden = |more: &str| format!("{part}, expect: {{lines: {{golden: {{file: log.txt{more}}}}}}}");
    check_golden(&golden(""), "b 1\na 2\nc [..]\n", HOLDS).await;
    check_golden(&golden(""), "b 1\nc [..]\n", &failed("`lines` differs from `log.txt`")).await;
    let sorted = ", replace: [{matches: '\\d', with: N}], sort: true";
    check_golden(&golden(sorted), "a N\nb N\nc N\n", HOLDS).await;
    check_golden(&golden(sorted), "c N\nb N\na N\n", HOLDS).await;
    check_golden(
        "stream: stderr}, expect: {count: 0, lines: {golden: log.txt}}",
        "\n",
        &failed("`lines` and `log.txt` are both empty: that shows nothing"),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_golden_file_of_a_log_is_written_anew() {
    let part = "between: {after: begin, before: end}, ignore: [{matches: '^#'}]}";
    let stage = stage(&format!(
        "stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\n\
         then: [{{log-assert: {{service: web, {part}, expect: {{lines: {{golden: log.txt}}}}}}]\n"
    ))
    .update()
    .engine(|fake| {
        fake.script("web", Script::new().out(REPORT));
    });
    stage
        .check(
            "image `busybox` present
             given[1] passed
             note: `log.txt` was written anew (`--update`)
             then[1] passed
             = passed",
        )
        .await;
    let file = std::fs::read_to_string(stage.folder.path().join("log.txt")).unwrap();
    assert_eq!(file, "b 1\na 2\nc 3\n");
}

/// The details of the first fault of a check of a log of these lines, as `title: text`.
async fn told(log: &'static str, step: &str) -> Vec<String> {
    let stage = stage(&format!(
        "stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\nthen: [{{log-assert: {{service: web, {step}}}}}]\n"
    ))
    .engine(|fake| {
        fake.script("web", Script::new().out(log));
    });
    let events = stage.events().await;
    let mut faults = events.into_iter().filter_map(|event| match event.what {
        crate::event::What::StepEnded { step, faults, .. } if step.path == "then[1]" => Some(faults),
        crate::event::What::Note { text } => {
            assert!(text.contains("this `ignore` dropped no line"), "{text}");
            None
        }
        _ => None,
    });
    let fault = faults.next().unwrap().remove(0);
    let details = fault
        .details
        .iter()
        .filter(|detail| matches!(detail.title.as_str(), "read" | "searched"));
    let details = details.map(|detail| format!("{}: {}", detail.title, detail.text));
    std::iter::once(fault.message.clone()).chain(details).collect()
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_which_lines_were_searched() {
    const LOG: &str = "a\nbegin\nb\nc\nend\nd\nbegin\ne\n";
    let part = "between: {after: begin, before: end}";
    assert_eq!(
        told(LOG, &format!("{part}, contains: a")).await,
        [
            "no line of `web` contains `a` in the part that is `between`",
            "read: 8 lines, 0 fit",
            "searched: `web`: 3 of its 8 lines, from number 3 to 8"
        ]
    );
    assert_eq!(
        told(LOG, &format!("{part}, last: d")).await,
        [
            "the last line of `web` in the part that is `between` is another one",
            "read: 8 lines, 0 fit",
            "searched: `web`: only its last line, number 8 of 8"
        ]
    );
    assert_eq!(
        told(LOG, "last: d").await[2],
        "searched: `web`: only its last line, number 8 of 8"
    );
    assert_eq!(told(LOG, "contains: x").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_ignore_that_drops_nothing_is_told_where_the_step_fails_too() {
    let stage = stage(
        "stacks: {s: web.yml}\ngiven: [{up: s}]\nthen: [{log-assert: {service: web, contains: x, ignore: [nosuch]}}]\n",
    )
    .engine(|fake| {
        fake.script("web", Script::new().out("a\n"));
    });
    stage
        .check(
            "image `busybox` present
             given[1] passed
             note: one.yaml:4:58: this `ignore` dropped no line
             then[1] failed: no line of `web` contains `x` -> 0
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_last_lines_of_three_containers_are_shown_and_the_others_are_counted() {
    for (replicas, more) in [
        (3, None),
        (4, Some("the last lines of 1 more container")),
        (5, Some("the last lines of 2 more containers")),
    ] {
        let body = "stacks: {s: several.yml}\nsteps: [up: s, {log-assert: {service: web, contains: x}, within: 1s}]\n";
        let file = format!("services: {{web: {{image: busybox, scale: {replicas}}}}}");
        let events = stage(body).file("several.yml", &file).events().await;
        let fault = &super::swarm_stacks::faults(&events)[0];
        let shown = fault.details.iter().filter(|it| it.title.starts_with("last lines of"));
        assert_eq!(shown.count(), 3);
        let left = fault.details.iter().find(|it| it.title == "not shown");
        assert_eq!(left.map(|it| it.text.as_str()), more);
    }
}
