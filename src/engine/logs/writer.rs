//! Who writes a spool: frames in, whole lines out in large pieces.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::assemble::Assembler;
use super::place::Place;
use super::spool::{Phase, Spool};
use crate::engine::{Frame, Stream};

/// The one who writes a spool: frames in, whole lines out in large pieces.
pub(super) struct Writer {
    pub(super) spool: Arc<Spool>,
    assembler: Assembler,
    pub(super) place: Place,
    written: Instant,
}

/// So many bytes are written at once.
const PIECE: usize = 256 * 1024;
/// Small pieces are not written more often than this: each wakes all who wait for it.
const OFTEN: Duration = Duration::from_millis(5);

impl Writer {
    /// For a log that the engine rotates at so many bytes, or never.
    pub(super) fn new(spool: Arc<Spool>, rotation: Option<u64>) -> Writer {
        Writer {
            spool,
            assembler: Assembler::default(),
            place: Place::begin(rotation),
            written: Instant::now(),
        }
    }

    /// When a small piece may be written.
    pub(super) fn due(&self) -> Instant {
        self.written + OFTEN
    }

    /// Takes a frame; writes when enough has come together.
    pub(super) fn push(&mut self, frame: &Frame) -> Result<(), String> {
        self.place.saw(frame);
        self.assembler.push(frame);
        if self.assembler.ready() >= PIECE {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Writes what has come. Writing to a file on this machine does not wait for its disk, so the runtime is not held up.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        if self.spool.progress.borrow().frames == self.place.frames && self.assembler.ready() == 0 {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), String> {
        self.written = Instant::now();
        let lines = self.assembler.take();
        let path = self.spool.path().display();
        self.spool
            .write(&lines, &self.place)
            .map_err(|why| format!("its log cannot be written to `{path}`: {why}"))
    }

    /// What comes next in the log is missing: that is noted in it, and what is left of it goes on behind.
    pub(super) fn lose(&mut self, why: String) -> Result<(), String> {
        self.assembler.end();
        let note = Frame {
            stream: Stream::Stderr,
            at: None,
            bytes: format!("[e2erun: lines are missing here: {why}]\n").into(),
        };
        self.assembler.push(&note);
        self.place.forget();
        self.write()?;
        self.spool.progress.send_modify(|progress| {
            progress.gap.get_or_insert(why);
        });
        Ok(())
    }

    /// A run has ended: its last line is a line also without newline.
    pub(super) fn end_run(&mut self) -> Result<(), String> {
        self.assembler.end();
        self.flush()
    }
}

/// What a background process writes, as a log: whoever reads its output tells it here.
pub struct ProcessLog {
    spool: Arc<Spool>,
    writer: Mutex<Writer>,
}

impl ProcessLog {
    pub(super) fn new(spool: Arc<Spool>) -> ProcessLog {
        spool.set_phase(Phase::Running);
        let writer = Mutex::new(Writer::new(Arc::clone(&spool), None));
        ProcessLog { spool, writer }
    }

    /// It has written this.
    pub fn add(&self, stream: Stream, bytes: &[u8]) {
        let frame = Frame {
            stream,
            at: None,
            bytes: Bytes::copy_from_slice(bytes),
        };
        self.write(|writer| {
            writer.push(&frame)?;
            writer.flush()
        });
    }

    /// It has ended: a last line is a line also without newline.
    pub fn end(&self) {
        self.write(Writer::end_run);
        self.spool.set_phase(Phase::Closed);
    }

    /// Its last lines.
    pub fn tail(&self, lines: usize) -> String {
        self.spool.last_lines(lines)
    }

    fn write(&self, write: impl FnOnce(&mut Writer) -> Result<(), String>) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(gap) = write(&mut writer) {
            self.spool.set_gap(gap);
        }
    }
}
