//! A value beside a cut, of which only a part is there.

use base64::Engine as _;
use serde_json::json;

use super::{HARD, check_cuts, escaped, in_ascii, in_url, masks};

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
