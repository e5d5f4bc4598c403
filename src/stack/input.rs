//! What a stack is rewritten with: paths, names and substitutions as written, with the values that are known.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::scenario::stacks::{AddWritten, BuildWritten, PortsWritten, Stack, Substitute};
use crate::scenario::{Early, Reading, TooLate, normal};
use crate::shape::{Named, Text};
use crate::substitute::{
    Addition, BuildReplacement, Environment, Ports, Replacement, StackInput, Substitutions, TextReplacement,
    Value as Late,
};
use crate::template::{NamePath, Scope, Unrendered};

use super::planning::Planning;

/// The folder in which each stack has a folder.
pub const STACKS: &str = "stacks";

/// Why a stack's files and names wait for nothing.
const LATE: TooLate = (
    "files and names of a stack are known before anything starts, and this is not",
    "late values have their place in the stack's `env`",
);

impl<'a> Planning<'a> {
    pub(super) fn input(
        &mut self,
        (name, span): (&str, &Span),
        stack: &Stack,
        project: String,
        built: &BTreeMap<String, String>,
    ) -> Option<StackInput> {
        let files = self.paths(stack.files())?;
        let env_files = self.paths(&stack.env_file.0)?;
        let mut env = Environment::new();
        for (name, text) in stack.env.iter() {
            env.insert(name.to_owned(), self.value(text)?);
        }
        let mut profiles = BTreeSet::new();
        for profile in &stack.profiles {
            profiles.insert(self.reading().text(profile)?);
        }
        let substitutions = match &stack.substitute {
            Some(substitute) => self.substitutions(substitute)?,
            None => Substitutions::default(),
        };
        let labels = self.context.attempt.labels;
        Some(StackInput {
            kind: stack.kind(),
            at: span.clone(),
            project,
            files,
            env,
            env_files,
            profiles,
            substitutions,
            given: self.context.given.to_vec(),
            anew: BTreeMap::new(),
            labels: labels.clone(),
            build_labels: crate::lease::image_labels(&self.context.attempt.folder.display().to_string()),
            built: built.clone(),
            folder: self.context.copies.join(STACKS).join(name),
            contexts: None,
            copies: None,
            home: self.context.home.map(Path::to_owned),
        })
    }

    fn substitutions(&mut self, written: &Substitute) -> Option<Substitutions> {
        Some(Substitutions {
            images: self.replacements(&written.images)?,
            ports: match &written.ports {
                None | Some(PortsWritten::All) => Ports::All,
                Some(PortsWritten::None) => Ports::None,
                Some(PortsWritten::Listed(list)) => Ports::Listed(list.clone()),
            },
            host_paths: self.host_paths(&written.host_paths)?,
            builds: written
                .builds
                .0
                .iter()
                .map(|(from, (span, build))| self.build(from, span, build))
                .collect::<Option<_>>()?,
            external: self.replacements(&written.external)?,
            text: written
                .text
                .iter()
                .map(|text| {
                    Some(TextReplacement {
                        from: Spanned::new(self.reading().text(&text.from)?, text.from.span.clone()),
                        to: self.value(&text.to)?,
                        count: text.count.as_ref().map(|count| count.value),
                    })
                })
                .collect::<Option<_>>()?,
        })
    }

    fn replacements(&mut self, named: &Named<Text>) -> Option<Vec<Replacement>> {
        let all = named.0.iter().map(|(from, (span, to))| {
            Some(Replacement {
                from: Spanned::new(from.clone(), span.clone()),
                to: self.value(to)?,
            })
        });
        all.collect()
    }

    /// Paths on the right are relative to the scenario, and the copy stands elsewhere.
    fn host_paths(&mut self, named: &Named<Text>) -> Option<Vec<Replacement>> {
        let mut all = self.replacements(named)?;
        for replacement in &mut all {
            if let Late::Known(path) = &replacement.to {
                replacement.to = Late::Known(normal(&self.context.attempt.folder.join(path)).display().to_string());
            }
        }
        Some(all)
    }

    fn build(&mut self, from: &str, span: &Span, build: &BuildWritten) -> Option<BuildReplacement> {
        let context = match &build.context {
            Some(context) => Some(Spanned::new(self.reading().path(context)?, context.span.clone())),
            None => None,
        };
        let dockerfiles = build
            .dockerfiles
            .iter()
            .map(|text| Some(Spanned::new(self.reading().text(text)?, text.span.clone())));
        let dockerfiles = dockerfiles.collect::<Option<_>>()?;
        let add = build.add.iter().map(|add| self.addition(add)).collect::<Option<_>>()?;
        Some(BuildReplacement {
            from: Spanned::new(from.to_owned(), span.clone()),
            context,
            dockerfiles,
            add,
        })
    }

    fn addition(&mut self, add: &AddWritten) -> Option<Addition> {
        let to = match &add.to {
            Some(to) => Some(self.reading().text(to)?),
            None => None,
        };
        Some(Addition {
            from: Spanned::new(self.reading().path(&add.path)?, add.path.span.clone()),
            to,
        })
    }

    fn paths(&mut self, texts: &[Text]) -> Option<Vec<Spanned<PathBuf>>> {
        texts
            .iter()
            .map(|text| Some(Spanned::new(self.reading().path(text)?, text.span.clone())))
            .collect()
    }

    /// What must be known before anything starts.
    fn reading(&mut self) -> Reading<'_> {
        Reading {
            known: self.known(),
            late: LATE,
            problems: self.problems,
        }
    }

    fn known(&self) -> Early<'a> {
        self.context.attempt.known(self.scope)
    }

    /// A text that may be known only at `up`.
    fn value(&mut self, text: &Text) -> Option<Late> {
        if self.late && text.names().any(|path| is_late(path, self.scope)) {
            return Some(Late::Late);
        }
        match self.known().rendered(&text.span, |scope| text.text(scope)) {
            Ok(known) => known.map(Late::Known),
            Err(Unrendered::Needs(questions)) => {
                // At `up` they are answered, and it is rewritten again.
                self.needs.extend(questions);
                Some(Late::Late)
            }
            Err(Unrendered::Failed { span, message, .. }) => {
                self.problems.push(Diagnostic::error(&span, message));
                None
            }
        }
    }
}

/// True for a name that has no value yet: a saved one, or what only a run knows.
fn is_late(path: &NamePath, scope: &Scope) -> bool {
    let name = path.parts[0].as_str();
    let asks = path.call && ["port", "address", "url", "containers"].contains(&name);
    asks || (!path.call && !scope.values.contains_key(name))
}
