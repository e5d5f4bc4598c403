//! What comes bit by bit over the raw path: logs in the engine's frames, and JSON line by line.
//!
//! A frame is a header of eight bytes (stream, three zeros, length) and its bytes. With a terminal there are none: what
//! comes is what was written, and bollard would take a first byte below three for a header. In a log with timestamps each
//! frame begins with one, also the frames in which the engine cuts a line over 16 KiB.

use std::future::ready;
use std::io;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::Value;
use tokio_util::codec::{Decoder, FramedRead, LinesCodec, LinesCodecError};
use tokio_util::io::StreamReader;

use super::error;
use crate::engine::{EngineError, EngineResult, Frame, Reason, Stream};

/// Bytes as they come from the engine.
pub(super) type Chunks = BoxStream<'static, EngineResult<Bytes>>;

/// The engine frames at most 32 KiB at once; more than this is no frame.
const FRAME_LIMIT: usize = 16 * 1024 * 1024;
/// The longest line of JSON that is read.
const LINE_LIMIT: usize = 16 * 1024 * 1024;
/// Something else answers than an engine.
pub(super) const NO_FRAMES: &str = "what comes is not in the engine's frames";
/// What is read is kept in pieces of this size.
pub(super) const PIECE: usize = 64 * 1024;

/// The frames of what comes; each begins with a timestamp if it is `stamped`.
pub(super) fn frames(chunks: Chunks, stamped: bool, attempt: &str) -> BoxStream<'static, EngineResult<Frame>> {
    let reader = StreamReader::new(chunks.map_err(io::Error::other));
    let attempt = attempt.to_owned();
    let frames = Frames {
        stamped,
        attempt: attempt.clone(),
    };
    FramedRead::with_capacity(reader, frames, PIECE)
        .map_err(move |why| told(why, &attempt))
        .boxed()
}

/// The JSON values of a stream, one a line.
pub(super) fn json_lines(chunks: Chunks, attempt: &str) -> BoxStream<'static, EngineResult<Value>> {
    let reader = StreamReader::new(chunks.map_err(io::Error::other));
    let attempt = attempt.to_owned();
    FramedRead::new(reader, LinesCodec::new_with_max_length(LINE_LIMIT))
        .map_err(|why| match why {
            LinesCodecError::Io(why) => why,
            long @ LinesCodecError::MaxLineLengthExceeded => io::Error::other(long),
        })
        .try_filter(|line| ready(!line.trim().is_empty()))
        .and_then(|line| ready(serde_json::from_str(&line).map_err(io::Error::other)))
        .map_err(move |why| told(why, &attempt))
        .boxed()
}

/// An error that went through a reader: ours, as it went in, or the reader's own.
pub(super) fn told(why: io::Error, attempt: &str) -> EngineError {
    why.downcast()
        .unwrap_or_else(|why| error(attempt, format!("its answer cannot be read: {why}"), Reason::Other))
}

/// Reads frames off what comes.
struct Frames {
    stamped: bool,
    attempt: String,
}

impl Frames {
    fn wrong(&self, answer: &str, reason: Reason) -> io::Error {
        io::Error::other(error(&self.attempt, answer, reason))
    }
}

impl Decoder for Frames {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
        let Some(header) = buffer.first_chunk::<8>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
        if header[0] > 3 || header[1..4] != [0, 0, 0] || length > FRAME_LIMIT {
            return Err(self.wrong(NO_FRAMES, Reason::Other));
        }
        if buffer.len() < 8 + length {
            return Ok(None);
        }
        let kind = header[0];
        buffer.advance(8);
        let mut bytes = buffer.split_to(length).freeze();
        let stream = match kind {
            // The engine's own error.
            3 => {
                let answer = String::from_utf8_lossy(&bytes);
                return Err(self.wrong(answer.trim(), reason_of(&answer)));
            }
            2 => Stream::Stderr,
            _ => Stream::Stdout,
        };
        let at = if self.stamped { take_timestamp(&mut bytes) } else { None };
        Ok(Some(Frame { stream, at, bytes }))
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
        match self.decode(buffer)? {
            None if !buffer.is_empty() => Err(self.wrong("the stream ended inside a frame", Reason::Away)),
            frame => Ok(frame),
        }
    }
}

/// What the engine means by an error in place of a log. Of a container whose removal has begun it may have deleted the
/// log's file already while it still knows the container.
fn reason_of(answer: &str) -> Reason {
    match answer.trim_end().ends_with("no such file or directory") {
        true => Reason::NotFound,
        false => Reason::Other,
    }
}

/// Takes `2026-11-20T10:00:00.000000000Z ` off the beginning.
fn take_timestamp(bytes: &mut Bytes) -> Option<String> {
    let end = bytes.iter().take(40).position(|byte| *byte == b' ')?;
    let at = std::str::from_utf8(&bytes[..end]).ok()?.to_owned();
    bytes.advance(end + 1);
    Some(at)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::{FutureExt, StreamExt};
    use proptest::prelude::*;

    use super::{frames, json_lines};
    use crate::engine::{EngineResult, Frame, Reason, Stream};

    fn frame(stream: u8, text: &str) -> Vec<u8> {
        let mut bytes = vec![stream, 0, 0, 0];
        bytes.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    /// The bytes come in pieces of each of several sizes; what is read must not depend on it.
    async fn check(bytes: &[u8], stamped: bool, expected: &[(Stream, Option<&str>, &str)], error: Option<&str>) {
        for size in [1, 3, 8, 11, 4096] {
            let pieces: Vec<EngineResult<Bytes>> = bytes
                .chunks(size)
                .map(|piece| Ok(Bytes::copy_from_slice(piece)))
                .collect();
            let frames = frames(futures_util::stream::iter(pieces).boxed(), stamped, "read");
            let mut read = Vec::new();
            let mut failed = None;
            for item in frames.collect::<Vec<_>>().await {
                match item {
                    Ok(frame) => read.push((frame.stream, frame.at, String::from_utf8(frame.bytes.to_vec()).unwrap())),
                    Err(why) => failed = Some(why.answer),
                }
            }
            let seen: Vec<_> = read
                .iter()
                .map(|(stream, at, text)| (*stream, at.as_deref(), text.as_str()))
                .collect();
            assert_eq!(
                (seen.as_slice(), failed.as_deref()),
                (expected, error),
                "in pieces of {size}"
            );
        }
    }

    /// Cuts bytes into pieces of these lengths, again and again.
    fn cut(mut bytes: &[u8], lengths: &[usize]) -> Vec<EngineResult<Bytes>> {
        let mut pieces = Vec::new();
        for length in lengths.iter().cycle() {
            if bytes.is_empty() {
                break;
            }
            let (piece, rest) = bytes.split_at(bytes.len().min(*length));
            pieces.push(Ok(Bytes::copy_from_slice(piece)));
            bytes = rest;
        }
        pieces
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn frames_do_not_depend_on_how_they_come(
            written in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..300)), 0..20),
            lengths in prop::collection::vec(1..200_usize, 1..6),
        ) {
            let at = "2026-11-20T10:00:00.000000001Z";
            let mut bytes = Vec::new();
            let mut expected = Vec::new();
            for (stderr, text) in written {
                let length = u32::try_from(at.len() + 1 + text.len()).unwrap();
                bytes.extend([1 + u8::from(stderr), 0, 0, 0]);
                bytes.extend(length.to_be_bytes());
                bytes.extend(format!("{at} ").as_bytes());
                bytes.extend(&text);
                let stream = if stderr { Stream::Stderr } else { Stream::Stdout };
                expected.push(Frame { stream, at: Some(at.to_owned()), bytes: text.into() });
            }
            let pieces = futures_util::stream::iter(cut(&bytes, &lengths)).boxed();
            let read: Vec<_> = frames(pieces, true, "read").collect::<Vec<_>>().now_or_never().unwrap();
            let read: Vec<Frame> = read.into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(read, expected);
        }
    }

    #[tokio::test]
    async fn frames_are_put_together_again() {
        let bytes = [frame(1, "out\n"), frame(2, "err"), frame(1, "")].concat();
        let expected = [
            (Stream::Stdout, None, "out\n"),
            (Stream::Stderr, None, "err"),
            (Stream::Stdout, None, ""),
        ];
        check(&bytes, false, &expected, None).await;
    }

    #[tokio::test]
    async fn timestamps_are_taken_off_each_frame() {
        let at = "2026-11-20T10:00:00.000000001Z";
        let bytes = [frame(1, &format!("{at} half a ")), frame(1, &format!("{at} line\n"))].concat();
        let expected = [
            (Stream::Stdout, Some(at), "half a "),
            (Stream::Stdout, Some(at), "line\n"),
        ];
        check(&bytes, true, &expected, None).await;
    }

    #[tokio::test]
    async fn the_engines_own_error_is_an_error() {
        let bytes = [frame(1, "a"), frame(3, "Error grabbing logs: rotated\n")].concat();
        check(
            &bytes,
            false,
            &[(Stream::Stdout, None, "a")],
            Some("Error grabbing logs: rotated"),
        )
        .await;
    }

    #[tokio::test]
    async fn a_log_whose_file_is_gone_is_that_of_a_container_that_goes() {
        for (answer, expected) in [
            (
                "Error grabbing logs: open /x-json.log: no such file or directory\n",
                Reason::NotFound,
            ),
            ("Error grabbing logs: invalid character", Reason::Other),
        ] {
            let bytes = Bytes::from(frame(3, answer));
            let mut frames = frames(futures_util::stream::iter([Ok(bytes)]).boxed(), false, "read");
            assert_eq!(frames.next().await.unwrap().unwrap_err().reason, expected, "{answer}");
        }
    }

    #[tokio::test]
    async fn a_stream_that_is_cut_off_is_told() {
        let bytes = &frame(1, "abcdef")[..10];
        check(bytes, false, &[], Some("the stream ended inside a frame")).await;
        check(
            b"plain text",
            false,
            &[],
            Some("what comes is not in the engine's frames"),
        )
        .await;
    }

    #[tokio::test]
    async fn json_comes_line_by_line_however_it_is_cut() {
        for size in [1, 5, 4096] {
            let text = b"{\"a\":1}\r\n\n{\"a\":2}\n{\"a\":3}";
            let pieces: Vec<EngineResult<Bytes>> = text
                .chunks(size)
                .map(|piece| Ok(Bytes::copy_from_slice(piece)))
                .collect();
            let read = json_lines(futures_util::stream::iter(pieces).boxed(), "read");
            let read: Vec<_> = read.map(|value| value.unwrap()["a"].as_i64().unwrap()).collect().await;
            assert_eq!(read, [1, 2, 3]);
        }
    }
}
