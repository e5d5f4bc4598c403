//! Ctrl-C and its kin: once ends the run with its cleanup, twice goes straight to removing, three times leaves it.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::terminal;

/// Watches for signals until the run ends.
pub(crate) async fn watch(interrupted: CancellationToken, cancel: CancellationToken, hurry: CancellationToken) {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    loop {
        let any = futures_util::future::select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv())));
        if any.await.0.is_none() {
            return;
        }
        if !interrupted.is_cancelled() {
            interrupted.cancel();
            cancel.cancel();
            terminal::print_error("interrupted: cleaning up; once more skips `cleanup` and removes at once\n");
        } else if !hurry.is_cancelled() {
            hurry.cancel();
            terminal::print_error("removing at once; once more leaves what is there to `e2erun gc`\n");
        } else {
            leave();
        }
    }
}

/// The third time: the lease stays, and with it what there is to remove.
#[expect(
    clippy::disallowed_methods,
    reason = "the user asked three times; the lease file tells `gc` what is left"
)]
fn leave() -> ! {
    terminal::print_error("left as it is: `e2erun gc` removes it\n");
    std::process::exit(130)
}
