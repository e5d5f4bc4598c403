//! The rim of the reports: takes events, prints lines, draws the status, writes files.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, MissedTickBehavior};

use super::{Process, USAGE, terminal};
use crate::diagnostic::Diagnostic;
use crate::event::{DiagnosticInfo, Event, Rules, What};
use crate::mask::CaseMasks;
use crate::report::progress::Progress;
use crate::report::tally::Tally;
use crate::report::{Artifact, Piece, Reporters, Settings, jsonl};

/// How often the status of a live terminal is drawn anew.
const DRAW: Duration = Duration::from_millis(100);
/// How often reports are written while the run goes on: a run that is killed has them, too.
const WRITE: Duration = Duration::from_secs(5);
/// How long a pipe that a report is written into may be full.
const READ_ON: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };
/// Where a program finds what it was handed: that may be a file, and is written into all the same.
const HANDED: [&str; 5] = [
    "/dev/stdout",
    "/dev/stderr",
    "/dev/fd",
    "/proc/self/fd",
    "/proc/thread-self/fd",
];

/// How a report is written to where it is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    /// In place of what is there, again and again.
    Whole,
    /// Into what is there, at the end: a pipe, a device, or what this program was handed.
    Once,
}

impl Written {
    fn of(path: &Path) -> Written {
        let is_handed = HANDED.iter().any(|folder| path.starts_with(folder));
        let is_plain = |there: fs::Metadata| there.is_file() || there.is_dir();
        match is_handed || !path.metadata().map_or(true, is_plain) {
            true => Written::Once,
            false => Written::Whole,
        }
    }
}

/// The reporters and where their bytes go.
pub(crate) struct Output {
    reporters: Reporters,
    progress: Option<Progress>,
    silent: bool,
    appended: BTreeMap<PathBuf, File>,
    began: Instant,
    trouble: Option<String>,
    /// Where the events go.
    events: Option<PathBuf>,
}

impl Output {
    /// Reporters as the settings say, with a live status where the terminal takes one.
    pub(crate) fn new(process: &Process, settings: Settings, quiet: bool) -> Output {
        let progress = terminal::live(process, quiet).then(|| Progress::new(settings.color));
        Output {
            progress,
            ..Output::replaying(settings)
        }
    }

    /// Reporters for events of a run that is over.
    pub(crate) fn replaying(settings: Settings) -> Output {
        Output {
            reporters: Reporters::new(&settings),
            progress: None,
            silent: false,
            appended: BTreeMap::new(),
            began: Instant::now(),
            trouble: None,
            events: settings.events,
        }
    }

    /// Reporters whose lines nobody wants: only their files.
    pub(crate) fn silent(settings: Settings) -> Output {
        Output {
            silent: true,
            ..Output::replaying(settings)
        }
    }

    /// Takes events until nobody makes any more, and says meanwhile what it is given to say.
    pub(crate) async fn follow(&mut self, events: &mut UnboundedReceiver<Event>, said: &mut UnboundedReceiver<String>) {
        let mut written = Instant::now();
        // By a clock of its own: events that come fast leave it its turn.
        let mut draw = tokio::time::interval(DRAW);
        draw.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.event(&event),
                    None => return,
                },
                Some(line) = said.recv() => self.say(&line),
                _ = draw.tick(), if self.progress.is_some() => {
                    if let Some(progress) = &mut self.progress {
                        let elapsed = self.began.elapsed().as_secs_f64();
                        progress.draw(&self.reporters.status(elapsed, progress.width()));
                    }
                }
            }
            if written.elapsed() >= WRITE {
                self.artifacts(Written::Whole);
                written = Instant::now();
            }
        }
    }

    /// A line that is no report; beside a live status it has to keep out of its way.
    fn say(&self, line: &str) {
        match &self.progress {
            Some(progress) => drop(progress.print(&[line.to_owned()])),
            None => terminal::print_error(&format!("{line}\n")),
        }
    }

    /// Takes an event.
    pub(crate) fn event(&mut self, event: &Event) {
        let pieces = self.reporters.event(event);
        self.pieces(pieces);
    }

    fn pieces(&mut self, pieces: Vec<Piece>) {
        let mut lines = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Line(line) => lines.push(line),
                Piece::Append(artifact) => self.append(&artifact),
            }
        }
        if lines.is_empty() || self.silent {
            return;
        }
        match &self.progress {
            // A closed pipe is no reason to end the run: its reports are still wanted.
            Some(progress) => drop(progress.print(&lines)),
            None => terminal::print(&(lines.join("\n") + "\n")),
        }
    }

    fn append(&mut self, artifact: &Artifact) {
        if let Err(why) = self.try_append(artifact) {
            self.cannot_write(&artifact.path, &why);
        }
    }

    fn try_append(&mut self, artifact: &Artifact) -> io::Result<()> {
        if !self.appended.contains_key(&artifact.path) {
            if let Some(folder) = artifact.path.parent() {
                fs::create_dir_all(folder)?;
            }
            let file = OpenOptions::new().create(true).append(true).open(&artifact.path)?;
            self.appended.insert(artifact.path.clone(), file);
        }
        match self.appended.get_mut(&artifact.path) {
            Some(file) => file.write_all(&artifact.bytes),
            None => Ok(()),
        }
    }

    fn cannot_write(&mut self, path: &Path, why: &io::Error) {
        if self.trouble.is_none() {
            let told = format!("cannot write `{}`: {why}", path.display());
            terminal::print_error(&format!("error: {told}\n"));
            self.trouble = Some(told);
        }
    }

    /// Writes the reports as they are now, those that are written like this.
    fn artifacts(&mut self, how: Written) {
        let artifacts = self.reporters.artifacts().into_iter();
        for artifact in artifacts.filter(|artifact| how == Written::Once || Written::of(&artifact.path) == how) {
            if let Err(why) = replace(&artifact) {
                self.cannot_write(&artifact.path, &why);
            }
        }
    }

    /// Hides in the events that were written, and so in the reports at the end, what became known only after they were
    /// told. What was printed meanwhile was printed.
    pub(crate) fn hide(&mut self, masks: &CaseMasks) {
        let Some(path) = self.events.clone().filter(|_| !masks.is_empty()) else {
            return;
        };
        match hidden(&path, masks, self.tally().rules) {
            Ok(tally) => self.reporters.retold(tally),
            Err(why) => self.cannot_write(&path, &why),
        }
    }

    /// After the last event: the rest of the lines, and the reports.
    pub(crate) fn end(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
        let pieces = self.reporters.end();
        self.pieces(pieces);
        self.artifacts(Written::Once);
    }

    /// All that was told.
    pub(crate) fn tally(&self) -> &Tally {
        self.reporters.tally()
    }

    /// True when something could not be written.
    pub(crate) fn broken(&self) -> bool {
        self.trouble.is_some()
    }

    /// Invalid files: told, and in the reports; nothing was started.
    pub(crate) fn invalid(&mut self, run: &str, diagnostics: &[Diagnostic]) -> u8 {
        let what = What::Invalid {
            diagnostics: diagnostics.iter().map(DiagnosticInfo::from).collect(),
            rules: self.reporters.tally().rules,
        };
        self.event(&of_run(run, what));
        self.end();
        USAGE
    }
}

/// An event of a run that does not begin.
pub(crate) fn of_run(run: &str, what: What) -> Event {
    Event {
        run: run.to_owned(),
        at: crate::step::wall_clock(),
        elapsed: 0.0,
        case: None,
        what,
    }
}

/// Hides in the events of a file all that their cases hide, one after the other; gives what they come to.
fn hidden(path: &Path, masks: &CaseMasks, rules: Rules) -> io::Result<Tally> {
    let mut tally = Tally::new(rules);
    replace_by(path, |file| {
        for event in jsonl::events(BufReader::new(File::open(path)?)) {
            let event = masks.hidden(event.map_err(io::Error::other)?)?;
            file.write_all(&jsonl::line(&event))?;
            tally.event(&event);
        }
        Ok(())
    })?;
    Ok(tally)
}

/// Puts a whole file in place of the one before: a reader sees one of the two. What is no file is written into.
pub(crate) fn replace(artifact: &Artifact) -> io::Result<()> {
    if Written::of(&artifact.path) == Written::Once {
        return write_into(artifact);
    }
    replace_by(&artifact.path, |file| file.write_all(&artifact.bytes))
}

/// Writes behind what was written there before. Of a pipe that nobody reads, or reads on, it is an error and no wait for ever:
/// nothing could end that.
fn write_into(artifact: &Artifact) -> io::Result<()> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let open = OpenOptions::new().append(true).custom_flags(flags).open(&artifact.path);
    let mut into = open.map_err(|why| match Errno::from_io_error(&why) {
        Some(Errno::NXIO) => io::Error::new(why.kind(), "nobody reads from it"),
        _ => why,
    })?;
    let mut rest = artifact.bytes.as_slice();
    while !rest.is_empty() {
        match into.write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {
                if poll(&mut [PollFd::new(&into, PollFlags::OUT)], Some(&READ_ON))? == 0 {
                    let told = format!("nobody read on for {} s", READ_ON.tv_sec);
                    return Err(io::Error::new(io::ErrorKind::TimedOut, told));
                }
            }
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

fn replace_by(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    let shared = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644);
    file.as_file().set_permissions(shared)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::{Artifact, Written, replace};

    fn written(path: &Path) {
        let bytes = b"new".to_vec();
        let path = path.to_owned();
        replace(&Artifact { path, bytes }).unwrap();
    }

    #[test]
    fn a_report_takes_the_place_of_a_file_and_goes_into_what_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "longer than that").unwrap();
        written(&path("file"));
        assert_eq!(fs::read_to_string(path("file")).unwrap(), "new");
        symlink("/dev/null", path("device")).unwrap();
        written(&path("device"));
        assert!(path("device").is_symlink());
        mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let unread = Artifact {
            path: path("pipe"),
            bytes: Vec::new(),
        };
        assert_eq!(replace(&unread).unwrap_err().to_string(), "nobody reads from it");
        // Open on both sides, none of them waits for the other.
        let mut pipe = fs::File::options().read(true).write(true).open(path("pipe")).unwrap();
        written(&path("pipe"));
        let mut read = [0; 3];
        pipe.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"new");
    }

    #[test]
    fn what_a_program_was_handed_is_written_into_once_and_a_new_file_again_and_again() {
        for (path, expected) in [
            ("/dev/stdout", true),
            ("/dev/null", true),
            ("/dev/shm/none", false),
            ("none", false),
        ] {
            assert_eq!(Written::of(Path::new(path)) == Written::Once, expected, "{path}");
        }
    }
}
