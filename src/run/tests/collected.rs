//! What is copied into the results at a case's end.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::swarm_stacks::one;
use super::{Stage, stage};
use crate::engine::fake::{Reply, Script};
use crate::event::What;

/// The files below a folder and their texts.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

/// Runs it; gives what was collected, by path below the one container's folder, and the notes.
async fn collected(stage: &Stage) -> (BTreeMap<String, String>, Vec<String>) {
    let events = stage.events().await;
    let notes = events.into_iter().filter_map(|event| match event.what {
        What::Note { text } => Some(text),
        _ => None,
    });
    let all = files(&stage.folder.path().join("results/001-one/collected"));
    let below = |(path, text): (String, String)| (path.split_once('/').unwrap().1.to_owned(), text);
    (all.into_iter().map(below).collect(), notes.collect())
}

fn pairs(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    let all = expected
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    all.collect()
}

#[tokio::test(start_paused = true)]
async fn files_of_one_name_stand_at_their_own_paths_and_a_folder_may_hold_one_of_them() {
    let stage = stage(
        "stacks: {s: web.yml}
steps:
  - up: s
  - copy: {content: one, to: 'web:/a/x.log'}
  - copy: {content: two, to: 'web:/b/x.log'}
  - assert: 'false'
collect: ['web:/a/x.log', 'web:/b/x.log', 'web:/b', 'web:/b/../a/./x.log']
",
    );
    let (files, notes) = collected(&stage).await;
    assert_eq!(files, pairs(&[("a/x.log", "one"), ("b/x.log", "two")]));
    assert_eq!(notes, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_collected_is_told_and_keeps_nothing_else_back() {
    let stage = stage(
        "stacks: {s: web.yml, t: web.yml}
steps: [up: s, {copy: {content: one, to: 's/web:/x'}}, assert: 'true']
collect:
  - {path: 't/web:/x', when: always}
  - {path: 's/web:/gone', when: always}
  - {path: 's/web:/x', when: always}
",
    );
    let (files, notes) = collected(&stage).await;
    assert_eq!(files, pairs(&[("x", "one")]));
    let told = ["`t/web` has no container", "it is not there (in `web`)"];
    assert_eq!(notes.len(), told.len(), "{notes:?}");
    for (note, told) in notes.iter().zip(told) {
        assert!(note.contains("cannot collect") && note.contains(told), "{note}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_replica_has_is_told_once_with_their_names() {
    let stage = stage("stacks: {s: two.yml}\nsteps: [up: s, assert: 'false']\ncollect: ['web:/gone']\n")
        .file("two.yml", "services: {web: {image: busybox, scale: 2}}");
    let (_, notes) = collected(&stage).await;
    assert_eq!(notes.len(), 1, "{notes:?}");
    let told = "cannot collect `web:/gone`: it is not there (in `web.1`, `web.2`)";
    assert!(notes[0].ends_with(told), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn hidden_values_are_in_no_text_and_no_name() {
    let stage = stage(
        "mask: [token]
vars: {token: hunter2}
stacks: {s: web.yml}
steps:
  - up: s
  - copy: {content: 'is hunter2', to: 'web:/d/hunter2/a-hunter2.txt'}
  - copy: {content: 'hunter2', to: 'web:/hunter2'}
  - assert: 'false'
collect: ['web:/d', 'web:/${{ token }}']
",
    );
    let (files, notes) = collected(&stage).await;
    assert_eq!(files, pairs(&[("***", "***"), ("d/***/a-***.txt", "is ***")]));
    assert_eq!(notes, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_the_project_collects_is_silent_where_a_scenario_has_no_such_service() {
    let stage = stage("stacks: {s: web.yml}\nsteps: [up: s, assert: 'false']\n")
        .file("e2erun.yaml", "collect: ['db:/x', 'web:/gone']\n");
    let (files, notes) = collected(&stage).await;
    assert_eq!(files, pairs(&[]));
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("`web:/gone`: it is not there"), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn what_failed_in_the_end_is_left_for_a_look_and_what_is_known_is_not() {
    let body = "stacks: {s: web.yml}\nkeep: failed\nsteps: [up: s, assert: 'false']\n";
    for (more, expected) in [
        ("", 1),
        ("known-issue: [{reason: broken}]\n", 0),
        ("known-issue: [{reason: broken, matches: 'out of disk'}]\n", 1),
        ("retries: 1\n", 1),
    ] {
        let stage = stage(&format!("{more}{body}"));
        let events = stage.events().await;
        let kept = events.iter().filter(|event| matches!(event.what, What::Kept { .. }));
        let attempts: Vec<u64> = kept
            .map(|event| u64::from(event.case.as_ref().unwrap().attempt))
            .collect();
        assert_eq!(attempts.len(), expected, "{more}");
        let last = if more.contains("retries") { 2 } else { 1 };
        assert!(attempts.iter().all(|attempt| *attempt == last), "{more}");
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_something_to_look_into_also_where_a_swarm_has_removed_it_first() {
    let unplaced = || Script::new().unplaced("no suitable node");
    for (script, steps, expected) in [
        (Script::new(), "deploy: s, assert: 1 > 2", true),
        (unplaced(), "deploy: s", true),
        (Script::new(), "assert: 1 > 2", false),
        (Script::new(), "deploy: s, down: s, assert: 1 > 2", false),
    ] {
        let stage = one("", script, steps).engine(|fake| {
            // Before it answers, all that was ended is gone.
            fake.call("labelled", 1, Reply::Late(Duration::from_secs(30)));
        });
        let events = stage.events().await;
        let started = events.iter().find_map(|event| match &event.what {
            What::CaseEnded { started, .. } => Some(*started),
            _ => None,
        });
        assert_eq!(started, Some(expected), "{steps}\n{}", stage.told(&events));
        stage.fake.assert_clean();
    }
}
