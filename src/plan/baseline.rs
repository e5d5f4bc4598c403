//! What measured values are compared with: a file that the command line names, or the project.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Resolving;
use crate::diagnostic::{Diagnostic, Source, Span};
use crate::scenario::normal;
use crate::step::{Baseline, Measuring};

impl Resolving<'_> {
    /// What the case's measured values are compared with. One whose file is not there yet has nothing to be compared with;
    /// a file that the command line names is there, or is to be written.
    pub(super) fn measuring(&mut self) -> Measuring {
        let update = self.settings.baseline.update;
        let mut measuring = Measuring {
            case: self.seed.info.base().to_owned(),
            update,
            ..Measuring::default()
        };
        let Some((path, span)) = self.baseline_file() else {
            return measuring;
        };
        measuring.file = Some(path.clone());
        match self.files.text(&path) {
            Some(Ok(source)) => match Baseline::of(&source.text) {
                Ok(baseline) => measuring.baseline = Some(Arc::new(baseline)),
                Err(why) => {
                    let (shown, help) = (self.files.shown(&path), "it is what `--update-baseline` writes");
                    let message = format!("`{shown}` is no baseline: {why}");
                    self.problems.push(Diagnostic::error(&span, message).help(help));
                }
            },
            Some(Err(why)) if self.settings.baseline.file.is_some() && !update => {
                let message = format!("cannot read the baseline `{}`: {why}", self.files.shown(&path));
                let help = "`--update-baseline` beside it writes it";
                self.problems.push(Diagnostic::error(&span, message).help(help));
            }
            Some(Err(_)) | None => {}
        }
        measuring
    }

    /// The file, and where it is named.
    fn baseline_file(&self) -> Option<(PathBuf, Span)> {
        if let Some(file) = &self.settings.baseline.file {
            let text = format!("--baseline {}", self.files.shown(file));
            let (start, end) = ("--baseline ".len(), text.len());
            let source = Source::new("command line", text);
            return Some((normal(file), Span { source, start, end }));
        }
        let (project, folder) = self.loaded.project.as_deref()?;
        let written = project.baseline.as_ref()?;
        let path = normal(&folder.join(Path::new(&written.value)));
        Some((path, written.span.clone()))
    }
}
