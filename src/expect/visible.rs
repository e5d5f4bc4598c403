//! Texts as they are shown one beside the other: what cannot be seen in them is written by its number.

use std::collections::BTreeSet;

/// A text with what cannot be seen in it escaped; ends of lines, tabs and blanks stay.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\r' => shown.push_str("\\r"),
            letter if is_unseen(letter) => shown.extend(letter.escape_unicode()),
            letter => shown.push(letter),
        }
    }
    shown
}

/// What was expected and what was found; in quotes where else they would look alike.
pub(super) fn apart(expected: &str, actual: &str) -> (String, String) {
    let shown = (visible(expected), visible(actual));
    let differ = expected != actual && !expected.contains('\n') && !actual.contains('\n');
    if differ && (shown.0 == shown.1 || squeezed(expected) == squeezed(actual)) {
        return (format!("{expected:?}"), format!("{actual:?}"));
    }
    shown
}

/// Two texts of which the lines are compared: tabs and blanks at the end are escaped in those that differ only in blanks.
pub(super) fn lines_apart(expected: &str, actual: &str) -> (String, String) {
    let (expected, actual) = (visible(expected), visible(actual));
    (unlike_those_of(&expected, &actual), unlike_those_of(&actual, &expected))
}

fn unlike_those_of(text: &str, other: &str) -> String {
    let same: BTreeSet<&str> = other.split('\n').collect();
    let alike: BTreeSet<String> = other.split('\n').map(squeezed).collect();
    let lines = text.split('\n').map(|line| {
        if same.contains(line) || !alike.contains(&squeezed(line)) {
            return line.to_owned();
        }
        let seen = line.trim_end_matches(' ');
        let blanks = "\\u{20}".repeat(line.len() - seen.len());
        seen.replace('\t', "\\t") + &blanks
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// How a text looks: whatever its blanks are.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Control characters, blanks that are none, what has no width or turns the direction.
fn is_unseen(letter: char) -> bool {
    match letter {
        '\n' | '\t' | ' ' => false,
        '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => true,
        letter => letter.is_control() || letter.is_whitespace(),
    }
}

#[cfg(test)]
mod tests {
    use super::{apart, lines_apart};

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        for (expected, actual, shown) in [
            ("red", "\x1b[31mred\x1b[0m", ("red", "\\u{1b}[31mred\\u{1b}[0m")),
            ("one", "two ", ("one", "two ")),
            ("a", "a ", ("\"a\"", "\"a \"")),
            ("a", "a \r", ("\"a\"", "\"a \\r\"")),
            ("a b", "a\u{a0}b", ("\"a b\"", "\"a\\u{a0}b\"")),
            ("a b", "a\tb", ("\"a b\"", "\"a\\tb\"")),
            ("\\u{0}", "\0", ("\"\\\\u{0}\"", "\"\\0\"")),
            ("é 🙂 e\u{301}", "ab\u{200b}", ("é 🙂 e\u{301}", "ab\\u{200b}")),
            ("a", "a", ("a", "a")),
        ] {
            let (one, other) = apart(expected, actual);
            assert_eq!((one.as_str(), other.as_str()), shown);
        }
    }

    #[test]
    fn lines_that_would_look_alike_are_told_apart() {
        for (expected, actual, shown) in [
            ("a\nb\n", "a\r\nb\r\n", ("a\nb\n", "a\\r\nb\\r\n")),
            ("a\n\tb \n", "a\n  b\n", ("a\n\\tb\\u{20}\n", "a\n  b\n")),
            ("a \n\tb\n", "a \n\tc\n", ("a \n\tb\n", "a \n\tc\n")),
        ] {
            let (one, other) = lines_apart(expected, actual);
            assert_eq!((one.as_str(), other.as_str()), shown);
        }
    }
}
