//! When a change of a container's state is over.

use super::{Doing, judged, signal_name};
use crate::engine::world::{ContainerState, End, Run};

/// A container in a state, with its runs' exit codes: none for the one that goes on.
fn container(state: &str, runs: &[Option<i64>]) -> ContainerState {
    let runs = runs.iter().map(|exit| Run {
        started: 1,
        ended: exit.map(|exit| End {
            at: Some(2),
            exit: Some(exit),
        }),
    });
    let mut container = ContainerState::default();
    container.state = state.to_owned();
    container.runs = runs.collect();
    container
}

fn check(doing: Doing, before: usize, state: &str, runs: &[Option<i64>], expected: Option<Result<(), &str>>) {
    let verdict = judged(&container(state, runs), &doing, before);
    let expected = expected.map(|expected| expected.map_err(str::to_owned));
    assert_eq!(
        verdict, expected,
        "{doing:?} of one with {before} runs, now {state} after {runs:?}"
    );
}

#[test]
fn a_start_is_a_new_run_that_goes_on_or_did_its_work() {
    check(Doing::Start, 1, "exited", &[Some(0)], None);
    check(Doing::Start, 1, "running", &[Some(0), None], Some(Ok(())));
    check(Doing::Start, 1, "running", &[None], Some(Ok(())));
    check(Doing::Start, 1, "exited", &[Some(0), Some(0)], Some(Ok(())));
    let again = Some(Err("ended again at once, with exit code 2"));
    check(Doing::Start, 1, "exited", &[Some(0), Some(2)], again);
}

#[test]
fn a_restart_is_not_the_run_before() {
    check(Doing::Restart(None), 1, "running", &[None], None);
    check(Doing::Restart(None), 1, "exited", &[Some(137)], None);
    check(Doing::Restart(None), 1, "running", &[Some(137), None], Some(Ok(())));
}

#[test]
fn a_kill_is_over_when_the_run_has_ended_though_a_policy_started_another() {
    check(Doing::Crash("KILL".into()), 1, "running", &[None], None);
    check(
        Doing::Crash("KILL".into()),
        1,
        "running",
        &[Some(137), None],
        Some(Ok(())),
    );
    check(Doing::Kill("KILL".into()), 1, "exited", &[Some(137)], Some(Ok(())));
    check(Doing::Kill("HUP".into()), 1, "running", &[None], Some(Ok(())));
}

#[test]
fn other_states_are_the_engines_words() {
    check(Doing::Stop(None), 1, "running", &[None], None);
    check(Doing::Stop(None), 1, "exited", &[Some(0)], Some(Ok(())));
    check(Doing::Pause, 1, "running", &[None], None);
    check(Doing::Pause, 1, "paused", &[None], Some(Ok(())));
    check(Doing::Unpause, 1, "paused", &[None], None);
    check(Doing::Unpause, 1, "running", &[None], Some(Ok(())));
}

#[test]
fn signals_have_one_name() {
    for text in ["KILL", "SIGKILL", "sigkill", "9"] {
        assert_eq!(signal_name(text), "KILL");
    }
    assert_eq!(signal_name("hup"), "HUP");
}
