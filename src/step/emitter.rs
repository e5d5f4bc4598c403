//! How a run and its cases tell of themselves: events, numbered, timed and masked.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::declared::is_short;
use crate::event::{CaseId, Event, What};
use crate::mask::{CaseMasks, Masks};

/// Makes events: numbered, timed and masked.
#[derive(Clone)]
pub struct Emitter {
    run: Arc<str>,
    began: Instant,
    case: Option<CaseId>,
    sink: UnboundedSender<Event>,
    /// What it hides.
    pub masks: Arc<Masks>,
    /// What the whole run hides.
    of_run: Arc<Masks>,
    /// What each case hides.
    pub of_cases: Arc<CaseMasks>,
}

impl Emitter {
    /// For a run.
    pub fn new(run: &str, sink: UnboundedSender<Event>) -> Self {
        let masks = Arc::<Masks>::default();
        Emitter {
            run: run.into(),
            began: Instant::now(),
            case: None,
            sink,
            of_run: Arc::clone(&masks),
            masks,
            of_cases: Arc::default(),
        }
    }

    /// For a case of the run, with masks of its own beside those of the run.
    #[must_use]
    pub fn of_case(&self, case: CaseId) -> Self {
        Emitter {
            masks: self.of_cases.begin(&case, &self.of_run),
            case: Some(case),
            ..self.clone()
        }
    }

    /// Hides from here on in the whole run: in the cases that have begun, and in those that will.
    pub fn hide_everywhere(&self, hide: impl Fn(&Masks)) {
        self.of_cases.hide_everywhere(&self.of_run, hide);
    }

    /// Hides what a secret holds from here on: in the whole run, unless it is so short that it may stand in any word.
    pub fn hide_secret(&self, bytes: &[u8]) {
        match is_short(bytes) {
            true => self.masks.add_bytes(bytes),
            false => self.hide_everywhere(|masks| masks.add_bytes(bytes)),
        }
    }

    /// The same, with other masks.
    #[must_use]
    pub fn hiding(&self, masks: Masks) -> Self {
        Emitter {
            masks: Arc::new(masks),
            ..self.clone()
        }
    }

    /// Seconds since the run began.
    pub fn elapsed(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Tells what happened.
    pub fn emit(&self, what: What) {
        let event = Event {
            run: self.run.to_string(),
            at: wall_clock(),
            elapsed: self.elapsed(),
            case: self.case.clone(),
            what: self.masked(what),
        };
        // Nobody listens any more only when the process is ending.
        let _ = self.sink.send(event);
    }

    /// Tells something that is no fault.
    pub fn note(&self, text: &str) {
        self.emit(What::Note { text: text.to_owned() });
    }

    fn masked(&self, what: What) -> What {
        // Nothing of one that cannot be hidden may be shown.
        self.masks.hidden(what).unwrap_or_else(|why| What::Note {
            text: format!("an event with hidden values cannot be told: {}", why.line()),
        })
    }
}

/// Now, RFC 3339 in UTC with milliseconds.
pub fn wall_clock() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Millisecond).unwrap_or(now).to_string()
}
