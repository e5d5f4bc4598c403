//! What comes bit by bit: logs and outputs in the engine's frames, and JSON line by line.
//!
//! A frame is a header of eight bytes (stream, three zeros, length) and its bytes. With a terminal there are none: what
//! comes is what was written. In a log with timestamps each frame begins with one, also the frames in which the engine
//! cuts a line over 16 KiB.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

use super::call::error;
use crate::engine::{EngineResult, Frame, Reason, Stream};

/// Bytes as they come from the engine.
pub(super) type Chunks = BoxStream<'static, EngineResult<Bytes>>;

/// The engine frames at most 32 KiB at once; more than this is no frame.
const FRAME_LIMIT: usize = 16 * 1024 * 1024;
/// The longest line of JSON that is read.
const LINE_LIMIT: usize = 16 * 1024 * 1024;

/// How a stream is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// As it comes: a terminal's.
    Raw,
    /// In frames.
    Framed,
    /// In frames that begin with a timestamp.
    Stamped,
}

/// Frames of a stream.
pub(super) struct Frames {
    chunks: Chunks,
    buffer: BytesMut,
    cut: Cut,
    attempt: String,
    ended: bool,
    /// Whoever writes the other way: ends with the stream.
    _writer: Option<AbortOnDropHandle<()>>,
}

impl Frames {
    /// The frames of what comes.
    pub(super) fn of(chunks: Chunks, cut: Cut, attempt: String, writer: Option<AbortOnDropHandle<()>>) -> Frames {
        Frames {
            chunks,
            buffer: BytesMut::new(),
            cut,
            attempt,
            ended: false,
            _writer: writer,
        }
    }

    /// Judges what is left when the stream has ended.
    fn end(&mut self) -> Option<EngineResult<Frame>> {
        self.ended = true;
        let cut_off = !self.buffer.is_empty();
        cut_off.then(|| Err(error(&self.attempt, "the stream ended inside a frame", Reason::Away)))
    }
}

impl futures_util::Stream for Frames {
    type Item = EngineResult<Frame>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if this.ended {
                return Poll::Ready(None);
            }
            match take_frame(&mut this.buffer, this.cut == Cut::Stamped) {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) => (),
                Err(said) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(error(&this.attempt, said, Reason::Other))));
                }
            }
            match this.chunks.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(bytes))) if this.cut == Cut::Raw => {
                    return Poll::Ready(Some(Ok(Frame {
                        stream: Stream::Stdout,
                        at: None,
                        bytes,
                    })));
                }
                Poll::Ready(Some(Ok(bytes))) => this.buffer.extend_from_slice(&bytes),
                Poll::Ready(Some(Err(why))) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(why)));
                }
                Poll::Ready(None) => return Poll::Ready(this.end()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Takes a frame off the buffer, if a whole one is in it; the engine's own error, if it wrote one.
fn take_frame(buffer: &mut BytesMut, stamped: bool) -> Result<Option<Frame>, String> {
    let Some(header) = buffer.first_chunk::<8>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
    if header[0] > 3 || header[1..4] != [0, 0, 0] || length > FRAME_LIMIT {
        return Err("what comes is not in the engine's frames".to_owned());
    }
    let stream = match header[0] {
        2 => Stream::Stderr,
        _ => Stream::Stdout,
    };
    let of_the_engine = header[0] == 3;
    if buffer.len() < 8 + length {
        return Ok(None);
    }
    buffer.advance(8);
    let mut bytes = buffer.split_to(length).freeze();
    if of_the_engine {
        return Err(String::from_utf8_lossy(&bytes).trim().to_owned());
    }
    let at = if stamped { take_timestamp(&mut bytes) } else { None };
    Ok(Some(Frame { stream, at, bytes }))
}

/// Takes `2026-11-20T10:00:00.000000000Z ` off the beginning.
fn take_timestamp(bytes: &mut Bytes) -> Option<String> {
    let end = bytes.iter().take(40).position(|byte| *byte == b' ')?;
    let at = std::str::from_utf8(&bytes[..end]).ok()?.to_owned();
    bytes.advance(end + 1);
    Some(at)
}

/// The JSON values of a stream, one a line.
pub(super) fn json_lines(chunks: Chunks, attempt: String) -> BoxStream<'static, EngineResult<Value>> {
    let state = (chunks, BytesMut::new(), attempt);
    futures_util::stream::unfold(state, |(mut chunks, mut buffer, attempt)| async move {
        let mut searched = 0;
        loop {
            if let Some(at) = buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let line = buffer.split_to(searched + at + 1);
                searched = 0;
                if line.trim_ascii().is_empty() {
                    continue;
                }
                let read = serde_json::from_slice(&line)
                    .map_err(|why| error(&attempt, format!("its answer cannot be read: {why}"), Reason::Other));
                return Some((read, (chunks, buffer, attempt)));
            }
            searched = buffer.len();
            if searched > LINE_LIMIT {
                buffer.clear();
                let long = error(&attempt, "its answer has no end of line", Reason::Other);
                return Some((Err(long), (futures_util::stream::empty().boxed(), buffer, attempt)));
            }
            match chunks.next().await {
                Some(Ok(bytes)) => buffer.extend_from_slice(&bytes),
                Some(Err(why)) => return Some((Err(why), (chunks, buffer, attempt))),
                // The last value needs no newline.
                None if !buffer.trim_ascii().is_empty() => buffer.extend_from_slice(b"\n"),
                None => return None,
            }
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::StreamExt;

    use super::{Cut, Frames, json_lines};
    use crate::engine::{EngineResult, Stream};

    fn frame(stream: u8, text: &str) -> Vec<u8> {
        let mut bytes = vec![stream, 0, 0, 0];
        bytes.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    /// The bytes come in pieces of each of several sizes; what is read must not depend on it.
    async fn check(bytes: &[u8], cut: Cut, expected: &[(Stream, Option<&str>, &str)], error: Option<&str>) {
        for size in [1, 3, 8, 11, 4096] {
            let pieces: Vec<EngineResult<Bytes>> = bytes
                .chunks(size)
                .map(|piece| Ok(Bytes::copy_from_slice(piece)))
                .collect();
            let frames = Frames::of(futures_util::stream::iter(pieces).boxed(), cut, "read".to_owned(), None);
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

    #[tokio::test]
    async fn frames_are_put_together_again() {
        let bytes = [frame(1, "out\n"), frame(2, "err"), frame(1, "")].concat();
        let expected = [
            (Stream::Stdout, None, "out\n"),
            (Stream::Stderr, None, "err"),
            (Stream::Stdout, None, ""),
        ];
        check(&bytes, Cut::Framed, &expected, None).await;
    }

    #[tokio::test]
    async fn timestamps_are_taken_off_each_frame() {
        let at = "2026-11-20T10:00:00.000000001Z";
        let bytes = [frame(1, &format!("{at} half a ")), frame(1, &format!("{at} line\n"))].concat();
        let expected = [
            (Stream::Stdout, Some(at), "half a "),
            (Stream::Stdout, Some(at), "line\n"),
        ];
        check(&bytes, Cut::Stamped, &expected, None).await;
    }

    #[tokio::test]
    async fn the_engines_own_error_is_an_error() {
        let bytes = [frame(1, "a"), frame(3, "Error grabbing logs: rotated\n")].concat();
        check(
            &bytes,
            Cut::Framed,
            &[(Stream::Stdout, None, "a")],
            Some("Error grabbing logs: rotated"),
        )
        .await;
    }

    #[tokio::test]
    async fn a_stream_that_is_cut_off_is_told() {
        let bytes = &frame(1, "abcdef")[..10];
        check(bytes, Cut::Framed, &[], Some("the stream ended inside a frame")).await;
        check(
            b"plain text",
            Cut::Framed,
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
            let read = json_lines(futures_util::stream::iter(pieces).boxed(), "read".to_owned());
            let read: Vec<_> = read.map(|value| value.unwrap()["a"].as_i64().unwrap()).collect().await;
            assert_eq!(read, [1, 2, 3]);
        }
    }
}
