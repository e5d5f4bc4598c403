//! How lines are broken, cut and coloured, and made safe.

use snapbox::{IntoData, str};

use super::{check, lines};
use crate::event::{Fault, Outcome, Phase};
use crate::report::{Settings, sample};

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
        assert_eq!(crate::report::terminal::margin(text), expected, "{text}");
    }
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
