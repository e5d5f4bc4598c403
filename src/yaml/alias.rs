//! What an alias brings in: how much it may be, and where it came from.

use super::{Content, Node};
use crate::diagnostic::Span;

/// How many nodes aliases may bring in, all together: a small file must not become a large tree.
pub(super) const MAX_ALIASED_NODES: usize = 250_000;

/// How much text aliases may bring in.
pub(super) const MAX_ALIASED_BYTES: usize = 16 << 20;

/// Takes a tree's size off what is left; its height, or none when too little is left.
pub(super) fn weigh(node: &Node, nodes_left: &mut usize, bytes_left: &mut usize) -> Option<usize> {
    *nodes_left = nodes_left.checked_sub(1)?;
    let mut height = 0;
    match &node.content {
        Content::Scalar(scalar) => {
            *bytes_left = bytes_left.checked_sub(scalar.text.len())?;
            return Some(0);
        }
        Content::List(items) => {
            for item in items {
                height = height.max(weigh(item, nodes_left, bytes_left)?);
            }
        }
        Content::Map(entries) => {
            for child in entries.iter().flat_map(|(key, value)| [key, value]) {
                height = height.max(weigh(child, nodes_left, bytes_left)?);
            }
        }
    }
    Some(height + 1)
}

/// Notes at each node of a tree where the alias stands that brought it in.
pub(super) fn came_by(node: &mut Node, alias: &Span) {
    node.alias.get_or_insert_with(|| alias.clone());
    match &mut node.content {
        Content::Scalar(_) => {}
        Content::List(items) => items.iter_mut().for_each(|item| came_by(item, alias)),
        Content::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
            came_by(key, alias);
            came_by(value, alias);
        }),
    }
}
