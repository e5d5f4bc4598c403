//! Known issues: a scenario that fails as described is not counted; one that passes tells that the note can go.

use super::ended::TryEnded;
use crate::diagnostic::Spanned;
use crate::event::{Fault, FaultKind, Outcome};
use crate::plan::Plan;
use crate::step::KnownIssue;
use crate::template::Scope;

/// How what is told of a known issue begins, that is not one of the system's faults.
const TELLS: [&str; 2] = ["passed, though it has a known issue: ", "not the known issue `"];

/// True for what only tells of a known issue.
pub(super) fn tells(fault: &Fault) -> bool {
    TELLS.iter().any(|begins| fault.message.starts_with(begins))
}

/// Sees how a try ended in the light of what is known.
pub(super) fn judge(plan: &Plan, scope: &Scope, ended: &mut TryEnded) {
    let today = jiff::Zoned::now().date();
    let applying: Vec<&KnownIssue> = plan.known_issues.iter().filter(|issue| applies(issue, scope)).collect();
    let Some(first) = applying.first() else {
        return;
    };
    let until = |issue: &KnownIssue| issue.until.as_ref().map(|until| until.value.0);
    let mut open = applying
        .iter()
        .filter(|issue| until(issue).is_none_or(|until| today < until));
    if ended.outcome >= Outcome::Failed {
        let faults: Vec<&Fault> = ended.faults.iter().chain(&ended.of_steps).collect();
        let open: Vec<&KnownIssue> = open.copied().collect();
        let found = described(&open, &faults, ended.outcome);
        match found {
            Ok(reasons) => {
                ended.outcome = Outcome::KnownIssue;
                ended.reason = Some(reasons);
            }
            Err(why) => {
                // It is about the other faults, and no failure beside what could not be found out.
                let kind = match ended.outcome {
                    Outcome::Errored => FaultKind::Error,
                    _ => FaultKind::Failure,
                };
                let until = first.until.as_ref().filter(|_| open.is_empty());
                let again = until.map(|until| format!("it counts again since {}", until.value.0));
                ended.faults.push(Fault {
                    kind,
                    ..other(first, again.unwrap_or(why))
                });
            }
        }
    // Where nothing was checked, nobody knows.
    } else if ended.outcome > Outcome::Skipped
        && ended.outcome != Outcome::NotVerified
        && let Some(issue) = open.next()
    {
        let why = format!("{}{}", TELLS[0], reason(issue));
        ended.outcome = Outcome::Failed;
        ended.faults.push(
            Fault::failure(why)
                .at(issue.span.place())
                .hint("it is mended: take the `known-issue` away"),
        );
    }
}

fn applies(issue: &KnownIssue, scope: &Scope) -> bool {
    issue
        .r#if
        .as_ref()
        .is_none_or(|condition| condition.truth(scope).unwrap_or(false))
}

/// The reasons of the issues that describe all that went wrong, or what of it none of them does.
fn described(open: &[&KnownIssue], faults: &[&Fault], outcome: Outcome) -> Result<String, String> {
    let mut groups: Vec<Vec<&Fault>> = Vec::new();
    for fault in faults {
        // Those of one step are about one result, and what explains it stands at the first of them.
        match groups.last_mut() {
            Some(group) if fault.step.is_some() && group[0].step == fault.step => group.push(fault),
            _ => groups.push(vec![fault]),
        }
    }
    // What could not be found out is no issue of the system's, unless the issue says so in words. A failed preparation
    // makes an error of what only failed.
    let fits = |issue: &KnownIssue, group: &[&Fault]| {
        let errored = outcome == Outcome::Errored || group.iter().any(|fault| fault.kind == FaultKind::Error);
        (issue.matches.is_some() || !errored) && describes(issue, group)
    };
    let mut reasons: Vec<String> = Vec::new();
    let mut others = Vec::new();
    for group in &groups {
        match open.iter().find(|issue| fits(issue, group)) {
            Some(issue) if reasons.contains(&reason(issue)) => {}
            Some(issue) => reasons.push(reason(issue)),
            None => others.push(group[0]),
        }
    }
    let Some(one) = others.first() else {
        return Ok(reasons.join("; "));
    };
    let line = one.message.lines().next().unwrap_or_default();
    Err(match others.len() {
        all if all == groups.len() => "the failure is another one: no line of it matches".to_owned(),
        1 => format!("it describes a failure, and not this one: {line}"),
        more => format!("it describes a failure, and not {more} others, the first of them: {line}"),
    })
}

fn describes(issue: &KnownIssue, faults: &[&Fault]) -> bool {
    let Some(matches) = &issue.matches else {
        return true;
    };
    let is_match = |text: &str| matches.value.0.is_match(text);
    faults.iter().any(|fault| {
        let text = words(fault);
        text.lines().any(is_match) || is_match(&text)
    })
}

/// All that a fault says, with the words under which reports show it; a text's lines by themselves, too, so that `^` and
/// `$` are theirs.
fn words(fault: &Fault) -> String {
    let compared = [("expected", &fault.expected), ("actual", &fault.actual)];
    let compared = compared
        .into_iter()
        .filter_map(|(title, text)| Some((title, text.as_ref()?)));
    let details = fault.details.iter().map(|detail| (detail.title.as_str(), &detail.text));
    let mut words = fault.message.clone();
    for (title, text) in compared.chain(details) {
        words.push_str(&format!(
            "\n{title}: {}\n{text}",
            text.lines().next().unwrap_or_default()
        ));
    }
    if let Some(diff) = &fault.diff {
        words.push_str(&format!("\n{diff}"));
    }
    words
}

fn reason(issue: &KnownIssue) -> String {
    told(&issue.reason, issue.link.as_ref())
}

/// A reason as reports tell it, with its link.
pub(super) fn told(reason: &Spanned<String>, link: Option<&Spanned<String>>) -> String {
    let link = link.map_or(String::new(), |link| format!(" ({})", link.value));
    format!("{}{link}", reason.value)
}

/// A failure that a known issue is there for, and does not cover.
fn other(issue: &KnownIssue, why: String) -> Fault {
    Fault::failure(format!("{}{}`: {why}", TELLS[1], reason(issue))).at(issue.span.place())
}
