//! One try of a case: from its first event to its last, everything that it made removed in between.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::again::{cleanup_as_it_went, tell_uncome};
use super::before::Before;
use super::begin::begin;
use super::block::limited;
use super::ended::TryEnded;
use super::logs::{LogKeeper, Scan};
use super::probe::Probes;
use super::stored::{StoredCase, StoredEnd};
use super::swarm::Swarm;
use super::walk::{AfterFailure, Ended, Limit, Unreached, Walk, numbered};
use super::{Env, background, broken, collect, declared, ends, expected, known, requires, scratch, teardown};
use crate::event::{CaseId, Counts, Fault, FaultKind, Outcome, Phase, What};
use crate::lease::KeptCase;
use crate::plan::Plan;
use crate::step::{Case, Emitter, Keep, own_secrets};
use crate::template::Scope;

/// Limit of reading logs to their end.
const LOGS_LIMIT: Duration = Duration::from_secs(30);

/// Runs one try, from its first event to its last.
pub(super) async fn try_once(env: &Env, plan: &Plan, before: &Before) -> TryEnded {
    let emitter = env.emitter.of_case(CaseId {
        number: plan.info.number,
        attempt: plan.attempt,
    });
    plan.hide(&emitter.masks);
    emitter.emit(plan.started());
    let began = Instant::now();
    let made = OnceLock::new();
    let (ended, parts) = match broken::caught(tried(env, plan, before, (&emitter, &made))).await {
        Ok(tried) => tried,
        Err(panic) => (broken::end(env, plan, made.get(), &panic).await, BTreeMap::new()),
    };
    emitter.emit(What::CaseEnded {
        outcome: ended.outcome,
        reason: ended.reason.clone(),
        seconds: began.elapsed().as_secs_f64(),
        parts,
        faults: ended.faults.clone(),
        retried: ended.retried,
        started: made.get().is_some_and(|case| case.state().started),
    });
    ended
}

/// How it ended, and the seconds by part; the case that was made for it is put where a panic leaves it.
async fn tried(
    env: &Env,
    plan: &Plan,
    before: &Before,
    (emitter, made): (&Emitter, &OnceLock<Arc<Case>>),
) -> (TryEnded, BTreeMap<String, f64>) {
    let mut scope = env.scope(plan);
    let mut parts = BTreeMap::new();
    let _unwanted = before.swarm.kept_away(plan).await;
    // What was there before the images were made may have gone since.
    let unready = match before.unready(plan) {
        None => unready(env, plan, &before.swarm).await,
        unready => unready,
    };
    let mut ended = match unready {
        Some(unready) => unready,
        None => match before.faults(env, plan, &mut parts).await {
            faults if !faults.is_empty() => TryEnded::new(Outcome::Errored, faults),
            _ => match begin(env, plan, emitter).await {
                Ok(case) => {
                    let case = made.get_or_init(|| case);
                    let running = Running::new(env, plan, Arc::clone(case));
                    running.run(&mut scope, &mut parts).await
                }
                Err(fault) => TryEnded::new(Outcome::Errored, vec![fault]),
            },
        },
    };
    settle(env, plan, &scope, &mut ended);
    (ended, parts)
}

/// What an end comes to: in the light of what is known, and of the tries that are left.
fn settle(env: &Env, plan: &Plan, scope: &Scope, ended: &mut TryEnded) {
    if !ended.interrupted {
        known::judge(plan, scope, ended);
    }
    ended.retried = ended.outcome >= Outcome::Failed && plan.attempt <= plan.retries && !env.cancel.is_cancelled();
}

/// Why it is not run, if it is not.
pub(super) async fn unready(env: &Env, plan: &Plan, swarm: &Swarm) -> Option<TryEnded> {
    let scope = env.scope(plan);
    match requires::unmet(env, plan, swarm).await {
        Ok(None) => {}
        Ok(Some(reason)) => return Some(TryEnded::skipped(reason)),
        Err(fault) => return Some(TryEnded::new(Outcome::Errored, vec![fault])),
    }
    for skip in &plan.skip {
        let applies = skip.r#if.as_ref().map_or(Ok(true), |condition| condition.truth(&scope));
        match applies {
            Ok(true) => {
                let reason = known::told(&skip.reason, skip.link.as_ref());
                return Some(TryEnded::skipped(reason));
            }
            Ok(false) => {}
            Err(_) => {
                let fault = Fault::error("the condition of `skip` has no answer before anything runs");
                return Some(TryEnded::new(Outcome::Errored, vec![fault.at(skip.span.place())]));
            }
        }
    }
    None
}

/// A try that has begun.
pub(super) struct Running<'a> {
    env: &'a Env,
    plan: &'a Plan,
    case: Arc<Case>,
    probes: Arc<Probes>,
    /// What an earlier run left, where that is only judged again.
    stored: Option<Arc<StoredCase>>,
    /// Whatever ends the try, its probes ask no longer.
    _probes_end: DropGuard,
}

/// How the phases that a scenario is for went.
#[derive(Default)]
struct Main {
    /// All of their steps.
    steps: Ended,
    /// What is wrong with the case itself.
    faults: Vec<Fault>,
    given_failed: bool,
    /// What it declares or expects is not there.
    unmade: bool,
    stopped: bool,
    interrupted: bool,
}

impl Main {
    fn failed(&self) -> bool {
        !self.steps.faults.is_empty() || !self.faults.is_empty()
    }
}

impl<'a> Running<'a> {
    pub(super) fn new(env: &'a Env, plan: &'a Plan, case: Arc<Case>) -> Self {
        let probes = Arc::<Probes>::default();
        Running {
            env,
            plan,
            case,
            stored: None,
            _probes_end: probes.end_on_drop(),
            probes,
        }
    }

    /// Judges what an earlier run left of it: what prepares, does and checks. What was found after these, and outside of
    /// them, is taken as it went.
    pub(super) async fn again(mut self, scope: &mut Scope, stored: Arc<StoredCase>) -> TryEnded {
        self.stored = Some(Arc::clone(&stored));
        stored.tell_vars(&self.case, self.plan);
        let mut main = self.main(scope).await;
        tell_uncome(&self.case, main.steps.uncome);
        main.steps.faults.extend(self.probes.found());
        let mut scan = Scan::new(self.plan, &self.case);
        let scans_again = stored.scanned.as_ref().is_some_and(|then| scan.again(scope, then));
        let own = stored.own_faults(&main.steps.faults, scans_again);
        let scans = self.plan.log_scans.iter().any(|scan| scan.own) && !scans_again;
        if scans || !own.is_empty() {
            let logs = if scans_again { "" } else { "its logs, " };
            let text = format!("what was found of the case itself ({logs}its limit, its cleanup) is taken as it went");
            self.case.emitter.note(&text);
        }
        if scans_again {
            let text = "`log-scan` has other rules now: the logs that the run left are looked through again";
            self.case.emitter.note(text);
            main.faults.extend(scan.told());
        }
        let verified = |end: &StoredEnd| end.outcome != Outcome::NotVerified;
        main.steps.checked |= scans && stored.ended.as_ref().is_some_and(verified) || scans_again && scan.checked();
        main.interrupted |= stored.ended.is_none();
        main.faults.extend(own);
        let mut ended = judged(&main, &cleanup_as_it_went(&self.case, &stored));
        settle(self.env, self.plan, scope, &mut ended);
        ended
    }

    /// Ends what a panic left of it, and removes what it had made.
    pub(super) async fn give_up(&self) -> Vec<Fault> {
        // How its processes ended says nothing any more.
        let _ = background::finish(&self.case, &self.env.hurry).await;
        self.end(LogKeeper::start(&self.case), false, true).await
    }

    async fn run(&self, scope: &mut Scope, parts: &mut BTreeMap<String, f64>) -> TryEnded {
        let hurry = &self.env.hurry;
        let keeper = LogKeeper::start(&self.case);
        let mut main = self.main(scope).await;
        let mut scan = Scan::new(self.plan, &self.case);
        let found = !main.interrupted && scan.look(scope, hurry).await;
        if main.failed() || found || self.probes.broken() || background::failed(&self.case).await {
            self.phase(Phase::OnFailure, scope, (hurry, hurry)).await;
        }
        // A failed preparation says nothing of the system's answer: it could not be found out.
        let counts = match main.given_failed {
            true => Counts::AsError,
            false => Counts::AsItIs,
        };
        main.steps.faults.extend(self.probes.finish(&self.case, counts).await);
        let cleanup = self.phase(Phase::Cleanup, scope, (hurry, hurry)).await;
        main.faults.extend(background::finish(&self.case, hurry).await);
        if !main.interrupted {
            scan.look(scope, hurry).await;
            hurry.run_until_cancelled(ends::tell(&self.case)).await;
        }
        main.faults.extend(scan.told());
        main.steps.checked |= scan.checked();
        main.faults.iter_mut().for_each(|fault| fault.counts = counts);
        let bad = main.failed() || !cleanup.faults.is_empty();
        collect::collect(&self.case, self.plan, scope, (bad, hurry)).await;
        let keep = match self.plan.keep {
            Keep::Never => false,
            Keep::Failed => {
                let mut so_far = judged(&main, &cleanup);
                settle(self.env, self.plan, scope, &mut so_far);
                so_far.outcome >= Outcome::Failed && !so_far.retried
            }
            Keep::Always => true,
        };
        let began = Instant::now();
        main.faults.extend(self.end(keeper, keep, bad).await);
        for (part, seconds) in &self.case.state().parts {
            *parts.entry(part.clone()).or_default() += seconds;
        }
        *parts.entry("remove".to_owned()).or_default() += began.elapsed().as_secs_f64();
        judged(&main, &cleanup)
    }

    /// `given`, `steps` and `then`, within the scenario's limit.
    async fn main(&self, scope: &mut Scope) -> Main {
        let cancel = self.env.cancel.child_token();
        let (mut main, late) = limited(self.limit(), &cancel, self.phases(scope, &cancel)).await;
        let fault = if self.env.cancel.is_cancelled() {
            main.interrupted = true;
            Fault::error(match self.env.interrupted.is_cancelled() {
                true => "interrupted",
                false => "ended early: another scenario failed, and `--fail-fast` was given",
            })
        } else if late {
            let kind = match main.given_failed || main.unmade {
                true => FaultKind::Error,
                false => FaultKind::Failure,
            };
            Fault {
                kind,
                ..self.own_limit(&cancel).fault()
            }
        } else {
            return main;
        };
        main.faults.push(fault.at(self.plan.info.place.clone()));
        main
    }

    fn limit(&self) -> Duration {
        self.case.scaled(self.plan.timeout)
    }

    fn own_limit(&self, passed: &CancellationToken) -> Limit {
        Limit::new(passed, "the scenario", (self.limit(), &self.plan.timeout_by))
    }

    async fn phases(&self, scope: &mut Scope, cancel: &CancellationToken) -> Main {
        let mut faults = declared::make(&self.case, &self.plan.declared, cancel).await;
        faults.extend(expected::absent(&self.case, self.plan, cancel).await);
        let unmade = !faults.is_empty() || cancel.is_cancelled();
        let mut main = Main {
            unmade,
            stopped: unmade,
            faults,
            ..Main::default()
        };
        for phase in [Phase::Given, Phase::Steps, Phase::Then] {
            let tokens = (cancel, &self.env.cancel);
            if main.stopped {
                let why = match main.given_failed {
                    _ if cancel.is_cancelled() => Unreached::Ended,
                    true => Unreached::Given,
                    false if main.unmade => Unreached::Unmade,
                    false => Unreached::Failed,
                };
                let steps = self.plan.phases.get(&phase).into_iter().flatten();
                self.walk(phase, tokens)
                    .unreached(numbered(steps, phase.word()), scope, why);
                continue;
            }
            let ended = self.phase(phase, scope, tokens).await;
            main.stopped = phase != Phase::Then && (ended.stops() || ended.cut);
            main.given_failed |= phase == Phase::Given && main.stopped;
            main.steps.add(ended);
        }
        main
    }

    /// A walk through a phase, with what ends it: all in all, and an interruption alone.
    fn walk(&self, phase: Phase, ends: (&CancellationToken, &CancellationToken)) -> Walk {
        Walk {
            case: Arc::clone(&self.case),
            phase,
            cancel: ends.0.clone(),
            interrupt: ends.1.clone(),
            limits: vec![self.own_limit(ends.0)],
            after: AfterFailure::of(phase),
            folder: self.plan.folder.clone(),
            soft: false,
            depth: 0,
            probes: Arc::clone(&self.probes),
            stored: self.stored.clone(),
        }
    }

    async fn phase(&self, phase: Phase, scope: &mut Scope, ends: (&CancellationToken, &CancellationToken)) -> Ended {
        let Some(steps) = self.plan.phases.get(&phase) else {
            return Ended::default();
        };
        self.case.emitter.emit(What::PhaseStarted { phase });
        let mut ended = self.walk(phase, ends).list(steps, phase.word(), scope).await;
        let faults = ended.faults.into_iter();
        ended.faults = faults.map(|fault| fault.in_phase(phase)).collect();
        ended
    }

    /// What is done after the last step: logs read to their end, everything removed, or left for a look.
    async fn end(&self, keeper: LogKeeper, keep: bool, bad: bool) -> Vec<Fault> {
        let case = &self.case;
        let hurry = &self.env.hurry;
        // While their files are there: a step may have made or changed one since.
        hurry.run_until_cancelled(own_secrets::hide_again(case)).await;
        if bad {
            hurry.run_until_cancelled(collect::describe(case)).await;
        }
        let mut faults = Vec::new();
        if !keep {
            teardown::stop(case, hurry).await;
        }
        keeper.finish(LOGS_LIMIT, hurry).await;
        if keep {
            self.env.lease.keeps(KeptCase {
                case: case.id.clone(),
                scenario: self.plan.info.file.clone(),
                at: jiff::Timestamp::now().as_second(),
            });
            if let Some(text) = collect::how_to_look(case, self.plan.private()) {
                case.emitter.emit(What::Kept { text });
            }
        } else {
            faults.extend(teardown::remove(case, hurry).await);
            faults.extend(scratch::remove(case).await);
            faults.extend(declared::remove(case, &self.plan.declared).await);
            self.env.left.fetch_or(!faults.is_empty(), Ordering::Relaxed);
        }
        faults.extend(collect::hide(case).await);
        // A long run need not carry the containers of its first scenarios to its end.
        for node in &case.nodes {
            node.world.forget(crate::lease::CASE, &case.id);
        }
        faults
    }
}

/// The outcome of all that happened.
fn judged(main: &Main, cleanup: &Ended) -> TryEnded {
    let all = main.steps.faults.iter().chain(&main.faults).chain(&cleanup.faults);
    let mut worst = all.filter_map(Fault::makes).max().unwrap_or(Outcome::Passed);
    let unjudged = match main.steps.unjudged {
        0 => None,
        1 => Some("1 step was not judged again".to_owned()),
        steps => Some(format!("{steps} steps were not judged again")),
    };
    if worst == Outcome::Passed && (unjudged.is_some() || !main.steps.checked) {
        worst = Outcome::NotVerified;
    }
    TryEnded {
        of_steps: [main.steps.faults.as_slice(), cleanup.faults.as_slice()].concat(),
        interrupted: main.interrupted,
        reason: unjudged.filter(|_| worst == Outcome::NotVerified),
        ..TryEnded::new(worst, main.faults.clone())
    }
}
