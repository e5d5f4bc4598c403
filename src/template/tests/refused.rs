//! What is told of a leaf before it is rendered: its problems, and the names that it uses.

use serde_json::{Value, json};

use super::{expression, node, refused};
use crate::template::{Template, filter, function, render};

#[test]
fn problems_are_told_at_their_places() {
    refused(
        "a ${{ name",
        "1:3 `${{` this `${{` is not closed: its `}}` is missing (an expression ends with `}}`; write `$${{` for the text `${{`)",
    );
    refused(
        "'a ${{ f(name }}'",
        "1:9 `(` this `(` in an expression is not closed (an expression ends with `}}`; write `$${{` for the text `${{`)",
    );
    refused(
        "a ${{ 'name }}",
        "1:7 `'` this quote in an expression is not closed (an expression ends with `}}`; write `$${{` for the text `${{`)",
    );
    refused(
        "a ${{ }}",
        "1:3 `${{ }}` the expression is empty (write `$${{` for the text `${{`)",
    );
    refused(
        "${{ name | uper }} ${{ url('a') }}",
        "1:12 `uper` unknown filter `uper` (did you mean `upper`?)\n\
        1:24 `url` `url` takes 2 values, not 1 (it is called as `url(service, port)`)",
    );
    refused(
        "${{ name is matchin }}",
        "1:13 `matchin` unknown test `matchin` (did you mean `matching`?)",
    );
    refused(
        "\"é \\t${{ name | x }}\"",
        &format!("1:17 `x` unknown filter `x` ({})", filters()),
    );
    refused(
        "|\n  first\n    ${{ a &&\n    b }}\n",
        "3:11 `&&` `&&` is no part of an expression (write `and`)",
    );
    refused(
        ">\n  first\n  ${{ a ||\n  b ! c }}\n",
        "3:9 `||` `||` is no part of an expression (write `or`)\n4:5 `!` `!` is no part of an expression (write `not`)",
    );
    refused(
        "plain\n  text ${{ a ? b }}",
        "2:14 `?` `?` is no part of an expression (write `this if condition else that`)",
    );
    refused(
        "'it''s ${{ a = b }}'",
        "1:14 `=` `=` is no part of an expression (equality is `==`)",
    );
    refused(
        "${{ a b }}",
        "1:7 `b` the expression does not parse: unexpected input after expression",
    );
    refused(
        "${{ a. }}",
        "1:6 `.` the expression does not parse: unexpected end of input, expected identifier or integer",
    );
}

#[test]
fn what_would_fail_at_run_time_is_told_at_check() {
    refused(
        "${{ prot('web', 80) }}",
        "1:5 `prot` unknown function `prot` (there is `port`, `address`, `url`, `containers`, `file`, `unique`, `random`, `range`, `dict`; did you mean `port`?)",
    );
    refused(
        "${{ url('web', 99999) }}",
        "1:16 `99999` `99999` is no port (1 to 65535) (it is called as `url(service, port)`)",
    );
    refused(
        "${{ name.upper() }}",
        "1:10 `upper` there is no method `upper` (write `… | upper`)",
    );
    refused(
        "${{ (name).foo() }}",
        "1:12 `foo` there is no method `foo` (values have attributes and filters (`… | upper`), but no methods)",
    );
    refused(
        "${{ name | regex('a(') }}",
        "1:18 `'a('` the regular expression `a(` is wrong: unclosed group (`{`, `(`, `[`, `*`, `+`, `?`, `.` and `|` are written with a `\\` before where they mean themselves)",
    );
    refused(
        "${{ name | jsonpath('a') }}",
        "1:21 `'a'` `a` is no JSONPath (a path is like `$.members[0].name` (RFC 9535))",
    );
    refused(
        "${{ words | map('uper') }}",
        "1:17 `'uper'` unknown filter `uper` (did you mean `upper`?)",
    );
    refused(
        "${{ ${{ a }} }}",
        "1:5 `$` `$` is no part of an expression (the inside of an expression is never rendered: write the name alone)",
    );
}

fn filters() -> String {
    crate::diagnostic::known_names("", filter::FILTERS)
}

#[test]
fn a_hyphen_in_a_name_is_no_subtraction() {
    refused(
        "${{ stacks.shop-standby.project }}",
        "1:5 `stacks.shop-standby` `stacks.shop-standby` is a subtraction (write `stacks['shop-standby']`)",
    );
    refused(
        "${{ stacks.shop.networks.front-net-2 }}",
        "1:5 `stacks.shop.networks.front-net-2` `stacks.shop.networks.front-net-2` is a subtraction (write `stacks.shop.networks['front-net-2']`)",
    );
    refused(
        "${{ matrix.db-version }}",
        "1:5 `matrix.db-version` `matrix.db-version` is a subtraction (write `matrix['db-version']`)",
    );
    for fine in [
        "${{ matrix.n-1 }}",
        "${{ probes.p.failures-x }}",
        "${{ leader.count-x }}",
        "${{ stacks.a - b }}",
        "${{ n-1 }}",
    ] {
        assert!(Template::of(&node(fine)).is_ok(), "{fine}");
    }
}

#[test]
fn names_are_known_with_their_attributes_and_calls() {
    let check = |code: &str, expected: &[&str]| {
        let template = Template::of(&node(&Value::from(format!("${{{{ {code} }}}}")).to_string())).unwrap();
        let names: Vec<String> = template
            .names()
            .map(|name| match name.call {
                true => format!(
                    "{}{}",
                    name.parts.join("."),
                    Value::from(
                        name.arguments
                            .iter()
                            .map(|a| a.clone().unwrap_or_default())
                            .collect::<Vec<_>>()
                    )
                ),
                false => name.parts.join("."),
            })
            .collect();
        assert_eq!(names, expected, "{code}");
    };
    check("stacks.shop['a-b'].c[0] + x[y].z", &["stacks.shop.a-b.c.0", "x", "y"]);
    check(
        "url('web', 80) ~ port(name, 5)",
        &["url[\"web\",80]", "port[null,5]", "name"],
    );
    check("a if b is defined and not c else none", &["a", "b", "c"]);
    check(
        "a | default(b) | regex(p, group=g) is matching q",
        &["a", "b", "p", "g", "q"],
    );
    check("{k: 'v', 'l': [true, m]}", &["k", "m"]);
    check("'a.b' in c or 1.5 > d[-1]", &["c", "d.-1"]);
    check("(a.b).c", &["a.b"]);
}

#[test]
fn every_filter_test_and_function_named_is_there() {
    for name in filter::FILTERS {
        expression(
            &format!("1 if {name:?} is filter_there else 0").replace("is filter_there", "is string"),
            json!(1),
        );
        assert!(render::engine().compile_expression(&format!("x|{name}")).is_ok());
        let missing = render::engine()
            .compile_expression(&format!("{name:?} is filter"))
            .unwrap()
            .eval(minijinja::Value::UNDEFINED);
        assert!(missing.unwrap().is_true(), "filter {name}");
    }
    for name in filter::TESTS {
        let missing = render::engine()
            .compile_expression(&format!("{name:?} is test"))
            .unwrap()
            .eval(minijinja::Value::UNDEFINED);
        assert!(missing.unwrap().is_true(), "test {name}");
    }
    assert_eq!(function::FUNCTIONS.len(), 9);
}
