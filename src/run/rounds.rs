//! `for-each`: a step once for each item, and the lists that its rounds save.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::saved::newer;
use super::walk::{AfterFailure, Ended, Walk, why_skipped};
use crate::event::Fault;
use crate::expect::text_of;
use crate::step::{Bound, Cx, Done, Items};
use crate::template::Scope;

/// How much of an item stands in a path, in characters.
const ITEM_LENGTH: usize = 60;

impl Walk {
    /// The step once for each item; of what the rounds save a list is made.
    pub(super) async fn rounds(
        &self,
        step: &Bound,
        (name, items): (&str, Vec<Value>),
        path: &str,
        scope: &mut Scope,
    ) -> Ended {
        let mut all = Ended::default();
        let mut saved: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut paths = Vec::new();
        let mut stopped = false;
        let from = step
            .for_each
            .as_ref()
            .and_then(|for_each| for_each.items.leading_name());
        let folder = from.and_then(|from| scope.folders.get(from).cloned());
        for item in items {
            let mut inner = scope.clone();
            self.set(&mut inner, name, item.clone(), false);
            inner
                .folders
                .extend(folder.clone().map(|folder| (name.to_owned(), folder)));
            let path = self.item_path(path, name, &item, &mut paths);
            if stopped || self.cancel.is_cancelled() {
                all.cut = true;
                self.unreached([(path, step)].into_iter(), &mut inner, self.why_unreached());
                scope.unsaved = inner.unsaved;
                continue;
            }
            let ended = self.round(step, &path, &mut inner).await;
            scope.unsaved.clone_from(&inner.unsaved);
            for (saved_name, value) in newer(scope, inner).filter(|(saved, _)| saved != name) {
                saved.entry(saved_name).or_default().push((*value).clone());
            }
            stopped = ended.stops() && self.after == AfterFailure::Stop && !step.only_looks();
            all.add(ended);
        }
        if saved.is_empty() && !all.cut && all.faults.is_empty() {
            // Each of them was skipped.
            self.no_rounds(step, scope);
        }
        for (name, values) in saved {
            scope.values.insert(name, Arc::new(Value::Array(values)));
        }
        // What was left is told; whether the outer list goes on is the failure's matter.
        all.cut = false;
        all
    }

    /// One round, unless it is skipped.
    async fn round(&self, step: &Bound, path: &str, scope: &mut Scope) -> Ended {
        let info = self.info(step, path, scope);
        let skipped = why_skipped(step, &self.cx(step, &info, scope), true).await;
        match skipped {
            Ok(None) => self.instance(step, path, scope).await,
            Ok(Some(why)) => self.skipped(step, info, scope, &why),
            Err(faults) => self.ended_before(step, info, faults),
        }
    }

    /// The path of a round: with its item, and a number where an item comes twice, since a path is the key of its events.
    fn item_path(&self, path: &str, name: &str, item: &Value, known: &mut Vec<String>) -> String {
        let text = self.case.emitter.masks.hide(&text_of(item));
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text: String = words.chars().take(ITEM_LENGTH).collect();
        let times = known.iter().filter(|known| **known == text).count();
        let again = if times == 0 {
            String::new()
        } else {
            format!("#{}", times + 1)
        };
        let path = format!("{path}[{name}={text}{again}]");
        known.push(text);
        path
    }
}

/// The items of a `for-each`.
pub(super) async fn items(cx: &Cx, items: &Items) -> Done<Vec<Value>> {
    match items {
        Items::List(list) => {
            let mut values = Vec::with_capacity(list.len());
            for item in list {
                values.push(cx.data(item).await?);
            }
            Ok(values)
        }
        Items::Computed(expression) => match cx.expression(expression).await? {
            Value::Array(values) => Ok(values),
            other => Err(vec![
                Fault::error(format!("`for-each` wants a list, and `{}` is {other}", expression.code))
                    .at(expression.span.place()),
            ]),
        },
    }
}
