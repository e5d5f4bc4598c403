//! Small changes to a YAML tree. What a change puts in takes the place of what it replaces.

use crate::diagnostic::Span;
use crate::yaml::{Content, Node, Scalar, Style};

/// A text, quoted: no reader can take it for a number, date or boolean.
pub(super) fn text(value: impl Into<String>, span: &Span) -> Node {
    node(
        Content::Scalar(Scalar {
            text: value.into(),
            style: Style::Double,
        }),
        span,
    )
}

/// A plain word, for keys and fixed values.
pub(super) fn plain(value: &str, span: &Span) -> Node {
    node(
        Content::Scalar(Scalar {
            text: value.to_owned(),
            style: Style::Plain,
        }),
        span,
    )
}

/// A mapping of some entries.
pub(super) fn map(entries: Vec<(Node, Node)>, span: &Span) -> Node {
    node(Content::Map(entries), span)
}

/// A list.
pub(super) fn list(items: Vec<Node>, span: &Span) -> Node {
    node(Content::List(items), span)
}

fn node(content: Content, span: &Span) -> Node {
    Node {
        span: span.clone(),
        alias: None,
        tag: None,
        content,
    }
}

/// Changes a scalar's text; it is quoted from then on.
pub(super) fn set_text(node: &mut Node, value: impl Into<String>) {
    node.content = Content::Scalar(Scalar {
        text: value.into(),
        style: Style::Double,
    });
}

/// The value of a key, to change it.
pub(super) fn entry<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    entries(node)
        .iter_mut()
        .find(|(name, _)| name.scalar() == Some(key))
        .map(|(_, value)| value)
}

/// The entries of a mapping, to change them; none of anything else.
pub(super) fn entries(node: &mut Node) -> &mut [(Node, Node)] {
    match &mut node.content {
        Content::Map(entries) => entries,
        _ => &mut [],
    }
}

/// The items of a list, to change them; none of anything else.
pub(super) fn items(node: &mut Node) -> &mut [Node] {
    match &mut node.content {
        Content::List(items) => items,
        _ => &mut [],
    }
}

/// The entries of a mapping as a vector; what is no mapping becomes an empty one.
pub(super) fn entries_vec(node: &mut Node) -> &mut Vec<(Node, Node)> {
    if !matches!(node.content, Content::Map(_)) {
        node.content = Content::Map(Vec::new());
    }
    match &mut node.content {
        Content::Map(entries) => entries,
        _ => unreachable!("it was made a mapping above"),
    }
}

/// Takes a key out of a mapping.
pub(super) fn remove(node: &mut Node, key: &str) -> Option<Node> {
    let Content::Map(entries) = &mut node.content else {
        return None;
    };
    let at = entries.iter().position(|(name, _)| name.scalar() == Some(key))?;
    Some(entries.remove(at).1)
}

/// Sets a key of a mapping, at its place if it is there, else at the end; what is no mapping becomes one.
pub(super) fn set(node: &mut Node, key: &str, value: Node) {
    let span = node.span.clone();
    let entries = entries_vec(node);
    match entries.iter_mut().find(|(name, _)| name.scalar() == Some(key)) {
        Some((_, old)) => *old = value,
        None => entries.push((plain(key, &span), value)),
    }
}

/// Whether a node takes back what earlier files said: `!reset`.
pub(super) fn resets(node: &Node) -> bool {
    node.tag.as_deref() == Some("!reset")
}

/// Whether a node stands instead of what earlier files said: `!override`, `!reset`.
pub(super) fn overrides(node: &Node) -> bool {
    resets(node) || node.tag.as_deref() == Some("!override")
}

/// The place of a part of a scalar's text, as exactly as its quoting lets it be known.
pub(super) fn place(node: &Node, range: std::ops::Range<usize>) -> Span {
    let Some(text) = node.scalar() else {
        return node.span.clone();
    };
    let written = node.span.text();
    if written == text {
        return node.span.part(range.start, range.end);
    }
    // In quotes and blocks the part is searched for, counting those before it.
    let (Some(part), Some(before)) = (text.get(range.clone()), text.get(..range.start)) else {
        return node.span.clone();
    };
    let nth = before.matches(part).count();
    match written.match_indices(part).nth(nth) {
        Some((at, _)) => node.span.part(at, at + part.len()),
        None => node.span.clone(),
    }
}
