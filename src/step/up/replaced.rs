//! What an `up` has put others in the place of, apart from what somebody else removed while it ran.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{NodeHandle, converging};
use crate::engine::world::ContainerState;
use crate::stack::StackPlan;

/// The containers of a stack that are there and of one of its services.
pub(super) fn members(node: &NodeHandle, plan: &StackPlan) -> Vec<Arc<ContainerState>> {
    let mut members = converging::members(node, plan);
    members.retain(|container| !container.one_off);
    members
}

/// A project before its `up`.
pub(super) struct Before {
    /// Its containers.
    pub(super) members: Vec<Arc<ContainerState>>,
    /// The services that the `up` is of.
    pub(super) touched: BTreeSet<String>,
}

impl Before {
    /// Those that the tool removed, by id: others have their places now, or the files, which say how many replicas a
    /// service has, have none for them any more. Of one that is merely gone nobody knows who removed it, and so not whether
    /// its log is whole.
    pub(super) fn replaced(&self, now: &[Arc<ContainerState>], replicas: impl Fn(&str) -> Option<u64>) -> Vec<String> {
        let is_of = |all: &[Arc<ContainerState>], id: &str| all.iter().any(|one| one.id == id);
        let has_successor = |old: &ContainerState| {
            let same = |one: &&Arc<ContainerState>| one.service == old.service && one.number == old.number;
            now.iter().filter(same).any(|one| !is_of(&self.members, &one.id))
        };
        let by_the_tool = |old: &ContainerState| match replicas(&old.service) {
            // An orphan.
            None => true,
            Some(_) if !self.touched.contains(&old.service) => false,
            Some(replicas) => u64::from(old.number) > replicas || has_successor(old),
        };
        let gone = self.members.iter().filter(|old| !is_of(now, &old.id));
        let replaced = gone.filter(|old| by_the_tool(old));
        replaced.map(|old| old.id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(id: &str, service: &str, number: u32) -> Arc<ContainerState> {
        let mut container = ContainerState::default();
        container.id = id.to_owned();
        container.service = service.to_owned();
        container.number = number;
        Arc::new(container)
    }

    #[test]
    fn what_somebody_else_removed_meanwhile_is_not_taken_for_replaced() {
        let check = |now: &[(&str, &str, u32)], touched: &[&str], expected: &[&str]| {
            let all =
                |all: &[(&str, &str, u32)]| all.iter().map(|(id, of, number)| container(id, of, *number)).collect();
            let now: Vec<_> = all(now);
            let before = Before {
                members: all(&[("a", "web", 1), ("b", "web", 2), ("c", "db", 1), ("d", "old", 1)]),
                touched: touched.iter().map(|&name| name.to_owned()).collect(),
            };
            let replicas = |service: &str| (service != "old").then_some(1);
            assert_eq!(before.replaced(&now, replicas), expected, "{now:?} {touched:?}");
        };
        let (both, web) = (&["web", "db"], &["web"]);
        let (a, b, c, d) = (("a", "web", 1), ("b", "web", 2), ("c", "db", 1), ("d", "old", 1));
        check(&[a, b, c, d], both, &[]);
        // Nothing has its place, though there are others.
        check(&[b, c, d], both, &[]);
        check(&[b, d, ("a2", "web", 1)], both, &["a"]);
        check(&[a, b, d, ("c2", "db", 1)], both, &["c"]);
        // The `up` is of another service.
        check(&[a, b, d, ("c2", "db", 1)], web, &[]);
        // One replica is wanted, and a service is in no file.
        check(&[a, c], both, &["b", "d"]);
        check(&[a, c], &["db"], &["d"]);
    }
}
