//! The files and the lines, of a few values.

use serde_json::{Value, json};
use snapbox::str;

use super::{csv_text, json_text, lines, series};
use crate::event::{CaseInfo, Event, Measure, Outcome, What};
use crate::report::sample;
use crate::report::tally::Tally;

fn measured(number: usize, path: &str, measure: Measure) -> Event {
    let path = path.to_owned();
    sample::event(2.0, Some(number), What::Measured { path, measure })
}

fn tally() -> Tally {
    let run = |number, name: &str, repetition| CaseInfo {
        repetition,
        ..sample::case(number, "a.yaml", name)
    };
    let startup = |value, good| Measure {
        name: "startup, cold".to_owned(),
        value,
        unit: "s".to_owned(),
        max: Some(3.0),
        baseline: Some(1.0),
        allowed: Some(1.5),
        good,
        ..Measure::default()
    };
    let rate = Measure {
        name: "rate".to_owned(),
        value: 250.0,
        unit: "requests/s".to_owned(),
        min: Some(200.0),
        unknown: true,
        higher: true,
        good: true,
        ..Measure::default()
    };
    let cases = vec![
        run(1, "a [run 1]", Some(1)),
        run(2, "a [run 2]", Some(2)),
        run(3, "b", None),
    ];
    let events = [
        sample::run_started(cases),
        measured(1, "then[1]", startup(9.0, false)),
        // Asked again: the last one counts.
        measured(1, "then[1]", startup(1.25, true)),
        measured(2, "then[1]", startup(1.75, false)),
        measured(3, "then[1]", rate),
        sample::event(3.0, Some(1), sample::case_ended(Outcome::Passed, 1.0)),
        sample::event(3.0, Some(2), sample::case_ended(Outcome::Failed, 1.0)),
        sample::event(3.0, Some(3), sample::case_ended(Outcome::Passed, 1.0)),
    ];
    let mut tally = Tally::default();
    events.iter().for_each(|event| tally.event(event));
    tally
}

#[test]
fn a_line_for_each_name_with_what_it_is_compared_with() {
    let told: String = lines(&tally()).iter().map(|line| line.text() + "\n").collect();
    snapbox::assert_data_eq!(
        told,
        str![[r#"
              measures:
                         1.5 s  startup, cold  a  (mean of 2: 1.25 to 1.75 s, stddev 0.3536; at most 3 s; baseline 1 s: +50%)
                250 requests/s  rate  b  (at least 200 requests/s; no baseline)

"#]]
    );
}

#[test]
fn a_line_of_csv_for_each_value() {
    snapbox::assert_data_eq!(
        csv_text(&series(&tally())),
        str![[r#"
case,name,value,unit,time,version
a [run 1],"startup, cold",1.25,s,2026-11-20T10:00:00.000Z,0.1.0
a [run 2],"startup, cold",1.75,s,2026-11-20T10:00:00.000Z,0.1.0
b,rate,250,requests/s,2026-11-20T10:00:00.000Z,0.1.0

"#]]
    );
}

#[test]
fn statistics_of_each_name_in_json() {
    let text: Value = serde_json::from_str(&json_text(&series(&tally()))).unwrap();
    assert_eq!(text["e2erun"], "0.1.0");
    let value = |case: &str, value: f64, good: bool| json!({"case": case, "value": value, "time": "2026-11-20T10:00:00.000Z", "good": good});
    let startup = json!({
        "case": "a", "name": "startup, cold", "value": 1.5, "unit": "s", "count": 2, "min": 1.25, "max": 1.75,
        "stddev": 0.353_553_390_593_273_8, "baseline": 1.0, "better": "lower",
        "limits": {"min": null, "max": 3.0, "baseline": 1.5},
        "values": [value("a [run 1]", 1.25, true), value("a [run 2]", 1.75, false)],
    });
    let rate = json!({
        "case": "b", "name": "rate", "value": 250.0, "unit": "requests/s", "count": 1, "min": 250.0, "max": 250.0,
        "stddev": null, "baseline": null, "better": "higher",
        "limits": {"min": 200.0, "max": null, "baseline": null},
        "values": [value("b", 250.0, true)],
    });
    assert_eq!(text["measures"], json!([startup, rate]));
}

#[test]
fn only_what_is_good_in_cases_that_passed_is_good() {
    let tally = tally();
    let good: Vec<bool> = series(&tally).iter().map(super::Series::is_good).collect();
    assert_eq!(good, [false, true]);
}
