//! Ctrl-C: cases end, and all that is still done then has one limit as a whole.

use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::Env;
use super::attempt::shown;
use crate::event::What;

/// How long `on-failure`, `cleanup` and what is collected may take after it, all together.
const LIMIT: Duration = Duration::from_secs(60);

/// The same, stretched like every limit.
pub fn limit(timeout_scale: f64) -> Duration {
    LIMIT.mul_f64(timeout_scale)
}

/// Waits for it until the run has ended. When its time is over what is there is removed at once, as after a second one.
pub(super) fn watch(env: &Env) -> AbortOnDropHandle<()> {
    let (interrupted, cancel, hurry) = (env.interrupted.clone(), env.cancel.clone(), env.hurry.clone());
    let (emitter, limit) = (env.emitter.clone(), limit(env.timeout_scale));
    AbortOnDropHandle::new(tokio::spawn(async move {
        interrupted.cancelled().await;
        // Told before anything ends because of it.
        emitter.emit(What::Interrupted {
            limit: limit.as_secs_f64(),
        });
        cancel.cancel();
        if tokio::time::timeout(limit, hurry.cancelled()).await.is_err() {
            emitter.note(&format!(
                "the cleanup did not end within the {} that an interruption leaves it: what is there is removed at once",
                shown(limit)
            ));
            hurry.cancel();
        }
    }))
}
