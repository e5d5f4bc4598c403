//! Why a stack has no services: what stands in its files in their place.

use super::files::Looking;
use super::input::StackInput;
use super::unit::Unit;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::yaml::{Content, Node};

/// What is wrong with files in which no service is.
pub(super) fn told(units: &[Unit], input: &StackInput, looking: &Looking<'_>) -> Diagnostic {
    let documents = || units.iter().flat_map(|unit| &unit.documents);
    if let Some(told) = misspelt(documents()) {
        return told;
    }
    let file = input.files.first();
    let (at, name) = file.map_or((&input.at, "it".to_owned()), |file| {
        (&file.span, looking.shown(&file.value))
    });
    match documents().find_map(|document| document.entry("services")) {
        Some(services) => in_place(services, &name),
        None if documents().all(is_empty) => Diagnostic::error(at, format!("`{name}` is empty"))
            .help("a compose file has a mapping `services:`, with each service below it"),
        None => Diagnostic::error(at, format!("there are no services in `{name}`"))
            .help("a compose file has a mapping `services:`; the format without it is too old"),
    }
}

/// What stands where the mapping of services is to be.
fn in_place(services: &Node, name: &str) -> Diagnostic {
    let error = |message: &str| Diagnostic::error(&services.span, message);
    match &services.content {
        Content::List(items) if !items.is_empty() => error("`services` is a list")
            .help("it is a mapping, with the name of each service as a key: take the `- ` away"),
        _ if is_empty(services) => error(&format!("there are no services in `{name}`: `services` is empty"))
            .help("each service stands below it: `web: {image: …}`"),
        _ => error(&format!("`services` is {}", services.noun()))
            .help("it is a mapping, with the name of each service as a key"),
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.content {
        Content::Map(entries) => entries.is_empty(),
        Content::List(items) => items.is_empty(),
        Content::Scalar(_) => node.is_null(),
    }
}

/// A key that was to be `services`.
fn misspelt<'n>(documents: impl Iterator<Item = &'n Node>) -> Option<Diagnostic> {
    let keys = documents.filter_map(Node::map).flatten();
    let keys = keys.filter_map(|(key, _)| key.scalar().map(|name| (key, name)));
    let (key, name) = keys
        .filter(|(_, name)| *name != "services")
        .find(|(_, name)| did_you_mean(name, &["services"]).is_some())?;
    let message = format!("unknown key in a compose file, `{name}`");
    Some(Diagnostic::error(&key.span, message).help("did you mean `services`?"))
}
