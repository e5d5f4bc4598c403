//! What holds for any text: nothing panics, plain text passes word for word, and what was printed is never rendered.

use std::sync::Arc;

use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert_eq, proptest};
use serde_json::{Value, json};

use super::super::compiled::Compiled;
use super::super::{Expression, Scope, Template, print};
use super::{node, scope};
use crate::yaml::Node;

/// A scalar with this text, in double quotes.
fn quoted(text: &str) -> Node {
    node(&Value::from(text).to_string())
}

/// Texts that look like expressions, and like what is none.
fn code() -> impl Strategy<Value = String> {
    let word = "name|n|leader|nope|a|_|text|yes|none|true|in|not|is|and|or|if|else|<|<=|==|!=|>|>=|\\+|-|~|\\*\\*?|//|%|=|!|\\||\\.|,|:|;|&&|[(){}\\[\\]]|'|\"|'x'|\"y\"|1|1\\.5|0x1|1e3|\\$\\{\\{|\\}\\}|\\\\|\u{e9}|\u{1f600}|default|regex|sort|max|eq|lt|port|file|random|unique| |\n";
    proptest::collection::vec(word, 0..14).prop_map(|words| words.join(" "))
}

/// Values of one kind, with signs and words between them.
fn sound() -> impl Strategy<Value = String> {
    let value = "n|x|exit|\\(n \\+ 1\\)|members\\|length|-1|2\\.5|\\[1, n < 4, 3\\]\\[0\\]|\\{'a': n\\}\\.a|range\\(5\\)\\|max|\\(1 if n >= 3 else 2\\)";
    let between = " < | <= | == | != | >= | > | and not | or | and | \\+ | in \\[1, 3\\] == | not in \\[2\\] and ";
    (value, proptest::collection::vec((between, value), 0..5)).prop_map(woven)
}

/// A value, and more of them with what stands before each.
fn woven((first, rest): (String, Vec<(String, String)>)) -> String {
    rest.into_iter()
        .fold(first, |code, (sign, value)| code + &sign + &value)
}

/// Values of any kind and names that nobody knows, put together in ways that are expressions; in brackets what is literal,
/// since comparisons of that may be refused.
fn any_kinds() -> impl Strategy<Value = String> {
    let value = "name|n|nope\\.a\\.b|nope\\[0\\]|\\('x'\\)|\\(\"y\"\\)|\\(1\\.5\\)|-n|\\(none\\)|\\(true\\)|\\(not n\\)|\\[name, 1 < n <= 2\\]|\\{'a': n == 1\\}\\.a|port\\('web', 80\\)|file\\(name ~ '\\.txt'\\)|\\(nope \\| default\\('x'\\)\\)|\\('\u{e9}'\\)";
    let between = " < | <= | == | != | > | >= | in | not in | and | or | and not | \\+ | ~ | \\| upper ~ | if n else | is defined and ";
    (value, proptest::collection::vec((between, value), 0..6)).prop_map(woven)
}

/// What minijinja makes of an expression, left alone.
fn alone(code: &str) -> Value {
    let compiled = super::super::render::engine().compile_expression(code).unwrap();
    let scope = scope();
    let values: Value = scope
        .values
        .iter()
        .map(|(name, value)| (name.clone(), (**value).clone()))
        .collect();
    let item = compiled.eval(super::super::render::to_item(&values)).unwrap();
    super::super::render::from_item(&item).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(code in code(), text in any::<String>()) {
        for text in [&code, &text, &format!("a ${{{{ {code} }}}} b"), &format!("${{{{{text}")] {
            let leaf = quoted(text);
            if let Ok(template) = Template::of(&leaf) {
                let _ = (template.value(&scope()), template.shown(), template.leading_name().map(str::len));
            }
            if let Ok(expression) = Expression::of(&leaf) {
                let _ = (expression.truth(&scope()), expression.explain(&scope()));
            }
        }
    }

    #[test]
    fn what_is_read_is_compiled(code in any_kinds()) {
        let expression = Expression::of(&quoted(&code)).unwrap();
        prop_assert_eq!(Compiled::of(&expression).ready.err(), None, "{}", code);
    }

    #[test]
    fn comparisons_of_one_kind_are_what_minijinja_makes_of_them(code in sound()) {
        let value = Expression::of(&quoted(&code)).unwrap().value(&scope());
        prop_assert_eq!(value.ok(), Some(alone(&code)), "{}", code);
    }

    #[test]
    fn a_leaf_without_an_expression_is_passed_on_word_for_word(pieces in proptest::collection::vec("[a-z]|\\$|\\{|\\}|#|%|'|\"| |\n|\\\\|\u{e9}", 0..30)) {
        let text = pieces.concat().replace("${{", "$ {");
        let template = Template::of(&quoted(&text)).unwrap();
        prop_assert_eq!(template.as_literal(), Some(text.as_str()));
        prop_assert_eq!(template.value(&Scope::default()).unwrap(), json!(text));
    }

    #[test]
    fn what_was_printed_is_never_rendered(printed in any::<String>(), code in code(), before in "[a-z ]{0,5}") {
        for printed in [printed, format!("${{{{ {code} }}}}"), format!("$${{{{{code}")] {
            let mut scope = Scope::default();
            scope.values.insert("out".to_owned(), Arc::new(json!(printed)));
            let whole = Template::of(&quoted("${{ out }}")).unwrap().value(&scope).unwrap();
            prop_assert_eq!(&whole, &json!(printed));
            let part = Template::of(&quoted(&format!("{before}${{{{ out ~ [out][0] }}}}"))).unwrap().text(&scope).unwrap();
            let twice = format!("{before}{printed}{printed}");
            prop_assert_eq!(part, twice);
            prop_assert_eq!(print(&whole), printed);
        }
    }
}
