//! What tells a terminal of colours and places, and other letters that it does not show: within a value they hide it from
//! a search, and it is read all the same where they are taken out.

use std::ops::Range;

/// How long a sequence is at most; one that ends nowhere is none.
const LONGEST: usize = 4096;
/// How the letter that a sequence begins with is written in JSON, by shells and by our own messages, behind backslashes.
const WRITTEN: [&[u8]; 5] = [b"u001b", b"u{1b}", b"x1b", b"033", b"U0000001b"];

/// A text without its sequences.
pub(super) struct Plain {
    pub(super) text: String,
    /// Where something was taken out: before which byte of the plain text, and how much up to there in all.
    taken: Vec<(usize, usize)>,
    /// How much of the original it is of: a sequence that the end cuts off is not.
    pub(super) of: usize,
}

impl Plain {
    /// None where there is nothing to take out; of a text that may go on, what it may go on with is left for later.
    pub(super) fn of(text: &str, goes_on: bool) -> Option<Plain> {
        let bytes = text.as_bytes();
        let mut plain = Plain {
            text: String::new(),
            taken: Vec::new(),
            of: bytes.len(),
        };
        let (mut from, mut taken) = (0, 0);
        let mut at = 0;
        while let Some(next) = next_begin(&bytes[at..]) {
            at += next;
            match sequence(&bytes[at..]) {
                Sequence::None => at += slashes(&bytes[at..]).max(1),
                Sequence::Cut if goes_on => {
                    plain.of = at;
                    break;
                }
                Sequence::Cut => at += slashes(&bytes[at..]).max(1),
                Sequence::Whole(length) => {
                    plain.text.push_str(&text[from..at]);
                    taken += length;
                    plain.taken.push((plain.text.len(), taken));
                    at += length;
                    from = at;
                }
            }
        }
        if plain.taken.is_empty() && plain.of == bytes.len() {
            return None;
        }
        plain.text.push_str(&text[from..plain.of]);
        Some(plain)
    }

    /// Where in the original a part of it stands, with what was taken out within.
    pub(super) fn back(&self, span: &Range<usize>) -> Range<usize> {
        self.original(span.start)..self.end_of(span.end)
    }

    /// Where what ends here ends in the original: before all that was taken out behind it.
    pub(super) fn end_of(&self, end: usize) -> usize {
        end.checked_sub(1).map_or(0, |last| self.original(last) + 1)
    }

    fn original(&self, at: usize) -> usize {
        let before = self.taken.partition_point(|(place, _)| *place <= at);
        at + before.checked_sub(1).map_or(0, |last| self.taken[last].1)
    }
}

enum Sequence {
    None,
    /// So many bytes.
    Whole(usize),
    /// The text ends before it does.
    Cut,
}

/// Where the first of these is. Most of a text has none, which is seen faster of many bytes at once.
fn next_begin(text: &[u8]) -> Option<usize> {
    const AT_ONCE: usize = 64;
    let any = |bytes: &[u8]| bytes.iter().fold(false, |any, byte| any | begins(*byte));
    let plain = text.chunks(AT_ONCE).take_while(|bytes| !any(bytes)).count() * AT_ONCE;
    let rest = text.get(plain..)?;
    rest.iter().position(|byte| begins(*byte)).map(|at| plain + at)
}

/// True for a byte that a sequence begins with, and for one that is shown as a sign of its own.
fn begins(byte: u8) -> bool {
    byte == b'\\' || byte == 0x7f || (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'))
}

/// What stands here: the reports take the same out of what they show.
fn sequence(text: &[u8]) -> Sequence {
    let introduced = match text[0] {
        0x1b => 1,
        b'\\' => match introducer(text) {
            Sequence::Whole(length) => length,
            other => return other,
        },
        _ => return Sequence::Whole(1),
    };
    let rest = &text[introduced..text.len().min(introduced + LONGEST)];
    let is_cut = introduced + rest.len() == text.len();
    let ended = match rest.first() {
        Some(b'[') => control(&rest[1..]).map(|length| length.map(|length| length + 1)),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => string(&rest[1..]).map(|length| length.map(|length| length + 1)),
        _ => {
            let between = rest.iter().take_while(|byte| (b' '..=b'/').contains(*byte)).count();
            rest.get(between)
                .map(|byte| (b'0'..=b'~').contains(byte).then_some(between + 1))
        }
    };
    match ended {
        None if is_cut => Sequence::Cut,
        Some(Some(length)) => Sequence::Whole(introduced + length),
        // The letter alone is shown as a sign of its own.
        None | Some(None) => Sequence::Whole(introduced),
    }
}

/// How many backslashes stand here, as far as a sequence goes: of more of them none is one's, and they are counted once.
fn slashes(text: &[u8]) -> usize {
    text.iter().take(LONGEST).take_while(|byte| **byte == b'\\').count()
}

/// How long the letter is where it is written with others.
fn introducer(text: &[u8]) -> Sequence {
    let slashes = slashes(text);
    if slashes == LONGEST {
        return Sequence::None;
    }
    let rest = &text[slashes..];
    let likewise = |word: &&[u8]| {
        let length = word.len().min(rest.len());
        rest[..length].eq_ignore_ascii_case(&word[..length])
    };
    match WRITTEN.into_iter().find(likewise) {
        Some(word) if rest.len() < word.len() => Sequence::Cut,
        Some(word) => Sequence::Whole(slashes + word.len()),
        None => Sequence::None,
    }
}

/// How long a control sequence is behind its bracket; the outer none where it does not end here.
fn control(rest: &[u8]) -> Option<Option<usize>> {
    let parameters = rest.iter().take_while(|byte| (b'0'..=b'?').contains(*byte)).count();
    let between = rest[parameters..]
        .iter()
        .take_while(|byte| (b' '..=b'/').contains(*byte));
    let at = parameters + between.count();
    rest.get(at).map(|byte| (b'@'..=b'~').contains(byte).then_some(at + 1))
}

/// How long a string for the terminal is, with what ends it; one that a line's end cuts off is none.
fn string(rest: &[u8]) -> Option<Option<usize>> {
    let at = rest.iter().position(|byte| matches!(byte, 0x07 | 0x1b | b'\n'))?;
    match (rest[at], rest.get(at + 1)) {
        (0x07, _) => Some(Some(at + 1)),
        (0x1b, Some(b'\\')) => Some(Some(at + 2)),
        (0x1b, None) => None,
        _ => Some(None),
    }
}
