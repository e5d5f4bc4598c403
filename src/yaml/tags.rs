//! Tags that mean nothing in a file of ours: YAML's own are known, all others are some other program's.

use std::collections::BTreeSet;

use super::{Content, Node};
use crate::diagnostic::{Diagnostic, Span};

/// YAML's own, and the one that says "no tag".
const KNOWN: [&str; 9] = [
    "!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map", "!!merge",
];

/// A problem for each tag that is not YAML's own. Compose files have such tags; scenarios do not.
pub fn foreign_tags(node: &Node) -> Vec<Diagnostic> {
    // Every tag begins so: most files have none.
    if !node.span.source.text.contains('!') {
        return Vec::new();
    }
    let mut found = BTreeSet::new();
    walk(node, &mut found);
    let problems = found.into_iter().map(|(start, tag)| {
        let span = Span {
            source: node.span.source.clone(),
            start,
            end: start + tag.len(),
        };
        Diagnostic::error(&span, format!("unknown tag `{tag}`"))
            .help("remove it; a text that begins with `!` is written in quotes")
    });
    problems.collect()
}

/// Each once, also where aliases repeat it.
fn walk<'n>(node: &'n Node, found: &mut BTreeSet<(usize, &'n str)>) {
    if let Some(tag) = node.tag.as_deref().filter(|tag| !KNOWN.contains(tag)) {
        found.insert((start(node, tag), tag));
    }
    match &node.content {
        Content::Scalar(_) => {}
        Content::List(items) => items.iter().for_each(|item| walk(item, found)),
        Content::Map(entries) => entries.iter().for_each(|(key, value)| {
            walk(key, found);
            walk(value, found);
        }),
    }
}

/// Where the tag is written: before the content, or where the content would be if there is none.
fn start(node: &Node, tag: &str) -> usize {
    let at = node.span.start;
    let (before, after) = node.span.source.text.split_at(at);
    let content = after.trim_start_matches([' ', '-', ':', '\n']);
    if content.starts_with(tag) {
        return at + after.len() - content.len();
    }
    before.rfind(tag).unwrap_or(at)
}
