//! Binding: the steps as written become steps whose names are known.

mod blocks;
mod known;
mod names;
mod running;
mod targets;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Block, Body, Bound, Elsewhere, ForEach, Items, OwnNames, SetBy, StackNames, Step};
use crate::diagnostic::{Diagnostic, Place, Span, Spanned};
use crate::expect::{Field, FieldKind};
use crate::mask::Masks;
use crate::scenario::{Files, Partial};
use crate::shape::{Computed, Named};
use crate::template::{Expression, Scope, noun};

use known::Covered;
pub use known::{BUILT_IN, Known, name_problem};
pub use names::path_problem;
use running::Running;

/// What binding sees of the scenario: names that do not change while it binds.
pub struct Static<'a> {
    /// The stacks.
    pub stacks: &'a [StackNames],
    /// What the scenario declares beside its stacks.
    pub own: &'a OwnNames,
    /// The images.
    pub images: &'a [String],
    /// The names in `env`.
    pub env: &'a [String],
    /// The matrix's names.
    pub matrix: &'a [String],
    /// Names whose values stand in the file, for all to see.
    pub literal: &'a BTreeSet<String>,
    /// The values of which no message shows a part.
    pub hidden: &'a Masks,
    /// The files that were read.
    pub files: &'a Files,
    /// The engine, where it is on another machine, and that is known.
    pub elsewhere: Option<&'a Elsewhere>,
    /// What is not told as unknown: its own problem was told.
    pub partial: &'a Partial,
    /// The project's limits by step kind, over the kinds' own.
    pub limits: &'a Named<Spanned<Duration>>,
}

/// Binds steps; gathers the problems of all of them.
pub struct Binder<'a> {
    /// What does not change.
    pub fixed: &'a Static<'a>,
    /// The problems so far.
    pub problems: Vec<Diagnostic>,
    /// The names known at this point.
    pub known: Known,
    /// The secrets that steps hand to containers of their own.
    pub handed: BTreeSet<String>,
    /// Containers started by name before this point.
    pub backgrounds: Vec<String>,
    /// Background processes started by name before this point.
    pub processes: Vec<String>,
    /// Probes started before this point.
    pub probes: Vec<Spanned<String>>,
    /// Names of the steps before this point, for `since`.
    pub step_names: Vec<StepName>,
    /// What was noted of numbers on the way.
    pub(super) noted: Noted,
    /// Where each name is saved first.
    saved: BTreeMap<String, Span>,
    /// The folder of the file that is being bound.
    pub folder: PathBuf,
    /// Where the templates that are being bound are used, from the inside out.
    used_at: Vec<Place>,
    /// The template files that are being bound, for cycles.
    within: Vec<(PathBuf, String)>,
    /// True where a step may not run: saved names are only perhaps saved.
    maybe: bool,
    /// Names whose values no step has changed before this point.
    early: Scope,
    /// True once a step may have made files on this machine.
    makes_files: bool,
    /// Which stacks run at some time, and which of them steps need.
    running: Running,
    /// True under `for-each`: what is bound happens more than once.
    in_rounds: bool,
    /// The innermost `for-each` with a list that is written out, and with each of whose items what is bound certainly happens.
    rounds: Option<ForEach>,
    steps: usize,
}

/// Numbers of what a run has to see to.
#[derive(Debug, Default)]
pub struct Noted {
    /// Steps that a `since` mentions: a mark is made when they begin.
    pub marks: BTreeSet<usize>,
    /// Swarm stacks that are deployed before a step may have made what they expect to be there.
    pub expects: BTreeSet<usize>,
}

/// A step that was given a name.
pub struct StepName {
    /// The name.
    pub name: String,
    /// Which step it is.
    pub number: usize,
    /// Where it is written.
    pub span: Span,
}

/// The most steps in a plan.
pub(crate) const MAX_STEPS: usize = 10_000;

impl<'a> Binder<'a> {
    /// A binder for a scenario's steps.
    pub fn new(fixed: &'a Static<'a>, early: Scope, folder: PathBuf) -> Self {
        let mut known = Known::built_in();
        for name in early.values.keys() {
            known.add(name);
        }
        Binder {
            fixed,
            problems: Vec::new(),
            known,
            early,
            makes_files: false,
            running: Running::default(),
            in_rounds: false,
            rounds: None,
            handed: BTreeSet::new(),
            backgrounds: Vec::new(),
            processes: Vec::new(),
            probes: Vec::new(),
            step_names: Vec::new(),
            noted: Noted::default(),
            saved: BTreeMap::new(),
            folder,
            used_at: Vec::new(),
            within: Vec::new(),
            maybe: false,
            steps: 0,
        }
    }

    /// What was noted by now.
    pub fn noted(&mut self) -> Noted {
        std::mem::take(&mut self.noted)
    }

    /// Binds a list of steps in their order: what one saves, the next ones see.
    pub fn steps(&mut self, steps: &[Step]) -> Vec<Bound> {
        steps.iter().filter_map(|step| self.step(step)).collect()
    }

    /// A step's number; none of one too many, which is told once.
    fn number(&mut self, step: &Step) -> Option<usize> {
        self.steps += 1;
        if self.steps == MAX_STEPS + 1 {
            let message = format!("more than {MAX_STEPS} steps in one scenario");
            self.problems.push(Diagnostic::error(&step.at, message));
        }
        (self.steps <= MAX_STEPS).then_some(self.steps)
    }

    fn step(&mut self, step: &Step) -> Option<Bound> {
        let number = self.number(step)?;
        let outer = (self.maybe, self.in_rounds, self.rounds.clone());
        let mut item = Covered::default();
        if let Some(for_each) = &step.common.for_each {
            // The items are known before the first of them has its name.
            if let Items::Computed(items) = &for_each.items {
                self.check_names(&[items.as_template()]);
                self.check_items(items);
            }
            self.new_name(&for_each.name.value, &for_each.name.span);
            item = self.known.cover([for_each.name.value.clone().into()]);
        }
        let uncertain = step.common.r#if.is_some() || !step.common.skip.is_empty();
        let uncertain = uncertain || step.common.soft.is_some();
        self.rounds = self.rounds_of(step, uncertain);
        self.maybe |= uncertain || step.common.for_each.is_some();
        self.in_rounds |= step.common.for_each.is_some();
        let locals = self.known.cover(step.kind.locals.iter().map(|name| (*name).into()));
        self.check_names(&step.templates);
        self.known.uncover(locals);
        self.check_constants(step);
        step.body.check(step, self);
        let body = step.body.bind(self);
        // After the steps in it: one of them may bring the service up.
        let expect_log = step.common.expect_log.as_ref();
        let expect_log = expect_log.map_or_else(Vec::new, |expected| expected.bind(self));
        self.running.seen(step.kind.name);
        // What a template that cannot be used would give back, nobody knows.
        if body.is_some() || !step.kind.results.is_empty() {
            self.check_saves(step, body.as_ref());
        }
        // The item's name ends with its step.
        self.known.uncover(item);
        self.saves(step);
        if let Some(written) = &step.common.name
            && let Some(name) = written.as_literal()
        {
            self.step_names.push(StepName {
                name: name.to_owned(),
                number,
                span: written.span.clone(),
            });
        }
        if let Some(probe) = &step.common.probe {
            self.new_probe(probe);
        }
        (self.maybe, self.in_rounds, self.rounds) = outer;
        Some(Bound {
            expect_log,
            ..self.bound(step, number, body?)
        })
    }

    /// The names that a step saves are known from here on.
    fn saves(&mut self, step: &Step) {
        for (name, (span, expression)) in &step.save.0 {
            self.new_name(name, span);
            self.known.add(name);
            self.known.has_seconds(name, saves_seconds(step, expression));
            self.early.values.remove(name);
            self.saved.entry(name.clone()).or_insert_with(|| span.clone());
        }
    }

    /// Refuses a second probe of a name: only one of them would tell.
    fn new_probe(&mut self, probe: &Spanned<String>) {
        self.once(probe, "the probe");
        if let Some(first) = self.probes.iter().find(|known| known.value == probe.value) {
            let message = format!("another step has started the probe `{}`", probe.value);
            let problem = Diagnostic::error(&probe.span, message).help("choose another name");
            self.problems.push(match first.span == probe.span {
                // One template that is used twice.
                true => problem,
                false => problem.related(&first.span, "here"),
            });
        }
        self.probes.push(probe.clone());
    }

    /// Refuses a name for what goes on in the background where it would be started for each item.
    pub fn once(&mut self, name: &Spanned<String>, what: &str) {
        if self.in_rounds {
            let message = format!(
                "under `for-each`, {what} `{}` would be started for each item",
                name.value
            );
            let help = "a name is for one: write a step for each, with names of their own";
            self.problems.push(Diagnostic::error(&name.span, message).help(help));
        }
    }

    /// Tells items that are known by now, and no list.
    fn check_items(&mut self, items: &Expression) {
        let constant = items.names().next().is_none() || self.is_constant(&items.as_template());
        let value = constant.then(|| items.value(&self.early).ok()).flatten();
        if let Some(value) = value.filter(|value| !value.is_array()) {
            let message = format!("`for-each` wants a list, and `{}` is {}", items.code, noun(&value));
            let help = "write its items as a list, or an expression that gives one";
            self.problems.push(Diagnostic::error(&items.span, message).help(help));
        }
    }

    fn check_saves(&mut self, step: &Step, body: Option<&Body>) {
        // Nobody knows what a template returns that has problems of its own: these are told.
        if step.save_templates.is_empty() || body.is_none() && step.kind.name == "use" {
            return;
        }
        let mut result: Vec<Cow<'static, str>> = step.kind.results.iter().map(|field| field.name.into()).collect();
        if let Some(Body::Block(Block { own: Some(own), .. })) = body {
            result.extend(own.returns.iter().map(|(name, _)| name.clone().into()));
        }
        let result = self.known.cover(result);
        self.check_names(&step.save_templates);
        self.check_parts(step);
        self.known.uncover(result);
    }

    fn bound(&self, step: &Step, number: usize, body: Body) -> Bound {
        let common = &step.common;
        let (limit, limit_by) = self.limit(step);
        Bound {
            number,
            kind: step.kind,
            span: step.kind_at.clone(),
            used_at: self.used_at.clone(),
            name: common.name.clone(),
            written: Arc::clone(&step.body),
            asks: step.asks.clone(),
            asks_with: step.asks_with.clone(),
            condition: common.r#if.clone(),
            skip: common.skip.clone(),
            limit,
            limit_by,
            within: common.within.clone(),
            every: common.every.clone(),
            holds_for: common.holds_for.clone(),
            probe: common.probe.as_ref().map(|probe| probe.value.clone()),
            must_hold: common.must_hold.as_ref().is_some_and(|must| must.value),
            soft: common.soft.as_ref().is_some_and(|soft| soft.value),
            for_each: common.for_each.clone(),
            expect: step.expect.clone(),
            expect_log: Vec::new(),
            needs: needs(step),
            save: step
                .save
                .iter()
                .map(|(name, expression)| (name.to_owned(), expression.clone()))
                .collect(),
            body,
        }
    }

    /// The limit of one attempt, and what sets it: the step, the project's limit of its kind, or the kind.
    fn limit(&self, step: &Step) -> (Computed<Duration>, SetBy) {
        if let Some(own) = &step.common.timeout {
            return (own.clone(), SetBy::Timeout(own.span().place()));
        }
        match self.fixed.limits.get(step.kind.name) {
            Some(of_kind) => (Computed::Known(of_kind.clone()), SetBy::Project(of_kind.span.place())),
            None => {
                let usual = Spanned::new(step.kind.limit, step.kind_at.clone());
                (Computed::Known(usual), SetBy::Default)
            }
        }
    }

    /// Tells what a mapping lacks; not where one of its keys was told as unknown: that one was meant to be it.
    pub fn lacks(&mut self, problem: Diagnostic) {
        let of = problem.span.clone();
        self.lacks_in(&of, problem);
    }

    /// The same of what is told at another place than at the mapping.
    pub fn lacks_in(&mut self, of: &Span, problem: Diagnostic) {
        let told = self.fixed.partial.problems.iter().any(|known| {
            let within = of.start <= known.span.start && known.span.end <= of.end;
            within && known.span.source.path == of.source.path && known.message.starts_with("unknown key")
        });
        if !told {
            self.problems.push(problem);
        }
    }

    /// Tells of a check that needs an expectation or the like.
    pub fn error(&mut self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Diagnostic::error(span, message).help(help));
    }
}

/// True for a time of a step's result, which is a number of seconds; of several rounds it is a list.
fn saves_seconds(step: &Step, expression: &Expression) -> bool {
    let is_time = |field: &Field| field.kind == FieldKind::Duration && field.name == &*expression.code;
    step.common.for_each.is_none() && step.kind.results.iter().any(is_time)
}

/// The names that a step must have from outside.
fn needs(step: &Step) -> BTreeSet<String> {
    let item = step
        .common
        .for_each
        .as_ref()
        .map(|for_each| for_each.name.value.as_str());
    let is_own = |name: &str| item == Some(name) || step.kind.locals.contains(&name);
    let wanted = step.templates.iter().flat_map(|template| template.wanted());
    let names = wanted.filter(|path| !path.call).map(|path| path.parts[0].clone());
    names.filter(|name| !is_own(name)).collect()
}
