//! Services that steps need although nothing brings their stack up.

use std::collections::{BTreeMap, BTreeSet};

use super::Binder;
use crate::diagnostic::{Diagnostic, Span};
use crate::step::ServiceRef;
use crate::substitute::StackKind;

/// Which stacks are brought up by some step, and which ones steps need.
#[derive(Default)]
pub(super) struct Running {
    up: BTreeSet<usize>,
    /// By stack, the first service that is needed, and where.
    needed: BTreeMap<usize, (ServiceRef, Span)>,
    /// True where some step may do so in a way that is not seen from here: a command on this machine, a container.
    others: bool,
}

impl Running {
    /// Takes in a step's kind.
    pub(super) fn seen(&mut self, kind: &str) {
        self.others |= matches!(kind, "up" | "run" | "shell");
    }

    /// Takes in that a step needs a service.
    pub(super) fn needs(&mut self, service: &ServiceRef, at: &Span) {
        let first = || (service.clone(), at.clone());
        self.needed.entry(service.stack).or_insert_with(first);
    }
}

impl Binder<'_> {
    /// Takes in that a step brings a stack up.
    pub fn brings_up(&mut self, stack: usize) {
        self.running.up.insert(self.fixed.stacks[stack].id);
    }

    /// Tells services that steps need although no step brings their stack up, once all steps are bound.
    ///
    /// A warning where another step may do so all the same, an error where none can.
    pub fn never_up(&self) -> Vec<Diagnostic> {
        let told = |(service, at): &(ServiceRef, Span)| {
            let (stack, names) = (&service.stack_name, self.fixed.stacks.iter());
            let mut same = names.filter(|names| names.id == service.stack);
            let in_swarm = same.any(|names| names.kind == StackKind::Swarm);
            let service = &service.service;
            let (done, todo) = match in_swarm {
                true => (
                    format!("deploys `{stack}`"),
                    format!("deploy it in a step before: `- deploy: {stack}`"),
                ),
                false => (
                    format!("brings `{stack}` up"),
                    format!("bring it up in a step before: `- up: {stack}`"),
                ),
            };
            let problem = match self.running.others {
                true => Diagnostic::warning(at, format!("no step of this file starts `{service}`: none {done}")),
                false => Diagnostic::error(at, format!("`{service}` never runs: no step {done}")),
            };
            problem.help(todo)
        };
        let needed = self.running.needed.iter();
        let never = needed.filter(|(stack, _)| !self.running.up.contains(stack));
        never.map(|(_, needed)| told(needed)).collect()
    }
}
