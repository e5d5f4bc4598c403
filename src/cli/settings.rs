//! What the command line means for a run: its settings, its rules, and where its reports go.

use std::path::{Path, PathBuf};

use super::options::{Flaky, GrainArgument, KeepArgument, RunArguments};
use super::prepare::Chosen;
use super::results::{EVENTS, JUNIT};
use super::{Process, connect, terminal};
use crate::event::Rules;
use crate::image::Identities;
use crate::plan::{Baselining, Settings};
use crate::report;
use crate::step::Keep;

/// What its plans are made with.
pub(super) fn settings(
    process: &Process,
    arguments: &RunArguments,
    chosen: &Chosen,
    results: PathBuf,
    run: &str,
) -> Result<Settings, String> {
    let mut seed = [0_u8; 16];
    rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())
        .map_err(|why| format!("the system gives no random numbers: {why}"))?;
    Ok(Settings {
        run: run.to_owned(),
        seed: seed.iter().map(|byte| format!("{byte:02x}")).collect(),
        overrides: chosen.overrides.clone(),
        env: process.env.clone(),
        results,
        hidden: crate::lease::private(run),
        keep: arguments.keep.map(|keep| match keep {
            KeepArgument::Never => Keep::Never,
            KeepArgument::Failed => Keep::Failed,
            KeepArgument::Always => Keep::Always,
        }),
        baseline: Baselining {
            file: arguments.baseline.as_ref().map(|file| process.cwd.join(file)),
            update: arguments.update_baseline,
        },
        elsewhere: elsewhere(process, arguments),
        identities: Identities::Files,
    })
}

/// The machine of the engine, where it is another one. What is wrong with its name is told when it is reached; and what is
/// judged again without an engine has none.
fn elsewhere(process: &Process, arguments: &RunArguments) -> Option<String> {
    let meant = connect::elsewhere(process, arguments.docker.as_deref());
    meant.unwrap_or_default().filter(|_| arguments.validate_only.is_none())
}

/// What the outcomes come to.
pub(super) fn rules(arguments: &RunArguments) -> Rules {
    Rules {
        strict: arguments.strict,
        flaky_fails: arguments.flaky == Flaky::Fail,
    }
}

/// What its reports are made with.
pub(super) fn report_settings(process: &Process, arguments: &RunArguments, results: &Path) -> report::Settings {
    let junit = arguments
        .junit
        .as_ref()
        .map_or_else(|| results.join(JUNIT), |path| process.cwd.join(path));
    report::Settings {
        rules: rules(arguments),
        color: terminal::color(process, arguments.no_color),
        width: terminal::columns(),
        quiet: arguments.quiet,
        junit: Some(junit),
        junit_grain: grain(arguments.junit_grain),
        events: Some(results.join(EVENTS)),
        measures: Some(results.to_owned()),
        github: process.env.contains_key("GITHUB_ACTIONS"),
        github_folder: github_folder(process),
        step_summary: process.env.get("GITHUB_STEP_SUMMARY").map(PathBuf::from),
    }
}

/// The working folder as seen from the repository's root; empty where it is not below it.
fn github_folder(process: &Process) -> PathBuf {
    let root = process.env.get("GITHUB_WORKSPACE").map(Path::new);
    let below = root.and_then(|root| process.cwd.strip_prefix(root).ok());
    below.map(Path::to_owned).unwrap_or_default()
}

/// The grain of the JUnit file.
pub(super) fn grain(grain: GrainArgument) -> report::Grain {
    match grain {
        GrainArgument::Scenario => report::Grain::Scenario,
        GrainArgument::Step => report::Grain::Step,
    }
}

/// What every limit is stretched by.
pub(super) fn scale(arguments: &RunArguments) -> f64 {
    arguments.timeout_scale.unwrap_or(1.0)
}
