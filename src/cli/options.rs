//! The command line as it is typed; after this nobody reads arguments or the environment.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A declarative end-to-end test runner for Docker.
///
/// `e2erun scenarios/` checks the scenarios, builds their images, brings their stacks up, runs their steps, writes JUnit
/// and removes all that it made.
#[derive(Debug, Parser)]
#[command(name = "e2erun", version, args_conflicts_with_subcommands = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// What to do, if not to run scenarios.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// How to run scenarios.
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

/// Where reports and logs go where nobody says it.
pub(crate) const RESULTS: &str = "e2erun-results";

const EXIT_CODES: &str = "Exit codes: 0 all passed or skipped; 1 something failed; 2 invalid scenarios or usage; \
3 it could not be found out; 4 nothing selected; 130 interrupted.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check scenarios, templates and project files without Docker: every problem with its place.
    Check(CheckArguments),
    /// List the cases with their tags.
    List(ListArguments),
    /// Print the rewritten compose and swarm files and their difference from the originals, without Docker.
    Render(RenderArguments),
    /// Print the JSON schema of scenario files, for editors; or that of another kind of file.
    Schema {
        /// Of which files: `scenario`, `template`, or `project` (`e2erun.yaml`).
        #[arg(value_enum, default_value = "scenario")]
        of: SchemaOf,
    },
    /// Print the manual: step kinds, matchers, expressions, keys.
    Steps {
        /// A step kind, or another topic that `e2erun steps` lists.
        #[arg(value_name = "KIND")]
        kind: Option<String>,
        /// No colours.
        #[arg(long)]
        no_color: bool,
    },
    /// Make reports from the events of a run.
    Report(ReportArguments),
    /// Remove what dead runs left on the engine.
    Gc(GcArguments),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Ask a question that is read as JSON: what runs where `inside` asks. Not for people.
    #[command(hide = true)]
    AskHere {
        /// Only keep the container running.
        #[arg(long)]
        stay: bool,
        /// Only empty this folder.
        #[arg(long)]
        empty: Option<PathBuf>,
        /// Only greet who connects to this port.
        #[arg(long)]
        answer: Option<u16>,
    },
}

/// Which scenarios, and with what values.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Selection {
    /// Scenario files, or folders with them (default: this folder); all are checked, whatever is selected of them.
    pub(crate) paths: Vec<PathBuf>,
    /// Only scenarios with one of these tags; with `!` before it, only those without it.
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub(crate) tags: Vec<String>,
    /// Only cases whose name matches this regular expression.
    #[arg(long, value_name = "REGEX")]
    pub(crate) name: Option<String>,
    /// Give a variable a value: YAML, or text.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) sets: Vec<String>,
    /// Give variables values from a YAML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) vars: Vec<PathBuf>,
}

/// How to run scenarios.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RunArguments {
    /// Which.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// How many cases run at once (default: cores).
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) jobs: Option<u32>,
    /// End the run at the first failure.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Only the cases that did not pass in the last run, those that it did not reach among them; without paths, from their files.
    #[arg(long)]
    pub(crate) rerun_failed: bool,
    /// Run each case so often, and tell how often it failed; with `--fail-fast` until one fails.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: Option<u32>,
    /// Begin the cases in an order of chance: the same seed gives the same order.
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) shuffle: Option<String>,
    /// Whether what scenarios started is left for a look.
    #[arg(long, value_name = "WHEN")]
    pub(crate) keep: Option<KeepArgument>,
    /// Stretch every limit, for slow machines.
    #[arg(long, value_name = "FACTOR", value_parser = factor, allow_negative_numbers = true)]
    pub(crate) timeout_scale: Option<f64>,
    /// The engine: `unix://…`, `tcp://…`, `ssh://…`, or a docker context. Default: DOCKER_HOST, the docker context, the local socket.
    #[arg(long, value_name = "HOST")]
    pub(crate) docker: Option<String>,
    /// Run nothing, and ask no engine: judge again what the run in this results folder left, by the scenarios as they are now.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["rerun_failed", "repeat", "shuffle", "dry_run", "update_baseline"])]
    pub(crate) validate_only: Option<PathBuf>,
    /// Show what would run, and run nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Fail scenarios that check nothing, and refuse scenarios with warnings.
    #[arg(long)]
    pub(crate) strict: bool,
    /// What a pass on a retry is: `pass` or `fail`.
    #[arg(long, value_name = "HOW", default_value = "pass")]
    pub(crate) flaky: Flaky,
    /// Rewrite golden files with what was found; lines that fit still stay as they are, `[..]` and all.
    #[arg(long)]
    pub(crate) update: bool,
    /// Compare measured values with those of this file: one that `--update-baseline` wrote, or the `measures.json` of a run.
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write the measured values of the cases that passed into the baseline file.
    #[arg(long)]
    pub(crate) update_baseline: bool,
    /// Where reports and logs go.
    #[arg(long, value_name = "DIR", default_value = RESULTS)]
    pub(crate) results: PathBuf,
    /// The JUnit file (default: junit.xml in the results).
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// What a JUnit testcase is.
    #[arg(long, value_name = "GRAIN", default_value = "scenario")]
    pub(crate) junit_grain: GrainArgument,
    /// Tell only what went wrong, and the summary.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// No colours; the moving lines of a terminal stay (under `CI`, `TERM=dumb` or `--quiet` there are none).
    #[arg(long)]
    pub(crate) no_color: bool,
}

/// `check`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CheckArguments {
    /// Which.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Warnings are errors.
    #[arg(long)]
    pub(crate) strict: bool,
    /// A JUnit file with an error for each problem.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// For which engine, as when they are run: what one on another machine cannot have is told. It is not asked.
    #[arg(long, value_name = "HOST")]
    pub(crate) docker: Option<String>,
    /// No colours.
    #[arg(long)]
    pub(crate) no_color: bool,
    /// Tell only problems.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// `list`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ListArguments {
    /// Which.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `render`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RenderArguments {
    /// Which.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Write the rewritten files into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// No colours.
    #[arg(long)]
    pub(crate) no_color: bool,
}

/// `report`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportArguments {
    /// Files of events (`events.jsonl`); several are merged.
    #[arg(required = true)]
    pub(crate) events: Vec<PathBuf>,
    /// The JUnit file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// What a JUnit testcase is.
    #[arg(long, value_name = "GRAIN", default_value = "scenario")]
    pub(crate) junit_grain: GrainArgument,
    /// Tell only what went wrong, and the summary.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// No colours.
    #[arg(long)]
    pub(crate) no_color: bool,
}

/// `gc`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GcArguments {
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also what is older than this and whose run cannot be looked up here: `24h`.
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<String>,
    /// Only what has this label: `name=value`, as a kept scenario told it.
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
    /// Built images, too, that were used within 7 days; never those that a container or a living run uses.
    #[arg(long)]
    pub(crate) images: bool,
    /// The engine, as when scenarios are run.
    #[arg(long, value_name = "HOST")]
    pub(crate) docker: Option<String>,
}

/// Of which files a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// Scenarios.
    Scenario,
    /// Template files.
    Template,
    /// `e2erun.yaml`.
    Project,
}

/// `--keep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeepArgument {
    /// Everything is removed.
    Never,
    /// What did not pass is left.
    Failed,
    /// Everything is left.
    Always,
}

/// `--flaky`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Flaky {
    /// It passes.
    #[default]
    Pass,
    /// It fails the run.
    Fail,
}

/// `--junit-grain`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GrainArgument {
    /// A scenario.
    #[default]
    Scenario,
    /// A step.
    Step,
}

fn factor(text: &str) -> Result<f64, String> {
    let factor: f64 = text
        .parse()
        .map_err(|_| "it is a number, like `2` or `0.5`".to_owned())?;
    if factor.is_finite() && factor > 0.0 && factor <= 1000.0 {
        Ok(factor)
    } else {
        Err("it is above 0 and at most 1000".to_owned())
    }
}
