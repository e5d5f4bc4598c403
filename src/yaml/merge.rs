//! Merge keys (`<<`) applied: explicit keys win, the earlier of several merged mappings wins.

use std::borrow::Cow;
use std::collections::HashSet;
use std::mem::take;

use super::{Content, Node, Style};

impl Node {
    /// True for a key that merges: a plain `<<`.
    pub fn is_merge(&self) -> bool {
        match (&self.content, self.tag.as_deref()) {
            (Content::Scalar(scalar), None) => scalar.text == "<<" && scalar.style == Style::Plain,
            (Content::Scalar(scalar), Some("!!merge")) => scalar.text == "<<",
            _ => false,
        }
    }

    /// What tells a key from the others of its mapping: its text, or for a key that is no scalar all texts in it.
    pub(super) fn identity(&self) -> Cow<'_, str> {
        match self.scalar() {
            Some(text) => Cow::Borrowed(text),
            None => {
                let mut identity = String::new();
                identify(self, &mut identity);
                Cow::Owned(identity)
            }
        }
    }

    /// The tree with merge keys applied. A `<<` whose value is no mapping and no list of mappings is left as it is.
    #[must_use]
    pub fn merged(mut self) -> Node {
        // Most files have no merge key; only with a tag can it be written in another way.
        let text = &self.span.source.text;
        if text.contains("<<") || text.contains('!') {
            self.merge();
        }
        self
    }

    /// In place: most mappings have no merge key in them.
    fn merge(&mut self) {
        match &mut self.content {
            Content::Scalar(_) => {}
            Content::List(items) => items.iter_mut().for_each(Node::merge),
            Content::Map(entries) => {
                entries.iter_mut().for_each(|(_, value)| value.merge());
                if entries.iter().any(|(key, _)| key.is_merge()) {
                    *entries = merge(take(entries));
                }
            }
        }
    }
}

/// No text has a NUL in it, so with these between the parts no two different keys are the same.
fn identify(node: &Node, out: &mut String) {
    match &node.content {
        Content::Scalar(scalar) => {
            out.push_str("\0.");
            out.push_str(&scalar.text);
        }
        Content::List(items) => {
            out.push_str("\0[");
            items.iter().for_each(|item| identify(item, out));
            out.push_str("\0]");
        }
        Content::Map(entries) => {
            out.push_str("\0{");
            entries
                .iter()
                .flat_map(|(key, value)| [key, value])
                .for_each(|child| identify(child, out));
            out.push_str("\0}");
        }
    }
}

/// The entries of a mapping, with those of the mappings that it merges.
fn merge(entries: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
    let entries = entries.into_iter();
    let (merged, mut own): (Vec<_>, Vec<_>) = entries.partition(|(key, value)| key.is_merge() && mergeable(value));
    let mut names: HashSet<String> = own.iter().map(|(key, _)| key.identity().into_owned()).collect();
    for (_, value) in merged {
        let maps = match value.content {
            Content::Map(map) => vec![map],
            Content::List(items) => items.into_iter().filter_map(into_map).collect(),
            Content::Scalar(_) => Vec::new(),
        };
        for (key, value) in maps.into_iter().flatten() {
            if names.insert(key.identity().into_owned()) {
                own.push((key, value));
            }
        }
    }
    own
}

fn mergeable(value: &Node) -> bool {
    match &value.content {
        Content::Map(_) => true,
        Content::List(items) => items.iter().all(|item| item.map().is_some()),
        Content::Scalar(_) => false,
    }
}

fn into_map(node: Node) -> Option<Vec<(Node, Node)>> {
    match node.content {
        Content::Map(map) => Some(map),
        _ => None,
    }
}
