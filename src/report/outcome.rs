//! Outcomes in words, and the exit code that a run's outcomes make.

use crate::diagnostic::Level;
use crate::event::Outcome;
pub use crate::event::Rules;
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

/// The exit code of a run by its cases: 0 well, 1 failed, 3 errored, 4 nothing selected, 130 interrupted.
pub fn exit_code_of(outcomes: &[Outcome], interrupted: bool, rules: Rules) -> u8 {
    if interrupted {
        130
    } else if outcomes.iter().any(|outcome| rules.fails(*outcome)) {
        1
    } else if outcomes.contains(&Outcome::Errored) {
        3
    } else if outcomes.is_empty() {
        4
    } else {
        0
    }
}

/// The exit code of all that was told: that of the cases, 2 for invalid files, and what is wrong with a run counts.
///
/// The event that ends a run holds the exit code and is part of the tally: make it with any code, let the tally take
/// it, and put this one in.
pub fn exit_code(tally: &Tally) -> u8 {
    let mut outcomes: Vec<Outcome> = tally.cases().map(|case| case.outcome()).collect();
    outcomes.extend(
        tally
            .runs
            .values()
            .flat_map(|run| &run.faults)
            .map(|fault| fault.outcome()),
    );
    if tally
        .diagnostics
        .iter()
        .any(|diagnostic| tally.rules.refuses(diagnostic.level))
    {
        2
    } else {
        exit_code_of(&outcomes, tally.interrupted(), tally.rules)
    }
}

#[cfg(test)]
mod tests {
    use super::{Rules, exit_code};
    use crate::diagnostic::Level;
    use crate::event::{Event, Fault, Outcome, What};
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
