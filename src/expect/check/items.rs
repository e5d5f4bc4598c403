//! Matchers of the items of a list.

use serde_json::Value;

use super::super::FieldKind;
use super::super::verdict::{Verdict, Why};
use super::{Check, Subject};
use crate::template::noun;

/// So many items of a list that are not as expected are told.
const MAX_ITEMS_TOLD: usize = 20;

impl Check {
    pub(super) fn some_item(&self, check: &Check, subject: &Subject<'_>, value: &Value) -> Option<Verdict> {
        let label = &subject.label;
        let Value::Array(items) = value else {
            return Some(self.no_items(label, value));
        };
        let fits = |item| {
            check
                .judge(&Subject::new(label.clone(), item_kind(subject.kind), Some(item)))
                .is_empty()
        };
        (!items.iter().any(fits)).then(|| self.verdict(format!("no item of {label} is as expected"), Some(value)))
    }

    fn no_items(&self, label: &str, value: &Value) -> Verdict {
        self.unjudged(format!("{label} has no items: it is {}", noun(value)), value)
    }
}

pub(super) fn each_item(check: &Check, subject: &Subject<'_>, value: &Value) -> Vec<Verdict> {
    let label = &subject.label;
    match value {
        // Zero is never a pass.
        Value::Array(items) if items.is_empty() => {
            vec![check.verdict(format!("{label} is empty, so no item is as expected"), Some(value))]
        }
        Value::Array(items) => {
            let named = |number: usize| format!("item {} of {label}", number + 1);
            let judge = |(number, item)| check.judge(&Subject::new(named(number), item_kind(subject.kind), Some(item)));
            first_of(items.iter().enumerate().flat_map(judge))
        }
        _ => vec![check.no_items(label, value)],
    }
}

/// The first of many verdicts, and how many more there are; what cannot be judged comes before what does not fit.
fn first_of(verdicts: impl Iterator<Item = Verdict>) -> Vec<Verdict> {
    let (mut errors, mut unfit, mut more) = (Vec::new(), Vec::new(), 0);
    for verdict in verdicts {
        let list = if verdict.why == Why::Error {
            &mut errors
        } else {
            &mut unfit
        };
        if list.len() < MAX_ITEMS_TOLD {
            list.push(verdict);
        } else {
            more += 1;
        }
    }
    more += (errors.len() + unfit.len()).saturating_sub(MAX_ITEMS_TOLD);
    errors.extend(unfit);
    errors.truncate(MAX_ITEMS_TOLD);
    if let Some(last) = errors.last_mut().filter(|_| more > 0) {
        last.message = format!("{}; so it is with {more} more", last.message);
    }
    errors
}

/// What the items of a list are.
pub(in crate::expect) fn item_kind(kind: FieldKind) -> FieldKind {
    match kind {
        FieldKind::Names | FieldKind::Lines => FieldKind::Text,
        _ => FieldKind::Json,
    }
}
