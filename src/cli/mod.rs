//! The command line: arguments and environment in, exit code out. Nobody else reads or prints anything.

mod again;
mod ask;
mod baseline;
mod check;
mod completions;
mod connect;
mod dry_run;
mod gc;
mod invalid;
mod list;
mod options;
mod output;
mod prepare;
mod render;
mod report;
mod results;
mod run;
mod schema;
mod settings;
mod shuffle;
mod signals;
mod steps;
mod terminal;
mod unreached;
mod validate;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Parser;
use clap::error::ErrorKind;

use options::{Arguments, Command};

/// Invalid scenarios, or a command line that is not understood.
pub(crate) const USAGE: u8 = 2;
/// It could not be found out, or not be written down.
pub(crate) const UNKNOWN: u8 = 3;
/// Nothing was selected.
pub(crate) const NOTHING: u8 = 4;

/// What the process was started with: read here, once.
pub(crate) struct Process {
    /// The arguments.
    pub(crate) command: Vec<String>,
    /// The environment.
    pub(crate) env: BTreeMap<String, String>,
    /// The working directory.
    pub(crate) cwd: PathBuf,
}

fn process() -> std::io::Result<Process> {
    let env =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(Process {
        command: std::env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        env: env.collect(),
        cwd: std::env::current_dir()?,
    })
}

/// Runs the command line; gives the exit code.
pub fn main() -> u8 {
    let process = match process() {
        Ok(process) => process,
        Err(error) => {
            return terminal::refuse(&format!("cannot tell the working directory: {error}"));
        }
    };
    let arguments = match Arguments::try_parse_from(&process.command) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to standard output and are no error.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                _ => USAGE,
            };
        }
    };
    // Before anything notes the command.
    let docker = match &arguments.command {
        None => arguments.run.docker.as_deref(),
        Some(Command::Gc(gc)) => gc.docker.as_deref(),
        Some(_) => None,
    };
    if let Some(why) = docker.and_then(crate::engine::docker::refused) {
        return terminal::refuse(&why);
    }
    match arguments.command {
        None => run::run(&process, &arguments.run),
        Some(Command::Check(check)) => check::check(&process, &check),
        Some(Command::List(list)) => list::list(&process, &list),
        Some(Command::Render(render)) => render::render(&process, &render),
        Some(Command::Schema { of }) => schema::print(of),
        Some(Command::Steps { kind, no_color }) => steps::print(&process, kind.as_deref(), no_color),
        Some(Command::Report(report)) => report::report(&process, &report),
        Some(Command::Gc(gc)) => gc::gc(&process, &gc),
        Some(Command::Completions { shell }) => completions::print(shell),
        Some(Command::AskHere {
            empty: Some(folder), ..
        }) => ask::empty(&folder),
        Some(Command::AskHere { answer: Some(port), .. }) => ask::answer(port),
        Some(Command::AskHere { stay, .. }) => ask::ask(stay),
    }
}
