//! Steps inside a step: `do`, `use` and `parallel` only describe them, and here they are walked.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::attempt::{mark_soft, outcome};
use super::logs::Expecting;
use super::saved::newer;
use super::walk::{AfterFailure, Ended, Limit, Walk};
use crate::event::{Fault, StepInfo, What};
use crate::step::{BUILT_IN, Block, Bound, Done, Lane, OwnScope};
use crate::template::Scope;

/// Does work to its end; when its limit passes it is told to end, and that end is waited for: nothing is dropped half
/// way. Gives whether the limit passed.
pub(super) async fn limited<T>(
    limit: Duration,
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> (T, bool) {
    tokio::pin!(work);
    match tokio::time::timeout(limit, &mut work).await {
        Ok(done) => (done, false),
        Err(_) => {
            cancel.cancel();
            (work.await, true)
        }
    }
}

impl Walk {
    /// Runs the steps inside a step; its own limit ends them.
    pub(super) async fn block(&self, step: &Bound, block: &Block, info: StepInfo, scope: &mut Scope) -> Ended {
        self.case.emitter.emit(What::StepStarted { step: info.clone() });
        let began = tokio::time::Instant::now();
        let (mut ended, mut own) = self.inside(step, block, &info, scope).await;
        mark_soft(step, &mut own);
        mark_soft(step, &mut ended.faults);
        self.case.emitter.emit(What::StepEnded {
            step: info,
            outcome: outcome(ended.faults.iter().chain(&own)),
            seconds: began.elapsed().as_secs_f64(),
            parts: BTreeMap::new(),
            outputs: Value::Null,
            cut: Vec::new(),
            faults: self.told(&own),
            attempts: 1,
            checks: ended.checked,
            reason: None,
        });
        ended.faults.extend(own);
        // What was cut inside is told there; whether the outer list goes on is its own matter.
        ended.cut = false;
        ended
    }

    /// How the steps inside ended, and the block's own faults.
    async fn inside(&self, step: &Bound, block: &Block, info: &StepInfo, scope: &mut Scope) -> (Ended, Vec<Fault>) {
        let limit = match self.cx(step, info, scope).computed(&step.limit).await {
            Ok(limit) => self.case.scaled(limit),
            Err(faults) => return (Ended::default(), faults),
        };
        let cancel = self.cancel.child_token();
        let own_limit = Limit::new(&cancel, &format!("`{}`", step.kind.name), (limit, &step.limit_by));
        let inner = Walk {
            limits: self.limits.iter().cloned().chain([own_limit.clone()]).collect(),
            cancel,
            soft: self.soft || step.soft,
            depth: self.depth + 1,
            ..self.clone()
        };
        let prefix = format!("{}.{}", info.path, step.kind.name);
        let work = async {
            match &block.own {
                Some(own) => inner.template(step, (own, &block.lanes), info, scope).await,
                None => match &self.stored {
                    Some(stored) => inner.block_again((step, block), stored, (info, &prefix), scope).await,
                    None => inner.expecting(step, block, (info, &prefix), scope).await,
                },
            }
        };
        let ((ended, returned), late) = limited(limit, &inner.cancel, work).await;
        let mut own = Vec::new();
        if late && !self.cancel.is_cancelled() {
            own.push(own_limit.fault().at(step.span.place()));
        }
        match returned {
            Ok(returned) if !ended.stops() && !ended.cut => {
                let saved = self.save(step, info, &returned, scope).await;
                own.extend(saved.err().into_iter().flatten());
            }
            Ok(_) => {}
            Err(faults) => own.extend(faults),
        }
        (ended, own)
    }

    /// Runs the steps of a block; where lines are expected of logs meanwhile, gives which have not come.
    async fn expecting(
        &self,
        step: &Bound,
        block: &Block,
        (info, prefix): (&StepInfo, &str),
        scope: &mut Scope,
    ) -> (Ended, Done<Value>) {
        let expecting = match Expecting::begin(step, &self.cx(step, info, scope)).await {
            Ok(expecting) => expecting,
            Err(faults) => return (Ended::default(), Err(faults)),
        };
        let mut ended = self.lanes(&block.lanes, prefix, scope).await;
        let Some(expecting) = expecting.filter(|_| !ended.stops() && !ended.cut) else {
            return (ended, Ok(Value::Null));
        };
        let mut cx = self.cx(step, info, scope);
        let within = match &step.within {
            Some(within) => match cx.computed(within).await {
                Ok(within) => Some(self.case.scaled(within)),
                Err(faults) => return (ended, Err(faults)),
            },
            None => None,
        };
        ended.checked = true;
        cx.within = within.map(|within| tokio::time::Instant::now() + within);
        let missing = expecting.judge(step, &cx, within).await;
        let told = missing.is_empty() || self.cancel.is_cancelled();
        (ended, if told { Ok(Value::Null) } else { Err(missing) })
    }

    /// Runs one list, or several at once.
    pub(super) async fn lanes(&self, lanes: &[Lane], prefix: &str, scope: &mut Scope) -> Ended {
        if let [Lane { name: None, steps }] = lanes {
            return self.list(steps, prefix, scope).await;
        }
        let outer = scope.clone();
        // A lane is a list of its own: its first failure ends it, whatever the phase.
        let walk = Walk {
            after: AfterFailure::Stop,
            ..self.clone()
        };
        let walks = |change: isize| {
            let walks = &self.case.walks;
            walks.send_modify(|count| *count = count.saturating_add_signed(change));
        };
        let work = lanes.iter().map(|lane| {
            let mut scope = outer.clone();
            let prefix = format!("{prefix}.{}", lane.name.as_deref().unwrap_or_default());
            let walk = &walk;
            // All of them, before the first one begins.
            walks(1);
            async move {
                let ended = walk.list(&lane.steps, &prefix, &mut scope).await;
                walks(-1);
                (ended, scope)
            }
        });
        let work: Vec<_> = work.collect();
        // This walk waits for them.
        walks(-1);
        let ended = join_all(work).await;
        walks(1);
        let mut all = Ended::default();
        for (ended, lane) in ended {
            all.add(ended);
            // What a lane saved is there afterwards; no two of them save one name.
            let unsaved = lane
                .unsaved
                .iter()
                .filter(|(name, why)| outer.unsaved.get(*name) != Some(why));
            scope
                .unsaved
                .extend(unsaved.map(|(name, why)| (name.clone(), why.clone())));
            scope.values.extend(newer(&outer, lane));
        }
        all
    }

    /// The steps of a template: they see its parameters and the built-in names; gives what it returns.
    async fn template(
        &self,
        step: &Bound,
        (own, lanes): (&OwnScope, &[Lane]),
        info: &StepInfo,
        scope: &Scope,
    ) -> (Ended, Done<Value>) {
        let walk = Walk {
            folder: own.folder.clone(),
            ..self.clone()
        };
        let mut inner = match self.parameters(step, own, info, scope).await {
            Ok(inner) => inner,
            Err(faults) => return (Ended::default(), Err(faults)),
        };
        let prefix = format!("{}.{}", info.path, step.kind.name);
        let ended = walk.lanes(lanes, &prefix, &mut inner).await;
        if ended.stops() || ended.cut {
            return (ended, Ok(Value::Null));
        }
        let cx = walk.cx(step, info, &inner);
        let mut returned = Map::new();
        for (name, expression) in &own.returns {
            match cx.expression(expression).await {
                Ok(value) => drop(returned.insert(name.clone(), value)),
                Err(faults) => return (ended, Err(faults)),
            }
        }
        (ended, Ok(returned.into()))
    }

    /// The names of a template: what is given is evaluated outside, a default sees the parameters before it.
    async fn parameters(&self, step: &Bound, own: &OwnScope, info: &StepInfo, scope: &Scope) -> Done<Scope> {
        let built_in = scope
            .values
            .iter()
            .filter(|(name, _)| BUILT_IN.contains(&name.as_str()));
        let mut inner = Scope {
            seed: scope.seed.clone(),
            unique: scope.unique.clone(),
            values: built_in.map(|(name, value)| (name.clone(), value.clone())).collect(),
            ..Scope::default()
        };
        for (name, data, hidden) in &own.parameters {
            let value = self.cx(step, info, scope).data(data).await?;
            inner.by_chance.extend(data.is_by_chance(scope).then(|| name.clone()));
            self.set(&mut inner, name, value, *hidden);
            let given = data.leading_name().and_then(|name| scope.folders.get(name).cloned());
            let folder = given.unwrap_or_else(|| self.folder.as_path().into());
            inner.folders.insert(name.clone(), folder);
        }
        for (name, data, hidden) in &own.defaults {
            let mut cx = self.cx(step, info, &inner);
            cx.folder.clone_from(&own.folder);
            let value = cx.data(data).await?;
            inner.by_chance.extend(data.is_by_chance(&inner).then(|| name.clone()));
            self.set(&mut inner, name, value, *hidden);
            let given = data.leading_name().and_then(|name| inner.folders.get(name).cloned());
            inner.folders.extend(given.map(|folder| (name.clone(), folder)));
        }
        Ok(inner)
    }
}
