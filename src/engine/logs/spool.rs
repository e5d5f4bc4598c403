//! One container's log as a file of whole lines, and what is known of it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::assemble::Lines;
use super::place::Place;
use super::reader::{LineReader, Streams};

/// How far from its end a file is read for its last lines.
const TAIL_BLOCK: u64 = 64 * 1024;
/// The most that is read for the last lines.
const TAIL_LIMIT: u64 = 1 << 20;

/// One container's log: a file of whole lines that grows, and what is known of it.
pub struct Spool {
    name: String,
    path: PathBuf,
    lines: File,
    /// Which lines are of which stream. A file without a name: who reads the results needs only the lines.
    pub(super) runs: File,
    pub(super) progress: watch::Sender<Progress>,
    place: Mutex<Place>,
    /// Tells the follower that there is more to read, where events are late to do so.
    pub(super) nudge: Notify,
    /// Asks the follower to find out whether all that it has read is without a hole.
    pub(super) look: Look,
}

/// Asks a follower to look at what it has read; it is asked at each entry, so that costs no more than a load.
#[derive(Default)]
pub(super) struct Look {
    asked: AtomicBool,
    /// How many looks have begun.
    begun: AtomicU64,
    news: Notify,
}

impl Look {
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        self.news.notify_one();
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Returns when it was asked.
    pub(super) async fn asked(&self) {
        while !self.is_asked() {
            self.news.notified().await;
        }
    }

    /// It looks now, for the so manieth time: whoever asks from here on asks for another. True beside it when it was asked.
    pub(super) fn begin(&self) -> (u64, bool) {
        let asked = self.asked.swap(false, Ordering::AcqRel);
        (self.begun.fetch_add(1, Ordering::AcqRel) + 1, asked)
    }

    /// How many looks have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }
}

/// How far a log has been written down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Where its next line will be.
    pub end: Offset,
    /// Entries of the engine that were read.
    pub(super) frames: u64,
    /// When the last run ended that was read to its end, nanoseconds of Unix time by the engine's clock.
    pub(super) ended: i64,
    /// The look that has ended last: all that was written before it began was read.
    pub(super) looked: u64,
    /// Whether more may come.
    pub phase: Phase,
    /// What of it is missing first, and why.
    pub gap: Option<String>,
    /// Why the last moments of it may be missing, where nobody knows.
    pub unsure: Option<&'static str>,
}

/// Whether more of a log may come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// The container was not started yet.
    #[default]
    Waiting,
    /// It runs.
    Running,
    /// It has ended and its log was read to its end; it may be started again.
    Ended,
    /// It is gone, or nobody reads its log any more.
    Closed,
}

/// A place between two lines of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offset {
    pub(super) line: u64,
    pub(super) run: u64,
}

impl Spool {
    pub(super) fn create(name: &str, path: &Path) -> io::Result<Arc<Spool>> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let lines = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        let runs = tempfile::tempfile_in(folder)?;
        Ok(Arc::new(Spool {
            name: name.into(),
            path: path.into(),
            lines,
            runs,
            progress: watch::Sender::new(Progress::default()),
            place: Mutex::default(),
            nudge: Notify::new(),
            look: Look::default(),
        }))
    }

    /// What messages call the container.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How far it has been written down now.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// What of it is missing, and why: who decides something by this log cannot know.
    pub fn gap(&self) -> Option<String> {
        self.progress.borrow().gap.clone()
    }

    /// Why its last moments may be missing, where nobody knows: who decides something by what is not in this log cannot.
    pub fn unsure(&self) -> Option<&'static str> {
        self.progress.borrow().unsure
    }

    /// Reads its lines from a place on.
    pub fn reader(self: &Arc<Self>, streams: Streams, from: Offset) -> LineReader {
        LineReader::new(Arc::clone(self), self.progress.subscribe(), streams, from)
    }

    /// Its last lines; of very long ones the end.
    pub fn tail(&self, lines: usize) -> io::Result<String> {
        let end = self.progress.borrow().end.line;
        let mut start = end;
        let mut text = Vec::new();
        // The newline of the last line is not the end of one more line.
        while start > 0 && end - start < TAIL_LIMIT && newlines(&text) <= lines {
            let length = TAIL_BLOCK.min(start);
            start -= length;
            let mut block = vec![0; length as usize];
            self.lines.read_exact_at(&mut block, start)?;
            block.append(&mut text);
            text = block;
        }
        let extra = newlines(&text).saturating_sub(lines);
        let mut ends = text
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .map(|(at, _)| at + 1);
        let from = if extra > 0 { ends.nth(extra - 1).unwrap_or(0) } else { 0 };
        Ok(String::from_utf8_lossy(&text[from..]).trim_end_matches('\n').to_owned())
    }

    /// See `tail`; why not, if its file cannot be read.
    pub(super) fn last_lines(&self, lines: usize) -> String {
        let tail = self.tail(lines);
        tail.unwrap_or_else(|why| format!("(its log cannot be read: {why})"))
    }

    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.lines.read_exact_at(buffer, offset)
    }

    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub(super) fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.progress.send_if_modified(|progress| {
            let changes = progress.phase != phase && progress.phase != Phase::Closed;
            if changes {
                progress.phase = phase;
            }
            changes
        });
    }

    pub(super) fn set_ended(&self, at: i64) {
        self.progress.send_if_modified(|progress| {
            let later = at > progress.ended;
            progress.ended = progress.ended.max(at);
            later
        });
    }

    /// A look has ended; readers are not woken for those that nobody has asked for.
    pub(super) fn set_looked(&self, (look, asked): (u64, bool)) {
        self.progress.send_if_modified(|progress| {
            progress.looked = look;
            asked
        });
    }

    /// Its last moments may be missing.
    pub(super) fn set_unsure(&self, why: &'static str) {
        self.progress.send_modify(|progress| progress.unsure = Some(why));
    }

    /// Something of it is missing: nothing more comes.
    pub(super) fn set_gap(&self, why: String) {
        self.progress.send_modify(|progress| {
            progress.gap.get_or_insert(why);
            progress.phase = Phase::Closed;
        });
    }

    /// Writes lines down, and where in the engine's log they end.
    pub(super) fn write(&self, lines: &Lines, place: &Place) -> io::Result<()> {
        let end = self.progress.borrow().end;
        self.runs.write_all_at(&lines.runs, end.run)?;
        (&self.lines).write_all(&lines.bytes)?;
        let end = Offset {
            line: end.line + lines.bytes.len() as u64,
            run: end.run + lines.runs.len() as u64,
        };
        self.place().clone_from(place);
        self.progress.send_modify(|progress| {
            progress.end = end;
            progress.frames = place.frames;
        });
        Ok(())
    }
}

fn newlines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}
