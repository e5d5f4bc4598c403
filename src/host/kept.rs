//! Output that may be endless, of which the beginning and the end are kept; and its lines.

use std::collections::VecDeque;

use crate::cut::mark;

/// Of a line that is longer the rest is left out: in pieces, what is hidden would not be known across their ends.
const LINE_LIMIT: usize = 64 * 1024;

/// The beginning and the end of an output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
    limit: usize,
}

impl Kept {
    /// Nothing yet; at most so many bytes of each end will be kept.
    pub fn new(limit: usize) -> Kept {
        Kept {
            limit,
            ..Kept::default()
        }
    }

    /// Takes more in.
    pub fn add(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        let skipped = rest.len().saturating_sub(self.limit);
        let rest = &rest[skipped..];
        let over = (self.tail.len() + rest.len()).saturating_sub(self.limit);
        self.tail.drain(..over);
        self.tail.extend(rest);
        self.left_out += (skipped + over) as u64;
    }

    /// How many bytes between the beginning and the end were left out.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// What was kept, without a note of what is missing.
    pub fn bytes(&self) -> Vec<u8> {
        self.head.iter().chain(&self.tail).copied().collect()
    }

    /// What was kept as text, with a note where something is missing.
    pub fn text(&self) -> String {
        if self.left_out == 0 {
            return String::from_utf8_lossy(&self.bytes()).into_owned();
        }
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&tail));
        format!("{head}{}{tail}", mark(format_args!("{} bytes", self.left_out)))
    }
}

/// Cuts what comes into lines.
#[derive(Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    /// Its beginning was told, and the rest of it is left out.
    is_cut: bool,
}

impl Lines {
    /// Tells the lines that are whole now, without their newlines.
    pub(super) fn add(&mut self, bytes: &[u8], mut tell: impl FnMut(&str)) {
        self.begun.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(at) = self.begun[from..].iter().position(|byte| *byte == b'\n') {
            let line = &self.begun[from..from + at];
            if !std::mem::take(&mut self.is_cut) {
                tell(&shown(line.strip_suffix(b"\r").unwrap_or(line)));
            }
            from += at + 1;
        }
        self.begun.drain(..from);
        if self.begun.len() > LINE_LIMIT {
            self.end(tell);
            self.is_cut = true;
        }
    }

    /// Tells the last line, that has no newline.
    pub(super) fn end(&mut self, mut tell: impl FnMut(&str)) {
        if !self.begun.is_empty() && !self.is_cut {
            tell(&shown(&self.begun));
        }
        self.begun.clear();
    }
}

/// A line, or its beginning.
fn shown(line: &[u8]) -> String {
    match line.get(..LINE_LIMIT) {
        Some(begin) if line.len() > LINE_LIMIT => {
            format!("{}{}", String::from_utf8_lossy(begin), mark("the rest of a long line"))
        }
        _ => String::from_utf8_lossy(line).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, LINE_LIMIT, Lines};

    #[test]
    fn both_ends_are_kept_however_it_comes() {
        let all: Vec<u8> = (b'a'..=b'z').collect();
        for size in [1, 3, 5, 26] {
            let mut kept = Kept::new(4);
            all.chunks(size).for_each(|piece| kept.add(piece));
            assert_eq!(kept.text(), "abcd\n… 18 bytes left out …\nwxyz", "in pieces of {size}");
            assert_eq!((kept.bytes(), kept.left_out()), (b"abcdwxyz".to_vec(), 18));
        }
    }

    #[test]
    fn nothing_is_left_out_of_what_fits() {
        let mut kept = Kept::new(4);
        kept.add(b"abc\xff");
        kept.add(b"efgh");
        assert_eq!((kept.bytes(), kept.left_out()), (b"abc\xffefgh".to_vec(), 0));
        assert_eq!(kept.text(), "abc\u{fffd}efgh");
    }

    #[test]
    fn lines_are_told_once_whole_and_the_last_one_too() {
        for size in [1, 2, 4096] {
            let mut told = Vec::new();
            let mut lines = Lines::default();
            for piece in b"one\r\n\ntwo\xff\nlast".chunks(size) {
                lines.add(piece, |line| told.push(line.to_owned()));
            }
            lines.end(|line| told.push(line.to_owned()));
            assert_eq!(told, ["one", "", "two\u{fffd}", "last"], "in pieces of {size}");
        }
    }

    #[test]
    fn of_a_long_line_the_rest_is_left_out_with_a_mark_beside_which_a_part_of_a_secret_is_hidden() {
        let masks = crate::mask::Masks::default();
        masks.add(&"s3cretword".into());
        let long = format!(
            "{}s3cretword{}\nnext",
            ".".repeat(LINE_LIMIT - 5),
            ".".repeat(3 * LINE_LIMIT)
        );
        for size in [4096, 10 * LINE_LIMIT] {
            let (mut told, mut lines) = (Vec::new(), Lines::default());
            for piece in long.as_bytes().chunks(size) {
                lines.add(piece, |line| told.push(masks.hide(line)));
            }
            lines.end(|line| told.push(line.to_owned()));
            assert_eq!((told.len(), told[1].as_str()), (2, "next"), "in pieces of {size}");
            let end: String = told[0].chars().skip_while(|letter| *letter == '.').collect();
            assert!(
                end.starts_with("***\n… the rest of a long line left out …"),
                "{end}, in pieces of {size}"
            );
        }
    }
}
