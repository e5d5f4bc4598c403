//! `since`: only what was written after a step began.

use super::super::{Binder, Cx, Done, Unmarked};
use super::Told;
use crate::diagnostic::{Diagnostic, Spanned};
use crate::engine::logs::Mark;
use crate::event::Fault;

/// A step that was named, and where: what was written after it began is read.
#[derive(Debug)]
pub(super) struct Since {
    step: usize,
    name: Spanned<String>,
}

impl Since {
    /// The step since which it is read; none is from the start.
    pub(super) fn of(written: Option<&Spanned<String>>, binder: &mut Binder<'_>) -> Result<Option<Since>, Told> {
        let Some(since) = written.filter(|since| since.value != "start") else {
            return Ok(None);
        };
        let named: Vec<_> = binder
            .step_names
            .iter()
            .filter(|step| step.name == since.value)
            .collect();
        let problem = match named.as_slice() {
            [one] => {
                let step = one.number;
                binder.noted.marks.insert(step);
                let name = since.clone();
                return Ok(Some(Since { step, name }));
            }
            [] => {
                let known = binder.step_names.iter().map(|step| step.name.as_str());
                let known = known.chain(["start"]);
                Diagnostic::unknown(&since.span, "step before this one,", &since.value, known)
            }
            [first, .., last] => {
                let message = format!("more than one step before this one has the name `{}`", since.value);
                Diagnostic::error(&since.span, message)
                    .related(&first.span, "one of them")
                    .related(&last.span, "another one")
                    .help("give the one that is meant a name of its own")
            }
        };
        binder.problems.push(problem);
        Err(Told)
    }

    /// Where the logs were when its step began. One that did not begin marks nothing: all lines would be taken for new.
    pub(super) fn mark(&self, cx: &Cx) -> Done<Mark> {
        let name = &self.name.value;
        let why = match cx.case.state().marks.get(&self.step) {
            Some(Ok(mark)) => return Ok(mark.clone()),
            Some(Err(Unmarked::Unread(why))) => {
                let message = format!(
                    "what is since `{name}` is not known: the logs could not be read when that step began: {why}"
                );
                return Err(vec![Fault::error(message).at(self.name.span.place())]);
            }
            Some(Err(Unmarked::NotBegun(why))) => format!("that step did not begin ({why})"),
            None => "that step was not reached".to_owned(),
        };
        let fault = Fault::error(format!("nothing is since `{name}`: {why}")).at(self.name.span.place());
        Err(vec![
            fault.hint("let this step have the same condition, or name another step"),
        ])
    }
}
