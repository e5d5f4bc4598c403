//! Keys of a substitution against what stands in the files: each has to match something.

use std::collections::BTreeSet;

use super::HOLE;
use super::input::Replacement;
use super::interpolate::{Environment, Value, fill};
use crate::diagnostic::{Diagnostic, known_names};

/// The keys of one substitution while the files are gone through.
#[derive(Debug)]
pub(super) struct Matching<'i> {
    what: &'static str,
    keys: &'i [Replacement],
    used: BTreeSet<usize>,
    seen: BTreeSet<String>,
    /// What stands where no key reaches, and what to do to have it replaced there.
    out_of_reach: Vec<(String, String)>,
    /// True when something that a key might match is known later.
    late: bool,
    same: fn(&str, &str) -> bool,
}

/// A key that matched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit<'i> {
    pub(super) index: usize,
    pub(super) replacement: &'i Replacement,
}

impl Hit<'_> {
    /// What shall stand there; a hole is a word that shows it.
    pub(super) fn to(&self) -> &str {
        self.replacement.to.known().unwrap_or(HOLE)
    }
}

impl<'i> Matching<'i> {
    /// `what` is the substitution's key in the scenario; `same` compares a key with what stands in a file.
    pub(super) fn new(what: &'static str, keys: &'i [Replacement], same: fn(&str, &str) -> bool) -> Self {
        Matching {
            what,
            keys,
            used: BTreeSet::new(),
            seen: BTreeSet::new(),
            out_of_reach: Vec::new(),
            late: false,
            same,
        }
    }

    /// The key that matches a text, as written or filled in.
    pub(super) fn find(&mut self, written: &str, environment: &Environment) -> Option<Hit<'i>> {
        let filled = fill(written, environment);
        let value = filled.value.filter(|_| filled.problems.is_empty());
        self.late |= value.is_none() && filled.problems.is_empty();
        self.find_filled(written, value.as_deref())
    }

    /// The key that matches a text as written, or as it is after filling in.
    pub(super) fn find_filled(&mut self, written: &str, filled: Option<&str>) -> Option<Hit<'i>> {
        self.seen.insert(filled.unwrap_or(written).to_owned());
        let same = |key: &str| (self.same)(key, written) || filled.is_some_and(|filled| (self.same)(key, filled));
        let index = self.keys.iter().position(|replacement| same(&replacement.from.value))?;
        self.used.insert(index);
        Some(Hit {
            index,
            replacement: &self.keys[index],
        })
    }

    /// Notes what was seen and matched elsewhere.
    pub(super) fn note(&mut self, seen: impl IntoIterator<Item = String>, used: &BTreeSet<String>) {
        self.seen.extend(seen);
        let hits = self
            .keys
            .iter()
            .enumerate()
            .filter(|(_, key)| used.contains(&key.from.value));
        self.used.extend(hits.map(|(index, _)| index));
    }

    /// Notes what stands where no key reaches, and what to do to have it replaced there.
    pub(super) fn note_out_of_reach<'t>(&mut self, texts: impl IntoIterator<Item = &'t String>, help: &str) {
        let texts = texts.into_iter().map(|text| (text.clone(), help.to_owned()));
        self.out_of_reach.extend(texts);
    }

    /// The keys as a map, for what looks for them by itself.
    pub(super) fn map(&self) -> std::collections::BTreeMap<String, String> {
        let to = |value: &Value| value.known().unwrap_or(HOLE).to_owned();
        self.keys
            .iter()
            .map(|key| (key.from.value.clone(), to(&key.to)))
            .collect()
    }

    /// Says that something a key might match is known later.
    pub(super) fn is_late(&mut self) {
        self.late = true;
    }

    /// The keys that matched nothing.
    pub(super) fn problems(&self) -> Vec<Diagnostic> {
        if self.late {
            return Vec::new();
        }
        let seen: Vec<&str> = self.seen.iter().map(String::as_str).collect();
        let unmatched = self
            .keys
            .iter()
            .enumerate()
            .filter(|(index, _)| !self.used.contains(index));
        let problem = |key: &Replacement| {
            let from = &key.from;
            let mut others = self.out_of_reach.iter();
            let other = others.find(|(text, _)| (self.same)(&from.value, text));
            Diagnostic::error(
                &from.span,
                format!(
                    "`{}` of `{}` matches nothing in the stack's files",
                    from.value, self.what
                ),
            )
            .help(other.map_or_else(|| known_names(&from.value, &seen), |(_, help)| help.clone()))
        };
        unmatched.map(|(_, key)| problem(key)).collect()
    }
}
