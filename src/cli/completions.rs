//! `e2erun completions`: a completion script for a shell.

use clap::CommandFactory;
use clap::builder::PossibleValuesParser;

use super::options::Arguments;
use super::{steps, terminal};

/// Prints it.
pub(crate) fn print(shell: clap_complete::Shell) -> u8 {
    let mut script = Vec::new();
    // Only here: a name that there is not is refused by `steps`, which knows better what was meant.
    let pages = PossibleValuesParser::new(steps::names());
    let mut command =
        Arguments::command().mut_subcommand("steps", |steps| steps.mut_arg("kind", |kind| kind.value_parser(pages)));
    clap_complete::generate(shell, &mut command, "e2erun", &mut script);
    terminal::print(&String::from_utf8_lossy(&script));
    0
}
