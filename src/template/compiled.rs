//! An expression as minijinja compiles it, and the way back to the author's code.

use super::Expression;
use super::expression::Inner;
use super::render;
use super::token::MAX_WORDS;

/// An expression made ready to run: each name with its attributes is replaced by the number of it, each comparison by a call,
/// since minijinja orders values of different kinds by their kinds, and each `file` by one that knows where it stands.
pub(super) struct Compiled {
    pub(super) ready: Result<minijinja::Expression<'static, 'static>, String>,
    edits: Vec<Edit>,
}

/// A change of the code before it is compiled: so many bytes at a place become this.
struct Edit {
    at: usize,
    removed: usize,
    text: String,
}

/// What a comparison calls. No name that an author writes stays one of four letters.
pub(super) const COMPARE: &str = "_cmp";

/// What a call of `file` begins with, before its number. No function has a name that begins so.
const FILE: &str = "_f";

impl Compiled {
    /// Compiles it.
    pub(super) fn of(expression: &Expression) -> Compiled {
        let edits = edits(&expression.inner);
        let mut code = String::new();
        let mut at = 0;
        for edit in &edits {
            code.push_str(&expression.code[at..edit.at]);
            code.push_str(&edit.text);
            at = edit.at + edit.removed;
        }
        code.push_str(&expression.code[at..]);
        Compiled {
            ready: render::engine()
                .compile_expression_owned(code)
                .map_err(|error| render::message(&error)),
            edits,
        }
    }

    /// The place in the author's code of a place in what was compiled.
    pub(super) fn written(&self, place: usize) -> usize {
        let (mut written, mut made) = (0, 0);
        for edit in &self.edits {
            let next = made + (edit.at - written);
            if place < next {
                break;
            }
            if place < next + edit.text.len() {
                return edit.at;
            }
            (written, made) = (edit.at + edit.removed, next + edit.text.len());
        }
        written + (place - made)
    }
}

/// The changes, in the order of their places.
fn edits(inner: &Inner) -> Vec<Edit> {
    let edit = |at: usize, removed: usize, text: String| Edit { at, removed, text };
    let names = inner.found.iter().enumerate().filter_map(|(number, found)| {
        let slot = slot(number);
        let name = match (found.path.call, found.path.parts[0].as_str()) {
            (true, "file") => format!("{FILE}{}", &slot[1..]),
            (true, _) => return None,
            (false, _) => slot,
        };
        (name.len() <= found.range.len()).then(|| edit(found.range.start, found.range.len(), name))
    });
    let mut edits: Vec<Edit> = names.collect();
    for (number, comparison) in inner.comparisons.iter().enumerate() {
        if let (Some(first), Some(last)) = (comparison.operands.first(), comparison.operands.last()) {
            edits.push(edit(first.start, 0, format!(" {COMPARE}({number},")));
            let commas = comparison.signs.iter();
            edits.extend(commas.map(|(_, place)| edit(place.start, place.len(), ",".to_owned())));
            edits.push(edit(last.end, 0, ")".to_owned()));
        }
    }
    edits.sort_by_key(|edit| (edit.at, edit.removed));
    edits
}

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

// Two digits number every name, since no expression has more words.
const _: () = assert!(MAX_WORDS <= DIGITS.len() * DIGITS.len());

/// A name as short as `a.b`.
fn slot(number: usize) -> String {
    format!("_{}{}", DIGITS[number / 36] as char, DIGITS[number % 36] as char)
}

/// The number of a call of `file`.
pub(super) fn file_number(name: &str) -> Option<usize> {
    slot_number(&format!(
        "_{}",
        name.strip_prefix(FILE).filter(|number| number.len() == 2)?
    ))
}

/// The number of a name that was replaced.
pub(super) fn slot_number(name: &str) -> Option<usize> {
    let digit = |byte: u8| DIGITS.iter().position(|digit| *digit == byte);
    match name.as_bytes() {
        [b'_', high, low] => Some(digit(*high)? * 36 + digit(*low)?),
        _ => None,
    }
}
