//! The names that expressions may use at a point, and how surely each has a value there.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Span};
use crate::template::is_function;

/// Whether a name has a value when it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Surely.
    Surely,
    /// Perhaps: its step may be skipped or fail softly.
    Maybe,
}

/// The names that expressions may use.
#[derive(Debug, Clone, Default)]
pub struct Known {
    names: BTreeMap<String, Certainty>,
}

/// Built-in names; a variable may not take one.
pub const BUILT_IN: [&str; 11] = [
    "matrix", "run", "scenario", "scratch", "images", "stacks", "nodes", "got", "probes", "engine", "env",
];

/// What was known of names before others covered them.
#[derive(Default)]
pub(super) struct Covered(Vec<(String, Option<Certainty>)>);

impl Known {
    /// The built-in names alone.
    pub fn built_in() -> Self {
        Known {
            names: BUILT_IN
                .iter()
                .map(|name| ((*name).to_owned(), Certainty::Surely))
                .collect(),
        }
    }

    /// Adds a name; a sure one stays sure.
    pub fn add(&mut self, name: &str, certainty: Certainty) {
        let entry = self.names.entry(name.to_owned()).or_insert(certainty);
        *entry = (*entry).min(certainty);
    }

    /// Makes names surely known for a while; gives what was known of each before.
    pub(super) fn cover<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> Covered {
        let mut before = |name: &str| self.names.insert(name.to_owned(), Certainty::Surely);
        Covered(names.into_iter().map(|name| (name.to_owned(), before(name))).collect())
    }

    /// Ends that: what was known before comes back.
    pub(super) fn uncover(&mut self, covered: Covered) {
        // The last first: a name may have been covered twice.
        for (name, before) in covered.0.into_iter().rev() {
            match before {
                Some(certainty) => self.names.insert(name, certainty),
                None => self.names.remove(&name),
            };
        }
    }

    /// True when the name is known.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The names: the author's own first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.names.keys().map(String::as_str);
        self.own_names().chain(names.filter(|name| BUILT_IN.contains(name)))
    }

    /// The author's own names.
    pub fn own_names(&self) -> impl Iterator<Item = &str> {
        let names = self.names.keys().map(String::as_str);
        names.filter(|name| !BUILT_IN.contains(name))
    }
}

/// What is wrong with a new name, if something is.
pub fn name_problem(name: &str, span: &Span) -> Option<Diagnostic> {
    if BUILT_IN.contains(&name) || is_function(name) {
        return Some(Diagnostic::error(span, format!("`{name}` is a built-in name")).help("choose another name"));
    }
    let plain = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (!plain).then(|| {
        Diagnostic::error(span, format!("`{name}` cannot be used in expressions")).help(format!(
            "a name has letters, digits and `_`: `{}`",
            name.replace('-', "_")
        ))
    })
}
