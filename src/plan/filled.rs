//! Planning with what is on the disk: what resolving asks of the memo and does not find is read, until it asks no more.

use super::{CaseSeed, Plan, Settings, resolve};
use crate::diagnostic::Diagnostic;
use crate::load::{self, Loaded};
use crate::scenario::Files;

/// Plans one attempt of a case. A later one may ask for files that none before it did: its names and values are others.
pub fn filled(
    loaded: &Loaded,
    seed: &CaseSeed,
    attempt: u32,
    settings: &Settings,
    files: &Files,
) -> Result<Plan, Vec<Diagnostic>> {
    filling(files, || resolve(loaded, seed, attempt, settings, files))
}

/// Does something with the memo, until all that it wants of it is there.
pub(super) fn filling<T>(files: &Files, work: impl Fn() -> T) -> T {
    // The memo does not tell who wanted what: one after the other.
    let _alone = files.alone();
    loop {
        let done = work();
        let wanted = files.take_wanted();
        if wanted.is_empty() {
            return done;
        }
        load::fill(files, wanted);
    }
}
