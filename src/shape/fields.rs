//! The entries of a mapping read into fields: unknown, missing and misspelt keys are told.

use std::borrow::Cow;

use super::{Problems, Shape, key_of, wrong_type};
use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::yaml::{Node, flow_trap, key_trap};

/// The entries of a mapping while they are read into fields.
#[derive(Debug)]
pub struct Fields<'n> {
    /// The mapping; with a short form, the only value.
    node: &'n Node,
    short: Option<&'static str>,
    known: &'static [Cow<'static, str>],
    /// True when its other keys are somebody else's.
    shared: bool,
}

impl<'n> Fields<'n> {
    /// The known keys among those of a mapping that others read, too: they tell what is unknown.
    pub fn among(node: &'n Node, known: &'static [Cow<'static, str>]) -> Fields<'n> {
        Fields {
            node,
            short: None,
            known,
            shared: true,
        }
    }

    /// Opens a node as a mapping of the known keys, or as the value of its short form; tells unknown keys, and offers those
    /// that are there already.
    pub fn open(
        node: &'n Node,
        what: &str,
        short: Option<&'static str>,
        (known, offered): (&'static [Cow<'static, str>], &'static [Cow<'static, str>]),
        problems: &mut Problems,
    ) -> Option<Fields<'n>> {
        let fields = |short| Fields {
            node,
            short,
            known,
            shared: false,
        };
        if let Some(trap) = flow_trap(node) {
            problems.push(trap);
            return None;
        }
        let Some(entries) = node.map() else {
            if short.is_some() && !node.is_null() {
                return Some(fields(short));
            }
            let keys = offered
                .iter()
                .map(|key| format!("`{key}`"))
                .collect::<Vec<_>>()
                .join(", ");
            problems.push(wrong_type(node, &format!("a mapping ({what})")).help(format!("its keys are {keys}")));
            return None;
        };
        for (key, _) in entries {
            match key.scalar() {
                Some(name) if known.iter().any(|known| known == name) => {}
                Some(name) => problems.push(unknown_key(key, name, what, offered)),
                None => problems.push(key_trap(key).unwrap_or_else(|| wrong_type(key, "a key"))),
            }
        }
        Some(fields(None))
    }

    /// Where the mapping is written.
    pub fn span(&self) -> &Span {
        &self.node.span
    }

    /// Reads the field of a key; a required one that is missing is told.
    pub fn field<T: Shape>(&self, key: &str, problems: &mut Problems) -> Option<T> {
        debug_assert!(self.known.iter().any(|known| known == key));
        let value = match self.short {
            Some(short) => (key_of(short) == key).then_some((self.node, self.node)),
            None => entry(self.node, key),
        };
        if let Some((key, node)) = value {
            return T::read_field(key, node, problems);
        }
        let absent = T::absent();
        if absent.is_none() && !self.misspelt(key) {
            let at = self
                .node
                .map()
                .and_then(|entries| entries.iter().find(|(name, _)| self.owns(name)))
                .map_or(&self.node.span, |(first, _)| &first.span);
            problems.push(Diagnostic::error(at, format!("`{key}` is missing")).help(format!("add a line `{key}: …`")));
        }
        absent
    }

    /// True for a key of its own: each of them, unless others read the mapping, too.
    fn owns(&self, key: &Node) -> bool {
        let known = |name: &str| self.known.iter().any(|known| known == name);
        !self.shared || key.scalar().is_some_and(known)
    }

    /// True where an unknown key was told to be this one: the same mistake is not told twice.
    fn misspelt(&self, key: &str) -> bool {
        if self.shared {
            return false;
        }
        let known: Vec<&str> = self.known.iter().map(AsRef::as_ref).collect();
        let written = self
            .node
            .map()
            .into_iter()
            .flatten()
            .filter_map(|(name, _)| name.scalar());
        written
            .filter(|name| !known.contains(name))
            .any(|name| did_you_mean(name, &known) == Some(key))
    }
}

fn entry<'n>(node: &'n Node, key: &str) -> Option<(&'n Node, &'n Node)> {
    let mut entries = node.map()?.iter();
    entries
        .find(|(name, _)| name.scalar() == Some(key))
        .map(|(name, value)| (name, value))
}

fn unknown_key(key: &Node, name: &str, what: &str, known: &[Cow<'static, str>]) -> Diagnostic {
    if let Some(trap) = key_trap(key) {
        return trap;
    }
    let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    if name.starts_with("x-") && known.contains(&"vars") {
        let help = "what only anchors refer to has its place under `vars`";
        return Diagnostic::error(&key.span, format!("unknown key in {what}, `{name}`")).help(help);
    }
    Diagnostic::unknown(&key.span, &format!("key in {what},"), name, known)
}
