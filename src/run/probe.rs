//! Probes: questions asked again and again in the background, their answers and outages counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::attempt::{Limits, explain, judge, limits, shown};
use super::walk::{Ended, Walk};
use crate::event::{Fault, StepInfo, What};
use crate::step::{Act, Bound, Case, Repeat};
use crate::template::Scope;

/// So many bytes of different answers are kept: each answer tells them anew.
const MAX_VALUES: usize = 1 << 20;
/// What an answer that is kept takes beside its text.
const AROUND: usize = 16;

/// The probes of a case.
#[derive(Default)]
pub(crate) struct Probes {
    running: Mutex<Vec<Probe>>,
    end: CancellationToken,
}

struct Probe {
    name: String,
    /// The step that started it.
    info: StepInfo,
    must_hold: bool,
    broken: Arc<AtomicBool>,
    task: JoinHandle<Record>,
}

/// What a probe has seen so far.
#[derive(Debug, Default)]
struct Record {
    answers: u64,
    failures: u64,
    /// The outage that goes on now, and the longest one; an outage is from the last answer to the next one.
    last_answer: Option<Instant>,
    failing: bool,
    max_outage: Duration,
    total_outage: Duration,
    first_failure: Option<Fault>,
    /// The last answer that is another than the one before it, if it was not told yet. All of those are in the summary
    /// alone; none once they are too long, and never only a part.
    new_value: Option<Value>,
    last_value: Option<Value>,
    /// The bytes that all of these take.
    size: usize,
}

impl Record {
    fn answered(&mut self, outputs: &Value) {
        let now = Instant::now();
        self.answers += 1;
        if self.failing {
            self.count_outage(now);
        }
        self.failing = false;
        self.last_answer = Some(now);
        let value = outputs
            .get("json")
            .or_else(|| outputs.get("stdout"))
            .or_else(|| outputs.get("body"));
        if let Some(value) = value.filter(|value| !value.is_null() && self.last_value.as_ref() != Some(value)) {
            self.keep(value.clone());
        }
    }

    fn keep(&mut self, value: Value) {
        self.size = self.size.saturating_add(value.to_string().len() + AROUND);
        self.new_value = Some(value.clone());
        self.last_value = Some(value);
    }

    fn failed(&mut self, fault: &Fault, began: Instant) {
        self.failures += 1;
        self.failing = true;
        self.last_answer.get_or_insert(began);
        self.first_failure.get_or_insert_with(|| fault.clone());
    }

    fn count_outage(&mut self, now: Instant) {
        (self.max_outage, self.total_outage) = self.outages(now);
    }

    /// Why it did not hold, if it did not.
    fn fault(self, name: &str) -> Option<Fault> {
        let failures = self.failures;
        let told = |first: Fault| Fault {
            message: format!(
                "probe `{name}` must hold, and failed {failures} times: {}",
                first.message
            ),
            ..first
        };
        let silent = || Fault::error(format!("probe `{name}` never had an answer"));
        self.first_failure
            .map(told)
            .or_else(|| (self.answers == 0).then(silent))
    }

    /// The longest outage and all together, with the one that goes on.
    fn outages(&self, now: Instant) -> (Duration, Duration) {
        let last = self.last_answer.filter(|_| self.failing);
        let outage = last.map_or(Duration::ZERO, |last| now - last);
        (self.max_outage.max(outage), self.total_outage + outage)
    }

    /// Brings what expressions and `state-assert` see of it up to now; the values that are told already stay as they are.
    fn tell(&mut self, summary: &mut Value) {
        let (max_outage, outage) = self.outages(Instant::now());
        summary["answers"] = self.answers.into();
        summary["failures"] = self.failures.into();
        summary["max_outage"] = crate::event::duration_text(max_outage.as_secs_f64()).into();
        summary["outage"] = crate::event::duration_text(outage.as_secs_f64()).into();
        summary["first_failure"] = self.first_failure.as_ref().map(|fault| fault.message.as_str()).into();
        let values = &mut summary["values"];
        if self.size > MAX_VALUES {
            *values = Value::Null;
        } else if let Some(values) = values.as_array_mut() {
            values.extend(self.new_value.take());
        } else {
            *values = Value::Array(self.new_value.take().into_iter().collect());
        }
    }
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
            limits,
            broken: Arc::clone(&broken),
        };
        asking.tell(name, &mut Record::default());
        let probe = Probe {
            name: name.to_owned(),
            info: info.clone(),
            must_hold: step.must_hold,
            broken,
            task: tokio::spawn(asking.run(name.to_owned())),
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
fn end_step(case: &Case, step: StepInfo, checks: bool, faults: Vec<Fault>) {
    case.emitter.emit(What::StepEnded {
        step,
        outcome: super::attempt::outcome(&faults),
        reason: None,
        seconds: 0.0,
        parts: BTreeMap::new(),
        outputs: Value::Null,
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

    /// Ends them all and tells their answers; the faults are those of probes that must hold and did not.
    pub(crate) async fn finish(&self, case: &Case) -> Vec<Fault> {
        self.end.cancel();
        let running = std::mem::take(&mut *self.lock());
        let mut faults = Vec::new();
        for probe in running {
            let mut record = match probe.task.await {
                Ok(record) => record,
                Err(broken) => {
                    faults.push(super::broken::fault(&format!("probe `{}`: {broken}", probe.name)));
                    continue;
                }
            };
            case.tell_probe(&probe.name, |summary| record.tell(summary));
            let summary = case.probes()[&probe.name].clone();
            case.emitter.emit(What::ProbeEnded {
                probe: probe.name.clone(),
                summary,
            });
            if let Some(fault) = record.fault(&probe.name).filter(|_| probe.must_hold) {
                let fault = fault.at(probe.info.place.clone());
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
}

impl Asking {
    async fn run(self, name: String) -> Record {
        let mut record = Record::default();
        let end = self.walk.cancel.clone();
        while !end.is_cancelled() {
            let began = Instant::now();
            let result = tokio::select! {
                result = self.ask(&record) => result,
                () = end.cancelled() => break,
            };
            match result {
                Ok(outputs) => record.answered(&outputs),
                Err(fault) => {
                    self.broken.store(true, Ordering::Relaxed);
                    record.failed(&fault, began);
                }
            }
            self.tell(&name, &mut record);
            tokio::select! {
                () = crate::wait::pause(self.limits.every.saturating_sub(began.elapsed())) => {}
                () = end.cancelled() => {}
            }
        }
        record
    }

    fn tell(&self, name: &str, record: &mut Record) {
        self.walk.case.tell_probe(name, |summary| record.tell(summary));
    }

    async fn ask(&self, record: &Record) -> Result<Value, Fault> {
        let number = record.answers + record.failures;
        let limit = self.limits.attempt;
        let mut cx = self.walk.cx(&self.step, &self.info, &self.scope);
        cx.scope.salt = format!("{} {number}", self.info.path);
        cx.expect.clone_from(&self.step.expect);
        cx.limit = limit;
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
        if record.first_failure.is_none() {
            explain(&cx, self.act.as_ref(), &outputs, &mut faults).await;
        }
        faults.into_iter().next().map_or(Ok(outputs), Err)
    }
}
