//! What each service of a stack should become.

use crate::engine::world::{Becomes, Wanted};
use crate::substitute::{Rewritten, ServiceInfo};

/// What each service should become: those that are named with all that they depend on, or all active ones. Those that are
/// said to complete must do so.
pub(super) fn wanted(rewritten: &Rewritten, services: &[String], completes: &[String]) -> Vec<Wanted> {
    let mut names: Vec<&String> = if services.is_empty() {
        rewritten
            .services
            .iter()
            .filter(|(_, service)| service.active)
            .map(|(name, _)| name)
            .collect()
    } else {
        services.iter().collect()
    };
    let mut at = 0;
    while at < names.len() {
        let needs = rewritten.services.get(names[at]).map(|service| &service.depends_on);
        for (need, on) in needs.into_iter().flatten() {
            let starts = |service: &ServiceInfo| on.required || service.active;
            if !names.contains(&need) && rewritten.services.get(need).is_some_and(starts) {
                names.push(need);
            }
        }
        at += 1;
    }
    let all = names.iter().filter_map(|name| {
        let service = rewritten.services.get(*name)?;
        let becomes = if rewritten.completes.contains(*name) || completes.contains(name) {
            Becomes::Completed
        } else if service.healthcheck != Some(false) {
            // Where the file does not say, the image may have a healthcheck: its container shows it.
            Becomes::Healthy
        } else {
            Becomes::Running
        };
        Some(Wanted {
            service: (*name).clone(),
            replicas: u32::try_from(service.replicas).unwrap_or(u32::MAX),
            becomes,
            optional: !services.contains(name) && !completes.contains(name) && is_optional(rewritten, name, &names),
        })
    });
    all.collect()
}

/// True where others depend on a service, and each of them starts without it, too.
fn is_optional(rewritten: &Rewritten, name: &str, started: &[&String]) -> bool {
    let started = started.iter().filter_map(|one| rewritten.services.get(*one));
    let mut all = started.filter_map(|service| service.depends_on.get(name)).peekable();
    all.peek().is_some() && all.all(|on| !on.required)
}
