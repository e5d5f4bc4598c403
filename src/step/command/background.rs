//! Processes that a step starts, and that go on in the background.

use std::sync::Arc;

use super::super::{Binder, Cx, Done, Started, Step};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::engine::logs::ProcessLog;
use crate::host::Process;

/// Refuses what has no meaning for a command that goes on in the background: it has no result yet.
pub(in crate::step) fn check_background(background: Option<&Spanned<String>>, step: &Step, binder: &mut Binder<'_>) {
    let Some(background) = background else { return };
    let common = &step.common;
    let waits = [("within", &common.within), ("holds-for", &common.holds_for)];
    let waits = waits
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_ref()?.span())));
    let expect = step.expect.as_ref().map(|expect| ("expect", &expect.span));
    let probe = common.probe.as_ref().map(|probe| ("probe", &probe.span));
    let save = step.save.0.values().next().map(|(span, _)| ("save", span));
    for (key, span) in waits.chain(expect).chain(probe).chain(save) {
        let message = format!(
            "`{key}` needs a result, and `{}` goes on in the background",
            background.value
        );
        binder.error(
            span,
            message,
            "take it out; at the scenario's end its exit code is checked",
        );
    }
}

/// Binds the name of a process in the background.
pub(in crate::step) fn bind_process(name: &Spanned<String>, binder: &mut Binder<'_>) {
    let problem = background_problem(name, &binder.processes);
    binder.problems.extend(problem);
    binder.once(name, "the process");
    binder.processes.push(name.value.clone());
}

/// The log of a process that is about to be started in the background; a second one of a name is refused.
pub(in crate::step) fn process_log(cx: &Cx, name: &str) -> Done<Arc<ProcessLog>> {
    if cx.case.state().processes.contains_key(name) {
        return Err(cx.error(format!(
            "process `{name}` has been started before: a name is for one process"
        )));
    }
    cx.case.spools.process(name).map(Arc::new).map_err(|why| cx.error(why))
}

/// Keeps a process that goes on in the background: it is ended with the case, and its exit is checked.
pub(in crate::step) fn goes_on(cx: &Cx, name: &str, (process, is_here): (Arc<dyn Process>, bool)) {
    let started = Started {
        process,
        place: cx.span.place(),
        is_here,
    };
    cx.case.state().processes.insert(name.to_owned(), started);
}

/// What tells about a name for something that goes on in the background, if it cannot be used.
pub(in crate::step) fn background_problem(name: &Spanned<String>, taken: &[String]) -> Option<Diagnostic> {
    let plain = !name.value.is_empty()
        && name.value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !plain {
        return Some(
            Diagnostic::error(&name.span, format!("`{}` is no name", name.value))
                .help("a name has letters, digits, `-` and `_`"),
        );
    }
    if matches!(name.value.as_str(), "true" | "false" | "yes" | "no") {
        let help = "it is the name by which it is found again: `background: server`";
        return Some(Diagnostic::error(&name.span, format!("`{}` is no name", name.value)).help(help));
    }
    taken.contains(&name.value).then(|| {
        Diagnostic::error(
            &name.span,
            format!("another step has started `{}` in the background", name.value),
        )
        .help("choose another name")
    })
}
