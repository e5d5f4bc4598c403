//! What is told of a leaf that cannot be rendered.

use serde_json::json;

use super::{expression, gives, node, rendered, scope};
use crate::template::Expression;

#[test]
fn a_missing_name_says_what_there_is() {
    expression(
        "leader.nam",
        json!("leader.nam: `leader` has no `nam`; it has `name`, `role`; did you mean `name`?"),
    );
    expression(
        "1 if leader['nam'] == 'x' else 2",
        json!("leader['nam']: `leader` has no `nam`; it has `name`, `role`; did you mean `name`?"),
    );
    expression(
        "leader.name.first",
        json!("leader.name.first: `leader.name` has no `first`; it is text"),
    );
    expression(
        "members.7",
        json!("members.7: `members` has no `7`; it has 2 items, counted from 0"),
    );
    expression(
        "exit.code == 3",
        json!("exit.code: `exit` has no `code`; it is a number"),
    );
    expression("empty.a", json!("empty.a: `empty` has no `a`; it is empty"));
    expression(
        "members[n].name",
        json!(
            "[n].name: something here has no value: a computed key is missing, or a filter found nothing (`default(…)` gives a value then)"
        ),
    );
    expression(
        "text | regex('three')",
        json!(
            "text | regex('three'): something here has no value: a computed key is missing, or a filter found nothing (`default(…)` gives a value then)"
        ),
    );
    let message = rendered(Expression::of(&node("leadr")).unwrap().value(&scope()));
    assert!(
        message
            .as_str()
            .unwrap()
            .contains("there is no `leadr`; there is `digits`, `empty`, `evil`"),
        "{message}"
    );
    assert!(
        message.as_str().unwrap().contains("did you mean `leader`?"),
        "{message}"
    );
}

#[test]
fn runtime_errors_have_places() {
    gives(
        "'a ${{ name + 1 }}'",
        json!("name + 1: tried to use + operator on unsupported types string and number"),
    );
    gives(
        "|\n  one\n  ${{ 1 +\n  leader.nam }}\n",
        json!("leader.nam: `leader` has no `nam`; it has `name`, `role`; did you mean `name`?"),
    );
}
