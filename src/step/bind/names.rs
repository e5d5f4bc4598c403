//! What is wrong with the names in expressions: unknown ones, and services and ports that a function is given literally.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::known::{Known, name_problem};
use super::{Binder, Static, StepName};
use crate::diagnostic::{Diagnostic, Span, and_more, did_you_mean, known_names};
use crate::expect::{Field, FieldKind};
use crate::step::target::find_container;
use crate::step::{ContainerRef, ServiceRef, Step};
use crate::template::{Expression, NamePath, Template, Unrendered, is_function, only_computes, port_of};

impl Binder<'_> {
    /// Tells parts of a result's fields that have none: what is saved would have no value.
    pub(super) fn check_parts(&mut self, step: &Step) {
        let names = step.save_templates.iter().flat_map(Template::names);
        let told = names.filter_map(|path| part_problem(path, step.kind.results));
        let told: Vec<Diagnostic> = told.collect();
        self.problems.extend(told);
    }

    /// Refuses a built-in's name.
    pub(super) fn new_name(&mut self, name: &str, span: &Span) {
        if let Some(problem) = name_problem(name, span) {
            self.problems.push(problem);
        }
    }

    /// Tells the names of templates that nothing has given a value.
    pub fn check_names(&mut self, templates: &[Template]) {
        for template in templates {
            for path in template.names() {
                if let Some(service) = self.called_for(path) {
                    self.running.needs(&service, path.argument(0));
                }
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

    /// Tells expressions of a step that have no value, where all that they name is written literally. A lone name has one.
    pub(super) fn check_constants(&mut self, step: &Step) {
        // A step that may be skipped is so perhaps just where there is no value; a template's names are its own.
        if self.maybe || !self.within.is_empty() {
            return;
        }
        let is_literal = |name: &str| {
            let own = step.kind.locals.contains(&name);
            !own && self.fixed.literal.contains(name) && self.early.values.contains_key(name)
        };
        let is_known = |path: &NamePath| match path.call {
            true => only_computes(&path.parts[0]),
            false => is_literal(&path.parts[0]),
        };
        let does_something = |code: &Expression| code.names().all(|path| path.span.text() != code.code.as_ref());
        let code = step.templates.iter().flat_map(Template::code);
        let constant = code.filter(|code| does_something(code) && code.names().all(is_known));
        let told = constant.filter_map(|code| match code.value(&self.early) {
            Err(Unrendered::Failed { span, message, .. }) => Some(Diagnostic::error(&span, message)),
            _ => None,
        });
        let told: Vec<Diagnostic> = told.collect();
        self.problems.extend(told);
    }

    /// Tells of steps that a `since` names, and that come only later, where they stand.
    pub fn tell_begun_later(&mut self) {
        for problem in &mut self.problems {
            let is_it = |step: &&StepName| problem.message == format!("unknown step before this one, `{}`", step.name);
            if let Some(step) = self.step_names.iter().find(is_it)
                && Arc::ptr_eq(&step.span.source, &problem.span.source)
            {
                problem.message = format!("the step `{}` has not begun by then", step.name);
                problem.related.push((step.span.clone(), "this step".to_owned()));
                problem.help = Some(
                    "`since` names a step that stands before, in no other lane: what was written from its beginning on is read"
                        .to_owned(),
                );
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
        let Some(problem) = path_problem(path, &self.known, self.fixed) else {
            return self.call_problem(path).or_else(|| self.unknown_probe(path));
        };
        let name = &path.parts[0];
        let unquoted = !self.known.has(name) && find_container(name, self.fixed.stacks, &self.backgrounds).is_ok();
        Some(match unquoted {
            true => problem.help(format!("a service is named in quotes: `'{name}'`")),
            false => problem,
        })
    }

    /// A probe that no step before has started.
    fn unknown_probe(&self, path: &NamePath) -> Option<Diagnostic> {
        let name = path.parts.get(1).filter(|_| path.parts[0] == "probes" && !path.call)?;
        let known = self.probes.iter().map(|probe| probe.value.as_str());
        let is_known = known.clone().any(|known| known == name) || self.fixed.partial.has("probes");
        (!is_known).then(|| Diagnostic::unknown(&path.span, "probe", name, known))
    }

    /// A function's literal service, port or file that is none.
    fn call_problem(&self, path: &NamePath) -> Option<Diagnostic> {
        let target = path.arguments.first().filter(|_| path.call)?.as_ref()?.as_str()?;
        match path.parts[0].as_str() {
            "file" => self.unreadable(target, path.argument(0)),
            "port" | "url" | "containers" => self.target_problem(target, path),
            _ => None,
        }
    }

    /// The service whose place is asked for, which it has only while it runs.
    fn called_for(&self, path: &NamePath) -> Option<ServiceRef> {
        let asks = path.call && matches!(path.parts[0].as_str(), "port" | "url");
        let target = path.arguments.first().filter(|_| asks)?.as_ref()?.as_str()?;
        self.container_of(target, path.argument(0)).ok()
    }

    fn target_problem(&self, target: &str, path: &NamePath) -> Option<Diagnostic> {
        // One that is no port was told when the expression was read.
        let port = path.arguments.get(1).and_then(|port| port_of(port.as_ref()?).ok());
        match port {
            Some(port) => self.unpublished(target, port, (path.argument(0), path.argument(1))),
            None => self.container_of(target, path.argument(0)).err().flatten(),
        }
    }

    /// A file that is not there, and that nothing will have made by now.
    fn unreadable(&self, file: &str, at: &Span) -> Option<Diagnostic> {
        let help = "its path is relative to the file that it is written in";
        let problem = || Diagnostic::error(at, format!("cannot read `{file}`: there is no such file")).help(help);
        self.is_absent(&self.folder.join(file)).then(problem)
    }

    /// The service that a target is of; else what is wrong with it, if something is.
    pub(super) fn container_of(&self, target: &str, at: &Span) -> Result<ServiceRef, Option<Diagnostic>> {
        if self.fixed.is_unsure(target) {
            return Err(None);
        }
        match find_container(target, self.fixed.stacks, &self.backgrounds) {
            Ok(ContainerRef::Service(found)) => Ok(found),
            Ok(ContainerRef::Background(_)) => Err(None),
            Err(unfound) => Err(Some(unfound.at(at))),
        }
    }

    /// A port that a target does not publish, or a target that is none; where each is written.
    pub(super) fn unpublished(&self, target: &str, port: u16, at: (&Span, &Span)) -> Option<Diagnostic> {
        let found = match self.container_of(target, at.0) {
            Ok(found) => found,
            Err(problem) => return problem,
        };
        // Each version of a project may publish others.
        let versions = self.fixed.stacks.iter().filter(|stack| stack.id == found.stack);
        let known: Option<Vec<&Vec<u16>>> = versions
            .filter_map(|stack| stack.services.get(&*found.service))
            .map(Option::as_ref)
            .collect();
        let ports: BTreeSet<u16> = known?.into_iter().flatten().copied().collect();
        if ports.contains(&port) {
            return None;
        }
        let known = ports.iter().map(u16::to_string).collect::<Vec<_>>();
        let help = if known.is_empty() {
            "it publishes none; add it under `ports:` in its file, or ask from `inside:` it".to_owned()
        } else {
            format!("the container ports that it publishes: {}", known.join(", "))
        };
        let message = format!("`{}` does not publish port {port}", found.service);
        Some(Diagnostic::error(at.1, message).help(help))
    }
}

/// True for a name alone that something is compared with: it may be meant as a text.
fn is_compared(path: &NamePath) -> bool {
    let before = path.span.source.text[..path.span.start].trim_end();
    path.parts.len() == 1 && !path.call && (before.ends_with("==") || before.ends_with("!="))
}

/// The first name in what a span covers.
fn name_of(span: &Span) -> &str {
    let text = span.text();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// A part of a field that is text, a number or the like. A character of a text has its number.
fn part_problem(path: &NamePath, results: &[Field]) -> Option<Diagnostic> {
    let [name, part, ..] = path.parts.as_slice() else {
        return None;
    };
    let field = results.iter().find(|field| field.name == name)?;
    let noun = match field.kind {
        FieldKind::Text | FieldKind::Words(_) | FieldKind::Mode | FieldKind::Owner => "text",
        FieldKind::Number(..) => "a number",
        FieldKind::Boolean => "a boolean",
        FieldKind::Duration => "a duration",
        FieldKind::Json | FieldKind::Map | FieldKind::List | FieldKind::Names | FieldKind::Lines => return None,
    };
    if part.parse::<i64>().is_ok() {
        return None;
    }
    let problem = Diagnostic::error(&path.span, format!("`{name}` has no `{part}`; it is {noun}"));
    let has_json = noun == "text" && results.iter().any(|field| field.name == "json");
    Some(match has_json {
        true => problem.help(format!("where it is JSON it has, under its other name: `json.{part}`")),
        false => problem,
    })
}

fn seen_in_template(mut problem: Diagnostic) -> Diagnostic {
    if problem.message.starts_with("undefined name") {
        let help = problem.help.unwrap_or_default();
        problem.help = Some(format!("a template sees its parameters and the built-in names: {help}"));
    }
    problem
}

/// What is wrong with a name that an expression uses, if something is.
pub fn path_problem<'a>(path: &NamePath, known: &Known, fixed: &Static<'a>) -> Option<Diagnostic> {
    let name = path.parts[0].as_str();
    // That a function is there, and takes what it is given, was found out when the expression was read.
    if path.call && is_function(name) {
        return None;
    }
    let unsure = |part: &String| fixed.partial.has(part);
    if path.parts.iter().take(2).any(unsure) {
        return None;
    }
    if !known.has(name) {
        let names: Vec<&str> = known.names().collect();
        let problem = Diagnostic::error(&path.span, format!("undefined name `{name}`"));
        let known = known_names(name, &names);
        let is_text = did_you_mean(name, &names).is_none() && is_compared(path);
        return Some(problem.help(match is_text {
            true => and_more(&known, &format!("for a text write `'{name}'`")),
            false => known,
        }));
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
        "secrets" if fixed.own.no_texts.contains(second) => {
            let problem = Diagnostic::error(&path.span, format!("the secret `{second}` is no text, and no value"));
            Some(problem.help("a service has it as a file, and so has a `run` with it among its `secrets`"))
        }
        "secrets" => of("secret", fixed.own.secrets.keys().map(String::as_str).collect()),
        "networks" => of("network", fixed.own.networks.keys().map(String::as_str).collect()),
        "volumes" => of("volume", fixed.own.volumes.keys().map(String::as_str).collect()),
        "env" => of("environment variable", strings(fixed.env))
            .map(|problem| problem.help("only those that `requires: {env: […]}` lists are seen")),
        "matrix" => of("matrix value", strings(fixed.matrix)),
        "run" => of("part of `run`,", vec!["id"]),
        "scenario" => of("part of `scenario`,", vec!["name", "dir"]),
        _ => None,
    }
}
