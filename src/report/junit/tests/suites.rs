//! The tests of suites inside, beside their case.

use snapbox::str;

use super::{check, file};
use crate::event::{Outcome, What};
use crate::report::outcome::Rules;
use crate::report::{Grain, sample};

#[test]
fn the_tests_of_a_suite_inside_stand_beside_their_case() {
    let mut events = sample::run_of(&[Outcome::Failed]);
    events.insert(2, sample::event(1.5, Some(1), sample::tested("pays")));
    check(
        &events,
        Grain::Scenario,
        str![[r#"
<testsuite id="0" name="scenarios/all.yaml" package="scenarios" tests="5" errors="1" failures="2" time="2">
<testcase name="case 1" time="1" classname="scenarios.all">
<failure type="failed" message="failed">
<![CDATA[scenarios/all.yaml:1:11
]]>
</failure>
</testcase>
<testcase name="pays" time="0.25" classname="scenarios.all.case 1.pays"/>
<testcase name="pays" time="0.25" classname="scenarios.all.case 1.pays">
<failure type="failed" message="pays">
<![CDATA[pays]]>
</failure>
</testcase>
<testcase name="pays" time="0.25" classname="scenarios.all.case 1.pays">
<error type="errored" message="pays"/>
</testcase>
<testcase name="pays" time="0.25" classname="scenarios.all.case 1.pays">
<skipped type="skipped" message="pays"/>
</testcase>

"#]],
    );
}

#[test]
fn what_failed_in_a_suite_of_a_known_issue_is_skipped_with_its_reason() {
    let mut events = sample::run_of(&[Outcome::KnownIssue]);
    events.insert(2, sample::event(1.5, Some(1), sample::tested("pays")));
    for event in &mut events {
        if let What::CaseEnded { reason, .. } = &mut event.what {
            *reason = Some("not ported yet".to_owned());
        }
    }
    let file = file(&events, Grain::Scenario, Rules::default());
    assert!(file.contains(r#"errors="0" failures="0""#), "{file}");
    let skipped = r#"<skipped type="known issue" message="not ported yet""#;
    assert_eq!(file.matches(skipped).count(), 3, "{file}");
}

#[test]
fn a_test_inside_has_the_properties_of_its_case() {
    let mut events = sample::run_of(&[Outcome::Failed]);
    events.insert(2, sample::event(1.5, Some(1), sample::tested("pays")));
    if let What::RunStarted { cases, .. } = &mut events[0].what {
        cases[0].tags = vec!["slow".to_owned()];
    }
    let file = file(&events, Grain::Scenario, Rules::default());
    let of_test =
        file.matches("classname=\"scenarios.all.case 1.pays\"><properties><property name=\"tags\" value=\"slow\"/>");
    assert_eq!(of_test.count(), 4, "{file}");
}
