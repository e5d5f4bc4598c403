//! `assert`: expressions that must be true.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{About, Act, Again, Binder, Body, Cx, Done, Sort, Written};
use crate::event::Fault;
use crate::shape::{OneOrMany, Problems, Shape};
use crate::template::{Expression, explain};
use crate::yaml::Node;

/// See the table.
pub(super) const ABOUT: About = About {
    name: "assert",
    does: "Checks an expression, or a list of them.",
    manual: "Expressions are written bare, without `${{ }}`. Each is judged, and each that is false is told with the \
             values of its names. Values of different kinds are refused: what a program wrote is text, `stdout | int > 3` \
             compares numbers.",
    example: "- assert: leader != old_leader\n- assert: [members | length == 3, title == 'Tea']",
    sort: Sort::Check,
    limit: Duration::from_secs(60),
    results: &[],
    defaults: &[],
    locals: &[],
};

/// Expressions.
#[derive(Debug, Clone)]
pub(super) struct Assert(Arc<[Expression]>);

impl Shape for Assert {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let list = OneOrMany::<Expression>::read(node, problems)?;
        if list.0.is_empty() {
            problems.push(crate::diagnostic::Diagnostic::error(
                &node.span,
                "`assert` has nothing to check",
            ));
            return None;
        }
        Some(Assert(list.0.into()))
    }
}

impl schemars::JsonSchema for Assert {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Assert".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<Expression>();
        schemars::json_schema!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})
    }
}

impl Written for Assert {
    fn title(&self) -> String {
        self.0
            .iter()
            .map(|expression| &*expression.code)
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn bind(&self, _: &mut Binder<'_>) -> Option<Body> {
        Some(Body::Act(Arc::new(self.clone())))
    }
}

#[async_trait]
impl Act for Assert {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let mut faults = Vec::new();
        for expression in self.0.iter() {
            let value = cx.looked_up(expression).await?;
            match value {
                Value::Bool(true) => {}
                Value::Bool(false) => faults.push(explained(expression, cx)),
                other => faults.push(
                    Fault::error(format!(
                        "`{}` is neither true nor false: it is {other}",
                        expression.code
                    ))
                    .at(expression.span.place())
                    .hint("compare it: `… == …`, or `… is defined`"),
                ),
            }
        }
        if faults.is_empty() { Ok(json!({})) } else { Err(faults) }
    }

    fn again(&self) -> Again {
        Again::of_names(self.0.iter().flat_map(Expression::names))
    }
}

/// A false expression, with the values of its names.
fn explained(expression: &Expression, cx: &Cx) -> Fault {
    let fault = Fault::failure(format!("`{}` is false", expression.code)).at(expression.span.place());
    let values: Vec<String> = explain(expression, &cx.scope)
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    if values.is_empty() {
        fault
    } else {
        fault.detail("values", values.join("\n"))
    }
}
