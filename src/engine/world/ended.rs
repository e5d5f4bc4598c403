//! How runs of a container ended: by themselves, or by a kill, since a stop signal did not end them.

use std::time::Duration;

use super::state::{ContainerState, Run};

/// The signal that nothing outlasts.
const KILL: u64 = 9;
/// The exit code of what it has ended.
const KILLED: &str = "die (exitCode 137)";

/// A run that its stop signal did not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlasted {
    /// The signal's number.
    pub signal: u64,
    /// How long after it the kill came.
    pub grace: Duration,
}

impl ContainerState {
    /// The beginnings and the exit codes of its runs from a number on, of those that have ended and that the engine has sent no
    /// signal.
    pub fn ends_by_itself(&self, from: usize) -> impl Iterator<Item = (i64, i64)> {
        let is_sent_one = |run: &Run, until: i64| {
            let within = run.started..=until;
            let mut signals = self.history.iter().filter(|it| signal(&it.what).is_some());
            signals.any(|it| within.contains(&it.at))
        };
        self.runs.iter().skip(from).filter_map(move |run| {
            let end = run.ended?;
            (!is_sent_one(run, end.at?)).then_some((run.started, end.exit?))
        })
    }

    /// The stops that its stop signal did not do: the engine tells of the signal, the kill, the end by it, and then that it has
    /// stopped it. Without this last word it was somebody else who killed it.
    pub fn outlasted(&self) -> Vec<Outlasted> {
        let (mut asked, mut outlasted, mut ended) = (None, None, None);
        let mut all = Vec::new();
        for it in &self.history {
            match (signal(&it.what), it.what.as_str()) {
                // Its stop is a kill at once: what was sent before was somebody's own wish.
                (Some(KILL), _) if self.stops_by_kill => {}
                (Some(KILL), _) => {
                    outlasted = asked.map(|(signal, at): (u64, i64)| Outlasted {
                        signal,
                        grace: Duration::from_nanos(u64::try_from(it.at - at).unwrap_or_default()),
                    });
                }
                (Some(signal), _) => asked = Some((signal, it.at)),
                (None, KILLED) => ended = outlasted.take(),
                (None, "stop") => all.extend(ended.take()),
                (None, "start") => (asked, outlasted, ended) = (None, None, None),
                _ => {}
            }
        }
        all
    }
}

/// The signal that the engine tells to have sent.
fn signal(what: &str) -> Option<u64> {
    what.strip_prefix("kill (signal ")?.strip_suffix(')')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::state::{End, Happened};
    use super::*;

    fn container(history: &[(i64, &str)], runs: &[(i64, i64, i64)]) -> ContainerState {
        let happened = history.iter().map(|(at, what)| Happened {
            at: at * 1_000_000_000,
            what: (*what).to_owned(),
        });
        let runs = runs.iter().map(|(started, ended, exit)| Run {
            started: started * 1_000_000_000,
            ended: Some(End {
                at: Some(ended * 1_000_000_000),
                exit: Some(*exit),
            }),
        });
        ContainerState {
            history: happened.collect(),
            runs: runs.collect(),
            ..ContainerState::default()
        }
    }

    #[test]
    fn a_run_that_was_sent_a_signal_did_not_end_by_itself() {
        let history = [(5, "kill (signal 15)"), (6, "die (exitCode 143)")];
        let it = container(&history, &[(0, 2, 9), (3, 6, 143), (7, 8, 9), (9, 10, 0)]);
        let ends = |from| {
            it.ends_by_itself(from)
                .map(|(began, code)| (began / 1_000_000_000, code))
        };
        assert_eq!(ends(0).collect::<Vec<_>>(), [(0, 9), (7, 9), (9, 0)]);
        assert_eq!(ends(1).collect::<Vec<_>>(), [(7, 9), (9, 0)]);
        let unseen = ContainerState {
            runs: vec![Run {
                started: 1,
                ended: Some(End { at: None, exit: None }),
            }],
            ..ContainerState::default()
        };
        assert_eq!(unseen.ends_by_itself(0).count(), 0);
    }

    #[test]
    fn nothing_outlasts_a_stop_that_is_a_kill() {
        let history = [
            (1, "kill (signal 1)"),
            (9, "kill (signal 9)"),
            (9, "die (exitCode 137)"),
            (9, "stop"),
        ];
        let it = container(&history, &[]);
        assert_eq!(it.outlasted().len(), 1);
        let killed = ContainerState {
            stops_by_kill: true,
            ..it
        };
        assert_eq!(killed.outlasted(), []);
    }

    #[test]
    fn only_what_the_engine_killed_after_its_own_stop_signal_outlasted_it() {
        let check = |history: &[(i64, &str)], expected: &[(u64, u64)]| {
            let expected = expected.iter().map(|(signal, seconds)| Outlasted {
                signal: *signal,
                grace: Duration::from_secs(*seconds),
            });
            let found = container(history, &[]).outlasted();
            assert_eq!(found, expected.collect::<Vec<_>>(), "{history:?}");
        };
        let killed = "die (exitCode 137)";
        let (term, kill) = ("kill (signal 15)", "kill (signal 9)");
        check(
            &[(0, "start"), (5, term), (15, kill), (15, killed), (16, "stop")],
            &[(15, 10)],
        );
        // The stop's own signal counts, and not one that somebody sent before.
        check(
            &[(1, "kill (signal 1)"), (5, term), (9, kill), (9, killed), (9, "stop")],
            &[(15, 4)],
        );
        check(&[(5, term), (6, "die (exitCode 143)"), (6, "stop")], &[]);
        check(&[(5, kill), (5, killed), (5, "stop")], &[]);
        // A step sent it, and the end of the case killed it.
        check(&[(5, term), (15, kill), (15, killed), (16, "destroy")], &[]);
        check(
            &[
                (5, term),
                (6, "die (exitCode 143)"),
                (7, "start"),
                (8, kill),
                (8, killed),
                (9, "stop"),
            ],
            &[],
        );
    }
}
