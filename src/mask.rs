//! Values that are hidden wherever they would be shown, in whatever form they stand there.
//!
//! A value is looked for as a pattern in which each of its letters may be written as quoting and encoding write it: in JSON
//! and YAML (also one in the other), in URLs, in XML, in a shell's or Docker's words; and as base64. A form that is not
//! here is a value that is told.

use std::fmt::Write as _;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use regex::{Regex, RegexBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What stands in place of a hidden value.
pub(crate) const HIDDEN: &str = "***";

/// A longer text is looked for in pieces, of which each is a pattern of moderate size.
const PIECE: usize = 2048;
/// Base64 of fewer bytes might be a part of any word.
const LEAST_BYTES: usize = 5;
/// No pattern of the texts above comes near.
const PATTERN_SIZE: usize = 1 << 30;

/// Values that are hidden wherever they would be shown.
#[derive(Debug, Default)]
pub struct Masks(RwLock<Known>);

#[derive(Debug, Default, Clone)]
struct Known {
    /// What is looked for, the longest first: a value that holds another is hidden whole.
    texts: Vec<String>,
    /// All of them in all their forms.
    pattern: Option<Regex>,
}

impl Masks {
    /// Hides a value from now on; of a list or mapping, every leaf.
    pub fn add(&self, value: &Value) {
        let mut texts = Vec::new();
        leaves(value, &mut texts);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.texts.len();
        for text in texts.iter().flat_map(|text| parts(text)) {
            if !known.texts.iter().any(|known| known == text) {
                known.texts.push(text.to_owned());
            }
        }
        if known.texts.len() > before {
            known.texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
            known.pattern = Some(pattern(&known.texts));
        }
    }

    /// The same values, to which others may be added.
    #[must_use]
    pub fn copy(&self) -> Masks {
        Masks(RwLock::new(
            self.0.read().unwrap_or_else(PoisonError::into_inner).clone(),
        ))
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
        self.0.read().unwrap_or_else(PoisonError::into_inner).texts.is_empty()
    }

    /// A text with the values hidden.
    pub fn hide(&self, text: &str) -> String {
        match &self.0.read().unwrap_or_else(PoisonError::into_inner).pattern {
            Some(pattern) => pattern.replace_all(text, HIDDEN).into_owned(),
            None => text.to_owned(),
        }
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
                        "outputs" | "summary" | "matrix" => self.hide_in(value),
                        "event" | "outcome" | "kind" | "phase" | "level" | "path" | "file" | "folder" => {}
                        _ => self.hide_in_event(value),
                    }
                }
            }
            Value::Number(_) | Value::Null | Value::Bool(_) => {}
        }
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
                let text = number.to_string();
                let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
                if known.texts.contains(&text) {
                    *value = Value::String(HIDDEN.to_owned());
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
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
    std::iter::once(text)
        .chain(lines)
        .filter(|part| !part.is_empty())
        .flat_map(pieces)
}

/// A long text in pieces of about the same length.
fn pieces(text: &str) -> Vec<&str> {
    let length = text.len().div_ceil(text.len().div_ceil(PIECE).max(1));
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > length {
        let end = (length..rest.len())
            .find(|at| rest.is_char_boundary(*at))
            .unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// The pattern of all texts in all their forms, the longest first.
fn pattern(texts: &[String]) -> Regex {
    let plain = texts.iter().map(|text| text.chars().map(letter).collect::<String>());
    let encoded = texts.iter().flat_map(|text| base64(text));
    let all: Vec<String> = plain.chain(encoded).collect();
    let built = RegexBuilder::new(&all.join("|")).size_limit(PATTERN_SIZE).build();
    // Too much to be looked for, which no limit above lets happen: then nothing at all may be shown.
    built.unwrap_or_else(|_| everything())
}

#[expect(clippy::unwrap_used, reason = "a constant that a test compiles")]
fn everything() -> Regex {
    Regex::new("(?s).+").unwrap()
}

/// A letter in all its forms.
fn letter(letter: char) -> String {
    if letter.is_ascii_alphanumeric() {
        return letter.to_string();
    }
    let own = regex::escape(letter.encode_utf8(&mut [0; 4]));
    let mut forms = match letter {
        // Doubled at each time that it is quoted.
        '\\' => vec![r"\\+".to_owned()],
        // The indentation of a block of YAML; what continues a line of XML or of a log.
        '\n' => [r"\r?\n[ \t]*", r"\\+(?:r\\+)?n"].map(str::to_owned).to_vec(),
        '\r' => vec![r"\r".to_owned(), r"\\+r".to_owned(), String::new()],
        '\t' => vec![r"\t".to_owned(), r"\\+t".to_owned()],
        '\u{8}' => vec![own, r"\\+b".to_owned()],
        '\u{c}' => vec![own, r"\\+f".to_owned()],
        // Compose and YAML double them, a shell closes and opens its quotes around one.
        '\'' => [r"'\\+''", r#"'"'"'"#, r"\\*'+", "&apos;"].map(str::to_owned).to_vec(),
        '$' => vec![r"\\*\$+".to_owned()],
        '"' => vec![r#"\\*"+"#.to_owned(), "&quot;".to_owned()],
        '&' => vec!["&amp;".to_owned(), r"\\*&".to_owned()],
        '<' => vec!["&lt;".to_owned(), r"\\*<".to_owned()],
        '>' => vec!["&gt;".to_owned(), r"\\*>".to_owned()],
        ' ' => vec![r"\\* ".to_owned(), r"\+".to_owned()],
        _ => vec![format!(r"\\*{own}")],
    };
    forms.extend(numbered(letter));
    format!("(?:{})", forms.join("|"))
}

/// A letter by its number: in URLs, in JSON, in XML, as bytes.
fn numbered(letter: char) -> [String; 5] {
    let (mut bytes, mut units) = ([0; 4], [0; 2]);
    let bytes = letter.encode_utf8(&mut bytes).bytes();
    let mut percent = "(?i:".to_owned();
    let mut escaped = "(?i:".to_owned();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(percent, "%{byte:02x}");
        let _ = write!(escaped, r"\\+x{byte:02x}");
    }
    let mut json = "(?i:".to_owned();
    for unit in letter.encode_utf16(&mut units) {
        let _ = write!(json, r"\\+u{unit:04x}");
    }
    let number = u32::from(letter);
    let braces = format!(r"(?i:\\+u\{{0*{number:x}\}}|\\+U{number:08x}");
    let xml = format!("(?i:&#0*{number};|&#x0*{number:x};");
    [percent, escaped, json, braces, xml].map(|form| form + ")")
}

/// What a text is in base64, at whichever of its three offsets in what was encoded: the letters that it alone decides.
fn base64(text: &str) -> Vec<String> {
    if text.len() < LEAST_BYTES {
        return Vec::new();
    }
    let offsets = (0..3).map(|before: usize| {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(text.as_bytes());
        let letters = BASE64_STANDARD.encode(&bytes);
        // Of each letter six bits: the first whole ones after what stands before, the last whole ones of the text.
        let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        let own = letters.get(from..to).unwrap_or_default();
        own.chars().map(base64_letter).collect::<String>() + "=*"
    });
    offsets.collect()
}

/// The alphabet for URLs has other letters for two; lines may be broken, in JSON, too, and a URL may hold it.
fn base64_letter(letter: char) -> String {
    match letter {
        '+' => "(?:[+-]|(?i:%2b))".to_owned(),
        '/' => r"(?:\\*/|_|(?i:%2f))".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
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
    fn where_the_values_are_too_many_nothing_is_shown() {
        assert_eq!(super::everything().replace_all("a\nb", ""), "");
    }
}
