//! Ctrl-C and its kin: once ends the run with its cleanup, twice goes straight to removing, three times leaves it.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::options::RunArguments;
use super::settings::scale;
use super::{Process, connect, terminal};
use crate::event::duration_text;
use crate::run::interruption;

/// What the signals end, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ends {
    /// Ends the run, its cleanup apart.
    pub(crate) interrupted: CancellationToken,
    /// Ends the cleanup.
    pub(crate) hurry: CancellationToken,
}

/// Watches for signals, from now on until the run ends; what it does about them is said to who owns the terminal, with the
/// command that removes what is left on the engine that is meant.
pub(crate) fn watch(
    process: &Process,
    arguments: &RunArguments,
    (ends, say): (Ends, UnboundedSender<String>),
) -> JoinHandle<()> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let signals = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    let gc = connect::gc(process, arguments.docker.as_deref());
    tokio::spawn(heard(signals, ends, (interruption::limit(scale(arguments)), gc, say)))
}

async fn heard(mut signals: Vec<Signal>, ends: Ends, (limit, gc, say): (Duration, String, UnboundedSender<String>)) {
    loop {
        let any = futures_util::future::select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv())));
        if any.await.0.is_none() {
            return;
        }
        // Nobody hears it only when the run is over.
        if !ends.interrupted.is_cancelled() {
            ends.interrupted.cancel();
            let _ = say.send(format!(
                "interrupted: cleaning up, for {} at most; once more skips `cleanup` and removes at once",
                duration_text(limit.as_secs_f64())
            ));
        } else if !ends.hurry.is_cancelled() {
            ends.hurry.cancel();
            let _ = say.send(format!("removing at once; once more leaves what is there to `{gc}`"));
        } else {
            leave(&gc);
        }
    }
}

/// The third time: the lease stays, and with it what there is to remove.
#[expect(
    clippy::disallowed_methods,
    reason = "the user asked three times; the lease file tells `gc` what is left"
)]
fn leave(gc: &str) -> ! {
    terminal::print_error(&format!("left as it is: `{gc}` removes it\n"));
    std::process::exit(130)
}
