//! Who wants an image, and is told why it cannot be had.

use std::collections::BTreeMap;

use super::INSIDE;
use crate::diagnostic::Span;
use crate::event::Fault;
use crate::plan::Plan;

/// Who wants an image.
pub(super) struct By<'p> {
    /// What it is called there.
    pub(super) shown: String,
    /// The service of a stack.
    service: Option<&'p str>,
    /// Where it is said.
    at: Option<&'p Span>,
}

impl By<'_> {
    /// Why it cannot be had, as it is told to whoever wants it.
    pub(super) fn told(&self, mut fault: Fault) -> Fault {
        if let Some(service) = self.service {
            fault.message = format!("`{service}`: {}", fault.message);
        }
        match self.at {
            Some(at) => fault.at(at.place()),
            None => fault,
        }
    }
}

/// The images that a plan wants, and who of it does.
pub(super) fn wanted_by(plan: &Plan) -> BTreeMap<&str, By<'_>> {
    let by = |shown: String, service, at| By { shown, service, at };
    let inside = plan.asks_inside().then(|| (INSIDE, by(INSIDE.to_owned(), None, None)));
    let pulled = plan.stacks.iter().flat_map(|stack| stack.pulled());
    let pulled =
        pulled.map(|(reference, service, at)| (reference, by(format!("`{reference}`"), Some(service), Some(at))));
    let own = plan.images.iter();
    let own = own.map(|image| (image.reference.as_str(), by(image.shown(), None, Some(&image.at))));
    inside.into_iter().chain(pulled).chain(own).collect()
}
