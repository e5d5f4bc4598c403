//! How a value may be written, and where a text holds it so. A form that is not here is a value that is told.
//!
//! A form is made in one pass over its value and is not much longer than it; a text is compared with it letter by letter,
//! with all the places at once at which the letters before may have ended.

mod broken;
mod encoded;

use std::collections::BTreeSet;
use std::ops::Range;

use encoded::{base64, base64_at, base64_lines, digit_lines, digits, hexadecimal};

/// Base64 of fewer bytes might be a part of any word.
const LEAST_BYTES: usize = 5;
/// How long the lines of base64 are: of `base64`, of a certificate.
const LINES: [usize; 2] = [76, 64];
/// How many bytes are in a line of digits: of `od` and `xxd`, of `xxd -p`.
const DUMPED: [usize; 2] = [16, 30];
/// A backslash or a quote is written no more often than this in place of one: it is doubled each time that it is quoted.
const MOST_QUOTED: usize = 64;

/// One of the ways in which a value is written.
#[derive(Debug)]
pub(super) enum Form {
    /// Each letter as quoting and encoding write it: in JSON and YAML (also one in the other), in URLs, in XML, in a
    /// shell's or Docker's words.
    Quoted(String),
    /// Base64, in lines or not.
    Base64 {
        /// The letters that the value alone decides.
        letters: String,
        /// The one behind them, which stands there where nothing follows the value.
        tail: Option<u8>,
    },
    /// Two digits for each byte, as `xxd` and `od` write them: together, or with blanks or colons between them.
    Hexadecimal(String),
}

impl Form {
    /// All forms of a value: of one that is no text, those of its bytes.
    pub(super) fn all(bytes: &[u8]) -> Vec<Form> {
        let text = String::from_utf8_lossy(bytes);
        let lower = text.to_lowercase();
        let mut forms = vec![Form::Quoted(text.clone().into_owned())];
        // Names of hosts are told so.
        forms.extend((lower != text).then_some(Form::Quoted(lower)));
        if bytes.len() >= LEAST_BYTES {
            forms.extend((0..3).map(|before| base64_at(bytes, before)));
            forms.extend(LINES.iter().flat_map(|length| base64_lines(bytes, *length)));
            forms.push(digits(bytes));
            forms.extend(DUMPED.iter().flat_map(|length| digit_lines(bytes, *length)));
        }
        forms
    }

    /// How long it is.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.letters().len()
    }

    /// The bytes that it may begin with.
    pub(super) fn first_bytes(&self) -> Vec<u8> {
        let first = self.letters().bytes().next();
        match (self, first) {
            (_, None) => Vec::new(),
            (Form::Hexadecimal(_), Some(first)) => with(first, &[first.to_ascii_uppercase()]),
            (_, Some(first)) if first.is_ascii_alphanumeric() => vec![first],
            (Form::Quoted(_), Some(first)) => with(first, b"\\%&+"),
            (Form::Base64 { .. }, Some(first)) => with(first, b"\\%-_"),
        }
    }

    /// The bytes that it begins with, in each way in which they stand together; none where a letter among them may be
    /// written otherwise.
    pub(super) fn beginnings(&self) -> Vec<[u8; 4]> {
        let begin = self.letters().as_bytes().first_chunk::<4>();
        let Some(begin) = begin.filter(|begin| begin.iter().all(u8::is_ascii_alphanumeric)) else {
            return Vec::new();
        };
        let Form::Hexadecimal(_) = self else {
            return vec![*begin];
        };
        // Each digit in either case.
        let cases = (0..16_u8).map(|cases| {
            let mut begin = *begin;
            let upper = begin.iter_mut().enumerate().filter(|(nth, _)| (cases >> nth) & 1 == 1);
            upper.for_each(|(_, byte)| byte.make_ascii_uppercase());
            begin
        });
        cases.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// True where an end of a line or a blank may stand between its letters.
    pub(super) fn may_be_broken(&self) -> bool {
        !matches!(self, Form::Quoted(_))
    }

    /// What may stand behind the first byte, unless that is anything.
    pub(super) fn second_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = self.letters().bytes();
        let (first, second) = (bytes.next()?, bytes.next()?);
        let is_word = first.is_ascii_alphanumeric() && second.is_ascii_alphanumeric();
        let cases = match self {
            _ if !is_word => return None,
            Form::Quoted(_) => vec![second],
            // An end of a line may stand between them.
            Form::Base64 { .. } => [second].into_iter().chain(*b"\\ \t\r\n").collect(),
            Form::Hexadecimal(_) => vec![second, second.to_ascii_uppercase()],
        };
        Some(cases)
    }

    /// How far it goes in a text, from there on.
    pub(super) fn reach(&self, text: &[u8], from: usize) -> Reach {
        self.reach_from(0, text, from)
    }

    fn reach_from(&self, letter: usize, text: &[u8], from: usize) -> Reach {
        match self {
            Form::Quoted(letters) => quoted(&letters[letter..], text, from),
            Form::Base64 { letters, tail } => base64(&letters[letter..], *tail, text, from),
            Form::Hexadecimal(digits) => hexadecimal(&digits[letter..], text, from),
        }
    }

    /// How long the rest of it is that a text begins with, where it was cut off somewhere within; all of the text, where
    /// that ends before the rest does.
    pub(super) fn rest(&self, text: &str) -> Option<usize> {
        let letters = self
            .letters()
            .char_indices()
            .map(|(at, letter)| (at + letter.len_utf8(), letter));
        let rests = letters.filter(|(at, _)| *at < self.letters().len());
        let ends = rests.flat_map(|(at, before)| {
            let begins = std::iter::once(0).chain(broken::rests(before, text.as_bytes()));
            begins.filter_map(move |begin| {
                let Reach { end, cut } = self.reach_from(at, text.as_bytes(), begin);
                if cut { Some(text.len()) } else { end }
            })
        });
        ends.max()
    }

    fn letters(&self) -> &str {
        let (Form::Quoted(letters) | Form::Base64 { letters, .. } | Form::Hexadecimal(letters)) = self;
        letters
    }
}

/// How far a form goes in a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Where it ends, if it stands there whole.
    pub(super) end: Option<usize>,
    /// True where the text may have ended before it did.
    pub(super) cut: bool,
}

impl Reach {
    fn ended(cut: bool) -> Reach {
        Reach { end: None, cut }
    }
}

fn with(first: u8, others: &[u8]) -> Vec<u8> {
    let others = others.iter().copied().filter(|other| *other != first);
    std::iter::once(first).chain(others).collect()
}

/// How far letters go, to the last place at which they may end.
fn quoted(letters: &str, text: &[u8], from: usize) -> Reach {
    // Most of what begins like a value goes on otherwise.
    let plain = letters.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (word, letters) = letters.split_at(plain);
    let rest = &text[from..];
    if !rest.starts_with(word.as_bytes()) {
        return Reach::ended(word.as_bytes().starts_with(rest));
    }
    let (mut places, mut next, mut cut) = (vec![from + plain], Vec::new(), false);
    for letter in letters.chars() {
        for place in &places {
            cut |= broken::begins(&text[*place..]);
            letter_ends(letter, &text[*place..], |length| next.push(place + length));
        }
        next.sort_unstable();
        next.dedup();
        std::mem::swap(&mut places, &mut next);
        next.clear();
        if places.is_empty() {
            break;
        }
    }
    let end = places.last().copied();
    Reach { end, cut }
}

/// How long a letter is at the begin of a text, in each of the ways in which it may stand there.
fn letter_ends(letter: char, text: &[u8], mut found: impl FnMut(usize)) {
    let mut own = [0; 4];
    let own = letter.encode_utf8(&mut own).as_bytes();
    if letter.is_ascii_alphanumeric() {
        if text.starts_with(own) {
            found(1);
        }
        return;
    }
    let slashes = run(text, b'\\');
    let behind = &text[slashes..];
    let named = |name: &[u8]| (slashes > 0 && behind.starts_with(name)).then_some(slashes + 1);
    match letter {
        '\\' => (1..=slashes).for_each(&mut found),
        // The indentation of a block of YAML; what continues a line of XML or of a log.
        '\n' => newline(text).into_iter().flatten().for_each(&mut found),
        '\r' => {
            found(0);
            text.starts_with(own)
                .then_some(1)
                .into_iter()
                .chain(named(b"r"))
                .for_each(&mut found);
        }
        // Doubled in Compose and YAML, or at each quoting.
        '\'' | '"' | '$' => (1..=run(behind, own[0])).for_each(|count| found(slashes + count)),
        _ if behind.starts_with(own) => found(slashes + own.len()),
        _ => {}
    }
    match letter {
        '\n' => named(b"n")
            .into_iter()
            .chain(escaped_end_of_line(text))
            .for_each(&mut found),
        '\t' => named(b"t").into_iter().for_each(&mut found),
        '\u{8}' => named(b"b").into_iter().for_each(&mut found),
        '\u{c}' => named(b"f").into_iter().for_each(&mut found),
        _ => {}
    }
    let words: &[&str] = match letter {
        // A shell closes its quotes and opens them again around one.
        '\'' => &[r#"'"'"'"#, r"'\''", r"'\\''", "&apos;"],
        '"' => &["&quot;"],
        '&' => &["&amp;"],
        '<' => &["&lt;"],
        '>' => &["&gt;"],
        ' ' => &["+"],
        _ => &[],
    };
    let words = words.iter().filter(|word| text.starts_with(word.as_bytes()));
    words.for_each(|word| found(word.len()));
    if matches!(text.first(), Some(b'\\' | b'%' | b'&')) {
        by_number(letter, text).for_each(found);
    }
}

/// How long an end of a line is, with none, some or all of the blanks behind it.
fn newline(text: &[u8]) -> Option<Range<usize>> {
    let length = usize::from(text.first() == Some(&b'\r')) + 1;
    let blanks = text
        .get(length..)?
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'));
    (text[length - 1] == b'\n').then(|| length..length + blanks.count() + 1)
}

/// `\r\n`, escaped.
fn escaped_end_of_line(text: &[u8]) -> Option<usize> {
    let first = escape(text, b'r')?;
    escape(&text[first..], b'n').map(|second| first + second)
}

/// A letter by its number: in URLs, as bytes, in JSON, in other languages, in XML.
fn by_number(letter: char, text: &[u8]) -> impl Iterator<Item = usize> {
    let (mut bytes, mut units) = ([0; 4], [0; 2]);
    let bytes = letter.encode_utf8(&mut bytes).bytes().map(u32::from);
    let units = letter.encode_utf16(&mut units).iter().copied().map(u32::from);
    let number = u32::from(letter);
    let forms = [
        in_digits(text, |text| text.starts_with(b"%").then_some(1), bytes.clone(), 2),
        in_digits(text, |text| escape(text, b'x'), bytes, 2),
        in_digits(text, |text| escape(text, b'u'), units, 4),
        in_digits(text, |text| escape(text, b'U'), [number].into_iter(), 8),
        escape(text, b'u').and_then(|mark| bracketed(&text[mark..], ("{", b'}'), 16, number).map(|end| mark + end)),
        bracketed(text, ("&#", b';'), 10, number),
        bracketed(text, ("&#x", b';'), 16, number),
    ];
    forms.into_iter().flatten()
}

/// How long numbers are that stand here each behind a mark and in so many hexadecimal digits.
fn in_digits(
    text: &[u8],
    mark: impl Fn(&[u8]) -> Option<usize>,
    numbers: impl Iterator<Item = u32>,
    digits: usize,
) -> Option<usize> {
    let mut end = 0;
    for number in numbers {
        let from = end + mark(&text[end..])?;
        end = from + digits;
        (parsed(text.get(from..end)?, 16)? == number).then_some(())?;
    }
    Some(end)
}

/// How long a number is that stands here between brackets, leading zeros and all.
fn bracketed(text: &[u8], (open, close): (&str, u8), radix: u32, number: u32) -> Option<usize> {
    starts_any(text, &[open]).then_some(())?;
    let rest = &text[open.len()..];
    let digits = rest.iter().take(12).position(|byte| *byte == close)?;
    (parsed(&rest[..digits], radix)? == number).then_some(open.len() + digits + 1)
}

fn parsed(digits: &[u8], radix: u32) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

/// How long backslashes and the letter behind them are.
fn escape(text: &[u8], letter: u8) -> Option<usize> {
    let slashes = run(text, b'\\');
    let is_letter = text.get(slashes).is_some_and(|byte| byte.eq_ignore_ascii_case(&letter));
    (slashes > 0 && is_letter).then_some(slashes + 1)
}

/// How often a byte stands here.
fn run(text: &[u8], byte: u8) -> usize {
    text.iter()
        .take(MOST_QUOTED)
        .take_while(|other| **other == byte)
        .count()
}

/// In whatever case.
fn starts_any(text: &[u8], words: &[&str]) -> bool {
    let starts = |word: &&str| {
        text.get(..word.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(word.as_bytes()))
    };
    words.iter().any(starts)
}
