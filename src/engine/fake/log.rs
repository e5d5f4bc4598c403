//! The fake engine's logs, with the habits of the real one.
//!
//! The engine makes entries of what a container writes: one a line, several of a line over 16 KiB (they repeat its time),
//! one without newline of what was left when the container ended. A follow begins with what is there, loses that last
//! one when it comes while it follows, and ends with the run; of a container that was never started it ends at once.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::Fake;
use super::faults::error;
use super::machine::{Machine, rfc3339};
use crate::engine::{EngineResult, Frame, LogRange, Reason, Stream};

/// The engine's buffer for a line.
const LINE_BUFFER: usize = 16 * 1024;

/// An entry of a log.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    stream: Stream,
    at: i64,
    bytes: Bytes,
}

impl Machine {
    /// Takes what the container writes.
    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8], now: i64) {
        let at = now.max(self.started_at) - self.set_back;
        let stream = if self.script.tty { Stream::Stdout } else { stream };
        let mut rest = std::mem::take(&mut self.unended[stream as usize]);
        rest.extend_from_slice(bytes);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            self.enter_line(stream, &line, at);
        }
        self.unended[stream as usize] = rest;
    }

    fn enter_line(&mut self, stream: Stream, line: &[u8], at: i64) {
        // The newline is not counted: a line of exactly the buffer's size is one entry.
        let (text, newline) = match line.split_last() {
            Some((b'\n', text)) => (text, true),
            _ => (line, false),
        };
        let mut parts = text.chunks(LINE_BUFFER).map(<[u8]>::to_vec).collect::<Vec<_>>();
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        if newline && let Some(last) = parts.last_mut() {
            last.push(b'\n');
        }
        for part in parts {
            self.entries.push(Entry {
                stream,
                at,
                bytes: part.into(),
            });
        }
    }

    /// The run ends: what it wrote of a line without newline becomes an entry that a follow misses.
    pub(super) fn end_log(&mut self, now: i64) {
        self.ends.push(self.entries.len());
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(&mut self.unended[stream as usize]);
            if !rest.is_empty() {
                self.enter_line(stream, &rest, now);
            }
        }
    }

    /// The log's lines as a reader that misses nothing sees them.
    pub(super) fn written(&self) -> Vec<(Stream, String)> {
        let mut lines = Vec::new();
        let mut open = [None::<(i64, Vec<u8>)>, None];
        for entry in &self.entries {
            let slot = &mut open[entry.stream as usize];
            // Parts of one line have one time; an entry without newline before another time was the last of a run.
            if let Some((_, line)) = slot.take_if(|(at, _)| *at != entry.at) {
                lines.push((entry.stream, line));
            }
            let (_, line) = slot.get_or_insert((entry.at, Vec::new()));
            line.extend_from_slice(&entry.bytes);
            if line.ends_with(b"\n") || entry.bytes.len() < LINE_BUFFER {
                lines.extend(slot.take().map(|(_, line)| (entry.stream, line)));
            }
        }
        for (stream, line) in [Stream::Stdout, Stream::Stderr].into_iter().zip(open) {
            lines.extend(line.map(|(_, line)| (stream, line)));
        }
        let text = |line: &[u8]| {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
        };
        lines.iter().map(|(stream, line)| (*stream, text(line))).collect()
    }

    /// The entries of a range, and the first after them.
    fn select(&self, range: LogRange) -> (usize, usize) {
        let all = self.entries.len();
        let first = range.tail.map_or(0, |tail| {
            all.saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX))
        });
        (first.max(self.rotated), all)
    }
}

/// Where a reading of a log stands.
struct Reading {
    fake: Fake,
    changed: tokio::sync::watch::Receiver<u64>,
    id: String,
    range: LogRange,
    next: usize,
    /// The run that is followed, or the entry at which a reading that does not follow ends.
    until: Until,
    cut_after: Option<usize>,
    epoch: u64,
    done: bool,
}

enum Until {
    Entry(usize),
    RunEnds(usize),
}

impl Fake {
    /// A reading of a container's log.
    pub(super) fn read_log(&self, id: &str, range: LogRange) -> EngineResult<BoxStream<'static, EngineResult<Frame>>> {
        let changed = self.shared.changed.subscribe();
        let mut state = self.lock();
        let epoch = state.event_cut;
        let attempt = format!("read the log of `{id}`");
        let machine = state
            .machines
            .get_mut(id)
            .ok_or_else(|| error(&attempt, Reason::NotFound, "no such container"))?;
        if machine.script.driver == "none" {
            return Err(error(
                &attempt,
                Reason::Other,
                "configured logging driver does not support reading",
            ));
        }
        let (next, all) = machine.select(range);
        let follows = range.follow && machine.runs();
        let until = if follows {
            Until::RunEnds(machine.ends.len())
        } else {
            Until::Entry(all)
        };
        let cuts = &mut machine.script.log_cuts;
        let cut_after = (!cuts.is_empty()).then(|| cuts.remove(0));
        drop(state);
        let fake = self.clone();
        let reading = Reading {
            fake,
            changed,
            id: id.into(),
            range,
            next,
            until,
            cut_after,
            epoch,
            done: false,
        };
        Ok(stream::unfold(reading, Reading::step).flat_map(stream::iter).boxed())
    }
}

impl Reading {
    /// The frames that are ready now (at least one), or the end.
    async fn step(mut self) -> Option<(Vec<EngineResult<Frame>>, Reading)> {
        loop {
            if self.done {
                return None;
            }
            self.changed.borrow_and_update();
            let frames = self.ready();
            if !frames.is_empty() {
                return Some((frames, self));
            }
            if !self.done && self.changed.changed().await.is_err() {
                return None;
            }
        }
    }

    fn ready(&mut self) -> Vec<EngineResult<Frame>> {
        let fake = self.fake.clone();
        let state = fake.lock();
        let attempt = format!("read the log of `{}`", self.id);
        if state.event_cut != self.epoch {
            self.done = true;
            return vec![Err(error(&attempt, Reason::Away, "connection reset by peer"))];
        }
        let Some(machine) = state.machines.get(&self.id) else {
            self.done = true;
            return Vec::new();
        };
        let (end, over) = match self.until {
            Until::Entry(end) => (end, true),
            Until::RunEnds(run) => machine
                .ends
                .get(run)
                .map_or((machine.entries.len(), false), |end| (*end, true)),
        };
        if machine.log_deleted {
            self.done = true;
            let answer = "Error grabbing logs: open json.log: no such file or directory";
            return vec![Err(error(&attempt, Reason::NotFound, answer))];
        }
        let mut frames = Vec::new();
        // Whoever was too slow finds the next file that is still there, and is told nothing.
        self.next = self.next.max(machine.rotated).min(end);
        for entry in &machine.entries[self.next..end] {
            if self.cut_after == Some(0) {
                self.done = true;
                frames.push(Err(error(&attempt, Reason::Away, "connection reset by peer")));
                return frames;
            }
            self.cut_after = self.cut_after.map(|left| left - 1);
            self.next += 1;
            frames.extend(self.frames_of(machine, entry).into_iter().map(Ok));
        }
        self.done = over;
        frames
    }

    /// A terminal's log without times is raw: cut anywhere.
    fn frames_of(&self, machine: &Machine, entry: &Entry) -> Vec<Frame> {
        if machine.script.tty && !self.range.timestamps {
            let middle = entry.bytes.len() / 2;
            let parts = [entry.bytes.slice(..middle), entry.bytes.slice(middle..)];
            let frame = |bytes: Bytes| Frame {
                stream: Stream::Stdout,
                at: None,
                bytes,
            };
            return parts.into_iter().filter(|part| !part.is_empty()).map(frame).collect();
        }
        let at = self.range.timestamps.then(|| rfc3339(entry.at));
        vec![Frame {
            stream: entry.stream,
            at,
            bytes: entry.bytes.clone(),
        }]
    }
}
