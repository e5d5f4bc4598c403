//! Golden files: where one is missing, and what `--update` does not write.

use super::stage;

#[tokio::test(start_paused = true)]
async fn a_golden_file_that_is_not_there_is_told_where_it_is_named() {
    let stage = stage("then: [{http: 'http://x/get', expect: {body: {golden: nosuch.txt}}}]\n");
    let events = stage.events().await;
    let faults = events.iter().find_map(|event| match &event.what {
        crate::event::What::StepEnded { faults, .. } => Some(faults.clone()),
        _ => None,
    });
    let fault = faults.unwrap().remove(0);
    assert_eq!(fault.message, "there is no golden file `nosuch.txt` yet");
    assert!(fault.hint.unwrap().starts_with("`--update` writes it"));
    assert!(fault.place.unwrap().column > 50);
}

#[tokio::test(start_paused = true)]
async fn a_golden_file_is_not_written_of_what_is_hidden_unless_a_rule_takes_it_out() {
    let scenario = |golden: &str| {
        stage(&format!(
            "vars: {{token: s3cr3t-value}}\nmask: [token]\nthen: [{{http: 'http://x/get', expect: {{body: {{golden: {golden}}}}}}}]\n"
        ))
        .answers("get", &[(0, 200, "it is s3cr3t-value")])
        .update()
    };
    scenario("told.txt")
        .check(
            "then[1] errored: `told.txt` is not written: what was found has a hidden value in it
             = errored
             exit 3",
        )
        .await;
    scenario("{file: told.txt, replace: [{matches: 's3\\S+', with: TOKEN}]}")
        .check(
            "note: `told.txt` was written anew (`--update`)
             then[1] passed
             = passed",
        )
        .await;
}
