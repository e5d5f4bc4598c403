//! Which forms may begin at a place of a text. It is asked at each of its bytes, so that the answer is mostly "none" at the
//! cost of a look into a table, however many forms there are.

use std::collections::BTreeMap;

use super::form::Form;

/// How many bytes tell.
const WINDOW: usize = 4;

/// The forms by what they begin with.
#[derive(Debug, Clone)]
pub(super) struct Beginnings {
    /// By their first bytes, where these stand together.
    whole: BTreeMap<[u8; WINDOW], Vec<usize>>,
    whole_filter: Bits,
    /// By the first byte: those that write a letter behind it in several ways.
    loose: [Vec<usize>; 256],
    loose_pairs: Bits,
    /// By the first byte: those that an end of a line or a blank may break.
    broken: [Vec<usize>; 256],
    broken_pairs: Bits,
    /// The first bytes that any has.
    firsts: [bool; 256],
    /// By the first byte: all of them.
    all: [Vec<usize>; 256],
}

/// As many bits as pairs of bytes.
#[derive(Debug, Clone)]
struct Bits(Box<[u64; 1024]>);

impl Bits {
    fn none() -> Bits {
        Bits(Box::new([0; 1024]))
    }

    fn add(&mut self, bit: u16) {
        self.0[usize::from(bit >> 6)] |= 1 << (bit & 63);
    }

    fn has(&self, bit: u16) -> bool {
        (self.0[usize::from(bit >> 6)] >> (bit & 63)) & 1 == 1
    }

    fn add_pairs(&mut self, first: u8, seconds: Option<&[u8]>) {
        match seconds {
            Some(seconds) => seconds.iter().for_each(|second| self.add(pair(first, *second))),
            None => (0..=u8::MAX).for_each(|second| self.add(pair(first, second))),
        }
    }
}

fn pair(first: u8, second: u8) -> u16 {
    u16::from_be_bytes([first, second])
}

/// A bit of the filter: of so many forms' beginnings few meet in one.
fn bit(window: [u8; WINDOW]) -> u16 {
    let [high, low, ..] = u32::from_be_bytes(window).wrapping_mul(0x9e37_79b1).to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// True for a byte that may break a form into lines, or its digits into groups.
fn breaks(byte: u8) -> bool {
    matches!(byte, b'\\' | b':' | b' ' | b'\t'..=b'\r')
}

/// The first bytes without what breaks them; none where that is not for a look to say: escapes, the end of the text.
fn unbroken(text: &[u8]) -> Option<[u8; WINDOW]> {
    let mut letters = text.iter().filter(|byte| **byte == b'\\' || !breaks(**byte));
    let mut window = [0; WINDOW];
    for letter in &mut window {
        *letter = *letters.next().filter(|byte| **byte != b'\\')?;
    }
    Some(window)
}

impl Default for Beginnings {
    fn default() -> Self {
        Beginnings {
            whole: BTreeMap::new(),
            whole_filter: Bits::none(),
            loose: std::array::from_fn(|_| Vec::new()),
            loose_pairs: Bits::none(),
            broken: std::array::from_fn(|_| Vec::new()),
            broken_pairs: Bits::none(),
            firsts: [false; 256],
            all: std::array::from_fn(|_| Vec::new()),
        }
    }
}

impl Beginnings {
    /// Adds a form by its number.
    pub(super) fn add(&mut self, number: usize, form: &Form) {
        let windows = form.beginnings();
        for window in &windows {
            self.whole.entry(*window).or_default().push(number);
            self.whole_filter.add(bit(*window));
        }
        let seconds = form.second_bytes();
        for first in form.first_bytes() {
            self.all[usize::from(first)].push(number);
            self.firsts[usize::from(first)] = true;
            if windows.is_empty() {
                self.loose[usize::from(first)].push(number);
                self.loose_pairs.add_pairs(first, seconds.as_deref());
            } else if form.may_be_broken() {
                self.broken[usize::from(first)].push(number);
                self.broken_pairs.add_pairs(first, seconds.as_deref());
            }
        }
    }

    fn of(&self, window: [u8; WINDOW]) -> &[usize] {
        let may = self.whole_filter.has(bit(window));
        let forms = may.then(|| self.whole.get(&window)).flatten();
        forms.map_or(&[], Vec::as_slice)
    }

    /// Tells each place of a text at which a form may begin, in order.
    pub(super) fn each(&self, text: &[u8], mut may_begin: impl FnMut(usize, usize)) {
        let mut found = |at: usize, forms: &[usize]| {
            for form in forms {
                may_begin(at, *form);
            }
        };
        for (at, window) in text.windows(WINDOW).enumerate() {
            let &[first, second, third, fourth] = window else {
                break;
            };
            if !self.firsts[usize::from(first)] {
                continue;
            }
            found(at, self.of([first, second, third, fourth]));
            let pair = pair(first, second);
            if self.loose_pairs.has(pair) {
                found(at, &self.loose[usize::from(first)]);
            }
            if !self.broken_pairs.has(pair) || ![second, third, fourth].into_iter().any(breaks) {
                continue;
            }
            found(
                at,
                match unbroken(&text[at..]) {
                    Some(window) => self.of(window),
                    None => &self.broken[usize::from(first)],
                },
            );
        }
        let whole = text.len().saturating_sub(WINDOW - 1);
        for (at, byte) in text.iter().enumerate().skip(whole) {
            found(at, &self.all[usize::from(*byte)]);
        }
    }
}
