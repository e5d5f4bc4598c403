//! `e2erun schema`: the JSON schema of scenario files.

use super::terminal;
use crate::scenario::schema;

/// Prints it.
pub(crate) fn print() -> u8 {
    terminal::print(&schema());
    0
}
