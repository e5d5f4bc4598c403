//! Outcomes of scenarios: tries, known issues, what is skipped; and which scenarios run at once.

use super::{Stage, stage};
use crate::event::What;

#[tokio::test(start_paused = true)]
async fn a_pass_after_a_failure_is_flaky_and_the_failure_is_kept() {
    let stage = stage("retries: 3\nsteps: [{http: 'http://x/flaky', within: 1s}]\ncleanup: [assert: true]\n")
        .answers("flaky", &[(0, 500, "no"), (1500, 200, "yes")]);
    stage
        .check(
            "steps[1] failed: `status` is 500
             cleanup[1] passed
             = failed, again
             steps[1] passed
             cleanup[1] passed
             = passed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_never_passes_failed_after_its_last_try() {
    stage("retries: 1\nsteps: [assert: 'false']\n")
        .check(
            "steps[1] failed: `false` is false
             = failed, again
             steps[1] failed: `false` is false
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_comparison_that_nobody_can_judge_is_an_error_and_hides_what_is_hidden() {
    let body = "vars: {n: '5551234', outage: 250ms}\nmask: [n]\nthen: [assert: n > 3, {assert: 'true', if: 'n == 5551234'}, assert: outage < '1s']\n";
    stage(body)
        .check(
            "then[1] errored: `n` is text (\"***\") and `3` is a number; write `n | int`, quote the number, or judge it with `expect`
             then[2] errored: `n` is text (\"***\") and `***` is a number, and these are never equal; write `n | int`, quote the number, or judge it with `expect`
             then[3] passed
             = errored
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_try_that_cannot_be_planned_is_an_error_of_its_own() {
    stage("retries: 2\nvars: {n: \"${{ 1 // (0 if 'try-2' in scratch else 1) }}\"}\nsteps: [assert: 'false']\n")
        .check(
            "steps[1] failed: `false` is false
             = failed, again
             = errored: it cannot be tried again: unable to calculate 1 // 0
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_later_try_reads_the_files_that_only_it_asks_for() {
    stage(
        "retries: 1
vars: {which: \"${{ 'second' if 'try-2' in scratch else 'first' }}\"}
stacks: {s: \"${{ which }}.yml\"}
steps: [up: s, {state-assert: {service: two}, expect: {running: 1}, if: which == 'second'}, assert: which == 'second']
",
    )
    .file("first.yml", "services: {one: {image: busybox}, two: {image: busybox}}")
    .file("second.yml", "services: {two: {image: busybox}}")
    .check(
        "image `busybox` present
         steps[1] passed
         steps[2] skipped: `if: which == 'second'` is false
         steps[3] failed: `which == 'second'` is false
         = failed, again
         steps[1] passed
         steps[2] passed
         steps[3] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_the_project_is_that_of_its_kind_unless_the_step_says_its_own() {
    let check = async |project: &str, step: &str, (limit, told): (f64, &str)| {
        let stage = stage(&format!("steps: [{step}]\n"))
            .file("e2erun.yaml", project)
            .answers("never", &[(3_600_000, 200, "yes")]);
        let events = stage.events().await;
        let hint = events.iter().find_map(|event| match &event.what {
            What::StepEnded { faults, .. } => faults.first()?.hint.clone(),
            _ => None,
        });
        // The folder is another one each time.
        let folder = stage.folder.path().strip_prefix("/").unwrap();
        let hint = hint.unwrap_or_default().replace(&format!("{}/", folder.display()), "");
        let shown = (events.last().unwrap().elapsed.round(), hint);
        assert_eq!(shown, (limit, told.to_owned()), "{project} {step}");
    };
    let (asks, of_its_own) = ("http: 'http://x/never'", "{http: 'http://x/never', timeout: 7s}");
    let (usual, of_kind) = ("its limit is `timeout`", "timeouts: {http: 5s}\n");
    check("vars: {}\n", asks, (10.0, usual)).await;
    check("timeouts: {exec: 2s}\n", asks, (10.0, usual)).await;
    check(
        of_kind,
        asks,
        (5.0, "its limit is one of the `timeouts` at e2erun.yaml:1:18"),
    )
    .await;
    check(of_kind, of_its_own, (7.0, "its limit is `timeout` at one.yaml:2:43")).await;
    check(
        "timeout: 3s\n",
        asks,
        (3.0, "its limit is `timeout` at e2erun.yaml:1:10"),
    )
    .await;
    let block = "{do: [{http: 'http://x/never'}]}";
    check(
        "timeouts: {do: 2s}\n",
        block,
        (2.0, "its limit is one of the `timeouts` at e2erun.yaml:1:16"),
    )
    .await;
}

/// A scenario with a known issue and one check.
async fn known(issue: &str, check: &str, expected: &str) {
    stage(&format!("known-issue: [{{{issue}}}]\nsteps: [assert: {check}]\n"))
        .check(expected)
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_known_issue_covers_the_failure_that_it_describes() {
    known(
        "reason: broken, link: 'http://t/7', matches: '1 == 2'",
        "1 == 2",
        "steps[1] failed: `1 == 2` is false
         = known issue: broken (http://t/7)",
    )
    .await;
    known(
        "reason: broken, matches: 'out of disk'",
        "1 == 2",
        "steps[1] failed: `1 == 2` is false
         = failed: not the known issue `broken`: the failure is another one: no line of it matches
         exit 1",
    )
    .await;
    known(
        "reason: broken",
        "1 == 1",
        "steps[1] passed
         = failed: passed, though it has a known issue: broken
         exit 1",
    )
    .await;
    known(
        "reason: broken, until: 2020-01-01",
        "1 == 2",
        "steps[1] failed: `1 == 2` is false
         = failed: not the known issue `broken`: it counts again since 2020-01-01
         exit 1",
    )
    .await;
    known(
        "reason: broken, if: 1 == 2",
        "1 == 1",
        "steps[1] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_known_issue_makes_no_failure_of_what_could_not_be_found_out() {
    stage("known-issue: [{reason: broken}]\ngiven: [assert: 1 == 2]\nthen: [assert: 'true']\n")
        .check(
            "given[1] failed: `1 == 2` is false
             then[1] errored: not checked: `given` failed
             = errored: not the known issue `broken`: the failure is another one: no line of it matches
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_known_issue_hides_no_other_failure() {
    let steps = "then:\n  - assert: 1 == 2\n  - assert: 3 == 4\n";
    let told = "then[1] failed: `1 == 2` is false\nthen[2] failed: `3 == 4` is false\n";
    stage(&format!(
        "known-issue: [{{reason: broken, matches: '1 == 2'}}]\n{steps}"
    ))
    .check(&format!(
        "{told}= failed: not the known issue `broken`: it describes a failure, and not this one: `3 == 4` is false
             exit 1"
    ))
    .await;
    stage(&format!(
        "known-issue: [{{reason: broken, matches: '1 == 2'}}, {{reason: bad, matches: '3 == 4'}}]\n{steps}"
    ))
    .check(&format!("{told}= known issue: broken; bad"))
    .await;
    stage(&format!("known-issue: [{{reason: broken}}]\n{steps}"))
        .check(&format!("{told}= known issue: broken"))
        .await;
    // What explains a result stands beside its first fault alone.
    stage("known-issue: [{reason: broken, matches: 'is there'}]\nthen: [{http: 'http://x/a', expect: {status: 201, body: there}}]\n")
        .answers("a", &[(0, 500, "nobody is there")])
        .check(
            "then[1] failed: `status` is not what was expected -> 500: `body` is not what was expected -> nobody is there
             = known issue: broken",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn where_nothing_was_checked_nobody_knows_of_the_known_issue() {
    stage("known-issue: [{reason: broken}]\nsteps: [{assert: 'true', if: 1 == 2}]\n")
        .check(
            "steps[1] skipped: `if: 1 == 2` is false
             = not verified",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_known_issue_is_looked_for_in_all_of_a_failures_text() {
    for matches in [
        "actual: 500",
        "^500$",
        "expected: 200",
        "^out of disk$",
        "(?s)500.*out of disk",
    ] {
        let body = format!(
            "known-issue: [{{reason: broken, matches: '{matches}'}}]\nsteps: [{{http: 'http://x/a', expect: {{status: 200}}}}]\n"
        );
        stage(&body)
            .answers("a", &[(0, 500, "out of disk")])
            .check(
                "steps[1] failed: `status` is not what was expected -> 500
                 = known issue: broken",
            )
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_built_or_pulled_for_what_is_skipped() {
    let with_images = "images: {app: {build: ./app}, old: {image: gone}}\nsteps: [assert: 'true']\n";
    stage(&format!("requires: {{env: [CI_TOKEN]}}\n{with_images}"))
        .scenario(
            "two",
            &format!("skip: [{{reason: not ported}}]\nstacks: {{s: fixed.yml}}\n{with_images}"),
        )
        .file("fixed.yml", "services: {web: {image: gone}}")
        .file("app/Dockerfile", "FROM busybox\n")
        .check(
            "1: = skipped: requires the environment variable CI_TOKEN
             2: = skipped: not ported",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_had_can_be_a_known_issue() {
    stage("known-issue: [{reason: no registry, matches: no registry in reach}]\nimages: {x: {image: gone}}\nsteps: [assert: 'true']\n")
        .check(
            "image `x` failed: image `gone` is not here and cannot be pulled: no registry in reach
             = known issue: no registry: image `gone` is not here and cannot be pulled: no registry in reach",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_required_and_not_there_skips_with_the_reason() {
    let mut stage = stage("requires: {env: [CI_TOKEN]}\nsteps: [assert: 'true']\n");
    stage.env.insert("UNSET_SECRET".to_owned(), String::new());
    stage
        .scenario("two", "requires: {engine: '>=99'}\nsteps: [assert: 'true']\n")
        .scenario(
            "three",
            "skip: [{if: 'false', reason: no}, {reason: not ported, link: 'http://t/1'}]\nsteps: [assert: 'true']\n",
        )
        .scenario("four", "requires: {env: [UNSET_SECRET]}\nsteps: [assert: 'true']\n")
        .check(
            "1: = skipped: requires the environment variable CI_TOKEN
             2: = skipped: requires engine >=99, found 20.10.24
             3: = skipped: not ported (http://t/1)
             4: = skipped: requires the environment variable UNSET_SECRET, which is empty",
        )
        .await;
}

const FIXED: &str = "stacks: {s: {compose: fixed.yml, substitute: {ports: none}}}
steps: [up: s, {http: 'http://x/a', holds-for: 2s}]
";

fn two(body: &str) -> Stage {
    stage(body)
        .scenario("two", &body.replace("2s", "9s"))
        .file("fixed.yml", "services: {web: {image: busybox, ports: ['8080:80']}}")
}

#[tokio::test(start_paused = true)]
async fn scenarios_with_a_port_in_common_run_one_after_the_other() {
    two(FIXED)
        .jobs(2)
        .check(
            "image `busybox` present
             1: steps[1] passed
             1: steps[2] passed
             1: = passed
             2: steps[1] passed
             2: steps[2] passed
             2: = passed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn no_more_scenarios_run_at_once_than_there_are_jobs() {
    let free = FIXED.replace("none", "all");
    let both = two(&free).jobs(2);
    let told = both.told(&both.events().await);
    let place = |line: &str| told.lines().position(|told| told == line);
    let ends = told.lines().position(|told| told.ends_with("= passed"));
    assert!(
        place("1: steps[1] passed") < ends && place("2: steps[1] passed") < ends,
        "{told}"
    );
    assert!(told.contains("1: = passed") && told.contains("2: = passed"), "{told}");
    both.fake.assert_clean();
    let one = "image `busybox` present
         1: steps[1] passed
         1: steps[2] passed
         1: = passed
         2: steps[1] passed
         2: steps[2] passed
         2: = passed";
    two(&free).jobs(1).check(one).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_told_whether_anything_was_there_to_be_looked_into() {
    for (body, expected) in [
        (
            "stacks: {s: web.yml}\nsteps: [up: s, assert: 'false']\n",
            [true].as_slice(),
        ),
        ("stacks: {s: web.yml}\nsteps: [assert: 'false', up: s]\n", &[false]),
    ] {
        let events = stage(body).events().await;
        let started = events.iter().filter_map(|event| match &event.what {
            What::CaseEnded { started, .. } => Some(*started),
            _ => None,
        });
        assert_eq!(started.collect::<Vec<_>>(), expected, "{body}");
    }
}
