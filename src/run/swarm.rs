//! The swarm that scenarios ask for: made before the first of them, and left when the last of all runs that use it has ended.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, RwLock, RwLockReadGuard};
use tokio_util::sync::CancellationToken;

use super::attempt::shown;
use super::{Env, mesh};
use crate::event::Fault;
use crate::lease::{Held, SwarmEnd, SwarmUse, leave_swarm, make_swarm};
use crate::plan::Plan;

/// How long leaving it may take once somebody is in a hurry: it is done in a moment where the engine answers.
const HURRIED: Duration = Duration::from_secs(10);

/// The engine's swarm, as far as the run has to do with it.
pub(super) struct Swarm {
    /// Held from before it is made: no other run leaves it meanwhile.
    using: Mutex<Option<SwarmUse>>,
    /// Made, or why it could not be.
    made: OnceCell<Option<Fault>>,
    /// Held by the cases that want no swarm, while they run: it is not made meanwhile.
    unwanted: RwLock<()>,
    /// Whether its routing mesh answers, or why that could not be found out.
    mesh: OnceCell<Result<bool, Fault>>,
}

impl Swarm {
    /// Before the first case. Also a run that has no use for a swarm has containers that would lose their ports if somebody
    /// left it meanwhile.
    pub(super) async fn of(env: &Env) -> Swarm {
        Swarm {
            using: Mutex::new(used(env).await),
            made: OnceCell::new(),
            unwanted: RwLock::default(),
            mesh: OnceCell::new(),
        }
    }

    /// Sees to it that a case that asks for a swarm has one; tells why it cannot.
    pub(super) async fn see_to(&self, env: &Env, plan: &Plan) -> Option<Fault> {
        if !plan.makes_swarm {
            return None;
        }
        let made = self.made.get_or_init(|| async {
            let _nobody = self.unwanted.write().await;
            make(env).await
        });
        made.await.clone()
    }

    /// For a case that wants no swarm: as long as it is held no other case of this run makes one.
    pub(super) async fn kept_away(&self, plan: &Plan) -> Option<RwLockReadGuard<'_, ()>> {
        let mut wanted = plan.requires.iter().filter_map(|requires| requires.swarm.as_ref());
        match wanted.any(|swarm| !swarm.value) {
            true => Some(self.unwanted.read().await),
            false => None,
        }
    }

    /// Whether a port that is published through the routing mesh is answered; asked once a run.
    pub(super) async fn has_mesh(&self, env: &Env) -> Result<bool, Fault> {
        self.mesh.get_or_init(|| mesh::answers(env)).await.clone()
    }

    /// After the last case: leaves it if e2erun made it, and nobody else uses it.
    pub(super) async fn end(&self, env: &Env) -> Option<Fault> {
        let using = self.using.lock().unwrap_or_else(PoisonError::into_inner).take();
        let alone: Held = match using?.alone() {
            Ok(alone) => alone?,
            Err(why) => return Some(unleft(env, &why.to_string())),
        };
        let engine = env.unplaced().engine.as_ref();
        let end = hurried(&env.hurry, leave_swarm(engine, &env.lease)).await;
        drop(alone);
        let Some(end) = end else {
            if !self.made.initialized() {
                return None;
            }
            env.left.store(true, Ordering::Relaxed);
            return Some(unleft(
                env,
                &format!("leaving it did not end within {}", shown(HURRIED)),
            ));
        };
        match end {
            // It is nothing of this run's: whoever asked for it told of it, and the next one to end tries again.
            _ if !self.made.initialized() => None,
            Ok(SwarmEnd::Stays(why)) => {
                env.emitter.note(&format!(
                    "the swarm that e2erun made of this engine stays: {why}; `{}` ends it once that is gone",
                    env.unplaced().pasted.gc
                ));
                None
            }
            Ok(SwarmEnd::LeftNetwork(why)) => {
                env.emitter.note(&format!(
                    "the swarm that e2erun made of this engine is ended, and not all that it brought along is removed: {why}; \
                     the next run tries again, or `{}`",
                    env.unplaced().pasted.gc
                ));
                None
            }
            Ok(SwarmEnd::NotOurs | SwarmEnd::Left) => None,
            Err(error) => Some(unleft(env, &error.to_string())),
        }
    }
}

/// Does something that does not take long, to its end; once somebody is in a hurry, for so long at most.
async fn hurried<T>(hurry: &CancellationToken, done: impl Future<Output = T>) -> Option<T> {
    let over = async {
        hurry.cancelled().await;
        crate::wait::pause(HURRIED).await;
    };
    tokio::select! {
        done = done => Some(done),
        () = over => None,
    }
}

/// Who ends the run ends the waiting for one that is leaving it.
async fn used(env: &Env) -> Option<SwarmUse> {
    let locks = &env.unplaced().locks;
    let using = locks.use_swarm(|told| env.emitter.note(&format!("this run {told}")));
    match env.cancel.run_until_cancelled(using).await? {
        Ok(using) => Some(using),
        Err(why) => {
            env.emitter.note(&format!(
                "a swarm that e2erun has made of this engine stays at the end, since nobody can tell who uses it: {why}"
            ));
            None
        }
    }
}

async fn make(env: &Env) -> Option<Fault> {
    let error = make_swarm(env.unplaced().engine.as_ref(), &env.settings.run)
        .await
        .err()?;
    let fault = Fault::error(format!("the engine is not made a swarm: {error}"));
    let taken = ["address already in use", "listen tcp"];
    Some(if env.facts.engine.swarm {
        fault.hint("it is in a swarm already, and no manager of it: name a manager with `--docker HOST`")
    } else if taken.iter().any(|part| error.answer.contains(part)) {
        fault.hint("a swarm of one engine talks to itself on ports 2377 and 7946 of 127.0.0.1: free them, or make a swarm yourself, with `docker swarm init`")
    } else {
        fault
    })
}

fn unleft(env: &Env, why: &str) -> Fault {
    Fault::error(format!("the swarm that e2erun made of this engine is not ended: {why}"))
        .hint(format!("`{}` ends it", env.unplaced().pasted.gc))
}
