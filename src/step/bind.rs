//! Binding: the steps as written become steps whose names are known.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::bound::OwnScope;
use super::target::{Unfound, find_container, find_process, find_service, unknown};
use super::{Block, Body, Bound, ContainerRef, Items, Lane, Ref, ServiceRef, StackNames, Step};
use crate::diagnostic::{Diagnostic, Place, Span, Spanned, known_names};
use crate::scenario::{Files, Partial, Template as TemplateFile};
use crate::shape::{Computed, Named, Text};
use crate::template::{NamePath, Template};

/// Whether a name has a value when it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Surely.
    Surely,
    /// Perhaps: its step may be skipped or fail softly.
    Maybe,
}

/// The names that expressions may use.
#[derive(Debug, Clone, Default)]
pub struct Known {
    names: BTreeMap<String, Certainty>,
}

/// Built-in names; a variable may not take one.
pub const BUILT_IN: [&str; 11] = [
    "matrix", "run", "scenario", "scratch", "images", "stacks", "nodes", "got", "probes", "engine", "env",
];

/// Built-in functions of expressions.
pub(crate) const FUNCTIONS: [&str; 7] = ["port", "address", "url", "containers", "unique", "random", "file"];

/// What was known of names before others covered them.
#[derive(Default)]
struct Covered(Vec<(String, Option<Certainty>)>);

impl Known {
    /// The built-in names alone.
    pub fn built_in() -> Self {
        Known {
            names: BUILT_IN
                .iter()
                .map(|name| ((*name).to_owned(), Certainty::Surely))
                .collect(),
        }
    }

    /// Adds a name; a sure one stays sure.
    pub fn add(&mut self, name: &str, certainty: Certainty) {
        let entry = self.names.entry(name.to_owned()).or_insert(certainty);
        *entry = (*entry).min(certainty);
    }

    /// Makes names surely known for a while; gives what was known of each before.
    fn cover<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> Covered {
        let mut before = |name: &str| self.names.insert(name.to_owned(), Certainty::Surely);
        Covered(names.into_iter().map(|name| (name.to_owned(), before(name))).collect())
    }

    /// Ends that: what was known before comes back.
    fn uncover(&mut self, covered: Covered) {
        // The last first: a name may have been covered twice.
        for (name, before) in covered.0.into_iter().rev() {
            match before {
                Some(certainty) => self.names.insert(name, certainty),
                None => self.names.remove(&name),
            };
        }
    }

    /// True when the name is known.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The names: the author's own first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = || self.names.keys().map(String::as_str);
        let own = names().filter(|name| !BUILT_IN.contains(name));
        own.chain(names().filter(|name| BUILT_IN.contains(name)))
    }
}

/// What binding sees of the scenario: names that do not change while it binds.
pub struct Static<'a> {
    /// The stacks.
    pub stacks: &'a [StackNames],
    /// The images.
    pub images: &'a [String],
    /// The names in `env`.
    pub env: &'a [String],
    /// The matrix's names.
    pub matrix: &'a [String],
    /// The files that were read.
    pub files: &'a Files,
    /// What is not told as unknown: its own problem was told.
    pub partial: &'a Partial,
    /// The project's limits by step kind, over the kinds' own.
    pub limits: &'a Named<Spanned<Duration>>,
}

impl Static<'_> {
    /// True for a service or container that a part with problems may have.
    fn is_unsure(&self, target: &str) -> bool {
        let stack = target.split_once('/').map(|(stack, _)| stack);
        let missing = stack.is_none_or(|stack| self.partial.has(stack));
        let name = target.split('.').next().unwrap_or(target);
        self.partial.services && missing || self.partial.has(name)
    }
}

/// Binds steps; gathers the problems of all of them.
pub struct Binder<'a> {
    /// What does not change.
    pub fixed: &'a Static<'a>,
    /// The problems so far.
    pub problems: Vec<Diagnostic>,
    /// The names known at this point.
    pub known: Known,
    /// Containers started by name before this point.
    pub backgrounds: Vec<String>,
    /// Background processes started by name before this point.
    pub processes: Vec<String>,
    /// Probes started before this point.
    pub probes: Vec<String>,
    /// Names of the steps before this point, for `since`.
    pub step_names: Vec<String>,
    /// The names of steps that a `since` mentions: a mark is made when they begin.
    pub marks: Vec<String>,
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
    steps: usize,
}

/// The most steps in a plan.
pub(crate) const MAX_STEPS: usize = 10_000;
/// How deep templates use templates.
pub(crate) const MAX_TEMPLATES: usize = 16;

impl<'a> Binder<'a> {
    /// A binder for a scenario's steps.
    pub fn new(fixed: &'a Static<'a>, known: Known, folder: PathBuf) -> Self {
        Binder {
            fixed,
            problems: Vec::new(),
            known,
            backgrounds: Vec::new(),
            processes: Vec::new(),
            probes: Vec::new(),
            step_names: Vec::new(),
            marks: Vec::new(),
            saved: BTreeMap::new(),
            folder,
            used_at: Vec::new(),
            within: Vec::new(),
            maybe: false,
            steps: 0,
        }
    }

    /// Binds a list of steps in their order: what one saves, the next ones see.
    pub fn steps(&mut self, steps: &[Step]) -> Vec<Bound> {
        steps.iter().filter_map(|step| self.step(step)).collect()
    }

    fn step(&mut self, step: &Step) -> Option<Bound> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            if self.steps == MAX_STEPS + 1 {
                self.problems.push(Diagnostic::error(
                    &step.at,
                    format!("more than {MAX_STEPS} steps in one scenario"),
                ));
            }
            return None;
        }
        let outer_maybe = self.maybe;
        let mut item = Covered::default();
        if let Some(for_each) = &step.common.for_each {
            // The items are known before the first of them has its name.
            if let Items::Computed(items) = &for_each.items {
                self.check_names(&[items.as_template()]);
            }
            self.new_name(&for_each.name.value, &for_each.name.span);
            item = self.known.cover([for_each.name.value.as_str()]);
        }
        let uncertain = step.common.r#if.is_some() || !step.common.skip.is_empty();
        self.maybe |= uncertain || step.common.soft.is_some() || step.common.for_each.is_some();
        let locals = self.known.cover(step.kind.locals.iter().copied());
        self.check_names(&step.templates);
        self.known.uncover(locals);
        step.body.check(step, self);
        let body = step.body.bind(self);
        // What a template that cannot be used would give back, nobody knows.
        if body.is_some() || !step.kind.results.is_empty() {
            self.check_saves(step, body.as_ref());
        }
        // The item's name ends with its step.
        self.known.uncover(item);
        for (name, (span, _)) in &step.save.0 {
            self.new_name(name, span);
            let certainty = if self.maybe {
                Certainty::Maybe
            } else {
                Certainty::Surely
            };
            self.known.add(name, certainty);
            self.saved.entry(name.clone()).or_insert_with(|| span.clone());
        }
        self.maybe = outer_maybe;
        if let Some(name) = step.common.name.as_ref().and_then(Text::as_literal) {
            self.step_names.push(name.to_owned());
        }
        if let Some(probe) = &step.common.probe {
            self.probes.push(probe.value.clone());
        }
        Some(self.bound(step, body?))
    }

    fn check_saves(&mut self, step: &Step, body: Option<&Body>) {
        // Nobody knows what a template returns that has problems of its own: these are told.
        if step.save_templates.is_empty() || body.is_none() && step.kind.name == "use" {
            return;
        }
        let mut result: Vec<&str> = step.kind.results.iter().map(|field| field.name).collect();
        if let Some(Body::Block(Block { own: Some(own), .. })) = body {
            result.extend(own.returns.iter().map(|(name, _)| name.as_str()));
        }
        let result = self.known.cover(result);
        self.check_names(&step.save_templates);
        self.known.uncover(result);
    }

    fn bound(&self, step: &Step, body: Body) -> Bound {
        let common = &step.common;
        let own = || Spanned::new(step.kind.limit, step.kind_at.clone());
        let default = self.fixed.limits.get(step.kind.name).cloned().unwrap_or_else(own);
        Bound {
            kind: step.kind,
            span: step.kind_at.clone(),
            used_at: self.used_at.clone(),
            name: common.name.clone(),
            title: step.body.title(),
            condition: common.r#if.clone(),
            skip: common.skip.clone(),
            limit: common.timeout.clone().unwrap_or(Computed::Known(default)),
            within: common.within.clone(),
            every: common.every.clone(),
            holds_for: common.holds_for.clone(),
            probe: common.probe.as_ref().map(|probe| probe.value.clone()),
            must_hold: common.must_hold.as_ref().is_some_and(|must| must.value),
            soft: common.soft.as_ref().is_some_and(|soft| soft.value),
            for_each: common.for_each.clone(),
            expect: step.expect.clone(),
            save: step
                .save
                .iter()
                .map(|(name, expression)| (name.to_owned(), expression.clone()))
                .collect(),
            body,
        }
    }

    /// Refuses a built-in's name.
    fn new_name(&mut self, name: &str, span: &Span) {
        if let Some(problem) = name_problem(name, span) {
            self.problems.push(problem);
        }
    }

    /// Tells the names of templates that nothing has given a value.
    pub fn check_names(&mut self, templates: &[Template]) {
        for template in templates {
            for path in template.names() {
                if let Some(problem) = self.path_problem(path) {
                    let problem = match self.within.is_empty() {
                        true => problem,
                        false => seen_in_template(problem),
                    };
                    self.problems.push(problem);
                }
            }
        }
    }

    /// Tells of names that were used too early where they are saved.
    pub fn tell_saved_later(&mut self) {
        for problem in &mut self.problems {
            let undefined = problem.message == format!("undefined name `{}`", name_of(&problem.span));
            if let Some(saved) = self.saved.get(name_of(&problem.span)).filter(|_| undefined)
                && Arc::ptr_eq(&saved.source, &problem.span.source)
            {
                problem.message = format!("`{}` has no value yet: it is saved only later", name_of(&problem.span));
                problem.related.push((saved.clone(), "saved here".to_owned()));
                problem.help = Some("steps run in their order: use it after the step that saves it".to_owned());
            }
        }
    }

    fn path_problem(&self, path: &NamePath) -> Option<Diagnostic> {
        path_problem(path, &self.known, self.fixed).or_else(|| self.call_problem(path))
    }

    /// A function's literal service that is none.
    fn call_problem(&self, path: &NamePath) -> Option<Diagnostic> {
        if !path.call || !matches!(path.parts[0].as_str(), "port" | "url" | "containers") {
            return None;
        }
        let target = path.arguments.first()?.as_ref()?.as_str()?;
        if self.fixed.is_unsure(target) {
            return None;
        }
        let found = match find_container(target, self.fixed.stacks, &self.backgrounds) {
            Ok(ContainerRef::Service(found)) => found,
            Ok(ContainerRef::Background(_)) => return None,
            Err(unfound) => return Some(unfound.at(path.argument(0))),
        };
        let port = path.arguments.get(1)?.as_ref()?.as_u64()?;
        // Each version of a project may publish others.
        let versions = self.fixed.stacks.iter().filter(|stack| stack.id == found.stack);
        let known: Option<Vec<&Vec<u16>>> = versions
            .filter_map(|stack| stack.services.get(&*found.service))
            .map(Option::as_ref)
            .collect();
        let ports: BTreeSet<u16> = known?.into_iter().flatten().copied().collect();
        if ports.iter().any(|known| u64::from(*known) == port) {
            return None;
        }
        let known = ports.iter().map(u16::to_string).collect::<Vec<_>>();
        let help = if known.is_empty() {
            "it publishes none; add it under `ports:` in the compose file, or ask from `inside:` it".to_owned()
        } else {
            format!("the container ports that it publishes: {}", known.join(", "))
        };
        Some(
            Diagnostic::error(
                path.argument(1),
                format!("`{}` does not publish port {port}", found.service),
            )
            .help(help),
        )
    }

    /// A service written literally, or computed later.
    pub fn service(&mut self, text: &Text) -> Option<Ref<ServiceRef>> {
        self.bind_with(text, |text, binder| find_service(text, binder.fixed.stacks))
    }

    /// A container written literally, or computed later.
    pub fn container(&mut self, text: &Text) -> Option<Ref<ContainerRef>> {
        self.bind_with(text, |text, binder| {
            find_container(text, binder.fixed.stacks, &binder.backgrounds)
        })
    }

    /// A process in the background, written literally or computed later.
    pub fn process(&mut self, text: &Text) -> Option<Ref<String>> {
        self.bind_with(text, |text, binder| find_process(text, &binder.processes))
    }

    /// The one target of a step that has `service` or `container`; told when it has none or both.
    pub fn target(&mut self, at: &Span, service: Option<&Text>, container: Option<&Text>) -> Option<Ref<ContainerRef>> {
        match (service, container) {
            (Some(service), None) => Some(match self.service(service)? {
                Ref::Bound(found) => Ref::Bound(ContainerRef::Service(found)),
                Ref::Late(template) => Ref::Late(template),
            }),
            (None, Some(container)) => self.container(container),
            (Some(_), Some(container)) => {
                self.problems.push(Diagnostic::error(
                    &container.span,
                    "`service` and `container`: one target is wanted",
                ));
                None
            }
            (None, None) => {
                self.problems
                    .push(Diagnostic::error(at, "no target: `service` or `container` is missing"));
                None
            }
        }
    }

    /// A stack written literally: stacks' names are early.
    pub fn stack(&mut self, text: &Text) -> Option<usize> {
        let Some(name) = text.as_literal() else {
            self.problems.push(Diagnostic::error(
                &text.span,
                "a stack's name is written literally: it is bound before anything starts",
            ));
            return None;
        };
        let found = self.fixed.stacks.iter().position(|stack| stack.name == name);
        if found.is_none() && !self.fixed.partial.has(name) && !self.fixed.partial.has("stacks") {
            let known = self.fixed.stacks.iter().map(|stack| stack.name.as_str());
            self.problems.push(unknown("stack", name, known).at(&text.span));
        }
        found
    }

    fn bind_with<T>(&mut self, text: &Text, find: impl Fn(&str, &Self) -> Result<T, Unfound>) -> Option<Ref<T>> {
        let Some(literal) = text.as_literal() else {
            return Some(Ref::Late(text.clone()));
        };
        match find(literal, self) {
            Ok(found) => Some(Ref::Bound(found)),
            Err(_) if self.fixed.is_unsure(literal) => None,
            Err(unfound) => {
                self.problems.push(unfound.at(&text.span));
                None
            }
        }
    }

    /// A list of steps as a block, in this scope.
    pub fn block(&mut self, steps: &[Step]) -> Body {
        Body::Block(Block {
            lanes: vec![Lane {
                name: None,
                steps: self.steps(steps),
            }],
            own: None,
        })
    }

    /// Lists of steps that run at once. What a lane saves, the others see only perhaps.
    pub fn lanes<'s>(&mut self, lanes: impl Iterator<Item = (&'s str, &'s [Step])>) -> Body {
        let before = self.maybe;
        self.maybe = true;
        let lanes = lanes
            .map(|(name, steps)| Lane {
                name: Some(name.to_owned()),
                steps: self.steps(steps),
            })
            .collect();
        self.maybe = before;
        Body::Block(Block { lanes, own: None })
    }

    /// The steps of a template file, in a scope of its own.
    pub fn template(&mut self, at: &Span, path: &Path, file: &TemplateFile, own: OwnScope) -> Option<Body> {
        let shown = &file.span.source.path;
        if let Some(begin) = self.within.iter().position(|(open, _)| open == path) {
            let chain = self.within[begin..].iter().map(|(_, shown)| shown);
            let chain = chain.chain([shown]).map(|shown| format!("`{shown}`"));
            let chain = chain.collect::<Vec<_>>().join(" → ");
            self.problems
                .push(Diagnostic::error(at, "a template uses itself").help(format!("the circle is {chain}")));
            return None;
        }
        if self.within.len() >= MAX_TEMPLATES {
            self.problems.push(Diagnostic::error(
                at,
                format!("templates use templates more than {MAX_TEMPLATES} deep"),
            ));
            return None;
        }
        let mut known = Known::built_in();
        for name in file.parameters.names() {
            known.add(name, Certainty::Surely);
        }
        let outer = (
            std::mem::replace(&mut self.known, known),
            std::mem::replace(&mut self.folder, own.folder.clone()),
            std::mem::take(&mut self.step_names),
            self.maybe,
        );
        self.maybe = false;
        self.used_at.insert(0, at.place());
        self.within.push((path.to_path_buf(), shown.clone()));
        let steps = self.steps(&file.steps);
        self.check_names(
            &file
                .returns
                .iter()
                .map(|(_, code)| code.as_template())
                .collect::<Vec<_>>(),
        );
        self.within.pop();
        self.used_at.remove(0);
        (self.known, self.folder, self.step_names, self.maybe) = outer;
        Some(Body::Block(Block {
            lanes: vec![Lane { name: None, steps }],
            own: Some(own),
        }))
    }

    /// Tells of a check that needs an expectation or the like.
    pub fn error(&mut self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Diagnostic::error(span, message).help(help));
    }
}

/// The first name in what a span covers.
fn name_of(span: &Span) -> &str {
    let text = span.text();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

fn seen_in_template(mut problem: Diagnostic) -> Diagnostic {
    if problem.message.starts_with("undefined name") {
        let help = problem.help.unwrap_or_default();
        problem.help = Some(format!("a template sees its parameters and the built-in names: {help}"));
    }
    problem
}

/// What is wrong with a new name, if something is.
pub fn name_problem(name: &str, span: &Span) -> Option<Diagnostic> {
    if BUILT_IN.contains(&name) || FUNCTIONS.contains(&name) {
        return Some(Diagnostic::error(span, format!("`{name}` is a built-in name")).help("choose another name"));
    }
    let plain = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (!plain).then(|| {
        Diagnostic::error(span, format!("`{name}` cannot be used in expressions")).help(format!(
            "a name has letters, digits and `_`: `{}`",
            name.replace('-', "_")
        ))
    })
}

/// What is wrong with a name that an expression uses, if something is.
pub fn path_problem<'a>(path: &NamePath, known: &Known, fixed: &Static<'a>) -> Option<Diagnostic> {
    let name = path.parts[0].as_str();
    if path.call && FUNCTIONS.contains(&name) {
        return None;
    }
    let unsure = |part: &String| fixed.partial.has(part);
    if path.parts.iter().take(2).any(unsure) {
        return None;
    }
    if !known.has(name) {
        let names: Vec<&str> = known
            .names()
            .chain(path.call.then_some(FUNCTIONS).into_iter().flatten())
            .collect();
        let what = if path.call { "function" } else { "name" };
        return Some(
            Diagnostic::error(&path.span, format!("undefined {what} `{name}`")).help(known_names(name, &names)),
        );
    }
    let second = path.parts.get(1)?.as_str();
    let of = |what: &str, names: Vec<&str>| {
        (!names.contains(&second)).then(|| Diagnostic::unknown(&path.span, what, second, names))
    };
    let strings = |list: &'a [String]| list.iter().map(String::as_str).collect::<Vec<_>>();
    let stacks = || fixed.stacks.iter().map(|stack| stack.name.as_str());
    match name {
        "stacks" => of("stack", stacks().collect()),
        "images" => of("image", strings(fixed.images)),
        "env" => of("environment variable", strings(fixed.env))
            .map(|problem| problem.help("only those that `requires: {env: […]}` lists are seen")),
        "matrix" => of("matrix value", strings(fixed.matrix)),
        "run" => of("part of `run`,", vec!["id"]),
        "scenario" => of("part of `scenario`,", vec!["name", "dir"]),
        _ => None,
    }
}
