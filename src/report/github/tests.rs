//! The exact annotations and the step summary.

#![expect(clippy::too_many_lines, reason = "most of a test is the text that it expects")]

use snapbox::data::Inline;
use snapbox::{IntoData, str};

use super::{cell, fenced, from_root, message, property};
use crate::diagnostic::Level;
use crate::event::{Event, Outcome, Rules, What};
use crate::report::{Piece, Reporters, Settings, sample};

fn run(events: &[Event]) -> (String, String) {
    let settings = Settings {
        github: true,
        quiet: true,
        step_summary: Some("summary.md".into()),
        ..Settings::default()
    };
    let mut reporters = Reporters::new(&settings);
    for event in events {
        reporters.event(event);
    }
    let (mut lines, mut summary) = (String::new(), String::new());
    for piece in reporters.end() {
        match piece {
            Piece::Line(line) if line.starts_with("::") => lines += &(line + "\n"),
            Piece::Line(_) => {}
            Piece::Append(artifact) => summary += &String::from_utf8(artifact.bytes).unwrap(),
        }
    }
    (lines, summary)
}

fn check(events: &[Event], annotations: Inline, summary: Inline) {
    let (lines, text) = run(events);
    snapbox::assert_data_eq!(lines, annotations.raw());
    snapbox::assert_data_eq!(text, summary.raw());
}

#[test]
fn a_run_with_each_outcome() {
    check(
        &sample::shop(),
        str![[r#"
::error file=scenarios/build.yaml,line=4,col=3,title=errored%3A cannot be built::cannot build image `broken`
::error file=scenarios/book.yaml,line=14,col=21,title=failed%3A the guest book keeps its entries::`json.$.members` has not the length that was expected%0Aexpected: length 3%0A  actual: length 2: ["ann", "bob"]
::error file=templates/page.yaml,line=4,col=5,title=failed%3A the guest book keeps its entries::`body` is not as expected%0Aexpected: <ul>%0A<li>ann</li>%0A<li>bob</li>%0A</ul>%0A  actual: <ul>%0A<li>ann</li>%0A</ul>
::warning file=scenarios/flaky.yaml,line=8,col=5,title=flaky%3A sometimes::`exit` is not as expected%0Aexpected: 0%0A  actual: 1
::warning file=scenarios/empty.yaml,line=1,col=11,title=not verified%3A checks nothing::nothing was checked

"#]],
        str![[r###"
## e2erun: 1 errored, 1 failed, 1 flaky, 1 not verified, 1 passed, 1 known issue, 1 skipped

7 cases in 45.2s

| outcome | scenario | where | time | why |
|---|---|---|---|---|
| errored | cannot be built | scenarios/build.yaml:4:3 | 0.00s | cannot build image \`broken\` |
| failed | the guest book keeps its entries | scenarios/book.yaml:14:21 | 11.5s | \`json.$.members\` has not the length that was expected |
| flaky | sometimes | scenarios/flaky.yaml:1:11 | 2.00s | passed on try 2 |
| not verified | checks nothing | scenarios/empty.yaml:1:11 | 0.50s | nothing was checked |
| known issue | out of disk | scenarios/known.yaml:1:11 | 1.00s | not ported yet |
| skipped | needs a swarm | scenarios/swarm.yaml:1:11 | 0.00s | requires swarm: the engine is in none |

<details><summary>errored: cannot be built</summary>

```text
errored: cannot build image `broken`
 --> scenarios/build.yaml:4:3
  |
4 |   broken: {build: ../fixtures/broken}
  |   ^
  = last 2 lines of the build:
    | step 2 of 3: exit code 1
    | make: no rule
```

</details>

<details><summary>failed: the guest book keeps its entries</summary>

```text
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
```

</details>

<details><summary>flaky: sometimes</summary>

```text
try 1 of 2
failed: `exit` is not as expected
 --> scenarios/flaky.yaml:8:5
  |
8 |   - exec: {service: db, command: ask}
  |     ^
  = step: then[1] `exec db`, 1.00s
  = expected: 0
  =   actual: 1
```

</details>


"###]],
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
        str![[r#"
::error file=scenarios/shop.yaml,line=12,col=11,title=invalid scenario::unknown service `dbb`%0Ahelp: there is `db`, `web`; did you mean `db`?
::warning file=scenarios/shop.yaml,line=12,col=11,title=invalid scenario::unknown service `dbb`%0Ahelp: there is `db`, `web`; did you mean `db`?

"#]],
        str![[r#"
## e2erun: no case ran

0 cases in 0.00s

```text
error: unknown service `dbb`
  --> scenarios/shop.yaml:12:11
```

```text
warning: unknown service `dbb`
  --> scenarios/shop.yaml:12:11
```


"#]],
    );
}

#[test]
fn github_shows_ten_of_a_kind_so_the_tenth_counts_the_rest() {
    let (lines, _) = run(&sample::run_of(&[Outcome::Failed; 14]));
    assert_eq!(lines.lines().count(), 10);
    assert_eq!(lines.lines().last(), Some("::error::and 5 more, see the summary"));
    let (lines, _) = run(&sample::run_of(&[Outcome::Failed; 10]));
    assert_eq!(lines.matches("::error file=").count(), 10);
}

#[test]
fn a_summary_of_any_run_is_below_what_github_takes() {
    let long = format!("{}\n", "`|<b>&".repeat(40)).repeat(80);
    let mut events = vec![sample::run_started(
        (1..=80).map(|n| sample::case(n, "a.yaml", &long)).collect(),
    )];
    for number in 1..=80 {
        let fault = crate::event::Fault::failure(&long).detail("log", &long);
        let step = sample::step(
            "then[1]",
            crate::event::Phase::Then,
            "exec",
            sample::place("a.yaml", 1, 1, ""),
        );
        let ended = sample::step_ended(&step, Outcome::Failed, 1.0, vec![fault]);
        events.push(sample::event(1.0, Some(number), ended));
        events.push(sample::event(
            1.0,
            Some(number),
            sample::case_ended(Outcome::Failed, 1.0),
        ));
    }
    let (_, summary) = run(&events);
    assert!(summary.len() < 1024 * 1024, "{}", summary.len());
    assert!(
        summary.ends_with("it is in the JUnit file and in the log.\n"),
        "{}",
        &summary[summary.len() - 200..]
    );
}

#[test]
fn nothing_in_a_text_is_a_command_or_markup() {
    assert_eq!(message("50% of\r\nit::a,b"), "50%25 of%0Ait::a,b");
    assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    assert_eq!(cell("a|b\n`c` <i> *x*"), r"a\|b \`c\` &lt;i&gt; \*x\*");
    assert_eq!(fenced("a ```` b\n"), "`````text\na ```` b\n`````\n\n");
}

#[test]
fn places_are_seen_from_the_root_of_the_repository() {
    let check = |folder: &str, path: &str, expected: &str| {
        assert_eq!(from_root(std::path::Path::new(folder), path), expected, "{path}");
    };
    check("", "scenarios/a.yaml", "scenarios/a.yaml");
    check("tests/e2e", "scenarios/a.yaml", "tests/e2e/scenarios/a.yaml");
    check("tests/e2e", "../../a.yaml", "a.yaml");
    check("tests", "/tmp/a.yaml", "/tmp/a.yaml");
}
