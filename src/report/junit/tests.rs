//! The exact JUnit file; that any input makes a valid one is checked with a real validator.

#![expect(clippy::too_many_lines, reason = "most of a test is the text that it expects")]

mod beside;
mod steps;
mod suites;
mod valid;

use snapbox::data::Inline;
use snapbox::{IntoData, str};

use valid::assert_valid;

use super::xml;
use crate::event::{Event, Outcome, What};
use crate::report::outcome::Rules;
use crate::report::tally::Tally;
use crate::report::{Grain, sample};

fn file(events: &[Event], grain: Grain, rules: Rules) -> String {
    let mut tally = Tally::new(rules);
    for event in events {
        tally.event(event);
    }
    String::from_utf8(xml(&tally, grain)).unwrap()
}

const BEGIN: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<testsuites>\n";

const END: &str = "</testsuites>\n";

/// When a suite of the samples began, and where.
const WHEN: &str = r#" hostname="localhost" timestamp="2026-11-20T10:00:00Z""#;

/// What each suite says of the run that it is of.
const OF_THE_RUN: (&str, &str) = (
    r#"<properties>
<property name="e2erun" value="0.1.0"/>
<property name="command" value="e2erun scenarios/"/>
<property name="node local" value="engine 20.10.24 (API 1.41), compose 2.40.3, Linux 6.1 amd64"/>
"#,
    "<system-out>
<![CDATA[e2erun: 0.1.0
command: e2erun scenarios/
node local: engine 20.10.24 (API 1.41), compose 2.40.3, Linux 6.1 amd64
]]>
</system-out>
</testsuite>
",
);

/// The suites of a file, an element a line (in the file itself there are no line ends between them). What all of them have
/// is not shown: it has to be there. A suite that has it not, as it is of no run, is marked.
fn suites(file: &str) -> String {
    let lines = file.replace("><", ">\n<");
    let inside = lines.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    let inside = inside.unwrap_or_else(|| panic!("{lines}"));
    let shown = inside.split_inclusive("</testsuite>\n").map(|suite| {
        let (begin, inside) = suite.split_once(">\n").unwrap();
        assert!(begin.ends_with('"') && begin.contains(WHEN), "{begin}");
        let begin = begin.replacen(WHEN, "", 1);
        let of_the_run = inside
            .strip_prefix(OF_THE_RUN.0)
            .and_then(|rest| rest.strip_suffix(OF_THE_RUN.1));
        match of_the_run.map(|rest| (rest, rest.strip_prefix("</properties>\n"))) {
            Some((_, Some(cases))) => format!("{begin}>\n{cases}"),
            Some((more, None)) => format!("{begin}>\n<properties>\n{more}"),
            None => format!("{begin}, of no run>\n{inside}"),
        }
    });
    shown.collect()
}

/// The same; of a text that stands word for word in another file the first line is shown, and how many follow.
fn news(file: &str, other: &str) -> String {
    let suites = suites(file);
    let mut parts = suites.split("<![CDATA[");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (text, rest) = part.split_once("]]>").unwrap();
        let (first, more) = text.split_once('\n').unwrap();
        let text = match !more.is_empty() && other.contains(more) {
            true => format!("{first}\n… {} lines", more.lines().count()),
            false => text.to_owned(),
        };
        shown.push_str(&format!("<![CDATA[{text}]]>{rest}"));
    }
    shown
}

fn check(events: &[Event], grain: Grain, expected: Inline) {
    let shown = suites(&file(events, grain, Rules::default()));
    snapbox::assert_data_eq!(shown, expected.raw());
}

/// Of these events only what is not in the file of the whole sample, in which a testcase is a scenario.
fn check_news(events: &[Event], grain: Grain, expected: Inline) {
    let whole = file(&sample::shop(), Grain::Scenario, Rules::default());
    let shown = news(&file(events, grain, Rules::default()), &whole);
    snapbox::assert_data_eq!(shown, expected.raw());
}

#[test]
fn a_testcase_a_scenario() {
    check(
        &sample::shop(),
        Grain::Scenario,
        str![[r#"
<testsuite id="0" name="scenarios/shop.yaml" package="scenarios" tests="1" errors="0" failures="0" time="13">
<properties>
<property name="tags" value="slow, shop"/>
<property name="owner" value="storage team"/>
</properties>
<testcase name="shop survives a restart [db=pg15]" time="13" classname="scenarios.shop">
<properties>
<property name="tags" value="slow, shop"/>
<property name="owner" value="storage team"/>
<property name="matrix db" value="pg15"/>
</properties>
<system-out>
<![CDATA[tags: slow, shop
matrix db: pg15
property owner: storage team
retried: port 40123 was taken
      passed   12.8s  steps[1] up shop
]]>
</system-out>
</testcase>
<testsuite id="1" name="scenarios/book.yaml" package="scenarios" tests="1" errors="0" failures="1" time="11.5">
<testcase name="the guest book keeps its entries" time="11.5" classname="scenarios.book">
<failure type="failed" message="`json.$.members` has not the length that was expected">
<![CDATA[scenarios/book.yaml:14:21
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
]]>
</failure>
<system-out>
<![CDATA[      passed   1.00s  steps[1] up book
      failed   10.0s  then[1] the list has three members
      failed   0.10s  then[2] use page
      failed   0.10s  then[2].use[1] http get /
]]>
</system-out>
</testcase>
<testsuite id="2" name="scenarios/swarm.yaml" package="scenarios" tests="1" errors="0" failures="0" time="0">
<testcase name="needs a swarm" time="0" classname="scenarios.swarm">
<skipped type="skipped" message="requires swarm: the engine is in none"/>
</testcase>
<testsuite id="3" name="scenarios/flaky.yaml" package="scenarios" tests="1" errors="0" failures="0" time="2">
<testcase name="sometimes" time="2" classname="scenarios.flaky">
<system-out>
<![CDATA[
passed on try 2:
try 1 of 2
failed: `exit` is not as expected
 --> scenarios/flaky.yaml:8:5
  |
8 |   - exec: {service: db, command: ask}
  |     ^
  = step: then[1] `exec db`, 1.00s
  = expected: 0
  =   actual: 1
      passed   1.00s  then[1] exec db
]]>
</system-out>
</testcase>
<testsuite id="4" name="scenarios/build.yaml" package="scenarios" tests="1" errors="1" failures="0" time="0">
<testcase name="cannot be built" time="0" classname="scenarios.build">
<error type="errored" message="cannot build image `broken`">
<![CDATA[scenarios/build.yaml:4:3
errored: cannot build image `broken`
 --> scenarios/build.yaml:4:3
  |
4 |   broken: {build: ../fixtures/broken}
  |   ^
  = last 2 lines of the build:
    | step 2 of 3: exit code 1
    | make: no rule
]]>
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
failed: out of disk
 --> scenarios/known.yaml:1:11
  |
1 | scenario: out of disk
  |           ^
]]>
</skipped>
</testcase>

"#]],
    );
}

#[test]
fn what_is_errored_and_failed_tells_both_what_failed_first() {
    check(
        &sample::errored_and_failed(),
        Grain::Scenario,
        str![[r#"
<testsuite id="0" name="scenarios/both.yaml" package="scenarios" tests="2" errors="2" failures="0" time="2">
<testcase name="both" time="2" classname="scenarios.both">
<error type="errored" message="failed: `status` is 500; and errored: the engine did not answer">
<![CDATA[scenarios/both.yaml:6:5
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
]]>
</error>
<system-out>
<![CDATA[     errored   0.50s  steps[1] exec db
      failed   0.50s  then[1] http get /
      failed   0.50s  on-failure[1] shell dump
      failed   0.50s  cleanup[1] shell tidy
]]>
</system-out>
</testcase>
<testcase name="away" time="0" classname="scenarios.both">
<error type="errored" message="errored">
<![CDATA[scenarios/both.yaml:1:11
]]>
</error>
</testcase>

"#]],
    );
}

#[test]
fn what_was_written_after_a_failure_stands_with_it_or_with_its_step() {
    let of = |grain| file(&sample::looked_into(), grain, Rules::default());
    let (case, steps) = (of(Grain::Scenario), of(Grain::Step));
    let (failure, _) = case.split_once("</failure>").unwrap();
    let dump = "on-failure[1] `exec web: dump`, 0.50s\n  = stdout:\n    | a\n    | b\n  = stderr: c\n";
    assert!(failure.contains(dump), "{case}");
    let (_, step) = steps.split_once("on-failure[1] exec web: dump").unwrap();
    let (step, _) = step.split_once("</testcase>").unwrap();
    assert!(
        step.contains("  = stdout:\n    | a\n    | b\n  = stderr: c\n"),
        "{steps}"
    );
    assert_valid(&sample::looked_into());
}

#[test]
fn the_notes_of_a_case_stand_in_its_testcase_and_with_its_last_step() {
    let note = |text: &str| What::Note { text: text.to_owned() };
    let mut events = sample::shop();
    let end = events
        .iter()
        .position(|event| matches!(event.what, What::RunEnded { .. }));
    let notes = [
        sample::event(12.0, Some(1), note("`web` ended 4 times with code 9")),
        sample::event(12.0, None, note("of no case")),
    ];
    events.splice(end.unwrap()..end.unwrap(), notes);
    for (grain, class) in [
        (Grain::Scenario, "classname=\"scenarios.shop\""),
        (Grain::Step, "name=\"steps[1] up shop\""),
    ] {
        let file = file(&events, grain, Rules::default());
        let testcases: Vec<&str> = file.split("<testcase ").filter(|one| one.contains("note: ")).collect();
        assert_eq!(testcases.len(), 1, "{file}");
        let (testcase, _) = testcases[0].split_once("</testcase>").unwrap();
        assert!(testcase.contains(class), "{testcase}");
        let (_, out) = testcase.split_once("<system-out>").unwrap();
        assert!(out.contains("note: `web` ended 4 times with code 9\n"), "{out}");
        assert!(!file.contains("of no case"), "{file}");
        assert_valid(&events);
    }
}

#[test]
fn strict_makes_a_failure_of_what_checks_nothing() {
    let strict = Rules {
        strict: true,
        flaky_fails: false,
    };
    let file = file(&sample::run_of(&[Outcome::NotVerified]), Grain::Scenario, strict);
    assert!(
        file.contains(r#"<failure type="failed" message="nothing was checked"#),
        "{file}"
    );
}
