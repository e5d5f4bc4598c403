//! The events themselves, a line each; and read again, so that every report can be made from the file.

use std::io::BufRead;
use std::path::PathBuf;

use crate::event::Event;
use crate::report::tally::Tally;
use crate::report::{Artifact, Piece, Reporter, Settings};

/// Appends each event as it comes, so that a killed run has its events, too.
pub struct Jsonl {
    path: PathBuf,
}

impl Jsonl {
    /// Makes the reporter.
    pub fn new(settings: &Settings) -> Jsonl {
        Jsonl {
            path: settings.events.clone().unwrap_or_default(),
        }
    }
}

impl Reporter for Jsonl {
    fn event(&mut self, event: &Event, _tally: &Tally) -> Vec<Piece> {
        vec![Piece::Append(Artifact {
            path: self.path.clone(),
            bytes: line(event),
        })]
    }
}

/// An event as its line, with the line's end.
pub fn line(event: &Event) -> Vec<u8> {
    // An event has only string keys and finite structure, so nothing in it can refuse to be written.
    let mut bytes = serde_json::to_vec(event).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// A line that is no event.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the event in line {line}: {cause}")]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub cause: String,
}

/// Reads the events of one file, or of several one after the other: shards are merged by concatenation.
///
/// Empty lines are passed over. A last line that was cut off (no line end) is left out when it cannot be read: the run
/// was killed while it was written.
pub fn read(bytes: &[u8]) -> Result<Vec<Event>, BadLine> {
    events(bytes).collect()
}

/// The same, an event at a time.
pub fn events(mut from: impl BufRead) -> impl Iterator<Item = Result<Event, BadLine>> {
    let (mut number, mut line) = (0, Vec::new());
    std::iter::from_fn(move || {
        loop {
            line.clear();
            number += 1;
            let bad = |cause| BadLine { line: number, cause };
            match from.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim_ascii().is_empty() => continue,
                Ok(_) => {}
                Err(error) => return Some(Err(bad(error.to_string()))),
            }
            match serde_json::from_slice(&line) {
                Ok(event) => return Some(Ok(event)),
                Err(_) if !line.ends_with(b"\n") => return None,
                Err(error) => return Some(Err(bad(cause(&error)))),
            }
        }
    })
}

/// The error with its column; its own line number is always 1 and would mislead.
fn cause(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let (message, _) = text.rsplit_once(" at line ").unwrap_or((&text, ""));
    if error.column() > 0 {
        format!("{message} at column {}", error.column())
    } else {
        message.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{Jsonl, line, read};
    use crate::event::{Event, Outcome};
    use crate::mask::Masks;
    use crate::report::tally::Tally;
    use crate::report::{Piece, Reporter, Settings, sample};

    #[test]
    fn what_was_written_is_read_again() {
        let events = [sample::shop(), sample::hostile("\u{fffe}\0]]>\r\n\x1b[31m\u{2028}")].concat();
        let settings = Settings {
            events: Some("events.jsonl".into()),
            ..Settings::default()
        };
        let mut reporter = Jsonl::new(&settings);
        let mut written = Vec::new();
        for event in &events {
            for piece in reporter.event(event, &Tally::default()) {
                let Piece::Append(artifact) = piece else {
                    panic!("{piece:?}")
                };
                assert_eq!(artifact.path.to_str(), Some("events.jsonl"));
                written.extend(artifact.bytes);
            }
        }
        assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), events.len());
        assert_eq!(read(&written).unwrap(), events);
    }

    #[test]
    fn however_short_a_hidden_value_is_all_is_told() {
        let events = [sample::shop(), sample::errored_and_failed(), sample::hostile("x")].concat();
        let told = |events: &[Event]| {
            let mut tally = Tally::default();
            events.iter().for_each(|event| tally.event(event));
            let faults = tally.cases().map(|case| (case.outcome(), case.faults().len()));
            faults.collect::<Vec<_>>()
        };
        let letters = ('a'..='z').chain('0'..='9').chain(['-']).map(String::from);
        for value in letters.chain(["it", "is", "as", "as-it-is"].map(String::from)) {
            let masks = Masks::default();
            masks.add(&value.as_str().into());
            let hidden = events.iter().map(|event| Event {
                what: masks
                    .hidden(event.what.clone())
                    .unwrap_or_else(|why| panic!("`{value}`: {why}: {event:?}")),
                ..event.clone()
            });
            assert_eq!(told(&hidden.collect::<Vec<_>>()), told(&events), "{value}");
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = line(&sample::run_ended(false, Vec::new()));
        let check = |bytes: &[u8], expected: Result<usize, &str>| {
            let got = read(bytes)
                .map(|events| events.len())
                .map_err(|error| error.to_string());
            assert_eq!(got, expected.map_err(str::to_owned));
        };
        check(b"", Ok(0));
        check(&[&good[..], b"\n", &good].concat(), Ok(2));
        check(&[&good[..], b"{\"run\": \"cut o"].concat(), Ok(1));
        check(
            &[&good[..], b"{\"run\": 1}\n", &good].concat(),
            Err("cannot read the event in line 2: invalid type: integer `1`, expected a string at column 9"),
        );
        check(
            b"\xff\xfe\n",
            Err("cannot read the event in line 1: expected value at column 1"),
        );
    }

    #[test]
    fn shards_are_merged_by_run_and_number() {
        let mut other = sample::run_of(&[Outcome::Failed]);
        for event in &mut other {
            event.run = "r2".to_owned();
        }
        let mut tally = Tally::default();
        // The two runs' events may even be mixed; case 1 of one is not case 1 of the other.
        for (a, b) in sample::run_of(&[Outcome::Passed]).iter().zip(&other) {
            tally.event(a);
            tally.event(b);
        }
        let outcomes: Vec<Outcome> = tally.cases().map(|case| case.outcome()).collect();
        assert_eq!(outcomes, [Outcome::Passed, Outcome::Failed]);
    }
}
