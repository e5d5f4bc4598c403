//! Probes: questions asked again and again in the background, their answers and outages counted.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::attempt::{Limits, explain, judge, limits, shown};
use super::walk::{Ended, Walk};
use crate::event::{Counts, Fault, StepInfo, What};
use crate::step::{Act, Bound, Case, Repeat, Seen};
use crate::template::Scope;

/// The probes of a case.
#[derive(Default)]
pub(crate) struct Probes {
    running: Mutex<Vec<Probe>>,
    /// What an earlier run found, where that is only judged again.
    went: Mutex<Vec<Fault>>,
    end: CancellationToken,
}

struct Probe {
    name: String,
    /// The step that started it.
    info: StepInfo,
    must_hold: bool,
    broken: Arc<AtomicBool>,
    record: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Walk {
    /// Starts a probe; from here on its question is asked until the scenario's end.
    pub(super) async fn probe(
        &self,
        step: &Bound,
        act: &Arc<dyn Act>,
        (name, info): (&str, StepInfo),
        scope: &Scope,
    ) -> Ended {
        let limits = match limits(&self.cx(step, &info, scope), step, Repeat::PROBE).await {
            Ok(limits) => limits,
            Err(faults) => return self.ended_before(step, info, faults),
        };
        self.case.emitter.emit(What::StepStarted { step: info.clone() });
        let broken = Arc::new(AtomicBool::new(false));
        let asking = Asking {
            walk: Walk {
                cancel: self.probes.end.clone(),
                ..self.clone()
            },
            step: step.clone(),
            act: Arc::clone(act),
            info: info.clone(),
            scope: scope.clone(),
            record: Arc::new(Seen::every(limits.every)),
            limits,
            broken: Arc::clone(&broken),
        };
        self.case.sees_probe(name, Arc::clone(&asking.record));
        let probe = Probe {
            name: name.to_owned(),
            info: info.clone(),
            must_hold: step.must_hold,
            broken,
            record: Arc::clone(&asking.record),
            task: tokio::spawn(asking.run()),
        };
        self.probes.lock().push(probe);
        end_step(&self.case, info, step.must_hold, Vec::new());
        Ended {
            checked: step.must_hold,
            ..Ended::default()
        }
    }
}

/// How the step of a probe ended: when it has started to ask, and again when what it had to hold did not.
pub(super) fn end_step(case: &Case, step: StepInfo, checks: bool, faults: Vec<Fault>) {
    case.emitter.emit(What::StepEnded {
        step,
        outcome: super::attempt::outcome(&faults),
        reason: None,
        seconds: 0.0,
        parts: BTreeMap::new(),
        outputs: Value::Null,
        cut: Vec::new(),
        faults,
        attempts: 0,
        checks,
    });
}

impl Probes {
    fn lock(&self) -> MutexGuard<'_, Vec<Probe>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends their asking when it is dropped.
    pub(crate) fn end_on_drop(&self) -> DropGuard {
        self.end.clone().drop_guard()
    }

    /// True when one that must hold has not.
    pub(crate) fn broken(&self) -> bool {
        let must_hold = |probe: &Probe| probe.must_hold && probe.broken.load(Ordering::Relaxed);
        self.lock().iter().any(must_hold)
    }

    /// What one of an earlier run had found at its end.
    pub(super) fn went(&self, faults: Vec<Fault>) {
        self.went.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    /// What those of an earlier run had found.
    pub(super) fn found(&self) -> Vec<Fault> {
        std::mem::take(&mut *self.went.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends them all and tells their answers; the faults are those of probes that must hold and did not.
    pub(crate) async fn finish(&self, case: &Case, counts: Counts) -> Vec<Fault> {
        self.end.cancel();
        let running = std::mem::take(&mut *self.lock());
        let mut faults = Vec::new();
        for probe in running {
            if let Err(broken) = probe.task.await {
                faults.push(super::broken::fault(&format!("probe `{}`: {broken}", probe.name)));
                continue;
            }
            let summary = case.probes()[&probe.name].clone();
            case.emitter.emit(What::ProbeEnded {
                probe: probe.name.clone(),
                summary,
            });
            let fault = probe.record.now().fault(&probe.name);
            if let Some(fault) = fault.filter(|_| probe.must_hold) {
                let fault = Fault { counts, ..fault }.at(probe.info.place.clone());
                end_step(case, probe.info, true, vec![fault.clone()]);
                faults.push(fault);
            }
        }
        faults
    }
}

/// All that asking needs, owned: it outlives the step that started it.
struct Asking {
    walk: Walk,
    step: Bound,
    act: Arc<dyn Act>,
    info: StepInfo,
    scope: Scope,
    limits: Limits,
    broken: Arc<AtomicBool>,
    record: Arc<Seen>,
}

impl Asking {
    async fn run(self) {
        let end = self.walk.cancel.clone();
        while !end.is_cancelled() {
            let began = Instant::now();
            self.record.begins(self.walk.case.at_work());
            let ask = self.ask();
            tokio::pin!(ask);
            let result = tokio::select! {
                result = &mut ask => result,
                () = end.cancelled() => match self.last_answer(ask).await {
                    Some(result) => result,
                    None => break,
                },
            };
            match result {
                Ok(outputs) => self.record.answered(&outputs),
                Err(fault) => {
                    self.broken.store(true, Ordering::Relaxed);
                    self.record.failed(&fault, self.walk.case.at_work());
                }
            }
            tokio::select! {
                () = crate::wait::pause(self.limits.every.saturating_sub(began.elapsed())) => {}
                () = end.cancelled() => {}
            }
        }
        self.record.now().ends();
    }

    /// The answer to the question that is open at the end: of a probe that must hold, one that is late is waited for until
    /// its limit, since nobody knows whether it would have held.
    async fn last_answer(&self, ask: impl Future<Output = Result<Value, Fault>>) -> Option<Result<Value, Fault>> {
        let is_late = self.record.now().is_late();
        if !self.step.must_hold || !is_late {
            return None;
        }
        self.walk.interrupt.run_until_cancelled(ask).await
    }

    async fn ask(&self) -> Result<Value, Fault> {
        let (number, is_first_failure) = {
            let record = self.record.now();
            (record.answers + record.failures, record.first_failure.is_none())
        };
        let limit = self.limits.attempt;
        let mut cx = self.walk.cx(&self.step, &self.info, &self.scope);
        cx.scope.salt = format!("{} {number}", self.info.path);
        cx.expect.clone_from(&self.step.expect);
        cx.limit = limit;
        cx.again = true;
        cx.deadline = Instant::now() + limit;
        let late = || Fault::failure(format!("no answer within {}", shown(limit)));
        let result = tokio::time::timeout(limit, self.act.act(&cx))
            .await
            .map_err(|_| late())?;
        let (outputs, mut faults) = match result {
            Ok(outputs) => {
                let (Ok(faults) | Err(faults)) = judge(&cx, self.step.kind, &outputs).await;
                (outputs, faults)
            }
            Err(faults) if faults.is_empty() => (Value::Null, vec![late()]),
            Err(faults) => (Value::Null, faults),
        };
        // Only the first failure is told in full.
        if is_first_failure {
            explain(&cx, self.act.as_ref(), &outputs, &mut faults).await;
            if self.step.must_hold {
                cx.stands();
            }
        }
        faults.into_iter().next().map_or(Ok(outputs), Err)
    }
}
