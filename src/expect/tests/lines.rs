//! Lines: what stands for any text of one, conditions on one, golden files.

use serde_json::json;

use super::{node, read};
use crate::expect::{Ignored, LineMatcher, LinePattern, golden};
use crate::shape::{Problems, Shape};
use crate::template::{Question, Scope, Unrendered};

#[test]
fn sorted_lines_fit_wherever_what_stands_for_any_text_puts_them() {
    let check = |expected: &str, actual: &str, fitted: &str| {
        assert_eq!(
            golden::fitted_anywhere(expected, actual),
            fitted,
            "{expected:?} {actual:?}"
        );
    };
    check("[..] b\nc\n", "c\nz b\n", "[..] b\nc\n");
    // Each stands for one line, and as many as can be have theirs.
    check("[..]c\nab[..]\n", "abc\nabd\n", "[..]c\nab[..]\n");
    check("a[..]\na1\n", "a1\na2\n", "a1\na[..]\n");
    check("a[..]\n", "a1\na2\n", "a2\na[..]\n");
    check("a[..]\na[..]\n", "a1\na2\n", "a[..]\na[..]\n");
    // The last line is given one after each of the others took another.
    check(
        "a[..]\n[..]b[..]\n[..]c[..]\n[..]d\n",
        "ab\nbc\ncd\na\n",
        "[..]b[..]\n[..]c[..]\n[..]d\na[..]\n",
    );
}

/// With every line asking every other one this took minutes; and one inside the other they were too deep for the stack.
#[test]
fn many_sorted_lines_fit_at_once() {
    let expected = "[..] b\n".repeat(20_000);
    let actual: String = (0..20_000).map(|number| format!("{number:05} b\n")).collect();
    assert_eq!(golden::fitted_anywhere(&expected, &actual), expected);
    // Each takes the pattern of the one before, and the last line moves them all.
    let expected: String = (0..1_000).map(|number| format!("[..]<{number}>[..]\n")).collect();
    let chain: String = (1..1_000)
        .map(|number| format!("<{}><{number}>\n", number - 1))
        .collect();
    let fitted = golden::fitted_anywhere(&expected, &(chain + "<0>\n"));
    assert_eq!(fitted.lines().filter(|line| line.contains("[..]")).count(), 1_000);
}

#[test]
fn a_golden_file_is_compared_after_replacements() {
    let yaml = "stdout: {golden: {file: '${{ name }}.txt', replace: [{matches: '\\d+ms', with: '[TIME]'}]}}";
    let (expectation, templates) = read(yaml).unwrap();
    // The file alone: a text without an expression has no names.
    assert_eq!(templates, 1);
    let mut scope = Scope {
        values: [("name".to_owned(), std::sync::Arc::new(json!("out")))].into(),
        ..Scope::default()
    };
    let outputs = json!({"stdout": "a 12ms\nb x c\nd"});
    let file = Question::File("out.txt".into(), None);
    assert_eq!(
        expectation.judge(&outputs, &scope, &[]).unwrap_err(),
        Unrendered::Needs(vec![file.clone()])
    );
    let goldens = expectation.goldens(&outputs, &scope).unwrap();
    assert_eq!(
        (goldens[0].file.as_str(), goldens[0].text.as_str()),
        ("out.txt", "a [TIME]\nb x c\nd\n")
    );
    scope.answers.insert(file.clone(), json!("a [TIME]\nb [..] c\nd\n"));
    assert_eq!(expectation.judge(&outputs, &scope, &[]).unwrap(), []);
    scope.answers.insert(file, json!("a [TIME]\nb [..] c\ne\n"));
    let fault = expectation.judge(&outputs, &scope, &[]).unwrap().remove(0);
    assert_eq!(fault.message, "`stdout` differs from `out.txt`");
    assert_eq!(
        fault.diff.unwrap(),
        "--- expected\n+++ actual\n@@ -1,3 +1,3 @@\n a [TIME]\n b [..] c\n-e\n+d\n"
    );
    assert_eq!(fault.hint.unwrap(), "`--update` makes `out.txt` what was found");
}

#[test]
fn a_wildcard_stands_for_any_text_of_a_line() {
    for (pattern, line, fits) in [
        ("a[..]b", "a x b", true),
        ("a[..]b", "ab", true),
        ("a[..]b", "a", false),
        ("[..]", "", true),
        ("[..]b[..]", "abc", true),
        ("a[..]b[..]b", "ab", false),
        ("ab", "ab", true),
        ("ab", "abc", false),
        ("[..]x", "axbx", true),
    ] {
        assert_eq!(golden::fits(pattern, line), fits, "{pattern} {line}");
    }
}

pub(super) fn line(yaml: &str) -> Result<LineMatcher, String> {
    let mut problems = Problems::default();
    let read = LineMatcher::read(&node(yaml), &mut problems);
    let told = || {
        problems
            .diagnostics
            .iter()
            .map(|problem| problem.message.clone())
            .collect::<Vec<_>>()
    };
    read.ok_or_else(|| told().join("; "))
}

fn pattern(yaml: &str) -> LinePattern {
    line(yaml).unwrap().ready(&Scope::default()).unwrap()
}

#[test]
fn a_condition_on_a_line_finds_its_place() {
    assert_eq!(pattern("a.b").find("xa.b"), Some(1..4));
    assert_eq!(pattern("a.b").find("xaab"), None);
    assert_eq!(pattern("{matches: 'a.b$'}").find("xaab"), Some(1..4));
    assert_eq!(pattern("{contains: \"${{ 1 + 1 }}\"}").find("a2"), Some(1..2));
    let version = pattern("{matches: 'v(?<version>\\S+)'}");
    assert_eq!(version.groups(b"\xff v1.2 x").unwrap()["version"], json!("1.2"));
    assert_eq!(version.shown(), "matches `v(?<version>\\S+)`");
    let mut problems = Problems::default();
    let ignored = Ignored::read(&node("{contains: a, reason: known noise}"), &mut problems).unwrap();
    assert_eq!(ignored.reason.as_deref(), Some("known noise"));
}

#[test]
fn a_bad_condition_on_a_line_is_told() {
    for (yaml, expected) in [
        ("{matches: '('}", "the regular expression `(` is wrong: unclosed group"),
        ("12", "`12` is a number to YAML, and a line of a log is text"),
        ("''", "an empty text is in every line"),
        (
            "{matches: 'x*'}",
            "the regular expression `x*` fits every text: it may match nothing at all",
        ),
        ("{contains: a, matches: b}", "expected either `contains` or `matches`"),
        ("{contian: a}", "unknown key in a condition on a line, `contian`"),
        (
            "{contains: a, reason: b}",
            "unknown key in a condition on a line, `reason`",
        ),
        ("[a]", "expected text, found a list"),
    ] {
        assert_eq!(line(yaml).map(|_| ()).unwrap_err(), expected);
    }
}
