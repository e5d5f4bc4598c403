//! What must be known before anything starts: rendered with the names that are known, and files answered from the memo.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Files, normal};
use crate::diagnostic::{Diagnostic, Span};
use crate::engine::Labels;
use crate::shape::{Named, Text};
use crate::template::{Question, Scope, Template, Unrendered};

/// What is known before anything starts.
#[derive(Clone, Copy)]
pub struct Early<'a> {
    /// The names that have a value.
    pub scope: &'a Scope,
    /// The files that were read.
    pub files: &'a Files,
    /// The folder that paths are relative to.
    pub folder: &'a Path,
}

/// The try of a case that is planned: what its images, its stacks and all else that it declares have in common.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The files that were read.
    pub files: &'a Files,
    /// The scenario's folder.
    pub folder: &'a Path,
    /// Its id.
    pub case: &'a str,
    /// The labels of all that it makes.
    pub labels: &'a Labels,
}

impl<'a> Attempt<'a> {
    /// What is known with these names.
    pub fn known(self, scope: &'a Scope) -> Early<'a> {
        let (files, folder) = (self.files, self.folder);
        Early { scope, files, folder }
    }
}

/// Reads what is written, and must be known before anything starts. Each is none where it is not, or where a file that it
/// asks for is not read yet; why it cannot be known is told.
pub struct Reading<'a> {
    /// What is known.
    pub known: Early<'a>,
    /// Why it waits for nothing.
    pub late: TooLate,
    /// Where it is told.
    pub problems: &'a mut Vec<Diagnostic>,
}

impl Reading<'_> {
    /// A text.
    pub fn text(&mut self, text: &Text) -> Option<String> {
        self.known.text(text, self.late, self.problems)
    }

    /// A text, if there is one.
    pub fn optional(&mut self, text: Option<&Text>) -> Option<Option<String>> {
        text.map_or(Some(None), |text| self.text(text).map(Some))
    }

    /// Texts by name: what is wrong with each of them is told.
    pub fn texts(&mut self, texts: &Named<Text>) -> Option<BTreeMap<String, String>> {
        let rendered: Vec<Option<(String, String)>> = texts
            .iter()
            .map(|(name, text)| Some((name.to_owned(), self.text(text)?)))
            .collect();
        rendered.into_iter().collect()
    }

    /// A path, absolute.
    pub fn path(&mut self, text: &Text) -> Option<PathBuf> {
        Some(normal(&self.known.folder.join(self.text(text)?)))
    }
}

/// Why something cannot be known only later, and what to do about it.
pub type TooLate = (&'static str, &'static str);

impl Early<'_> {
    /// Renders something: `None` while a file that it asks for is not read. One that cannot be read is told at `at`.
    pub fn rendered<T>(
        &self,
        at: &Span,
        render: impl Fn(&Scope) -> Result<T, Unrendered>,
    ) -> Result<Option<T>, Unrendered> {
        let needed = match render(self.scope) {
            Ok(value) => return Ok(Some(value)),
            Err(Unrendered::Needs(needed)) => needed,
            Err(failed) => return Err(failed),
        };
        let mut scope = self.scope.clone();
        for question in &needed {
            let Question::File(path, given) = question else {
                return Err(Unrendered::Needs(needed));
            };
            match self
                .files
                .text(&normal(&given.as_deref().unwrap_or(self.folder).join(path)))
            {
                None => return Ok(None),
                Some(Err(why)) => {
                    return Err(Unrendered::failed(at.clone(), format!("cannot read `{path}`: {why}")));
                }
                Some(Ok(source)) => {
                    scope.answers.insert(question.clone(), source.text.clone().into());
                }
            }
        }
        render(&scope).map(Some)
    }

    /// The same; why there is none is told.
    pub fn told<T>(
        &self,
        at: &Span,
        (late, help): TooLate,
        problems: &mut Vec<Diagnostic>,
        render: impl Fn(&Scope) -> Result<T, Unrendered>,
    ) -> Option<T> {
        let problem = match self.rendered(at, render) {
            Ok(value) => return value,
            Err(Unrendered::Failed { span, message, .. }) => Diagnostic::error(&span, message),
            Err(Unrendered::Needs(_)) => Diagnostic::error(at, late).help(help),
        };
        problems.push(problem);
        None
    }

    /// A text; why there is none is told.
    pub fn text(&self, text: &Template, late: TooLate, problems: &mut Vec<Diagnostic>) -> Option<String> {
        self.told(&text.span, late, problems, |scope| text.text(scope))
    }
}
