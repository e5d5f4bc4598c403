//! What is a testcase beside the cases that ended: problems in files, the run itself, what was not reached.

use snapbox::str;

use super::{check, check_news};
use crate::diagnostic::Level;
use crate::event::{Fault, Outcome, What};
use crate::report::outcome::Rules;
use crate::report::{Grain, sample};

#[test]
fn an_interrupted_run_has_every_case() {
    let mut events = sample::shop();
    events.retain(|event| event.elapsed <= 16.0);
    // The second case ended before, the first did not, the others were not reached.
    check_news(
        &events,
        Grain::Scenario,
        str![[r#"
<testsuite id="0" name="scenarios/shop.yaml" package="scenarios" tests="1" errors="1" failures="0" time="0">
<properties>
<property name="tags" value="slow, shop"/>
<property name="owner" value="storage team"/>
</properties>
<testcase name="shop survives a restart [db=pg15]" time="0" classname="scenarios.shop">
<properties>
<property name="tags" value="slow, shop"/>
<property name="owner" value="storage team"/>
<property name="matrix db" value="pg15"/>
</properties>
<error type="errored" message="interrupted while it waited for `db` to be healthy">
<![CDATA[scenarios/shop.yaml:9:5
errored: interrupted while it waited for `db` to be healthy
 --> scenarios/shop.yaml:9:5
  |
9 |   - up: shop
  |     ^
  = step: steps[1] `up shop`
  = last observation: `db` runs, health: starting
]]>
</error>
<system-out>
<![CDATA[tags: slow, shop
matrix db: pg15
property owner: storage team
retried: port 40123 was taken
 interrupted   0.00s  steps[1] up shop
]]>
</system-out>
</testcase>
<testsuite id="1" name="scenarios/book.yaml" package="scenarios" tests="1" errors="0" failures="1" time="11.5">
<testcase name="the guest book keeps its entries" time="11.5" classname="scenarios.book">
<failure type="failed" message="`json.$.members` has not the length that was expected">
<![CDATA[scenarios/book.yaml:14:21
… 28 lines]]>
</failure>
<system-out>
<![CDATA[      passed   1.00s  steps[1] up book
… 3 lines]]>
</system-out>
</testcase>
<testsuite id="2" name="scenarios/swarm.yaml" package="scenarios" tests="1" errors="0" failures="0" time="0">
<testcase name="needs a swarm" time="0" classname="scenarios.swarm">
<skipped type="skipped" message="not reached: interrupted"/>
</testcase>
<testsuite id="3" name="scenarios/flaky.yaml" package="scenarios" tests="1" errors="0" failures="0" time="0">
<testcase name="sometimes" time="0" classname="scenarios.flaky">
<skipped type="skipped" message="not reached: interrupted"/>
</testcase>
<testsuite id="4" name="scenarios/build.yaml" package="scenarios" tests="1" errors="0" failures="0" time="0">
<testcase name="cannot be built" time="0" classname="scenarios.build">
<skipped type="skipped" message="not reached: interrupted"/>
</testcase>
<testsuite id="5" name="scenarios/empty.yaml" package="scenarios" tests="1" errors="0" failures="0" time="0">
<testcase name="checks nothing" time="0" classname="scenarios.empty">
<skipped type="skipped" message="not reached: interrupted"/>
</testcase>
<testsuite id="6" name="scenarios/known.yaml" package="scenarios" tests="1" errors="0" failures="0" time="0">
<testcase name="out of disk" time="0" classname="scenarios.known">
<skipped type="skipped" message="not reached: interrupted"/>
</testcase>

"#]],
    );
}

#[test]
fn a_problem_in_a_file_is_an_error() {
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
        Grain::Scenario,
        str![[r#"
<testsuite id="0" name="scenarios/shop.yaml" package="scenarios" tests="1" errors="1" failures="0" time="0", of no run>
<testcase name="12:11 unknown service `dbb`" time="0" classname="scenarios.shop">
<error type="invalid" message="unknown service `dbb`">
<![CDATA[scenarios/shop.yaml:12:11
error: unknown service `dbb`
  --> scenarios/shop.yaml:12:11
]]>
</error>
</testcase>
</testsuite>

"#]],
    );
}

#[test]
fn what_is_wrong_with_the_run_is_a_testcase() {
    let mut events = sample::run_of(&[Outcome::Passed]);
    events.pop();
    events.push(sample::run_ended(false, vec![Fault::error("the engine went away")]));
    check(
        &events,
        Grain::Scenario,
        str![[r#"
<testsuite id="0" name="scenarios/all.yaml" package="scenarios" tests="1" errors="0" failures="0" time="1">
<testcase name="case 1" time="1" classname="scenarios.all"/>
<testsuite id="1" name="e2erun" package="" tests="1" errors="1" failures="0" time="45.2", of no run>
<testcase name="the run itself" time="45.2" classname="e2erun">
<error type="errored" message="the engine went away">
<![CDATA[errored: the engine went away
]]>
</error>
</testcase>
</testsuite>

"#]],
    );
}
