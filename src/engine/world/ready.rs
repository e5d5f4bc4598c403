//! Whether the services of a stack are as they should be: a pure look at the state.

use super::state::{ContainerState, State};
use super::told_apart::shown_among;
use crate::engine::of_the_surroundings;

/// What a service should become, and with how many containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The service.
    pub service: String,
    /// How many replicas; 0 is none, and that is ready.
    pub replicas: u32,
    /// What each of them should become.
    pub becomes: Becomes,
    /// True where all that wait for it start without it, too: then it may end as it likes.
    pub optional: bool,
}

/// What a container should become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    /// Healthy; running if its container has no healthcheck.
    Healthy,
    /// Running.
    Running,
    /// Completed with exit code 0.
    Completed,
}

/// What a look at the state says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All is as it should be.
    Ready,
    /// Not yet: an observation for each service that is not ready.
    NotYet(Vec<String>),
    /// It cannot become so any more.
    Dead(Vec<Dead>),
}

/// A container that cannot become what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// Its service.
    pub service: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Why, reading on from the service's name: "exited with code 3".
    pub why: String,
    /// True where the engine could not start it for the sake of what is around it: that says nothing of the service.
    pub refused: bool,
}

enum One {
    Good,
    NotYet(String),
    /// Its restart policy starts it again and again, or has just done so.
    Again(String),
    Dead(String),
    /// The engine could not give it what it needs, a port for one.
    Refused(String),
}

/// So many restarts while all else is as it should be are a crash loop. Docker waits twice as long before each, so they take
/// half a minute: whatever such a container might still wait for, it is there.
const TOO_OFTEN: u64 = 8;

/// Judges the services of a project. A container that was restarted and has no health to show runs only once it is
/// `steady`: from one moment to the next it cannot be told from one that crashes again and again.
pub fn readiness(state: &State, project: &str, wanted: &[Wanted], steady: impl Fn(&ContainerState) -> bool) -> Verdict {
    let mut dead = Vec::new();
    let mut not_yet = Vec::new();
    let mut looping = Vec::new();
    for service in wanted.iter().filter(|service| service.replicas > 0) {
        let containers = state.of_service(project, &service.service);
        let mut good = 0;
        let mut seen = Vec::new();
        let died = |container: &ContainerState, why: String, refused: bool| Dead {
            service: service.service.clone(),
            id: container.id.clone(),
            name: container.name.clone(),
            why,
            refused,
        };
        for container in &containers {
            let named = |observed| format!("`{}` {observed}", shown_among(container, &containers));
            match judge(container, service.becomes, steady(container)) {
                One::Good => good += 1,
                One::Dead(_) if service.optional => good += 1,
                One::NotYet(observed) => seen.push(named(observed)),
                // One that is to complete may fail until what it waits for is there: that is what its restarts are for.
                One::Again(observed) if container.restarts >= TOO_OFTEN && service.becomes != Becomes::Completed => {
                    let why = format!("is started again and again{}", facts(container));
                    looping.push((named(observed), died(container, why, false)));
                }
                One::Again(observed) => seen.push(named(observed)),
                One::Dead(why) => dead.push(died(container, why, false)),
                One::Refused(why) => dead.push(died(container, why, true)),
            }
        }
        if good < service.replicas && seen.is_empty() && looping.is_empty() {
            seen.push(missing(&service.service, containers.len(), service.replicas));
        }
        not_yet.append(&mut seen);
    }
    let (observed, looping): (Vec<_>, Vec<_>) = looping.into_iter().unzip();
    if not_yet.is_empty() {
        dead.extend(looping);
    } else {
        not_yet.extend(observed);
    }
    match (dead.is_empty(), not_yet.is_empty()) {
        (false, _) => Verdict::Dead(dead),
        (true, false) => Verdict::NotYet(not_yet),
        (true, true) => Verdict::Ready,
    }
}

fn missing(service: &str, there: usize, wanted: u32) -> String {
    match there {
        0 => format!("`{service}` has no container yet"),
        _ => format!("`{service}` has {there} of {wanted} containers"),
    }
}

fn judge(container: &ContainerState, becomes: Becomes, steady: bool) -> One {
    // Of one that ran before, the engine tells the refused start as its end.
    if !container.is_running() && of_the_surroundings(&container.error) {
        return One::Refused(format!("could not be started: {}", container.error));
    }
    if container.will_restart() && !container.is_running() {
        return One::Again(format!("is restarting{}", facts(container)));
    }
    if container.has_ended() {
        return match (becomes, container.exit) {
            (Becomes::Completed, Some(0)) => One::Good,
            _ if container.oom_killed => One::Dead(format!("was killed for its memory{}", restarted(container))),
            (_, Some(code)) => One::Dead(format!("exited with code {code}{}", restarted(container))),
            (_, None) => One::Dead(format!("is {}{}", container.state, restarted(container))),
        };
    }
    if !container.is_running() {
        return match container.error.as_str() {
            "" => One::NotYet(format!("is {}", container.state)),
            error => One::Dead(format!("could not be started: {error}")),
        };
    }
    match (becomes, container.health.as_deref()) {
        (Becomes::Completed, _) => One::NotYet(format!("is still running{}", facts(container))),
        (Becomes::Healthy, Some("healthy")) => One::Good,
        (Becomes::Running, _) if steady => One::Good,
        // An event said that something is new and the engine is being asked: what was known may be old.
        (Becomes::Healthy, health) if !container.settled => One::NotYet(format!(
            "is {} (health: {})",
            container.state,
            health.unwrap_or("not known yet")
        )),
        (Becomes::Healthy, None) if steady => One::Good,
        (Becomes::Running, _) | (Becomes::Healthy, None) => {
            One::Again(format!("has not run for long yet{}", facts(container)))
        }
        (Becomes::Healthy, Some("unhealthy")) => One::Dead(format!("is unhealthy{}", restarted(container))),
        (Becomes::Healthy, Some(health)) => {
            One::NotYet(format!("is {} (health: {health}{})", container.state, again(container)))
        }
    }
}

fn restarts(container: &ContainerState) -> Option<String> {
    match container.restarts {
        0 => None,
        1 => Some("1 restart".into()),
        count => Some(format!("{count} restarts")),
    }
}

/// ` after 2 restarts`, where there were some.
fn restarted(container: &ContainerState) -> String {
    restarts(container).map_or_else(String::new, |count| format!(" after {count}"))
}

/// `, 2 restarts, last exit code 1`, as far as there is something to say.
fn again(container: &ContainerState) -> String {
    told(container).iter().map(|fact| format!(", {fact}")).collect()
}

/// ` (2 restarts, last exit code 1)`, as far as there is something to say.
fn facts(container: &ContainerState) -> String {
    let all = told(container);
    if all.is_empty() {
        String::new()
    } else {
        format!(" ({})", all.join(", "))
    }
}

/// How often it was restarted, and how it ended last.
fn told(container: &ContainerState) -> Vec<String> {
    let mut runs = container.runs.iter().rev();
    let last = runs.find_map(|run| run.ended.and_then(|end| end.exit));
    let last = last.map(|code| format!("last exit code {code}"));
    restarts(container).into_iter().chain(last).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::engine::world::{End, Run};

    fn wanted(becomes: Becomes) -> Wanted {
        Wanted {
            service: "db".into(),
            replicas: 1,
            becomes,
            optional: false,
        }
    }

    /// Judges one container as described, `db` of `shop`, unless it is told otherwise.
    fn judge(becomes: Becomes, describe: impl FnOnce(&mut ContainerState)) -> Verdict {
        let mut container = ContainerState {
            id: "1".into(),
            name: "shop-db-1".into(),
            ..ContainerState::default()
        };
        container.project = "shop".into();
        container.service = "db".into();
        container.number = 1;
        container.state = "running".into();
        container.settled = true;
        container.restart_policy = ("no".into(), 0);
        describe(&mut container);
        let containers = BTreeMap::from([("1".to_owned(), Arc::new(container))]);
        readiness(
            &State {
                containers,
                ..State::default()
            },
            "shop",
            &[wanted(becomes)],
            |container| container.restarts == 0,
        )
    }

    fn not_yet(seen: &str) -> Verdict {
        Verdict::NotYet(vec![seen.into()])
    }

    fn dead(why: &str) -> Verdict {
        Verdict::Dead(vec![Dead {
            service: "db".into(),
            id: "1".into(),
            name: "shop-db-1".into(),
            why: why.into(),
            refused: false,
        }])
    }

    #[test]
    fn readiness_tells_what_it_sees() {
        use Becomes::{Healthy, Running};
        let state = |state: &'static str| move |it: &mut ContainerState| it.state = state.into();
        assert_eq!(judge(Running, |_| ()), Verdict::Ready);
        assert_eq!(judge(Running, state("paused")), Verdict::Ready);
        assert_eq!(judge(Running, state("created")), not_yet("`db` is created"));
        assert_eq!(judge(Running, |it| it.number = 2), Verdict::Ready);
        assert_eq!(
            judge(Running, |it| it.removed = true),
            not_yet("`db` has no container yet")
        );
        assert_eq!(
            judge(Running, |it| it.one_off = true),
            not_yet("`db` has no container yet")
        );
        assert_eq!(
            judge(Running, |it| it.project = "other".into()),
            not_yet("`db` has no container yet")
        );
        let refused = |it: &mut ContainerState| {
            it.state = "created".into();
            it.error = "no such file".into();
        };
        assert_eq!(judge(Running, refused), dead("could not be started: no such file"));
        let unsettled = |it: &mut ContainerState| {
            it.settled = false;
            it.health = Some("unhealthy".into());
        };
        assert_eq!(
            judge(Healthy, unsettled),
            not_yet("`db` is running (health: unhealthy)")
        );
    }

    #[test]
    fn what_the_engine_could_not_give_is_told_apart_from_what_the_service_asks_for() {
        let refused = |error: &'static str, state: &'static str| {
            let verdict = judge(Becomes::Running, move |it| {
                it.state = state.into();
                it.exit = Some(128);
                it.error = error.into();
            });
            match verdict {
                Verdict::Dead(dead) => Some(dead[0].refused),
                _ => None,
            }
        };
        let port = "driver failed programming external connectivity on endpoint db: port is already allocated";
        assert_eq!(refused(port, "created"), Some(true));
        assert_eq!(refused(port, "exited"), Some(true));
        assert_eq!(refused(port, "running"), None);
        let command = "runc create failed: exec: \"nosuch\": executable file not found in $PATH: unknown";
        assert_eq!(refused(command, "created"), Some(false));
    }

    #[test]
    fn readiness_of_what_has_ended() {
        use Becomes::{Completed, Healthy, Running};
        let completed_unhealthy = |it: &mut ContainerState| {
            it.state = "exited".into();
            it.exit = Some(0);
            it.health = Some("unhealthy".into());
        };
        assert_eq!(judge(Completed, completed_unhealthy), Verdict::Ready);
        assert_eq!(judge(Healthy, completed_unhealthy), dead("exited with code 0"));
        let asked = |it: &mut ContainerState| {
            it.state = "exited".into();
            it.exit = Some(1);
            it.restart_policy = ("always".into(), 0);
            it.settled = false;
        };
        assert_eq!(judge(Running, asked), not_yet("`db` is restarting"));
        let two = vec![Wanted {
            service: "db".into(),
            replicas: 2,
            becomes: Running,
            optional: false,
        }];
        assert_eq!(
            readiness(&State::default(), "shop", &two, |_| true),
            not_yet("`db` has no container yet")
        );
        assert_eq!(readiness(&State::default(), "shop", &[], |_| true), Verdict::Ready);
    }

    #[test]
    fn one_that_restarts_again_and_again_is_not_up() {
        use Becomes::{Completed, Healthy, Running};
        let restarted = |count: u64, state: &'static str, health: Option<&'static str>| {
            move |it: &mut ContainerState| {
                it.state = state.into();
                it.restarts = count;
                it.restart_policy = ("always".into(), 0);
                it.health = health.map(str::to_owned);
                let end = End {
                    at: Some(2),
                    exit: Some(3),
                };
                it.runs = vec![Run {
                    started: 1,
                    ended: Some(end),
                }];
            }
        };
        let young = "`db` has not run for long yet (1 restart, last exit code 3)";
        assert_eq!(judge(Running, restarted(1, "running", None)), not_yet(young));
        assert_eq!(judge(Healthy, restarted(1, "running", None)), not_yet(young));
        assert_eq!(judge(Healthy, restarted(9, "running", Some("healthy"))), Verdict::Ready);
        let starting = not_yet("`db` is running (health: starting, 2 restarts, last exit code 3)");
        assert_eq!(judge(Healthy, restarted(2, "running", Some("starting"))), starting);
        let again = not_yet("`db` is restarting (7 restarts, last exit code 3)");
        assert_eq!(judge(Running, restarted(7, "restarting", None)), again);
        let loops = dead("is started again and again (8 restarts, last exit code 3)");
        assert_eq!(judge(Running, restarted(8, "restarting", None)), loops);
        assert_eq!(judge(Healthy, restarted(8, "running", None)), loops);
        let again = not_yet("`db` is restarting (20 restarts, last exit code 3)");
        assert_eq!(judge(Completed, restarted(20, "restarting", None)), again);
    }
}
