//! The names that expressions may use at a point.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Span};
use crate::template::{Expression, Template, is_function, is_keyword};

/// The names that expressions may use: those that have a value, and those that may have one when they are used.
#[derive(Debug, Clone, Default)]
pub struct Known {
    names: BTreeSet<Cow<'static, str>>,
    /// Those of them that have a number of seconds: a result's time, saved as it is.
    seconds: BTreeSet<String>,
}

/// Built-in names; a variable may not take one.
pub const BUILT_IN: [&str; 14] = [
    "matrix", "run", "scenario", "scratch", "images", "secrets", "networks", "volumes", "stacks", "nodes", "got",
    "probes", "engine", "env",
];

/// Names that are known only for a while.
#[derive(Default)]
pub(super) struct Covered(Vec<Cow<'static, str>>);

impl Known {
    /// The built-in names alone.
    pub fn built_in() -> Self {
        Known {
            names: BUILT_IN.into_iter().map(Cow::Borrowed).collect(),
            seconds: BTreeSet::new(),
        }
    }

    /// Adds a name.
    pub fn add(&mut self, name: &str) {
        if !self.has(name) {
            self.names.insert(Cow::Owned(name.to_owned()));
        }
    }

    /// Adds the names that are known elsewhere.
    pub(super) fn add_all(&mut self, others: Known) {
        self.names.extend(others.names);
        self.seconds.extend(others.seconds);
    }

    /// Remembers whether a name has a number of seconds now.
    pub(super) fn has_seconds(&mut self, name: &str, has: bool) {
        match has {
            true => drop(self.seconds.insert(name.to_owned())),
            false => drop(self.seconds.remove(name)),
        }
    }

    /// The code of a text that is such a name's value and nothing else, or a time of a probe.
    pub fn seconds(&self, text: &Template) -> Option<String> {
        let code = text.code().next()?;
        let is_alone = text.shown() == format!("${{{{ {} }}}}", code.code);
        let is_time = self.seconds.contains(&*code.code) || is_outage(code);
        (is_alone && is_time).then(|| code.code.to_string())
    }

    /// Makes names known for a while; gives those that were not known before.
    pub(super) fn cover(&mut self, names: impl IntoIterator<Item = Cow<'static, str>>) -> Covered {
        let mut fresh = |name: &Cow<'static, str>| self.names.insert(name.clone());
        Covered(names.into_iter().filter(|name| fresh(name)).collect())
    }

    /// Ends that.
    pub(super) fn uncover(&mut self, covered: Covered) {
        for name in covered.0 {
            self.names.remove(&name);
        }
    }

    /// True when the name is known.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The names: the author's own first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.names.iter().map(AsRef::as_ref);
        self.own_names().chain(names.filter(|name| BUILT_IN.contains(name)))
    }

    /// The author's own names.
    pub fn own_names(&self) -> impl Iterator<Item = &str> {
        let names = self.names.iter().map(AsRef::as_ref);
        names.filter(|name: &&str| !BUILT_IN.contains(name))
    }
}

/// How long a probe had no answer.
fn is_outage(code: &Expression) -> bool {
    let parts: Vec<&str> = code.code.split('.').collect();
    matches!(parts[..], ["probes", _, "outage" | "max_outage"])
}

/// What is wrong with a new name, if something is.
pub fn name_problem(name: &str, span: &Span) -> Option<Diagnostic> {
    if BUILT_IN.contains(&name) || is_function(name) {
        return Some(Diagnostic::error(span, format!("`{name}` is a built-in name")).help("choose another name"));
    }
    if is_keyword(name) {
        return Some(
            Diagnostic::error(span, format!("`{name}` is a word of the expression language"))
                .help("choose another name"),
        );
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
