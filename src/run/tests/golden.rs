//! Golden files: where one is missing, and what `--update` writes and does not write.

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

#[tokio::test(start_paused = true)]
async fn lines_of_a_golden_file_that_still_fit_stay_as_they_are() {
    let check = async |standing: &str, note: &str, expected: &str| {
        let stage = stage("then: [{http: 'http://x/get', expect: {body: {golden: told.txt}}}]\n")
            .answers("get", &[(0, 200, "at 17:00\nnew\nby me")])
            .update();
        let file = stage.folder.path().join("told.txt");
        std::fs::write(&file, standing).unwrap();
        stage.check(&format!("{note}then[1] passed\n= passed")).await;
        assert_eq!(std::fs::read_to_string(file).unwrap(), expected);
    };
    let fits = "at [..]\nnew\nby [..]\n";
    check(fits, "", fits).await;
    let note = "note: `told.txt` was written anew (`--update`)\n";
    check("at [..]\nold\nby [..]\n", note, fits).await;
}

#[tokio::test(start_paused = true)]
async fn lines_in_any_order_may_have_any_text_in_them() {
    let check = async |standing: &str, answer: &'static str, expected: &str| {
        let stage = stage("then: [{http: 'http://x/get', expect: {body: {golden: {file: told.txt, sort: true}}}}]\n")
            .answers("get", &[(0, 200, answer)]);
        std::fs::write(stage.folder.path().join("told.txt"), standing).unwrap();
        stage.check(expected).await;
    };
    check(
        "b at [..]\n[..] came\n",
        "zoe came\nb at 9\n",
        "then[1] passed\n= passed",
    )
    .await;
    let differs = "then[1] failed: `body` differs from `told.txt`\n= failed\nexit 1";
    check("b at [..]\n[..] came\n", "zoe went\nb at 9\n", differs).await;
}
