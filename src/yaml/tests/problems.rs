//! What is wrong, and where.

use super::super::{Node, cut_trap, flow_trap, key_trap};
use super::{check_problems, problems, tree};

#[test]
fn tells_each_repeated_key() {
    check_problems(
        "a: 1\nb: {c: 1, 'c': 2}\n\"a\": 3\n? [x]\n: 1\n? [x]\n: 2\n",
        &[
            "2:11 ['c'] key `'c'` is written twice in one mapping",
            "  2:5 first written here",
            "3:1 [\"a\"] key `\"a\"` is written twice in one mapping",
            "  1:1 first written here",
            "6:3 [[x]] key `[x]` is written twice in one mapping",
            "  4:3 first written here",
        ],
    );
    assert_eq!(tree("a: &a {x: 1}\n<<: *a\n<<: *a\n").map().map(<[_]>::len), Some(3));
}

#[test]
fn points_at_the_quote_that_is_not_closed() {
    let plain = "the quote that opens here is not closed";
    for (text, place) in [
        ("a: \"foo\nb: 1\n", "1:4 [\"foo]"),
        ("a: 'foo\nb: 'bar'\n", "1:4 ['foo]"),
        ("a: [x, \"y]\n", "1:8 [\"y]]"),
        ("a: {b: 1, c: \"x\nd: 1\n", "1:14 [\"x]"),
        ("\"a: b\n", "1:1 [\"a: b]"),
        ("a: \"x\" # it's\nb: !t 'y\n---\nc: 1\n", "2:7 ['y]"),
        ("a: it's\nb: \"\\\"\n", "2:4 [\"\\\"]"),
    ] {
        check_problems(text, &[&format!("{place} {plain}")]);
    }
    check_problems(
        "a: [x, \"y, z]\nb: \"q\"\n",
        &[
            "1:8 [\"y, z]] the quote that opens here is not closed on this line",
            "  2:4 it is closed only here",
        ],
    );
    check_problems("a: 'it's'\n", &["1:8 [s'] text stands behind a closing quote"]);
    check_problems("- \"a\" b\n", &["1:7 [b] text stands behind a closing quote"]);
}

#[test]
fn points_at_the_bracket_that_is_not_closed() {
    for (text, place) in [
        ("a: [b, c\n", "1:4 [[]"),
        ("a: {b: c\n", "1:4 [{]"),
        ("- [a, b\n- c\n", "1:3 [[]"),
        ("a: [\n", "1:4 [[]"),
    ] {
        let open = &place[5..6];
        check_problems(text, &[&format!("{place} the `{open}` that opens here is not closed")]);
    }
    check_problems(
        "x:\n  a: {b: 1\n  c: 'd'\n",
        &[
            "2:6 [{] the `{` that opens here is not closed",
            "  3:1 so this is read as a part of it",
        ],
    );
    check_problems("a: [1, 2}\n", &["1:4 [[] `[` is closed by `}`"]);
    check_problems("{a: 1}}\n", &["1:7 [}] this bracket closes nothing"]);
    check_problems(
        "json: {\n  \"a\": 1\n  \"b\": 2\n}\n",
        &[
            "3:3 [\"b\":] a comma or `}` is missing before this",
            "  1:7 the bracket was opened here",
        ],
    );
}

#[test]
fn points_at_the_line_that_fits_nowhere() {
    check_problems(
        "a:\n  b: 1\n c: 2\n",
        &[
            "3:2 [c:] this line is indented as nothing above it",
            "  1:1 it stands in this mapping",
        ],
    );
    check_problems(
        "- a\nb: 1\n",
        &[
            "2:1 [b:] an item of the list, with `- `, was expected here",
            "  1:3 it stands in this list",
        ],
    );
    check_problems(
        "key\nother: 1\n",
        &[
            "2:1 [other] `other` cannot be a key here: the text above goes on to this line",
            "  1:1 the text begins here",
        ],
    );
    check_problems(
        "a: 1\n  b: 2\n",
        &[
            "2:3 [b] `b` cannot be a key here: the text above goes on to this line",
            "  1:4 the text begins here",
        ],
    );
    assert_eq!(
        problems("a:b\nc: 1\n")[0].help.as_deref(),
        Some("a blank is missing after the colon above: `a: b`")
    );
    check_problems("a:\n\tb: 1\n", &["2:1 [\t] a tab stands where YAML takes only blanks"]);
    check_problems("a: |\n\tx\n", &["2:1 [\t] a tab stands where YAML takes only blanks"]);
    check_problems(
        "a: b\n\tc: d\n",
        &["2:1 [\t] a tab stands where YAML takes only blanks"],
    );
}

#[test]
fn says_what_cannot_stand_where_it_does() {
    check_problems("a: b: c\n", &["1:5 [:] a second key on the same line"]);
    check_problems("a: - b\n", &["1:4 [- b] a list cannot begin on the line of its key"]);
    check_problems("a: [x] y\n", &["1:8 [y] text stands behind the end of a value"]);
    check_problems("a: @foo\n", &["1:4 [@foo] text cannot begin with `@`"]);
    check_problems(
        "a: *.yaml\n",
        &["1:4 [*.yaml] `*.yaml` refers to an anchor that is not above"],
    );
    check_problems("[*x, 1]\n", &["1:2 [*x] `*x` refers to an anchor that is not above"]);
    check_problems("a: \"C:\\path\"\n", &["1:7 [\\p] `\\p` is no escape that YAML knows"]);
    check_problems(
        "a: \"\\\\ \\x1\"\n",
        &["1:4 [\"\\\\ \\x1\"] an escape in this text is not complete"],
    );
    check_problems(
        "a: x\u{1}y\n",
        &["1:5 [\u{1}] the control character U+0001 is not allowed in YAML"],
    );
    check_problems(
        "a: x\0y\n",
        &["1:5 [\0] a NUL byte is in the file, so it is no YAML text"],
    );
}

#[test]
fn says_which_template_needs_quotes() {
    let flow = "an expression needs quotes between brackets: there a `{` or a comma ends the text before it";
    check_problems(
        "a: {b: ${{ f(x, y) }}}\n",
        &[&format!("1:8 [${{{{ f(x, y) }}}}] {flow}")],
    );
    check_problems("a: [x, ${{ y }}]\n", &[&format!("1:8 [${{{{ y }}}}] {flow}")]);
    let key = "an expression with `: ` in it needs quotes: else it is read as a key and a value";
    check_problems("a: ${{ {'a': 1} }}\n", &[&format!("1:4 [${{{{ {{'a': 1}} }}}}] {key}")]);
    check_problems("a: ${{ b: c\n", &[&format!("1:4 [${{{{ b: c] {key}")]);
    let text = "a text that begins with `{{` needs quotes: else it is read as a mapping";
    check_problems("a: {{ x }} and\n", &[&format!("1:4 [{{{{ x }}}}] {text}")]);
    check_problems("- {{ x }}: y: z\n", &[&format!("1:3 [{{{{ x }}}}] {text}")]);
    // What stands in quotes or has ended before is not to blame.
    check_problems("a: ${{ x }}: y\n", &["1:12 [:] a second key on the same line"]);
}

#[test]
fn notices_what_a_comment_or_a_comma_cut() {
    let check = |text: &str, expression: bool, expected: Option<(&str, &str)>| {
        let root = tree(text);
        let value = root.entry("a").expect("a");
        let node = value.list().and_then(<[Node]>::first).unwrap_or(value);
        let trap = cut_trap(node, expression);
        let found = trap
            .as_ref()
            .map(|trap| (trap.span.text(), trap.help.as_deref().unwrap_or("")));
        assert_eq!(found, expected, "{text}");
    };
    let comment = ("${{ x # y }} z", "quote the whole: `\"${{ x # y }} z\"`");
    check("a: ${{ x # y }} z\n", false, Some(comment));
    check("a: ${{ x }} # why\n", false, None);
    check("a: '${{ x' # why\n", false, None);
    check("a: '${{ x # y }}'\n", false, None);
    let comma = "between brackets a comma ends a value, also within an expression: put the whole expression in quotes";
    check("a: [f(x, y)]\n", true, Some(("f(x", comma)));
    check("a: [f(x, y)]\n", false, None);
    check("a: [f(x), y]\n", true, None);
    check("a: [x == 'it, is']\n", true, Some(("x == 'it", comma)));
}

#[test]
fn tells_keys_that_nobody_means() {
    let check = |text: &str, expected: Option<&str>| {
        let root = tree(text);
        let (key, _) = &root.map().expect("a mapping")[0];
        assert_eq!(key_trap(key).map(|trap| trap.message).as_deref(), expected, "{text}");
    };
    check("{{ x }}: 1\n", Some("`{{ … }}` without quotes is a mapping, not text"));
    check("a ${{ x }}: 1\n", Some("a key is never a template"));
    check("'${{ x }}': 1\n", Some("a key is never a template"));
    check("a\": 1\n", Some("the key `a\"` has a `\"` that is not closed"));
    check("a]: 1\n", Some("the key `a]` has a `]` that closes nothing"));
    check("'a]': 1\n", None);
    for plain in ["a", "it's", "$.a[0]", "f(x)", "python:3", "./data", "a.b/c-d", "0440"] {
        check(&format!("{plain}: 1\n"), None);
    }
    let flow = |text: &str| tree(text).entry("a").and_then(flow_trap).and_then(|trap| trap.help);
    let help = "quote it: `\"${{ f(x, y) }}\"` for an expression, `\"{{ f(x, y) }}\"` for the text itself";
    assert_eq!(flow("a: {{ f(x, y) }}\n").as_deref(), Some(help));
    assert_eq!(flow("a: {x: {y: z}}\n"), None);
}
