//! `e2erun report events.jsonl`: the reports of a run, made again from its events.

use std::path::Path;

use super::options::ReportArguments;
use super::output::Output;
use super::{Process, UNKNOWN, terminal};
use crate::diagnostic::Diagnostic;
use crate::report::{self, jsonl, outcome::exit_code};

/// Makes the reports; the exit code is the run's.
pub(crate) fn report(process: &Process, arguments: &ReportArguments) -> u8 {
    let settings = report::Settings {
        color: terminal::color(process, arguments.no_color),
        width: terminal::columns(),
        quiet: arguments.quiet,
        junit: arguments.junit.as_ref().map(|path| process.cwd.join(path)),
        junit_grain: super::settings::grain(arguments.junit_grain),
        ..report::Settings::default()
    };
    let mut output = Output::replaying(settings);
    for file in &arguments.events {
        let shown = file.display();
        let bytes = match std::fs::read(process.cwd.join(file)) {
            Ok(bytes) => bytes,
            Err(why) => return terminal::refuse(&format!("cannot read `{shown}`: {why}")),
        };
        match jsonl::read(&bytes) {
            Ok(events) => events.iter().for_each(|event| output.event(event)),
            Err(bad) => return terminal::refuse(&format!("`{shown}` holds no events: {bad}")),
        }
    }
    output.end();
    if output.broken() {
        UNKNOWN
    } else {
        exit_code(output.tally())
    }
}

/// Writes the JUnit file of a `check`: an error for each problem; false when it cannot be written.
pub(crate) fn write_invalid(process: &Process, path: &Path, diagnostics: &[Diagnostic]) -> bool {
    let junit = Some(process.cwd.join(path));
    let mut output = Output::silent(report::Settings {
        junit,
        ..report::Settings::default()
    });
    output.invalid("check", diagnostics);
    !output.broken()
}
