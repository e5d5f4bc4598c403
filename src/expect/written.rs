//! Data written as JSON without ever standing in memory whole: there a control character takes six bytes.

use std::collections::VecDeque;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::verdict::{MAX_SHOWN, ends};
use crate::cut::mark;

/// How much of a text is kept of its beginning and of its end, when it is longer than may be shown.
const ENDS: (usize, usize) = ends(MAX_SHOWN);
/// So much of data is compared for a diff.
const MAX_PRETTY: usize = 4 << 20;

/// The two ends of a text, kept while it is written.
#[derive(Default)]
pub(super) struct Ends {
    /// All of it, as long as it may be shown.
    head: Vec<u8>,
    /// Its last bytes.
    tail: VecDeque<u8>,
    length: usize,
}

impl Write for Ends {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length += bytes.len();
        let room = MAX_SHOWN.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..room.min(bytes.len())]);
        let (_, most) = ENDS;
        let last = &bytes[bytes.len().saturating_sub(most)..];
        let old = (self.tail.len() + last.len()).saturating_sub(most);
        self.tail.drain(..old);
        self.tail.extend(last);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Ends {
    /// Of data as JSON.
    pub(super) fn of<T: Serialize + ?Sized>(data: &T) -> Ends {
        let mut ends = Ends::default();
        // It takes whatever comes.
        serde_json::to_writer(&mut ends, data).ok();
        ends
    }

    /// Its beginning.
    pub(super) fn head(&self) -> String {
        let (most, _) = ENDS;
        let mut places = (0..=most.min(self.head.len())).rev();
        let end = places.find(|at| self.head.get(*at).is_none_or(|byte| begins(*byte)));
        text(&self.head[..end.unwrap_or_default()])
    }

    /// Its end.
    pub(super) fn tail(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().skip_while(|byte| !begins(*byte)).collect();
        text(&tail)
    }

    /// The whole, or its ends with a note of what is left out.
    pub(super) fn text(&self) -> String {
        if self.length <= MAX_SHOWN {
            return text(&self.head);
        }
        let (head, tail) = (self.head(), self.tail());
        let left_out = self.length - head.len() - tail.len();
        format!("{head}{}{tail}", mark(format_args!("{left_out} bytes")))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether a character begins with a byte.
fn begins(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// Data with a line for each value, its first few MiB.
pub(super) fn pretty<T: Serialize + ?Sized>(data: &T) -> String {
    struct Room(Vec<u8>);
    impl Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() + bytes.len() > MAX_PRETTY {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut room = Room(Vec::new());
    // What has no room any more ends it.
    serde_json::to_writer_pretty(&mut room, data).ok();
    text(&room.0)
}

/// Whether a value reads as a text: text as it is, everything else as JSON.
pub(super) fn is(value: &Value, expected: &str) -> bool {
    struct Left<'a>(&'a [u8]);
    impl Write for Left<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    if let Value::String(text) = value {
        return text == expected;
    }
    let mut left = Left(expected.as_bytes());
    serde_json::to_writer(&mut left, value).is_ok() && left.0.is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Ends, MAX_PRETTY, MAX_SHOWN, is, pretty};
    use crate::expect::verdict::limited;

    #[test]
    fn the_ends_of_data_are_those_of_its_text() {
        for length in [0, 1, MAX_SHOWN - 4, MAX_SHOWN - 3, MAX_SHOWN, 3 * MAX_SHOWN] {
            for text in ["x", "é", "\u{1f600}", "\0"] {
                for begin in ["", "a", "ab", "abc"] {
                    let value = json!([format!("{begin}{}", text.repeat(length)), 1]);
                    assert_eq!(Ends::of(&value).text(), limited(&value.to_string()), "{length} {text}");
                }
            }
        }
    }

    #[test]
    fn pretty_data_is_bounded() {
        assert_eq!(pretty(&json!({"a": [1]})), "{\n  \"a\": [\n    1\n  ]\n}");
        let long = pretty(&json!(["\0".repeat(MAX_PRETTY)]));
        assert!((MAX_PRETTY - 16..=MAX_PRETTY).contains(&long.len()), "{}", long.len());
    }

    #[test]
    fn a_value_reads_as_its_text() {
        for value in [json!("a"), json!(1), json!([1, "\0"]), json!({"a": null})] {
            let text = crate::template::print(&value);
            assert!(is(&value, &text), "{value}");
            assert!(!is(&value, &format!("{text} ")), "{value}");
            assert!(!is(&value, &text[1..]), "{value}");
        }
    }
}
