//! One step: asked once, or again until its expectation holds; judged, kept, told.

mod bounded;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use self::bounded::MAX_OUTPUTS;
use super::walk::{Ended, Walk};
use crate::event::{Detail, Fault, FaultKind, Outcome, StepInfo, What, times_text};
use crate::expect::Expectation;
use crate::step::{Act, AtWork, Bound, Cx, Done, Repeat, golden};
use crate::template::Scope;

/// How much longer than its limit a kind that ends by itself may take to tell what it saw.
const GRACE: Duration = Duration::from_secs(20);

/// The limits of a step, evaluated.
pub(super) struct Limits {
    pub(super) attempt: Duration,
    within: Option<Duration>,
    pub(super) every: Duration,
    holds: Option<Duration>,
}

/// What asking came to.
#[derive(Default)]
struct Asked {
    outputs: Value,
    faults: Vec<Fault>,
    attempts: u32,
    parts: BTreeMap<String, f64>,
}

/// The last answer before the end of `within` cut one off; one that the step's own `timeout` ended is one, too.
type Answer = (Value, Vec<Fault>);

/// Runs a step that acts, from its first event to its last.
pub(super) async fn act(walk: &Walk, step: &Bound, act: &Arc<dyn Act>, (info, scope): (StepInfo, &mut Scope)) -> Ended {
    walk.case.emitter.emit(What::StepStarted { step: info.clone() });
    let _at_work = AtWork::begins(&walk.case, &info);
    let began = Instant::now();
    let mut asked = match limits(&walk.cx(step, &info, scope), step, Repeat::WITHIN).await {
        Ok(limits) => {
            let asking = Asking {
                walk,
                step,
                act: act.as_ref(),
                info: &info,
                limits,
            };
            asking.ask(scope).await
        }
        Err(faults) => Asked {
            faults,
            ..Asked::default()
        },
    };
    if asked.faults.is_empty()
        && let Err(faults) = walk.save(step, &info, &asked.outputs, scope).await
    {
        asked.faults = faults;
    }
    mark_soft(step, &mut asked.faults);
    for fault in &mut asked.faults {
        fault.step = Some(info.path.clone());
    }
    let seconds = began.elapsed().as_secs_f64();
    walk.case.add_parts(&asked.parts, seconds);
    let (outputs, cut) = bounded::outputs(walk.case.emitter.masks.hidden_in(asked.outputs));
    walk.case.emitter.emit(What::StepEnded {
        step: info,
        outcome: outcome(&asked.faults),
        reason: None,
        seconds,
        parts: asked.parts,
        outputs,
        cut,
        faults: walk.told(&asked.faults),
        attempts: asked.attempts,
        checks: step.checks(),
    });
    Ended {
        faults: asked.faults,
        checked: step.checks(),
        ..Ended::default()
    }
}

/// Evaluates a step's limits.
pub(super) async fn limits(cx: &Cx, step: &Bound, every: Duration) -> Done<Limits> {
    Ok(Limits {
        attempt: cx.case.scaled(cx.computed(&step.limit).await?),
        within: cx
            .computed_if_any(step.within.as_ref())
            .await?
            .map(|within| cx.case.scaled(within)),
        every: cx
            .computed_if_any(step.every.as_ref())
            .await?
            .unwrap_or(every)
            .max(Duration::from_millis(1)),
        holds: cx.computed_if_any(step.holds_for.as_ref()).await?,
    })
}

/// A step that is asked, once or again.
struct Asking<'a> {
    walk: &'a Walk,
    step: &'a Bound,
    act: &'a dyn Act,
    info: &'a StepInfo,
    limits: Limits,
}

impl Asking<'_> {
    /// Asks until it holds, its time is up, or asking again cannot help; what is not as it should be is explained.
    async fn ask(&self, scope: &Scope) -> Asked {
        let (mut asked, cx) = self.repeat(scope).await;
        explain(&cx, self.act, &asked.outputs, &mut asked.faults).await;
        cx.stands();
        asked
    }

    /// The last answer, and what was seen when it was given.
    async fn repeat(&self, scope: &Scope) -> (Asked, Cx) {
        let limits = &self.limits;
        let until = limits.within.map(|within| Instant::now() + within);
        let mut asked = Asked::default();
        let mut held_since: Option<Instant> = None;
        let mut told = String::new();
        let mut before: Option<Answer> = None;
        // What has just started often answers within milliseconds: where the author does not say how often to ask, the
        // first questions come sooner, each pause twice the one before.
        let mut pause = if self.step.every.is_some() {
            limits.every
        } else {
            Repeat::FIRST
        };
        loop {
            asked.attempts += 1;
            let cx = self.cx(scope, until, asked.attempts);
            let lasts;
            (asked.outputs, asked.faults, lasts) = self.attempt(&cx).await;
            for (part, seconds) in cx.parts() {
                *asked.parts.entry(part).or_default() += seconds;
            }
            let observed = if asked.faults.is_empty() {
                let Some(holds) = limits.holds.filter(|_| !self.act.waits_itself()) else {
                    return (asked, cx);
                };
                let since = *held_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= holds {
                    return (asked, cx);
                }
                format!("it holds; it has to for {}", shown(holds))
            } else if let Some(since) = held_since {
                asked.faults = cx.not_held(asked.faults, since.elapsed());
                return (asked, cx);
            } else {
                if lasts || self.is_over(&cx, until) {
                    self.at_the_end(&mut asked, before, &cx);
                    return (asked, cx);
                }
                let observed = asked.faults[0].message.clone();
                before = Some((std::mem::take(&mut asked.outputs), std::mem::take(&mut asked.faults)));
                observed
            };
            if told != observed {
                cx.waiting(&self.info.name, &observed);
                told = observed;
            }
            let left = until.filter(|_| held_since.is_none());
            let left = left.map(|until| until.saturating_duration_since(Instant::now()));
            let length = pause.min(limits.every);
            pause = length * 2;
            tokio::select! {
                () = crate::wait::pause(left.map_or(length, |left| left.min(length))) => {}
                () = self.act.changed(&cx) => {}
                () = self.walk.cancel.cancelled() => {}
            }
        }
    }

    fn is_over(&self, cx: &Cx, until: Option<Instant>) -> bool {
        until.is_none_or(|until| Instant::now() >= until)
            || cx.is_futile()
            || self.act.waits_itself()
            || self.walk.cancel.is_cancelled()
    }

    /// What one attempt sees.
    fn cx(&self, scope: &Scope, until: Option<Instant>, number: u32) -> Cx {
        let mut cx = self.walk.cx(self.step, self.info, scope);
        // Only `random()` looks at it: another value at each attempt.
        cx.scope.salt = format!("{} {number}", self.info.path);
        cx.expect.clone_from(&self.step.expect);
        cx.limit = self.limits.attempt;
        cx.limit_by.clone_from(&self.step.limit_by);
        cx.within = until;
        cx.again = until.is_some();
        let now = Instant::now();
        cx.deadline = match until {
            Some(until) if self.act.waits_itself() => until,
            // An attempt that begins before the time is up may end a little after it, but not its whole limit after it.
            Some(until) => (until.max(now) + Duration::from_secs(1)).min(now + cx.limit),
            None => now + cx.limit,
        };
        cx.cut = self.limits.within.filter(|_| cx.deadline < now + cx.limit);
        cx.holds = self.limits.holds;
        if let Some(holds) = cx.holds.filter(|_| self.act.waits_itself()) {
            cx.deadline += holds;
        }
        cx
    }

    /// One attempt, ended by its limit or by cancelling, and judged; and whether its faults are ones that asking again
    /// cannot mend. A value that cannot be compared may be another one the next time.
    async fn attempt(&self, cx: &Cx) -> (Value, Vec<Fault>, bool) {
        // A kind that ends by itself tells what it saw at its limit; the grace is for that.
        let grace = match self.act.ends_itself() {
            true => GRACE,
            false => Duration::ZERO,
        };
        let result = tokio::select! {
            biased;
            () = self.walk.cancel.cancelled() => Err(vec![self.ended_early(cx)]),
            result = self.act.act(cx) => result,
            // The limit of the step itself: what it waits for wakes it.
            () = tokio::time::sleep_until(cx.deadline + grace) => {
                let (passed, setting) = cx.passed_limit();
                let fault = Fault::failure(format!("`{}` did not end within {passed}", self.step.kind.name));
                Err(vec![fault.at(self.step.span.place()).hint(setting)])
            }
        };
        match result {
            Ok(outputs) => match judge(cx, self.step.kind, &outputs).await {
                Ok(faults) => (outputs, faults, false),
                Err(faults) => (outputs, faults, true),
            },
            Err(faults) => {
                let lasts = faults.iter().any(|fault| fault.kind == FaultKind::Error);
                (Value::Null, faults, lasts)
            }
        }
    }

    /// The fault of one that was ended from outside: with what it had seen by then, where it is one that waits.
    fn ended_early(&self, cx: &Cx) -> Fault {
        let mut limits = self.walk.limits.iter();
        let fault = match limits.find(|limit| limit.passed.is_cancelled()) {
            Some(limit) if !self.walk.interrupt.is_cancelled() => limit.fault(),
            _ => Fault::error("interrupted"),
        };
        Fault {
            actual: cx.observed(),
            details: cx.last_lines(),
            ..fault
        }
        .at(self.step.span.place())
    }

    /// Adds to the last observation how long it was waited for. A question that was ended on the way has no answer: the
    /// one before it is the last observation.
    fn at_the_end(&self, asked: &mut Asked, before: Option<Answer>, cx: &Cx) {
        let Some(within) = self.limits.within else { return };
        let text = match before {
            None if cx.is_futile() => "it can no longer become so, and was not asked again".to_owned(),
            None => return,
            Some((_, faults)) if self.walk.cancel.is_cancelled() => self.ended_at(asked, &faults, (cx, within)),
            Some(before) => waited(asked, before, (cx, within)),
        };
        if let Some(first) = asked.faults.first_mut() {
            first.details.insert(0, detail("waited", text));
        }
    }

    /// How long it was waited for when something else ended it, and what was seen last.
    fn ended_at(&self, asked: &Asked, last: &[Fault], (cx, within): (&Cx, Duration)) -> String {
        let is_interrupted = self.walk.interrupt.is_cancelled();
        let ended = if is_interrupted { "interrupted" } else { "ended" };
        let left = cx.within.map(|until| until.saturating_duration_since(Instant::now()));
        let waited = within.saturating_sub(left.unwrap_or_default());
        format!(
            "{ended} after {} of {}: asked {}; last seen: {}",
            shown(waited),
            shown(within),
            times_text(asked.attempts.into()),
            last[0].message
        )
    }
}

/// How long it was waited for in vain. Where the last question had no answer, the one before it is what was seen last.
fn waited(asked: &mut Asked, before: Answer, (cx, within): (&Cx, Duration)) -> String {
    let why = match cx.is_futile() {
        true => "it can no longer become so",
        false => "it did not become so",
    };
    let times = times_text(asked.attempts.into());
    let text = format!("{why}: asked {times} within {}", shown(within));
    let cut = cx.cut.is_some() && Instant::now() >= cx.deadline;
    if !cut || asked.faults.iter().any(|fault| fault.kind == FaultKind::Error) {
        return text;
    }
    (asked.outputs, asked.faults) = before;
    format!("{text}; the last question had no answer when that was over, and this is the answer before it")
}

/// Judges a result: what was expected of it, and what is expected when nothing is said. Gives what does not hold of it; an
/// error is an expectation that is none.
pub(crate) async fn judge(cx: &Cx, kind: &'static crate::step::Kind, outputs: &Value) -> Done<Vec<Fault>> {
    let nothing = Expectation::none(&cx.span);
    let expect = cx.expect.as_ref().unwrap_or(&nothing);
    if cx.case.update {
        golden::update(cx, expect, outputs).await?;
    }
    golden::judge(cx, expect, outputs, kind.defaults).await
}

/// Adds what explains a result that did not hold. Once, however many expectations failed: they are all about one answer.
pub(crate) async fn explain(cx: &Cx, act: &dyn Act, outputs: &Value, faults: &mut [Fault]) {
    if faults.is_empty() {
        return;
    }
    // Without a result the kind itself has told what there is to tell.
    let mut details = match outputs {
        Value::Null => Vec::new(),
        outputs => act.explain(cx, outputs, faults).await,
    };
    details.extend(cx.explain_concerned(&faults[0]).await);
    for detail in cx.explain_taken().await {
        let mut known = details.iter().chain(&faults[0].details);
        if !known.any(|known| known.title == detail.title) {
            details.push(detail);
        }
    }
    faults[0].details.extend(details);
    let details = faults.iter_mut().flat_map(|fault| &mut fault.details);
    for detail in details.filter(|detail| detail.text.len() > MAX_OUTPUTS) {
        // Hidden before it is cut: a part of a value is not known again.
        let hidden = cx.case.emitter.masks.hide(&detail.text);
        detail.text = crate::cut::head_and_tail(&hidden, MAX_OUTPUTS);
    }
}

fn detail(title: &str, text: String) -> Detail {
    Detail {
        title: title.to_owned(),
        text,
    }
}

/// The faults of a soft step are told, and the phase goes on.
pub(crate) fn mark_soft(step: &Bound, faults: &mut [Fault]) {
    for fault in faults.iter_mut().filter(|_| step.soft) {
        fault.soft = true;
    }
}

/// The outcome that faults make: the worst of them.
pub(crate) fn outcome<'f>(faults: impl IntoIterator<Item = &'f Fault>) -> Outcome {
    faults.into_iter().map(Fault::outcome).max().unwrap_or(Outcome::Passed)
}

/// A duration as people write it.
pub(crate) fn shown(duration: Duration) -> String {
    crate::event::duration_text(duration.as_secs_f64())
}
