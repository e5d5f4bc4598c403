//! Versions of a stack: what is wrong with the `version-of` of one, and what of it has other names than before.

use std::collections::BTreeMap;

use super::{Anew, StackPlan};
use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::scenario::stacks::Stack;
use crate::shape::Named;
use crate::substitute::{Rewritten, StackKind};

/// What another version of a stack has from those before it.
pub(super) struct Base<'p> {
    /// The number of the stack that runs.
    pub(super) id: usize,
    /// Its project.
    pub(super) project: String,
    /// The versions before.
    pub(super) before: Vec<&'p Rewritten>,
}

impl<'p> Base<'p> {
    /// What a version has that names this one.
    pub(super) fn of(base: &StackPlan, plans: &'p [StackPlan]) -> Base<'p> {
        let before = plans.iter().filter(|plan| plan.id == base.id);
        Base {
            id: base.id,
            project: base.project.clone(),
            before: before.map(|plan| &plan.planned).collect(),
        }
    }
}

/// The names of secrets and configs whose own a version before has with other content, or with one that is known later: a
/// swarm changes none, and both are there until the stack goes. With the same content they have the same name, so that
/// services are not updated for it. Of files, the same path is the same content here: what a step writes into one between two
/// versions the engine refuses, which `deploy` explains. The name says nothing of the content, which is a secret's.
pub(super) fn anew(planned: &Rewritten, before: &[&Rewritten]) -> Anew {
    let mut taken = BTreeMap::new();
    for version in before {
        let named = version.own.iter();
        let named = named.filter_map(|own| Some(((own.section, version.own_name(own)?.clone()), &own.content)));
        taken.extend(named);
    }
    let mut anew = Anew::new();
    for own in &planned.own {
        let Some(real) = planned.own_name(own) else { continue };
        let is_free = |name: &String| match taken.get(&(own.section, name.clone())) {
            None => name == real || !planned.own.iter().any(|other| planned.own_name(other) == Some(name)),
            Some(content) => content.is_some() && **content == own.content,
        };
        let numbered = (2..).map(|number| format!("{real}-{number}"));
        let name = std::iter::once(real.clone()).chain(numbered).find(is_free);
        if let Some(name) = name.filter(|name| name != real) {
            anew.insert((own.section, own.key.clone()), name);
        }
    }
    anew
}

/// A version of a compose stack that is a swarm stack, or the other way round.
pub(super) fn of_other_kind(of: &Spanned<String>, base: &StackPlan, stack: &Stack) -> Diagnostic {
    let key = |kind| match kind {
        StackKind::Compose => "compose",
        StackKind::Swarm => "swarm",
    };
    let (wanted, own) = (key(base.kind), key(stack.kind()));
    let message = format!(
        "`{}` is a stack of `{wanted}` files, and this version of it has `{own}`",
        of.value
    );
    Diagnostic::error(&of.span, message)
        .related(&base.at, "it is written here")
        .help("versions of a stack are of one kind: one takes the place of the other while it runs")
}

/// What is wrong with the `version-of` of a stack that names none before it.
pub(super) fn no_base(
    of: &Spanned<String>,
    own: &Span,
    stacks: &Named<Stack>,
    plans: &[StackPlan],
) -> Option<Diagnostic> {
    match stacks.0.get(&of.value) {
        Some((base, _)) if base == own => Some(
            Diagnostic::error(&of.span, "a stack is no other version of itself")
                .help("name the stack whose other version it is, or leave `version-of` out"),
        ),
        None => {
            let known = plans.iter().map(|plan| plan.name.as_str());
            Some(Diagnostic::unknown(&of.span, "stack", &of.value, known))
        }
        Some((base, _)) if base.start > of.span.start => Some(
            Diagnostic::error(&of.span, format!("`{}` is written below this one", of.value))
                .related(base, "here")
                .help("put the stack before its other versions"),
        ),
        // The base's own problem was told.
        Some(_) => None,
    }
}
