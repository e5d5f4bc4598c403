//! Values that are hidden wherever they would be shown, in whatever form they stand there.
//!
//! What a value may look like is `form`'s, what of it is looked for alone is `part`'s, looking for all of them in one pass over
//! a text is `known`'s; here is what is hidden in: texts, data, events.

mod begin;
mod cases;
mod escape;
mod form;
mod known;
mod part;
mod stream;
pub mod unshown;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use cases::CaseMasks;
use escape::Plain;
use form::Form;
use known::Known;
pub use stream::Hiding;

/// What stands in place of a hidden value.
pub(crate) const HIDDEN: &str = crate::event::HIDDEN;

/// A value of fewer letters may be a part of any word.
pub const FEW_LETTERS: usize = 4;

/// Values that are hidden wherever they would be shown.
#[derive(Debug, Default)]
pub struct Masks(RwLock<Arc<Known>>);

impl Masks {
    /// Hides a value from now on; of a list or mapping, every leaf.
    pub fn add(&self, value: &Value) {
        let mut texts = Vec::new();
        leaves(value, &mut texts);
        // A terminal shows it without its colours.
        let plain: Vec<String> = texts
            .iter()
            .filter_map(|text| Some(Plain::of(text, false)?.text))
            .collect();
        let all = texts.iter().chain(&plain).flat_map(|text| part::parts(text));
        self.look_for(all.map(|text| (text.clone(), text.into_bytes())).collect());
    }

    /// Hides bytes from now on, that may be no text.
    pub fn add_bytes(&self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.add(&Value::from(text)),
            Err(_) => self.look_for([(String::from_utf8_lossy(bytes).into_owned(), bytes.to_owned())].into()),
        }
    }

    /// Values by how they are shown, and their bytes.
    fn look_for(&self, values: BTreeMap<String, Vec<u8>>) {
        let known = self.known();
        let new = values.into_iter().filter(|(text, _)| !known.has(text));
        // Outside of the lock: others go on hiding.
        let made: Vec<(Arc<str>, Vec<Form>)> = new.map(|(text, bytes)| (text.into(), Form::all(&bytes))).collect();
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

    /// How many values are hidden: what is written while it stays the same need not be looked through again.
    pub fn count(&self) -> usize {
        self.known().count()
    }

    /// True for a value that is hidden itself.
    pub fn is_value(&self, text: &str) -> bool {
        self.known().has(text)
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

    /// Where values stand in a text, and parts of them where it was cut.
    pub fn places(&self, text: &str) -> Vec<Range<usize>> {
        self.known().spans(text)
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
                        "outputs" | "summary" | "matrix" | "properties" | "vars" | "given" => self.hide_in(value),
                        "diff" => self.hide_in_difference(value),
                        "event" | "outcome" | "kind" | "counts" | "phase" | "level" | "path" | "file" | "folder" => {}
                        _ => self.hide_in_event(value),
                    }
                }
            }
            Value::Number(_) | Value::Null | Value::Bool(_) => {}
        }
    }

    /// A difference with the values hidden that go over several of its lines, before each of which a sign stands.
    fn hide_in_difference(&self, value: &mut Value) {
        let Value::String(text) = value else { return };
        // Where it was cut a mark stands between lines of one sign: with that the parts beside it are known.
        let whole = self.hide(text);
        let sign = |line: &str| line.chars().next().filter(|sign| "+- ".contains(*sign));
        let lines: Vec<&str> = whole.split('\n').collect();
        let blocks = lines.chunk_by(|one, other| sign(one) == sign(other));
        let hidden: Vec<String> = blocks.map(|block| self.hide_in_block(sign(block[0]), block)).collect();
        *text = hidden.join("\n");
    }

    /// Lines of a difference that have the same sign before them.
    fn hide_in_block(&self, sign: Option<char>, lines: &[&str]) -> String {
        let sign = sign.map(String::from).unwrap_or_default();
        let texts: Vec<&str> = lines.iter().map(|line| &line[sign.len()..]).collect();
        let hidden = self.hide(&texts.join("\n"));
        let signed: Vec<String> = hidden.split('\n').map(|line| format!("{sign}{line}")).collect();
        signed.join("\n")
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

#[cfg(test)]
mod tests;
