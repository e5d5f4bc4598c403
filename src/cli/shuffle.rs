//! `--shuffle`: the cases in an order of chance, which its seed gives again.

use sha2::{Digest, Sha256};

use super::options::RunArguments;
use super::prepare::Prepared;
use crate::plan::Settings;

/// Puts the cases into an order of chance, if that is wanted; gives its seed. Where two cases are beside each other does not
/// depend on what else is selected.
pub(crate) fn shuffled(arguments: &RunArguments, settings: &Settings, prepared: &mut Prepared) -> Option<String> {
    let seed = arguments.shuffle.as_ref()?;
    let seed = match seed.is_empty() {
        true => settings.seed.chars().take(8).collect(),
        false => seed.clone(),
    };
    prepared
        .jobs
        .sort_by_cached_key(|job| Sha256::digest(format!("{seed} {}", job.seed.info.name)));
    Some(seed)
}
