//! Targets of steps: bound where they are written literally, left to the step where they are computed.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::{Binder, Static};
use crate::diagnostic::{Diagnostic, Span};
use crate::shape::{Computed, Port, Text};
use crate::step::place;
use crate::step::resource::Resources;
use crate::step::target::{Unfound, find_container, find_process, find_service, freed, unknown};
use crate::step::{ContainerRef, ForEach, Items, Ref, ServiceRef, Step};
use crate::substitute::StackKind;
use crate::template::{Data, NamePath, Scope};

impl Static<'_> {
    /// The networks and volumes that steps may name.
    pub(in crate::step) fn resources(&self) -> Resources<'_> {
        Resources {
            own: self.own,
            stacks: self.stacks,
        }
    }

    /// True for a service, container, volume or network that a part with problems may have.
    pub(in crate::step) fn is_unsure(&self, target: &str) -> bool {
        let stack = target.split_once('/').map(|(stack, _)| stack);
        let missing = stack.is_none_or(|stack| self.partial.has(stack) || self.partial.has("stacks"));
        let name = target.split('.').next().unwrap_or(target);
        self.partial.services && missing || self.partial.has(name)
    }
}

impl Binder<'_> {
    /// A service written literally, or computed later, that has to run at some time.
    pub fn service(&mut self, text: &Text) -> Option<Ref<ServiceRef>> {
        let found = self.service_or_none(text)?;
        if let Ref::Bound(service) = &found {
            self.running.needs(service, &text.span);
        }
        Some(found)
    }

    /// A service likewise, that may never run.
    pub fn service_or_none(&mut self, text: &Text) -> Option<Ref<ServiceRef>> {
        self.bind_with(text, |text, binder| find_service(text, binder.fixed.stacks))
    }

    /// A container written literally, or computed later, that has to run at some time.
    pub fn container(&mut self, text: &Text) -> Option<Ref<ContainerRef>> {
        let found = self.bind_with(text, |text, binder| {
            find_container(text, binder.fixed.stacks, &binder.backgrounds)
        })?;
        if let Ref::Bound(ContainerRef::Service(service)) = &found {
            self.running.needs(service, &text.span);
        }
        Some(found)
    }

    /// Whether a text names a container; told when it does not.
    pub fn is_target(&mut self, target: &str, at: &Span) -> bool {
        match self.container_of(target, at) {
            Ok(service) => {
                self.running.needs(&service, at);
                true
            }
            Err(None) => true,
            Err(Some(problem)) => {
                self.problems.push(problem);
                false
            }
        }
    }

    /// Tells a path of `collect` that is none, once all steps are bound.
    pub fn collected(&mut self, path: &Text) {
        place::check_collected(path, self);
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
                self.lacks(Diagnostic::error(at, "no target: `service` or `container` is missing"));
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
            // Those that are left out for what is wrong with them may be meant, too.
            let left_out = self.fixed.partial.stacks.iter().map(String::as_str);
            self.problems
                .push(unknown("stack", name, known.chain(left_out)).at(&text.span));
        }
        found
    }

    /// Tells a port that a service does not publish, where both are written literally.
    pub fn published(&mut self, service: &Text, port: &Computed<Port>) {
        if let (Some(literal), Some(number)) = (service.as_literal(), port.known()) {
            let problem = self.unpublished(literal, number.0, (&service.span, port.span()));
            self.problems.extend(problem);
        }
    }

    /// Tells an address of this machine whose port a compose file has, and a free one has taken its place.
    pub fn freed_port(&mut self, address: &str, at: &Span) {
        if let Some((message, help)) = freed(self.fixed.stacks, address) {
            self.problems.push(Diagnostic::warning(at, message).help(help));
        }
    }

    /// A text that is the same whatever happens before its step: what it will be.
    ///
    /// None of a computed one for a step that may be skipped: it may be so just where the text would be wrong. Nor of one with
    /// a hidden value in it: what is told of it would show a part of that.
    pub fn constant_text(&self, text: &Text) -> Option<String> {
        match text.as_literal() {
            Some(literal) => Some(literal.to_owned()),
            None => {
                let text = self.is_constant(text).then(|| text.text(&self.early).ok()).flatten();
                text.filter(|text| self.fixed.hidden.hide(text) == *text)
            }
        }
    }

    /// Data, likewise.
    pub(super) fn constant(&self, data: &Data) -> Option<Value> {
        let templates = data.templates();
        let constant = templates.iter().all(|template| self.is_constant(template));
        let value = constant.then(|| data.render(&self.early).ok()).flatten();
        value.filter(|value| self.fixed.hidden.hidden_in(value.clone()) == *value)
    }

    /// The `for-each` whose items are known where a step is bound, and which certainly goes through all of them.
    pub(super) fn rounds_of(&self, step: &Step, uncertain: bool) -> Option<ForEach> {
        let is_certain = !uncertain && (!self.maybe || self.rounds.is_some());
        let rounds = match &step.common.for_each {
            None => self.rounds.as_ref(),
            Some(own) => Some(own).filter(|own| matches!(own.items, Items::List(_))),
        };
        rounds.filter(|_| is_certain).cloned()
    }

    /// What a text will be with each item of the `for-each` that it is in, where it depends on nothing else; and the places
    /// of these items. Like a constant text, none with a hidden value in it.
    fn of_items(&self, text: &Text) -> Vec<(String, Span)> {
        let Some(ForEach {
            name,
            items: Items::List(items),
        }) = &self.rounds
        else {
            return Vec::new();
        };
        if !text.names().all(|path| !path.call && path.parts[0] == name.value) {
            return Vec::new();
        }
        let with = |item: &Data| {
            let values = [(name.value.clone(), Arc::new(item.literal()?))].into();
            let scope = Scope {
                values,
                ..Scope::default()
            };
            let text = text.text(&scope).ok()?;
            (self.fixed.hidden.hide(&text) == text).then(|| (text, item.span.clone()))
        };
        items.iter().filter_map(with).collect()
    }

    pub(super) fn is_constant(&self, text: &Text) -> bool {
        let is_early = |path: &NamePath| !path.call && self.early.values.contains_key(&path.parts[0]);
        !self.maybe && text.names().all(is_early)
    }

    /// Remembers that a step may have made files on this machine, or what a stack expects of the engine.
    pub fn makes_files(&mut self) {
        self.makes_files = true;
    }

    /// Tells the files that a stack names, that are not there, and that nothing will have made by now.
    pub fn absent_files(&mut self, stack: usize) {
        if !self.maybe && !self.makes_files {
            self.problems.extend(self.fixed.stacks[stack].absent.iter().cloned());
            if self.fixed.stacks[stack].kind == StackKind::Swarm {
                self.noted.expects.insert(stack);
            }
        }
    }

    /// Tells the secrets and configs that nobody gives, of these services of a stack that come up, or of all.
    pub fn ungiven(&mut self, stack: usize, services: &[Text]) {
        let named: Vec<String> = services.iter().filter_map(|name| self.constant_text(name)).collect();
        let named = || named.iter().map(String::as_str);
        let all = self.fixed.stacks[stack].ungiven.iter();
        let told = all.filter(|ungiven| ungiven.is_wanted(named(), services.is_empty()));
        let told: Vec<Diagnostic> = told.map(|ungiven| ungiven.told.clone()).collect();
        self.problems.extend(told);
    }

    /// True for a path here, as it is written and what it is, at which nothing is, and nothing will have been made by now.
    pub fn is_missing(&self, written: &Text, path: &str) -> bool {
        self.is_absent(&self.folder_of(written).join(path))
    }

    /// What a path is relative to: one that begins with a parameter's value, to where that was written.
    pub(in crate::step) fn folder_of(&self, written: &Text) -> &Path {
        let given = written.leading_name().and_then(|name| self.early.folders.get(name));
        given.map_or(self.folder.as_path(), |folder| folder)
    }

    /// True for a step that may not run.
    pub(in crate::step) fn is_unsure(&self) -> bool {
        self.maybe
    }

    pub(super) fn is_absent(&self, path: &Path) -> bool {
        let there = || self.fixed.files.is_there(&crate::scenario::normal(path));
        !self.maybe && !self.makes_files && there() == Some(false)
    }

    fn bind_with<T>(&mut self, text: &Text, find: impl Fn(&str, &Self) -> Result<T, Unfound>) -> Option<Ref<T>> {
        let Some(literal) = text.as_literal() else {
            let constant = self.constant_text(text).map(|value| (value, text.span.clone()));
            for (value, at) in constant.into_iter().chain(self.of_items(text)) {
                if let Err(unfound) = find(&value, self)
                    && !self.fixed.is_unsure(&value)
                {
                    self.problems.push(unfound.at(&at));
                }
            }
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
}
