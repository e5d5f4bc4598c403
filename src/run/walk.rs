//! Walking the steps of a phase: order, conditions, loops; what one step does is in `attempt.rs`, blocks are in `block.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::attempt;
use super::known::told;
use super::rounds::items;
use super::stored::ENDED;
use super::unsaved::{After, unmet, unsaved};
use crate::event::{Fault, Outcome, Phase, StepInfo, What};
use crate::step::{Body, Bound, Case, Cx, Done, SetBy, Skip};
use crate::template::{Expression, Scope};

/// A walk through the steps of a phase.
#[derive(Clone)]
pub(crate) struct Walk {
    pub(crate) case: Arc<Case>,
    pub(crate) phase: Phase,
    /// Ends it: an interruption, or a limit that has passed.
    pub(crate) cancel: CancellationToken,
    /// The interruption alone: it is an error, and a limit that has passed is a failure.
    pub(crate) interrupt: CancellationToken,
    /// The limits that it is within, the outermost first.
    pub(crate) limits: Vec<Limit>,
    /// What happens after a step that failed.
    pub(crate) after: AfterFailure,
    /// What relative paths are relative to: the folder of the file that the steps are in.
    pub(crate) folder: std::path::PathBuf,
    /// True in a block that is soft: what fails in it is told so, and ends the block all the same.
    pub(crate) soft: bool,
    /// How deep in blocks.
    pub(crate) depth: usize,
    /// Probes that a phase started; they end with the case.
    pub(crate) probes: Arc<super::probe::Probes>,
    /// What an earlier run left, where that is only judged again.
    pub(crate) stored: Option<Arc<super::stored::StoredCase>>,
}

/// A limit of several steps together.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    /// Cancelled when it has passed, or one around it.
    pub(crate) passed: CancellationToken,
    /// What is told then, by what it is of and by the step that it ended: in the same words, so that it is told once.
    pub(crate) told: String,
    /// What sets it.
    by: SetBy,
}

impl Limit {
    /// Of a block or the scenario.
    pub(crate) fn new(passed: &CancellationToken, of: &str, (limit, by): (Duration, &SetBy)) -> Limit {
        Limit {
            passed: passed.clone(),
            told: format!("{of} did not end within {}", attempt::shown(limit)),
            by: by.clone(),
        }
    }

    /// The fault that it is to have passed.
    pub(crate) fn fault(&self) -> Fault {
        Fault::failure(&self.told).hint(self.by.to_string())
    }
}

/// How a list of steps ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// The faults of all its steps, soft ones too.
    pub(crate) faults: Vec<Fault>,
    /// True when something was judged.
    pub(crate) checked: bool,
    /// True when steps were left unreached.
    pub(crate) cut: bool,
    /// How many of them were not judged again, where only that is done.
    pub(crate) unjudged: usize,
    /// To how many of those the run had not come.
    pub(crate) uncome: usize,
}

impl Ended {
    pub(super) fn add(&mut self, other: Ended) {
        self.faults.extend(other.faults);
        self.checked |= other.checked;
        self.cut |= other.cut;
        self.unjudged += other.unjudged;
        self.uncome += other.uncome;
    }

    /// True when a step failed, and not softly: what comes after it is not reached.
    pub(crate) fn stops(&self) -> bool {
        self.faults.iter().any(|fault| !fault.soft)
    }
}

/// What happens to the steps after one that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterFailure {
    /// They are left, apart from checks that follow a failed check directly.
    Stop,
    /// They run all the same.
    GoOn,
}

impl AfterFailure {
    /// Of a phase.
    pub(crate) fn of(phase: Phase) -> Self {
        match phase {
            Phase::Given | Phase::Steps => AfterFailure::Stop,
            Phase::Then | Phase::OnFailure | Phase::Cleanup => AfterFailure::GoOn,
        }
    }
}

/// Why a step is not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreached {
    /// A step before it failed.
    Failed,
    /// `given` failed: what a check would have found cannot be found out.
    Given,
    /// What the scenario declares could not be made, or what a stack expects is not there.
    Unmade,
    /// The scenario, or a block that it is in, was ended.
    Ended,
}

/// Steps with their paths.
pub(crate) fn numbered<'a>(
    steps: impl IntoIterator<Item = &'a Bound>,
    prefix: &str,
) -> impl Iterator<Item = (String, &'a Bound)> {
    let numbered = (1..).zip(steps);
    numbered.map(move |(number, step)| (format!("{prefix}[{number}]"), step))
}

impl Walk {
    /// Runs a list of steps; what they save is put into the scope.
    pub(crate) fn list<'a>(
        &'a self,
        steps: &'a [Bound],
        prefix: &'a str,
        scope: &'a mut Scope,
    ) -> BoxFuture<'a, Ended> {
        async move {
            let mut all = Ended::default();
            // After a failed check only those that change nothing are made, until something else comes.
            let mut only_checks = false;
            let mut rest = numbered(steps, prefix);
            while let Some((path, step)) = rest.next() {
                let stopped = all.cut || (only_checks && !step.only_looks());
                if stopped || self.cancel.is_cancelled() {
                    all.cut = true;
                    self.unreached(std::iter::once((path, step)).chain(rest), scope, self.why_unreached());
                    break;
                }
                let ended = self.step(step, &path, scope).await;
                if ended.stops() && self.after == AfterFailure::Stop {
                    only_checks = step.is_check();
                    all.cut = !only_checks;
                }
                all.add(ended);
            }
            all
        }
        .boxed()
    }

    pub(super) fn why_unreached(&self) -> Unreached {
        if self.cancel.is_cancelled() {
            Unreached::Ended
        } else {
            Unreached::Failed
        }
    }

    /// Says of steps that they were not reached: never silently.
    pub(crate) fn unreached<'s>(
        &self,
        steps: impl Iterator<Item = (String, &'s Bound)>,
        scope: &mut Scope,
        why: Unreached,
    ) {
        let text = match why {
            Unreached::Failed => "not reached: a step before it failed",
            Unreached::Given => "not reached: `given` failed",
            Unreached::Unmade => "not reached: what the scenario declares or expects is not there",
            Unreached::Ended => ENDED,
        };
        for (path, step) in steps {
            let info = self.info(step, &path, scope);
            self.case.no_marks(step, text);
            unsaved(step, &info, scope, After::Other(&format!("was {text}")));
            if why == Unreached::Given && step.is_check() {
                let fault = Fault::error("not checked: `given` failed").at(step.span.place());
                self.ended_before(step, info, vec![fault]);
            } else {
                self.tell_skipped(info, text);
            }
        }
    }

    /// Tells that a step is skipped, or a round of it.
    pub(super) fn skipped(&self, step: &Bound, info: StepInfo, scope: &mut Scope, why: &str) -> Ended {
        self.case.no_marks(step, why);
        unsaved(step, &info, scope, After::Other(&format!("was skipped: {why}")));
        self.tell_skipped(info, why);
        Ended::default()
    }

    pub(super) fn tell_skipped(&self, step: StepInfo, why: &str) {
        self.case.emitter.emit(What::StepEnded {
            step,
            outcome: Outcome::Skipped,
            seconds: 0.0,
            parts: BTreeMap::new(),
            outputs: Value::Null,
            cut: Vec::new(),
            faults: Vec::new(),
            attempts: 0,
            checks: false,
            reason: Some(why.to_owned()),
        });
    }

    pub(super) fn info(&self, step: &Bound, path: &str, scope: &Scope) -> StepInfo {
        StepInfo {
            path: path.to_owned(),
            phase: self.phase,
            kind: step.kind.name.to_owned(),
            name: step_name(step, scope),
            place: step.span.place(),
            used_at: step.used_at.clone(),
            depth: self.depth,
            asks: step.asks.clone(),
            given: scope.comparable(step.asks_with.iter().map(String::as_str)),
        }
    }

    /// What a step sees; its limits and its expectation are the attempt's.
    pub(super) fn cx(&self, step: &Bound, info: &StepInfo, scope: &Scope) -> Cx {
        let mut scope = scope.clone();
        scope.salt.clone_from(&info.path);
        scope.values.insert("probes".to_owned(), self.case.probes());
        let mut cx = Cx::new(
            Arc::clone(&self.case),
            scope,
            info.clone(),
            step.span.clone(),
            self.cancel.clone(),
        );
        cx.folder.clone_from(&self.folder);
        let names = step.save.iter().flat_map(|(_, expression)| expression.names());
        cx.saves = names.map(|name| name.parts[0].clone()).collect();
        cx
    }

    async fn step(&self, step: &Bound, path: &str, scope: &mut Scope) -> Ended {
        let info = self.info(step, path, scope);
        if self.stored.as_ref().is_some_and(|stored| stored.ended_before(path)) {
            return self.not_come_to(step, info, scope);
        }
        self.case.forget_marks(step);
        if let Some(why) = unmet(step, scope) {
            self.case.no_marks(step, &why);
            unsaved(step, &info, scope, After::Failure(&format!("was {why}")));
            self.tell_skipped(info, &why);
            return Ended::default();
        }
        unsaved(step, &info, scope, After::Beginning);
        let cx = self.cx(step, &info, scope);
        match why_skipped(step, &cx, false).await {
            Ok(None) => {}
            Ok(Some(why)) => return self.skipped(step, info, scope, &why),
            Err(faults) => return self.ended_before(step, info, faults),
        }
        let Some(for_each) = &step.for_each else {
            return self.instance(step, path, scope).await;
        };
        match items(&cx, &for_each.items).await {
            Ok(items) if items.is_empty() => {
                self.no_rounds(step, scope);
                self.skipped(step, info, scope, "`for-each` has no items")
            }
            Ok(items) => self.rounds(step, (&for_each.name.value, items), path, scope).await,
            Err(faults) => self.ended_before(step, info, faults),
        }
    }

    /// A step that could not begin: its condition or its items have a fault.
    pub(super) fn ended_before(&self, step: &Bound, info: StepInfo, mut faults: Vec<Fault>) -> Ended {
        attempt::mark_soft(step, &mut faults);
        self.case.emitter.emit(What::StepEnded {
            step: info,
            outcome: attempt::outcome(&faults),
            seconds: 0.0,
            parts: BTreeMap::new(),
            outputs: Value::Null,
            cut: Vec::new(),
            faults: self.told(&faults),
            attempts: 0,
            checks: false,
            reason: None,
        });
        Ended {
            faults,
            ..Ended::default()
        }
    }

    /// Faults as a step's event tells them.
    pub(super) fn told(&self, faults: &[Fault]) -> Vec<Fault> {
        let soft = |fault: &Fault| fault.soft || self.soft;
        let told = faults.iter().map(|fault| Fault {
            soft: soft(fault),
            ..fault.clone()
        });
        told.map(|fault| fault.in_phase(self.phase)).collect()
    }

    /// A step, or one round of it.
    pub(super) async fn instance(&self, step: &Bound, path: &str, scope: &mut Scope) -> Ended {
        let mut info = self.info(step, path, scope);
        if let Some(name) = &step.name
            && let Ok(name) = self.cx(step, &info, scope).text(name).await
        {
            info.name = name;
        }
        if let (Body::Act(act), Some(stored)) = (&step.body, &self.stored) {
            if stored.ended_before(path) {
                return self.not_come_to(step, info, scope);
            }
            if step.probe.is_some() {
                return self.probe_again(step, stored, info, scope);
            }
            return match stored.in_place_of(step, act, &info) {
                Ok(act) => attempt::act(self, step, &act, (info, scope)).await,
                Err(why) => self.not_again(step, info, scope, &why),
            };
        }
        self.case.mark_logs(step).await;
        match (&step.body, &step.probe) {
            (Body::Act(act), Some(probe)) => self.probe(step, act, (probe, info), scope).await,
            (Body::Act(act), None) => attempt::act(self, step, act, (info, scope)).await,
            (Body::Block(block), _) => self.block(step, block, info, scope).await,
        }
    }
}

/// Why a step is skipped, or a round of it, if it is: conditions that name the item of `for-each` are asked in each round,
/// the others once, before the items are.
pub(super) async fn why_skipped(step: &Bound, cx: &Cx, round: bool) -> Done<Option<String>> {
    let item = step.for_each.as_ref().map(|for_each| for_each.name.value.as_str());
    let names_item = |condition: &Expression| condition.names().any(|name| Some(name.parts[0].as_str()) == item);
    let holds = async |condition: &Expression| cx.rendered(|scope| condition.truth(scope)).await;
    if let Some(condition) = &step.condition
        && names_item(condition) == round
        && !holds(condition).await?
    {
        return Ok(Some(format!("`if: {}` is false", condition.code)));
    }
    let asked = |skip: &&Skip| skip.r#if.as_ref().is_some_and(names_item) == round;
    for skip in step.skip.iter().filter(asked) {
        let applies = match &skip.r#if {
            Some(condition) => holds(condition).await?,
            None => true,
        };
        if applies {
            return Ok(Some(told(&skip.reason, skip.link.as_ref())));
        }
    }
    Ok(None)
}

/// What the report calls a step: its name as far as it is known without asking, or its kind and target.
fn step_name(step: &Bound, scope: &Scope) -> String {
    let known = step.name.as_ref().and_then(|name| name.text(scope).ok());
    known.unwrap_or_else(|| step.shown())
}
