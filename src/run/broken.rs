//! A fault of our own in one case: it is told as that case's error, what the case made is removed, and the others go on.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;

use super::Env;
use super::case::{Running, TryEnded};
use crate::event::{Fault, Outcome};
use crate::plan::Plan;
use crate::step::Case;

/// What to do about it.
const HINT: &str = "this is a fault of e2erun itself: please report it, with what it printed and the scenario";

/// Does work; gives the text of a panic in it. Nobody goes on with what that left half done, except to remove it.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.map_err(|panic| text(panic.as_ref()))
}

/// How a try ended that a panic ended; what it had made until then is removed.
pub(super) async fn end(env: &Env, plan: &Plan, made: Option<&Arc<Case>>, panic: &str) -> TryEnded {
    let mut faults = vec![fault(panic).at(plan.info.place.clone())];
    if let Some(case) = made {
        let case = Arc::clone(case);
        // Whatever it was, a second one must not keep the others from going on.
        let ended = caught(async { Running::new(env, plan, case).give_up().await }).await;
        faults.extend(ended.unwrap_or_else(|panic| {
            env.left.store(true, Ordering::Relaxed);
            vec![fault(&panic).detail(
                "while",
                "removing what the scenario made; `e2erun gc` removes what is left",
            )]
        }));
    }
    TryEnded::new(Outcome::Errored, faults)
}

/// A panic as a fault.
pub(super) fn fault(panic: &str) -> Fault {
    Fault::error(format!("internal error: {panic}")).hint(HINT)
}

fn text(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
    words.unwrap_or_else(|| "a panic without words".to_owned())
}
