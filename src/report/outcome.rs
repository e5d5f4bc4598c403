//! Outcomes in words, and the exit code that a run's outcomes make.

use crate::diagnostic::Level;
pub use crate::event::Rules;
use crate::event::{Fault, Outcome};
use crate::report::case::Case;
use crate::report::tally::Tally;

/// All outcomes, worst first: the order in which reports name them.
pub const WORST_FIRST: [Outcome; 7] = [
    Outcome::Errored,
    Outcome::Failed,
    Outcome::Flaky,
    Outcome::NotVerified,
    Outcome::Passed,
    Outcome::KnownIssue,
    Outcome::Skipped,
];

impl Rules {
    /// True where the outcome fails the run.
    pub fn fails(self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Failed => true,
            Outcome::Flaky => self.flaky_fails,
            Outcome::NotVerified => self.strict,
            Outcome::Errored | Outcome::Passed | Outcome::Skipped | Outcome::KnownIssue => false,
        }
    }

    /// True where a problem in a file keeps everything from starting.
    pub fn refuses(self, level: Level) -> bool {
        match level {
            Level::Error => true,
            Level::Warning => self.strict,
            Level::Note => false,
        }
    }

    /// What is strict for one of them is strict.
    pub fn and(self, other: Rules) -> Rules {
        Rules {
            strict: self.strict || other.strict,
            flaky_fails: self.flaky_fails || other.flaky_fails,
        }
    }
}

/// The language's word for an outcome.
pub fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Skipped => "skipped",
        Outcome::KnownIssue => "known issue",
        Outcome::Passed => "passed",
        Outcome::NotVerified => "not verified",
        Outcome::Flaky => "flaky",
        Outcome::Failed => "failed",
        Outcome::Errored => "errored",
    }
}

/// The exit code of all that was told: 0 well, 1 failed, 2 invalid files, 3 errored, 4 nothing selected, 130 interrupted.
///
/// What failed is told by it also where more could not be found out, in the same case too; and what is wrong with a run
/// counts as what is wrong with a case.
pub fn exit_code(tally: &Tally) -> u8 {
    let invalid = tally.diagnostics.iter().any(|one| tally.rules.refuses(one.level));
    let of_runs = || tally.runs.values().flat_map(|run| &run.faults).map(Fault::outcome);
    let failed = |case: &Case| case.failed() || tally.rules.fails(case.outcome());
    let errored = |case: &Case| case.outcome() == Outcome::Errored;
    if invalid {
        2
    } else if tally.interrupted() {
        130
    } else if tally.cases().any(failed) || of_runs().any(|outcome| outcome == Outcome::Failed) {
        1
    } else if tally.cases().any(errored) || of_runs().any(|outcome| outcome == Outcome::Errored) {
        3
    } else if tally.cases().next().is_none() {
        4
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::{Rules, exit_code};
    use crate::diagnostic::Level;
    use crate::event::{Event, Fault, FaultKind, Outcome, Phase, What};
    use crate::report::sample;
    use crate::report::tally::Tally;

    const STRICT: Rules = Rules {
        strict: true,
        flaky_fails: false,
    };
    const FLAKY: Rules = Rules {
        strict: false,
        flaky_fails: true,
    };

    fn check(events: &[Event], rules: Rules, expected: u8) {
        let mut tally = Tally::new(rules);
        for event in events {
            tally.event(event);
        }
        assert_eq!(exit_code(&tally), expected, "{events:#?}");
    }

    #[test]
    fn outcomes_make_the_exit_code() {
        let none = Rules::default();
        for (outcomes, rules, expected) in [
            (&[Outcome::Passed, Outcome::Skipped, Outcome::KnownIssue][..], STRICT, 0),
            (&[Outcome::Passed, Outcome::Failed], none, 1),
            (&[Outcome::Errored, Outcome::Failed], none, 1),
            (&[Outcome::Errored, Outcome::Passed], none, 3),
            (&[Outcome::NotVerified], none, 0),
            (&[Outcome::NotVerified], STRICT, 1),
            (&[Outcome::Flaky], none, 0),
            (&[Outcome::Flaky], FLAKY, 1),
            (&[], none, 4),
        ] {
            check(&sample::run_of(outcomes), rules, expected);
        }
    }

    #[test]
    fn what_is_wrong_with_the_run_counts_too() {
        let mut events = sample::run_of(&[Outcome::Passed]);
        events.pop();
        // The events just end: the run was killed.
        check(&events, Rules::default(), 130);
        events.push(sample::run_ended(true, Vec::new()));
        check(&events, Rules::default(), 130);
        events.pop();
        events.push(sample::run_ended(false, vec![Fault::error("the engine went away")]));
        check(&events, Rules::default(), 3);
        events.pop();
        events.push(sample::run_ended(false, vec![Fault::failure("left behind: a volume")]));
        check(&events, Rules::default(), 1);
    }

    /// The fault of a step in this phase, and what the case came to for it.
    fn of_step(phase: Phase, kind: FaultKind, soft: bool, outcome: Outcome) -> Vec<Event> {
        let fault = Fault {
            soft,
            kind,
            ..Fault::failure("wrong")
        };
        let step = sample::step("one", phase, "assert", sample::place("a.yaml", 1, 1, ""));
        let mut events = sample::run_of(&[outcome]);
        let ended = sample::step_ended(&step, fault.outcome(), 0.1, vec![fault]);
        events.insert(2, sample::event(1.5, Some(1), ended));
        events
    }

    #[test]
    fn what_failed_counts_in_an_errored_case_too() {
        let none = Rules::default();
        check(&sample::errored_and_failed(), none, 1);
        for (phase, kind, soft, expected) in [
            (Phase::Steps, FaultKind::Failure, false, 1),
            (Phase::Then, FaultKind::Failure, true, 1),
            (Phase::Then, FaultKind::Error, false, 3),
            (Phase::Given, FaultKind::Failure, false, 3),
            (Phase::Given, FaultKind::Failure, true, 1),
            (Phase::OnFailure, FaultKind::Failure, false, 3),
            (Phase::Cleanup, FaultKind::Failure, false, 3),
            (Phase::Cleanup, FaultKind::Failure, true, 1),
        ] {
            check(&of_step(phase, kind, soft, Outcome::Errored), none, expected);
            check(&of_step(phase, kind, soft, Outcome::KnownIssue), none, 0);
        }
    }

    #[test]
    fn only_the_last_try_counts() {
        let mut events = sample::errored_and_failed();
        events.insert(
            7,
            sample::of_try(4.0, Some((1, 2)), sample::case_ended(Outcome::Errored, 1.0)),
        );
        check(&events, Rules::default(), 3);
    }

    #[test]
    fn the_rules_come_with_the_run() {
        let told = |outcome, told: Rules| {
            let mut events = sample::run_of(&[outcome]);
            let What::RunStarted { rules, .. } = &mut events[0].what else {
                panic!("a run begins with its beginning")
            };
            *rules = told;
            events
        };
        check(&told(Outcome::NotVerified, STRICT), Rules::default(), 1);
        check(&told(Outcome::Flaky, FLAKY), Rules::default(), 1);
        check(&told(Outcome::Flaky, STRICT), Rules::default(), 0);
        let warned = What::Invalid {
            diagnostics: vec![sample::diagnostic(Level::Warning)],
            rules: STRICT,
        };
        check(&[sample::event(0.0, None, warned)], Rules::default(), 2);
    }

    #[test]
    fn problems_in_files_come_first() {
        let invalid = |level| {
            let diagnostics = vec![sample::diagnostic(level)];
            let rules = Rules::default();
            sample::event(0.0, None, What::Invalid { diagnostics, rules })
        };
        check(&[invalid(Level::Error)], Rules::default(), 2);
        check(&[invalid(Level::Warning)], STRICT, 2);
        let with_warning = [vec![invalid(Level::Warning)], sample::run_of(&[Outcome::Passed])].concat();
        check(&with_warning, Rules::default(), 0);
    }
}
