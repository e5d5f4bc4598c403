//! Runs that were interrupted, and what was not run for another reason.

use snapbox::str;

use super::check;
use crate::diagnostic::Level;
use crate::event::{Fault, Outcome, Phase, What};
use crate::report::outcome::Rules;
use crate::report::{Piece, Reporters, Settings, sample};

#[test]
fn nothing_was_selected() {
    check(
        &sample::run_of(&[]),
        &Settings::default(),
        str![[r#"
      e2erun  0.1.0: 0 cases in 0 files, 2 at once
              engine 20.10.24 (API 1.41), compose 2.40.3, Linux 6.1 amd64

     summary  no case was selected
              passed over: 1 YAML file without a scenario

"#]],
    );
}

#[test]
fn problems_in_files() {
    let diagnostics = vec![sample::diagnostic(Level::Error), sample::diagnostic(Level::Warning)];
    check(
        &[sample::event(
            0.0,
            None,
            What::Invalid {
                diagnostics,
                rules: Rules::default(),
            },
        )],
        &Settings::default(),
        str![[r#"
error: unknown service `dbb`
  --> scenarios/shop.yaml:12:11

warning: unknown service `dbb`
  --> scenarios/shop.yaml:12:11

invalid: 1 problem; nothing was started

"#]],
    );
}

/// The lines after Ctrl-C of a run that was cleaning up already, and goes on to another step.
fn check_cleanup(settings: &Settings, expected: &str) {
    let at = || sample::place("scenarios/shop.yaml", 20, 5, "  - shell: dump");
    let started = |path: &str, phase: Phase, name: &str| {
        let step = sample::step(path, phase, name, at());
        sample::event(1.0, Some(1), What::StepStarted { step })
    };
    let before = [
        sample::run_started(vec![sample::case(1, "scenarios/shop.yaml", "shop")]),
        sample::event(0.5, Some(1), sample::case_started()),
        started("steps[1]", Phase::Steps, "up shop"),
        started("on-failure[1]", Phase::OnFailure, "shell dump"),
    ];
    let after = [
        sample::event(2.0, None, What::Interrupted { limit: 60.0 }),
        started("cleanup[1]", Phase::Cleanup, "shell reset"),
    ];
    let mut reporters = Reporters::new(settings);
    before.iter().for_each(|event| drop(reporters.event(event)));
    let pieces = after.iter().flat_map(|event| reporters.event(event));
    let told = pieces.map(|piece| match piece {
        Piece::Line(line) => line + "\n",
        Piece::Append(artifact) => panic!("the terminal has no files: {artifact:?}"),
    });
    assert_eq!(told.collect::<String>(), expected);
}

#[test]
fn what_is_still_done_after_an_interruption_is_told_where_no_status_shows_it() {
    let told = "  on-failure  shop: shell dump\n     cleanup  shop: shell reset\n";
    check_cleanup(&Settings::default(), told);
    let quiet = Settings {
        quiet: true,
        ..Settings::default()
    };
    check_cleanup(&quiet, "");
    let live = Settings {
        width: Some(80),
        ..Settings::default()
    };
    check_cleanup(&live, "");
}

#[test]
fn an_interrupted_run_tells_what_it_waited_for() {
    let mut events = sample::shop();
    events.retain(|event| event.elapsed <= 16.0);
    events.push(sample::event(
        16.0,
        None,
        What::Note {
            text: "interrupted: cleaning up".to_owned(),
        },
    ));
    events.push(sample::run_ended(
        true,
        vec![Fault::error("`gc` may have to remove what is left")],
    ));
    check(
        &events,
        &Settings {
            quiet: true,
            ..Settings::default()
        },
        str![[r#"
   not built    12.4s  broken
      failed    11.5s  the guest book keeps its entries  scenarios/book.yaml:14:21

errored: `gc` may have to remove what is left

──── errored  shop survives a restart [db=pg15]  scenarios/shop.yaml ────
errored: interrupted while it waited for `db` to be healthy
 --> scenarios/shop.yaml:9:5
  |
9 |   - up: shop
  |     ^
  = step: steps[1] `up shop`
  = last observation: `db` runs, health: starting

──── failed  the guest book keeps its entries  scenarios/book.yaml ────
failed: `json.$.members` has not the length that was expected
  --> scenarios/book.yaml:14:21
   |
14 |     expect: {json: {$.members: {length: 3}}}
   |                     ^
   = step: then[1] `the list has three members`, asked 47 times in 10.0s
   = expected: length 3
   =   actual: length 2: ["ann", "bob"]
   = last 2 lines of `web`:
     | GET /members 200
     | GET /members 200
   = hint: `web` was asked until the limit

failed: `body` is not as expected
 --> templates/page.yaml:4:5
  |
4 |   - http: {get: /}
  |     ^
  = step: then[2].use[1] `http get /`, 0.10s
  = used at: scenarios/book.yaml:16:5
  = difference: - expected, + actual
    @@ -1,4 +1,3 @@
     <ul>
     <li>ann</li>
    -<li>bob</li>
     </ul>

look inside: e2erun scenarios/book.yaml --keep failed

     errored           shop survives a restart [db=pg15]  scenarios/shop.yaml:9:5  (interrupted)
      failed    11.5s  the guest book keeps its entries  scenarios/book.yaml:14:21
 interrupted    45.2s  7 cases: 1 errored, 1 failed, 5 skipped

"#]],
    );
}

#[test]
fn what_was_not_reached_is_told_with_the_failure() {
    let step = |number: usize| {
        let place = sample::place("scenarios/all.yaml", number + 1, 5, "  - shell: make");
        sample::step(&format!("steps[{number}]"), Phase::Steps, "shell: make", place)
    };
    let cases = vec![sample::case(1, "scenarios/all.yaml", "case 1")];
    let mut events = vec![sample::run_started(cases)];
    let fault = Fault::failure("`exit` is not as expected");
    events.push(sample::event(
        1.0,
        Some(1),
        sample::step_ended(&step(1), Outcome::Failed, 0.5, vec![fault]),
    ));
    for number in 2..14 {
        let mut skipped = sample::step_ended(&step(number), Outcome::Skipped, 0.0, Vec::new());
        if let What::StepEnded { reason, .. } = &mut skipped {
            let why = if number == 2 {
                "`if` is false"
            } else {
                "not reached: a step before it failed"
            };
            *reason = Some(why.to_owned());
        }
        events.push(sample::event(1.0, Some(1), skipped));
    }
    events.push(sample::event(2.0, Some(1), sample::case_ended(Outcome::Failed, 1.0)));
    events.push(sample::run_ended(false, Vec::new()));
    check(
        &events,
        &Settings::default(),
        str![[r#"
      e2erun  0.1.0: 1 case in 1 file, 2 at once
              engine 20.10.24 (API 1.41), compose 2.40.3, Linux 6.1 amd64
      failed    1.00s  case 1  scenarios/all.yaml:2:5

──── failed  case 1  scenarios/all.yaml ────
failed: `exit` is not as expected
 --> scenarios/all.yaml:2:5
  |
2 |   - shell: make
  |     ^
  = step: steps[1] `shell: make`, 0.50s

11 steps not reached:
  steps[3] shell: make
  steps[4] shell: make
  steps[5] shell: make
  steps[6] shell: make
  steps[7] shell: make
  steps[8] shell: make
  steps[9] shell: make
  steps[10] shell: make
  steps[11] shell: make
  steps[12] shell: make
  and 1 more

look inside: e2erun scenarios/all.yaml --keep failed

     summary    45.2s  1 case: 1 failed
              passed over: 1 YAML file without a scenario
              longest waits:
                0.50s  shell: make  case 1  scenarios/all.yaml:2:5

"#]],
    );
}

#[test]
fn what_fail_fast_left_out_is_not_called_interrupted() {
    let mut events = sample::run_of(&[Outcome::Failed]);
    events[0] = sample::run_started(vec![
        sample::case(1, "scenarios/all.yaml", "case 1"),
        sample::case(2, "scenarios/all.yaml", "case 2"),
    ]);
    let mut reporters = Reporters::new(&Settings::default());
    for event in &events {
        reporters.event(event);
    }
    let reasons: Vec<_> = reporters.tally().cases().map(|case| case.reason()).collect();
    assert_eq!(reasons, [None, Some("not reached: the run ended before it".to_owned())]);
}
