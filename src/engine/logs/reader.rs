//! Reading a spool: blocks of whole lines as they come, from any place on.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::assemble::next_run;
use super::spool::{Offset, Phase, Progress, Spool};
use crate::engine::Stream;

/// So much is read at once; a longer line makes it more.
const BLOCK: u64 = 256 * 1024;
/// So many bytes of runs are read at once.
const RUNS: u64 = 16 * 1024;

/// Which streams are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Streams {
    /// Both, in the order in which the engine has them.
    #[default]
    Both,
    /// One.
    One(Stream),
}

/// Reads a log from a place on: each line once, none left out.
pub struct LineReader {
    spool: Arc<Spool>,
    progress: watch::Receiver<Progress>,
    streams: Streams,
    at: Offset,
    /// Runs that were read and not yet used up.
    runs: Vec<u8>,
    run: Option<(u64, Stream)>,
}

/// Whole lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    text: String,
}

/// What is to be expected of a log that was read as far as it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum More {
    /// There are further lines.
    Lines,
    /// The container was not started yet.
    Waiting,
    /// The container has ended and all was read: further lines come only when it is started again.
    Ended,
    /// Nothing more comes.
    Closed,
    /// Something is missing, so that what comes decides nothing: why.
    Gap(String),
}

/// Reads a log that an earlier run left, line by line.
pub fn each_line(path: &Path, mut line: impl FnMut(&str)) -> io::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    let mut bytes = Vec::new();
    while file.read_until(b'\n', &mut bytes)? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        line(text.trim_end_matches(['\n', '\r']));
        bytes.clear();
    }
    Ok(())
}

impl Block {
    #[cfg(test)]
    pub(super) fn of(text: &str) -> Block {
        Block { text: text.to_owned() }
    }

    /// The lines, each with its newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines, without line ends.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text
            .split_terminator('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line))
    }
}

impl LineReader {
    pub(super) fn new(
        spool: Arc<Spool>,
        progress: watch::Receiver<Progress>,
        streams: Streams,
        from: Offset,
    ) -> LineReader {
        LineReader {
            spool,
            progress,
            streams,
            at: from,
            runs: Vec::new(),
            run: None,
        }
    }

    /// The log that it reads.
    pub fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Which streams it reads.
    pub fn streams(&self) -> Streams {
        self.streams
    }

    /// Where it stands, to be compared with the `end` of a `Progress`; no place to begin another reading.
    pub fn at(&self) -> Offset {
        self.at
    }

    /// True when it stands at a place, or behind it.
    pub fn has_passed(&self, place: Offset) -> bool {
        self.at.line >= place.line
    }

    /// The next lines that are there already; none when all that is there was read.
    pub fn take(&mut self) -> io::Result<Option<Block>> {
        let end = self.progress.borrow_and_update().end;
        self.take_until(end)
    }

    /// The same, up to a place that was the end of the log at some time.
    pub fn take_until(&mut self, end: Offset) -> io::Result<Option<Block>> {
        while self.at.line < end.line {
            let bytes = self.block(end.line)?;
            let wanted = match self.streams {
                Streams::Both => bytes,
                Streams::One(stream) => self.of_stream(&bytes, stream, end.run)?,
            };
            if !wanted.is_empty() {
                let text = String::from_utf8(wanted);
                let text = text.unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned());
                return Ok(Some(Block { text }));
            }
        }
        Ok(None)
    }

    /// Waits until there are lines that were not taken yet, or none are to be expected.
    pub async fn more(&mut self) -> More {
        let at = self.at.line;
        let known = |progress: &Progress| progress.end.line > at || !waits(progress);
        match self.progress.wait_for(known).await {
            Ok(progress) => more(&progress, at),
            Err(_) => More::Closed,
        }
    }

    /// What is to be expected now, without waiting; none while the container runs and has written nothing new.
    pub fn expected(&self) -> Option<More> {
        let progress = self.progress.borrow();
        let waits = progress.end.line == self.at.line && waits(&progress);
        (!waits).then(|| more(&progress, self.at.line))
    }

    /// Waits for any change of the log: new lines, its end, a new start.
    pub async fn changed(&mut self) {
        // The spool is kept by this reader, so its end cannot come first.
        self.progress.changed().await.ok();
    }

    /// Reads whole lines from where it stands.
    fn block(&mut self, end: u64) -> io::Result<Vec<u8>> {
        let mut length = BLOCK;
        loop {
            let available = end - self.at.line;
            let mut bytes = vec![0; length.min(available) as usize];
            self.spool.read_at(&mut bytes, self.at.line)?;
            if available > length {
                match bytes.iter().rposition(|byte| *byte == b'\n') {
                    Some(newline) => bytes.truncate(newline + 1),
                    None => {
                        length *= 2;
                        continue;
                    }
                }
            }
            self.at.line += bytes.len() as u64;
            return Ok(bytes);
        }
    }

    /// The lines of one stream among those of a block.
    fn of_stream(&mut self, bytes: &[u8], stream: Stream, end: u64) -> io::Result<Vec<u8>> {
        let mut wanted = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some((length, of)) = self
                .run
                .take()
                .map_or_else(|| self.read_run(end), |run| Ok(Some(run)))?
            else {
                let missing = "a log's lines are there without their streams";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, missing));
            };
            let used = length.min(rest.len() as u64);
            let (run, after) = rest.split_at(used as usize);
            if of == stream {
                wanted.extend_from_slice(run);
            }
            self.run = (used < length).then_some((length - used, of));
            rest = after;
        }
        Ok(wanted)
    }

    fn read_run(&mut self, end: u64) -> io::Result<Option<(u64, Stream)>> {
        loop {
            if let Some((length, stream, used)) = next_run(&self.runs) {
                self.runs.drain(..used);
                return Ok(Some((length, stream)));
            }
            let length = RUNS.min(end - self.at.run) as usize;
            if length == 0 {
                return Ok(None);
            }
            let before = self.runs.len();
            self.runs.resize(before + length, 0);
            self.spool.runs.read_exact_at(&mut self.runs[before..], self.at.run)?;
            self.at.run += length as u64;
        }
    }
}

/// True when there is nothing to be told but new lines.
fn waits(progress: &Progress) -> bool {
    progress.phase == Phase::Running && progress.gap.is_none()
}

fn more(progress: &Progress, at: u64) -> More {
    if progress.end.line > at {
        return More::Lines;
    }
    match (&progress.gap, progress.phase) {
        (Some(why), _) => More::Gap(why.clone()),
        (None, Phase::Closed) => More::Closed,
        (None, Phase::Waiting) => More::Waiting,
        (None, Phase::Ended | Phase::Running) => More::Ended,
    }
}
