//! The exact lines of the terminal.

#![expect(clippy::too_many_lines, reason = "most of a test is the text that it expects")]

mod layout;
mod quiet;
mod status;
mod unreached;

use snapbox::data::Inline;
use snapbox::{IntoData, str};

use crate::event::{Earlier, Event, Outcome, What};
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
