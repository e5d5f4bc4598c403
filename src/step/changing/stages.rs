//! The stages of an update, from what containers tell of themselves: when they start, are healthy, end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engine::world::ContainerState;

/// How many containers were new each time when none was on its way: all are up whose tasks were made before the last one was
/// (of those that are replaced together one may be done before another one begins), and no place is empty. Where new
/// ones begin first, an old one that goes on counts no more once it is to end: a stop may take its time, and the next ones
/// have long begun by then. One that never ends was not replaced: its successor did not run as it should.
pub(super) fn stages(
    (before, running): (&BTreeSet<String>, usize),
    containers: &[Arc<ContainerState>],
    made: &BTreeMap<String, i64>,
) -> Vec<usize> {
    let new = containers.iter().filter(|container| !before.contains(&container.id));
    let ways: Vec<(i64, i64)> = new.filter_map(|container| way(container, made)).collect();
    let all_up = |at: i64| {
        let last = ways
            .iter()
            .map(|(_, up)| *up)
            .filter(|up| *up <= at)
            .max()
            .unwrap_or(at);
        !ways.iter().any(|(made, up)| *made < last && *up > at)
    };
    let changes = changes(before, containers);
    let ends = changes.iter().filter(|change| !change.is_new && change.by < 0).count();
    let count = |count: usize| isize::try_from(count).unwrap_or(isize::MAX);
    let (total, mut leaving) = (count(running), count(ends));
    let (mut old, mut new) = (0, 0);
    let mut stages = Vec::new();
    for Change { at, is_new, by, .. } in changes {
        if is_new {
            new += by;
        } else {
            old += by;
            leaving += by.min(0);
        }
        let (most, least) = (old + new, new + old.max(leaving) - leaving);
        if new > 0 && least <= total && total <= most && stages.last() != Some(&new) && all_up(at) {
            stages.push(new);
        }
    }
    stages
        .into_iter()
        .filter_map(|count| usize::try_from(count).ok())
        .collect()
}

/// From when to when a container was on its way: since its task was made, until it was up for the first time, or ended.
fn way(container: &ContainerState, made: &BTreeMap<String, i64>) -> Option<(i64, i64)> {
    let first = container.runs.first()?;
    let up = match (container.up(first), first.ended) {
        (Some(up), _) => up,
        (None, None) => i64::MAX,
        // Of one whose end nobody saw it is not known how long it kept others waiting.
        (None, Some(end)) => end.at?,
    };
    Some((made.get(&container.id).copied().unwrap_or(first.started), up))
}

/// A container comes up or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    at: i64,
    is_new: bool,
    by: isize,
    what: &'static str,
}

/// All of them, in their order. Of an end that nobody saw nothing is known but that it was before the next start. A run of a new
/// one that was never up is none.
fn changes(before: &BTreeSet<String>, containers: &[Arc<ContainerState>]) -> Vec<Change> {
    let mut changes = Vec::new();
    for container in containers {
        let is_new = !before.contains(&container.id);
        let change = |at, by, what| Change { at, is_new, by, what };
        for run in &container.runs {
            let up = if is_new { container.up(run) } else { Some(run.started) };
            let Some(up) = up else { continue };
            let what = if up == run.started { "starts" } else { "is healthy" };
            changes.push(change(up, 1, what));
            let end = run.ended.and_then(|end| end.at);
            changes.extend(end.map(|at| change(at, -1, "ends")));
        }
    }
    changes.sort_unstable();
    changes
}

/// How many starts and ends are shown.
const SHOWN: usize = 40;

/// What the stages are made of: a line for each that came up or ended since the update began, which is when its first task was made.
pub(super) fn timeline(
    before: &BTreeSet<String>,
    containers: &[Arc<ContainerState>],
    made: &BTreeMap<String, i64>,
) -> String {
    let new = containers.iter().filter(|container| !before.contains(&container.id));
    let begun = new.filter_map(|container| {
        let started = container.runs.first()?.started;
        Some(made.get(&container.id).map_or(started, |made| *made.min(&started)))
    });
    let Some(begun) = begun.min() else {
        return "no container was made".to_owned();
    };
    let (mut old, mut new) = (0, 0);
    let mut lines = Vec::new();
    for Change { at, is_new, by, what } in changes(before, containers) {
        let (count, which) = match is_new {
            true => (&mut new, "new"),
            false => (&mut old, "old"),
        };
        *count += by;
        if at >= begun {
            let since = std::time::Duration::from_nanos(at.abs_diff(begun)).as_secs_f64();
            lines.push(format!("{since:.2} s: {which} one {what}; {new} new and {old} old run"));
        }
    }
    let left_out = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    lines.extend((left_out > 0).then(|| format!("… and {left_out} more")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use super::{stages, timeline};
    use crate::engine::world::{ContainerState, End, Happened, Run};

    /// Containers as (name, started, ended); those whose names begin with `o` are old.
    fn check(containers: &[(&str, i64, Option<i64>)], expected: &[usize]) {
        check_made(containers, &[], expected);
    }

    /// The same with the moments at which tasks were made.
    fn check_made(containers: &[(&str, i64, Option<i64>)], made: &[(&str, i64)], expected: &[usize]) {
        let all = containers.iter().map(|(id, started, ended)| {
            let mut container = ContainerState::default();
            container.id = (*id).to_owned();
            container.runs = vec![Run {
                started: *started,
                ended: ended.map(|at| End {
                    at: Some(at),
                    exit: Some(0),
                }),
            }];
            Arc::new(container)
        });
        let all: Vec<_> = all.collect();
        let before: BTreeSet<String> = containers
            .iter()
            .map(|(id, ..)| (*id).to_owned())
            .filter(|id| id.starts_with('o'))
            .collect();
        let made: BTreeMap<String, i64> = made.iter().map(|(id, at)| ((*id).to_owned(), *at)).collect();
        let told = stages((&before, before.len()), &all, &made);
        assert_eq!(told, expected, "{containers:?}");
    }

    #[test]
    fn those_that_are_replaced_together_are_one_stage() {
        let made = [("n1", 9), ("n2", 9), ("n3", 69), ("n4", 70)];
        // One is slow to start: the old one of the other has gone by then.
        let start_first = [
            ("o1", 0, Some(30)),
            ("o2", 0, Some(65)),
            ("o3", 0, Some(90)),
            ("o4", 0, Some(91)),
            ("n1", 10, None),
            ("n2", 40, None),
            ("n3", 75, None),
            ("n4", 76, None),
        ];
        check_made(&start_first, &made, &[2, 4]);
        let stop_first = [
            ("o1", 0, Some(11)),
            ("o2", 0, Some(20)),
            ("o3", 0, Some(71)),
            ("o4", 0, Some(80)),
            ("n1", 15, None),
            ("n2", 25, None),
            ("n3", 75, None),
            ("n4", 85, None),
        ];
        check_made(&stop_first, &made, &[2, 4]);
        // One after the other, as soon as may be.
        let each = [
            ("o1", 0, Some(10)),
            ("o2", 0, Some(20)),
            ("n1", 12, None),
            ("n2", 22, None),
        ];
        check_made(&each, &[("n1", 9), ("n2", 13)], &[1, 2]);
    }

    /// A new container with a healthcheck, healthy at a moment; it does not end.
    fn checked((id, started, healthy): (&str, i64, i64)) -> Arc<ContainerState> {
        let mut container = ContainerState::default();
        container.id = id.to_owned();
        container.health = Some("healthy".to_owned());
        container.history = vec![Happened {
            at: healthy,
            what: "health_status: healthy".to_owned(),
        }];
        container.runs = vec![Run { started, ended: None }];
        Arc::new(container)
    }

    /// Two at a time, and the second one of each wave is late: it is made when the first one has started and is not yet healthy.
    #[test]
    fn one_with_a_healthcheck_is_on_its_way_until_it_is_healthy() {
        let old = |id: &str, end| {
            let mut container = ContainerState::default();
            container.id = id.to_owned();
            container.runs = vec![Run {
                started: 0,
                ended: Some(End {
                    at: Some(end),
                    exit: Some(0),
                }),
            }];
            Arc::new(container)
        };
        let mut all = vec![old("o1", 25), old("o2", 26), old("o3", 45), old("o4", 46)];
        all.extend([("n1", 10, 20), ("n2", 15, 22), ("n3", 30, 40), ("n4", 35, 42)].map(checked));
        let made = [("n1", 9), ("n2", 14), ("n3", 29), ("n4", 34)];
        let made: BTreeMap<String, i64> = made.map(|(id, at)| (id.to_owned(), at)).into();
        let before: BTreeSet<String> = ["o1", "o2", "o3", "o4"].map(str::to_owned).into();
        assert_eq!(stages((&before, 4), &all, &made), [2, 4]);
        let timeline = timeline(&before, &all, &made);
        assert!(
            timeline.contains("new one is healthy; 1 new and 4 old run"),
            "{timeline}"
        );
    }

    /// With a short delay the next one has begun before the old one of the first has come to its end.
    #[test]
    fn an_old_one_that_ends_slowly_is_not_waited_for() {
        let slow = [
            ("o1", 0, Some(42)),
            ("o2", 0, Some(55)),
            ("n1", 10, None),
            ("n2", 30, None),
        ];
        check_made(&slow, &[("n1", 9), ("n2", 23)], &[1, 2]);
        // The first never ran as it should: nothing was replaced.
        let failed = [
            ("o1", 0, None),
            ("o2", 0, None),
            ("n1", 10, Some(12)),
            ("n2", 20, Some(22)),
        ];
        check(&failed, &[]);
        // The second did not.
        let half = [
            ("o1", 0, Some(12)),
            ("o2", 0, None),
            ("n1", 10, None),
            ("n2", 20, Some(22)),
        ];
        check(&half, &[1]);
    }

    #[test]
    fn the_timeline_tells_each_start_and_end_since_the_first_new_task() {
        let mut old = ContainerState::default();
        old.id = "o1".to_owned();
        let run = |started, ended: Option<i64>| Run {
            started,
            ended: ended.map(|at| End {
                at: Some(at),
                exit: Some(0),
            }),
        };
        old.runs = vec![run(0, Some(4_200_000_000))];
        let mut new = ContainerState::default();
        new.id = "n1".to_owned();
        new.runs = vec![run(2_500_000_000, None)];
        let (before, made) = (["o1".to_owned()].into(), [("n1".to_owned(), 1_000_000_000)].into());
        assert_eq!(
            timeline(&before, &[Arc::new(old), Arc::new(new)], &made),
            "1.50 s: new one starts; 1 new and 1 old run\n3.20 s: old one ends; 1 new and 0 old run"
        );
        assert_eq!(timeline(&before, &[], &made), "no container was made");
    }

    #[test]
    fn a_stage_is_when_as_many_run_as_before() {
        let stop_first = [
            ("o1", 0, Some(10)),
            ("o2", 0, Some(11)),
            ("o3", 0, Some(20)),
            ("o4", 0, Some(22)),
            ("n1", 13, None),
            ("n2", 14, None),
            ("n3", 24, None),
            ("n4", 25, None),
        ];
        check(&stop_first, &[2, 4]);
        let start_first = [
            ("o1", 0, Some(12)),
            ("o2", 1, Some(22)),
            ("n1", 10, None),
            ("n2", 20, None),
        ];
        check(&start_first, &[1, 2]);
        check(&[("o1", 0, None)], &[]);
        // A new one that died, and its successor.
        let died = [("o1", 0, Some(5)), ("n1", 6, Some(7)), ("n2", 8, None)];
        check(&died, &[1]);
    }
}
