//! The interpreter: plans in, events out. A run cannot fail; what goes wrong is told in events.

mod again;
mod attempt;
mod background;
mod bases;
mod before;
mod begin;
mod block;
mod broken;
mod case;
mod collect;
mod declared;
mod ended;
mod ends;
mod expected;
mod images;
pub mod interruption;
mod known;
mod logs;
mod mesh;
mod ports;
mod probe;
mod requires;
mod rounds;
mod saved;
pub mod scratch;
mod stored;
mod swarm;
mod teardown;
#[cfg(test)]
mod tests;
mod turns;
mod unsaved;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::diagnostic::{Diagnostic, Level};
use crate::event::{CaseId, CaseInfo, Fault, Outcome, Rules, What};
use crate::host::Host;
use crate::lease::Lease;
use crate::load::Loaded;
use crate::mask::HIDDEN;
use crate::net::Net;
use crate::plan::{CaseSeed, Plan, Settings};
use crate::scenario::Files;
use crate::schedule::{self, Waiting};
use crate::step::{Emitter, NodeHandle, UNPLACED};

pub use again::validate;
use before::Before;
pub use broken::panicked;
use ended::TryEnded;
pub use requires::Facts;
pub use stored::Stored;
use turns::Turns;

/// What all cases of a run share.
pub struct Env {
    /// The nodes of the run's cluster; the local engine is a cluster of one.
    pub nodes: Vec<NodeHandle>,
    /// This machine's processes and files.
    pub host: Arc<dyn Host>,
    /// http and tcp.
    pub net: Arc<dyn Net>,
    /// The run's lease.
    pub lease: Arc<Lease>,
    /// What planning needs.
    pub settings: Settings,
    /// The files that were read.
    pub files: Arc<Files>,
    /// How it is told.
    pub emitter: Emitter,
    /// Ctrl-C was pressed: the run is interrupted.
    pub interrupted: CancellationToken,
    /// The run's own: after that, or with `--fail-fast` a failure, cases end early, and clean up.
    pub cancel: CancellationToken,
    /// The second Ctrl-C, or the time after the first one is over: straight to removing by label.
    pub hurry: CancellationToken,
    /// What is known of the surroundings.
    pub facts: Facts,
    /// What says to commands on this machine which engine is meant: `DOCKER_HOST`, …
    pub docker_env: BTreeMap<String, String>,
    /// Stretches every limit.
    pub timeout_scale: f64,
    /// True when golden files are rewritten.
    pub update: bool,
    /// Set where something is left that could not be removed.
    pub left: Arc<AtomicBool>,
    /// How many cases run at once.
    pub jobs: usize,
    /// What the command line said about outcomes: told with the run.
    pub rules: Rules,
    /// True when the first failure ends the run.
    pub fail_fast: bool,
    /// The command that was typed, for hints.
    pub command: Vec<String>,
    /// YAML files that are none of ours.
    pub passed_over: usize,
    /// The seed of the order in which the cases begin, where it is one by chance.
    pub shuffle: Option<String>,
}

/// What a run cannot do without.
pub struct Needed {
    /// This machine's processes and files.
    pub host: Arc<dyn Host>,
    /// http and tcp.
    pub net: Arc<dyn Net>,
    /// The run's lease.
    pub lease: Arc<Lease>,
    /// What planning needs.
    pub settings: Settings,
    /// The files that were read.
    pub files: Arc<Files>,
    /// How it is told.
    pub emitter: Emitter,
}

impl Env {
    /// Without an engine, one case at a time, and nobody ends it: for judging what a run left, and to say more of.
    pub fn without_engine(needed: Needed) -> Env {
        let Needed {
            host,
            net,
            lease,
            settings,
            files,
            emitter,
        } = needed;
        Env {
            host,
            net,
            lease,
            settings,
            files,
            emitter,
            nodes: Vec::new(),
            interrupted: CancellationToken::new(),
            cancel: CancellationToken::new(),
            hurry: CancellationToken::new(),
            facts: Facts::default(),
            docker_env: BTreeMap::new(),
            timeout_scale: 1.0,
            update: false,
            left: Arc::default(),
            jobs: 1,
            rules: Rules::default(),
            fail_fast: false,
            command: Vec::new(),
            passed_over: 0,
            shuffle: None,
        }
    }
}

/// A case that is to run.
pub struct Job {
    /// The scenario.
    pub loaded: Arc<Loaded>,
    /// The case.
    pub seed: CaseSeed,
    /// The plan of its first try.
    pub plan: Plan,
}

impl Job {
    /// What is told of its case: its own values hidden, and only those.
    pub fn told(&self, emitter: &Emitter) -> CaseInfo {
        let masks = emitter.masks.copy();
        self.plan.hide(&masks);
        let info = self.seed.info.clone();
        let nameless = CaseInfo {
            name: HIDDEN.to_owned(),
            scenario: HIDDEN.to_owned(),
            matrix: BTreeMap::new(),
            properties: BTreeMap::new(),
            ..info.clone()
        };
        masks.hidden(info).unwrap_or(nameless)
    }
}

/// Hides from here on what is hidden in every case.
pub fn hide_everywhere(emitter: &Emitter, jobs: &[Job]) {
    for job in jobs {
        emitter.hide_everywhere(|masks| job.plan.hide_everywhere(masks));
    }
}

/// Runs the cases; the last event is the run's end.
pub async fn run(mut env: Env, mut jobs: Vec<Job>, nodes: Vec<crate::event::NodeInfo>) {
    hide_everywhere(&env.emitter, &jobs);
    tell_started(&env, &jobs, nodes);
    let _interruption = interruption::watch(&env);
    let before = Before::the_first(&mut env, &mut jobs).await;
    let turns = Turns::of(env.jobs);
    let run = Arc::new(Run {
        env,
        jobs,
        before,
        turns,
    });
    let mut faults = cases(&run).await;
    let Run { env, jobs, before, .. } = &*run;
    faults.extend(images::remove_own(env, jobs).await);
    faults.extend(teardown::end(env).await);
    faults.extend(before.swarm.end(env).await);
    env.emitter.emit(What::RunEnded {
        seconds: env.emitter.elapsed(),
        interrupted: env.interrupted.is_cancelled(),
        faults,
    });
}

/// Tells that the run begins, with these cases.
fn tell_started(env: &Env, jobs: &[Job], nodes: Vec<crate::event::NodeInfo>) {
    env.emitter.emit(What::RunStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: env.command.clone(),
        cases: jobs.iter().map(|job| job.told(&env.emitter)).collect(),
        nodes,
        passed_over: env.passed_over,
        jobs: env.jobs,
        rules: env.rules,
        shuffle: env.shuffle.clone(),
    });
}

/// What the tasks of the cases share.
struct Run {
    env: Env,
    jobs: Vec<Job>,
    before: Before,
    turns: Turns,
}

/// Runs all cases, each in a task of its own, so many at once as there are jobs; those with a lock in common one after
/// the other. The faults are those of the run itself.
async fn cases(run: &Arc<Run>) -> Vec<Fault> {
    let env = &run.env;
    let mut waiting = waiting(&run.jobs);
    let mut held = BTreeSet::new();
    let mut faults = Vec::new();
    let mut running = JoinSet::new();
    loop {
        while !env.cancel.is_cancelled()
            && let Some(index) = schedule::next(&waiting, &held, running.len() - run.turns.blocked(), env.jobs)
        {
            let next = waiting.remove(index);
            held.extend(next.locks.iter().cloned());
            let run = Arc::clone(run);
            running.spawn(async move { (next.locks, broken::caught(tries(&run, next.case)).await) });
        }
        let ended = tokio::select! {
            ended = running.join_next() => ended,
            // Who waits for another run leaves its slot to others.
            () = run.turns.changed() => continue,
        };
        let (locks, outcome) = match ended {
            None => return faults,
            Some(Ok(ended)) => ended,
            // A panic is caught inside, so that the locks come back.
            Some(Err(ended)) => (BTreeSet::new(), Err(ended.to_string())),
        };
        held.retain(|lock| !locks.contains(lock));
        let outcome = outcome.unwrap_or_else(|panic| {
            faults.push(broken::fault(&panic));
            Outcome::Errored
        });
        if env.fail_fast && outcome >= Outcome::Failed && !env.cancel.is_cancelled() {
            env.emitter.note("--fail-fast: a scenario failed, the rest is not run");
            env.cancel.cancel();
        }
    }
}

fn waiting(jobs: &[Job]) -> Vec<Waiting> {
    let jobs = jobs.iter().enumerate();
    jobs.map(|(case, job)| Waiting {
        case,
        locks: job.plan.locks.iter().cloned().collect(),
    })
    .collect()
}

/// The tries of a case: a new plan each, which never meets its predecessor.
async fn tries(run: &Run, case: usize) -> Outcome {
    let Run {
        env,
        jobs,
        before,
        turns,
    } = run;
    let job = &jobs[case];
    // Until all tries have ended, and what they made is gone.
    let _turn = match turns.take(env, &job.plan).await {
        Ok(turn) => turn,
        Err(why) => return not_begun(env, &job.plan, 1, vec![Fault::error(why)]).outcome,
    };
    let mut ended = case::try_once(env, &job.plan, before).await;
    for attempt in 2.. {
        if !ended.retried {
            break;
        }
        let planned = crate::plan::filled(&job.loaded, &job.seed, attempt, &env.settings, &env.files);
        ended = match planned {
            Ok(plan) => {
                env.emitter.hide_everywhere(|masks| plan.hide_everywhere(masks));
                case::try_once(env, &plan, before).await
            }
            Err(problems) => unplanned(env, job, attempt, &problems),
        };
    }
    ended.outcome
}

/// A try that comes to nothing: the first one's plan was made of the same words, but not of the same values.
fn unplanned(env: &Env, job: &Job, attempt: u32, problems: &[Diagnostic]) -> TryEnded {
    let errors = problems.iter().filter(|problem| problem.level == Level::Error);
    let faults: Vec<Fault> = errors
        .map(|problem| {
            let fault = Fault::error(format!("it cannot be tried again: {}", problem.message));
            let fault = fault.at(problem.span.place());
            match &problem.help {
                Some(help) => fault.hint(help),
                None => fault,
            }
        })
        .collect();
    not_begun(env, &job.plan, attempt, faults)
}

/// Tells a try that did nothing.
fn not_begun(env: &Env, plan: &Plan, attempt: u32, faults: Vec<Fault>) -> TryEnded {
    let emitter = env.emitter.of_case(CaseId {
        number: plan.info.number,
        attempt,
    });
    plan.hide(&emitter.masks);
    emitter.emit(plan.started());
    emitter.emit(What::CaseEnded {
        outcome: Outcome::Errored,
        reason: None,
        seconds: 0.0,
        parts: BTreeMap::new(),
        faults: faults.clone(),
        retried: false,
        started: false,
    });
    TryEnded::new(Outcome::Errored, faults)
}

impl Env {
    /// The node of what is looked at before the cases begin: images, and the ports of stacks.
    pub(crate) fn unplaced(&self) -> &NodeHandle {
        &self.nodes[UNPLACED]
    }

    /// A folder of the run itself in the results.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.settings.results.join(name)
    }
}
