//! `text`: plain replacements, before a file is parsed.

use std::sync::Arc;

use super::HOLE;
use super::input::TextReplacement;
use crate::diagnostic::{Diagnostic, Source};

/// The replacements of a stack, and how often each was made over all of its files.
#[derive(Debug)]
pub(super) struct Texts<'i> {
    replacements: &'i [TextReplacement],
    counts: Vec<u64>,
}

impl<'i> Texts<'i> {
    pub(super) fn new(replacements: &'i [TextReplacement]) -> Self {
        Texts {
            replacements,
            counts: vec![0; replacements.len()],
        }
    }

    /// A file's text after the replacements, in their order; the same source if there is none in it.
    pub(super) fn replace(&mut self, source: &Arc<Source>) -> Arc<Source> {
        let mut replaced: Option<String> = None;
        for (replacement, count) in self.replacements.iter().zip(&mut self.counts) {
            let text = replaced.as_deref().unwrap_or(&source.text);
            let from = replacement.from.value.as_str();
            let found = if from.is_empty() { 0 } else { text.matches(from).count() };
            if found > 0 {
                *count += found as u64;
                replaced = Some(text.replace(from, replacement.to.known().unwrap_or(HOLE)));
            }
        }
        replaced.map_or_else(|| Arc::clone(source), |text| Source::new(source.path.clone(), text))
    }

    /// What hit nothing, or not as often as it should.
    pub(super) fn problems(&self) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        for (replacement, count) in self.replacements.iter().zip(&self.counts) {
            let from = &replacement.from;
            if *count == 0 {
                problems.push(
                    Diagnostic::error(&from.span, format!("`{}` is in no file of the stack", from.value))
                        .help("`text` replaces plain text, as it stands in the files; upper and lower case count"),
                );
            } else if let Some(wanted) = replacement.count.filter(|wanted| wanted != count) {
                problems.push(
                    Diagnostic::error(
                        &from.span,
                        format!("`{}` is there {count} times, not {wanted}", from.value),
                    )
                    .help("change `count`, or the text so that it matches only what is meant"),
                );
            }
        }
        problems
    }
}
