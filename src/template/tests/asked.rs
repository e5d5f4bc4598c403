//! What is asked of others while a leaf is rendered, and `unique` and `random`.

use serde_json::json;

use super::{gives, node, scope};
use crate::template::{Scope, Template};

#[test]
fn questions_are_asked_all_at_once_and_answered_from_the_scope() {
    gives("${{ url('web', 80) }}/a", json!("http://127.0.0.1:32768/a"));
    gives("${{ port('web', '80') }}", json!(32768));
    gives("${{ containers('web')[1] }}", json!("c2"));
    gives(
        "${{ port('db', 5432) }} ${{ file('a') ~ address('web') }}",
        json!(r#"NEEDS [Port("db", 5432), File("a", None), Address("web")]"#),
    );
    gives("${{ url(file('name'), 80) }}", json!(r#"NEEDS [File("name", None)]"#));
    gives("${{ address(nodes[0]) }}", json!("10.0.0.1"));
    gives("${{ address(leader) }}", json!(r#"NEEDS [Address("core1")]"#));
    gives(
        "${{ port(name, n * 100000) }}",
        json!("port(name, n * 100000): `300000` is no port (1 to 65535)"),
    );
    gives(
        "${{ url(n, 80) }}",
        json!("url(n, 80): `url` got a number; it is called as `url(service, port)`"),
    );
}

#[test]
fn unique_is_one_for_a_text_and_a_try() {
    let of = |text: &str, seed: &str| {
        let scope = Scope {
            unique: seed.into(),
            ..scope()
        };
        let name = Template::of(&node(&format!("${{{{ unique('{text}') }}}}")))
            .unwrap()
            .text(&scope)
            .unwrap();
        assert!(
            name.len() <= 63
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{name}"
        );
        name
    };
    assert_eq!(of("guest", "a"), of("guest", "a"));
    assert_ne!(of("guest", "a"), of("guest", "b"));
    assert_ne!(of("guest", "a"), of("Guest", "a"));
    assert!(
        of("Tea for Zoë!", "a").starts_with("tea-for-zo-"),
        "{}",
        of("Tea for Zoë!", "a")
    );
    assert_eq!(of(&"x".repeat(200), "a").len(), 63);
}

#[test]
fn random_differs_by_place_count_and_salt() {
    let of = |yaml: &str, salt: &str| {
        Template::of(&node(yaml))
            .unwrap()
            .text(&Scope {
                salt: salt.into(),
                ..scope()
            })
            .unwrap()
    };
    let two = of("${{ random(24) }}${{ random(24) }}", "");
    assert_ne!(two[..24], two[24..]);
    let pair = of("${{ [random(24), random(24)] | join }}", "");
    assert_ne!(pair[..24], pair[24..]);
    assert_eq!(of("${{ random(9) }}", ""), of("${{ random(9) }}", ""));
    assert_ne!(of("${{ random(9) }}", ""), of("${{ random(9) }}", "item 2"));
    assert_eq!(of("${{ random(200) }}", "").len(), 200);
    gives(
        "${{ random(n - 3) }}",
        json!("random(n - 3): `random` wants a length from 1 to 256"),
    );
}
