//! Valid for Jenkins' schema, whatever stands in it.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

use super::file;
use crate::event::{Event, Fault, Outcome, What};
use crate::report::outcome::Rules;
use crate::report::{Grain, sample};

/// What a real validator says of the file; nothing where it is valid.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's validator, of which the crate knows nothing"
)]
fn complaints(file: &[u8]) -> String {
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/junit/junit-10.rng");
    let started = Command::new("xmllint")
        .args(["--noout", "--relaxng", rules, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started
        .unwrap_or_else(|error| panic!("cannot start `xmllint` (Debian: `apt-get install libxml2-utils`): {error}"));
    // A file that it refuses early is not read to its end.
    let _ = child.stdin.take().unwrap().write_all(file);
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { String::new() } else { told }
}

pub(super) fn assert_valid(events: &[Event]) {
    for grain in [Grain::Scenario, Grain::Step] {
        let file = file(events, grain, Rules::default());
        assert_eq!(complaints(file.as_bytes()), "", "{file}");
    }
}

#[test]
fn the_validator_refuses_what_is_not_valid() {
    let file = file(&sample::shop(), Grain::Scenario, Rules::default());
    for (valid, invalid) in [
        ("time=\"13\"", "time=\"-13\""),
        ("classname=", "file="),
        ("<system-out>", "<properties>"),
        ("]]>", "]]>]]>"),
    ] {
        let wrong = file.replacen(valid, invalid, 1);
        assert_ne!(complaints(wrong.as_bytes()), "", "{valid} → {invalid}");
    }
}

#[test]
fn every_run_of_the_samples_is_valid() {
    assert_valid(&[]);
    assert_valid(&sample::shop());
    assert_valid(&sample::shop()[..20]);
    assert_valid(&sample::errored_and_failed());
    assert_valid(&sample::run_of(&[]));
    assert_valid(&sample::hostile(""));
    assert_valid(&sample::hostile(
        "]]>]]]]>\0\u{1b}[31m\u{fffe}\u{ffff}\u{1fffe}<&>\"'\r\n\t\u{85}\u{2028}&#0;",
    ));
}

#[test]
fn a_hundred_megabytes_keep_head_and_tail() {
    let mut fault = Fault::failure("too much");
    let text = format!(
        "first\n{}last",
        "]]>\x1b[31m\0 some output of a program\n".repeat(3_000_000)
    );
    assert!(text.len() > 100_000_000);
    fault = fault.detail("stdout", text);
    let mut events = sample::run_of(&[Outcome::Failed]);
    if let What::CaseEnded { faults, .. } = &mut events[2].what {
        faults.push(fault);
    }
    let file = file(&events, Grain::Scenario, Rules::default());
    assert!(file.len() < 600_000, "{}", file.len());
    for kept in ["| first\n", "| last\n", "MiB left out here …"] {
        assert!(file.contains(kept), "{kept}");
    }
    assert_eq!(complaints(file.as_bytes()), "");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_makes_a_valid_file(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        for text in [text, String::from_utf8_lossy(&bytes).into_owned()] {
            let file = file(&sample::hostile(&text), Grain::Step, Rules::default());
            prop_assert!(complaints(file.as_bytes()).is_empty(), "{file}");
        }
    }
}
