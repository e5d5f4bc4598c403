//! `--quiet`: what went wrong, and the summary.

use snapbox::str;

use super::check;
use crate::event::Outcome;
use crate::report::{Settings, sample};

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
