//! What can be said only of the whole: names outside of steps, and what `check` notes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Resolving;
use crate::declared::Declared;
use crate::diagnostic::{Diagnostic, Source, Span, and_more};
use crate::event::Phase;
use crate::scenario::Scenario;
use crate::stack::StackPlan;
use crate::step::{Bound, Known, Static, path_problem};
use crate::substitute::StackKind;
use crate::template::{Data, Template};

impl Resolving<'_> {
    /// The names in all that is not a step: what a stack takes may be saved by a step before its `up`.
    pub(super) fn check_top_level(&mut self, known: &Known, fixed: &Static<'_>) {
        self.check_swarm();
        for template in &self.loaded.templates {
            let told: Vec<Diagnostic> = template
                .names()
                .filter_map(|path| path_problem(path, known, fixed))
                .collect();
            for problem in told {
                // What evaluating it told knows less of what may have been meant.
                self.problems.retain(|known| !overlaps(&known.span, &problem.span));
                self.problems.push(problem);
            }
        }
    }
}

impl Resolving<'_> {
    /// A problem; of a value that was given on the command line it says so: it does not stand at its place.
    pub(super) fn with_origin(&self, mut problem: Diagnostic) -> Diagnostic {
        let given = &self.settings.overrides;
        let mut names = used(problem.span.text()).into_iter();
        if let Some(name) = names.find(|name| given.contains_key(name)) {
            let origin = format!("`{name}` was set by `--set` or `--vars`");
            let help = problem.help.take().map(|help| and_more(&help, &origin));
            problem.help = Some(help.unwrap_or(origin));
        }
        problem
    }
}

/// The names whose values the expressions in a written value use.
fn used(written: &str) -> Vec<String> {
    let read = crate::yaml::parse(&Source::new("", written)).and_then(|node| Data::of(&node));
    let templates = read.map(|data| data.templates()).unwrap_or_default();
    let names = templates.iter().flat_map(Template::names).filter(|path| !path.call);
    names.map(|path| path.parts[0].clone()).collect()
}

fn overlaps(a: &Span, b: &Span) -> bool {
    Arc::ptr_eq(&a.source, &b.source) && a.start < b.end && b.start < a.end
}

/// What `check` tells beside problems: locks, and a scenario that checks nothing.
pub(super) fn notes(
    (scenario, has_swarm): (&Scenario, bool),
    phases: &BTreeMap<Phase, Vec<Bound>>,
    stacks: &[StackPlan],
    declared: &Declared,
) -> Vec<Diagnostic> {
    let mut notes: Vec<Diagnostic> = stacks.iter().flat_map(StackPlan::notes).collect();
    notes.extend(declared.notes());
    let in_swarm = |stack: &&StackPlan| stack.kind == StackKind::Swarm;
    if !has_swarm && let Some(stack) = stacks.iter().find(in_swarm) {
        notes.push(stack.without_swarm());
    }
    let checks = [Phase::Given, Phase::Steps, Phase::Then]
        .iter()
        .filter_map(|phase| phases.get(phase))
        .flatten()
        .any(Bound::checks)
        || scenario.log_scan.is_some();
    if !checks {
        notes.push(
            Diagnostic::warning(
                &scenario.scenario.span,
                "the scenario checks nothing: it will be reported as not verified",
            )
            .help("add a check, e.g. `- log-assert: {service: web, contains: ready}`"),
        );
    }
    notes
}
