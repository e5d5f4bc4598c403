//! `e2erun [PATHS]`: runs scenarios. Connects what the run needs, feeds the reporters, and writes what they give.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::CommandFactory;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::options::{Flaky, GrainArgument, KeepArgument, RunArguments};
use super::output::Output;
use super::prepare::{self, Chosen, Prepared};
use super::results::{self, EVENTS, JUNIT, Results};
use super::signals::Ends;
use super::{NOTHING, Process, connect, terminal};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::event::{Event, Fault, Outcome, Rules, What};
use crate::image::{How, Identities, ImagePlan};
use crate::plan::Settings;
use crate::report;
use crate::report::outcome::exit_code;
use crate::run::{self, Env};
use crate::step::{Emitter, Keep};

/// Runs what was selected; gives the exit code.
pub(crate) fn run(process: &Process, arguments: &RunArguments) -> u8 {
    std::panic::set_hook(Box::new(|panic| {
        if let Some(said) = run::panicked(panic) {
            terminal::print_error(&said);
        }
    }));
    let results = prepare::results(process, &arguments.results);
    if let Some(file) = results.ancestors().find(|path| path.is_file()) {
        return terminal::refuse(&format!("`--results` wants a folder: `{}` is a file", file.display()));
    }
    let lease = match connect::lease(process) {
        Ok(lease) => Arc::new(lease),
        Err(why) => return terminal::refuse(&why),
    };
    let code = leased(process, arguments, results, &lease);
    if let Some(why) = lease.trouble() {
        terminal::print_error(&format!(
            "error: the run's lease does not tell all that a crash would leave: {why}\n"
        ));
    }
    // What is left with its label was left on purpose, and told.
    if let Some(lease) = Arc::into_inner(lease)
        && let Err(why) = lease.end()
    {
        terminal::print_error(&format!("the run's lease cannot be given up: {why}\n"));
    }
    code
}

fn leased(process: &Process, arguments: &RunArguments, results: PathBuf, lease: &Arc<crate::lease::Lease>) -> u8 {
    let chosen = match prepare::choose(process, &arguments.selection, &results) {
        Ok(chosen) => chosen,
        Err(problems) => {
            let problems: Vec<Diagnostic> = problems.into_iter().map(command_meant).collect();
            return invalid(process, arguments, (&results, lease.id()), &problems);
        }
    };
    let settings = match settings(process, arguments, &chosen, results, lease.id()) {
        Ok(settings) => settings,
        Err(why) => return terminal::refuse(&why),
    };
    let prepared = prepare::prepare(process, &chosen, &settings);
    if prepare::refused(&prepared.diagnostics, arguments.strict) {
        return invalid(
            process,
            arguments,
            (&settings.results, lease.id()),
            &prepared.diagnostics,
        );
    }
    terminal::diagnostics(&prepared.ignored, terminal::color(process, arguments.no_color));
    if prepared.jobs.is_empty() {
        terminal::print_error(&prepare::nothing("run", &chosen, prepared.scenarios));
        return NOTHING;
    }
    // Under `--quiet`, too: a warning says what may well make a result wrong.
    terminal::warnings(&prepared.diagnostics, terminal::color(process, arguments.no_color));
    terminal::diagnostics(&prepared.shared, terminal::color(process, arguments.no_color));
    if arguments.dry_run {
        return dry(&prepared);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return terminal::refuse(&format!("cannot start: {why}")),
    };
    let reports = report_settings(process, arguments, &settings.results);
    let cases = prepared.jobs.iter().map(|job| job.seed.info.folder.as_str());
    let names = results::names(reports.junit.as_deref(), &settings.results, cases);
    let opened = Results::take(&settings.results).and_then(|mut own| {
        let renewed = own.renew(names.clone()).or_else(|why| {
            // A run that was killed, or kept, has left there what its containers wrote.
            if why.kind() != io::ErrorKind::PermissionDenied {
                return Err(why);
            }
            let folders = own.folders();
            let emptied = connect::empty(process, arguments.docker.as_deref(), lease, &folders);
            let emptied = runtime.block_on(emptied);
            emptied.map_err(|fault| io::Error::other(format!("{why}; nor in a container: {}", fault.message)))?;
            own.renew(names)
        });
        renewed.map(|()| own)
    });
    let _own = match opened {
        Ok(own) => own,
        Err(why) => return terminal::refuse(&unwritable(&settings.results, &why)),
    };
    let output = Output::new(process, reports, arguments.quiet);
    runtime.block_on(async_run(process, arguments, (settings, prepared), lease, output))
}

/// Nothing was started: the results are of this run all the same, and not of the one before.
fn invalid(process: &Process, arguments: &RunArguments, (results, run): (&Path, &str), problems: &[Diagnostic]) -> u8 {
    let mut reports = report_settings(process, arguments, results);
    let names = results::names(reports.junit.as_deref(), results, []);
    let opened = Results::take(results).and_then(|mut own| own.renew(names).map(|()| own));
    if opened.is_err() {
        // What is there is not this run's to write to.
        reports.events = None;
        reports.junit = reports.junit.filter(|path| !path.starts_with(results));
    }
    let code = Output::new(process, reports, arguments.quiet).invalid(run, problems);
    if let Err(why) = opened {
        terminal::refuse(&unwritable(results, &why));
    }
    code
}

/// A path that is not there may be the name of a command, behind an option or with a letter wrong.
fn command_meant(problem: Diagnostic) -> Diagnostic {
    let commands = super::options::Arguments::command();
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

fn unwritable(results: &Path, why: &io::Error) -> String {
    format!(
        "cannot write the results to `{}`: {why}; `--results DIR` names another folder",
        results.display()
    )
}

/// What would run, in order.
fn dry(prepared: &Prepared) -> u8 {
    let mut text = String::new();
    for job in &prepared.jobs {
        text.push_str(&format!("would run  {}  {}\n", job.seed.info.place, job.seed.info.name));
        for (phase, steps) in &job.plan.phases {
            for step in steps {
                text.push_str(&format!("  {}: {}\n", phase.word(), step.shown()));
            }
        }
        for image in &job.plan.images {
            text.push_str(&format!("  image {} = {}\n", image.shown(), known(image)));
        }
    }
    terminal::print(&text);
    0
}

/// An image's reference as far as it is known without an engine: a tag of ours holds the base images' ids, too.
fn known(image: &ImagePlan) -> String {
    match (&image.how, image.reference.rsplit_once(':')) {
        (How::Build(_), Some((name, _))) => format!("{name}:…"),
        _ => image.reference.clone(),
    }
}

fn settings(
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
        keep: arguments.keep.map(|keep| match keep {
            KeepArgument::Never => Keep::Never,
            KeepArgument::Failed => Keep::Failed,
            KeepArgument::Always => Keep::Always,
        }),
        identities: Identities::Files,
    })
}

fn rules(arguments: &RunArguments) -> Rules {
    Rules {
        strict: arguments.strict,
        flaky_fails: arguments.flaky == Flaky::Fail,
    }
}

fn report_settings(process: &Process, arguments: &RunArguments, results: &Path) -> report::Settings {
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
pub(crate) fn grain(grain: GrainArgument) -> report::Grain {
    match grain {
        GrainArgument::Scenario => report::Grain::Scenario,
        GrainArgument::Step => report::Grain::Step,
    }
}

async fn async_run(
    process: &Process,
    arguments: &RunArguments,
    (settings, prepared): (Settings, Prepared),
    lease: &Arc<crate::lease::Lease>,
    mut output: Output,
) -> u8 {
    let (sink, mut events) = unbounded_channel::<Event>();
    let emitter = Emitter::new(&settings.run, sink);
    let masks = Arc::clone(&emitter.of_cases);
    let ends = Ends::default();
    let (say, mut said) = unbounded_channel();
    let signals = tokio::spawn(super::signals::watch(ends.clone(), scale(arguments), say));
    let jobs = arguments.jobs.map_or_else(cores, |jobs| jobs as usize);
    let left = Arc::<AtomicBool>::default();
    let rules = rules(arguments);
    let connecting = connect::connect(process, arguments.docker.as_deref(), lease, &emitter);
    // An engine that does not answer keeps nobody.
    let connected = ends.interrupted.run_until_cancelled(connecting).await;
    let work = match connected.transpose() {
        unreached @ (Ok(None) | Err(_)) => {
            let started = started(&emitter, &prepared, process.command.clone(), (jobs, rules));
            tell_unreached(&emitter, &prepared, started, unreached.err());
            drop(emitter);
            tokio::spawn(async {})
        }
        Ok(Some(connected)) => {
            let nodes = connected.nodes.clone();
            let env = Env {
                nodes: connected.handles,
                host: connected.host,
                net: connected.net,
                lease: Arc::clone(lease),
                settings,
                files: Arc::new(prepared.files),
                emitter,
                interrupted: ends.interrupted,
                cancel: CancellationToken::new(),
                hurry: ends.hurry,
                facts: connected.facts,
                docker_host: connected.docker_host,
                timeout_scale: scale(arguments),
                update: arguments.update,
                left: Arc::clone(&left),
                jobs,
                rules,
                fail_fast: arguments.fail_fast,
                command: process.command.clone(),
                passed_over: prepared.passed_over,
            };
            tokio::spawn(run::run(env, prepared.jobs, nodes))
        }
    };
    output.follow(&mut events, &mut said).await;
    signals.abort();
    let ended = work.await;
    output.hide(&masks);
    output.end();
    left.load(Ordering::Relaxed).then(|| lease.leave());
    if let Err(error) = ended {
        // What it made is still there: the lease tells of it.
        lease.leave();
        terminal::print_error(&format!("error: the run itself broke: {error}\n"));
        return 3;
    }
    let code = exit_code(output.tally());
    // A run whose reports could not be written is not known to have passed.
    if output.broken() && code == 0 { 3 } else { code }
}

/// What every limit is stretched by.
fn scale(arguments: &RunArguments) -> f64 {
    arguments.timeout_scale.unwrap_or(1.0)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The beginning of a run without nodes.
fn started(emitter: &Emitter, prepared: &Prepared, command: Vec<String>, (jobs, rules): (usize, Rules)) -> What {
    run::hide_everywhere(emitter, &prepared.jobs);
    What::RunStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command,
        cases: prepared.jobs.iter().map(|job| job.told(emitter)).collect(),
        nodes: Vec::new(),
        passed_over: prepared.passed_over,
        jobs,
        rules,
    }
}

/// No engine: no case could be found out, and why is told once, of the run; without a fault it was interrupted.
fn tell_unreached(emitter: &Emitter, prepared: &Prepared, started: What, fault: Option<Fault>) {
    emitter.emit(started);
    for job in prepared.jobs.iter().filter(|_| fault.is_some()) {
        let case = emitter.of_case(crate::event::CaseId {
            number: job.seed.info.number,
            attempt: 1,
        });
        case.emit(What::CaseStarted {});
        case.emit(What::CaseEnded {
            outcome: Outcome::Errored,
            reason: Some("no engine was reached".to_owned()),
            seconds: 0.0,
            parts: std::collections::BTreeMap::new(),
            faults: Vec::new(),
            retried: false,
        });
    }
    emitter.emit(What::RunEnded {
        seconds: emitter.elapsed(),
        interrupted: fault.is_none(),
        faults: fault.into_iter().collect(),
    });
}
