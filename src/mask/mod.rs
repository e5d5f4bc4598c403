//! Values that are hidden wherever they would be shown, in whatever form they stand there.
//!
//! What a value may look like is `form`'s, looking for all of them in one pass over a text is `known`'s; here is what is
//! hidden in: texts, data, events.

mod cases;
mod form;
mod known;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use cases::CaseMasks;
use form::Form;
use known::Known;

/// What stands in place of a hidden value.
pub(crate) const HIDDEN: &str = "***";

/// Values that are hidden wherever they would be shown.
#[derive(Debug, Default)]
pub struct Masks(RwLock<Arc<Known>>);

impl Masks {
    /// Hides a value from now on; of a list or mapping, every leaf.
    pub fn add(&self, value: &Value) {
        let mut texts = Vec::new();
        leaves(value, &mut texts);
        let known = self.known();
        let new: BTreeSet<&str> = texts.iter().flat_map(|text| parts(text)).collect();
        let new = new.into_iter().filter(|text| !known.has(text));
        // Outside of the lock: others go on hiding.
        let made: Vec<(Arc<str>, Vec<Form>)> = new.map(|text| (text.into(), Form::all(text))).collect();
        if made.is_empty() {
            return;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = Arc::make_mut(&mut known);
        for (text, forms) in made {
            known.add(text, forms);
        }
    }

    /// The same values, to which others may be added.
    #[must_use]
    pub fn copy(&self) -> Masks {
        Masks(RwLock::new(self.known()))
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is told, with the values hidden; only texts and free data are touched, so that it still is what it was.
    pub fn hidden<T: Serialize + DeserializeOwned>(&self, told: T) -> serde_json::Result<T> {
        if self.is_empty() {
            return Ok(told);
        }
        let mut data = serde_json::to_value(told)?;
        self.hide_in_event(&mut data);
        serde_json::from_value(data)
    }

    /// True when nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.known().is_empty()
    }

    /// A text with the values hidden, and with the parts of them that stand where it was cut.
    pub fn hide(&self, text: &str) -> String {
        replaced(text, &self.known().spans(text))
    }

    /// As much of a text's beginning with the values hidden as does not depend on what follows it, and how long that was.
    pub fn hide_begun(&self, text: &str) -> (String, usize) {
        let (spans, end) = self.known().spans_begun(text);
        (replaced(&text[..end], &spans), end)
    }

    /// An event with the values hidden in its texts and in the data that it carries; its own words and numbers stay, and
    /// so do paths: of steps, which are the keys of their events and were hidden when they were made, and of files, which
    /// are to be found.
    fn hide_in_event(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.hide(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in_event(item)),
            Value::Object(entries) => {
                for (key, value) in entries {
                    match key.as_str() {
                        "outputs" | "summary" | "matrix" | "properties" => self.hide_in(value),
                        "event" | "outcome" | "kind" | "counts" | "phase" | "level" | "path" | "file" | "folder" => {}
                        _ => self.hide_in_event(value),
                    }
                }
            }
            Value::Number(_) | Value::Null | Value::Bool(_) => {}
        }
    }

    /// Data of which only a part will be told, with the values hidden before it is cut: a part of one is not known again.
    #[must_use]
    pub fn hidden_in(&self, mut value: Value) -> Value {
        if !self.is_empty() {
            self.hide_in(&mut value);
        }
        value
    }

    /// Data with the values hidden in every text and key.
    pub fn hide_in(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.hide(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in(item)),
            Value::Object(entries) => {
                *entries = std::mem::take(entries)
                    .into_iter()
                    .map(|(key, mut value)| {
                        self.hide_in(&mut value);
                        (self.hide(&key), value)
                    })
                    .collect();
            }
            Value::Number(number) => {
                if self.known().has(&number.to_string()) {
                    *value = Value::String(HIDDEN.to_owned());
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

fn replaced(text: &str, spans: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for span in spans {
        shown.push_str(&text[from..span.start]);
        shown.push_str(HIDDEN);
        from = span.end;
    }
    shown.push_str(&text[from..]);
    shown
}

fn leaves(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, texts)),
        Value::Object(entries) => entries.values().for_each(|item| leaves(item, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// What of a text is looked for: all of it, and, since a value of several lines is printed a line at a time, each line.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim();
    let lines = text.lines().map(str::trim).filter(|line| line.len() > 1);
    std::iter::once(text).chain(lines).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests;
