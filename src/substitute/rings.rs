//! Services that wait for each other in a ring, so that none of them could be the first to start: every compose tool refuses
//! such a stack.

use std::collections::{BTreeMap, BTreeSet};

use super::refers::Reference;
use crate::diagnostic::Diagnostic;

/// Tells each ring where a service names one that waits for it, of the services with what each names of its stack.
pub(super) fn find(named: &BTreeMap<String, Vec<Reference>>) -> Vec<Diagnostic> {
    let mut rings = Rings {
        named,
        path: Vec::new(),
        begun: BTreeSet::new(),
        found: Vec::new(),
    };
    for service in named.keys() {
        rings.follow(service);
    }
    rings.found
}

struct Rings<'n> {
    named: &'n BTreeMap<String, Vec<Reference>>,
    /// The services on the way to the one that is looked at, each waiting for the next one.
    path: Vec<&'n str>,
    begun: BTreeSet<&'n str>,
    found: Vec<Diagnostic>,
}

impl<'n> Rings<'n> {
    fn follow(&mut self, service: &'n str) {
        if !self.begun.insert(service) {
            return;
        }
        self.path.push(service);
        let named = self.named.get(service).map_or(&[][..], Vec::as_slice);
        for reference in named.iter().filter(|reference| reference.section == "services") {
            match self.path.iter().position(|before| *before == reference.name) {
                Some(first) => self.found.push(told(&self.path[first..], reference)),
                None => self.follow(&reference.name),
            }
        }
        self.path.pop();
    }
}

fn told(ring: &[&str], closing: &Reference) -> Diagnostic {
    let message = match ring {
        [one] => format!("`{one}` waits for itself"),
        _ => {
            let names = ring.iter().chain(ring.first()).map(|name| format!("`{name}`"));
            let names: Vec<String> = names.collect();
            format!("services wait for each other in a ring: {}", names.join(" → "))
        }
    };
    Diagnostic::error(&closing.at, message).help(match ring {
        [_] => format!("take it out of its `{}`", closing.key),
        _ => format!(
            "none of them could be the first to start: take `{}` out of this `{}`, or break the ring at another of them",
            closing.name, closing.key
        ),
    })
}
