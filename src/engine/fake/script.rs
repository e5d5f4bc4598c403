//! What a container of the fake engine does once it runs: a script on virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::engine::Stream;

/// What a container does from its start on; times count from each start.
///
/// `Script::new().after(2).healthy().after(5).exit(3)`: healthy after two seconds, ended with 3 after five.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) acts: Vec<(Duration, Act)>,
    at: Duration,
    pub(super) next: Option<Box<Script>>,
    pub(super) policy: Option<(String, u64)>,
    pub(super) tty: bool,
    pub(super) driver: String,
    pub(super) max_size: Option<String>,
    pub(super) term: Option<i64>,
    pub(super) refuses: Option<String>,
    pub(super) unmade: Option<String>,
    pub(super) unplaced: Option<String>,
    pub(super) user: String,
    pub(super) execs: Vec<(String, Vec<Answer>)>,
    pub(super) files: BTreeMap<String, Bytes>,
    pub(super) log_cuts: Vec<usize>,
}

/// One thing that a container does.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Health(&'static str, String),
    Write(Stream, Bytes),
    Oom,
    Exit(i64),
}

/// What a command in a container answers.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub(super) out: Bytes,
    pub(super) err: Bytes,
    pub(super) exit: i64,
    pub(super) after: Duration,
    pub(super) echo: bool,
    pub(super) cut: bool,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            acts: Vec::new(),
            at: Duration::ZERO,
            next: None,
            policy: None,
            tty: false,
            driver: "json-file".into(),
            max_size: None,
            term: Some(143),
            refuses: None,
            unmade: None,
            unplaced: None,
            user: String::new(),
            execs: Vec::new(),
            files: BTreeMap::new(),
            log_cuts: Vec::new(),
        }
    }
}

impl Script {
    /// Runs until it is stopped and says nothing.
    pub fn new() -> Script {
        Script::default()
    }

    /// What follows happens so many seconds after the start.
    #[must_use]
    pub fn after(self, seconds: u64) -> Script {
        self.after_ms(seconds * 1000)
    }

    /// What follows happens so many milliseconds after the start.
    #[must_use]
    pub fn after_ms(mut self, milliseconds: u64) -> Script {
        self.at = Duration::from_millis(milliseconds);
        self
    }

    fn act(mut self, act: Act) -> Script {
        self.acts.push((self.at, act));
        self
    }

    /// Its healthcheck succeeds. Without any word about health it has no healthcheck, unless its compose file has one.
    #[must_use]
    pub fn healthy(self) -> Script {
        self.act(Act::Health("healthy", String::new()))
    }

    /// Its healthcheck has failed too often, printing this.
    #[must_use]
    pub fn unhealthy(self, output: &str) -> Script {
        self.act(Act::Health("unhealthy", output.into()))
    }

    /// Its healthcheck has failed once more, printing this, and may do so again.
    #[must_use]
    pub fn ailing(self, output: &str) -> Script {
        self.act(Act::Health("starting", output.into()))
    }

    /// Writes to its standard output, as one write: the engine makes entries of its lines.
    #[must_use]
    pub fn out(self, text: impl Into<Bytes>) -> Script {
        self.act(Act::Write(Stream::Stdout, text.into()))
    }

    /// Writes to its standard error.
    #[must_use]
    pub fn err(self, text: impl Into<Bytes>) -> Script {
        self.act(Act::Write(Stream::Stderr, text.into()))
    }

    /// Ends with an exit code.
    #[must_use]
    pub fn exit(self, code: i64) -> Script {
        self.act(Act::Exit(code))
    }

    /// Is killed for its memory.
    #[must_use]
    pub fn oom(self) -> Script {
        self.act(Act::Oom)
    }

    /// What it does from its next start on.
    #[must_use]
    pub fn then(mut self, next: Script) -> Script {
        match &mut self.next {
            Some(later) => **later = (**later).clone().then(next),
            None => self.next = Some(Box::new(next)),
        }
        self
    }

    /// Its restart policy, over that of its compose file: `no`, `always`, `unless-stopped`, `on-failure` with tries.
    #[must_use]
    pub fn restart(mut self, policy: &str, tries: u64) -> Script {
        self.policy = Some((policy.into(), tries));
        self
    }

    /// Has a terminal.
    #[must_use]
    pub fn tty(mut self) -> Script {
        self.tty = true;
        self
    }

    /// Its log driver: `none` and its log cannot be read.
    #[must_use]
    pub fn driver(mut self, driver: &str) -> Script {
        self.driver = driver.into();
        self
    }

    /// Its log is rotated at this size, by `Fake::rotate`.
    #[must_use]
    pub fn max_size(mut self, size: &str) -> Script {
        self.max_size = Some(size.into());
        self
    }

    /// Does not end on its stop signal.
    #[must_use]
    pub fn ignores_term(mut self) -> Script {
        self.term = None;
        self
    }

    /// Cannot be started: the engine answers this.
    #[must_use]
    pub fn refuses(mut self, answer: &str) -> Script {
        self.refuses = Some(answer.into());
        self
    }

    /// Cannot be made: the engine answers this, and a swarm rejects its task.
    #[must_use]
    pub fn unmade(mut self, answer: &str) -> Script {
        self.unmade = Some(answer.into());
        self
    }

    /// Its task stays without a node: a swarm's scheduler says this.
    #[must_use]
    pub fn unplaced(mut self, answer: &str) -> Script {
        self.unplaced = Some(answer.into());
        self
    }

    /// The user of its process.
    #[must_use]
    pub fn user(mut self, user: &str) -> Script {
        self.user = user.into();
        self
    }

    /// What a command that contains the text (words joined by spaces) answers, one after the other, the last for good.
    /// Any other command is not found: exit code 127.
    #[must_use]
    pub fn exec(mut self, command: &str, answers: impl IntoIterator<Item = Answer>) -> Script {
        self.execs.push((command.into(), answers.into_iter().collect()));
        self
    }

    /// A file in it.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Bytes>) -> Script {
        self.files.insert(path.into(), content.into());
        self
    }

    /// The first reading of its log is cut off after so many frames, the second after so many, and so on.
    #[must_use]
    pub fn log_cuts(mut self, frames: impl IntoIterator<Item = usize>) -> Script {
        self.log_cuts = frames.into_iter().collect();
        self
    }

    /// The script of the n-th start, from 0.
    pub(super) fn of_start(&self, number: u64) -> &Script {
        match &self.next {
            Some(next) if number > 0 => next.of_start(number - 1),
            _ => self,
        }
    }

    pub(super) fn has_health(&self) -> bool {
        self.acts.iter().any(|(_, act)| matches!(act, Act::Health(..)))
            || self.next.as_ref().is_some_and(|next| next.has_health())
    }
}

impl Answer {
    /// Prints to standard output and ends with 0.
    pub fn out(text: impl Into<Bytes>) -> Answer {
        Answer {
            out: text.into(),
            ..Answer::default()
        }
    }

    /// Prints to standard error and ends with a code.
    pub fn err(text: impl Into<Bytes>, exit: i64) -> Answer {
        Answer {
            err: text.into(),
            exit,
            ..Answer::default()
        }
    }

    /// Prints what it reads.
    pub fn echo() -> Answer {
        Answer {
            echo: true,
            ..Answer::default()
        }
    }

    /// Ends with this code.
    #[must_use]
    pub fn exit(mut self, exit: i64) -> Answer {
        self.exit = exit;
        self
    }

    /// Ends after its output has: the connection to it is cut.
    #[must_use]
    pub fn cut(mut self) -> Answer {
        self.cut = true;
        self
    }

    /// Takes so many milliseconds.
    #[must_use]
    pub fn after_ms(mut self, milliseconds: u64) -> Answer {
        self.after = Duration::from_millis(milliseconds);
        self
    }
}
