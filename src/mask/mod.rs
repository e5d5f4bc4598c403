//! Values that are hidden wherever they would be shown, in whatever form they stand there.
//!
//! What a value may look like is `form`'s; here all values are looked for in one pass over a text.

mod cases;
mod form;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use cases::CaseMasks;
use form::Form;

/// What stands in place of a hidden value.
pub(crate) const HIDDEN: &str = "***";

/// Values that are hidden wherever they would be shown.
#[derive(Debug, Default)]
pub struct Masks(RwLock<Arc<Known>>);

/// What is looked for. A value that is added leaves what was made of the others as it is.
#[derive(Debug, Clone)]
struct Known {
    texts: BTreeSet<Arc<str>>,
    forms: Vec<Arc<Form>>,
    /// By the byte that it begins with: which form may.
    beginnings: [Vec<Beginning>; 256],
}

#[derive(Debug, Clone, Copy)]
struct Beginning {
    form: usize,
    /// What stands behind it, or else an end of a line.
    second: Option<u8>,
}

impl Masks {
    /// Hides a value from now on; of a list or mapping, every leaf.
    pub fn add(&self, value: &Value) {
        let mut texts = Vec::new();
        leaves(value, &mut texts);
        let known = self.known();
        let new: BTreeSet<&str> = texts.iter().flat_map(|text| parts(text)).collect();
        let new = new.into_iter().filter(|text| !known.texts.contains(*text));
        // Outside of the lock: others go on hiding.
        let made: Vec<(Arc<str>, Vec<Form>)> = new.map(|text| (text.into(), Form::all(text))).collect();
        if made.is_empty() {
            return;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = Arc::make_mut(&mut known);
        for (text, forms) in made {
            if known.texts.insert(text) {
                forms.into_iter().for_each(|form| known.add(form));
            }
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
        self.known().texts.is_empty()
    }

    /// A text with the values hidden.
    pub fn hide(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut from = 0;
        for span in self.known().spans(text) {
            shown.push_str(&text[from..span.start]);
            shown.push_str(HIDDEN);
            from = span.end;
        }
        shown.push_str(&text[from..]);
        shown
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
                        "event" | "outcome" | "kind" | "phase" | "level" | "path" | "file" | "folder" => {}
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
                if self.known().texts.contains(number.to_string().as_str()) {
                    *value = Value::String(HIDDEN.to_owned());
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

impl Default for Known {
    fn default() -> Self {
        Known {
            texts: BTreeSet::new(),
            forms: Vec::new(),
            beginnings: std::array::from_fn(|_| Vec::new()),
        }
    }
}

impl Known {
    fn add(&mut self, form: Form) {
        let beginning = Beginning {
            form: self.forms.len(),
            second: form.second_byte(),
        };
        for byte in form.first_bytes() {
            self.beginnings[usize::from(byte)].push(beginning);
        }
        self.forms.push(Arc::new(form));
    }

    /// Where values stand in a text, in order; those that lie in or across one another are one.
    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        // Where each form that was found ended last: it does not begin within itself.
        let mut ended: BTreeMap<usize, usize> = BTreeMap::new();
        let text = text.as_bytes();
        for (at, byte) in text.iter().enumerate() {
            let next = text.get(at + 1);
            let may =
                |wanted: u8| next.is_none_or(|next| *next == wanted || matches!(next, b'\\' | b' ' | b'\t'..=b'\r'));
            for Beginning { form, second } in &self.beginnings[usize::from(*byte)] {
                if !second.is_none_or(may) || ended.get(form).is_some_and(|end| at < *end) {
                    continue;
                }
                let Some(end) = self.forms[*form].end(text, at) else {
                    continue;
                };
                ended.insert(*form, end);
                match spans.last_mut().filter(|last| at < last.end) {
                    Some(last) => last.end = last.end.max(end),
                    None => spans.push(at..end),
                }
            }
        }
        spans
    }
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
mod tests {
    use std::sync::Arc;

    use base64::Engine as _;
    use serde_json::{Value, json};

    use super::Masks;

    /// Quotes of every kind, what shells, URLs, YAML, XML and Compose write otherwise, a letter outside of the basic plane.
    const HARD: &str = "p\"a\\s's $w<o>r&d/é\u{1f511}%+=\nline two: {x}\t#";

    fn masks(values: &Value) -> Masks {
        let masks = Masks::default();
        masks.add(values);
        masks
    }

    #[test]
    fn hides_values_in_texts_keys_and_numbers_longest_first() {
        let masks = masks(&json!(["s3cret", {"pin": 4711}, "s3cret-longer", "two\nlines"]));
        let mut value = json!({"a s3cret": ["x s3cret-longer y", 4711, 5, true], "log": "lines\nand two"});
        masks.hide_in(&mut value);
        assert_eq!(
            value,
            json!({"a ***": ["x *** y", "***", 5, true], "log": "***\nand ***"})
        );
    }

    #[test]
    fn hides_a_hard_value_in_each_form_that_it_may_have() {
        let masks = masks(&json!(HARD));
        let json = serde_json::to_string(HARD).unwrap();
        let twice = serde_json::to_string(&json).unwrap();
        let escaped = |form: fn(char) -> String| -> String {
            let letters = HARD.chars();
            letters
                .map(|letter| {
                    if letter.is_ascii_alphanumeric() {
                        letter.to_string()
                    } else {
                        form(letter)
                    }
                })
                .collect()
        };
        let ascii = escaped(|letter| {
            letter
                .encode_utf16(&mut [0; 2])
                .iter()
                .map(|unit| format!("\\u{unit:04X}"))
                .collect()
        });
        let url = escaped(|letter| {
            letter
                .encode_utf8(&mut [0; 4])
                .bytes()
                .map(|byte| format!("%{byte:02X}"))
                .collect()
        });
        let xml = HARD.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let base64 = base64::prelude::BASE64_STANDARD.encode(HARD);
        let url_base64 = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(HARD);
        let forms = [
            HARD.to_owned(),
            json.clone(),
            twice,
            ascii,
            url,
            xml,
            HARD.replace('$', "$$"),
            HARD.replace('\'', r"'\''"),
            HARD.replace('\'', "''"),
            HARD.replace('\n', "\n      "),
            format!("{HARD:?}"),
            base64,
            url_base64,
        ];
        for form in forms {
            let form = format!("before:{form}:after");
            let hidden = masks.hide(&form);
            let rest = hidden.replace("***", "").replace(['"', '\\'], "");
            assert_eq!(rest, "before::after", "{form}");
        }
        for part in HARD.lines() {
            assert_eq!(masks.hide(&format!("- {part}")), "- ***");
        }
    }

    #[test]
    fn hides_base64_of_what_the_value_is_a_part_of() {
        let masks = masks(&json!("hunter2-hunter2"));
        for before in ["", "u", "us", "user:"] {
            let encoded = base64::prelude::BASE64_STANDARD.encode(format!("{before}hunter2-hunter2 and"));
            let hidden = masks.hide(&encoded);
            assert!(hidden.contains("***"), "{encoded}");
            assert!(hidden.len() < encoded.len() - 12, "{hidden}");
        }
    }

    #[test]
    fn hides_long_values_and_leaves_blanks_and_short_words_in_other_texts() {
        let long: String = (0..20_000)
            .map(|n: u32| char::from(b'a' + u8::try_from(n * n % 23).unwrap()))
            .collect();
        let masks = masks(&json!([long, " ", "\n", "pw"]));
        let hidden = masks.hide(&format!("<{long}>"));
        assert_eq!(hidden.replace('*', ""), "<>");
        assert_eq!(masks.hide("a b\ncHcK pwd"), "a b\ncHcK ***d");
    }

    #[test]
    fn hides_base64_that_is_broken_into_lines() {
        let value: String = (0..123u32)
            .map(|n| char::from(b'!' + u8::try_from(n * 37 % 90).unwrap()))
            .collect();
        let masks = masks(&json!(value));
        for before in ["", "u", "user:"] {
            let encoded = base64::prelude::BASE64_STANDARD.encode(format!("{before}{value}"));
            let kept = before.len().div_ceil(3) * 4;
            for (length, end) in [(76, "\n"), (76, "\\n"), (64, "\\\\r\\\\n"), (20, "\r\n    ")] {
                let lines: Vec<&str> = encoded
                    .as_bytes()
                    .chunks(length)
                    .map(|line| str::from_utf8(line).unwrap())
                    .collect();
                let hidden = masks.hide(&lines.join(end));
                assert!(hidden.ends_with("***") && hidden.len() <= kept + 3, "{hidden}");
            }
        }
        let encoded = base64::prelude::BASE64_STANDARD.encode(&value);
        for (nth, line) in encoded.as_bytes().chunks(76).enumerate() {
            let line = format!("{nth}: {}", str::from_utf8(line).unwrap());
            assert_eq!(masks.hide(&line), format!("{nth}: ***"));
        }
    }

    #[test]
    fn a_value_is_made_ready_once_however_many_others_follow() {
        let masks = Masks::default();
        masks.add(&json!("the first"));
        let first = masks.known().forms.clone();
        let values: Vec<String> = (0..150).map(|n| format!("token-{n}-{}", n * n * 7919)).collect();
        let long: String = (1..65_536u32)
            .map(|n| char::from(b'!' + u8::try_from((n * n + n / 90) % 94).unwrap()))
            .collect();
        let mut letters = "the first".len();
        for value in values.iter().chain([&long]) {
            masks.add(&json!(value));
            letters += value.len();
        }
        let known = masks.known();
        // What was made for a value stays, and is in proportion to its length: that is all the work.
        assert!(
            first
                .iter()
                .zip(&known.forms)
                .all(|(before, now)| Arc::ptr_eq(before, now))
        );
        let made: usize = known.forms.iter().map(|form| form.size()).sum();
        assert!(made < 8 * letters, "{made} letters for {letters}");
        let text = format!("<{}> <{long}> <the first>", values.join("> <"));
        assert_eq!(masks.hide(&text).replace("<***>", "").trim(), "");
        let before = masks.copy();
        masks.add(&json!("another"));
        assert_eq!(
            (before.hide("another").as_str(), masks.hide("another").as_str()),
            ("another", "***")
        );
    }

    #[test]
    fn values_that_lie_across_one_another_are_hidden_whole() {
        let masks = masks(&json!(["abcde", "cdefg"]));
        assert_eq!(masks.hide("<abcdefg> cdefg"), "<***> ***");
        assert_eq!(masks.hide("\\\\\\\" abcde%20cdef"), "\\\\\\\" ***%20cdef");
    }

    #[test]
    fn what_an_author_gave_a_case_is_hidden_under_whatever_name() {
        let masks = masks(&json!("s3cret"));
        let mut told =
            json!({"event": "s3cret", "path": "s3cret", "properties": {"path": "s3cret", "kind": "a s3cret"}});
        masks.hide_in_event(&mut told);
        assert_eq!(
            told,
            json!({"event": "s3cret", "path": "s3cret", "properties": {"path": "***", "kind": "a ***"}})
        );
    }
}
