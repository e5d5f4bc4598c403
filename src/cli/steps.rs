//! `e2erun steps [KIND | TOPIC]`: the manual of the step kinds and of what stands around them, from their tables.

mod topics;

use std::borrow::Cow;
use std::fmt::Write;

use super::{Process, USAGE, terminal};
use crate::diagnostic::known_names;
use crate::report::text::wrapped;
use crate::scenario::Scenario;
use crate::shape::{Key, key_of, keys_of};
use crate::step::{KINDS, Kind, LATER_KINDS, Sort, kind_meant};
use topics::TOPICS;

/// Prints a line for each kind and topic, or the whole manual of one.
pub(crate) fn print(_: &Process, name: Option<&str>, _no_color: bool) -> u8 {
    let page = Page::new(terminal::text_width());
    let Some(name) = name else {
        terminal::print(&overview(page));
        return 0;
    };
    if let Some(kind) = crate::step::kind(name) {
        terminal::print(&manual(kind, page));
        return 0;
    }
    if let Some(topic) = TOPICS.iter().find(|topic| topic.name == name) {
        terminal::print(&topic.page(page));
        return 0;
    }
    let names: Vec<&str> = names().collect();
    let has = |keys: &[Cow<'static, str>]| keys.iter().any(|key| key == name);
    let is_later = LATER_KINDS.contains(&name) || has(Scenario::keys()) && !has(Scenario::offered());
    let later = if is_later { " yet" } else { "" };
    let meant = kind_meant(name).filter(|_| !is_later);
    terminal::print_error(&format!(
        "error: there is no step kind `{name}`{later}\n  help: {}\n",
        meant.unwrap_or_else(|| known_names(name, &names))
    ));
    USAGE
}

/// Of what there is a page: the kinds, then the topics.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let kinds = KINDS.iter().map(|kind| kind.name);
    kinds.chain(TOPICS.iter().map(|topic| topic.name))
}

/// A text that grows by paragraphs and lists, in lines of at most its width.
#[derive(Debug, Clone)]
struct Page {
    width: usize,
    text: String,
}

impl Page {
    fn new(width: usize) -> Page {
        Page {
            width,
            text: String::new(),
        }
    }

    /// A paragraph, with an empty line before it.
    fn paragraph(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let _ = writeln!(self.text, "{}", wrapped(text, self.width, 0));
    }

    /// A paragraph, and below it names, each with what it is.
    fn list(&mut self, title: &str, rows: &[(String, String)]) {
        self.paragraph(title);
        self.text.push('\n');
        self.rows(rows);
    }

    fn rows(&mut self, rows: &[(String, String)]) {
        // A name that is longer than most begins what it is on the next line.
        const LONGEST: usize = 24;
        let widths = rows.iter().map(|(name, _)| name.chars().count());
        let width = widths.filter(|width| *width <= LONGEST).max().unwrap_or_default();
        for (name, told) in rows {
            let indent = width + 4;
            let line = match name.chars().count() > width {
                true => format!("  {name}\n{}{told}", " ".repeat(indent)),
                false => format!("  {name:width$}  {told}"),
            };
            let _ = writeln!(self.text, "{}", wrapped(line.trim_end(), self.width, indent));
        }
    }

    /// An example, as it is.
    fn example(&mut self, example: &str) {
        self.paragraph("Example:");
        self.text.push('\n');
        for line in example.lines() {
            let _ = writeln!(self.text, "  {line}");
        }
    }
}

fn rows<'a>(table: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let owned = |(name, told): (&str, &str)| (name.to_owned(), told.to_owned());
    table.into_iter().map(owned).collect()
}

/// Keys with what they are for, those within them below and further to the right.
fn key_rows(keys: &[Key], depth: usize) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for key in keys {
        let required = if key.required { " (required)" } else { "" };
        all.push((
            format!("{}{}", "  ".repeat(depth), key.name),
            format!("{}{required}", key.doc),
        ));
        all.extend(key_rows(&key.inner, depth + 1));
    }
    all
}

fn overview(mut page: Page) -> String {
    page.list(
        "Step kinds; `e2erun steps KIND` tells of one, with its keys and its result.",
        &rows(KINDS.iter().map(|kind| (kind.name, kind.does))),
    );
    page.list(
        "Around them; `e2erun steps TOPIC` tells of one.",
        &rows(TOPICS.iter().map(|topic| (topic.name, topic.tells))),
    );
    page.paragraph(&format!("Not there yet in this version: {}", LATER_KINDS.join(", ")));
    page.text
}

/// The manual of a kind.
fn manual(kind: &Kind, mut page: Page) -> String {
    page.paragraph(&format!("{}: {}", kind.name, kind.does));
    page.paragraph(kind.manual);
    page.example(kind.example);
    let keys = keys_of(kind.schema);
    if !keys.is_empty() {
        page.list(&keys_title(kind), &key_rows(&keys, 0));
    }
    let sort = match kind.sort {
        Sort::Action => "an action: a failure ends its phase, and `within` has no meaning for it",
        Sort::Question => {
            "a question: `within`, `holds-for` and `probe` ask it again. With `expect` it is a check; one that may change \
             something (a command, a `post`) is made after a failed check only where it is asked again anyway"
        }
        Sort::Check => {
            "a check: after a failure the checks that follow it directly are still made; `within` asks it again"
        }
        Sort::Block => "a block: it holds other steps",
    };
    page.paragraph(&format!(
        "It is {sort}.\nLimit of one attempt, if neither the step's `timeout` nor the project's `timeouts` names one: {}.",
        crate::event::duration_text(kind.limit.as_secs_f64())
    ));
    if kind.results.is_empty() {
        page.paragraph("It has no result. The keys beside it: `e2erun steps common`.");
        return page.text;
    }
    page.list(
        "Its result, for `expect` and `save`:",
        &rows(kind.results.iter().map(|field| (field.name, field.doc))),
    );
    page.paragraph("The keys beside it: `e2erun steps common`; what can be expected: `e2erun steps expect`.");
    page.text
}

fn keys_title(kind: &Kind) -> String {
    let name = kind.name;
    match (kind.short)() {
        Some(short) => format!(
            "The keys of `{name}`; `{name}: …` without them is its `{}`:",
            key_of(short)
        ),
        None => format!("The keys of `{name}`:"),
    }
}

#[cfg(test)]
mod tests {
    use super::{KINDS, keys_of};

    #[test]
    fn a_kind_tells_all_its_keys_and_each_is_explained() {
        for kind in KINDS {
            let keys = keys_of(kind.schema);
            let own = (kind.keys)();
            // What is not there yet is not told.
            for key in &keys {
                assert!(
                    own.is_empty() || own.iter().any(|one| *one == key.name),
                    "{kind:?} {key:?}"
                );
                assert!(!key.doc.is_empty(), "{kind:?} {key:?}");
            }
            assert!(own.is_empty() || !keys.is_empty(), "{kind:?}");
        }
    }
}
