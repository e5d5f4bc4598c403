//! A run that does not begin: what is told, and what becomes of the results.

use std::io;
use std::path::Path;

use clap::CommandFactory;

use super::again::Last;
use super::options::{Arguments, RunArguments};
use super::output::{Output, of_run};
use super::results::{self, Results};
use super::settings::{report_settings, rules};
use super::{Process, terminal};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::event::What;

/// Nothing was started: the results are of this run all the same, and not of the one before.
pub(super) fn invalid(
    process: &Process,
    arguments: &RunArguments,
    (results, run): (&Path, &str),
    problems: &[Diagnostic],
) -> u8 {
    let mut reports = report_settings(process, arguments, results);
    // A letter that is wrong in a file does not make what failed forgotten.
    let last = Last::read(results, rules(arguments))
        .map(Last::into_cases)
        .unwrap_or_default();
    let names = results::names(reports.junit.as_deref(), results, []);
    let opened = Results::take(results).and_then(|mut own| own.renew(names).map(|()| own));
    if opened.is_err() {
        // What is there is not this run's to write to.
        reports.events = None;
        reports.junit = reports.junit.filter(|path| !path.starts_with(results));
    }
    let mut output = Output::new(process, reports, arguments.quiet);
    let code = output.invalid(run, problems);
    if !last.is_empty() && opened.is_ok() {
        output.event(&of_run(run, What::Earlier { cases: last }));
    }
    if let Err(why) = opened {
        terminal::refuse(&unwritable(results, &why));
    }
    code
}

/// A path that is not there may be the name of a command, behind an option or with a letter wrong.
pub(super) fn command_meant(problem: Diagnostic) -> Diagnostic {
    let commands = Arguments::command();
    let names: Vec<&str> = commands.get_subcommands().map(clap::Command::get_name).collect();
    let path = &*problem.span.source.path;
    if names.contains(&path) {
        let help = format!("the command comes first: `e2erun {path} …`, its options behind it");
        return problem.help(help);
    }
    if path == "run" {
        return problem.help("to run needs no command: `e2erun`, the options, and files or folders");
    }
    match did_you_mean(path, &names) {
        Some(near) if problem.help.is_none() => problem.help(format!("did you mean the command `{near}`?")),
        _ => problem,
    }
}

/// What is said where the results cannot be written.
pub(super) fn unwritable(results: &Path, why: &io::Error) -> String {
    format!(
        "cannot write the results to `{}`: {why}; `--results DIR` names another folder",
        results.display()
    )
}
