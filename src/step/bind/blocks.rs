//! Steps inside steps: blocks, lanes, and templates with a scope of their own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{BUILT_IN, Binder, Known};
use crate::diagnostic::{Diagnostic, Span};
use crate::scenario::Template as TemplateFile;
use crate::step::bound::OwnScope;
use crate::step::{Block, Body, Bound, Lane, Step};
use crate::template::{Data, DataContent, Scope};

/// How deep templates use templates.
const MAX_TEMPLATES: usize = 16;

impl Binder<'_> {
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

    /// Lists of steps that run at once: none of them sees what another one saves, or is since one of its steps.
    pub fn lanes<'s>(&mut self, lanes: impl Iterator<Item = (&'s str, &'s [Step])>) -> Body {
        let (maybe, known, named) = (self.maybe, self.known.clone(), self.step_names.len());
        self.maybe = true;
        let (mut known_after, mut named_after) = (known.clone(), Vec::new());
        let lanes: Vec<Lane> = lanes
            .map(|(name, steps)| {
                let steps = self.steps(steps);
                known_after.add_all(std::mem::replace(&mut self.known, known.clone()));
                named_after.extend(self.step_names.drain(named..));
                Lane {
                    name: Some(name.to_owned()),
                    steps,
                }
            })
            .collect();
        self.maybe = maybe;
        self.known = known_after;
        self.step_names.append(&mut named_after);
        self.tell_saved_twice(&lanes);
        Body::Block(Block { lanes, own: None })
    }

    /// Refuses a name that two lanes save: they run at once.
    fn tell_saved_twice(&mut self, lanes: &[Lane]) {
        let mut saved: BTreeMap<&str, (usize, &Span)> = BTreeMap::new();
        for (number, lane) in lanes.iter().enumerate() {
            for (name, expression) in lane.steps.iter().flat_map(Bound::saved) {
                let (other, first) = *saved.entry(name).or_insert((number, &expression.span));
                if other != number {
                    let message = format!("two lanes save `{name}`, and they run at once: which one is kept?");
                    let problem =
                        Diagnostic::error(&expression.span, message).related(first, "the other lane saves it here");
                    self.problems
                        .push(problem.help("give each lane's value a name of its own"));
                }
            }
        }
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
        self.used_at.insert(0, at.place());
        let before = self.problems.len();
        let (early, times) = (self.early_of(&own), self.times_of(&own));
        let mut known = known_in(file);
        times.iter().for_each(|name| known.has_seconds(name, true));
        let steps = self.in_template(path, file, (known, early, &own.folder));
        let told = self.problems[before..].iter_mut();
        // What is wrong with a value is wrong where it was given.
        for problem in told.filter(|problem| problem.related.is_empty() && problem.span.text().contains("${{")) {
            problem.related.push((at.clone(), "used here".to_owned()));
        }
        self.used_at.remove(0);
        Some(Body::Block(Block {
            lanes: vec![Lane { name: None, steps }],
            own: Some(own),
        }))
    }

    /// The steps of a template that no step uses.
    pub fn template_alone(&mut self, path: &Path, file: &TemplateFile) {
        let folder = path.parent().unwrap_or(Path::new("/"));
        self.in_template(path, file, (known_in(file), Scope::default(), folder));
    }

    fn in_template(
        &mut self,
        path: &Path,
        file: &TemplateFile,
        (known, early, folder): (Known, Scope, &Path),
    ) -> Vec<Bound> {
        let shown = &file.span.source.path;
        let outer = (
            std::mem::replace(&mut self.known, known),
            std::mem::replace(&mut self.early, early),
            std::mem::replace(&mut self.folder, folder.to_path_buf()),
            std::mem::take(&mut self.step_names),
            self.maybe,
            self.rounds.take(),
        );
        self.maybe = false;
        self.within.push((path.to_path_buf(), shown.clone()));
        // A default sees the parameters, as the steps do.
        let defaults = file
            .parameters
            .iter()
            .filter_map(|(_, parameter)| parameter.default.as_ref());
        self.check_names(&defaults.flat_map(Data::templates).collect::<Vec<_>>());
        let steps = self.steps(&file.steps);
        self.check_names(
            &file
                .returns
                .iter()
                .map(|(_, code)| code.as_template())
                .collect::<Vec<_>>(),
        );
        self.within.pop();
        (
            self.known,
            self.early,
            self.folder,
            self.step_names,
            self.maybe,
            self.rounds,
        ) = outer;
        steps
    }

    /// The parameters and built-in names of a template whose values are known by now; none where it may be skipped.
    fn early_of(&self, own: &OwnScope) -> Scope {
        let mut early = Scope {
            values: BTreeMap::new(),
            folders: BTreeMap::new(),
            ..self.early.clone()
        };
        if self.maybe {
            return early;
        }
        let built_in = BUILT_IN
            .iter()
            .filter_map(|name| self.early.values.get_key_value(*name));
        early
            .values
            .extend(built_in.map(|(name, value)| (name.clone(), Arc::clone(value))));
        for (name, data, _) in &own.parameters {
            let given = data
                .leading_name()
                .and_then(|name| self.early.folders.get(name).cloned());
            let folder = given.unwrap_or_else(|| self.folder.as_path().into());
            early.folders.insert(name.clone(), folder);
            if let Some(value) = self.constant(data) {
                early.values.insert(name.clone(), Arc::new(value));
            }
        }
        early
    }
}

impl Binder<'_> {
    /// The parameters of a template that are given a number of seconds.
    fn times_of(&self, own: &OwnScope) -> Vec<String> {
        let is_time = |data: &Data| match &data.content {
            DataContent::Text(text) => self.known.seconds(text).is_some(),
            _ => false,
        };
        let times = own.parameters.iter().filter(|(_, data, _)| is_time(data));
        times.map(|(name, ..)| name.clone()).collect()
    }
}

/// The names that a template sees.
fn known_in(file: &TemplateFile) -> Known {
    let mut known = Known::built_in();
    for name in file.parameters.names() {
        known.add(name);
    }
    known
}
