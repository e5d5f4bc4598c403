//! A run without nodes: no engine was reached, or it was interrupted before one was.

use std::collections::BTreeMap;

use super::prepare::Prepared;
use crate::event::{CaseId, Fault, Outcome, Rules, What};
use crate::run;
use crate::step::Emitter;

/// No engine: no case could be found out, and why is told once, of the run; without a fault it was interrupted.
pub(super) fn tell(
    emitter: Emitter,
    prepared: &Prepared,
    command: (Vec<String>, Option<String>),
    rules: (usize, Rules),
    fault: Option<Fault>,
) {
    emitter.emit(started(&emitter, prepared, command, rules));
    for job in prepared.jobs.iter().filter(|_| fault.is_some()) {
        let case = emitter.of_case(CaseId {
            number: job.seed.info.number,
            attempt: 1,
        });
        case.emit(What::CaseStarted {
            unique: String::new(),
            vars: BTreeMap::new(),
        });
        case.emit(What::CaseEnded {
            outcome: Outcome::Errored,
            reason: Some("no engine was reached".to_owned()),
            seconds: 0.0,
            parts: BTreeMap::new(),
            faults: Vec::new(),
            retried: false,
            started: false,
        });
    }
    emitter.emit(What::RunEnded {
        seconds: emitter.elapsed(),
        interrupted: fault.is_none(),
        faults: fault.into_iter().collect(),
    });
}

/// The beginning of a run without nodes.
fn started(
    emitter: &Emitter,
    prepared: &Prepared,
    (command, shuffle): (Vec<String>, Option<String>),
    (jobs, rules): (usize, Rules),
) -> What {
    run::hide_everywhere(emitter, &prepared.jobs);
    What::RunStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command,
        cases: prepared.jobs.iter().map(|job| job.told(emitter)).collect(),
        nodes: Vec::new(),
        passed_over: prepared.passed_over,
        jobs,
        rules,
        shuffle,
    }
}
