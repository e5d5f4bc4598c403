//! A value encoded: in base64, in hexadecimal digits.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{Form, LEAST_BYTES, Reach, broken, run, starts_any};

/// What a value is in base64 behind so many bytes of what was encoded.
pub(super) fn base64_at(value: &[u8], before: usize) -> Form {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(value);
    let encoded = BASE64_STANDARD.encode(&bytes);
    // Of each letter six bits: the first whole ones after what stands before, the last whole ones of the text.
    let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    Form::Base64 {
        letters: encoded.get(from..to).unwrap_or_default().to_owned(),
        tail: encoded.as_bytes().get(to).copied().filter(|letter| *letter != b'='),
    }
}

/// Its base64 a line at a time, which is how a log tells it; none where it is one line.
pub(super) fn base64_lines(value: &[u8], length: usize) -> Vec<Form> {
    let encoded = BASE64_STANDARD.encode(value);
    if encoded.len() <= length {
        return Vec::new();
    }
    let lines = encoded.as_bytes().chunks(length);
    let lines = lines.map(|line| String::from_utf8_lossy(line).trim_end_matches('=').to_owned());
    let told = lines.filter(|line| line.len() > LEAST_BYTES);
    told.map(|letters| Form::Base64 { letters, tail: None }).collect()
}

/// How far base64 goes; the alphabet for URLs has other letters for two, a URL may hold both.
pub(super) fn base64(letters: &str, tail: Option<u8>, text: &[u8], from: usize) -> Reach {
    let (mut end, mut cut) = (from, false);
    for (nth, letter) in letters.bytes().enumerate() {
        let rest = &text[end..];
        let rest = if nth == 0 { rest } else { &rest[line_breaks(rest)..] };
        cut |= broken::begins(rest);
        match base64_letter(letter, rest) {
            Some(length) => end = text.len() - rest.len() + length,
            None => return Reach::ended(cut),
        }
    }
    end += tail.and_then(|tail| base64_letter(tail, &text[end..])).unwrap_or(0);
    let end = Some(end + run(&text[end..], b'='));
    Reach { end, cut }
}

/// Two digits for each byte.
pub(super) fn digits(value: &[u8]) -> Form {
    let digits = value.iter().map(|byte| format!("{byte:02x}"));
    Form::Hexadecimal(digits.collect())
}

/// Those a line at a time, before which a dump writes where it is; none where it is one line.
pub(super) fn digit_lines(value: &[u8], length: usize) -> Vec<Form> {
    if value.len() <= length {
        return Vec::new();
    }
    let lines = value.chunks(length).filter(|line| line.len() >= LEAST_BYTES);
    lines.map(digits).collect()
}

/// How far digits go, in either case.
pub(super) fn hexadecimal(digits: &str, text: &[u8], from: usize) -> Reach {
    let mut end = from;
    for (nth, digit) in digits.bytes().enumerate() {
        let pair = nth > 0 && (digits.len() - nth).is_multiple_of(2);
        if pair {
            end += usize::from(text.get(end) == Some(&b':'));
            end += line_breaks(&text[end..]);
        }
        match text.get(end) {
            Some(byte) if byte.eq_ignore_ascii_case(&digit) => end += 1,
            Some(b'\\') if pair && broken::begins(&text[end..]) => return Reach::ended(true),
            other => return Reach::ended(other.is_none()),
        }
    }
    Reach {
        end: Some(end),
        cut: false,
    }
}

/// How long a letter of base64 is that stands here.
fn base64_letter(letter: u8, text: &[u8]) -> Option<usize> {
    let slashes = run(text, b'\\');
    match letter {
        b'+' if starts_any(text, &["+", "-"]) => Some(1),
        b'+' if starts_any(text, &["%2b"]) => Some(3),
        b'/' if starts_any(text, &["%2f"]) => Some(3),
        b'/' if starts_any(text, &["_"]) => Some(1),
        b'/' if starts_any(&text[slashes..], &["/"]) => Some(slashes + 1),
        _ => (text.first() == Some(&letter)).then_some(1),
    }
}

/// How long the ends of lines are that stand here, also as JSON and YAML write them.
fn line_breaks(text: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let rest = &text[end..];
        let slashes = run(rest, b'\\');
        end += match (slashes, rest.get(slashes)) {
            (0, Some(b' ' | b'\t' | b'\r' | b'\n')) => 1,
            (1.., Some(b'r' | b'n' | b'\n')) => slashes + 1,
            _ => return end,
        };
    }
}
