//! The exact lines of the terminal.

#![expect(clippy::too_many_lines, reason = "most of a test is the text that it expects")]

use snapbox::data::Inline;
use snapbox::{IntoData, str};

use crate::diagnostic::Level;
use crate::event::{Earlier, Event, Fault, Outcome, Phase, What};
use crate::report::outcome::Rules;
use crate::report::tally::Tally;
use crate::report::{Piece, Reporters, Settings, sample};

fn lines(events: &[Event], settings: &Settings) -> String {
    let mut reporters = Reporters::new(settings);
    let mut pieces: Vec<Piece> = events.iter().flat_map(|event| reporters.event(event)).collect();
    pieces.extend(reporters.end());
    pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Line(line) => line + "\n",
            Piece::Append(artifact) => panic!("the terminal has no files: {artifact:?}"),
        })
        .collect()
}

fn check(events: &[Event], settings: &Settings, expected: Inline) {
    snapbox::assert_data_eq!(lines(events, settings), expected.raw());
}

#[test]
fn a_run_with_each_outcome() {
    check(
        &sample::shop(),
        &Settings::default(),
        str![[r#"
      e2erun  0.1.0: 7 cases in 7 files, 2 at once
              engine 20.10.24 (API 1.41), compose 2.40.3, Linux 6.1 amd64
       built    12.4s  app
   not built    12.4s  broken
        note  removed what a dead run left: 2 containers
    retrying  shop survives a restart [db=pg15]: port 40123 was taken
      passed    13.0s  shop survives a restart [db=pg15]  scenarios/shop.yaml
      failed    11.5s  the guest book keeps its entries  scenarios/book.yaml:14:21
     retried    2.00s  sometimes  scenarios/flaky.yaml:8:5  try 1 failed
       flaky    2.00s  sometimes  scenarios/flaky.yaml  (passed on try 2)
     skipped           needs a swarm  scenarios/swarm.yaml  (requires swarm: the engine is in none)
     errored    0.00s  cannot be built  scenarios/build.yaml:4:3
not verified    0.50s  checks nothing  scenarios/empty.yaml  (nothing was checked)
 known issue    1.00s  out of disk  scenarios/known.yaml  (not ported yet)

──── errored  cannot be built  scenarios/build.yaml ────
errored: cannot build image `broken`
 --> scenarios/build.yaml:4:3
  |
4 |   broken: {build: ../fixtures/broken}
  |   ^
  = last 2 lines of the build:
    | step 2 of 3: exit code 1
    | make: no rule

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

──── flaky  sometimes  scenarios/flaky.yaml ────
try 1 of 2
failed: `exit` is not as expected
 --> scenarios/flaky.yaml:8:5
  |
8 |   - exec: {service: db, command: ask}
  |     ^
  = step: then[1] `exec db`, 1.00s
  = expected: 0
  =   actual: 1

     errored    0.00s  cannot be built  scenarios/build.yaml:4:3
      failed    11.5s  the guest book keeps its entries  scenarios/book.yaml:14:21
       flaky    2.00s  sometimes  scenarios/flaky.yaml  (passed on try 2)
not verified    0.50s  checks nothing  scenarios/empty.yaml  (nothing was checked)
     summary    45.2s  7 cases: 1 errored, 1 failed, 1 flaky, 1 not verified, 1 passed, 1 known issue, 1 skipped
              passed over: 1 YAML file without a scenario
              longest waits:
                12.3s  `db` to be healthy  shop survives a restart [db=pg15]  scenarios/shop.yaml:9:5
                10.0s  the list has three members  the guest book keeps its entries  scenarios/book.yaml:12:5
                1.00s  up book  the guest book keeps its entries  scenarios/book.yaml:7:5
                1.00s  exec db  sometimes  scenarios/flaky.yaml:8:5
                1.00s  exec db  sometimes  scenarios/flaky.yaml:8:5

"#]],
    );
}

#[test]
fn all_time_of_a_step_is_a_wait_and_a_block_has_none_of_its_own() {
    let mut tally = Tally::new(Rules::default());
    for event in sample::shop() {
        tally.event(&event);
    }
    let waits = tally.longest_waits(20).into_iter();
    let told: Vec<String> = waits
        .map(|one| format!("{:.1} {}", one.seconds, one.waits_for))
        .collect();
    let expected = [
        "12.3 `db` to be healthy",
        "10.0 the list has three members",
        "1.0 up book",
        "1.0 exec db",
        "1.0 exec db",
        "0.5 up shop, beside its waits",
        "0.1 http get /",
    ];
    assert_eq!(told, expected);
}

#[test]
fn quiet_tells_what_went_wrong_and_the_summary() {
    let settings = Settings {
        quiet: true,
        ..Settings::default()
    };
    check(
        &sample::shop(),
        &settings,
        str![[r#"
   not built    12.4s  broken
      failed    11.5s  the guest book keeps its entries  scenarios/book.yaml:14:21
       flaky    2.00s  sometimes  scenarios/flaky.yaml  (passed on try 2)
     errored    0.00s  cannot be built  scenarios/build.yaml:4:3
not verified    0.50s  checks nothing  scenarios/empty.yaml  (nothing was checked)

──── errored  cannot be built  scenarios/build.yaml ────
errored: cannot build image `broken`
 --> scenarios/build.yaml:4:3
  |
4 |   broken: {build: ../fixtures/broken}
  |   ^
  = last 2 lines of the build:
    | step 2 of 3: exit code 1
    | make: no rule

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

──── flaky  sometimes  scenarios/flaky.yaml ────
try 1 of 2
failed: `exit` is not as expected
 --> scenarios/flaky.yaml:8:5
  |
8 |   - exec: {service: db, command: ask}
  |     ^
  = step: then[1] `exec db`, 1.00s
  = expected: 0
  =   actual: 1

     errored    0.00s  cannot be built  scenarios/build.yaml:4:3
      failed    11.5s  the guest book keeps its entries  scenarios/book.yaml:14:21
       flaky    2.00s  sometimes  scenarios/flaky.yaml  (passed on try 2)
not verified    0.50s  checks nothing  scenarios/empty.yaml  (nothing was checked)
     summary    45.2s  7 cases: 1 errored, 1 failed, 1 flaky, 1 not verified, 1 passed, 1 known issue, 1 skipped

"#]],
    );
    check(
        &sample::run_of(&[Outcome::Passed]),
        &settings,
        str![[r#"

     summary    45.2s  1 case: 1 passed

"#]],
    );
}

#[test]
fn one_passed_case() {
    check(
        &sample::run_of(&[Outcome::Passed]),
        &Settings::default(),
        str![[r#"
      e2erun  0.1.0: 1 case in 1 file, 2 at once
              engine 20.10.24 (API 1.41), compose 2.40.3, Linux 6.1 amd64
      passed    1.00s  case 1  scenarios/all.yaml

     summary    45.2s  1 case: 1 passed
              passed over: 1 YAML file without a scenario

"#]],
    );
}

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
fn what_is_errored_and_failed_says_so() {
    check(
        &sample::errored_and_failed(),
        &Settings::default(),
        str![[r#"
      e2erun  0.1.0: 2 cases in 1 file, 2 at once
              engine 20.10.24 (API 1.41), compose 2.40.3, Linux 6.1 amd64
     errored    2.00s  both  scenarios/both.yaml:6:5  (failed, too)
     errored    0.00s  away  scenarios/both.yaml:1:11

──── errored  both  scenarios/both.yaml ────
failed: `status` is 500
 --> scenarios/both.yaml:6:5
  |
6 |   - http get /
  |     ^
  = step: then[1] `http get /`, 0.50s

errored (soft): the engine did not answer
 --> scenarios/both.yaml:4:5
  |
4 |   - exec db
  |     ^
  = step: steps[1] `exec db`, 0.50s

failed in `on-failure`: `exit` is 1
 --> scenarios/both.yaml:8:5
  |
8 |   - shell dump
  |     ^
  = step: on-failure[1] `shell dump`, 0.50s

failed in `cleanup`: `exit` is 1
  --> scenarios/both.yaml:10:5
   |
10 |   - shell tidy
   |     ^
   = step: cleanup[1] `shell tidy`, 0.50s

look inside: e2erun scenarios/both.yaml --name '^both$' --keep failed

     errored    2.00s  both  scenarios/both.yaml:6:5  (failed, too)
     errored    0.00s  away  scenarios/both.yaml:1:11
     summary    45.2s  2 cases: 2 errored (1 of them failed, too)
              passed over: 1 YAML file without a scenario
              longest waits:
                0.50s  exec db  both  scenarios/both.yaml:4:5
                0.50s  http get /  both  scenarios/both.yaml:6:5
                0.50s  shell dump  both  scenarios/both.yaml:8:5
                0.50s  shell tidy  both  scenarios/both.yaml:10:5

"#]],
    );
}

#[test]
fn strict_fails_what_checks_nothing() {
    let settings = Settings {
        rules: Rules {
            strict: true,
            flaky_fails: false,
        },
        ..Settings::default()
    };
    check(
        &sample::run_of(&[Outcome::NotVerified]),
        &settings,
        str![[r#"
      e2erun  0.1.0: 1 case in 1 file, 2 at once
              engine 20.10.24 (API 1.41), compose 2.40.3, Linux 6.1 amd64
      failed    1.00s  case 1  scenarios/all.yaml:1:11

──── failed  case 1  scenarios/all.yaml ────
failed: nothing was checked: `--strict` counts this as failed
 --> scenarios/all.yaml:1:11
  |
1 | scenario: case 1
  |           ^
  = hint: check something: an `expect`, or a check under `then`

     summary    45.2s  1 case: 1 failed
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
fn what_was_kept_is_told_also_of_a_passed_case() {
    let mut events = sample::run_of(&[Outcome::Passed, Outcome::Failed]);
    for number in [1, 2] {
        let text = format!("kept: docker exec -it case{number}-web-1 sh\nremove it: e2erun gc --run r1");
        events.insert(3, sample::event(1.5, Some(number), What::Kept { text }));
    }
    check(
        &events,
        &Settings {
            quiet: true,
            ..Settings::default()
        },
        str![[r#"
      failed    1.00s  case 2  scenarios/all.yaml:1:11

──── failed  case 2  scenarios/all.yaml ────
kept: docker exec -it case2-web-1 sh
remove it: e2erun gc --run r1

──── passed  case 1  scenarios/all.yaml ────
kept: docker exec -it case1-web-1 sh
remove it: e2erun gc --run r1

      failed    1.00s  case 2  scenarios/all.yaml:1:11
     summary    45.2s  2 cases: 1 failed, 1 passed

"#]],
    );
}

#[test]
fn a_long_source_line_is_cut_around_the_place_and_a_tab_is_four_wide() {
    let mut events = sample::run_of(&[Outcome::Failed]);
    let long = format!("\t- exec: {}{{bad}} {}", "x".repeat(200), "y".repeat(200));
    let fault = Fault::failure("first line\nsecond line").at(sample::place("a.yaml", 1234, 211, &long));
    let step = sample::step("then[1]", Phase::Then, "exec", sample::place("a.yaml", 1, 1, ""));
    events.insert(
        2,
        sample::event(
            1.5,
            Some(1),
            sample::step_ended(&step, Outcome::Failed, 0.5, vec![fault]),
        ),
    );
    let short = Fault::failure("short").at(sample::place("a.yaml", 7, 2, "\t- up: shop"));
    events.insert(
        3,
        sample::event(
            1.5,
            Some(1),
            sample::step_ended(
                &sample::step("then[2]", Phase::Then, "up", sample::place("a.yaml", 7, 2, "")),
                Outcome::Failed,
                0.5,
                vec![short],
            ),
        ),
    );
    check(
        &events,
        &Settings {
            quiet: true,
            ..Settings::default()
        },
        str![[r#"
      failed    1.00s  case 1  a.yaml:1234:211

──── failed  case 1  scenarios/all.yaml ────
failed: first line
  second line
    --> a.yaml:1234:211
     |
1234 | …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{bad} yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…
     |                                                              ^
     = step: then[1] `exec`, 0.50s

failed: short
 --> a.yaml:7:2
  |
7 |     - up: shop
  |     ^
  = step: then[2] `up`, 0.50s

look inside: e2erun scenarios/all.yaml --keep failed

     summary    45.2s  1 case: 1 failed

"#]],
    );
}

#[test]
fn no_output_of_a_program_draws_on_the_terminal_or_commands_github() {
    let text = "\x1b[2J\x1b]0;x\x07::error::x\n##[error]y\r::stop-commands::\u{202e}\0";
    let settings = Settings {
        github: false,
        ..Settings::default()
    };
    let plain = lines(&sample::hostile(text), &settings);
    assert!(plain.chars().all(|c| c == '\n' || !c.is_control()), "{plain:?}");
    // Only ours begin a line with a command.
    let settings = Settings {
        github: true,
        ..settings
    };
    let github = lines(&sample::hostile(text), &settings);
    for line in github.lines() {
        let ours = line.starts_with("::error file=") || line.starts_with("::warning file=");
        assert!(ours || !line.trim_start().starts_with("::"), "{line}");
        assert!(!line.contains("##["), "{line}");
    }
}

#[test]
fn colours_only_where_wanted() {
    let settings = Settings {
        color: true,
        ..Settings::default()
    };
    let painted = lines(&sample::shop(), &settings);
    assert!(painted.contains("\x1b[1m\x1b[31m      failed\x1b[0m"), "{painted}");
    assert_eq!(
        anstream::adapter::strip_str(&painted)
            .to_string()
            .replace(" \n", "\n")
            .trim_end(),
        {
            let plain = lines(&sample::shop(), &Settings::default());
            plain.trim_end().to_owned()
        }
    );
}

#[test]
fn the_status_says_what_is_waited_for_and_since_when() {
    let mut reporters = Reporters::new(&Settings::default());
    let status = |reporters: &Reporters, at: f64| -> String {
        reporters
            .status(at, 160)
            .iter()
            .map(|line| line.text() + "\n")
            .collect()
    };
    let events = sample::shop();
    let mut shown = Vec::new();
    for (until, at) in [
        (2.5, 2.7),
        (4.6, 4.8),
        (9.5, 12.0),
        (15.2, 15.2),
        (20.5, 20.6),
        (99.0, 99.0),
    ] {
        let told = reporters
            .tally()
            .runs
            .values()
            .map(|run| run.seconds)
            .fold(-1.0, f64::max);
        for event in events
            .iter()
            .filter(|event| event.elapsed > told && event.elapsed <= until)
        {
            reporters.event(event);
        }
        shown.push(status(&reporters, at));
    }
    snapbox::assert_data_eq!(shown.join("--\n"), str![[r#"
   preparing       3s  0 of 7 done, 2 images ready
--
     running       5s  0 of 7 done
                   1s  shop survives a restart [db=pg15]  up shop  waits for `db` to be healthy, 0s of 60s: `db` is starting
                   1s  the guest book keeps its entries  up book  1s
--
     running      12s  0 of 7 done
                   8s  shop survives a restart [db=pg15]  up shop  waits for `db` to be healthy, 8s of 60s: `db` runs, health: starting
                   8s  the guest book keeps its entries  the list has three members  7s
--
     running      15s  0 of 7 done
                  11s  shop survives a restart [db=pg15]  up shop  waits for `db` to be healthy, 11s of 60s: `db` runs, health: starting
                  11s  the guest book keeps its entries  starts
--
     running      21s  3 of 7 done, 1 failed
                   1s  sometimes (try 2)  exec db  1s
--

"#]].raw());
}

#[test]
fn a_narrow_terminal_keeps_what_is_waited_for_and_since_when() {
    let mut reporters = Reporters::new(&Settings::default());
    for event in sample::shop().iter().filter(|event| event.elapsed <= 9.5) {
        reporters.event(event);
    }
    let shown = [110, 80, 50].map(|width| {
        let lines = reporters.status(12.0, width).into_iter().skip(1);
        let lines: Vec<String> = lines.map(|line| line.text()).collect();
        assert!(lines.iter().all(|line| line.chars().count() <= width), "{lines:#?}");
        lines.join("\n") + "\n"
    });
    snapbox::assert_data_eq!(
        shown.join("--\n"),
        str![[r#"
                   8s  shop survives a restart [db=pg15]  up shop  waits for `db` to be healthy, 8s of 60s
                   8s  the guest book keeps its entries  the list has three members  7s
--
                   8s  shop survi…t [db=pg15]  waits for `db` to be …, 8s of 60s
                   8s  the guest book keeps its entries  the list has three…  7s
--
                   8s  waits for `db` …, 8s of 60s
                   8s  the guest … its entries  7s

"#]]
        .raw()
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

#[test]
fn what_is_judged_again_and_not_verified_is_told_once() {
    let told = |command: &[&str]| {
        let mut events = sample::run_of(&[Outcome::NotVerified, Outcome::Flaky, Outcome::NotVerified]);
        let What::RunStarted { command: own, .. } = &mut events[0].what else {
            panic!("a run begins with its beginning")
        };
        *own = command.iter().map(|word| (*word).to_owned()).collect();
        let all = lines(&events, &Settings::default());
        let count = |word: &str| all.lines().filter(|line| line.trim_start().starts_with(word)).count();
        [count("not verified"), count("flaky")]
    };
    assert_eq!(told(&["e2erun", "--validate-only", "results"]), [2, 2]);
    assert_eq!(told(&["e2erun", "--validate-only=results"]), [2, 2]);
    // A run may take so long that nobody sees the first lines any more.
    assert_eq!(told(&["e2erun", "scenarios/"]), [4, 2]);
}

#[test]
fn the_margin_tells_where_a_broken_line_goes_on() {
    for (text, expected) in [
        ("      passed    2.77s  a case  x.yaml", Some(23)),
        ("      passed   2m 05s  a case  x.yaml", Some(23)),
        ("     skipped           a case  x.yaml", Some(23)),
        ("      e2erun  0.1.0: 1 case in 1 file", Some(14)),
        ("              engine 20.10.24 (API 1.41)", Some(14)),
        ("  --> notes.yaml:17:33", None),
        ("look inside: e2erun notes.yaml", None),
        ("", None),
    ] {
        assert_eq!(super::margin(text), expected, "{text}");
    }
}

#[test]
fn what_counts_as_failed_did_not_pass_before() {
    let told = |flaky_fails| {
        let mut events = sample::run_of(&[Outcome::Passed]);
        let earlier = Earlier {
            name: "other".to_owned(),
            file: "other.yaml".to_owned(),
            outcome: Outcome::Flaky,
        };
        events.insert(1, sample::event(0.5, None, What::Earlier { cases: vec![earlier] }));
        let strict = false;
        let rules = Rules { strict, flaky_fails };
        lines(
            &events,
            &Settings {
                rules,
                ..Settings::default()
            },
        )
    };
    assert!(
        told(false).contains("not run again: 1 more did not fail before"),
        "{}",
        told(false)
    );
    assert!(
        told(true).contains("not run again: 1 more did not pass before"),
        "{}",
        told(true)
    );
}

#[test]
fn what_is_said_of_a_failure_is_broken_at_words_and_what_programs_wrote_is_not() {
    let line = "  - up: {stack: shop, services: [web, db, cache, queue, worker]}";
    let up = sample::step("given[1]", Phase::Given, "up shop", sample::place("a.yaml", 4, 5, line));
    let fault = Fault::failure("`web` did not become healthy, and can no longer become so")
        .detail(
            "end of `web`",
            "exit code 1 after it was started 3 times by its policy, in 12s",
        )
        .detail(
            "last 2 lines of `web`",
            "a long line that a program wrote into its log, as it is\nend",
        )
        .hint("look at what the health check of the service says, and at its log");
    let ended = sample::step_ended(&up, Outcome::Errored, 0.1, vec![fault]);
    let events = [
        sample::run_started(vec![sample::case(1, "a.yaml", "a")]),
        sample::event(1.0, Some(1), ended),
        sample::event(2.0, Some(1), sample::case_ended(Outcome::Errored, 1.0)),
    ];
    let settings = Settings {
        width: Some(50),
        quiet: true,
        ..Settings::default()
    };
    let told = lines(&events, &settings);
    let block = told.split("────\n").nth(1).unwrap().split("\n\n").next().unwrap();
    snapbox::assert_data_eq!(
        format!("{block}\n"),
        str![[r#"
failed in `given`: `web` did not become healthy,
  and can no longer become so
 --> a.yaml:4:5
  |
4 |   - up: {stack: shop, services: [web, db, cache, queue, worker]}
  |     ^
  = step: given[1] `up shop`, 0.10s
  = end of `web`: exit code 1 after it was started
    3 times by its policy, in 12s
  = last 2 lines of `web`:
    | a long line that a program wrote into its log, as it is
    | end
  = hint: look at what the health check of the
    service says, and at its log

"#]]
        .raw()
    );
}
