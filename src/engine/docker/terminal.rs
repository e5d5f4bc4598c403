//! A terminal's log with timestamps: it comes without frames, each entry behind its time.
//!
//! An entry ends with its line. One without newline (the engine cuts a longer line into entries of 16 KiB, which have one
//! time; the last line of a run may have none) ends where the next one's time begins. A time that the container itself
//! has printed is none of these: it is not later than when the engine has read it.

use std::io;

use bytes::{Buf, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use tokio_util::codec::{Decoder, FramedRead};
use tokio_util::io::StreamReader;

use super::error;
use super::streams::{Chunks, PIECE, told};
use crate::engine::{EngineResult, Frame, Reason, Stream};

/// The engine's buffer for a line.
const ENTRY: usize = 16 * 1024;
/// `2026-11-20T10:00:00.000000000Z `: digits are zeros here.
const SHAPE: &[u8] = b"0000-00-00T00:00:00.000000000Z ";

/// The entries of a terminal's log with timestamps.
pub(super) fn terminal(chunks: Chunks, attempt: &str) -> BoxStream<'static, EngineResult<Frame>> {
    let reader = StreamReader::new(chunks.map_err(io::Error::other));
    let attempt = attempt.to_owned();
    let entries = Entries {
        attempt: attempt.clone(),
    };
    FramedRead::with_capacity(reader, entries, PIECE)
        .map_err(move |why| told(why, &attempt))
        .boxed()
}

/// Reads entries off what comes.
struct Entries {
    attempt: String,
}

impl Entries {
    /// The next entry, if its end has come; what has come may be all there is.
    fn next(&self, buffer: &mut BytesMut, is_all: bool) -> io::Result<Option<Frame>> {
        if buffer.len() < SHAPE.len() {
            return Ok(None);
        }
        if !is_time(buffer) {
            let answer = "what comes has no timestamps";
            return Err(io::Error::other(error(&self.attempt, answer, Reason::Other)));
        }
        let (time, text) = buffer.split_at(SHAPE.len());
        let Some(length) = end_of(time, text).or_else(|| is_all.then_some(text.len())) else {
            return Ok(None);
        };
        let at = String::from_utf8_lossy(&time[..time.len() - 1]).into_owned();
        buffer.advance(SHAPE.len());
        Ok(Some(Frame {
            stream: Stream::Stdout,
            at: Some(at),
            bytes: buffer.split_to(length).freeze(),
        }))
    }
}

impl Decoder for Entries {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
        self.next(buffer, false)
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
        match self.next(buffer, true)? {
            None if !buffer.is_empty() => {
                let answer = "the stream ended inside a timestamp";
                Err(io::Error::other(error(&self.attempt, answer, Reason::Away)))
            }
            entry => Ok(entry),
        }
    }
}

/// True when that begins with a time.
fn is_time(bytes: &[u8]) -> bool {
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    };
    bytes.len() >= SHAPE.len() && bytes.iter().zip(SHAPE).all(fits)
}

/// Where the entry of that time ends; none while that is open.
fn end_of(time: &[u8], text: &[u8]) -> Option<usize> {
    let newline = text.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
    let line = &text[..newline.unwrap_or(text.len())];
    let is_next = |at: &usize| {
        let later = is_time(&line[*at..]) && (&line[*at..*at + SHAPE.len()] > time);
        later || (*at == ENTRY && line[*at..].starts_with(time))
    };
    let starts = line.iter().enumerate().filter(|(_, byte)| **byte == b'T');
    let starts = starts.filter_map(|(at, _)| at.checked_sub(SHAPE.iter().position(|byte| *byte == b'T')?));
    starts.into_iter().find(is_next).or(newline)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::StreamExt;

    use super::terminal;
    use crate::engine::EngineResult;

    /// The bytes come in pieces of each of several sizes; what is read must not depend on it.
    async fn check(text: &str, expected: &[(&str, &str)], error: Option<&str>) {
        for size in [1, 31, 500, 100_000] {
            let pieces = text
                .as_bytes()
                .chunks(size)
                .map(|piece| EngineResult::Ok(Bytes::copy_from_slice(piece)))
                .collect::<Vec<_>>();
            let entries = terminal(futures_util::stream::iter(pieces).boxed(), "read");
            let (mut read, mut failed) = (Vec::new(), None);
            for item in entries.collect::<Vec<_>>().await {
                match item {
                    Ok(frame) => read.push((frame.at.unwrap(), String::from_utf8(frame.bytes.to_vec()).unwrap())),
                    Err(why) => failed = Some(why.answer),
                }
            }
            let read: Vec<_> = read.iter().map(|(at, text)| (&at[28..], text.as_str())).collect();
            assert!(
                read == expected && failed.as_deref() == error,
                "in pieces of {size}: {failed:?}"
            );
        }
    }

    fn at(nanos: u8) -> String {
        format!("2026-11-20T10:00:00.00000000{nanos}Z ")
    }

    #[tokio::test]
    async fn an_entry_ends_with_its_line_or_where_the_next_one_begins() {
        let (one, two, three) = (at(1), at(2), at(3));
        let text = format!("{one}a\r\n{two}last{three}T b\r\n{three}\r\n{three}c");
        let expected = [
            ("1Z", "a\r\n"),
            ("2Z", "last"),
            ("3Z", "T b\r\n"),
            ("3Z", "\r\n"),
            ("3Z", "c"),
        ];
        check(&text, &expected, None).await;
        check(
            &format!("{one}a\r\n{}", &two[..20]),
            &[("1Z", "a\r\n")],
            Some("the stream ended inside a timestamp"),
        )
        .await;
        check(
            "no time, but a long enough text\n",
            &[],
            Some("what comes has no timestamps"),
        )
        .await;
    }

    #[tokio::test]
    async fn the_parts_of_a_long_line_are_entries_and_a_printed_time_is_none() {
        let part = "x".repeat(super::ENTRY);
        let one = at(1);
        let text = format!("{one}{part}{one}{part}{one}y\r\n");
        check(&text, &[("1Z", &part), ("1Z", &part), ("1Z", "y\r\n")], None).await;
        let printed = format!("it is {one}now\r\n");
        check(&format!("{}{printed}", at(2)), &[("2Z", &printed)], None).await;
    }
}
