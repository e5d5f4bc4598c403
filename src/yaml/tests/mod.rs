//! Text in; trees, diagnostics and values out.

mod problems;
mod written;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Content, MAX_DEPTH, Node, Style, parse, parse_all};
use crate::diagnostic::{Diagnostic, Source};

fn problems(text: &str) -> Vec<Diagnostic> {
    parse(&Source::new("t.yaml", text)).expect_err("this should be refused")
}

fn tree(text: &str) -> Node {
    parse(&Source::new("t.yaml", text)).unwrap_or_else(|problems| panic!("{text:?}: {problems:?}"))
}

/// All nodes in order, each as its style, its text and the text that its span covers.
fn sketch(text: &str) -> String {
    fn walk(node: &Node, out: &mut String) {
        let tag = node.tag.as_ref().map(|tag| format!("{tag} ")).unwrap_or_default();
        let alias = node
            .alias
            .as_ref()
            .map(|alias| format!("({}) ", alias.text()))
            .unwrap_or_default();
        let span = node.span.text();
        match &node.content {
            Content::Scalar(scalar) => {
                let style = match scalar.style {
                    Style::Plain => '.',
                    Style::Single => '\'',
                    Style::Double => '"',
                    Style::Literal => '|',
                    Style::Folded => '>',
                };
                let _ = writeln!(out, "{alias}{tag}{style}{:?} {span:?}@{}", scalar.text, node.span.start);
            }
            Content::List(items) => {
                let _ = writeln!(out, "{alias}{tag}[ {span:?}@{}", node.span.start);
                items.iter().for_each(|item| walk(item, out));
            }
            Content::Map(entries) => {
                let _ = writeln!(out, "{alias}{tag}{{ {span:?}@{}", node.span.start);
                entries.iter().for_each(|(key, value)| {
                    walk(key, out);
                    walk(value, out);
                });
            }
        }
    }
    let mut out = String::new();
    walk(&tree(text), &mut out);
    out
}

fn check_sketch(text: &str, expected: &[&str]) {
    assert_eq!(sketch(text).lines().collect::<Vec<_>>(), expected, "{text:?}");
}

/// Each problem as `line:column [covered text] message`, the related places indented below.
fn check_problems(text: &str, expected: &[&str]) {
    let mut found = Vec::new();
    for problem in problems(text) {
        let place = problem.span.place();
        found.push(format!(
            "{}:{} [{}] {}",
            place.line,
            place.column,
            problem.span.text(),
            problem.message
        ));
        for (span, label) in &problem.related {
            let place = span.place();
            found.push(format!("  {}:{} {label}", place.line, place.column));
        }
        assert!(problem.help.is_some(), "{text:?}: a problem without help: {problem:?}");
    }
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn keeps_text_quoting_tag_and_place_of_each_scalar() {
    check_sketch(
        "a: 0440\nb: 'it''s'\n\"c\": \"x\\ty\"\nd: !reset null\n",
        &[
            r#"{ "a: 0440\nb: 'it''s'\n\"c\": \"x\\ty\"\nd: !reset null"@0"#,
            r#"."a" "a"@0"#,
            r#"."0440" "0440"@3"#,
            r#"."b" "b"@8"#,
            r#"'"it's" "'it''s'"@11"#,
            r#"""c" "\"c\""@19"#,
            r#"""x\ty" "\"x\\ty\""@24"#,
            r#"."d" "d"@31"#,
            r#"!reset ."null" "null"@41"#,
        ],
    );
}

#[test]
fn an_empty_value_has_no_text_and_stands_after_its_colon() {
    check_sketch(
        "a:\nb: !reset\nc:\n  -\n",
        &[
            r#"{ "a:\nb: !reset\nc:\n  -"@0"#,
            r#"."a" "a"@0"#,
            r#"."" ""@2"#,
            r#"."b" "b"@3"#,
            r#"!reset ."" ""@12"#,
            r#"."c" "c"@13"#,
            r#"[ "-"@18"#,
            r#"."" ""@19"#,
        ],
    );
}

#[test]
fn the_lines_of_a_block_scalar_are_the_lines_of_its_place() {
    for (text, first_line) in [
        ("a: |\n  one\n  two\nb: 1\n", 2),
        ("a: |  # why\n  one\n\n  two\n\n\nb: 1\n", 2),
        ("a: |\n\n\n  one\n", 2),
        ("a: >-\n  one\n  two\n", 2),
        ("a: |2\n    one\n", 2),
        ("a: |\r\n  one\r\n  two\r\n", 2),
        ("- x\n- |+\n  one\n\n", 3),
    ] {
        let root = tree(text);
        let node = root
            .entry("a")
            .or_else(|| root.list()?.last())
            .expect("the block scalar");
        assert_eq!(node.span.place().line, first_line, "{text:?}");
        let lines = node.scalar().expect("a scalar").trim_end().lines().count();
        if !text.contains('>') {
            assert_eq!(
                node.span.text().lines().count(),
                lines,
                "{text:?}: {:?}",
                node.span.text()
            );
        }
        assert!(!node.span.text().ends_with(['\n', ' ']), "{text:?}");
    }
}

#[test]
fn counts_places_in_bytes_and_columns_in_characters() {
    let root = tree("\u{feff}é: [ü, €x]\n");
    let item = &root.entry("é").and_then(Node::list).expect("the list")[1];
    assert_eq!(item.span.text(), "€x");
    assert_eq!((item.span.place().line, item.span.place().column), (1, 8));
}

#[test]
fn expands_aliases_and_remembers_where_they_stand() {
    check_sketch(
        "a: &x {k: [1]}\nb: *x\n",
        &[
            r#"{ "a: &x {k: [1]}\nb: *x"@0"#,
            r#"."a" "a"@0"#,
            r#"{ "{k: [1]}"@6"#,
            r#"."k" "k"@7"#,
            r#"[ "[1]"@10"#,
            r#"."1" "1"@11"#,
            r#"."b" "b"@15"#,
            r#"(*x) { "{k: [1]}"@6"#,
            r#"(*x) ."k" "k"@7"#,
            r#"(*x) [ "[1]"@10"#,
            r#"(*x) ."1" "1"@11"#,
        ],
    );
    // The anchor that was written last counts, keys can be anchors, and a part of what is open can be repeated.
    assert_eq!(tree("- &a 1\n- &a 2\n- *a\n").value(), json!([1, 2, 2]));
    assert_eq!(
        tree("&k a: &v b\nc: *k\nd: [x, {y: &z [*v]}, *z]\n").value()["d"],
        json!(["x", {"y": ["b"]}, ["b"]])
    );
}

#[test]
fn merges_leave_explicit_keys_and_earlier_mappings_alone() {
    let text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  z: 3\nd: {<<: *a, w: {<<: *b}}\n";
    let root = tree(text);
    assert!(
        root.entry("c").and_then(|c| c.entry("<<")).is_some(),
        "parse keeps merge keys as they are written"
    );
    let merged = root.merged().value();
    assert_eq!(merged["c"], json!({"z": 3, "x": 1, "y": 1}));
    assert_eq!(merged["d"], json!({"w": {"y": 2, "z": 2}, "x": 1, "y": 1}));
    assert_eq!(tree("\"<<\": {a: 1}\n").merged().value(), json!({"<<": {"a": 1}}));
    assert_eq!(tree("<<: text\n").merged().value(), json!({"<<": "text"}));
}

#[test]
fn resolves_scalars_by_the_core_schema_and_loses_no_digit() {
    for (text, expected) in [
        ("012", json!(12)),
        ("0o14", json!(12)),
        ("0xfF", json!(255)),
        ("-7", json!(-7)),
        ("+7", json!(7)),
        ("18446744073709551615", json!(18446744073709551615u64)),
        ("18446744073709551616", json!("18446744073709551616")),
        ("-9223372036854775809", json!("-9223372036854775809")),
        ("3.10", json!(3.1)),
        (".5", json!(0.5)),
        ("1.", json!(1.0)),
        ("1e3", json!(1000.0)),
        ("1e999", json!("1e999")),
        (".inf", json!(".inf")),
        ("0x", json!("0x")),
        ("0x+1", json!("0x+1")),
        ("1_000", json!("1_000")),
        ("22:22", json!("22:22")),
        ("2001-12-14", json!("2001-12-14")),
        ("-", json!([null])),
        ("--", json!("--")),
        ("1.2.3", json!("1.2.3")),
        ("+-1", json!("+-1")),
        ("yes", json!("yes")),
        ("True", json!(true)),
        ("~", json!(null)),
        ("", json!(null)),
        ("'1'", json!("1")),
        ("!!str 1", json!("1")),
        ("!!int '1'", json!(1)),
        ("!!float 1", json!(1.0)),
        ("! 1", json!("1")),
        ("!reset 1", json!(1)),
        ("{1: a, ~: b, [c]: d}", json!({"1": "a", "~": "b", "[c]": "d"})),
    ] {
        assert_eq!(tree(text).value(), expected, "{text:?}");
    }
}

#[test]
fn takes_one_document() {
    assert!(tree("").is_null());
    assert!(tree("# nothing\n").is_null());
    assert_eq!(tree("---\na: 1\n---\n").value(), json!({"a": 1}));
    check_problems(
        "a: 1\n---\nb: 2\n",
        &["2:1 [---] a second document begins here, where one was expected"],
    );
    let values = |text: &str| {
        let documents = parse_all(&Source::new("t.yaml", text)).expect("documents");
        documents.iter().map(Node::value).collect::<Vec<_>>()
    };
    assert_eq!(values("a: 1\n---\nb: 2\n"), [json!({"a": 1}), json!({"b": 2})]);
    assert!(values("# nothing\n").is_empty());
}

#[test]
fn refuses_what_is_nested_deeply_and_overflows_no_stack() {
    let deep = format!("nested more than {MAX_DEPTH} levels deep");
    let message = |text: String| {
        let problems = problems(&text);
        assert_eq!(problems.len(), 1);
        problems[0].message.clone()
    };
    for (open, close) in [("[", "]"), ("- ", ""), ("{a: ", "}"), ("? ", ""), ("[{a: ", "}]")] {
        assert_eq!(message(open.repeat(100_000)), deep, "{open}");
        let pairs = MAX_DEPTH / open.matches(['[', '{', '-', '?']).count();
        tree(&format!("{}x{}", open.repeat(pairs), close.repeat(pairs)));
        assert_eq!(
            message(format!("{}x{}", open.repeat(pairs + 1), close.repeat(pairs + 1))),
            deep,
            "{open}"
        );
    }
    let indented: String = (0..50_000)
        .map(|level| format!("{}a:\n", " ".repeat(level.min(300))))
        .collect();
    assert_eq!(message(indented), deep);
    let mut chain = "- &a0 []\n".to_owned();
    for level in 1..MAX_DEPTH {
        let _ = writeln!(chain, "- &a{level} [*a{}]", level - 1);
    }
    assert_eq!(message(chain), deep);
}

#[test]
fn refuses_aliases_that_grow_without_end() {
    let mut laughs = "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n".to_owned();
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(",");
        let _ = writeln!(laughs, "a{level}: &a{level} [{aliases}]");
    }
    let began = Instant::now();
    assert_eq!(
        problems(&laughs)[0].message,
        "the aliases of this file expand to too much"
    );
    let long = format!("- &a {}\n{}", "x".repeat(1 << 20), "- *a\n".repeat(20));
    assert_eq!(
        problems(&long)[0].message,
        "the aliases of this file expand to too much"
    );
    assert!(began.elapsed() < Duration::from_secs(5));
    check_problems("a: &a [*a]\n", &["1:8 [*a] `*a` stands inside of what it refers to"]);
    check_problems(
        "&a {b: {c: *a}}\n",
        &["1:12 [*a] `*a` stands inside of what it refers to"],
    );
}

#[test]
fn reads_a_large_file() {
    let step = "- exec: {service: web, command: echo hello}\n  name: step\n  expect:\n    stdout: hello\n    exit: 0\n";
    let text = step.repeat(5_000);
    let began = Instant::now();
    assert_eq!(tree(&text).list().map(<[_]>::len), Some(5_000));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
