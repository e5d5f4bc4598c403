//! What messages call containers of which there are several: replicas, and those that were one replica after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ContainerState;

/// What containers are called, by id: as `shown` says; of those that were one replica, each told apart by its turn:
/// `web.2 (first container)`.
pub fn told_apart(containers: &[Arc<ContainerState>]) -> BTreeMap<String, String> {
    let mut replicas: BTreeMap<_, Vec<&Arc<ContainerState>>> = BTreeMap::new();
    for container in containers {
        let is_replica = !container.service.is_empty() && !container.one_off;
        let alone = if is_replica { "" } else { container.id.as_str() };
        let replica = (&container.project, &container.service, container.number, alone);
        replicas.entry(replica).or_default().push(container);
    }
    let mut names = BTreeMap::new();
    for mut turns in replicas.into_values() {
        turns.sort_by_key(|container| container.begun());
        let several = turns.len() > 1;
        names.extend(turns.iter().zip(1..).map(|(container, turn)| {
            let shown = shown_among(container, containers);
            let name = if several {
                format!("{shown} ({} container)", ordinal(turn))
            } else {
                shown
            };
            (container.id.clone(), name)
        }));
    }
    names
}

/// What a container is called: as it is shown; the first of several replicas is `web.1`, so that it is not taken for all.
pub fn shown_among<'c>(container: &ContainerState, all: impl IntoIterator<Item = &'c Arc<ContainerState>>) -> String {
    let is_replica = |one: &ContainerState| !one.service.is_empty() && !one.one_off;
    let other = |one: &Arc<ContainerState>| {
        is_replica(one)
            && (&one.project, &one.service) == (&container.project, &container.service)
            && one.number != container.number
    };
    let is_first = is_replica(container) && container.number <= 1;
    match is_first && all.into_iter().any(other) {
        true => format!("{}.{}", container.service, container.number.max(1)),
        false => container.shown(),
    }
}

fn ordinal(number: usize) -> String {
    match number {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        more => match (more % 10, more % 100) {
            (1, rest) if rest != 11 => format!("{more}st"),
            (2, rest) if rest != 12 => format!("{more}nd"),
            (3, rest) if rest != 13 => format!("{more}rd"),
            _ => format!("{more}th"),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{ordinal, told_apart};
    use crate::engine::world::{ContainerState, Happened};

    #[test]
    fn containers_of_one_replica_are_told_apart_by_their_turn() {
        let container = |id: &str, service: &str, number: u32, at: i64| {
            let what = "create".to_owned();
            Arc::new(ContainerState {
                id: id.to_owned(),
                name: format!("{service}-x"),
                service: service.to_owned(),
                number,
                history: vec![Happened { at, what }],
                ..ContainerState::default()
            })
        };
        let all = [
            container("c", "web", 2, 30),
            container("b", "web", 2, 20),
            container("a", "web", 1, 10),
            container("d", "", 0, 40),
            container("e", "", 0, 50),
        ];
        let names: Vec<String> = told_apart(&all).into_values().collect();
        let expected = [
            "web.1",
            "web.2 (first container)",
            "web.2 (second container)",
            "-x",
            "-x",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn turns_are_counted_in_words() {
        let words = [1, 2, 3, 4, 11, 12, 21, 22, 33, 111].map(ordinal);
        let expected = [
            "first", "second", "third", "4th", "11th", "12th", "21st", "22nd", "33rd", "111th",
        ];
        assert_eq!(words, expected);
    }
}
