//! What is refused when it is read, and what a check says of it.

use super::{fails, read, refused};

#[test]
fn what_a_number_never_is_is_told_when_it_is_read() {
    for (yaml, told) in [
        (
            "status: 99999",
            "1:9 `status` is never `99999` (it is a whole number from 100 to 999)",
        ),
        (
            "status: {not: 99}",
            "1:15 `status` is never `99` (it is a whole number from 100 to 999)",
        ),
        (
            "status: {one-of: [200, 0]}",
            "1:24 `status` is never `0` (it is a whole number from 100 to 999)",
        ),
        (
            "status: {ge: 1000}",
            "1:14 `status` is never at least `1000` (it is a whole number from 100 to 999)",
        ),
        (
            "status: 200.5",
            "1:9 `status` is never `200.5` (it is a whole number from 100 to 999)",
        ),
        (
            "exit: {lt: 0}",
            "1:12 `exit` is never less than `0` (it is a whole number, 0 or more)",
        ),
        (
            "stdout: {length: {le: -1}}",
            "1:23 the length of `stdout` is never at most `-1` (it is a whole number, 0 or more)",
        ),
        (
            "duration: {lt: 0s}",
            "1:16 `duration` is never less than `0s` (no time is less than 0s)",
        ),
    ] {
        refused(yaml, told);
    }
    for yaml in [
        "status: {lt: 999.5}",
        "status: {ge: 100, le: 999}",
        "exit: {ge: 0}",
        "status: \"${{ n }}\"",
        "json: {size: -1}",
        "max_outage: {le: 0s}",
    ] {
        assert!(read(yaml).is_ok(), "{yaml}");
    }
}

#[test]
fn a_matcher_that_hides_a_key_of_its_name_says_how_to_reach_the_key() {
    let hint = " (`length` is the matcher here: for the key of that name write its path from the root, like `$.length`, or compare the whole by `equals`)";
    let told = format!("1:16 the length of `json` is not what was expected [7 | 9]{hint}");
    fails("json: {length: 7}", &[&told]);
}

#[test]
fn a_regular_expression_that_may_match_nothing_checks_nothing() {
    for pattern in ["", "x*", "a|", "^", "$", "(\\d+)?", "\\w*", "(?i)(error)?", "^x*"] {
        assert!(crate::expect::vacuous::fits_all(pattern).is_some(), "{pattern}");
    }
    for pattern in [
        "x", ".*", "^.*$", "(?s).*", "^$", "^\\s*$", "x*y", "^(a|b)?$", "\\b", ".",
    ] {
        assert_eq!(crate::expect::vacuous::fits_all(pattern), None, "{pattern}");
    }
}

#[test]
fn traps_are_told_at_check() {
    refused("stdout: {starts-with: ''}", "1:23 everything contains an empty text");
    refused("stdout: {contains: [a, '']}", "1:20 everything contains an empty text");
    refused(
        "stdout: {matches: 'x*'}",
        "1:19 the regular expression `x*` fits every text: it may match nothing at all",
    );
    refused(
        "stdout: 3.10",
        "1:9 `3.10` is a number to YAML, and `stdout` is text (write `'3.10'`)",
    );
    refused(
        "stdout: {contains: [a, 012], starts-with: yes, ends-with: true}",
        "1:24 `012` is a number to YAML, and what `stdout` contains is text (write `'012'`)\n1:59 `true` is a boolean to YAML, and `stdout` is text (write `'true'`)",
    );
    refused(
        "stdout: {one-of: [1, a]}",
        "1:19 `1` is a number to YAML, and `stdout` is text (write `'1'`)",
    );
    refused(
        "nodes: core1",
        "1:8 expected a list of names, found text (write `[core1]` or `{contains: core1}`)",
    );
    refused(
        "stdout:",
        "1:8 no value is expected here (write `{empty: true}` or `{exists: false}`)",
    );
    refused("exit: '0'", "1:7 expected a number, found text (take the quotes away)");
    refused(
        "duration: 5",
        "1:11 expected a duration (`250ms`, `30s`), found a number (write its unit, and a limit rather than the value: `{le: 5s}`)",
    );
    refused(
        "duration: {lt: 5}",
        "1:16 expected a duration, found a number (write `5s` for seconds)",
    );
    refused(
        "exit: {lt: soon}",
        "1:12 expected a number or a size (`64KiB`), found text",
    );
    refused("stdout: {contains: ''}", "1:20 everything contains an empty text");
    refused(
        "stdout: {{ x }}",
        "1:9 `{{ … }}` without quotes is a mapping, not text (quote it: `\"${{ x }}\"` for an expression, `\"{{ x }}\"` for the text itself)",
    );
}

#[test]
fn unknown_words_are_told_with_what_there_is() {
    let matchers = crate::diagnostic::known_names("", &crate::expect::read::MATCHERS);
    refused(
        "stdot: a",
        "1:1 unknown field of the result `stdot` (there is `exit`, `stdout`, `json`, `headers`, `duration`, `healthy`, `nodes`, `stages`, `lines`, `max_outage`, `error`, `status`; did you mean `stdout`?)",
    );
    refused(
        "stdout: {contain: a}",
        &format!("1:10 unknown matcher `contain` ({matchers}; did you mean `contains`?)"),
    );
    refused(
        "json: {a: {contain: b}}",
        &format!(
            "1:12 unknown matcher `contain` ({matchers}; did you mean `contains`? If not: to compare with a mapping write `{{equals: …}}` or `{{includes: …}}`)"
        ),
    );
    refused(
        "exit: {contains: 1}",
        "1:8 `contains` cannot judge `exit`, which is a number (it is judged by `equals`, `one-of`, `lt`, `le`, `gt`, `ge`, `exists`, `not`, `all`, `any`)",
    );
    refused(
        "stdout: {matches: 'a('}",
        "1:19 the regular expression `a(` is wrong: unclosed group",
    );
    refused(
        "json: {'$.a[': b, 'a[0]': c, a..b: d}",
        "1:8 `$.a[` is no JSONPath (a path is like `$.members[0].name` (RFC 9535))\n\
         1:19 `a[0]` is no dotted path (write `$.a[0]`, or `a.0`)\n\
         1:30 `a..b` has an empty part (a path is like `members.0.name`; write `$['a.b']` for a key with a dot)",
    );
    refused(
        "stdout: {}",
        "1:9 a mapping without a matcher expects nothing (to compare with an empty mapping write `{equals: {}}`)",
    );
    refused(
        "{}",
        "1:1 nothing is expected here (name a field of the result, or leave `expect` out)",
    );
    refused(
        "[a]",
        "1:1 expected a mapping of what is expected, found a list (its keys are `exit`, `stdout`, `json`, `headers`, `duration`, `healthy`, `nodes`, `stages`, `lines`, `max_outage`, `error`, `status`)",
    );
    refused(
        "stdout: {golden: {file: a, replace: [{matches: '(', with: b}]}}",
        "1:48 the regular expression `(` is wrong: unclosed group",
    );
    refused(
        "stdout: {all: {equals: a}}",
        "1:15 `stdout` is text and has no items (with a list of matchers it judges the value, with one matcher the items of a list)",
    );
    refused("stdout: {any: []}", "1:15 no matcher is in this list");
}
