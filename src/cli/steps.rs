//! `e2erun steps [KIND]`: the manual of the step kinds, from their table.

use std::fmt::Write;

use super::{Process, USAGE, terminal};
use crate::diagnostic::known_names;
use crate::step::{KINDS, Kind, LATER_KINDS, Sort};

/// Prints a line for each kind, or the whole manual of one.
pub(crate) fn print(_: &Process, name: Option<&str>, _no_color: bool) -> u8 {
    let Some(name) = name else {
        terminal::print(&overview());
        return 0;
    };
    if let Some(kind) = crate::step::kind(name) {
        terminal::print(&manual(kind));
        return 0;
    }
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let later = if LATER_KINDS.contains(&name) { " yet" } else { "" };
    terminal::print_error(&format!(
        "error: there is no step kind `{name}`{later}\n  help: {}\n",
        known_names(name, &names)
    ));
    USAGE
}

fn overview() -> String {
    let width = KINDS.iter().map(|kind| kind.name.len()).max().unwrap_or_default();
    let mut text = String::from("Step kinds; `e2erun steps KIND` tells of one.\n\n");
    for kind in KINDS {
        let _ = writeln!(text, "  {:width$}  {}", kind.name, kind.does);
    }
    let _ = write!(text, "\nNot there yet in this version: {}\n", LATER_KINDS.join(", "));
    let keys = crate::step::common_keys();
    let _ = write!(text, "\nBeside its kind a step may have: {}\n", keys.join(", "));
    text
}

/// The manual of a kind.
pub(crate) fn manual(kind: &Kind) -> String {
    let mut text = format!(
        "{}: {}\n\n{}\n\nExample:\n\n",
        kind.name,
        kind.does,
        wrapped(kind.manual)
    );
    for line in kind.example.lines() {
        let _ = writeln!(text, "  {line}");
    }
    let sort = match kind.sort {
        Sort::Action => "an action: a failure ends its phase, and `within` has no meaning for it",
        Sort::Question => "a question: `within`, `holds-for` and `probe` ask it again",
        Sort::Check => {
            "a check: after a failure the checks that follow it directly are still made; `within` asks it again"
        }
        Sort::Block => "a block: it holds other steps",
    };
    let _ = write!(
        text,
        "\nIt is {sort}.\nLimit of one attempt, if neither the step's `timeout` nor the project's `timeouts` names one: {}.\n",
        limit(kind)
    );
    if !kind.results.is_empty() {
        text.push_str("\nIts result, for `expect` and `save`:\n\n");
        let width = kind
            .results
            .iter()
            .map(|field| field.name.len())
            .max()
            .unwrap_or_default();
        for field in kind.results {
            let _ = writeln!(text, "  {:width$}  {}", field.name, field.doc);
        }
    }
    text
}

fn limit(kind: &Kind) -> String {
    crate::event::duration_text(kind.limit.as_secs_f64())
}

/// Text in lines of at most a hundred characters; paragraphs and lists stay.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 100;
    let mut out = String::new();
    for paragraph in text.lines() {
        let mut column = 0;
        for word in paragraph.split(' ') {
            if column > 0 && column + 1 + word.chars().count() > WIDTH {
                out.push('\n');
                column = 0;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += word.chars().count();
        }
        out.push('\n');
    }
    out.trim_end().to_owned()
}
