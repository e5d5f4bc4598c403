//! `e2erun [PATHS]`: runs scenarios. Connects what the run needs, feeds the reporters, and writes what they give.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::CommandFactory;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::again::{self, Last};
use super::baseline::Baselines;
use super::options::RunArguments;
use super::output::Output;
use super::prepare::{self, Chosen, Prepared};
use super::results::{self, Results};
use super::settings::{report_settings, rules, scale, settings};
use super::signals::Ends;
use super::{NOTHING, Process, connect, shuffle, terminal, validate};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::event::{Earlier, Event, Fault, Outcome, Rules, What};
use crate::image::{How, ImagePlan};
use crate::mask::Masks;
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
        return dry(&prepared);
    }
    if let Err(why) = connect::elsewhere(process, arguments.docker.as_deref()) {
        return terminal::refuse(&why.to_string());
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return terminal::refuse(&format!("cannot start: {why}")),
    };
    let reports = report_settings(process, arguments, &settings.results);
    let cases = prepared.jobs.iter().map(|job| job.seed.info.folder.as_str());
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
    let prepared = Ready {
        prepared,
        earlier,
        shuffle,
        baselines,
    };
    runtime.block_on(async_run(process, arguments, (settings, prepared), lease, output))
}

/// What is meant to run; or the exit code where that is nothing, or not understood.
fn chosen(process: &Process, arguments: &RunArguments, (results, run): (&Path, &str)) -> Result<Chosen, u8> {
    let last = again::last(process, arguments, results)?;
    let mut selection = arguments.selection.clone();
    if let Some(last) = last.as_ref().filter(|_| selection.paths.is_empty()) {
        selection.paths = last.files(&process.cwd);
    }
    match prepare::choose(process, &selection, results) {
        Ok(mut chosen) => {
            if let Some(why) = prepare::among_scenarios(&chosen, results) {
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
        output.event(&super::output::of_run(run, What::Earlier { cases: last }));
    }
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

pub(super) fn unwritable(results: &Path, why: &io::Error) -> String {
    format!(
        "cannot write the results to `{}`: {why}; `--results DIR` names another folder",
        results.display()
    )
}

/// What would run, in order.
fn dry(prepared: &Prepared) -> u8 {
    let (mut told, of_all) = (String::new(), Masks::default());
    prepared.jobs.iter().for_each(|job| job.plan.hide_everywhere(&of_all));
    for job in &prepared.jobs {
        let (mut text, masks) = (String::new(), of_all.copy());
        job.plan.hide(&masks);
        text.push_str(&format!("would run  {}  {}\n", job.seed.info.place, job.seed.info.name));
        for (phase, steps) in &job.plan.phases {
            for step in steps {
                text.push_str(&format!("  {}: {}\n", phase.word(), step.shown()));
            }
        }
        for image in &job.plan.images {
            text.push_str(&format!("  image {} = {}\n", image.shown(), known(image)));
        }
        told.push_str(&masks.hide(&text));
    }
    terminal::print(&told);
    0
}

/// An image's reference as far as it is known without an engine: a tag of ours holds the base images' ids, too.
fn known(image: &ImagePlan) -> String {
    match (&image.how, image.reference.rsplit_once(':')) {
        (How::Build(_), Some((name, _))) => format!("{name}:…"),
        _ => image.reference.clone(),
    }
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
        unreached @ (Ok(None) | Err(_)) => {
            let started = started(&emitter, &prepared, (process.command.clone(), shuffle), (jobs, rules));
            tell_unreached(emitter, &prepared, started, unreached.err());
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

/// The beginning of a run without nodes.
fn started(
    emitter: &Emitter,
    prepared: &Prepared,
    (command, shuffle): (Vec<String>, Option<String>),
    (jobs, rules): (usize, Rules),
) -> What {
    run::hide_everywhere(emitter, &prepared.jobs);
    What::RunStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command,
        cases: prepared.jobs.iter().map(|job| job.told(emitter)).collect(),
        nodes: Vec::new(),
        passed_over: prepared.passed_over,
        jobs,
        rules,
        shuffle,
    }
}

/// No engine: no case could be found out, and why is told once, of the run; without a fault it was interrupted.
fn tell_unreached(emitter: Emitter, prepared: &Prepared, started: What, fault: Option<Fault>) {
    emitter.emit(started);
    for job in prepared.jobs.iter().filter(|_| fault.is_some()) {
        let case = emitter.of_case(crate::event::CaseId {
            number: job.seed.info.number,
            attempt: 1,
        });
        case.emit(What::CaseStarted {
            unique: String::new(),
            vars: BTreeMap::new(),
        });
        case.emit(What::CaseEnded {
            outcome: Outcome::Errored,
            reason: Some("no engine was reached".to_owned()),
            seconds: 0.0,
            parts: std::collections::BTreeMap::new(),
            faults: Vec::new(),
            retried: false,
            started: false,
        });
    }
    emitter.emit(What::RunEnded {
        seconds: emitter.elapsed(),
        interrupted: fault.is_none(),
        faults: fault.into_iter().collect(),
    });
}
