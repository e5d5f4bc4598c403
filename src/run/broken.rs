//! A fault of our own in one case: it is told as that case's error, what the case made is removed, and the others go on.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;

use super::Env;
use super::case::Running;
use super::ended::TryEnded;
use crate::event::{Fault, Outcome};
use crate::plan::Plan;
use crate::step::Case;

/// What to do about it.
const HINT: &str = "this is a fault of e2erun itself: please report it, with what it printed and the scenario";

tokio::task_local! {
    /// Where the work that is done here panicked.
    static PANICKED: RefCell<Option<String>>;
}

/// Does work; gives the text of a panic in it. Nobody goes on with what that left half done, except to remove it.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let told = async {
        let done = AssertUnwindSafe(work).catch_unwind().await;
        done.map_err(|panic| match PANICKED.with(RefCell::take) {
            Some(place) => format!("{} ({place})", text(panic.as_ref())),
            None => text(panic.as_ref()),
        })
    };
    PANICKED.scope(RefCell::default(), told).await
}

/// What is said at once of a panic, for the hook of the program: of one that is caught nothing, since it is told with
/// its case, masked; of another one only where it was, since what it says may hold hidden values.
pub fn panicked(panic: &PanicHookInfo<'_>) -> Option<String> {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let caught = PANICKED.try_with(|own| own.replace(Some(place.clone())));
    caught
        .is_err()
        .then(|| format!("error: internal error in {place}; {HINT}\n"))
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
            let gc = &env.unplaced().pasted.gc;
            vec![fault(&panic).detail(
                "while",
                format!("removing what the scenario made; `{gc}` removes what is left"),
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

#[cfg(test)]
mod tests {
    use super::{caught, panicked};

    #[tokio::test]
    async fn a_caught_panic_says_where_it_was_and_says_nothing_itself() {
        static SAID: std::sync::Mutex<Vec<Option<String>>> = std::sync::Mutex::new(Vec::new());
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(|panic| SAID.lock().unwrap().push(panicked(panic))));
        let inside = caught(async {
            tokio::task::yield_now().await;
            panic!("s3cret")
        });
        let told: Result<(), String> = inside.await;
        let outside = tokio::spawn(async { panic!("s3cret") }).await;
        std::panic::set_hook(before);
        assert!(outside.is_err());
        let told = told.unwrap_err();
        assert!(told.starts_with("s3cret (src/run/broken.rs:"), "{told}");
        let said = SAID.lock().unwrap();
        let [None, Some(other)] = &said[..] else {
            panic!("{said:?}")
        };
        assert!(
            other.contains("src/run/broken.rs:") && !other.contains("s3cret"),
            "{other}"
        );
    }
}
