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
fn hides_the_parts_of_a_value_beside_the_cut_of_a_difference() {
    let masks = masks(&json!("open-sesame-in-the-hill"));
    let line =
        |before: usize, after: usize| format!("{}open-sesame-in-the-hill{}", "x".repeat(before), "y".repeat(after));
    for begin in 1..22 {
        let text = format!("-one\n+{}\n", line(94 - begin, 400));
        let mut fault = json!({"diff": crate::cut::shortened(&text, (100, 50))});
        masks.hide_in_event(&mut fault);
        let told = fault["diff"].as_str().unwrap();
        assert!(!told.contains("xo") && told.contains("x***"), "{begin}: {told}");
    }
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
fn a_value_with_a_terminals_sequences_within_is_hidden_with_them() {
    let masks = masks(&json!(["open-sesame", "in\u{1b}[31mred"]));
    let between = [
        "\u{1b}[31m",
        "\u{1b}[38;5;1m\u{1b}[K",
        "\u{1b}]8;;http://a\u{1b}\\",
        "\u{1b}(B",
        "\0",
        "\\u001b[1m",
        "\\\\x1B[0m",
        "\\u{1b}[31m",
        "\\033[m",
    ];
    for sequence in between {
        let text = format!("{sequence}<op{sequence}en-ses{sequence}ame>{sequence} é {sequence}");
        let expected = format!("{sequence}<***>{sequence} é {sequence}");
        assert_eq!(masks.hide(&text), expected);
        let base64 = format!("<b3B{sequence}lbi1zZXNhbWU=>");
        assert_eq!(masks.hide(&base64), "<***>");
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let (shown, of) = masks.hide_begun(&text[..at]);
            assert_eq!(format!("{shown}{}", masks.hide(&text[of..])), expected, "cut at {at}");
        }
    }
    assert_eq!(
        masks.hide("<in\u{1b}[31mred> <inred> <in\u{1b}[0mred>"),
        "<***> <***> <***>"
    );
    // No sequence, and nothing that makes one.
    assert_eq!(
        masks.hide("op\\nen-sesame \\d open-sesame\u{1b}"),
        "op\\nen-sesame \\d ***\u{1b}"
    );
}

#[test]
fn a_value_in_small_letters_and_one_in_hexadecimal_are_hidden() {
    let masks = masks(&json!("S3cret/Word.Ä"));
    let lower: String = "S3cret/Word.Ä".bytes().map(|byte| format!("{byte:02x}")).collect();
    let pairs: Vec<&str> = (0..lower.len() / 2).map(|at| &lower[2 * at..2 * at + 2]).collect();
    for form in [
        "s3cret/word.ä",
        "s3cret%2fword.%c3%a4",
        &lower,
        &lower.to_uppercase(),
        &pairs.join(" "),
        &pairs.join(":"),
        &format!("{}\n  {}", &lower[..10], &lower[10..]),
    ] {
        assert_eq!(masks.hide(&format!("<{form}>")), "<***>");
    }
    check_cuts(&masks, &lower, lower.len() - 4);
}

#[test]
fn each_line_of_a_dump_is_hidden() {
    let masks = masks(&json!("Hunter2-sesame-door-and-window"));
    let dump =
        "0000000 48 75 6e 74 65 72 32 2d 73 65 73 61 6d 65 2d 64\n+0000010 6f 6f 72 2d 61 6e 64 2d 77 69 6e 64 6f 77\n";
    assert_eq!(masks.hide(dump), "0000000 ***\n+0000010 ***\n");
}

#[test]
fn unicode_escapes_of_json_are_hidden_in_either_case() {
    let masks = masks(&json!(HARD));
    for form in [escaped(HARD, in_ascii), escaped(HARD, in_ascii_small)] {
        assert_eq!(masks.hide(&format!("{{\"a\":\"{form}\"}}")), r#"{"a":"***"}"#);
    }
    let html = serde_json::to_string(HARD).unwrap();
    let html = html
        .replace('<', r"\u003c")
        .replace('>', r"\u003E")
        .replace('&', r"\u0026")
        .replace('\'', r"\u0027");
    assert_eq!(masks.hide(&html), r#""***""#);
}

#[test]
fn bytes_that_are_no_text_are_hidden_as_a_log_shows_them_and_encoded() {
    let masks = Masks::default();
    let bytes = b"\xff\xfe\0key\x80\x81 of nobody";
    masks.add_bytes(bytes);
    let encoded = base64::prelude::BASE64_STANDARD.encode(bytes);
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    for form in [encoded, digits, String::from_utf8_lossy(bytes).into_owned()] {
        assert_eq!(masks.hide(&format!("<{form}>")), "<***>");
    }
    masks.add_bytes(b"a text");
    assert_eq!(masks.hide("a text"), "***");
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

#[test]
fn a_line_of_backslashes_is_looked_through_once() {
    let masks = masks(&json!("sesame"));
    let line = format!("{}\\u001bopen sesa\u{1b}[1mme", "\\".repeat(1 << 20));
    let hidden = masks.hide(&line);
    assert!(
        hidden.contains("open ***") && !hidden.contains("sesa"),
        "{}",
        &hidden[hidden.len() - 40..]
    );
}
