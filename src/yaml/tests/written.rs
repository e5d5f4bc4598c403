//! What is written means what was read.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;

use super::super::write::is_document_marker;
use super::super::{Content, Node, Scalar, Style, parse, parse_all, write, write_all};
use crate::diagnostic::{Diagnostic, Source, Span};

fn node(content: Content, tag: Option<String>) -> Node {
    let span = Span {
        source: Source::new("none", ""),
        start: 0,
        end: 0,
    };
    Node {
        span,
        alias: None,
        tag,
        content,
    }
}

/// Text, tag and whether it is plain: all that a reader of YAML is told.
fn meaning(node: &Node) -> String {
    let tag = node.tag.as_deref().unwrap_or("");
    match &node.content {
        Content::Scalar(scalar) => {
            // Plain text with empty lines in it, or with a document's marker, is no number, date or boolean to anybody:
            // quotes change nothing.
            let plain =
                scalar.style == Style::Plain && !scalar.text.contains('\n') && !is_document_marker(&scalar.text);
            format!("{tag} {}{:?}", if plain { "plain " } else { "" }, scalar.text)
        }
        Content::List(items) => format!("{tag} [{}]", items.iter().map(meaning).collect::<Vec<_>>().join(", ")),
        Content::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", meaning(key), meaning(value)));
            format!("{tag} {{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

fn reread(text: &str) -> Node {
    parse(&Source::new("written.yaml", text)).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"))
}

fn check(text: &str, expected: &str) {
    let tree = parse(&Source::new("t.yaml", text)).expect("YAML");
    let written = write(&tree);
    assert_eq!(written, expected);
    assert_eq!(meaning(&reread(&written)), meaning(&tree), "{text}");
    assert_eq!(write(&reread(&written)), written, "writing is stable");
}

#[test]
fn plain_scalars_stay_as_they_are_written() {
    let text = "mode: 0440\nport: 22:22\nday: 2001-12-14\nanswer: yes\nversion: 3.10\nsign: =\nbig: 12345678901234567890123\n\
                none:\ntilde: ~\nx: -a\ny: ?b\nz: :c\nurl: http://a:1/#b\nmulti: one\n  two\n0o17: 0x1F\n";
    let expected = text.replace("one\n  two", "one two");
    check(text, &expected);
    check("22:22", "22:22\n");
}

#[test]
fn quoted_scalars_stay_quoted_and_blocks_stay_blocks() {
    check(
        "a: 'yes'\n'b': \"x\\ty\\u2028\\x07\"\n",
        "a: \"yes\"\n\"b\": \"x\\ty\\u2028\\u0007\"\n",
    );
    check("a: |\n  #!/bin/sh\n    x\n\n  y\n", "a: |\n  #!/bin/sh\n    x\n\n  y\n");
    check("- |+\n  x\n\n- >-\n  a\n  b\n", "- |+\n  x\n\n- |-\n  a b\n");
    check("a: |2\n    x\n", "a: \"  x\\n\"\n");
    check("a: |-\n", "a: \"\"\n");
    check("|\n  x\n", "|\n  x\n");
    check("- - |\n    x\n  - y\n", "- - |\n    x\n  - y\n");
}

#[test]
fn tags_aliases_merges_and_empty_collections() {
    check(
        "a: !reset\nb: !reset null\nc: !override\n  - 1\n",
        "a: !reset\nb: !reset null\nc: !override\n  - 1\n",
    );
    check(
        "- !x {a: !y []}\n- ! 12\n- !!str 1\n",
        "- !x\n  a: !y []\n- ! 12\n- !!str 1\n",
    );
    check("%TAG !e! tag:x,2000:\n---\n!e!foo bar\n", "!<tag:x,2000:foo> bar\n");
    check(
        "a: &x {k: [1, 2]}\nb: {<<: *x, l: {}}\n",
        "a:\n  k:\n    - 1\n    - 2\nb:\n  <<:\n    k:\n      - 1\n      - 2\n  l: {}\n",
    );
    check("[]", "[]\n");
    check("!x {}", "!x {}\n");
    check("", "");
}

#[test]
fn keys_of_every_kind() {
    check("? [a, {b: c}]\n: d\n? \n: e\n", "? - a\n  - b: c\n: d\n?\n: e\n");
    let long = "k".repeat(600);
    check(&format!("? {long}\n: 1\n"), &format!("? {long}\n: 1\n"));
    check("? |\n  a\n  b\n: 1\n", "\"a\\nb\\n\": 1\n");
    check("!t k: 1\n", "!t k: 1\n");
}

#[test]
fn what_a_substitution_made_unsafe_is_quoted() {
    for text in [
        "a: b", "a #b", "- x", "[x", "*x", "x:", " x", "", "x\ny", "@x", "\u{7f}", "a\t#b",
    ] {
        let scalar = node(
            Content::Scalar(Scalar {
                text: text.to_owned(),
                style: Style::Plain,
            }),
            None,
        );
        let key = node(
            Content::Scalar(Scalar {
                text: "k".to_owned(),
                style: Style::Plain,
            }),
            None,
        );
        let written = write(&node(Content::Map(vec![(key, scalar)]), None));
        assert_eq!(
            reread(&written).entry("k").and_then(Node::scalar),
            Some(text),
            "{written}"
        );
    }
}

#[test]
fn several_documents() {
    let source = Source::new("t.yaml", "a: 1\n---\n[b]\n");
    let written = write_all(&parse_all(&source).expect("YAML"));
    assert_eq!(written, "a: 1\n---\n- b\n");
}

fn scalars() -> impl Strategy<Value = Scalar> {
    let quoted = prop_oneof![any::<String>(), "[ \t\n:#'\"a-]{0,12}", "([ a-c]{0,4}\n){0,4}"];
    let styles = prop_oneof![
        Just(Style::Single),
        Just(Style::Double),
        Just(Style::Literal),
        Just(Style::Folded)
    ];
    let quoted = (quoted, styles).prop_map(|(text, style)| Scalar { text, style });
    let plain = "([a-z0-9=.~][a-z0-9:/._#'\"-]{0,8}( [a-z0-9][a-z0-9'-]{0,4}){0,2})?";
    let plain = plain.prop_filter("ends in a colon", |text| !text.ends_with(':') && !text.contains(": "));
    prop_oneof![
        quoted,
        plain.prop_map(|text| Scalar {
            text,
            style: Style::Plain
        })
    ]
}

fn trees() -> impl Strategy<Value = Node> {
    let tags = || proptest::option::weighted(0.2, prop_oneof![Just("!reset".to_owned()), Just("!!str".to_owned())]);
    let leaf = (scalars(), tags()).prop_map(|(scalar, tag)| node(Content::Scalar(scalar), tag));
    leaf.prop_recursive(5, 60, 5, move |inner| {
        let lists = proptest::collection::vec(inner.clone(), 0..5).prop_map(Content::List);
        let maps = proptest::collection::vec((inner.clone(), inner), 0..5).prop_map(|entries| {
            let mut unique: Vec<(Node, Node)> = Vec::new();
            for (key, value) in entries {
                if unique.iter().all(|(known, _)| known.identity() != key.identity()) {
                    unique.push((key, value));
                }
            }
            Content::Map(unique)
        });
        (prop_oneof![lists, maps], tags()).prop_map(|(content, tag)| node(content, tag))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_read_back_as_it_was(tree in trees()) {
        let written = write(&tree);
        let source = Source::new("written.yaml", written.as_str());
        let again = parse(&source).map_err(|problems| TestCaseError::fail(format!("{written}\n{problems:?}")))?;
        proptest::prop_assert_eq!(meaning(&again), meaning(&tree), "{}", written);
    }

    #[test]
    fn no_text_makes_it_panic(pieces in proptest::collection::vec("[a-c]|: |- |\\? |, ?|[\\[\\]{}\"'#&*!|>%@`]|\n {0,4}|\t|\\$\\{\\{ |\\}\\}|\u{e9}|\r\n|---\n", 0..40)) {
        let text = pieces.concat();
        match parse(&Source::new("t.yaml", text.as_str())) {
            Ok(tree) => proptest::prop_assert_eq!(meaning(&reread(&write(&tree))), meaning(&tree)),
            Err(problems) => {
                proptest::prop_assert!(!problems.is_empty());
                problems.iter().map(|problem: &Diagnostic| problem.draw(false)).for_each(drop);
            }
        }
    }
}
