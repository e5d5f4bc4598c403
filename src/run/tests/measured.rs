//! `measure`: limits, baselines, and what is told of values.

use std::path::PathBuf;

use super::{Stage, stage};
use crate::event::{Measure, What};
use crate::plan::Baselining;

fn measures(body: &str) -> Stage {
    stage(&format!("vars: {{took: 1.5}}\nthen:\n{body}\n"))
}

/// The same, with a baseline of these values of the case `one`.
fn with_baseline(body: &str, values: &str, update: bool) -> Stage {
    let stage = measures(body).file("baseline.json", &format!("{{\"measures\": [{values}]}}"));
    let file: Option<PathBuf> = Some(stage.folder.path().join("baseline.json"));
    Stage {
        baseline: Baselining { file, update },
        ..stage
    }
}

const OLD: &str = r#"{"case": "one", "name": "a", "value": 1.0, "unit": "s"}"#;

async fn told(stage: &Stage) -> Vec<Measure> {
    let events = stage.events().await;
    let measures = events.into_iter().filter_map(|event| match event.what {
        What::Measured { measure, .. } => Some(measure),
        _ => None,
    });
    measures.collect()
}

#[tokio::test(start_paused = true)]
async fn a_value_beyond_its_limits_fails_and_all_that_does_is_told() {
    measures(
        "  - measure: {name: a, value: '${{ took }}', unit: s, max: 2, min: 1s}
  - measure: {name: b, value: '${{ took }}', unit: s, max: 900ms, min: '${{ (probes | length) + 2 }}'}
  - measure: {name: c, value: 3MiB, unit: MiB, max: 2MiB}
  - measure: {name: d, value: '${{ probes | length }}', max: 5s}",
    )
    .check(
        "then[1] passed
         then[2] failed: `b` is more than its `max` -> 1.5 s: `b` is less than its `min` -> 1.5 s
         then[3] failed: `c` is more than its `max` -> 3 MiB
         then[4] errored: `0` has no unit and `max` is a duration
         = errored
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_duration_that_a_template_is_given_is_one() {
    let template = "template: slow\nparameters: {took: {}, limit: {}}\nsteps:\n\
         - {measure: {name: a, value: '${{ took }}', unit: s, max: '${{ limit }}'}}\n\
         - {measure: {name: b, value: '${{ limit }}'}}\n\
         - {measure: {name: c, value: '${{ limit }}', unit: ms, min: 1s}}\n";
    measures("  - use: {template: slow.yaml, with: {took: '${{ took }}', limit: 300ms}}")
        .file("slow.yaml", template)
        .check(
            "then[1].use[1] failed: `a` is more than its `max` -> 1.5 s
             then[1].use[2] passed
             then[1].use[3] failed: `c` is less than its `min` -> 300 ms
             then[1] failed
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_number_is_an_error() {
    stage("steps: [{http: 'http://x/get', save: {page: body}}]\nthen: [{measure: {name: a, value: '${{ page }}'}}]\n")
        .check(
            "steps[1] passed
             then[1] errored: `get` is neither a number nor a duration nor a size
             = errored
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_value_is_compared_with_its_baseline_in_the_way_that_is_better() {
    let check = async |keys: &str, expected: &str| {
        let body = format!("  - measure: {{name: a, value: '${{{{ took }}}}', {keys}}}");
        with_baseline(&body, OLD, false).check(expected).await;
    };
    let passed = "then[1] passed\n= passed";
    let failed = "then[1] failed: `a` is worse than its baseline allows -> 1.5 s\n= failed\nexit 1";
    check("unit: s", passed).await;
    check("unit: s, tolerance: 50%", passed).await;
    check("unit: s, tolerance: 49%", failed).await;
    check("unit: s, tolerance: 600ms", passed).await;
    check("unit: s, tolerance: 10%, better: higher", passed).await;
    check(
        "unit: ms, tolerance: 10%, better: higher",
        "then[1] failed: `a` is worse than its baseline allows -> 1.5 ms\n= failed\nexit 1",
    )
    .await;
    check(
        "unit: rows, tolerance: 10%",
        "then[1] errored: the baseline of this value has another unit\n= errored\nexit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_a_value_in_the_baseline_nothing_is_compared_which_is_told() {
    let body = "  - measure: {name: b, value: 3, unit: s, tolerance: 10%}
  - measure: {name: a, value: 3, unit: s}";
    let all = told(&with_baseline(body, OLD, false)).await;
    let known: Vec<_> = all.iter().map(|it| (it.unknown, it.baseline, it.good)).collect();
    assert_eq!(known, [(true, None, true), (false, Some(1.0), true)]);
}

#[tokio::test(start_paused = true)]
async fn a_baseline_that_is_written_anew_is_compared_with_nothing() {
    let body = "  - measure: {name: a, value: 3, unit: s, tolerance: 10%}";
    with_baseline(body, OLD, true).check("then[1] passed\n= passed").await;
}
