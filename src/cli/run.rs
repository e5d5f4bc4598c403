//! `e2erun [PATHS]`: runs scenarios. Connects what the run needs, feeds the reporters, and writes what they give.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::again;
use super::baseline::Baselines;
use super::invalid::{command_meant, invalid, unwritable};
use super::options::RunArguments;
use super::output::Output;
use super::prepare::{self, Chosen, Prepared};
use super::results::{self, Results};
use super::settings::{report_settings, rules, scale, settings};
use super::signals::Ends;
use super::{NOTHING, Process, connect, dry_run, shuffle, terminal, unreached, validate};
use crate::diagnostic::Diagnostic;
use crate::event::{Earlier, Event, Fault, What};
use crate::plan::Settings;
use crate::report::outcome::exit_code;
use crate::report::tally::Tally;
use crate::run::{self, Env};
use crate::step::Emitter;

const UNNAMED: &str =
    "`--update-baseline`: no file is named; `--baseline FILE` does, and `baseline: FILE` in `e2erun.yaml`";

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
    if let Some(stored) = &arguments.validate_only {
        return validate::validate(process, arguments, (stored, results), lease);
    }
    let chosen = match chosen(process, arguments, (&results, lease.id())) {
        Ok(chosen) => chosen,
        Err(code) => return code,
    };
    let settings = match settings(process, arguments, &chosen, results, lease.id()) {
        Ok(settings) => settings,
        Err(why) => return terminal::refuse(&why),
    };
    let mut prepared = prepare::prepare(process, &chosen, &settings);
    if prepare::refused(&prepared.diagnostics, arguments.strict) {
        let to = (settings.results.as_path(), lease.id());
        return invalid(process, arguments, to, &prepared.diagnostics);
    }
    terminal::diagnostics(&prepared.ignored, terminal::color(process, arguments.no_color));
    let earlier = again::told(process, &chosen, &prepared);
    if prepared.jobs.is_empty() {
        terminal::print_error(&prepare::nothing("run", &chosen, prepared.scenarios));
        return NOTHING;
    }
    let baselines = Baselines::of(&prepared.jobs);
    if arguments.update_baseline && baselines.is_empty() {
        return terminal::refuse(UNNAMED);
    }
    let shuffle = shuffle::shuffled(arguments, &settings, &mut prepared);
    // Under `--quiet`, too: a warning says what may well make a result wrong.
    terminal::warnings(&prepared.diagnostics, terminal::color(process, arguments.no_color));
    terminal::diagnostics(&prepared.shared, terminal::color(process, arguments.no_color));
    if arguments.dry_run {
        return dry_run::print(&prepared);
    }
    if let Err(why) = connect::elsewhere(process, arguments.docker.as_deref()) {
        return terminal::refuse(&why.to_string());
    }
    let ready = Ready {
        prepared,
        earlier,
        shuffle,
        baselines,
    };
    with_results(process, arguments, (settings, ready), lease)
}

/// Takes the results folder, and runs.
fn with_results(
    process: &Process,
    arguments: &RunArguments,
    (settings, ready): (Settings, Ready),
    lease: &Arc<crate::lease::Lease>,
) -> u8 {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return terminal::refuse(&format!("cannot start: {why}")),
    };
    let reports = report_settings(process, arguments, &settings.results);
    let cases = ready.prepared.jobs.iter().map(|job| job.seed.info.folder.as_str());
    let names = results::names(reports.junit.as_deref(), &settings.results, cases);
    let empty = |folders: Vec<PathBuf>| {
        let emptied = connect::empty(process, arguments.docker.as_deref(), lease, &folders);
        runtime.block_on(emptied).map_err(Box::new)
    };
    let _own = match opened(&settings.results, names, empty) {
        Ok(own) => own,
        Err(why) => return terminal::refuse(&unwritable(&settings.results, &why)),
    };
    let output = Output::new(process, reports, arguments.quiet);
    runtime.block_on(async_run(process, arguments, (settings, ready), lease, output))
}

/// What is meant to run; or the exit code where that is nothing, or not understood.
fn chosen(process: &Process, arguments: &RunArguments, (results, run): (&Path, &str)) -> Result<Chosen, u8> {
    let last = again::last(process, arguments, results)?;
    let mut selection = arguments.selection.clone();
    if let Some(last) = last.as_ref().filter(|_| selection.paths.is_empty()) {
        selection.paths = last.files(&process.cwd);
    }
    match prepare::choose(process, &selection) {
        Ok(mut chosen) => {
            if let Some(why) = prepare::among_scenarios(process, &chosen, results) {
                return Err(terminal::refuse(&why));
            }
            (chosen.repeat, chosen.again) = (arguments.repeat, last);
            Ok(chosen)
        }
        Err(problems) => {
            let problems: Vec<Diagnostic> = problems.into_iter().map(command_meant).collect();
            Err(invalid(process, arguments, (results, run), &problems))
        }
    }
}

/// Takes the results folder and removes what an earlier run made there, in a container where this user cannot.
fn opened(
    results: &Path,
    names: BTreeSet<String>,
    empty: impl FnOnce(Vec<PathBuf>) -> Result<(), Box<Fault>>,
) -> io::Result<Results> {
    let mut own = Results::take(results)?;
    let renewed = own.renew(names.clone()).or_else(|why| {
        // A run that was killed, or kept, has left there what its containers wrote.
        if why.kind() != io::ErrorKind::PermissionDenied {
            return Err(why);
        }
        let emptied = empty(own.folders());
        emptied.map_err(|fault| io::Error::other(format!("{why}; nor in a container: {}", fault.message)))?;
        own.renew(names)
    });
    renewed.map(|()| own)
}

/// What is to run, and what is told of it at the beginning.
struct Ready {
    prepared: Prepared,
    /// What cases of the run before came to, of those that are not run now.
    earlier: Vec<Earlier>,
    /// The seed of the order in which they begin.
    shuffle: Option<String>,
    /// Where measured values are written, if they are.
    baselines: Baselines,
}

async fn async_run(
    process: &Process,
    arguments: &RunArguments,
    (settings, ready): (Settings, Ready),
    lease: &Arc<crate::lease::Lease>,
    mut output: Output,
) -> u8 {
    let (sink, mut events) = unbounded_channel::<Event>();
    let emitter = Emitter::new(&settings.run, sink);
    let (prepared, shuffle, baselines) = (ready.prepared, ready.shuffle, ready.baselines);
    tell_earlier(&emitter, ready.earlier);
    let masks = Arc::clone(&emitter.of_cases);
    let (ends, left) = (Ends::default(), Arc::<AtomicBool>::default());
    let (say, mut said) = unbounded_channel();
    let signals = super::signals::watch(process, arguments, (ends.clone(), say));
    let jobs = arguments.jobs.map_or_else(cores, |jobs| jobs as usize);
    let rules = rules(arguments);
    let connecting = connect::connect(process, arguments.docker.as_deref(), lease, &emitter);
    // An engine that does not answer keeps nobody.
    let connected = ends.interrupted.run_until_cancelled(connecting).await;
    let mut way = None;
    let work = match connected.transpose() {
        none @ (Ok(None) | Err(_)) => {
            let command = process.command.clone();
            unreached::tell(emitter, &prepared, (command, shuffle), (jobs, rules), none.err());
            tokio::spawn(async {})
        }
        Ok(Some(connected)) => {
            way = Some(connected.way);
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
                docker_env: connected.docker_env,
                timeout_scale: scale(arguments),
                update: arguments.update,
                left: Arc::clone(&left),
                jobs,
                rules,
                fail_fast: arguments.fail_fast,
                command: process.command.clone(),
                passed_over: prepared.passed_over,
                shuffle,
            };
            tokio::spawn(run::run(env, prepared.jobs, connected.nodes))
        }
    };
    output.follow(&mut events, &mut said).await;
    signals.abort();
    let ended = work.await;
    if let Some(way) = way {
        way.close().await;
    }
    output.hide(&masks);
    output.end();
    left.load(Ordering::Relaxed).then(|| lease.leave());
    let write = |tally: &Tally| !arguments.update_baseline || baselines.update(tally);
    ended.map_or_else(|error| broke(lease, &error), |()| code_of(&output, write))
}

/// The cases of the run before that are not run again: what became of them goes on to be told.
fn tell_earlier(emitter: &Emitter, cases: Vec<Earlier>) {
    if !cases.is_empty() {
        emitter.emit(What::Earlier { cases });
    }
}

/// A run that did not come to its end: what it made is still there, and the lease tells of it.
fn broke(lease: &crate::lease::Lease, error: &tokio::task::JoinError) -> u8 {
    lease.leave();
    terminal::print_error(&format!("error: the run itself broke: {error}\n"));
    3
}

/// The exit code, after what is still to be written. A run whose reports could not be written is not known to have passed.
pub(super) fn code_of(output: &Output, write: impl FnOnce(&Tally) -> bool) -> u8 {
    let written = write(output.tally());
    match exit_code(output.tally()) {
        0 if output.broken() || !written => 3,
        code => code,
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
