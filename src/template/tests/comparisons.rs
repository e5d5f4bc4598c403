//! Comparisons: what they say of values of one kind, and that they say nothing of values of different kinds.

use serde_json::{Value, json};

use super::{expression, expression_refused};

/// Comparisons that nobody can judge, and what is told of each.
const OF_DIFFERENT_KINDS: [(&str, &str); 28] = [
    (
        "digits > 3",
        "digits > 3: `digits` is text (\"10\") and `3` is a number; write `digits | int`, quote the number, or judge it with `expect`",
    ),
    (
        "1 + n*2 >= members.0.name",
        "1 + n*2 >= members.0.name: `1 + n*2` is a number (7) and `members.0.name` is text (\"core1\"); only two numbers have an order, or two texts: versions, durations, sizes, times, or none of these",
    ),
    (
        "not (n < '7')",
        "n < '7': `n` is a number (3) and `'7'` is text; write the number without quotes, or `… | int`",
    ),
    (
        "yes and (members|length) <= none",
        "(members|length) <= none: `(members|length)` is a number (2) and `none` is null; only two numbers have an order, or two texts: versions, durations, sizes, times, or none of these",
    ),
    (
        "yes < 2",
        "yes < 2: `yes` is a boolean (true) and `2` is a number; compare a number with a number",
    ),
    (
        "[1] < [2]",
        "[1] < [2]: `[1]` is a list ([1]) and `[2]` is a list ([2]); only two numbers have an order, or two texts: versions, durations, sizes, times, or none of these",
    ),
    (
        "outage < 1",
        "outage < 1: `outage` is text (\"250ms\") and `1` is a number; `outage | seconds` is a number of seconds",
    ),
    (
        "digits < '9'",
        "digits < '9': `digits` is text (\"10\") and `'9'` is text; as texts they have the order of their letters: make numbers of both, `digits | float`",
    ),
    (
        "digits < '9.5'",
        "digits < '9.5': `digits` is text (\"10\") and `'9.5'` is text; they may be versions or numbers: write `digits | version`, or make numbers of both, `digits | float`",
    ),
    (
        "'2.10.' ~ 1 > 'latest'",
        "'2.10.' ~ 1 > 'latest': `'2.10.' ~ 1` is text (\"2.10.1\") and `'latest'` is text; only two numbers have an order, or two texts: versions, durations, sizes, times, or none of these",
    ),
    (
        "'2.10.' ~ 1 >= 2.10",
        "'2.10.' ~ 1 >= 2.10: `'2.10.' ~ 1` is text (\"2.10.1\") and `2.10` is a number; a version is compared with one in quotes: `'2.10'`",
    ),
    (
        "name | version",
        "version: `version` wants a text like `3.9` or `v1.2.3-rc.1`, not text (\"shop\")",
    ),
    (
        "outage < 'soon'",
        "outage < 'soon': `outage` is text (\"250ms\") and `'soon'` is text; only two numbers have an order, or two texts: versions, durations, sizes, times, or none of these",
    ),
    (
        "digits == 10",
        "digits == 10: `digits` is text (\"10\") and `10` is a number, and these are never equal; write `digits | int`, quote the number, or judge it with `expect`",
    ),
    (
        "n != '3'",
        "n != '3': `n` is a number (3) and `'3'` is text, and these are never equal; write the number without quotes, or `… | int`",
    ),
    (
        "no == false",
        "no == false: `no` is text (\"false\") and `false` is a boolean, and these are never equal; compare with the text: `'false'`",
    ),
    (
        "1 == yes",
        "1 == yes: `1` is a number and `yes` is a boolean (true), and these are never equal; compare a number with a number",
    ),
    (
        "{'a': [digits]} == {'a': [10]}",
        "{'a': [digits]} == {'a': [10]}: text (\"10\") and a number (10), and these are never equal; write `… | int`, quote the number, or judge it with `expect`",
    ),
    (
        "n in ['1', '3']",
        "n in ['1', '3']: `n` is a number (3) and text (\"1\"), and these are never equal; write `… | int`, quote the number, or judge it with `expect`",
    ),
    (
        "3 not in digits",
        "3 not in digits: `3` is a number and `digits` is text (\"10\"); only a text is in it or not",
    ),
    (
        "'a' in n",
        "'a' in n: `'a'` is text and `n` is a number (3); nothing can be in that",
    ),
    (
        "1 < n < digits",
        "1 < n < digits: `n` is a number (3) and `digits` is text (\"10\"); write `digits | int`, quote the number, or judge it with `expect`",
    ),
    (
        "digits is gt 3",
        "gt 3: text (\"10\") and a number (3); write `… | int`, quote the number, or judge it with `expect`",
    ),
    (
        "[1, '2'] | max",
        "max: text (\"2\") and a number (1); write `… | int`, quote the number, or judge it with `expect`",
    ),
    (
        "[2, '1'] | sort",
        "sort: `sort` got a number and text, which have no order",
    ),
    (
        "[{'a': 1}, {'a': 'x'}] | sort(attribute='a')",
        "sort(attribute='a'): `sort` got a number and text, which have no order",
    ),
    (
        "name | bool",
        "bool: `bool` wants `true` or `false`, not text (\"shop\")",
    ),
    (
        "members | selectattr('name', 'lt', 3) | list",
        "selectattr('name', 'lt', 3): text (\"core1\") and a number (3); only two numbers have an order, or two texts: versions, durations, sizes, times, or none of these",
    ),
];

#[test]
fn values_of_different_kinds_are_never_quietly_unequal_or_more() {
    for (code, told) in OF_DIFFERENT_KINDS {
        expression(code, json!(told));
    }
    // A part of a long value could be a part of what is hidden.
    expression(
        "raw * 3 > 3",
        json!(
            "raw * 3 > 3: `raw * 3` is text and `3` is a number; only two numbers have an order, or two texts: versions, durations, sizes, times, or none of these"
        ),
    );
}

#[test]
fn literals_that_nobody_can_compare_are_told_when_they_are_read() {
    for (code, told) in [
        (
            "n == 3 or 3 > 'a'",
            "1:12 `3 > 'a'` `3` is a number and `'a'` is text; only two numbers have an order, or two texts: versions, durations, sizes, times, or none of these",
        ),
        (
            "0 < n and not (-1 == '-1')",
            "1:17 `-1 == '-1'` `-1` is a number and `'-1'` is text, and these are never equal; write the number without quotes, or `… | int`",
        ),
        (
            "n < 2.5 < true",
            "1:6 `2.5 < true` `2.5` is a number and `true` is a boolean; compare a number with a number",
        ),
        (
            "'3.9' < '3.10'",
            "1:2 `'3.9' < '3.10'` `'3.9'` is text and `'3.10'` is text; they may be versions or numbers: write `… | version`, or make numbers of both, `… | float`",
        ),
        (
            "random(-1)",
            "1:9 `-1` `random` wants a length from 1 to 256 (it is called as `random(length)`)",
        ),
        (
            "url('web', 80.5)",
            "1:13 `80.5` `80.5` is no port (1 to 65535) (it is called as `url(service, port)`)",
        ),
        (
            "containers(3)",
            "1:13 `3` `containers` got a number (it is called as `containers(service)`)",
        ),
    ] {
        expression_refused(&Value::from(code).to_string(), told);
    }
}

#[test]
fn values_of_one_kind_are_compared_as_what_they_are() {
    for (code, holds) in [
        ("digits | int > 3", true),
        ("n < 3.5 and 3 <= n and n == 3.0", true),
        ("1 < n <= 3 != 4", true),
        ("3 < n < 2", false),
        ("'a' < 'b' and 'B' < 'a'", true),
        ("outage < '1s' and '90s' > '1m'", true),
        ("'2.10.1' >= '2.9.0' and '20.10.24' >= '20.10' and 'v2' < 'v10'", true),
        ("'1.0.0-rc.2' < '1.0.0-rc.10' <= '1.0.0' and '28' > '20.10.24'", true),
        ("'3.9' | version < '3.10' and 'v3.9' | version == '3.9.0'", true),
        ("['2.10.1', '2.9.0'] | max == '2.10.1'", true),
        ("'2KiB' >= '2048B' and '9MB' < '1GiB'", true),
        ("'2026-01-01T00:00:00.5Z' > '2026-01-01T01:00:00+01:00'", true),
        ("outage | seconds < 0.3 and n | seconds == 3", true),
        ("nothing == none and n != none and name != none", true),
        ("n != '' and name != '' and '' == ''", true),
        ("n != 'abc' and yes != 'abc' and n != yes", true),
        ("leader != n and members != []", true),
        ("'core1' == leader['name'] if 2 in [1, 2] else false", true),
        ("'ab' not in ['a', 'b'] and 'a' in 'ab' and not 'x' in leader", true),
        ("n is not in [1, 2] and n is in([3])", true),
        ("{'a': n<4}['a'] and [n>2, n>3] == [true, false]", true),
        ("words[1:n<4] | default('') is not none", true),
        ("dict(a=n==3).a", true),
        ("not n == 4", true),
        (
            "(no | bool) == false and 'True' | bool and n | bool and not empty | bool",
            true,
        ),
        (
            "[1, 3, 2] | max == 3 and ['9s', '10s'] | max == '10s' and [] | min is undefined",
            true,
        ),
        (
            "['b', 'a'] | sort == ['a', 'b'] and (members | min(attribute='name')).name == 'core1'",
            true,
        ),
        (
            "[{'h': 'up'}, {}] | selectattr('h', 'eq', 'up') | list | length == 1",
            true,
        ),
        (
            "[{'h': 'up'}, {}] | rejectattr('h', 'in', ['up']) | list | length == 1",
            true,
        ),
        ("[{'h': 'up'}, {}] | selectattr('h', 'ne', 'up') | list == [{}]", true),
        ("[{'h': 'up'}, {}] | selectattr('h') | list | length == 1", true),
        (
            "members | selectattr('name', 'in', ['core2']) | list | length == 1",
            true,
        ),
    ] {
        expression(code, json!(holds));
    }
}

#[test]
fn a_place_in_a_comparison_is_the_place_as_it_is_written() {
    expression(
        "leader.name == 'a' or (raw | json | jsonpath('$.q')) == 1 and text | json",
        json!(
            "(raw | json | jsonpath('$.q')) == 1: something here has no value: a computed key is missing, or a filter found nothing (`default(…)` gives a value then)"
        ),
    );
    expression(
        "leader.name == 'core1' and n != 4 and name | json == 1",
        json!("json: `json` got text (\"shop\"), which is no JSON: expected value at line 1 column 1"),
    );
    expression(
        "port('web', 80) > 100 and port('db', 1) < 5 and not n == address('web')",
        json!(r#"NEEDS [Port("db", 1), Address("web")]"#),
    );
}

#[test]
fn a_word_behind_a_point_is_no_keyword() {
    let node = super::node("\"body.is and body.if or not body.not\"");
    let expression = super::Expression::of(&node).unwrap();
    let mut scope = super::scope();
    let body = json!({"is": 1, "if": 0, "not": 0});
    scope.values.insert("body".to_owned(), std::sync::Arc::new(body));
    assert_eq!(super::rendered(expression.value(&scope)), json!(true));
}

#[test]
fn a_keyword_is_no_value() {
    let help = "(a part with `not`, `and` or `if` in it goes into brackets; a text is quoted)";
    expression_refused(
        "n == not",
        &format!(
            "1:6 `not` a value is meant where there is `not` {help}\n1:6 `not` a value is missing beside `not` {help}"
        ),
    );
    expression_refused("if", &format!("1:1 `if` a value is meant where there is `if` {help}"));
    expression_refused(
        "n + and.x",
        &format!("1:5 `and` a value is meant where there is `and` {help}"),
    );
}
