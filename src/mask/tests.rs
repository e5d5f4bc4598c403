//! What is hidden of texts and of data, and in which forms.

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
    let ascii = escaped(HARD, in_ascii);
    let url = escaped(HARD, in_url);
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
    let mut told = json!({"event": "s3cret", "path": "s3cret", "properties": {"path": "s3cret", "kind": "a s3cret"}});
    masks.hide_in_event(&mut told);
    assert_eq!(
        told,
        json!({"event": "s3cret", "path": "s3cret", "properties": {"path": "***", "kind": "a ***"}})
    );
}

/// A text with all but its plain letters written otherwise.
fn escaped(text: &str, form: fn(char) -> String) -> String {
    let letters = text.chars();
    letters
        .map(|letter| match letter.is_ascii_alphanumeric() {
            true => letter.to_string(),
            false => form(letter),
        })
        .collect()
}

fn in_ascii(letter: char) -> String {
    let mut units = [0; 2];
    let units = letter.encode_utf16(&mut units).iter();
    units.map(|unit| format!("\\u{unit:04X}")).collect()
}

fn in_url(letter: char) -> String {
    let mut bytes = [0; 4];
    let bytes = letter.encode_utf8(&mut bytes).bytes();
    bytes.map(|byte| format!("%{byte:02X}")).collect()
}

/// Cuts a form of a value everywhere, and looks at what is shown beside the mark.
fn check_cuts(masks: &Masks, form: &str, to: usize) {
    let bytes = crate::cut::mark("7 bytes");
    let marks = [bytes.clone(), bytes.replace('\n', "\\n"), bytes.replace('\n', "\n+")];
    for at in (1..to).filter(|at| form.is_char_boundary(*at)) {
        let (head, tail) = form.split_at(at);
        for mark in &marks {
            let hidden = masks.hide(&format!("{head}{mark}- {mark}{tail} after"));
            let parts: Vec<&str> = hidden.split('…').collect();
            // A backslash may be the mark's.
            let before = parts[0].trim_end_matches(['\n', 'n', '+', '\\']);
            assert_eq!(before, "***", "{head}");
            let after = parts[4].trim_start_matches(['\n', 'n', '+', '\\']);
            assert_eq!(after.replace("******", "***"), "*** after", "{tail}");
        }
    }
}

#[test]
fn a_part_of_a_value_is_hidden_on_both_sides_of_a_cut() {
    let masks = masks(&json!([HARD, "s3cret-word"]));
    let json = serde_json::to_string(HARD).unwrap();
    let twice = serde_json::to_string(&json).unwrap();
    let xml = HARD.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let forms = [
        "s3cret-word",
        HARD,
        json.trim_matches('"'),
        twice.trim_matches(['"', '\\']),
        &xml,
        &HARD.replace('\'', r"'\''"),
        &escaped(HARD, in_ascii),
        &escaped(HARD, in_url),
    ];
    for form in forms {
        // Of the last letter a part may be left.
        check_cuts(&masks, form, form.len() - 8);
    }
    let base64 = base64::prelude::BASE64_STANDARD.encode(HARD);
    check_cuts(&masks, &base64, base64.len() - 4);
    check_cuts(
        &masks,
        &base64.replace('+', "%2B").replace('/', "%2F"),
        base64.len() - 4,
    );
}

#[test]
fn a_part_of_a_value_between_two_cuts_is_hidden() {
    let masks = masks(&json!("a-long-secret-word"));
    let mark = crate::cut::mark("7 bytes");
    let hidden = masks.hide(&format!("x{mark}secret{mark}- y"));
    assert_eq!(hidden, format!("x{mark}***{mark}- y"));
}

#[test]
fn a_text_is_hidden_as_far_as_what_follows_cannot_matter() {
    let masks = masks(&json!([HARD, "s3cret-word"]));
    for form in ["s3cret-word", HARD, &escaped(HARD, in_url)] {
        let text = format!("before {form} after {}", "x".repeat(200));
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let (shown, of) = masks.hide_begun(&text[..at]);
            assert!(of <= at);
            let whole = format!("{shown}{}", masks.hide(&text[of..]));
            assert_eq!(whole, masks.hide(&text), "cut at {at}");
        }
    }
    let cut = format!(
        "begin\nsome s3cr{}ord-x\n{}",
        crate::cut::mark("3 bytes"),
        "x".repeat(200)
    );
    for at in (0..cut.len()).filter(|at| cut.is_char_boundary(*at)) {
        let (shown, of) = masks.hide_begun(&cut[..at]);
        let whole = format!("{shown}{}", masks.hide(&cut[of..]));
        assert_eq!(whole, masks.hide(&cut), "cut at {at}");
    }
}
