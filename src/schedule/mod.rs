//! Which case runs when: a pure function over a snapshot; the loop around it is in `run`.

use std::collections::BTreeSet;

use crate::stack::Lock;

/// A case that waits: what it holds while it runs.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its number.
    pub case: usize,
    /// What it must have alone.
    pub locks: BTreeSet<Lock>,
}

/// The next case that may begin: the first one whose locks are all free. Taking all at once or none, nobody waits for
/// somebody who waits.
pub fn next(waiting: &[Waiting], held: &BTreeSet<Lock>, running: usize, jobs: usize) -> Option<usize> {
    if running >= jobs {
        return None;
    }
    // Who came first is not overtaken for a lock that he waits for: the locks of those before count as held.
    let mut claimed = held.clone();
    for (index, case) in waiting.iter().enumerate() {
        let free = |lock: &Lock| !claimed.iter().any(|held| held.conflicts(lock));
        if case.locks.iter().all(free) {
            return Some(index);
        }
        claimed.extend(case.locks.iter().cloned());
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Waiting, next};
    use crate::stack::Lock;

    fn check(waiting: &[&[u16]], held: &[u16], running: usize, expected: Option<usize>) {
        let locks = |ports: &[u16]| ports.iter().map(|port| Lock::port(*port)).collect::<BTreeSet<_>>();
        let waiting: Vec<Waiting> = waiting
            .iter()
            .enumerate()
            .map(|(case, ports)| Waiting {
                case,
                locks: locks(ports),
            })
            .collect();
        assert_eq!(next(&waiting, &locks(held), running, 2), expected);
    }

    #[test]
    fn takes_the_first_case_whose_locks_are_free() {
        check(&[], &[], 0, None);
        check(&[&[], &[]], &[], 0, Some(0));
        check(&[&[80], &[]], &[80], 1, Some(1));
        check(&[&[80], &[81]], &[80], 1, Some(1));
        check(&[&[]], &[], 2, None);
    }

    #[test]
    fn nobody_is_overtaken_for_a_lock() {
        check(&[&[80, 81], &[81]], &[80], 1, None);
        check(&[&[80, 81], &[81], &[]], &[80], 1, Some(2));
    }
}
