//! A testcase a step.

use snapbox::str;

use super::valid::assert_valid;
use super::{check_news, file};
use crate::event::{Fault, Phase, What};
use crate::report::outcome::Rules;
use crate::report::{Grain, sample};

#[test]
fn a_testcase_a_step() {
    check_news(
        &sample::shop(),
        Grain::Step,
        str![[r#"
<testsuite id="0" name="scenarios/shop.yaml" package="scenarios" tests="1" errors="0" failures="0" time="12.8">
<properties>
<property name="tags" value="slow, shop"/>
<property name="owner" value="storage team"/>
</properties>
<testcase name="steps[1] up shop" time="12.8" classname="scenarios.shop.shop survives a restart [db=pg15]">
<properties>
<property name="tags" value="slow, shop"/>
<property name="owner" value="storage team"/>
<property name="matrix db" value="pg15"/>
</properties>
</testcase>
<testsuite id="1" name="scenarios/book.yaml" package="scenarios" tests="3" errors="0" failures="2" time="11.1">
<testcase name="steps[1] up book" time="1" classname="scenarios.book.the guest book keeps its entries"/>
<testcase name="then[1] the list has three members" time="10" classname="scenarios.book.the guest book keeps its entries">
<failure type="failed" message="`json.$.members` has not the length that was expected">
<![CDATA[scenarios/book.yaml:14:21
… 12 lines]]>
</failure>
</testcase>
<testcase name="then[2].use[1] http get /" time="0.1" classname="scenarios.book.the guest book keeps its entries">
<failure type="failed" message="`body` is not as expected">
<![CDATA[templates/page.yaml:4:5
… 13 lines]]>
</failure>
</testcase>
<testsuite id="2" name="scenarios/swarm.yaml" package="scenarios" tests="1" errors="0" failures="0" time="0">
<testcase name="needs a swarm" time="0" classname="scenarios.swarm">
<skipped type="skipped" message="requires swarm: the engine is in none"/>
</testcase>
<testsuite id="3" name="scenarios/flaky.yaml" package="scenarios" tests="2" errors="0" failures="0" time="3">
<testcase name="then[1] exec db" time="1" classname="scenarios.flaky.sometimes"/>
<testcase name="sometimes" time="2" classname="scenarios.flaky">
<system-out>
<![CDATA[
… 11 lines]]>
</system-out>
</testcase>
<testsuite id="4" name="scenarios/build.yaml" package="scenarios" tests="1" errors="1" failures="0" time="0">
<testcase name="cannot be built" time="0" classname="scenarios.build">
<error type="errored" message="cannot build image `broken`">
<![CDATA[scenarios/build.yaml:4:3
… 8 lines]]>
</error>
</testcase>
<testsuite id="5" name="scenarios/empty.yaml" package="scenarios" tests="1" errors="0" failures="0" time="0.5">
<testcase name="checks nothing" time="0.5" classname="scenarios.empty">
<system-out>
<![CDATA[not verified: nothing was checked
]]>
</system-out>
</testcase>
<testsuite id="6" name="scenarios/known.yaml" package="scenarios" tests="1" errors="0" failures="0" time="1">
<testcase name="out of disk" time="1" classname="scenarios.known">
<skipped type="known issue" message="not ported yet">
<![CDATA[scenarios/known.yaml:1:11
… 5 lines]]>
</skipped>
</testcase>

"#]],
    );
}

#[test]
fn a_step_is_what_it_makes_of_its_case() {
    let mut events = sample::errored_and_failed();
    for event in &mut events {
        if let What::StepEnded { faults, .. } = &mut event.what {
            let of_cleanup = |fault: Fault| fault.in_phase(Phase::Cleanup);
            *faults = std::mem::take(faults).into_iter().map(of_cleanup).collect();
        }
    }
    let file = file(&events, Grain::Step, Rules::default());
    assert!(
        file.contains("<error type=\"errored\" message=\"`status` is 500\""),
        "{file}"
    );
    assert!(!file.contains("<failure"), "{file}");
    assert_valid(&events);
}

#[test]
fn a_step_has_the_properties_of_its_case() {
    let file = file(&sample::shop(), Grain::Step, Rules::default()).replace("><", ">\n<");
    let first: Vec<&str> = file
        .lines()
        .skip_while(|line| !line.starts_with("<testcase"))
        .take(7)
        .collect();
    snapbox::assert_data_eq!(
        first.join("\n"),
        str![[r#"
<testcase name="steps[1] up shop" time="12.8" classname="scenarios.shop.shop survives a restart [db=pg15]">
<properties>
<property name="tags" value="slow, shop"/>
<property name="owner" value="storage team"/>
<property name="matrix db" value="pg15"/>
</properties>
</testcase>
"#]]
    );
}
