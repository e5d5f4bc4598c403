//! `use`: the steps of a template file, with parameters.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::bound::OwnScope;
use super::{About, Binder, Body, Sort, Written};
use crate::declared::long_parts;
use crate::diagnostic::Diagnostic;
use crate::mask::Masks;
use crate::scenario::{Template, normal};
use crate::shape::{Named, Text, shape};
use crate::template::Data;

/// See the table.
pub(super) const ABOUT: About = About {
    name: "use",
    does: "Runs the steps of a template file.",
    manual: "A template sees its parameters and the built-in names, not the scenario's own. What its `returns` names can \
             be saved: `save: {token: token}`.",
    example: "- use: {template: ../templates/log-in.yaml, with: {user: bob}}\n  save: {token: token}",
    sort: Sort::Block,
    limit: Duration::from_secs(3600),
    results: &[],
    defaults: &[],
    locals: &[],
};

shape! {
    /// A template file and what its parameters are.
    pub struct Use ("`use`") short template {
        /// The template file, relative to this one.
        template: Text,
        /// Its parameters.
        with: Named<Data>,
    }
}

impl Written for Use {
    fn title(&self) -> String {
        self.template.shown()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let (path, file) = self.file(binder)?;
        for (name, (span, _)) in &self.with.0 {
            if file.parameters.get(name).is_none() {
                binder
                    .problems
                    .push(Diagnostic::unknown(span, "parameter", name, file.parameters.names()));
            }
        }
        let (mut parameters, mut defaults) = (Vec::new(), Vec::new());
        for (name, parameter) in file.parameters.iter() {
            let hidden = parameter.mask.as_ref().is_some_and(|mask| mask.value);
            match (self.with.get(name), &parameter.default) {
                (Some(given), _) => parameters.push((name.to_owned(), given.clone(), hidden)),
                (None, Some(default)) => defaults.push((name.to_owned(), default.clone(), hidden)),
                (None, None) => binder.problems.push(
                    Diagnostic::error(&self.span, format!("parameter `{name}` is missing"))
                        .related(&file.parameters.0[name].0, "declared here, without a default")
                        .help(format!("give it: `with: {{{name}: …}}`")),
                ),
            }
        }
        let masks = Masks::default();
        for (_, value, _) in parameters.iter().chain(&defaults).filter(|(_, _, hidden)| *hidden) {
            value.hide();
            let given = value.literal();
            given.iter().flat_map(long_parts).for_each(|part| masks.add(part));
        }
        let own = OwnScope {
            parameters,
            defaults,
            returns: file
                .returns
                .iter()
                .map(|(name, code)| (name.to_owned(), code.clone()))
                .collect(),
            folder: path.parent().map(Into::into).unwrap_or_default(),
        };
        let before = binder.problems.len();
        let body = binder.template(&self.template.span, &path, &file, own);
        let told = binder.problems.split_off(before);
        binder.problems.extend(told.into_iter().map(|problem| {
            problem.hide(|text| masks.places(text));
            problem.reworded(|text| masks.hide(text))
        }));
        body
    }
}

impl Use {
    /// The template's file; none where it cannot be read, which is told, or was not read yet.
    fn file(&self, binder: &mut Binder<'_>) -> Option<(PathBuf, Arc<Template>)> {
        let Some(literal) = self.template.as_literal() else {
            binder.error(
                &self.template.span,
                "a template file is named literally",
                "its steps are bound before anything starts",
            );
            return None;
        };
        let path = normal(&binder.folder.join(literal));
        // Not read yet: it is wanted now, and the plan is made again.
        if let Err(why) = binder.fixed.files.text(&path)? {
            binder.error(
                &self.template.span,
                format!("cannot read the template `{literal}`: {why}"),
                "its path is relative to the file that it is written in",
            );
            return None;
        }
        match binder.fixed.files.template(&path)? {
            Ok(file) => Some((path, file)),
            Err(problems) => {
                let used = |problem: Diagnostic| problem.related(&self.template.span, "used here");
                binder.problems.extend(problems.into_iter().map(used));
                None
            }
        }
    }
}
