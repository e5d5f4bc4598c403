//! The secrets that a stack's files take from this machine themselves: what they hold is hidden as what a scenario gives is.

use super::elsewhere;
use super::input::StackInput;
use super::rewritten::OwnSecret;
use super::unit::Unit;
use super::view::{View, mentions};
use crate::diagnostic::Span;
use crate::yaml::Node;

/// Where one is taken from.
const SOURCES: [&str; 3] = ["file", "environment", "content"];
/// The section that has them.
const SECRETS: &str = "secrets";

/// Those of a stack, but for what the scenario gives in place of them.
pub(super) fn find(units: &[Unit], input: &StackInput) -> Vec<OwnSecret> {
    let contents = elsewhere::contents(units, SECRETS, input.home());
    let mentioned = mentions(units, SECRETS);
    let is_given = |name: &str| {
        let mut given = input.given.iter();
        given.any(|given| given.section == SECRETS && given.name == name)
    };
    let own = mentioned.iter().filter(|(name, _)| !is_given(name));
    let own = own.filter_map(|(name, layers)| {
        let view = View {
            units,
            section: SECRETS,
            layers,
        };
        let said = SOURCES.iter().find_map(|source| view.last(source))?;
        Some(OwnSecret {
            name: name.clone(),
            at: said.node.span.clone(),
            content: contents.get(name).map(|(content, _)| content.clone()),
        })
    });
    own.collect()
}

/// Keeps what secrets hold out of pictures of the file that it is written in.
pub(super) fn hide_written(documents: &[Node]) {
    let secrets = documents.iter().filter_map(|document| document.entry(SECRETS)?.map());
    let contents = secrets
        .flatten()
        .filter_map(|(_, secret)| Some(&secret.entry("content")?.span));
    let contents: Vec<&Span> = contents.collect();
    if let Some(first) = contents.first() {
        let ranges = contents.iter().map(|span| span.start..span.end);
        first.source.hide(ranges.collect());
    }
}
