//! Secrets and configs of a swarm stack that is another version of one: a swarm changes none of them, so that one with other
//! content needs a name of its own. Both are there until the stack goes.

use super::input::{StackInput, StackKind};
use super::rewritten::{Content, Own};
use super::unit::Unit;
use super::{elsewhere, external, format, tree, view};
use crate::diagnostic::Span;

/// What a swarm does not change.
const SECTIONS: [&str; 2] = ["secrets", "configs"];
/// The first version of the format in which they have a name.
const NAMED: (u32, &str) = (5, "3.5");

/// Those that a swarm stack makes itself, and what of. A file that is not there yet is known later.
pub(super) fn find(units: &[Unit], input: &StackInput, is_there: impl Fn(&std::path::Path) -> bool) -> Vec<Own> {
    let mut own = Vec::new();
    for section in SECTIONS.into_iter().filter(|_| input.kind == StackKind::Swarm) {
        let contents = elsewhere::contents(units, section, input.home());
        let is_known = |content: &Content| match content {
            Content::Path(path) => is_there(path),
            Content::Text { .. } => true,
        };
        for (key, layers) in view::mentions(units, section) {
            if !layers.0.iter().any(|place| external::of(units, section, place)) {
                let content = contents.get(&key).map(|(content, _)| content);
                own.push(Own {
                    section,
                    content: content.filter(|content| is_known(content)).cloned(),
                    key,
                });
            }
        }
    }
    own
}

/// Gives those their names that are others than in the versions before.
pub(super) fn rename(units: &mut [Unit], input: &StackInput) {
    if input.anew.is_empty() {
        return;
    }
    for section in SECTIONS {
        view::each(units, section, |_, key, thing| {
            let named = input.anew.get(&(section, key.to_owned()));
            if let Some(name) = named.filter(|_| thing.map().is_some()) {
                let span = thing.span.clone();
                tree::set(thing, "name", tree::text(name, &span));
            }
        });
    }
    for document in units.iter_mut().flat_map(|unit| &mut unit.documents) {
        let Some(version) = tree::entry(document, "version") else {
            continue;
        };
        let minor = version.scalar().and_then(format::minor);
        if minor.is_some_and(|minor| minor < NAMED.0) {
            let span: Span = version.span.clone();
            *version = tree::text(NAMED.1, &span);
        }
    }
}
