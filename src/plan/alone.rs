//! A template or a project file by itself: nothing is known of the scenarios that use it, so that only what is wrong
//! whoever does is told.

use std::collections::BTreeSet;
use std::path::Path;

use super::filled::filling;
use crate::diagnostic::Diagnostic;
use crate::mask::Masks;
use crate::scenario::{Files, Partial, Project, Template};
use crate::shape::Named;
use crate::step::{Binder, OwnNames, Static, name_problem};
use crate::template::Scope;

/// What is wrong with a template; the limits are its project's.
pub fn template(template: &Template, path: &Path, project: Option<&Project>, files: &Files) -> Vec<Diagnostic> {
    bound(path, project, files, |binder| binder.template_alone(path, template))
}

/// What is wrong with a project file: its variables see those before them.
pub fn project(project: &Project, folder: &Path, files: &Files) -> Vec<Diagnostic> {
    bound(&folder.join("e2erun.yaml"), Some(project), files, |binder| {
        for (name, (span, value)) in &project.vars.0 {
            binder.problems.extend(name_problem(name, span));
            binder.check_names(&value.templates());
            binder.known.add(name);
        }
    })
}

fn bound(path: &Path, project: Option<&Project>, files: &Files, bind: impl Fn(&mut Binder<'_>)) -> Vec<Diagnostic> {
    let (partial, none, own) = (Partial::of_nobody(), Named::default(), OwnNames::default());
    let fixed = Static {
        stacks: &[],
        own: &own,
        images: &[],
        env: &[],
        literal: &BTreeSet::new(),
        hidden: &Masks::default(),
        matrix: &[],
        files,
        elsewhere: None,
        partial: &partial,
        limits: project.map_or(&none, |project| &project.timeouts),
    };
    filling(files, || {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let mut binder = Binder::new(&fixed, Scope::default(), folder.to_path_buf());
        // A step before may have made what it names.
        binder.makes_files();
        bind(&mut binder);
        binder.tell_saved_later();
        binder.problems
    })
}
