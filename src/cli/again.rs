//! `--rerun-failed`: what the last run came to, from the events that it left in its results folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::options::RunArguments;
use super::prepare::{Chosen, Prepared};
use super::results::EVENTS;
use super::settings::rules;
use super::{Process, terminal};
use crate::event::{CaseInfo, Earlier, Outcome, Rules};
use crate::mask::HIDDEN;
use crate::report::case::Case;
use crate::report::jsonl;
use crate::report::outcome::exit_code;
use crate::report::tally::Tally;

/// What the last run came to, case by case: those that it had from the run before it, too.
#[derive(Debug, Clone, Default)]
pub(crate) struct Last {
    cases: Vec<Earlier>,
    /// What makes an outcome a failure: what was said then, and what is said now.
    rules: Rules,
    /// Its exit code, and what is wrong with the run itself where that is why.
    code: u8,
    trouble: Option<String>,
}

impl Last {
    /// Reads it; none where no run left its events there, or where they cannot be read.
    pub(crate) fn read(results: &Path, rules: Rules) -> Option<Last> {
        let events = File::open(results.join(EVENTS)).ok()?;
        let mut tally = Tally::new(rules);
        for event in jsonl::events(BufReader::new(events)) {
            tally.event(&event.ok()?);
        }
        Some(Last::of(&tally))
    }

    /// Of what was told of a run.
    fn of(tally: &Tally) -> Last {
        let earlier = tally.runs.values().flat_map(|run| &run.earlier);
        let mut cases: BTreeMap<String, Earlier> = earlier.map(|case| (case.name.clone(), case.clone())).collect();
        let mut own: BTreeMap<String, Earlier> = BTreeMap::new();
        for case in tally.cases() {
            let outcome = outcome(case);
            let name = case.info.base().to_owned();
            let file = case.info.file.clone();
            // Of a case that was repeated, the worst counts.
            let known = own.entry(name.clone()).or_insert(Earlier { name, file, outcome });
            known.outcome = known.outcome.max(outcome);
        }
        cases.extend(own);
        Last {
            cases: cases.into_values().collect(),
            rules: tally.rules,
            code: exit_code(tally),
            trouble: trouble(tally),
        }
    }

    /// How many cases it is of.
    pub(crate) fn len(&self) -> usize {
        self.cases.len()
    }

    /// Those that did not pass.
    pub(crate) fn failed(&self) -> impl Iterator<Item = &Earlier> {
        let failed = |case: &&Earlier| case.outcome >= Outcome::Failed || self.rules.fails(case.outcome);
        self.cases.iter().filter(failed)
    }

    /// True for a case that did not pass. Of a name that was hidden, all cases of its file are meant.
    pub(crate) fn wants(&self, info: &CaseInfo) -> bool {
        let is = |case: &Earlier| case.name == info.base() || (case.name.contains(HIDDEN) && case.file == info.file);
        self.failed().any(is)
    }

    /// The files of the cases that did not pass and that are still there, as they were named then.
    pub(crate) fn files(&self, cwd: &Path) -> Vec<PathBuf> {
        there(self.failed(), cwd)
    }

    /// All files that are still there; the exit code where none is.
    pub(crate) fn all_files(&self, cwd: &Path) -> Result<Vec<PathBuf>, u8> {
        let files = there(self.cases.iter(), cwd);
        match files.is_empty() {
            true => Err(not_there("--validate-only`: what ran then", self.cases.iter())),
            false => Ok(files),
        }
    }

    /// What is not run again: it is told on, so that the next run still knows it. Without what is not there any more.
    pub(crate) fn others(&self, prepared: &Prepared, cwd: &Path) -> Vec<Earlier> {
        let runs = |case: &&Earlier| prepared.jobs.iter().any(|job| job.seed.info.base() == case.name);
        let others = self.cases.iter().filter(|case| !runs(case));
        others.filter(|case| !gone(case, prepared, cwd)).cloned().collect()
    }

    /// Those that did not pass, and are not there any more.
    pub(crate) fn gone<'a>(&'a self, prepared: &'a Prepared, cwd: &'a Path) -> impl Iterator<Item = &'a Earlier> {
        let shown = |case: &&Earlier| !case.name.contains(HIDDEN);
        self.failed()
            .filter(shown)
            .filter(move |case| gone(case, prepared, cwd))
    }

    /// All its cases.
    pub(crate) fn into_cases(self) -> Vec<Earlier> {
        self.cases
    }
}

/// The last run, where only what did not pass in it is to run again; or the exit code where that is nothing.
pub(crate) fn last(process: &Process, arguments: &RunArguments, results: &Path) -> Result<Option<Last>, u8> {
    if !arguments.rerun_failed {
        return Ok(None);
    }
    let shown = arguments.results.display();
    let Some(last) = Last::read(results, rules(arguments)).filter(|last| last.len() > 0) else {
        let why =
            format!("`--rerun-failed`: there is no earlier run in `{shown}`; `--results DIR` names another folder");
        return Err(terminal::refuse(&why));
    };
    let failed = last.failed().count();
    if failed == 0 {
        let cases = match last.len() {
            1 => "the one case did not fail".to_owned(),
            cases => format!("none of {cases} cases failed"),
        };
        if last.code != 0 {
            let why = last.trouble.as_deref().unwrap_or("the run itself failed");
            terminal::print_error(&format!(
                "error: nothing to run again: {cases} in the last run, in `{shown}`; but the run itself did not \
                 go well: {why}; without `--rerun-failed` all of it runs again\n"
            ));
            return Err(last.code);
        }
        terminal::print(&format!(
            "nothing to run again: {cases} in the last run, in `{shown}`\n"
        ));
        return Err(0);
    }
    if arguments.selection.paths.is_empty() && last.files(&process.cwd).is_empty() {
        return Err(not_there("--rerun-failed`: what failed in the last run", last.failed()));
    }
    Ok(Some(last))
}

/// Says what failed in the last run and is not there any more; gives what is there and not run again.
pub(crate) fn told(process: &Process, chosen: &Chosen, prepared: &Prepared) -> Vec<Earlier> {
    let Some(last) = &chosen.again else {
        return Vec::new();
    };
    for case in last.gone(prepared, &process.cwd) {
        let (name, file) = (&case.name, &case.file);
        terminal::print_error(&format!(
            "note: `{name}` failed in the last run, and is not there any more (it was in {file})\n"
        ));
    }
    last.others(prepared, &process.cwd)
}

/// The files of cases, of those that are still there.
fn there<'c>(cases: impl Iterator<Item = &'c Earlier>, cwd: &Path) -> Vec<PathBuf> {
    let files: BTreeSet<PathBuf> = cases.map(|case| PathBuf::from(&case.file)).collect();
    files.into_iter().filter(|file| cwd.join(file).is_file()).collect()
}

/// Refuses a run of which no file is there.
fn not_there<'c>(what: &str, cases: impl Iterator<Item = &'c Earlier>) -> u8 {
    let files: BTreeSet<String> = cases.map(|case| format!("`{}`", case.file)).collect();
    let files = files.into_iter().collect::<Vec<_>>().join(", ");
    terminal::refuse(&format!(
        "`{what} is not there any more: {files}; from another folder, or after a move, name the files"
    ))
}

/// True for a case whose file is not there any more, or has no case of that name.
fn gone(case: &Earlier, prepared: &Prepared, cwd: &Path) -> bool {
    let was_read = prepared.files_read.contains(&case.file);
    !prepared.names.contains(&case.name) && (was_read || !cwd.join(&case.file).is_file())
}

/// What is wrong with a run itself, in a line.
fn trouble(tally: &Tally) -> Option<String> {
    let fault = tally.runs.values().flat_map(|run| &run.faults).next();
    if !tally.diagnostics.is_empty() && !tally.runs.values().any(|run| run.started) {
        Some("its files were refused, and nothing ran".to_owned())
    } else if tally.interrupted() {
        Some("it was interrupted".to_owned())
    } else {
        fault.and_then(|fault| fault.message.lines().next().map(str::to_owned))
    }
}

/// How a case ended, as far as it is a reason to run it again: one that was not reached is one.
fn outcome(case: &Case) -> Outcome {
    match case.attempts.is_empty() {
        true => Outcome::Errored,
        false => case.outcome(),
    }
}

#[cfg(test)]
mod tests {
    use super::Last;
    use crate::event::{CaseId, CaseInfo, Earlier, Event, Outcome, Rules, What};
    use crate::report::tally::Tally;

    fn info(number: usize, name: &str, repetition: Option<u32>) -> CaseInfo {
        serde_json::from_value(serde_json::json!({
            "number": number, "file": "a.yaml", "scenario": "a", "name": name, "matrix": {}, "tags": [],
            "place": {"path": "a.yaml", "line": 1, "column": 1, "source_line": ""},
            "properties": {}, "folder": "", "repetition": repetition,
        }))
        .unwrap()
    }

    fn event(case: Option<usize>, what: What) -> Event {
        let case = case.map(|number| CaseId { number, attempt: 1 });
        let (run, at) = ("r".to_owned(), String::new());
        Event {
            run,
            at,
            elapsed: 0.0,
            case,
            what,
        }
    }

    /// The names of what is to be run again, after these cases with their outcomes; none for one that was not reached.
    fn check(cases: &[(&str, Option<u32>, Option<Outcome>)], earlier: &[(&str, Outcome)], expected: &[&str]) {
        check_by(Rules::default(), cases, earlier, expected);
    }

    /// The same, by these rules.
    fn check_by(
        rules: Rules,
        cases: &[(&str, Option<u32>, Option<Outcome>)],
        earlier: &[(&str, Outcome)],
        expected: &[&str],
    ) {
        let mut tally = Tally::new(rules);
        let file = "a.yaml".to_owned();
        let earlier = earlier.iter().map(|(name, outcome)| Earlier {
            name: (*name).to_owned(),
            file: file.clone(),
            outcome: *outcome,
        });
        tally.event(&event(
            None,
            What::Earlier {
                cases: earlier.collect(),
            },
        ));
        let infos = (1..).zip(cases).map(|(number, case)| info(number, case.0, case.1));
        let started = What::RunStarted {
            version: String::new(),
            command: Vec::new(),
            cases: infos.collect(),
            nodes: Vec::new(),
            passed_over: 0,
            jobs: 1,
            rules: crate::event::Rules::default(),
            shuffle: None,
        };
        tally.event(&event(None, started));
        for (number, outcome) in (1..).zip(cases).filter_map(|(number, case)| Some((number, case.2?))) {
            let ended = What::CaseEnded {
                outcome,
                reason: None,
                seconds: 0.0,
                parts: std::collections::BTreeMap::new(),
                faults: Vec::new(),
                retried: false,
                started: false,
            };
            tally.event(&event(Some(number), ended));
        }
        let last = Last::of(&tally);
        let names: Vec<&str> = last.failed().map(|case| case.name.as_str()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn what_failed_errored_or_was_not_reached_is_run_again() {
        check(
            &[
                ("a", None, Some(Outcome::Failed)),
                ("b", None, Some(Outcome::Passed)),
                ("c", None, Some(Outcome::Errored)),
                ("d", None, None),
                ("e", None, Some(Outcome::Skipped)),
                ("f", None, Some(Outcome::KnownIssue)),
            ],
            &[],
            &["a", "c", "d"],
        );
    }

    #[test]
    fn a_repeated_case_is_run_again_where_one_of_its_runs_failed() {
        check(
            &[
                ("a [run 1]", Some(1), Some(Outcome::Failed)),
                ("a [run 2]", Some(2), Some(Outcome::Passed)),
                ("b [run 1]", Some(1), Some(Outcome::Passed)),
            ],
            &[],
            &["a"],
        );
    }

    #[test]
    fn what_failed_by_rule_is_run_again() {
        let rules = |strict, flaky_fails| Rules { strict, flaky_fails };
        let cases = [
            ("a", None, Some(Outcome::Flaky)),
            ("b", None, Some(Outcome::NotVerified)),
        ];
        check_by(rules(false, true), &cases, &[("c", Outcome::Flaky)], &["a", "c"]);
        check_by(rules(true, false), &cases, &[("c", Outcome::NotVerified)], &["b", "c"]);
    }

    #[test]
    fn what_was_not_run_again_is_not_forgotten_and_what_passed_since_is_well() {
        check(
            &[("a", None, Some(Outcome::Passed))],
            &[("a", Outcome::Failed), ("b", Outcome::Failed), ("c", Outcome::Passed)],
            &["b"],
        );
    }
}
