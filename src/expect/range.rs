//! What a number is never, and never more or less than: told where it is written literally.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::compare::quantity;
use super::read::For;
use super::{FieldKind, Order};
use crate::diagnostic::Diagnostic;
use crate::quantity::Quantity;
use crate::yaml::Node;

/// How a literal lies to the least and to the most that a field can be.
fn ends(literal: &Value, kind: FieldKind) -> Option<(Ordering, Ordering)> {
    let literal = quantity(literal, kind)?;
    let to = |end: u64| literal.order(&Quantity::Number(Number::from(end)));
    match kind {
        FieldKind::Number(least, most) => Some((to(least)?, to(most)?)),
        FieldKind::Duration => Some((literal.order(&Quantity::Seconds(0.0))?, Ordering::Less)),
        _ => None,
    }
}

/// Says of a literal number that the field is never that.
pub(super) fn never_equal(node: &Node, literal: &Value, what: For<'_>) -> Option<Diagnostic> {
    let (to_least, to_most) = ends(literal, what.kind)?;
    let is_part = literal.as_f64().is_some_and(|number| number.fract() != 0.0);
    (is_part || to_least.is_lt() || to_most.is_gt()).then(|| told(node, "is never", what))
}

/// Says of a literal number that the field is always on one side of it.
pub(super) fn never_ordered(node: &Node, literal: &Value, order: Order, what: For<'_>) -> Option<Diagnostic> {
    let (to_least, to_most) = ends(literal, what.kind)?;
    let never = match order {
        Order::Less => to_least.is_le(),
        Order::LessOrEqual => to_least.is_lt(),
        Order::Greater => to_most.is_ge(),
        Order::GreaterOrEqual => to_most.is_gt(),
    };
    never.then(|| told(node, &format!("is never {}", order.words()), what))
}

fn told(node: &Node, is_never: &str, what: For<'_>) -> Diagnostic {
    let subject = match what.is_length {
        true => format!("the length of `{}`", what.field),
        false => format!("`{}`", what.field),
    };
    let help = match what.kind {
        FieldKind::Duration => "no time is less than 0s".to_owned(),
        FieldKind::Number(least, most) if most < u64::MAX => format!("it is a whole number from {least} to {most}"),
        _ => "it is a whole number, 0 or more".to_owned(),
    };
    let message = format!("{subject} {is_never} `{}`", node.span.text());
    Diagnostic::error(&node.span, message).help(help)
}
