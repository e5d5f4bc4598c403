//! How to look into a case that did not pass: the command that runs it again as it was run, and leaves what it starts.

use std::collections::BTreeSet;

use crate::diagnostic::shell_word;
use crate::event::{HIDDEN, Outcome};

use crate::report::case::{Attempt, Case};
use crate::report::line::{Line, lines_of};
use crate::report::tally::Run;

use super::line::Tone;

/// How much is shown of what was kept.
const SHOWN: usize = 32 * 1024;
/// What is wrong with a case that Ctrl-C ended.
const INTERRUPTED: &str = "interrupted";
/// The options that make the same case of a file.
const OPTIONS: [&str; 4] = ["--docker", "--set", "--vars", "--baseline"];
/// The options that leave out cases of a file.
const SELECTING: [&str; 3] = ["--name", "--tags", "--rerun-failed"];

/// What was left for a look.
pub(super) fn kept(case: &Case) -> Vec<Line> {
    let kept = case.attempts.values().flat_map(|attempt| &attempt.kept);
    kept.flat_map(|text| lines_of(Tone::Plain, text, SHOWN)).collect()
}

/// What was left for a look, or how to have it left the next time.
pub(super) fn lines(run: &Run, case: &Case) -> Vec<Line> {
    let kept = kept(case);
    if !kept.is_empty() {
        return kept;
    }
    // Where nothing was started there is nothing to look into.
    let started = case.last().is_some_and(Attempt::ran) && case.end().is_some_and(|end| end.started);
    let looked_for = matches!(case.outcome(), Outcome::Failed | Outcome::Errored) && started;
    let already = run.command.iter().any(|word| word.starts_with("--keep"));
    let faults = case.faults();
    let told = faults
        .iter()
        .any(|found| found.fault.hint.as_ref().is_some_and(|hint| hint.contains("--keep")));
    // Who ended the case does not ask what went wrong with it.
    let ended = faults.iter().any(|found| found.fault.message == INTERRUPTED);
    if !looked_for || already || ended || told {
        return Vec::new();
    }
    let (hidden, given): (Vec<_>, Vec<_>) = options(&run.command)
        .into_iter()
        .partition(|(_, value)| value.contains(HIDDEN));
    let mut words = vec!["e2erun".to_owned(), shell_word(&case.info.file)];
    let given = given.into_iter().chain(name(run, case).map(|name| ("--name", name)));
    words.extend(given.flat_map(|(option, value)| [option.to_owned(), shell_word(&value)]));
    let all = Line::plain(format!("look inside: {} --keep failed", words.join(" ")));
    let rest = hidden.into_iter().map(|(option, value)| {
        let name = value.split(['=', ':']).next().unwrap_or_default();
        Line::plain(format!("  and `{option} {name}=…`, whose value is hidden here"))
    });
    std::iter::once(all).chain(rest).collect()
}

/// What the command line said that makes the case what it is.
fn options(command: &[String]) -> Vec<(&'static str, String)> {
    let mut words = command.iter();
    let mut all = Vec::new();
    while let Some(word) = words.next() {
        let own = OPTIONS.iter().find_map(|option| {
            let rest = word.strip_prefix(option)?;
            let own = rest.is_empty() || rest.starts_with('=');
            own.then_some((*option, rest.strip_prefix('=')))
        });
        let Some((option, value)) = own else { continue };
        let value = value.map(str::to_owned).or_else(|| words.next().cloned());
        all.extend(value.map(|value| (option, value)));
    }
    all
}

/// What selects the case among those of its file; none where it is the only one, or its name is hidden.
fn name(run: &Run, case: &Case) -> Option<String> {
    let own = run.cases.values().filter(|other| other.info.file == case.info.file);
    let names: BTreeSet<&str> = own.map(|other| other.info.base()).collect();
    let selects = |word: &String| SELECTING.contains(&word.split('=').next().unwrap_or_default());
    // Of what was selected the file may have more than the run had.
    let has_others = names.len() > 1 || !case.info.matrix.is_empty() || run.command.iter().any(selects);
    let name = case.info.base();
    (has_others && !name.contains(HIDDEN)).then(|| format!("^{}$", escaped(name)))
}

/// As a regular expression that means the text.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::event::{CaseInfo, Event, Fault, Outcome, Phase, What};
    use crate::report::sample;
    use crate::report::tally::Tally;

    /// The first of so many cases of a file, which failed.
    fn failed(command: &str, names: &[&str], started: bool) -> Tally {
        let cases: Vec<CaseInfo> = (1..)
            .zip(names)
            .map(|(number, name)| CaseInfo {
                matrix: name
                    .contains('[')
                    .then(|| ("n".to_owned(), 1.into()))
                    .into_iter()
                    .collect(),
                ..sample::case(number, "m/a.yaml", name)
            })
            .collect();
        let mut begun = sample::run_started(cases);
        if let What::RunStarted { command: own, .. } = &mut begun.what {
            *own = command.split(' ').map(str::to_owned).collect();
        }
        let step = sample::step("steps[1]", Phase::Steps, "up shop", sample::place("m/a.yaml", 3, 5, ""));
        let fault = Fault::failure("`v` is 3000");
        let mut ended = sample::case_ended(Outcome::Failed, 1.0);
        if let What::CaseEnded { started: own, .. } = &mut ended {
            *own = started;
        }
        let events: [Event; 3] = [
            begun,
            sample::event(
                1.0,
                Some(1),
                sample::step_ended(&step, Outcome::Failed, 0.1, vec![fault]),
            ),
            sample::event(2.0, Some(1), ended),
        ];
        let mut tally = Tally::default();
        events.iter().for_each(|event| tally.event(event));
        tally
    }

    fn told(tally: &Tally) -> String {
        let run = &tally.runs[0];
        let lines = lines(run, &run.cases[&1]).into_iter();
        lines.map(|line| line.text()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_command_makes_the_same_case() {
        let check = |command: &str, names: &[&str], expected: &str| {
            let told = told(&failed(command, names, true));
            assert_eq!(told, format!("look inside: e2erun {expected}"), "{command}");
        };
        check("e2erun m", &["a"], "m/a.yaml --keep failed");
        check(
            "e2erun --docker ssh://core@web1 m --vars=b.yaml --set v=3000 --set",
            &["a"],
            "m/a.yaml --docker ssh://core@web1 --vars b.yaml --set v=3000 --keep failed",
        );
        check("e2erun --docker=far m", &["a"], "m/a.yaml --docker far --keep failed");
        check(
            "e2erun m",
            &["a b [n=1]", "a b [n=2]"],
            r"m/a.yaml --name '^a b \[n=1\]$' --keep failed",
        );
        check("e2erun m", &["a [n=***]", "a [n=***]x"], "m/a.yaml --keep failed");
        // The file has more cases than were selected.
        for command in ["e2erun m --name a", "e2erun m --tags=x", "e2erun --rerun-failed"] {
            check(command, &["a"], "m/a.yaml --name '^a$' --keep failed");
        }
        check("e2erun m", &["a [n=1]"], r"m/a.yaml --name '^a \[n=1\]$' --keep failed");
        check(
            "e2erun m --set pin=***",
            &["a"],
            "m/a.yaml --keep failed\n  and `--set pin=…`, whose value is hidden here",
        );
    }

    #[test]
    fn where_nothing_was_started_there_is_nothing_to_look_into() {
        assert_eq!(told(&failed("e2erun m", &["a"], false)), "");
    }
}
