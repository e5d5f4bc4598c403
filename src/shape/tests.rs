//! Text in; problems, values and schema verdicts out.

use std::time::Duration;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{Computed, Named, OneOrMany, Problems, Shape, Size, Text, Word, is_plain_non_text, shape, words};
use crate::diagnostic::{Source, Spanned};
use crate::template::Expression;
use crate::yaml::parse;

words! {
    /// When.
    pub enum When {
        /// Not at all.
        Never = "never",
        /// Each time.
        Always = "always",
    }
}

shape! {
    /// A thing inside.
    pub struct Inner ("an inner thing") short host_path {
        /// Where.
        host_path: Spanned<String>,
        /// How often.
        times: Option<Computed<u64>>,
        /// When.
        when: Option<Spanned<When>>,
    }
}

shape! {
    /// A thing with one of everything.
    ///
    /// In two paragraphs.
    pub struct Outer ("an outer thing") {
        /// Its name.
        name: Text,
        /// A condition.
        r#if: Option<Expression>,
        /// How long.
        limit: Option<Computed<Duration>>,
        /// How large.
        size: Option<Spanned<Size>>,
        /// Whether.
        swarm: Option<Spanned<bool>>,
        /// Several.
        inner: Vec<Inner>,
        /// Several with names.
        named: Named<Inner>,
        /// One or several.
        tags: OneOrMany<Spanned<String>>,
        /// In itself.
        deeper: Option<Box<Outer>>,
    }
}

fn read<T: Shape>(text: &str) -> (Option<T>, Vec<String>) {
    let node = parse(&Source::new("t.yaml", text)).expect("YAML").merged();
    let mut problems = Problems::default();
    let value = T::read(&node, &mut problems);
    crate::diagnostic::sort(&mut problems.diagnostics);
    let told = problems.diagnostics.iter().map(|problem| {
        let help = problem
            .help
            .as_ref()
            .map(|help| format!(" ({help})"))
            .unwrap_or_default();
        let place = problem.span.place();
        format!("{}:{} {}{help}", place.line, place.column, problem.message)
    });
    (value, told.collect())
}

fn check(text: &str, expected: &[&str]) {
    let (value, told) = read::<Outer>(text);
    assert_eq!(told, expected, "{text}");
    assert_eq!(
        value.is_none(),
        expected.iter().any(|told| !told.contains("unknown key")),
        "{text}"
    );
}

#[test]
fn reads_what_is_written() {
    let text = "name: 3.10\nif: a == b\nlimit: 1h30m\nsize: 2GiB\nswarm: true\ninner: [/a, {host-path: /b, times: 2}]\n\
                named: {x: /c, y: {host-path: /d, when: always}}\ntags: one\ndeeper: {name: x, tags: [a, b]}\n";
    let (outer, told) = read::<Outer>(text);
    assert!(told.is_empty(), "{told:?}");
    let outer = outer.expect("a value");
    assert_eq!(
        outer.limit.as_ref().and_then(Computed::known),
        Some(Duration::from_secs(5400))
    );
    assert_eq!(outer.size.map(|size| size.value), Some(Size(2 << 30)));
    assert_eq!(
        outer
            .inner
            .iter()
            .map(|inner| inner.host_path.as_str())
            .collect::<Vec<_>>(),
        ["/a", "/b"]
    );
    assert_eq!(outer.named.names().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(
        outer
            .named
            .get("y")
            .and_then(|y| y.when.as_ref())
            .map(|when| when.value),
        Some(When::Always)
    );
    assert_eq!(outer.tags.0.len(), 1);
    assert_eq!(outer.deeper.map(|deeper| deeper.tags.0.len()), Some(2));
    assert_eq!(outer.span.place().line, 1);
}

#[test]
fn tells_all_problems_of_all_levels_at_once() {
    check(
        "nam: x\nlimit: 30\nsize: 5G\nswarm: yes\ninner:\n  - times: -1\n  - host-path: [x]\n    whn: never\n  - when: nevr\n\
         named: {x: {times: 1, tims: 2}, y: }\ntags: {a: b}\ndeeper:\n  deeper: {name: }\n",
        &[
            "1:1 unknown key in an outer thing, `nam` (there is `name`, `if`, `limit`, `size`, `swarm`, `inner`, `named`, \
             `tags`, `deeper`; did you mean `name`?)",
            "2:8 expected a duration (`250ms`, `30s`, `5m`, `1h30m`), found `30` (write its unit: `30s`)",
            "3:7 expected a size (`64KiB`, `2GiB`), found `5G` (write `5GiB`, which is in steps of 1024)",
            "4:8 expected `true` or `false`, found `yes` (write `true`)",
            "6:5 `host-path` is missing (add a line `host-path: …`)",
            "6:12 expected a whole number, found `-1` (it is 0 or more)",
            "7:16 expected text, found a list",
            "8:5 unknown key in an inner thing, `whn` (there is `host-path`, `times`, `when`; did you mean `when`?)",
            "9:5 `host-path` is missing (add a line `host-path: …`)",
            "9:11 expected one of `never` `always`, found `nevr` (did you mean `never`?)",
            "10:13 `host-path` is missing (add a line `host-path: …`)",
            "10:23 unknown key in an inner thing, `tims` (there is `host-path`, `times`, `when`; did you mean `times`?)",
            "10:35 expected a mapping (an inner thing), found nothing (its keys are `host-path`, `times`, `when`)",
            "11:7 expected text, found a mapping",
            "13:3 `name` is missing (add a line `name: …`)",
            "13:17 expected text, found nothing",
        ],
    );
}

#[test]
fn an_unknown_key_leaves_the_rest_usable() {
    let (outer, told) = read::<Outer>("name: x\nother: y\n");
    assert_eq!((outer.is_some(), told.len()), (true, 1));
}

#[test]
fn tells_wrong_kinds_of_collections() {
    check(
        "text",
        &[
            "1:1 expected a mapping (an outer thing), found text (its keys are `name`, `if`, `limit`, `size`, \
                     `swarm`, `inner`, `named`, `tags`, `deeper`)",
        ],
    );
    check(
        "name: x\ninner: /a\n",
        &["2:8 expected a list, found text (write `[/a]`)"],
    );
    check(
        "name: x\nnamed: [a]\n",
        &["2:8 expected a mapping, found a list (write a line `NAME: …` for each)"],
    );
    check("{}", &["1:1 `name` is missing (add a line `name: …`)"]);
    check("name: x\nif: [a]\n", &["2:5 expected an expression, found a list"]);
}

#[test]
fn tells_templates_that_lost_their_quotes() {
    let trap = "`{{ … }}` without quotes is a mapping, not text \
                (quote it: `\"${{ x }}\"` for an expression, `\"{{ x }}\"` for the text itself)";
    let at = |place: &str| format!("{place} {trap}");
    check("name: {{ x }}\n", &[&at("1:7")]);
    check(
        "name: y\nif: {{ x }}\nlimit: {{ x }}\nsize: {{ x }}\n",
        &[&at("2:5"), &at("3:8"), &at("4:7")],
    );
    check("name: y\ninner: [{{ x }}]\n", &[&at("2:9")]);
    check("name: y\ninner: {{ x }}\n", &[&at("2:8")]);
    check("name: y\nnamed: {{ x }}\n", &[&at("2:8")]);
    check("name: y\ndeeper: {{ x }}\n", &[&at("2:9")]);
    check(
        "name: y\n{{ x }}: z\nnamed:\n  {{ x }}: /a\n",
        &[&at("2:1"), &at("4:3")],
    );
    check(
        "name: y\nsize: ${{ x }}\n",
        &["2:7 no `${{ … }}` is possible here \
         (this has to be known before anything starts: write a size (`64KiB`, `2GiB`) itself)"],
    );
}

#[test]
fn tells_names_that_are_pieces_of_something() {
    check(
        "name: y\nnamed:\n  ${{ x }}: /a\n  f(x: /b\n  : /c\n  it's: /d\n",
        &[
            "3:3 a key is never a template (write the name itself; values may be templates)",
            "4:3 the key `f(x` has a `(` that is not closed \
         (quote the key, if it is meant so; else quote the value that this is a part of)",
            "5:3 a name is missing before the colon (write one)",
        ],
    );
    check(
        "name: y\nnamed: {a: f(x, y): z}\n",
        &[
            "2:17 the key `y)` has a `)` that closes nothing (between brackets a comma ends a value, also within an \
         expression: quote the value that this is a part of)",
        ],
    );
    check(
        "name: y\nnamed:\n  <<: text\n",
        &["3:3 `<<` merges nothing here: its value is no mapping (give it an alias of a mapping, or a list of them)"],
    );
}

#[test]
fn computes_late_what_holds_a_template() {
    let (outer, told) = read::<Outer>("name: x\nlimit: ${{ y }}\n");
    assert!(told.is_empty(), "{told:?}");
    assert!(matches!(outer.and_then(|outer| outer.limit), Some(Computed::Late(_))));
}

#[test]
fn quotes_make_text_of_numbers_and_booleans() {
    check(
        "name: x\nswarm: 'true'\ninner: [{host-path: a, times: \"2\"}]\n",
        &[
            "2:8 expected `true` or `false`, found text in quotes (take the quotes away)",
            "3:31 expected a whole number, found text in quotes (take the quotes away)",
        ],
    );
}

#[test]
fn reads_durations_and_sizes_in_one_way() {
    for (text, milliseconds) in [
        ("250ms", Some(250)),
        ("30s", Some(30_000)),
        ("1m30s", Some(90_000)),
        ("1h30m", Some(5_400_000)),
        ("1.5s", Some(1_500)),
        ("0s", Some(0)),
        ("30", None),
        ("-5s", None),
        ("+5s", None),
        ("1m 30s", None),
        ("PT30S", None),
        ("1:30", None),
        ("30sec", None),
        ("1d", None),
        ("30S", None),
        (".5s", None),
        ("s", None),
        ("", None),
        ("9999999999999999999999h", None),
    ] {
        assert_eq!(
            Duration::from_text(text),
            milliseconds.map(Duration::from_millis),
            "{text:?}"
        );
    }
    for (text, bytes) in [
        ("512", Some(512)),
        ("512B", Some(512)),
        ("64KiB", Some(65_536)),
        ("1.5KiB", Some(1_536)),
        ("9007199254740993", Some(9_007_199_254_740_993)),
        ("1MB", Some(1_000_000)),
        ("5G", None),
        ("5 GiB", None),
        ("0.5", None),
        ("1.KiB", None),
        ("1.2.3KiB", None),
        ("-1KiB", None),
        ("99999999999TiB", None),
        ("", None),
    ] {
        assert_eq!(Size::from_text(text), bytes.map(Size), "{text:?}");
    }
}

#[test]
fn knows_plain_scalars_that_are_no_text() {
    for (text, expected) in [
        ("3.10", true),
        ("012", true),
        ("true", true),
        ("~", true),
        ("'012'", false),
        ("yes", false),
    ] {
        assert_eq!(
            is_plain_non_text(&parse(&Source::new("t.yaml", text)).expect("YAML")),
            expected,
            "{text}"
        );
    }
}

fn schema() -> Value {
    SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Outer>()
        .to_value()
}

#[test]
fn the_schema_carries_the_docs() {
    let schema = schema();
    assert_eq!(
        schema["description"],
        "A thing with one of everything.\n\nIn two paragraphs."
    );
    assert_eq!(schema["properties"]["limit"]["description"], "How long.");
    assert_eq!(schema["properties"]["deeper"]["description"], "In itself.");
    assert_eq!(schema["required"], json!(["name"]));
}

/// The reader and the schema refuse the same things.
#[test]
fn the_schema_agrees_with_the_reader() {
    let validator = jsonschema::draft7::new(&schema()).expect("a schema");
    for text in [
        "name: x",
        "name: 3.10",
        "name: true",
        "name:",
        "name: [x]",
        "nam: x",
        "{}",
        "{name: x, other: y}",
        "{name: x, if: a}",
        "{name: x, if: }",
        "{name: x, limit: 30s}",
        "{name: x, limit: 30}",
        "{name: x, limit: 1d}",
        "{name: x, limit: 1m 30s}",
        "{name: x, limit: '${{ y }}'}",
        "{name: x, size: 512}",
        "{name: x, size: 2GiB}",
        "{name: x, size: 0.5}",
        "{name: x, size: 5G}",
        "{name: x, swarm: true}",
        "{name: x, swarm: yes}",
        "{name: x, swarm: 'true'}",
        "{name: x, inner: []}",
        "{name: x, inner: /a}",
        "{name: x, inner: [/a]}",
        "{name: x, inner: [{host-path: /a}]}",
        "{name: x, inner: [{host_path: /a}]}",
        "{name: x, inner: [{}]}",
        "{name: x, inner: [{host-path: a, times: -1}]}",
        "{name: x, inner: [{host-path: a, times: 2, when: never}]}",
        "{name: x, inner: [{host-path: a, when: later}]}",
        "{name: x, named: {a: /a, b: {host-path: c}}}",
        "{name: x, named: {a: }}",
        "{name: x, named: [a]}",
        "{name: x, tags: a}",
        "{name: x, tags: [a, 1]}",
        "{name: x, tags: [[a]]}",
        "{name: x, deeper: {name: y}}",
        "{name: x, deeper: {}}",
        "{name: x, deeper: }",
        "text",
        "[name]",
    ] {
        let value = parse(&Source::new("t.yaml", text)).expect("YAML").value();
        let (_, told) = read::<Outer>(text);
        assert_eq!(validator.is_valid(&value), told.is_empty(), "{text}: {told:?}");
    }
}
