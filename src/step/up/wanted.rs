//! What each service of a stack should become.

use crate::engine::world::{Becomes, Wanted};
use crate::substitute::Rewritten;

/// What each service should become: those that are named with all that they depend on, or all active ones.
pub(super) fn wanted(rewritten: &Rewritten, services: &[String]) -> Vec<Wanted> {
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
        let needs = rewritten
            .services
            .get(names[at])
            .map(|service| service.depends_on.keys());
        for need in needs.into_iter().flatten() {
            if !names.contains(&need) && rewritten.services.contains_key(need) {
                names.push(need);
            }
        }
        at += 1;
    }
    let all = names.into_iter().filter_map(|name| {
        let service = rewritten.services.get(name)?;
        let becomes = if rewritten.completes.contains(name) {
            Becomes::Completed
        } else if service.healthcheck != Some(false) {
            // Where the file does not say, the image may have a healthcheck: its container shows it.
            Becomes::Healthy
        } else {
            Becomes::Running
        };
        Some(Wanted {
            service: name.clone(),
            replicas: u32::try_from(service.replicas).unwrap_or(u32::MAX),
            becomes,
        })
    });
    all.collect()
}
