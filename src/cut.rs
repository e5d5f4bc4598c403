//! Where a text is too long, it is cut, and a mark stands at the cut.
//!
//! What hides values looks for the marks: a part of a value beside one is not known by itself. So a text that is cut before
//! all is hidden in it is cut here.

use std::fmt::Display;
use std::ops::Range;

/// How a mark begins and ends.
const ENDS: (&str, &str) = ("… ", " left out …");
/// How long what stands between them may be, in bytes.
const LONGEST: usize = 60;

/// What stands in place of what is left out.
pub fn mark(what: impl Display) -> String {
    format!("\n{}{what}{}\n", ENDS.0, ENDS.1)
}

/// A text of which at most so many bytes are shown: as much of its beginning as of its end, with a mark between them.
pub fn head_and_tail(text: &str, limit: usize) -> String {
    shortened(text, (limit / 2, limit / 2))
}

/// A text of which at most so many bytes of the beginning and of the end are shown, with a mark between them.
pub fn shortened(text: &str, (head, tail): (usize, usize)) -> String {
    if text.len() <= head + tail {
        return text.to_owned();
    }
    let (head, tail) = (boundary(text, head), text.len() - tail);
    let tail = (tail..text.len()).find(|at| text.is_char_boundary(*at));
    let tail = tail.unwrap_or(text.len());
    let bytes = format!("{} bytes", tail - head);
    format!("{}{}{}", &text[..head], mark(bytes), &text[tail..])
}

/// The nearest place before this one at which a text can be cut.
pub fn boundary(text: &str, at: usize) -> usize {
    let mut places = (0..=at.min(text.len())).rev();
    places.find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// Where marks stand in a text, with the ends of lines around them, also as JSON and a difference write them.
pub fn marks(text: &str) -> Vec<Range<usize>> {
    let mut marks: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices(ENDS.0) {
        let rest = &text[at..];
        let line = &rest[..boundary(rest, ENDS.0.len() + LONGEST + ENDS.1.len())];
        let line = line.lines().next().unwrap_or_default();
        let Some(what) = line.find(ENDS.1) else { continue };
        let end = at + what + ENDS.1.len();
        let from = marks.last().map_or(0, |last| last.end);
        if at >= from {
            let (begin, sign) = before_line_end(&text[from..at]);
            marks.push(from + begin..end + line_end(&text[end..], sign));
        }
    }
    marks
}

/// Where a mark may have begun that goes on behind a text, or whatever stands behind it.
pub fn begun_mark(text: &str) -> Option<usize> {
    let last = boundary(
        text,
        text.len().saturating_sub(2 * (ENDS.0.len() + LONGEST + ENDS.1.len())),
    );
    let mut signs = text[last..].match_indices('…').map(|(at, _)| last + at);
    let begun = signs.find(|at| text[*at..].starts_with(ENDS.0) || text[*at..].len() == '…'.len_utf8());
    let end = begun.unwrap_or(text.len());
    let (begin, _) = before_line_end(&text[..end]);
    (begin < text.len()).then_some(begin)
}

/// How long a text is without the end of its last line, and the sign that a difference writes behind it.
fn before_line_end(text: &str) -> (usize, Option<char>) {
    let line = text.strip_suffix(['+', '-', ' ']).unwrap_or(text);
    if let Some(plain) = line.strip_suffix('\n') {
        return (plain.len(), text[line.len()..].chars().next());
    }
    let escaped = text.strip_suffix('n').unwrap_or_default();
    match escaped.trim_end_matches('\\').len() {
        plain if plain < escaped.len() => (plain, None),
        _ => (text.len(), None),
    }
}

/// How long the end of a line is that a text begins with, and the same sign behind it.
fn line_end(text: &str, sign: Option<char>) -> usize {
    let slashes = text.len() - text.trim_start_matches('\\').len();
    match text.as_bytes().get(slashes) {
        Some(b'\n') if slashes == 0 && sign.is_some_and(|sign| text[1..].starts_with(sign)) => 2,
        Some(b'\n') if slashes == 0 => 1,
        Some(b'n') if slashes > 0 => slashes + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{head_and_tail, mark, marks, shortened};

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(head_and_tail("äöü", 6), "äöü");
        assert_eq!(head_and_tail("äöüß", 6), "ä\n… 4 bytes left out …\nß");
        assert_eq!(shortened("äöüß", (5, 2)), "äö\n… 2 bytes left out …\nß");
    }

    #[test]
    fn the_marks_are_found_however_they_are_written() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = marks(text).into_iter().map(|mark| &text[mark]).collect();
            assert_eq!(found, expected, "{text}");
        };
        let told = format!("a{}b{}c", mark("12 bytes"), mark("most of 3 items"));
        check(
            &told,
            &["\n… 12 bytes left out …\n", "\n… most of 3 items left out …\n"],
        );
        let json = serde_json::to_string(&told).unwrap();
        check(
            &json,
            &["\\n… 12 bytes left out …\\n", "\\n… most of 3 items left out …\\n"],
        );
        check("+a\n+… 1 bytes left out …\n+b", &["\n+… 1 bytes left out …\n+"]);
        check("a … b\n… … left out", &[]);
        check(&format!("… {} left out …", "x".repeat(100)), &[]);
    }
}
