//! Reporters: pure folds over events; the table REPORTERS.
//!
//! A reporter gives bytes and never prints or writes: [`Piece`]s at once, [`Artifact`]s when asked. Every one sees the
//! same [`Tally`], so that they cannot disagree. A new one is a file, its `mod`, and a row of
//! [`REPORTERS`].

use std::path::PathBuf;

use crate::event::Event;
use crate::report::line::Line;
use crate::report::outcome::Rules;
use crate::report::tally::Tally;

mod afterwards;
pub mod case;
pub mod fault;
mod fold;
pub mod github;
mod inside;
pub mod jsonl;
pub mod junit;
pub mod line;
pub mod measures;
pub mod once;
pub mod outcome;
pub mod progress;
mod repeated;
#[cfg(test)]
mod sample;
pub mod status;
pub mod tally;
pub mod terminal;
pub mod text;

/// What the reporters need to know of the command line and the surroundings; `cli` fills it.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What makes an outcome a failure.
    pub rules: Rules,
    /// Lines with colours: standard output is a terminal, and none of `NO_COLOR`, `CI` and `--no-color` is there.
    pub color: bool,
    /// How many columns the terminal has; none where standard output is none, and no line is broken.
    pub width: Option<usize>,
    /// `--quiet`: only what went wrong, and the summary.
    pub quiet: bool,
    /// Where the JUnit file goes; none: there is none.
    pub junit: Option<PathBuf>,
    /// What a JUnit testcase is.
    pub junit_grain: Grain,
    /// Where the events go; none: nowhere.
    pub events: Option<PathBuf>,
    /// The folder that the files of measured values go to; none: there are none.
    pub measures: Option<PathBuf>,
    /// `GITHUB_ACTIONS`: annotations are printed.
    pub github: bool,
    /// The working folder, as seen from `GITHUB_WORKSPACE`: annotations have their places from there.
    pub github_folder: PathBuf,
    /// `GITHUB_STEP_SUMMARY`: the file to append to.
    pub step_summary: Option<PathBuf>,
}

/// What a JUnit testcase is: `--junit-grain`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Grain {
    /// A scenario with its matrix values.
    #[default]
    Scenario,
    /// A step.
    Step,
}

/// Something to write at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A line for standard output, without its end, painted if [`Settings::color`] says so.
    Line(String),
    /// Bytes to append to a file.
    Append(Artifact),
}

/// A file's path, as the settings gave it, and bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub bytes: Vec<u8>,
}

/// A fold over events. The tally has taken in an event before a reporter sees it.
pub trait Reporter: Send {
    /// Takes an event, and gives what is to be written at once.
    fn event(&mut self, _event: &Event, _tally: &Tally) -> Vec<Piece> {
        Vec::new()
    }

    /// After the last event, however the run ended: what is still to be written.
    fn end(&mut self, _tally: &Tally) -> Vec<Piece> {
        Vec::new()
    }

    /// Whole files, of what is known now; what is not through counts as interrupted.
    fn artifacts(&self, _tally: &Tally) -> Vec<Artifact> {
        Vec::new()
    }
}

/// A row of the table.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// When it is on.
    pub on: fn(&Settings) -> bool,
    /// Makes it.
    pub make: fn(&Settings) -> Box<dyn Reporter>,
}

/// All reporters, in the order in which they speak.
pub const REPORTERS: &[Row] = &[
    Row {
        name: "jsonl",
        on: |s| s.events.is_some(),
        make: |s| Box::new(jsonl::Jsonl::new(s)),
    },
    Row {
        name: "terminal",
        on: |_| true,
        make: |s| Box::new(terminal::Terminal::new(s)),
    },
    Row {
        name: "github",
        on: |s| s.github,
        make: |s| Box::new(github::Github::new(s)),
    },
    Row {
        name: "junit",
        on: |s| s.junit.is_some(),
        make: |s| Box::new(junit::Junit::new(s)),
    },
    Row {
        name: "measures",
        on: |s| s.measures.is_some(),
        make: |s| Box::new(measures::Measures::new(s)),
    },
];

/// The reporters of a run and their tally: feed it every event, write what it gives.
///
/// The caller writes [`Reporters::artifacts`] at the end; a run that may be killed gets them every few seconds, too.
pub struct Reporters {
    tally: Tally,
    reporters: Vec<Box<dyn Reporter>>,
}

impl Reporters {
    /// Those that the settings switch on.
    pub fn new(settings: &Settings) -> Reporters {
        let rows = REPORTERS.iter().filter(|row| (row.on)(settings));
        Reporters {
            tally: Tally::new(settings.rules),
            reporters: rows.map(|row| (row.make)(settings)).collect(),
        }
    }

    /// Takes an event, and gives what is to be written at once.
    pub fn event(&mut self, event: &Event) -> Vec<Piece> {
        self.tally.event(event);
        self.reporters
            .iter_mut()
            .flat_map(|reporter| reporter.event(event, &self.tally))
            .collect()
    }

    /// Puts another tally in place of all that was told: of the same events, with more hidden.
    pub fn retold(&mut self, tally: Tally) {
        self.tally = tally;
    }

    /// After the last event, however the run ended: what is still to be written.
    pub fn end(&mut self) -> Vec<Piece> {
        self.reporters
            .iter_mut()
            .flat_map(|reporter| reporter.end(&self.tally))
            .collect()
    }

    /// Whole files, of what is known now.
    pub fn artifacts(&self) -> Vec<Artifact> {
        self.reporters
            .iter()
            .flat_map(|reporter| reporter.artifacts(&self.tally))
            .collect()
    }

    /// What a live terminal of this width shows below the lines, `elapsed` seconds after the run began.
    pub fn status(&self, elapsed: f64, width: usize) -> Vec<Line> {
        status::lines(&self.tally, elapsed, width)
    }

    /// All that was told so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}
