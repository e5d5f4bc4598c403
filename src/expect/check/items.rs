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
            let judge = |(number, item)| {
                let name: String = named(number);
                let verdicts = check.judge(&Subject::new(name.clone(), item_kind(subject.kind), Some(item)));
                verdicts.into_iter().map(move |verdict| (name.clone(), verdict))
            };
            first_of(items.iter().enumerate().flat_map(judge))
        }
        _ => vec![check.no_items(label, value)],
    }
}

/// A verdict of an item.
struct Told {
    /// Its message without the item's name.
    unnamed: String,
    verdict: Verdict,
    /// How many items have the same one.
    alike: usize,
}

/// The first of many verdicts, those that are alike once, and how many more there are; what cannot be judged comes before
/// what does not fit.
fn first_of(verdicts: impl Iterator<Item = (String, Verdict)>) -> Vec<Verdict> {
    let (mut errors, mut unfit, mut more) = (Vec::<Told>::new(), Vec::<Told>::new(), 0);
    for (name, verdict) in verdicts {
        let list = if verdict.why == Why::Error {
            &mut errors
        } else {
            &mut unfit
        };
        let unnamed = verdict.message.replacen(&name, "", 1);
        let is_alike = |told: &&mut Told| {
            let same = told.verdict.expected == verdict.expected && told.verdict.actual == verdict.actual;
            same && told.unnamed == unnamed
        };
        if let Some(told) = list.iter_mut().find(is_alike) {
            told.alike += 1;
        } else if list.len() < MAX_ITEMS_TOLD {
            list.push(Told {
                unnamed,
                verdict,
                alike: 1,
            });
        } else {
            more += 1;
        }
    }
    errors.append(&mut unfit);
    let left: usize = errors.iter().skip(MAX_ITEMS_TOLD).map(|told| told.alike).sum();
    errors.truncate(MAX_ITEMS_TOLD);
    let mut told: Vec<Verdict> = errors.into_iter().map(counted).collect();
    if let Some(last) = told.last_mut().filter(|_| more + left > 0) {
        last.message = format!("{}; so it is with {} more", last.message, more + left);
    }
    told
}

fn counted(told: Told) -> Verdict {
    let Told { verdict, alike, .. } = told;
    match alike {
        1 => verdict,
        alike => Verdict {
            message: format!("{}, and so it is with {} others", verdict.message, alike - 1),
            ..verdict
        },
    }
}

/// What the items of a list are.
pub(in crate::expect) fn item_kind(kind: FieldKind) -> FieldKind {
    match kind {
        FieldKind::Names | FieldKind::Lines => FieldKind::Text,
        _ => FieldKind::Json,
    }
}
