//! `--validate-only`: the results that a run left, judged again by the scenarios as they are now; without an engine.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;

use super::again::Last;
use super::invalid::{invalid, unwritable};
use super::options::{RESULTS, RunArguments};
use super::output::Output;
use super::prepare::{self, Prepared};
use super::results::{self, EVENTS, Results, VALIDATED};
use super::run::code_of;
use super::settings::{report_settings, rules, scale, settings};
use super::{NOTHING, Process, terminal};
use crate::engine::EngineInfo;
use crate::event::{Event, NodeInfo, What};
use crate::host::RealHost;
use crate::lease::Lease;
use crate::net::RealNet;
use crate::plan::{self, Settings};
use crate::report::jsonl;
use crate::run::{self, Env, Facts, Needed, Stored};
use crate::step::Emitter;

/// What a run left: all that was told of it.
struct Left {
    folder: PathBuf,
    run: String,
    nodes: Vec<NodeInfo>,
    stored: Stored,
}

/// Judges it again; gives the exit code.
pub(crate) fn validate(
    process: &Process,
    arguments: &RunArguments,
    (given, results): (&Path, PathBuf),
    lease: &Arc<Lease>,
) -> u8 {
    let folder = prepare::results(process, given);
    let left = match read(&folder) {
        Ok(left) => left,
        Err(why) => return terminal::refuse(&format!("`--validate-only {}`: {why}", given.display())),
    };
    // What is judged stays as it is, to be judged again; and so do the results of another run that nobody named.
    let is_unnamed = arguments.results == Path::new(RESULTS);
    let results = match is_unnamed || results == folder {
        true => folder.join(VALIDATED),
        false => results,
    };
    let mut selection = arguments.selection.clone();
    if let Some(last) = Last::read(&folder, rules(arguments)).filter(|_| selection.paths.is_empty()) {
        selection.paths = match last.all_files(&process.cwd) {
            Ok(files) => files,
            Err(code) => return code,
        };
    }
    let to = (results.as_path(), lease.id());
    let mut chosen = match prepare::choose(process, &selection) {
        Ok(chosen) => chosen,
        Err(problems) => return invalid(process, arguments, to, &problems),
    };
    if let Some(why) = prepare::among_scenarios(process, &chosen, &results) {
        return terminal::refuse(&why);
    }
    // Of a run that repeated its cases, each repetition is judged.
    chosen.repeat = left.stored.repeated();
    let settings = match settings(process, arguments, &chosen, folder, &left.run) {
        Ok(settings) => settings,
        Err(why) => return terminal::refuse(&why),
    };
    let mut prepared = prepare::prepare(process, &chosen, &settings);
    let told = as_they_were(&mut prepared, &left, &settings);
    prepared.diagnostics.extend(told);
    if prepare::refused(&prepared.diagnostics, arguments.strict) {
        return invalid(process, arguments, to, &prepared.diagnostics);
    }
    if prepared.jobs.is_empty() {
        terminal::print_error(&prepare::nothing("judge", &chosen, prepared.scenarios));
        return NOTHING;
    }
    judged(process, arguments, (settings, prepared, left), (&results, lease))
}

/// Reads what a run left.
fn read(folder: &Path) -> Result<Left, String> {
    let path = folder.join(EVENTS);
    let events =
        File::open(&path).map_err(|why| format!("there are no results of a run: cannot read `{EVENTS}`: {why}"))?;
    let (mut stored, mut run, mut nodes) = (Stored::default(), String::new(), Vec::new());
    for event in jsonl::events(BufReader::new(events)) {
        let event = event.map_err(|why| format!("`{EVENTS}` holds no events: {why}"))?;
        if let What::RunStarted { nodes: known, .. } = &event.what {
            run.clone_from(&event.run);
            nodes.clone_from(known);
        }
        stored.event(event);
    }
    if stored.is_empty() {
        return Err("that run had no case".to_owned());
    }
    let folder = folder.to_owned();
    Ok(Left {
        folder,
        run,
        nodes,
        stored,
    })
}

/// Plans the cases anew with the names that they had then: of what they made, and unique ones.
fn as_they_were(prepared: &mut Prepared, left: &Left, settings: &Settings) -> Vec<crate::diagnostic::Diagnostic> {
    let mut problems = Vec::new();
    let mut others = left.stored.next_number()..;
    for job in &mut prepared.jobs {
        if !left.stored.has(&job.seed.info) {
            // Not that of one which it had.
            job.seed.info.number = others.next().unwrap_or_default();
        }
        let names = left.stored.names_of(&mut job.seed.info);
        job.plan.info = job.seed.info.clone();
        let Some((attempt, unique)) = names else {
            continue;
        };
        job.seed.unique = unique;
        match plan::filled(&job.loaded, &job.seed, attempt, settings, &prepared.files) {
            Ok(plan) => job.plan = plan,
            Err(told) => problems.extend(told),
        }
    }
    problems
}

fn judged(
    process: &Process,
    arguments: &RunArguments,
    (settings, prepared, left): (Settings, Prepared, Left),
    (results, lease): (&Path, &Arc<Lease>),
) -> u8 {
    let reports = report_settings(process, arguments, results);
    let names = results::names(reports.junit.as_deref(), results, []);
    let _own = match Results::take(results).and_then(|mut own| own.renew(names).map(|()| own)) {
        Ok(own) => own,
        Err(why) => return terminal::refuse(&unwritable(results, &why)),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return terminal::refuse(&format!("cannot start: {why}")),
    };
    terminal::print_error(&format!(
        "note: what the run in `{}` left is judged again; what acts is taken as it went\n",
        left.folder.display()
    ));
    let mut output = Output::new(process, reports, arguments.quiet);
    let (sink, mut events) = unbounded_channel::<Event>();
    let Prepared { jobs, files, .. } = prepared;
    let env = env(
        process,
        arguments,
        (settings, files, lease),
        (Emitter::new(lease.id(), sink), &left.nodes),
    );
    let masks = Arc::clone(&env.emitter.of_cases);
    let (cases, ()) = runtime.block_on(async {
        let (_say, mut said) = unbounded_channel();
        let work = run::validate(env, jobs, left.stored, left.nodes);
        tokio::join!(work, output.follow(&mut events, &mut said))
    });
    output.hide(&masks);
    output.end();
    match code_of(&output, |_| true) {
        0 if cases == 0 => {
            terminal::print_error(&format!(
                "error: no case was judged: the run in `{}` had none of these, or skipped them\n",
                left.folder.display()
            ));
            NOTHING
        }
        code => code,
    }
}

/// What judging sees: this machine's files, and no engine.
fn env(
    process: &Process,
    arguments: &RunArguments,
    (settings, files, lease): (Settings, crate::scenario::Files, &Arc<Lease>),
    (emitter, nodes): (Emitter, &[NodeInfo]),
) -> Env {
    let groups: Arc<dyn crate::host::Groups> = Arc::<Lease>::clone(lease);
    Env {
        facts: nodes.first().map_or_else(Facts::default, facts),
        timeout_scale: scale(arguments),
        update: arguments.update,
        rules: rules(arguments),
        command: process.command.clone(),
        ..Env::without_engine(Needed {
            host: Arc::new(RealHost::new(groups)),
            net: Arc::new(RealNet::default()),
            lease: Arc::clone(lease),
            settings,
            files: Arc::new(files),
            emitter,
        })
    }
}

/// What was known of the engine then.
fn facts(node: &NodeInfo) -> Facts {
    let mut system = node.system.split(' ').map(str::to_owned);
    let mut next = || system.next().unwrap_or_default();
    Facts {
        engine: EngineInfo {
            version: node.engine.clone(),
            api: node.api.clone(),
            os: next(),
            kernel: next(),
            arch: next(),
            ..EngineInfo::default()
        },
        compose: node.compose.clone(),
    }
}
