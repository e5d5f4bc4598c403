//! A value in the forms that programs give it: escaped, encoded, dumped.

use base64::Engine as _;
use serde_json::json;

use super::{HARD, check_cuts, escaped, in_ascii, in_ascii_small, in_url, masks};
use crate::mask::Masks;

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
