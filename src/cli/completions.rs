//! `e2erun completions`: a completion script for a shell.

use clap::CommandFactory;

use super::options::Arguments;
use super::terminal;

/// Prints it.
pub(crate) fn print(shell: clap_complete::Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "e2erun", &mut script);
    terminal::print(&String::from_utf8_lossy(&script));
    0
}
