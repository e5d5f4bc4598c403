//! `log-scan` at the end of a case.

use std::time::Duration;

use super::{Stage, stage};
use crate::engine::fake::{Reply, Script};

/// Which of the engine's lists of containers the first look at the logs begins with.
const FIRST_LOOK: u64 = 5;

/// A stage whose container writes this.
pub(super) fn writes(script: Script, body: &str) -> Stage {
    stage(&format!("stacks: {{s: web.yml}}\ngiven: [{{up: s}}]\n{body}")).engine(|fake| {
        fake.script("web", script);
    })
}

pub(super) async fn check(script: Script, body: &str, expected: &str) {
    let expected = format!("image `busybox` present\ngiven[1] passed\n{expected}");
    writes(script, body).check(&expected).await;
}

const LOG: &str = "one\ntwo\nERROR: three\nfour\nERROR: five\n";

#[tokio::test(start_paused = true)]
async fn a_line_that_no_log_may_have_fails_the_scenario() {
    let script = || Script::new().out(LOG);
    let found = "steps[1] passed
         = failed: a line that no log may have, in that of `web`: it contains `ERROR` -> ERROR: three
         exit 1";
    check(script(), "steps: [assert: 'true']\nlog-scan: {never: [ERROR]}\n", found).await;
    check(
        script(),
        "steps: [assert: 'true']\nlog-scan: {never: [nosuch, ERROR], services: [web]}\n",
        found,
    )
    .await;
    check(
        script(),
        "steps: [assert: 'true']\nlog-scan: {never: [ERROR, {matches: '^f'}]}\n",
        "steps[1] passed
         = failed: a line that no log may have, in that of `web`: it contains `ERROR` -> ERROR: three: \
         a line that no log may have, in that of `web`: it matches `^f` -> four
         exit 1",
    )
    .await;
    check(
        script(),
        "steps: [assert: 'true']\nlog-scan: {never: [nosuch]}\n",
        "steps[1] passed\n= passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_finding_has_its_neighbours_and_the_number_of_its_like() {
    let stage = writes(
        Script::new().out(LOG),
        "steps: [assert: 'true']\nlog-scan: {never: [ERROR]}\n",
    );
    let events = stage.events().await;
    let faults = events.iter().find_map(|event| match &event.what {
        crate::event::What::CaseEnded { faults, .. } => Some(faults.clone()),
        _ => None,
    });
    let fault = faults.unwrap().remove(0);
    let details: Vec<&str> = fault.details.iter().map(|detail| detail.text.as_str()).collect();
    assert_eq!(
        details,
        [
            "  one\n  two\n> ERROR: three\n  four\n  ERROR: five",
            "2; this is the first"
        ]
    );
    assert_eq!((fault.place.unwrap().line, fault.hint.is_some()), (5, true));
}

#[tokio::test(start_paused = true)]
async fn what_may_be_there_is_no_finding_and_what_allows_nothing_is_told() {
    let ignore = |lines: &str| format!("steps: [assert: 'true']\nlog-scan: {{never: [ERROR], ignore: [{lines}]}}\n");
    check(
        Script::new().out(LOG),
        &ignore("{contains: three, reason: known}, {matches: 'five$', reason: known}"),
        "steps[1] passed\n= passed",
    )
    .await;
    // One that fits only lines that nobody forbids allows nothing, either.
    check(
        Script::new().out(LOG),
        &ignore("{contains: ERROR, reason: known}, {contains: four, reason: known}"),
        "steps[1] passed
         note: one.yaml:5:82: this `ignore` of `log-scan` allowed no line
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_projects_rules_hold_beside_the_scenarios() {
    let script = || Script::new().out(LOG);
    let check = async |project: &str, scan: &str, expected: &str| {
        writes(script(), &format!("steps: [assert: 'true']\n{scan}"))
            .file("e2erun.yaml", project)
            .check(&format!(
                "image `busybox` present\ngiven[1] passed\nsteps[1] passed\n{expected}"
            ))
            .await;
    };
    let found = "= failed: a line that no log may have, in that of `web`: it contains `ERROR` -> ERROR: three\nexit 1";
    check("log-scan: {never: [ERROR]}\n", "", found).await;
    check("log-scan: {never: [ERROR], services: [other]}\n", "", "= passed").await;
    let known = "log-scan: {ignore: [{contains: ERROR, reason: known here}]}\n";
    check("log-scan: {never: [ERROR]}\n", known, "= passed").await;
    // Of the project's nobody knows whether another scenario needs them.
    let unused = "log-scan: {never: [nosuch], ignore: [{contains: ERROR, reason: known}]}\n";
    check(unused, "", "= passed").await;
}

#[tokio::test(start_paused = true)]
async fn a_scenarios_own_scan_is_a_check_and_the_projects_is_none() {
    let body = "steps: [stop: web]\n";
    check(
        Script::new().out(LOG),
        &format!("{body}log-scan: {{never: [nosuch]}}\n"),
        "steps[1] passed\n= passed",
    )
    .await;
    let expected = "image `busybox` present\ngiven[1] passed\nsteps[1] passed\n= not verified";
    writes(Script::new().out(LOG), body)
        .file("e2erun.yaml", "log-scan: {never: [nosuch]}\n")
        .check(expected)
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_has_no_log_is_told_and_checks_nothing() {
    stage("steps: [copy: {content: x, to: '${{ scratch }}/x'}]\nlog-scan: {never: [ERROR]}\n")
        .check(
            "steps[1] passed
             note: one.yaml:3:11: `log-scan` had no log to look through: there was no such container
             = not verified",
        )
        .await;
}

// On the real clock: a paused one runs to the limits of a real process while that works.
#[tokio::test]
async fn a_service_that_there_is_not_is_an_error_at_its_place() {
    let scan = "log-scan: {never: [ERROR], services: ['${{ name }}']}\n";
    let stage = writes(
        Script::new().out(LOG),
        &format!("steps: [{{shell: echo wob, save: {{name: stdout}}}}]\n{scan}"),
    );
    let events = stage.events().await;
    let faults = events.iter().find_map(|event| match &event.what {
        crate::event::What::CaseEnded { faults, .. } => Some(faults.clone()),
        _ => None,
    });
    let fault = faults.unwrap().remove(0);
    let place = fault.place.unwrap();
    assert_eq!(
        (fault.message.as_str(), place.line, place.column),
        ("unknown service `wob`", 5, 39)
    );
    assert!(stage.told(&events).contains("exit 3"), "{}", stage.told(&events));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_cannot_be_read_is_no_clean_one() {
    let gap = "the log of `web` is not whole, and may have had what no log may have: ";
    let stage = writes(
        Script::new().out(LOG).driver("none"),
        "steps: [assert: 'true']\nlog-scan: {never: [nosuch]}\n",
    );
    let told = stage.told(&stage.events().await);
    assert!(
        told.contains(&format!("= errored: {gap}")) && told.contains("exit 3"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_finding_lets_on_failure_run() {
    check(
        Script::new().out(LOG),
        "steps: [assert: 'true']\non-failure: [assert: 'true']\nlog-scan: {never: [ERROR]}\n",
        "steps[1] passed
         on-failure[1] passed
         = failed: a line that no log may have, in that of `web`: it contains `ERROR` -> ERROR: three
         exit 1",
    )
    .await;
}

const TRACE: &str = "start\nERROR: failed\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\n  \
                     File \"a.py\", line 9, in g\n    h()\nKeyError: 'x'\none\ntwo\nthree\nfour\n";

/// What a finding is told with.
async fn found(log: &'static str, scan: &str) -> (String, String) {
    let stage = writes(
        Script::new().out(log),
        &format!("steps: [assert: 'true']\nlog-scan: {{{scan}}}\n"),
    );
    let events = stage.events().await;
    let mut faults = events.into_iter().find_map(|event| match event.what {
        crate::event::What::CaseEnded { faults, .. } => Some(faults),
        _ => None,
    });
    let fault = faults.take().unwrap().remove(0);
    (fault.actual.unwrap(), fault.details[0].text.clone())
}

#[tokio::test(start_paused = true)]
async fn a_finding_has_its_whole_traceback() {
    let (line, around) = found(TRACE, "never: [Traceback]").await;
    assert_eq!(line, "Traceback (most recent call last):");
    let expected = "  start\n  ERROR: failed\n> Traceback (most recent call last):\n    File \"a.py\", line 1, in f\n      g()\n    \
                    File \"a.py\", line 9, in g\n      h()\n  KeyError: 'x'\n  one\n  two\n  three";
    assert_eq!(around, expected);
    let (line, around) = found(TRACE, "never: [KeyError]").await;
    assert_eq!(line, "KeyError: 'x'");
    assert!(around.starts_with("  Traceback (most recent call last):\n"), "{around}");
    assert!(around.ends_with("\n> KeyError: 'x'\n  one\n  two\n  three"), "{around}");
}

#[tokio::test(start_paused = true)]
async fn a_joined_traceback_is_judged_as_one() {
    let (line, around) = found(TRACE, "never: [{matches: '(?s)Traceback.*KeyError'}], join: tracebacks").await;
    assert!(
        line.starts_with("Traceback") && line.ends_with("KeyError: 'x'"),
        "{line}"
    );
    assert!(around.ends_with("> KeyError: 'x'\n  one\n  two\n  three"), "{around}");
    check(
        Script::new().out(TRACE),
        "steps: [assert: 'true']
log-scan: {never: [Traceback], ignore: [{contains: 'KeyError', reason: known}], join: tracebacks}\n",
        "steps[1] passed\n= passed",
    )
    .await;
    // The last one ends with the log.
    let last = "one\nTraceback (most recent call last):\n  f()\nValueError: y\n";
    let (line, _) = found(last, "never: [ValueError], join: tracebacks").await;
    assert!(line.starts_with("Traceback"), "{line}");
}

// Its shell is a real one, and runs in real time.
#[tokio::test]
async fn what_a_process_in_the_background_writes_is_looked_through_too() {
    let stage = stage(
        "steps:
  - shell: {command: 'echo ERROR: here; echo more', background: job}
  - log-assert: {process: job, contains: more}
    within: 10s
log-scan: {never: [ERROR]}\n",
    );
    stage
        .check(
            "steps[1] passed
             steps[2] passed
             = failed: a line that no log may have, in that of `job`: it contains `ERROR` -> ERROR: here
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn logs_that_were_not_read_to_their_end_because_of_an_interruption_are_an_error() {
    let body =
        "steps: [assert: 'true']\ncleanup: [{http: 'http://x/late', within: 200s}]\nlog-scan: {never: [nosuch]}\n";
    let stage = writes(Script::new().out(LOG), body)
        .answers("late", &[(0, 500, "no")])
        .interrupted_at(5000)
        .interrupted_at(6000);
    stage
        .check(
            "image `busybox` present
             given[1] passed
             steps[1] passed
             cleanup[1] errored: interrupted
             = errored: interrupted: the logs were not looked through to their end
             interrupted
             exit 130",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_look_that_was_not_done_in_time_is_made_up_for_by_the_next_one() {
    // The engine's list is what a look begins with; here all of them come too late, or only that of the first look.
    let late = |lists: &[u64]| {
        let stage = writes(
            Script::new().out(LOG),
            "steps: [assert: 'true']\non-failure: [assert: 'true']\nlog-scan: {never: [nosuch]}\n",
        );
        stage.engine(|fake| {
            for list in lists {
                fake.call("containers", *list, Reply::Late(Duration::from_secs(121)));
            }
        })
    };
    let begun = "image `busybox` present\ngiven[1] passed\nsteps[1] passed\non-failure[1] passed\n";
    late(&[FIRST_LOOK]).check(&format!("{begun}= passed")).await;
    let why = "the logs were not looked through to their end within 2m";
    late(&[FIRST_LOOK, FIRST_LOOK + 1, FIRST_LOOK + 2])
        .check(&format!("{begun}= errored: {why}\nexit 3"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_line_may_be_there_for_what_stands_before_it() {
    let log = |between: usize| format!("asked to stop\n{}ERROR: three\n", "going on\n".repeat(between));
    let body = "steps: [assert: 'true']
log-scan: {never: [ERROR], ignore: [{contains: three, after: {matches: '^asked'}, reason: its end}]}\n";
    check(Script::new().out(log(9)), body, "steps[1] passed\n= passed").await;
    // Too far, behind it, and nowhere.
    for log in [log(10), "ERROR: three\nasked to stop\n".to_owned(), LOG.to_owned()] {
        let stage = writes(Script::new().out(log.clone()), body);
        let told = stage.told(&stage.events().await);
        let failed = told.contains("it contains `ERROR` -> ERROR: three") && told.contains("allowed no line");
        assert!(failed, "{log} {told}");
    }
    let joined = "steps: [assert: 'true']
log-scan: {never: [ERROR], join: tracebacks, ignore: [{contains: three, after: asked, reason: its end}]}\n";
    check(Script::new().out(log(2)), joined, "steps[1] passed\n= passed").await;
}
