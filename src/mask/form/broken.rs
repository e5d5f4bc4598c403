//! A letter of which a cut has left a part: its end before the cut, or its beginning behind it.

use super::{run, starts_any};

/// How long a letter is at most as it is written, its backslashes aside: four bytes, each by its number.
const LONGEST: usize = 16;
/// What stands in place of the bytes of a character that was cut.
const REPLACED: &[u8] = "\u{fffd}".as_bytes();

/// True where a text has ended, or may end within a letter.
pub(super) fn begins(text: &[u8]) -> bool {
    let slashes = run(text, b'\\');
    let rest = &text[slashes..];
    if rest.len() > LONGEST {
        return false;
    }
    let all = |others: &[u8]| {
        rest.iter()
            .all(|byte| byte.is_ascii_alphanumeric() || others.contains(byte))
    };
    match text.first() {
        None => true,
        Some(b'\\') => all(b"\\{'\""),
        Some(b'%') => all(b"%"),
        Some(b'&') => all(b"&#"),
        Some(b'\'' | b'"') => all(b"'\"\\"),
        Some(b'\r') => rest.len() == 1,
        Some(_) => rest == REPLACED,
    }
}

/// How much of a text's beginning may be the rest of a letter that was cut.
pub(super) fn rests(letter: char, text: &[u8]) -> Vec<usize> {
    if letter.is_ascii_alphanumeric() {
        return Vec::new();
    }
    let replaced = text
        .chunks(REPLACED.len())
        .take(3)
        .take_while(|chunk| *chunk == REPLACED);
    let replaced = (1..=replaced.count()).map(|count| count * REPLACED.len());
    let mut found: Vec<usize> = replaced.filter(|_| !letter.is_ascii()).collect();
    for form in written(letter) {
        let cuts = (1..form.len()).filter(|at| form.is_char_boundary(*at));
        found.extend(cuts.filter_map(|at| rest(&form[at..], text)));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// How long a text is that stands here, in whatever case, its backslashes doubled as often as may be.
fn rest(form: &str, text: &[u8]) -> Option<usize> {
    let mut end = 0;
    for part in form.split('\\').filter(|part| !part.is_empty()) {
        end += run(&text[end..], b'\\');
        starts_any(&text[end..], &[part]).then_some(())?;
        end += part.len();
    }
    Some(end)
}

/// All that a letter is written as that is longer than it.
fn written(letter: char) -> Vec<String> {
    let (mut bytes, mut units) = ([0; 4], [0; 2]);
    let bytes = letter.encode_utf8(&mut bytes).bytes();
    let units = letter.encode_utf16(&mut units).iter();
    let number = u32::from(letter);
    let mut all = vec![
        bytes.clone().map(|byte| format!("%{byte:02x}")).collect(),
        bytes.map(|byte| format!("\\x{byte:02x}")).collect(),
        units.map(|unit| format!("\\u{unit:04x}")).collect(),
        format!("\\U{number:08x}"),
        format!("\\u{{{number:x}}}"),
        format!("&#{number};"),
        format!("&#x{number:x};"),
        // Behind backslashes, or behind another one like it.
        format!("\\{letter}"),
        format!("{letter}{letter}"),
    ];
    let names: &[&str] = match letter {
        '\n' => &["\\r\\n", "\\n", "\r\n"],
        '\t' => &["\\t"],
        '\r' => &["\\r"],
        '\u{8}' => &["\\b"],
        '\u{c}' => &["\\f"],
        '\'' => &[r#"'"'"'"#, r"'\''", "&apos;"],
        '"' => &["&quot;"],
        '&' => &["&amp;"],
        '<' => &["&lt;"],
        '>' => &["&gt;"],
        _ => &[],
    };
    all.extend(names.iter().map(|name| (*name).to_owned()));
    all
}
