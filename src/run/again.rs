//! `--validate-only`: what was expected judged again, on the results that an earlier run left; nothing is done, and no
//! engine is asked. What acts is taken as it went.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::attempt::mark_soft;
use super::case::Running;
use super::ended::TryEnded;
use super::probe::end_step;
use super::stored::{Stored, StoredCase, StoredStep, UNREACHED};
use super::unsaved::{After, unsaved};
use super::walk::{Ended, Walk};
use super::{Env, Job, begin, hide_everywhere};
use crate::event::{CaseId, Outcome, Phase, StepInfo, What, count_text};
use crate::mask::HIDDEN;
use crate::plan::Plan;
use crate::step::{Act, Again, Block, Bound, Case, Cx, Done};
use crate::template::Scope;

impl StoredCase {
    /// What is done in place of a step; or why it is not judged again.
    pub(super) fn in_place_of(
        &self,
        step: &Bound,
        act: &Arc<dyn Act>,
        info: &StepInfo,
    ) -> Result<Arc<dyn Act>, String> {
        let again = act.again();
        if again == Again::Anew {
            return Ok(Arc::new(Anew(Arc::clone(act))));
        }
        let stored = self.answer(info)?;
        if let Again::Not(why) = again
            && stored.faults.is_empty()
        {
            return Err(why.to_owned());
        }
        let is_used = |field: &str| {
            let expected = step.expect.as_ref().is_some_and(|expect| expect.expects(field));
            let mut names = step.save.iter().flat_map(|(_, expression)| expression.names());
            expected || names.any(|name| name.parts[0] == field)
        };
        if let Some(field) = stored.cut.iter().find(|field| is_used(field)) {
            return Err(format!("its `{field}` was too long to be kept whole"));
        }
        let is_hidden = |(field, value): (&String, &Value)| is_used(field) && value.to_string().contains(HIDDEN);
        let hidden = stored
            .outputs
            .as_object()
            .and_then(|fields| fields.iter().find(|field| is_hidden(*field)));
        if let Some((field, _)) = hidden {
            return Err(format!("a part of its `{field}` is hidden"));
        }
        let is_judged = step.expect.is_some() || !step.kind.defaults.is_empty();
        if stored.outputs.is_null() && stored.faults.is_empty() && is_judged {
            return Err("the run kept no result of it".to_owned());
        }
        Ok(Arc::new(AsItWent(stored.clone())))
    }
}

impl StoredCase {
    /// Tells which variables have another value now: what acts did so with the one of then.
    pub(super) fn tell_vars(&self, case: &Case, plan: &Plan) {
        let now = case.emitter.masks.hidden(plan.vars()).unwrap_or_default();
        for (name, then) in self.changed_vars(&now) {
            case.emitter.note(&format!(
                "the variable `{name}` was {then} when it ran, and is another one now: what was done with it is not done anew"
            ));
        }
    }
}

impl Walk {
    /// Tells that a step is not judged again, and why.
    pub(super) fn not_again(&self, step: &Bound, info: StepInfo, scope: &mut Scope, why: &str) -> Ended {
        if why.starts_with(UNREACHED) {
            return self.not_come_to(step, info, scope);
        }
        let why = format!("not judged again: {why}");
        self.case
            .emitter
            .note(&format!("{} `{}` is {why}", info.path, info.name));
        unsaved(step, &info, scope, After::Failure(&format!("was {why}")));
        self.tell_skipped(info, &why);
        Ended {
            unjudged: 1,
            ..Ended::default()
        }
    }

    /// A step that the run did not come to: how many there are is told at the end.
    pub(super) fn not_come_to(&self, step: &Bound, info: StepInfo, scope: &mut Scope) -> Ended {
        let why = "not judged again: the run did not come to it";
        unsaved(step, &info, scope, After::Failure(&format!("was {why}")));
        self.tell_skipped(info, why);
        Ended {
            unjudged: 1,
            uncome: 1,
            ..Ended::default()
        }
    }

    /// A probe as it went: its answers were judged as they came, and were not kept.
    pub(super) fn probe_again(&self, step: &Bound, stored: &StoredCase, info: StepInfo, scope: &mut Scope) -> Ended {
        let went = match stored.answer(&info) {
            Ok(went) => went,
            Err(why) => return self.not_again(step, info, scope, &why),
        };
        let mut faults = went.as_it_went();
        mark_soft(step, &mut faults);
        end_step(&self.case, info, step.must_hold, self.told(&faults));
        // They were found at the end: what comes after the step was reached.
        self.probes.went(faults);
        Ended {
            checked: step.must_hold,
            ..Ended::default()
        }
    }

    /// The steps of a block judged again; what was wrong with the block itself is taken as it went, and so is whether the
    /// lines of `expect-log` have come: the logs of then are not read.
    pub(super) async fn block_again(
        &self,
        (step, block): (&Bound, &Block),
        stored: &StoredCase,
        (info, prefix): (&StepInfo, &str),
        scope: &mut Scope,
    ) -> (Ended, Done<Value>) {
        let mut ended = self.lanes(&block.lanes, prefix, scope).await;
        let expects = !step.expect_log.is_empty();
        let unjudged = match stored.answer(info) {
            Ok(went) if !went.faults.is_empty() => {
                ended.checked |= expects;
                return (ended, Err(went.as_it_went()));
            }
            Ok(went) if went.outcome >= Outcome::Failed => {
                "its steps failed, and nobody looked for the lines".to_owned()
            }
            Ok(_) => {
                ended.checked |= expects;
                return (ended, Ok(Value::Null));
            }
            Err(why) => why,
        };
        if expects {
            let text = format!("`expect-log` of {} is not judged again: {unjudged}", info.path);
            self.case.emitter.note(&text);
            ended.unjudged += 1;
        }
        (ended, Ok(Value::Null))
    }
}

/// Tells to how many steps the run did not come.
pub(super) fn tell_uncome(case: &Case, steps: usize) {
    if steps > 0 {
        let steps = count_text(steps as u64, "step is", "steps are");
        let text = format!("{steps} not judged again: the run did not come to them");
        case.emitter.note(&text);
    }
}

/// Tells what went wrong in a case's cleanup as it went; gives it.
pub(super) fn cleanup_as_it_went(case: &Case, stored: &StoredCase) -> Ended {
    let mut ended = Ended::default();
    for step in stored.cleanup() {
        if ended.faults.is_empty() {
            let phase = Phase::Cleanup;
            case.emitter.emit(What::PhaseStarted { phase });
        }
        end_step(case, step.info.clone(), false, step.faults.clone());
        ended.faults.extend(step.faults.iter().cloned());
    }
    ended
}

/// A step as it went: its result, or why it had none.
#[derive(Debug)]
struct AsItWent(StoredStep);

#[async_trait]
impl Act for AsItWent {
    async fn act(&self, _: &Cx) -> Done<Value> {
        match (&self.0.outputs, self.0.faults.as_slice()) {
            (Value::Null, []) => Ok(json!({})),
            (Value::Null, _) => Err(self.0.as_it_went()),
            (outputs, _) => Ok(outputs.clone()),
        }
    }

    /// There is one result: nothing is asked again.
    fn waits_itself(&self) -> bool {
        true
    }
}

/// A step that only looks at what is known.
#[derive(Debug)]
struct Anew(Arc<dyn Act>);

#[async_trait]
impl Act for Anew {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        self.0.act(cx).await
    }

    fn waits_itself(&self) -> bool {
        true
    }
}

/// Judges the cases again, one after the other; the last event is the run's end. Gives how many of them were judged.
pub async fn validate(env: Env, jobs: Vec<Job>, stored: Stored, nodes: Vec<crate::event::NodeInfo>) -> usize {
    hide_everywhere(&env.emitter, &jobs);
    super::tell_started(&env, &jobs, nodes);
    let mut judged = 0;
    for job in &jobs {
        judged += usize::from(case(&env, job, stored.case(&job.plan.info.name)).await);
    }
    env.emitter.emit(What::RunEnded {
        seconds: env.emitter.elapsed(),
        interrupted: env.interrupted.is_cancelled(),
        faults: Vec::new(),
    });
    judged
}

/// Gives whether it was judged.
async fn case(env: &Env, job: &Job, stored: Option<&Arc<StoredCase>>) -> bool {
    let number = job.plan.info.number;
    let emitter = env.emitter.of_case(CaseId { number, attempt: 1 });
    job.plan.hide(&emitter.masks);
    emitter.emit(job.plan.started());
    let began = Instant::now();
    let unjudged = match stored {
        None => Some(TryEnded::skipped(
            "not judged again: the run had no such case".to_owned(),
        )),
        Some(stored) => not_begun(stored),
    };
    let (ended, judged) = match (unjudged, stored) {
        (None, Some(stored)) => {
            let mut scope = env.scope(&job.plan);
            let running = Running::new(env, &job.plan, begin::seen(env, &job.plan, &emitter));
            (running.again(&mut scope, Arc::clone(stored)).await, true)
        }
        (unjudged, _) => {
            let ended = unjudged.unwrap_or_else(|| TryEnded::new(Outcome::Skipped, Vec::new()));
            let judged = ended.outcome != Outcome::Skipped;
            (ended, judged)
        }
    };
    emitter.emit(What::CaseEnded {
        outcome: ended.outcome,
        reason: ended.reason,
        seconds: began.elapsed().as_secs_f64(),
        parts: BTreeMap::new(),
        faults: ended.faults,
        retried: false,
        started: false,
    });
    judged
}

/// How a case ended before its first step: it was skipped, or what it needs could not be had. That is taken as it went.
fn not_begun(stored: &StoredCase) -> Option<TryEnded> {
    let ended = stored.ended.as_ref()?;
    if ended.outcome == Outcome::Skipped {
        let why = ended.reason.clone().unwrap_or_default();
        return Some(TryEnded::skipped(format!("not judged again: it was skipped: {why}")));
    }
    let unbegun = stored.steps.is_empty() && !ended.faults.is_empty();
    unbegun.then(|| TryEnded {
        reason: ended.reason.clone(),
        ..TryEnded::new(ended.outcome, ended.faults.clone())
    })
}
