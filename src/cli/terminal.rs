//! The only place that prints.

use std::io::{IsTerminal, Write};

use super::{Process, USAGE};
use crate::diagnostic::{Diagnostic, Level};
use crate::report::text;

/// Prints text to standard output; a closed pipe is no error.
pub(crate) fn print(text: &str) {
    let _ = anstream::stdout().lock().write_all(text.as_bytes());
}

/// Prints text to standard error.
pub(crate) fn print_error(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Says why nothing can be done; gives the exit code of usage.
pub(crate) fn refuse(why: &str) -> u8 {
    print_error(&format!("error: {why}\n"));
    USAGE
}

/// Prints diagnostics to standard error.
pub(crate) fn diagnostics(diagnostics: &[Diagnostic], color: bool) {
    // Ten thousand problems have one cause: the first hundreds of them are enough to see it.
    const MOST: usize = 200;
    draw(diagnostics.iter(), MOST, color, "… and {} more");
}

/// Prints the warnings among diagnostics to standard error, before a run that they do not stop.
pub(crate) fn warnings(diagnostics: &[Diagnostic], color: bool) {
    // The report of the run is what its reader is after.
    const MOST: usize = 20;
    let warnings = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.level == Level::Warning);
    draw(
        warnings,
        MOST,
        color,
        "… and {} more warnings; `e2erun check` tells all",
    );
}

fn draw<'a>(diagnostics: impl Iterator<Item = &'a Diagnostic>, most: usize, color: bool, rest: &str) {
    let mut over = 0_usize;
    for (index, diagnostic) in diagnostics.enumerate() {
        match index < most {
            true => {
                let drawn = diagnostic.draw(color);
                let drawn = match columns_of(&console::Term::stderr()) {
                    Some(width) => text::drawn_in(drawn.trim_end(), width),
                    None => drawn.trim_end().to_owned(),
                };
                print_error(&format!("{drawn}\n\n"));
            }
            false => over += 1,
        }
    }
    if over > 0 {
        print_error(&format!("{}\n\n", rest.replace("{}", &over.to_string())));
    }
}

/// `2 errors, 1 warning`.
pub(crate) fn counted(diagnostics: &[Diagnostic]) -> String {
    let words = [
        (Level::Error, "error"),
        (Level::Warning, "warning"),
        (Level::Note, "note"),
    ];
    let counted = words.iter().filter_map(|(level, word)| {
        let count = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.level == *level)
            .count();
        (count > 0).then(|| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
    });
    counted.collect::<Vec<_>>().join(", ")
}

/// Whether to paint: a terminal, and nothing that speaks against it. Under CI lines are plain.
pub(crate) fn color(process: &Process, no_color: bool) -> bool {
    !no_color && !set(process, "NO_COLOR") && !set(process, "CI") && std::io::stdout().is_terminal()
}

/// Whether a live status is drawn: a terminal, and not under CI.
pub(crate) fn live(process: &Process, quiet: bool) -> bool {
    !quiet
        && !set(process, "CI")
        && std::io::stdout().is_terminal()
        && process.env.get("TERM").is_none_or(|term| term != "dumb")
}

/// How many columns standard output has, if it is a terminal.
pub(crate) fn columns() -> Option<usize> {
    columns_of(&console::Term::stdout())
}

fn columns_of(terminal: &console::Term) -> Option<usize> {
    const LEAST: usize = 40;
    let is_terminal = terminal.is_term();
    is_terminal.then(|| usize::from(terminal.size().1).max(LEAST))
}

/// How many columns text for people may have: those of the terminal, and no more than are read well.
pub(crate) fn text_width() -> usize {
    const MOST: usize = 100;
    columns().unwrap_or(MOST).min(MOST)
}

fn set(process: &Process, name: &str) -> bool {
    process.env.get(name).is_some_and(|value| !value.is_empty())
}
