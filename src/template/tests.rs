//! Templates as data: text, what it gives, and where it is wrong. Long because it is a table: a line or a few are a case.

mod asked;
mod comparisons;
mod properties;
mod refused;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Data, Expression, Question, Scope, Template, Unrendered};
use crate::diagnostic::{Diagnostic, Source};
use crate::yaml::{self, Node};

fn node(yaml: &str) -> Node {
    yaml::parse(&Source::new("test.yaml", yaml)).unwrap()
}

fn scope() -> Scope {
    let values = json!({
        "name": "shop", "n": 3, "yes": true, "nothing": null, "ratio": 1.5, "text": "one\ntwo\n", "version": "v12.7 of it",
        "leader": {"name": "core1", "role": "master"}, "members": [{"name": "core1"}, {"name": "core2"}],
        "stacks": {"shop-standby": {"project": "e2e-x"}}, "evil": "${{ name }}", "raw": "{\"a\": [1, {\"b\": \"c\"}]}",
        "nodes": [{"name": "core1", "address": "10.0.0.1", "roles": ["manager"]}, {"name": "core2", "address": "10.0.0.2", "roles": []}],
        "x": 1, "words": ["it's", "a b", "c"], "no": "false", "exit": 3, "empty": {}, "digits": "10", "outage": "250ms",
    });
    let values = values
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.clone(), Arc::new(value.clone())))
        .collect();
    let answers = [
        (Question::Port("web".into(), 80), json!(32768)),
        (Question::Url("web".into(), 80), json!("http://127.0.0.1:32768")),
        (Question::Containers("web".into()), json!(["c1", "c2"])),
    ];
    Scope {
        values,
        answers: answers.into(),
        seed: "run-1".into(),
        unique: "run-1".into(),
        salt: String::new(),
        folders: BTreeMap::new(),
        by_chance: BTreeSet::new(),
        unsaved: BTreeMap::new(),
    }
}

/// What a template gives: its value, or `NEEDS …`, or `place: message`.
fn rendered(result: Result<Value, Unrendered>) -> Value {
    match result {
        Ok(value) => value,
        Err(Unrendered::Needs(questions)) => json!(format!("NEEDS {questions:?}")),
        Err(Unrendered::Failed { span, message, .. }) => json!(format!("{}: {message}", span.text())),
    }
}

#[track_caller]
fn gives(yaml: &str, expected: Value) {
    let template = Template::of(&node(yaml)).unwrap();
    assert_eq!(rendered(template.value(&scope())), expected, "{yaml}");
}

#[track_caller]
fn expression(code: &str, expected: Value) {
    let quoted = Value::from(code).to_string();
    let expression = Expression::of(&node(&quoted)).unwrap_or_else(|problems| panic!("{code}: {problems:?}"));
    assert_eq!(rendered(expression.value(&scope())), expected, "{code}");
}

fn told(problems: &[Diagnostic]) -> String {
    let line = |problem: &Diagnostic| {
        let place = problem.span.place();
        let help = problem.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
        format!(
            "{}:{} `{}` {}{help}",
            place.line,
            place.column,
            problem.span.text(),
            problem.message
        )
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn refused(yaml: &str, expected: &str) {
    let problems = Template::of(&node(yaml)).expect_err(yaml);
    assert_eq!(told(&problems), expected);
}

#[track_caller]
fn expression_refused(yaml: &str, expected: &str) {
    let problems = Expression::of(&node(yaml)).expect_err(yaml);
    assert_eq!(told(&problems), expected);
}

#[test]
fn what_is_no_expression_is_plain_text() {
    for text in [
        "{{.State.Status}}",
        "${#a[@]}",
        "$HOME ${HOME}",
        "{% if %} {# c #}",
        "$${{",
        "a $ b",
        "}}",
    ] {
        let yaml = format!("'{text}'");
        let template = Template::of(&node(&yaml)).unwrap();
        assert_eq!(template.as_literal(), Some(text.replace("$${{", "${{").as_str()));
        assert!(!template.has_code());
    }
    gives("a $${{ name }} ${{ name }}", json!("a ${{ name }} shop"));
    gives("$$${{ name }}", json!("$${{ name }}"));
    gives("''", json!(""));
    gives("|\n  exec ${{ name }}\n", json!("exec shop\n"));
}

#[test]
fn a_leaf_that_is_one_expression_keeps_its_type() {
    gives("${{ n }}", json!(3));
    gives("${{ leader }}", json!({"name": "core1", "role": "master"}));
    gives("'${{ nothing }}'", json!(null));
    gives("${{ n }} ", json!(3));
    gives("' ${{ n }}'", json!(" 3"));
    gives("'${{ n }}${{ n }}'", json!("33"));
    gives("'${{ {\"a\": {\"b\": \"}}\"}} }}'", json!({"a": {"b": "}}"}}));
    gives("${{ 4 // 2 }}", json!(2));
    gives("${{ 1 / 2 }}", json!(0.5));
}

#[test]
fn values_are_printed_as_json_and_text_plain() {
    gives(
        "'<${{ yes }} ${{ nothing }} ${{ words }} ${{ ratio }} ${{ leader }} ${{ name }}>'",
        json!(r#"<true null ["it's","a b","c"] 1.5 {"name":"core1","role":"master"} shop>"#),
    );
    expression("yes | string ~ [none, true] | string", json!("true[null,true]"));
    expression("[1, true, 'a'] | join(' ')", json!("1 true a"));
    expression("leader | tojson", json!(r#"{"name":"core1","role":"master"}"#));
}

#[test]
fn nothing_that_was_printed_is_rendered_again() {
    gives("${{ evil }}", json!("${{ name }}"));
    gives("x ${{ evil }}", json!("x ${{ name }}"));
}

#[test]
fn default_and_defined_may_be_missing() {
    expression("leader.nam | default('-')", json!("-"));
    expression("(nope.a.b) | d(1)", json!(1));
    expression("leader.a.b.c is defined", json!(false));
    expression("leader.name is not defined or leader.name == 'core1'", json!(true));
    expression("q | default(2)", json!(2));
    expression("text | regex('three') | default('none')", json!("none"));
    expression("no_such if false else 1", json!(1));
    expression("yes or no_such.thing", json!(true));
}

#[test]
fn paths_and_operators() {
    expression(
        "members[1].name ~ members.0.name ~ members[-1]['name']",
        json!("core2core1core2"),
    );
    expression("stacks['shop-standby'].project", json!("e2e-x"));
    expression("'name' in leader and 'nope' not in leader", json!(true));
    expression("members | map(attribute='name') | list", json!(["core1", "core2"]));
    expression(
        "members | selectattr('name', 'eq', 'core2') | map(attribute='name') | first",
        json!("core2"),
    );
    expression("words[1:]", json!(["a b", "c"]));
    expression("x + n", json!(4));
    expression("{'z': 1, 'a': x}", json!({"z": 1, "a": 1}));
    expression("leader == {'role': 'master', 'name': 'core1'}", json!(true));
    expression("members == [{'name': 'core1'}, {'name': 'core2'}]", json!(true));
    expression("range(3) | list", json!([0, 1, 2]));
    expression("dict(a=n)", json!({"a": 3}));
}

#[test]
fn filters_and_tests() {
    expression(r"version | regex('(\d+)\.(?<minor>\d+)', group='minor')", json!("7"));
    expression(r"version | regex('(\d+)\.(\d+)', group=1) | int + 1", json!(13));
    expression(r"version | regex('\d+')", json!("12"));
    expression(
        r"version | regex('(?<a>\d)', group='b')",
        json!(r"regex('(?<a>\\d)', group='b'): the regular expression has no group `b`; it names `a`"),
    );
    expression("(raw | json).a[1].b", json!("c"));
    expression("{'is': 1, 'not': 2}.is and {'if': 2}.if", json!(2));
    expression(
        "name | json",
        json!("json: `json` got text (\"shop\"), which is no JSON: expected value at line 1 column 1"),
    );
    expression("raw | json | jsonpath('$.a[0]')", json!(1));
    expression("members | jsonpath('$[*].name')", json!(["core1", "core2"]));
    expression("members | jsonpath('$[9].name') | default('-')", json!("-"));
    expression("'a: [1, 012]' | yaml", json!({"a": [1, 12]}));
    expression("text | lines", json!(["one", "two"]));
    expression("words | quote", json!(r"'it'\''s' 'a b' c"));
    expression("'' | quote", json!("''"));
    expression("nodes | addresses", json!(["10.0.0.1", "10.0.0.2"]));
    expression(
        "nodes | with_role('manager') | addresses | join(',')",
        json!("10.0.0.1"),
    );
    expression("text is containing 'two' and words is containing('c')", json!(true));
    expression(
        "version is matching '^v[0-9]' and version is not matching('x$')",
        json!(true),
    );
    expression("'abc' | upper", json!("ABC"));
}

#[test]
fn truth_refuses_a_text_that_looks_like_a_boolean() {
    let check = |code: &str, expected: Result<bool, &str>| {
        let truth = Expression::of(&node(code)).unwrap().truth(&scope());
        let truth = truth.map_err(|why| match why {
            Unrendered::Failed { message, .. } => message,
            Unrendered::Needs(_) => "needs".to_owned(),
        });
        assert_eq!(
            truth.as_ref().map(|truth| *truth).map_err(String::as_str),
            expected,
            "{code}"
        );
    };
    check("true", Ok(true));
    check("0", Ok(false));
    check("name", Ok(true));
    check("empty", Ok(false));
    check("nothing", Ok(false));
    check(
        "no",
        Err("`no` is the text `false`, which is neither true nor false: compare it with `== 'false'`"),
    );
}

#[test]
fn an_expression_has_limits() {
    expression("range(100000) | map('string') | join | length", json!(488890));
    let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    let many = vec!["name"; 600].join(" ~ ");
    for long in [&deep, &many] {
        expression_refused(
            long,
            &format!(
                "1:1 `{}` the expression has more than 1000 words, or brackets deeper than 64",
                &long[..1]
            ),
        );
    }
    expression("('a' * 20000000) | length", json!(20_000_000));
    gives(
        "${{ 'a' * 20000000 }}.",
        json!("${{ 'a' * 20000000 }}.: the text is longer than 16 MiB"),
    );
    let most = vec!["name"; 499].join(" ~ ");
    expression(&most, json!("shop".repeat(499)));
    let most = format!("{}1{}", "(".repeat(64), ")".repeat(64));
    expression(&most, json!(1));
    let most = vec!["not"; 990].join(" ");
    expression(&format!("{most} true"), json!(true));
    let most = vec!["-"; 990].join(" ");
    expression(&format!("{most} 1"), json!(1));
    let most = vec!["1 if false else"; 240].join(" ");
    expression(&format!("{most} 1"), json!(1));
}

#[test]
fn a_bare_expression_has_no_braces() {
    expression_refused(
        "${{ name }}",
        "1:1 `${{ name }}` this is an expression already, so it has no `${{ }}` (write `name`)",
    );
    expression_refused(
        "\"name == '${{ x }}'\"",
        "1:11 `${{ x }}` this is an expression already, so it has no `${{ }}` (names stand for themselves here; put texts together with `~`)",
    );
    expression_refused("''", "1:1 `''` expected an expression, found nothing");
    expression_refused("[a]", "1:1 `[a]` expected an expression, found a list");
    expression_refused(
        "'name is '",
        "1:7 `is` the expression does not parse: unexpected end of input, expected identifier",
    );
    expression_refused("\"a 'b\"", "1:4 `'` this quote in an expression is not closed");
    for fine in ["true", "1", "name", "1 < 2"] {
        assert!(Expression::of(&node(fine)).is_ok(), "{fine}");
    }
}

#[test]
fn an_expression_explains_itself_by_its_names() {
    let expression = Expression::of(&node(
        "leader.name == 'core2' and n > x and n > 4 and url('web', 80) and nope",
    ))
    .unwrap();
    assert_eq!(
        expression.explain(&scope()),
        [
            ("leader.name".to_owned(), json!("core1")),
            ("n".to_owned(), json!(3)),
            ("x".to_owned(), json!(1))
        ]
    );
}

#[test]
fn data_keeps_its_types_and_renders_its_leaves() {
    let data = Data::of(&node(
        "a: 3.10\nb: ['${{ n }}', 'x${{ n }}', ~, 012]\nc: {<<: {d: 1, e: 2}, e: 3}\n",
    ))
    .unwrap();
    assert_eq!(
        rendered(data.render(&scope())),
        json!({"a": 3.1, "b": [3, "x3", null, 12], "c": {"e": 3, "d": 1}})
    );
    assert_eq!(data.templates().len(), 2);
    assert_eq!(data.literal(), None);
    assert_eq!(
        Data::of(&node("{a: [1, b]}")).unwrap().literal(),
        Some(json!({"a": [1, "b"]}))
    );
    let needs = Data::of(&node(
        "{a: \"${{ file('a') }}\", b: \"${{ file('b') }}${{ file('a') }}\"}",
    ))
    .unwrap();
    assert_eq!(
        rendered(needs.render(&scope())),
        json!(r#"NEEDS [File("a", None), File("b", None)]"#)
    );
    let problems = Data::of(&node("a: ${{ b | x }}\nc: [\"${{ }}\"]\n")).expect_err("two problems");
    assert_eq!(problems.len(), 2);
}
