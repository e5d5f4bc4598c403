//! What a build says over all layers of its service: its context, arguments, and all else.

use std::collections::BTreeMap;
use std::path::Path;

use super::interpolate::{Value, fill};
use super::tree;
use super::unit::Unit;
use super::view::Said;
use crate::diagnostic::Span;
use crate::yaml::{self, Node};

/// The context of a build: its place, as written, filled in, and what it is relative to.
pub(super) fn context<'u>(
    builds: &[Said<'u>],
    last: &Said<'u>,
    units: &'u [Unit],
) -> (Span, &'u str, String, &'u Path) {
    for said in builds.iter().rev() {
        let node = if said.node.scalar().is_some() {
            Some(said.node)
        } else {
            said.node.entry("context")
        };
        if let Some((node, text)) = node.and_then(|node| Some((node, said.fill(node)?))) {
            let written = node.scalar().unwrap_or(".");
            return (node.span.clone(), written, text, &units[said.place.unit].base);
        }
    }
    (
        last.node.span.clone(),
        ".",
        ".".to_owned(),
        &units[last.place.unit].base,
    )
}

/// The build's arguments over all layers: a mapping, or a list of `NAME=value` and `NAME`.
pub(super) fn args(builds: &[Said<'_>]) -> BTreeMap<String, Option<Value>> {
    let mut args = BTreeMap::new();
    for said in builds {
        let Some(node) = said.node.entry("args") else {
            continue;
        };
        let value = |text: &str| fill(text, &said.environment).value.map_or(Value::Late, Value::Known);
        for (name, node) in node.map().unwrap_or_default() {
            let Some(name) = name.scalar() else { continue };
            let given = node.scalar().filter(|_| !node.is_null()).map(value);
            args.insert(name.to_owned(), given.or_else(|| said.environment.get(name).cloned()));
        }
        for item in node.list().unwrap_or_default().iter().filter_map(Node::scalar) {
            let (name, given) = item
                .split_once('=')
                .map_or((item, None), |(name, text)| (name, Some(value(text))));
            args.insert(name.to_owned(), given.or_else(|| said.environment.get(name).cloned()));
        }
    }
    args
}

/// What else is written of a build, as text.
pub(super) fn options(builds: &[Said<'_>]) -> String {
    let mut options = String::new();
    for said in builds.iter().filter(|said| said.node.map().is_some()) {
        let mut rest = said.node.clone();
        for key in ["context", "dockerfile", "dockerfile_inline", "args", "target"] {
            tree::remove(&mut rest, key);
        }
        if rest.map().is_some_and(|entries| !entries.is_empty()) {
            let text = yaml::write(&rest);
            options.push_str(&fill(&text, &said.environment).value.unwrap_or(text));
        }
    }
    options
}
