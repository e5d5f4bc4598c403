//! The file of a log that others see: what is hidden is hidden in it as it is written. What steps read is another one then,
//! without a name, so that a run that is killed leaves nothing of it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::mask::{Hiding, Masks};

/// How much of what stands there already is read at once.
const PIECE: usize = 256 * 1024;
/// So much of it is hidden at most whenever more is written: that is done by the runtime's threads, and in the time that a
/// whole log takes they would do nothing else.
const AT_ONCE: u64 = 1 << 20;

/// What of a log others see.
pub(super) struct Shown {
    path: PathBuf,
    masks: Arc<Masks>,
    hidden: Mutex<Option<Hidden>>,
}

/// A file of its own, since there is something to hide.
struct Hidden {
    file: File,
    hiding: Hiding,
    /// How many values were known when it was begun.
    known: usize,
    /// How much of the lines stands in it.
    at: u64,
}

impl Shown {
    /// Makes it; beside it is the file that the lines are written to as they come.
    pub(super) fn create(path: &Path, masks: Arc<Masks>) -> io::Result<(Shown, File)> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let named = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        let known = masks.count();
        let (hidden, lines) = match known {
            0 => (None, named),
            known => (Some(Hidden::of(named, known)), tempfile::tempfile_in(folder)?),
        };
        let shown = Shown {
            path: path.to_owned(),
            masks,
            hidden: Mutex::new(hidden),
        };
        Ok((shown, lines))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Shows more, that stands in the file of the lines behind so many bytes.
    pub(super) fn add(&self, bytes: &[u8], (lines, before): (&File, u64)) -> io::Result<()> {
        let mut hidden = self.hidden();
        if hidden.is_none() && !self.masks.is_empty() {
            *hidden = Some(self.begin_to_hide(lines)?);
        }
        match &mut *hidden {
            Some(hidden) if hidden.at == before => hidden.add(bytes, &self.masks),
            Some(hidden) => hidden.catch_up((lines, before + bytes.len() as u64), &self.masks),
            None => Ok(()),
        }
    }

    /// Nothing more comes than stands in the file of the lines up to there; false while not all of that is shown.
    pub(super) fn end(&self, lines: (&File, u64)) -> io::Result<bool> {
        let mut hidden = self.hidden();
        let Some(hidden) = &mut *hidden else { return Ok(true) };
        hidden.catch_up(lines, &self.masks)?;
        if hidden.at < lines.1 {
            return Ok(false);
        }
        let rest = hidden.hiding.end(&self.masks);
        hidden.file.write_all(&rest)?;
        Ok(true)
    }

    /// True when all that is known now was hidden from its first line on.
    pub(super) fn is_clean(&self) -> bool {
        let known = self.masks.count();
        let hidden = self.hidden();
        known == 0 || hidden.as_ref().is_some_and(|hidden| hidden.known == known)
    }

    /// The first value to hide became known: another file takes the place of the one in which it may stand, and what stood
    /// there comes to stand in it piece by piece. That one loses its name and goes on to be what is read.
    fn begin_to_hide(&self, lines: &File) -> io::Result<Hidden> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let other = tempfile::NamedTempFile::new_in(folder)?;
        other.as_file().set_permissions(lines.metadata()?.permissions())?;
        let known = self.masks.count();
        Ok(Hidden::of(other.persist(&self.path)?, known))
    }

    fn hidden(&self) -> MutexGuard<'_, Option<Hidden>> {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hidden {
    fn of(file: File, known: usize) -> Hidden {
        Hidden {
            file,
            hiding: Hiding::default(),
            known,
            at: 0,
        }
    }

    fn add(&mut self, bytes: &[u8], masks: &Masks) -> io::Result<()> {
        self.file.write_all(&self.hiding.add(bytes, masks))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Adds what stands in the file of the lines up to there, or as much of it as may be done at once.
    fn catch_up(&mut self, (lines, end): (&File, u64), masks: &Masks) -> io::Result<()> {
        let until = end.min(self.at + AT_ONCE);
        let mut piece = vec![0; PIECE];
        while self.at < until {
            let length = usize::try_from(until - self.at).unwrap_or(PIECE).min(PIECE);
            lines.read_exact_at(&mut piece[..length], self.at)?;
            self.add(&piece[..length], masks)?;
        }
        Ok(())
    }
}
