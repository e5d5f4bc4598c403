//! Networks and volumes that one stack of a scenario makes and another one expects.

use std::collections::BTreeSet;

use super::StackPlan;
use crate::diagnostic::Diagnostic;
use crate::substitute::{Rewritten, Shared};

/// Of what stacks expect, the engine need not have what another stack of the scenario makes.
pub(super) fn settle(plans: &mut [StackPlan]) {
    let made: BTreeSet<String> = plans.iter().flat_map(made).collect();
    for plan in plans {
        plan.planned.expects.retain(|want| !made.contains(&want.name));
    }
}

/// The real names of what a stack makes; those that are unique in each run are nobody else's.
fn made(plan: &StackPlan) -> impl Iterator<Item = String> {
    let Rewritten {
        networks,
        volumes,
        secrets,
        configs,
        ..
    } = &plan.planned;
    let all = [networks, volumes, secrets, configs]
        .into_iter()
        .flat_map(|all| all.values());
    all.flatten().filter(|real| real.starts_with(&plan.project)).cloned()
}

/// What a stack expects to be there under a name that another stack gives it: isolating that one takes the name away.
pub(super) fn tell_renamed(plans: &[StackPlan]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for plan in plans {
        for want in &plan.planned.wants {
            let others = plans.iter().filter(|other| other.id != plan.id);
            let made = others.flat_map(|other| other.planned.gives.iter().map(move |given| (other, given)));
            let mut made = made.filter(|(_, given)| given.section == want.section && given.name == want.name);
            if let Some((other, given)) = made.next() {
                problems.push(renamed(plan, want, other, given));
            }
        }
    }
    problems
}

fn renamed(plan: &StackPlan, want: &Shared, other: &StackPlan, given: &Shared) -> Diagnostic {
    let what = want.section.trim_end_matches('s');
    let message = format!(
        "`{}` is a {what} of the stack `{}`, which gives it another name in each run",
        want.name, other.name
    );
    let part = |name: &str| match name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        true => format!(".{name}"),
        false => format!("['{name}']"),
    };
    let real = format!("stacks{}.{}{}", part(&other.name), want.section, part(&given.key));
    let key = &want.key;
    Diagnostic::error(&want.at, message)
        .related(&given.at, "it is made here")
        .help(format!(
            "say which it is, in the stack `{}`: `substitute: {{external: {{{key}: \"${{{{ {real} }}}}\"}}}}`",
            plan.name
        ))
}
