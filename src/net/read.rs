//! What comes from the other side, bounded.

use bytes::BytesMut;

use super::{MAX_KEPT, MAX_READ};
use crate::cut::mark;

/// What was read: the beginning is kept, the rest counted.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) kept: BytesMut,
    pub(super) length: u64,
}

impl Reading {
    /// Takes more in; false when no more is wanted.
    pub(super) fn more(&mut self, data: &[u8]) -> bool {
        self.length += data.len() as u64;
        let room = MAX_KEPT - self.kept.len();
        self.kept.extend_from_slice(&data[..data.len().min(room)]);
        self.length < MAX_READ
    }

    /// The end of what was read, for messages.
    pub(super) fn tail(&self) -> String {
        const SHOWN: usize = 200;
        match self.kept.len() {
            0 => "nothing came".to_owned(),
            length => {
                let from = length.saturating_sub(SHOWN);
                let left_out = match from {
                    0 => String::new(),
                    from => mark(format_args!("{from} bytes")),
                };
                format!(
                    "what came is `{}{}`",
                    left_out.trim(),
                    on_a_line(&String::from_utf8_lossy(&self.kept[from..]))
                )
            }
        }
    }
}

/// A text on one line: what cannot be seen in it is escaped, and what can is as it came.
pub(super) fn on_a_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\'' | '"' => shown.push(letter),
            letter => shown.extend(letter.escape_debug()),
        }
    }
    shown
}
