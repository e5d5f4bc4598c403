//! What is hidden of texts and of data, and in which forms.

mod cuts;
mod forms;

use std::sync::Arc;

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
fn a_line_that_stands_in_everybodys_files_is_hidden_only_with_those_beside_it() {
    let json = "{\n  \"password\": \"hunter2\",\n  \"n\": 1\n  },\n  true\n}\n---\n";
    let pem = "-----BEGIN KEY-----\nMIIEvgIBADANBgkqhkiG\nQw==\n-----END KEY-----\n";
    let env = "PIN=42\nA=1\nTOKEN=x\n";
    let masks = masks(&json!([json, pem, env, "!#%&/()=\nab\n}\ncd"]));
    for whole in [json, pem, env] {
        assert_eq!(masks.hide(whole.trim()), "***");
    }
    for line in [
        "\"password\": \"hunter2\",",
        "MIIEvgIBADANBgkqhkiG",
        "PIN=42",
        "TOKEN=x",
        "!#%&/()=",
    ] {
        assert_eq!(masks.hide(&format!("a {line} b")), "a *** b");
    }
    for line in [
        "{",
        "},",
        "} ]",
        "---",
        "true,",
        "\"n\": 1",
        "network: {a: 1}",
        "A=1",
        "Qw==",
    ] {
        assert_eq!(masks.hide(line), line);
    }
    assert_eq!(masks.hide("a PIN=42\n  A=1 b"), "a *** b");
    assert_eq!(masks.hide("a A=1\nTOKEN=x b"), "a *** b");
    assert_eq!(masks.hide("a MIIEvgIBADANBgkqhkiG\nQw== b"), "a *** b");
    assert_eq!(masks.hide("a cd; ab\n}\ncd b"), "a cd; *** b");
}

#[test]
fn short_lines_are_hidden_where_a_value_has_no_others() {
    let masks = masks(&json!("12\n{34\n{\n6"));
    assert_eq!(masks.hide("a 12, {34, {, 6"), "a ***, ***, {, 6");
}

#[test]
fn what_goes_with_short_lines_is_no_more_than_there_are_of_them() {
    let masks = Masks::default();
    let lines: Vec<String> = (0..200).map(|n| format!("{}\n{}", "x".repeat(500), n % 7)).collect();
    masks.add(&json!(lines.join("\n")));
    assert!(masks.count() < 20, "{}", masks.count());
}

#[test]
fn hides_what_goes_over_the_lines_of_a_difference() {
    let masks = masks(&json!("word-of/the-environment"));
    let mut fault = json!({"diff": "--- expected\n+++ actual\n@@ -1 +1,3 @@\n-other\n+CndvcmQtb2YvdGhlLWVu\n+dmlyb25tZW50Cj09PiB0d28gPD09Cn\n same\n"});
    masks.hide_in_event(&mut fault);
    let told = fault["diff"].as_str().unwrap();
    assert!(
        told.starts_with("--- expected\n+++ actual\n@@ -1 +1,3 @@\n-other\n+"),
        "{told}"
    );
    assert!(!told.contains("cmQtb2Yv") && !told.contains("dmlyb25t"), "{told}");
    assert!(told.ends_with("\n same\n"), "{told}");
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
    // What was made for a value stays, and is in proportion to its length: that is all the work. Base64 in three places
    // and twice in lines, hexadecimal and twice in lines, small letters.
    assert!(
        first
            .iter()
            .zip(&known.forms)
            .all(|(before, now)| Arc::ptr_eq(before, now))
    );
    let made: usize = known.forms.iter().map(|form| form.size()).sum();
    assert!(made < 16 * letters, "{made} letters for {letters}");
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
fn what_comes_in_pieces_is_hidden_as_if_it_came_at_once() {
    let masks = masks(&json!([HARD, "s3cret-word"]));
    let text = format!("a s3cret-word,\u{1b}[1m s3cr\u{1b}[31met-word {HARD} \u{fffd} and more");
    let whole = masks.hide(&text);
    for size in [1, 2, 3, 7, 64] {
        let (mut hiding, mut shown) = (super::Hiding::default(), Vec::new());
        for piece in text.as_bytes().chunks(size) {
            shown.extend(hiding.add(piece, &masks));
        }
        shown.extend(hiding.end(&masks));
        assert_eq!(String::from_utf8(shown).unwrap(), whole, "in pieces of {size}");
        assert!(hiding.has_hidden());
    }
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

fn in_ascii_small(letter: char) -> String {
    in_ascii(letter).to_lowercase()
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
