//! Frames put together to whole lines, each of one stream.

use std::mem::take;

use crate::engine::{Frame, Stream};

/// The longest line that is kept; the rest of a longer one is counted.
pub(super) const LINE_LIMIT: usize = 1 << 20;

/// The engine cuts a longer line into entries of this size; a shorter one without newline is the last of a run.
const ENTRY: usize = 16 * 1024;

/// Puts frames together; whole lines come out, ready to be written.
#[derive(Default)]
pub(super) struct Assembler {
    open: [Open; 2],
    lines: Vec<u8>,
    runs: Vec<u8>,
    run: (Option<Stream>, u64),
}

/// What a stream has written of a line that is not ended.
#[derive(Default)]
struct Open {
    bytes: Vec<u8>,
    at: Option<String>,
    dropped: u64,
}

/// Whole lines, and from which stream they are.
pub(super) struct Lines {
    /// The lines, each with its newline.
    pub(super) bytes: Vec<u8>,
    /// Runs of lines of one stream: numbers in seven bits a byte, length times two plus the stream.
    pub(super) runs: Vec<u8>,
}

impl Assembler {
    /// Takes a frame.
    pub(super) fn push(&mut self, frame: &Frame) {
        let open = &self.open[frame.stream as usize];
        let is_open = !open.bytes.is_empty();
        // The entries of one line repeat its time: another time means that the line was the last of a run.
        if is_open && frame.at.is_some() && open.at != frame.at {
            self.end_line(frame.stream);
            self.push_parts(frame);
        } else if !is_open && frame.bytes.ends_with(b"\n") && frame.bytes.len() <= LINE_LIMIT {
            self.emit(frame.stream, &frame.bytes);
        } else {
            self.push_parts(frame);
        }
    }

    fn push_parts(&mut self, frame: &Frame) {
        for part in frame.bytes.split_inclusive(|byte| *byte == b'\n') {
            let open = &mut self.open[frame.stream as usize];
            let (text, ends) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            let room = LINE_LIMIT.saturating_sub(open.bytes.len()).min(text.len());
            open.bytes.extend_from_slice(&text[..room]);
            open.dropped += (text.len() - room) as u64;
            if ends {
                self.end_line(frame.stream);
            } else {
                open.at.clone_from(&frame.at);
            }
        }
        // Not so of a terminal's log: it has no times, and its frames are no entries.
        if frame.at.is_some() && frame.bytes.len() < ENTRY && !self.open[frame.stream as usize].bytes.is_empty() {
            self.end_line(frame.stream);
        }
    }

    fn end_line(&mut self, stream: Stream) {
        let mut open = take(&mut self.open[stream as usize]);
        if open.dropped > 0 {
            open.bytes
                .extend_from_slice(format!(" [… {} more bytes]", open.dropped).as_bytes());
        }
        open.bytes.push(b'\n');
        self.emit(stream, &open.bytes);
    }

    fn emit(&mut self, stream: Stream, lines: &[u8]) {
        if self.run.0 != Some(stream) {
            self.end_run();
            self.run.0 = Some(stream);
        }
        self.run.1 += lines.len() as u64;
        self.lines.extend_from_slice(lines);
    }

    fn end_run(&mut self) {
        if let (Some(stream), length) = take(&mut self.run) {
            let mut number = length * 2 + stream as u64;
            while number >= 0x80 {
                self.runs.push((number & 0x7f) as u8 | 0x80);
                number >>= 7;
            }
            self.runs.push(number as u8);
        }
    }

    /// The run has ended: what was not ended by a newline is a line, too.
    pub(super) fn end(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            if !self.open[stream as usize].bytes.is_empty() {
                self.end_line(stream);
            }
        }
    }

    /// How many bytes of whole lines are ready.
    pub(super) fn ready(&self) -> usize {
        self.lines.len()
    }

    /// Takes what is ready.
    pub(super) fn take(&mut self) -> Lines {
        self.end_run();
        Lines {
            bytes: take(&mut self.lines),
            runs: take(&mut self.runs),
        }
    }
}

/// Reads the next run: its length, its stream, and how many bytes it is written in.
pub(super) fn next_run(bytes: &[u8]) -> Option<(u64, Stream, usize)> {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let stream = if number & 1 == 0 {
                Stream::Stdout
            } else {
                Stream::Stderr
            };
            return Some((number / 2, stream, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts `out|at|text` and `err|at|text` frames together; gives the lines, and the runs as text.
    fn check(frames: &[&str], lines: &str, runs: &str) {
        let mut assembler = Assembler::default();
        for frame in frames {
            let mut parts = frame.splitn(3, '|');
            let stream = if parts.next() == Some("err") {
                Stream::Stderr
            } else {
                Stream::Stdout
            };
            let at = parts.next().filter(|at| !at.is_empty()).map(str::to_owned);
            assembler.push(&Frame {
                stream,
                at,
                bytes: parts.next().unwrap().to_owned().into(),
            });
        }
        assembler.end();
        let made = assembler.take();
        assert_eq!(String::from_utf8(made.bytes).unwrap(), lines);
        let mut rest = &made.runs[..];
        let mut read = String::new();
        while let Some((length, stream, used)) = next_run(rest) {
            read += &format!("{stream:?} {length}, ");
            rest = &rest[used..];
        }
        assert_eq!(read.trim_end_matches(", "), runs);
    }

    #[test]
    fn lines_of_two_streams_do_not_mix() {
        check(
            &["out|1|a\n", "out|2|b\n", "err|3|c\n"],
            "a\nb\nc\n",
            "Stdout 4, Stderr 2",
        );
        let part = "x".repeat(ENTRY);
        let lines = format!("b\n{part}c\n");
        check(
            &[&format!("out|1|{part}"), "err|1|b\n", "out|1|c\n"],
            &lines,
            "Stderr 2, Stdout 16386",
        );
    }

    #[test]
    fn entries_of_one_line_have_one_time() {
        let part = "x".repeat(ENTRY);
        let entry = format!("out|1|{part}");
        check(
            &[&entry, &entry, "out|1|b\n"],
            &format!("{part}{part}b\n"),
            "Stdout 32770",
        );
        check(&[&entry, "out|2|b\n"], &format!("{part}\nb\n"), "Stdout 16387");
        check(
            &[&entry, "out|1|b", "out|1|c\n"],
            &format!("{part}b\nc\n"),
            "Stdout 16388",
        );
        check(&["out|1|a", "out|1|b\n", "out|2|c"], "a\nb\nc\n", "Stdout 6");
        check(&["out||a", "out||b\nc\nd", "out||\n"], "ab\nc\nd\n", "Stdout 7");
    }

    #[test]
    fn a_line_over_the_limit_is_cut_and_counted() {
        let half = "x".repeat(LINE_LIMIT / 2);
        let frame = format!("out||{half}");
        let whole = "x".repeat(LINE_LIMIT);
        let length = LINE_LIMIT as u64 + 1;
        check(
            &[&frame, &frame, "out||\n"],
            &format!("{whole}\n"),
            &format!("Stdout {length}"),
        );
        let cut = format!("{whole} [… 7 more bytes]\nz\n");
        check(
            &[&frame, &frame, "out||yyyyyyy\nz\n"],
            &cut,
            &format!("Stdout {}", cut.len()),
        );
    }
}
