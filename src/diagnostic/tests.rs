//! Places and pictures.

use std::time::{Duration, Instant};

use super::{Diagnostic, Source, Span, did_you_mean, sort};
use crate::event::DiagnosticInfo;
use std::sync::Arc;

const TEXT: &str = "\u{feff}a: é\tx y\r\n\tb: [1, 2\r\nc: \"x\r\n  y\"\r\n";

fn find(source: &Arc<Source>, needle: &str) -> Span {
    let start = source.text.find(needle).expect("the needle");
    Span {
        source: Arc::clone(source),
        start,
        end: start + needle.len(),
    }
}

fn at(needle: &str) -> Span {
    find(&Source::new("dir/a.yaml", TEXT), needle)
}

fn check(diagnostic: &Diagnostic, expected: &str) {
    assert_eq!(diagnostic.draw(false), expected.trim_matches('\n'));
}

#[test]
fn draws_line_caret_and_help() {
    check(
        &Diagnostic::error(&at("x y"), "unknown key `x`").help("there is `y`; did you mean `z`?"),
        "
error: unknown key `x`
 --> dir/a.yaml:1:6
  |
1 | a: é    x y
  |         ^^^
  |
  = help: there is `y`; did you mean `z`?
",
    );
    assert!(
        Diagnostic::error(&at("x y"), "unknown key `x`")
            .draw(true)
            .contains("\u{1b}[")
    );
}

#[test]
fn draws_other_places_in_this_file_and_others() {
    let other = Source::new("other.yaml", "\n\nq: z\n");
    check(
        &Diagnostic::warning(&at("[1, 2"), "some `thing`")
            .related(&at("a"), "first")
            .related(&find(&other, "z"), "used here"),
        "
warning: some `thing`
 --> dir/a.yaml:2:5
  |
1 | a: é    x y
  | - first
2 |     b: [1, 2
  |        ^^^^^
  |
 ::: other.yaml:3:4
  |
3 | q: z
  |    - used here
",
    );
}

#[test]
fn draws_the_first_line_of_what_has_several() {
    check(
        &Diagnostic::note(&at("\"x\r\n  y\""), "two\nlines"),
        "
note: two
      lines
 --> dir/a.yaml:3:4
  |
3 | c: \"x
  |    ^^
",
    );
}

#[test]
fn draws_the_end_of_a_file_and_a_file_without_text() {
    let source = Source::new("a.yaml", "a: 1\n");
    for past in [0, 10] {
        let end = Span {
            source: Arc::clone(&source),
            start: source.text.len() + past,
            end: source.text.len() + past,
        };
        check(
            &Diagnostic::error(&end, "more"),
            "\nerror: more\n --> a.yaml:2:1\n  |\n2 |\n  | ^\n",
        );
    }
    let gone = Span {
        source: Source::new("gone.yaml", ""),
        start: 0,
        end: 0,
    };
    check(
        &Diagnostic::error(&gone, "cannot read it").help("write it"),
        "\nerror: cannot read it\n--> gone.yaml\n = help: write it\n",
    );
}

#[test]
fn passes_no_escapes_on_to_a_terminal() {
    let source = Source::new("a\u{1b}[2J.yaml", "a: \u{1b}[31m\n");
    let drawn = Diagnostic::error(&find(&source, "a"), "bad \u{1b}[0m")
        .help("\u{7}")
        .draw(false);
    assert!(!drawn.contains(['\u{1b}', '\u{7}']), "{drawn:?}");
}

#[test]
fn shows_a_piece_of_a_long_line() {
    let source = Source::new(
        "a.yaml",
        format!("a: {}here{}\n", "w ".repeat(1_000), "é ".repeat(1_000)),
    );
    let drawn = Diagnostic::error(&find(&source, "here"), "long").draw(false);
    assert!(
        drawn.contains(" --> a.yaml:1:2004\n") && drawn.contains("w here"),
        "{drawn}"
    );
    assert!(drawn.lines().all(|line| line.chars().count() < 200), "{drawn}");
    let whole = Span {
        end: source.text.len(),
        ..find(&source, "here")
    };
    let drawn = Diagnostic::error(&whole, "long").draw(false);
    assert!(drawn.lines().all(|line| line.chars().count() < 250), "{drawn}");
}

#[test]
fn draws_from_large_files_quickly() {
    let began = Instant::now();
    let lines = Source::new("a.yaml", format!("a: 1\n{}b: 2\n", "x: y\n".repeat(2_000_000)));
    let drawn = Diagnostic::error(&find(&lines, "b: 2"), "big")
        .related(&find(&lines, "a"), "first")
        .draw(false);
    assert!(
        drawn.contains("a.yaml:2000002:1") && drawn.contains("a.yaml:1:1"),
        "{drawn}"
    );
    let (before, around) = ("é".repeat(5_000_000), "é".repeat(30));
    let line = Source::new("a.yaml", format!("a: {before}here{before}\n"));
    let marked = format!("{}^^^^", " ".repeat(31));
    check(
        &Diagnostic::error(&find(&line, "here"), "long"),
        &format!("error: long\n --> a.yaml:1:5000004\n  |\n ::: \n1 | …{around}here{around}…\n  | {marked}"),
    );
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn sorts_by_place_and_tells_nothing_twice() {
    let first = Source::new("a.yaml", "a\nb\n");
    let second = Source::new("b.yaml", "a\nb\n");
    let one = |source: &Arc<Source>, needle: &str| Diagnostic::error(&find(source, needle), format!("at {needle}"));
    let mut all = vec![one(&second, "a"), one(&first, "b"), one(&first, "a"), one(&first, "b")];
    sort(&mut all);
    assert_eq!(all, [one(&first, "a"), one(&first, "b"), one(&second, "a")]);
}

#[test]
fn a_drawn_diagnostic_travels() {
    let diagnostic = Diagnostic::unknown(&at("x y"), "node", "dbb", ["db", "web"]);
    let info = DiagnosticInfo::from(&diagnostic);
    assert_eq!(
        (info.place.to_string().as_str(), info.message.as_str()),
        ("dir/a.yaml:1:6", "unknown node `dbb`")
    );
    assert_eq!(info.place.source_line, "a: é\tx y");
    assert_eq!(info.help.as_deref(), Some("there is `db`, `web`; did you mean `db`?"));
    assert_eq!(info.drawn, diagnostic.draw(false));
}

#[test]
fn suggests_only_what_is_near() {
    assert_eq!(did_you_mean("comand", &["command", "service"]), Some("command"));
    assert_eq!(did_you_mean("zebra", &["command", "service"]), None);
    let kinds = ["start", "log-assert", "state-assert", "env", "env-file", "do"];
    for (got, near) in [
        ("logs", "log-assert"),
        ("state", "state-assert"),
        ("envs", "env"),
        ("stat", "start"),
    ] {
        assert_eq!(did_you_mean(got, &kinds), Some(near), "{got}");
    }
}
