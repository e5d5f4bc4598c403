//! One container's log as a file of whole lines, and what is known of it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::assemble::Lines;
use super::place::Place;
use super::reader::{LineReader, Streams};
use super::shown::Shown;
use crate::mask::Masks;

/// How far from its end a file is read for its last lines.
const TAIL_BLOCK: u64 = 64 * 1024;
/// The most that is read for the last lines.
const TAIL_LIMIT: u64 = 1 << 20;

/// One container's log: a file of whole lines that grows, and what is known of it.
pub struct Spool {
    name: String,
    shown: Shown,
    lines: File,
    /// Which lines are of which stream. A file without a name: who reads the results needs only the lines.
    pub(super) runs: File,
    pub(super) progress: watch::Sender<Progress>,
    place: Mutex<Place>,
    /// Held while something is written, and when it is closed: what is written then stands in both files, and what comes later
    /// in neither.
    writing: Mutex<()>,
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
    /// How many lines it has.
    pub lines: u64,
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
    pub(super) fn create(name: &str, path: &Path, masks: &Arc<Masks>) -> io::Result<Arc<Spool>> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let (shown, lines) = Shown::create(path, Arc::clone(masks))?;
        let runs = tempfile::tempfile_in(folder)?;
        Ok(Arc::new(Spool {
            name: name.into(),
            shown,
            lines,
            runs,
            progress: watch::Sender::new(Progress::default()),
            place: Mutex::default(),
            writing: Mutex::default(),
            nudge: Notify::new(),
            look: Look::default(),
        }))
    }

    /// What messages call the container.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that others see.
    pub fn path(&self) -> &Path {
        self.shown.path()
    }

    /// True when there is nothing in its file that is to be hidden.
    pub fn is_clean(&self) -> bool {
        self.shown.is_clean()
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

    /// Why it may not have all that was written, if so.
    pub fn not_whole(&self) -> Option<String> {
        self.gap().or(self.unsure().map(str::to_owned))
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
        tail.unwrap_or_else(|why| unread(&why))
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

    /// One that is closed stays so. Whoever writes it may do so on another thread at that moment, or go on to: a process
    /// that does not end, a follower whose task is aborted only where it waits next. So a closed log takes nothing more: a
    /// line that others see would stand behind its end, and half of a hidden value of several lines be shown as it is.
    pub(super) fn set_phase(&self, phase: Phase) {
        let _nobody_writes = self.writing();
        if phase == Phase::Closed {
            self.end_shown();
        }
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
        let _nobody_writes = self.writing();
        self.end_shown();
        self.progress.send_modify(|progress| {
            progress.gap.get_or_insert(why);
            progress.phase = Phase::Closed;
        });
    }

    fn end_shown(&self) {
        // What steps read is whole; where there is no room for the rest of it, its readers are told of that soon enough. What
        // is left of a long one is for `show_all`.
        self.shown.end((&self.lines, self.progress.borrow().end.line)).ok();
    }

    /// Shows the rest of a closed log, with what is hidden hidden. That may take its time: it is for a thread that may wait.
    pub(super) fn show_all(&self) {
        let Progress { end, phase, .. } = self.progress();
        while phase == Phase::Closed && matches!(self.shown.end((&self.lines, end.line)), Ok(false)) {}
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines down, and where in the engine's log they end; nothing of one that is closed.
    pub(super) fn write(&self, lines: &Lines, place: &Place) -> io::Result<()> {
        let _nobody_closes = self.writing();
        let (end, phase) = {
            let progress = self.progress.borrow();
            (progress.end, progress.phase)
        };
        if phase == Phase::Closed {
            return Ok(());
        }
        self.runs.write_all_at(&lines.runs, end.run)?;
        (&self.lines).write_all(&lines.bytes)?;
        self.shown.add(&lines.bytes, (&self.lines, end.line))?;
        let end = Offset {
            line: end.line + lines.bytes.len() as u64,
            run: end.run + lines.runs.len() as u64,
        };
        self.place().clone_from(place);
        self.progress.send_modify(|progress| {
            progress.end = end;
            progress.lines += newlines(&lines.bytes) as u64;
            progress.frames = place.frames;
        });
        Ok(())
    }
}

fn newlines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// In place of lines that cannot be read.
fn unread(why: &io::Error) -> String {
    format!("(its log cannot be read: {why})")
}
