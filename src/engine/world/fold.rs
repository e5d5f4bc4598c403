//! Events and answers folded into a container's state.
//!
//! An event tells that something happened, not always what is now: events come late, and after a reconnect some are
//! older than what the engine has already answered. So starts and ends count by the engine's own times, and all else
//! (health, pauses, whether a restart policy acts) is asked when an event says that it has changed.

use super::state::{ContainerState, End, Happened, Run};
use crate::engine::{Container, EngineEvent};

/// The most that is kept of what happened to one container.
const HISTORY: usize = 500;

impl ContainerState {
    /// A container of which so far only an event is known.
    pub(super) fn of_event(event: &EngineEvent) -> ContainerState {
        let mut container = ContainerState {
            id: event.id.clone(),
            state: "created".into(),
            ..Self::default()
        };
        let mut labels = event.attributes.clone();
        container.name = labels.remove("name").unwrap_or_default();
        container.image = labels.remove("image").unwrap_or_default();
        container.name_by_labels(labels);
        container
    }

    /// Folds an event; true if the engine has to be asked.
    pub(super) fn fold(&mut self, event: &EngineEvent) -> bool {
        self.remember(event);
        match event.action.as_str() {
            "start" => self.started(event.at),
            "die" => self.died(
                event.at,
                event.attributes.get("exitCode").and_then(|code| code.parse().ok()),
            ),
            "kill" => {
                // Of a run before the one that is known it says nothing.
                self.by_hand |= self.runs.last().is_some_and(|run| run.started <= event.at);
                false
            }
            "oom" => {
                self.oom_killed |= self.runs.last().is_some_and(|run| run.started <= event.at);
                false
            }
            "stop" => {
                self.stopped |= self.runs.last().is_some_and(|run| run.started <= event.at);
                false
            }
            "destroy" => {
                (self.removed, self.destroyed) = (true, true);
                self.settled = true;
                self.version += 1;
                false
            }
            "create" | "rename" | "pause" | "unpause" | "update" => self.open(),
            health if health.starts_with("health_status") => self.open(),
            _ => false,
        }
    }

    /// Something has changed that only the engine can tell.
    fn open(&mut self) -> bool {
        self.version += 1;
        self.settled = self.removed;
        !self.removed
    }

    fn started(&mut self, at: i64) -> bool {
        match self.runs.last() {
            Some(run) if run.started > at => false,
            Some(Run {
                ended: Some(End { at: Some(ended), .. }),
                ..
            }) if *ended >= at => false,
            // The engine has told of this run already, or an end was missed.
            Some(Run { ended: None, .. }) => self.open(),
            _ => {
                self.runs.push(Run {
                    started: at,
                    ended: None,
                });
                self.state = "running".into();
                self.exit = None;
                // That an earlier start was refused is over.
                self.error.clear();
                self.oom_killed = false;
                (self.by_hand, self.stopped) = (false, false);
                self.version += 1;
                if self.health.is_some() {
                    self.health = Some("starting".into());
                }
                false
            }
        }
    }

    fn died(&mut self, at: i64, exit: Option<i64>) -> bool {
        let end = End { at: Some(at), exit };
        let Some(index) = self.runs.iter().rposition(|run| run.started <= at) else {
            // Its start was never seen, and neither was a later one.
            if self.runs.is_empty() {
                self.runs.push(Run {
                    started: at,
                    ended: Some(end),
                });
                return self.open();
            }
            return false;
        };
        let newest = index + 1 == self.runs.len();
        let run = &mut self.runs[index];
        if let Some(known) = &mut run.ended {
            known.at = known.at.or(Some(at));
            known.exit = known.exit.or(exit);
            return false;
        }
        run.ended = Some(end);
        if !newest {
            return false;
        }
        self.exit = exit;
        self.version += 1;
        self.state = "exited".into();
        // Whether its policy starts it again, only the engine knows.
        if self.restart_policy.0 != "no" && !self.removed {
            return self.open();
        }
        false
    }

    /// Takes an answer of the engine.
    pub(super) fn take(&mut self, container: &Container) {
        self.describe(container);
        let (started, finished) = (nanos(&container.started_at), nanos(&container.finished_at));
        if started > 0 {
            match self.runs.last_mut() {
                Some(run) if run.ended.is_none() && run.started < started => {
                    run.ended = Some(End { at: None, exit: None });
                    self.runs.push(Run { started, ended: None });
                    self.stopped = false;
                }
                Some(Run {
                    ended: Some(End { at, .. }),
                    started: begun,
                }) if at.unwrap_or(*begun) < started => {
                    self.runs.push(Run { started, ended: None });
                    self.stopped = false;
                }
                None => self.runs.push(Run { started, ended: None }),
                Some(_) => {}
            }
        }
        let ended = matches!(self.state.as_str(), "exited" | "dead" | "restarting");
        if let Some(run) = self
            .runs
            .last_mut()
            .filter(|run| ended && run.ended.is_none() && finished >= run.started.min(started))
        {
            run.ended = Some(End {
                at: Some(finished),
                exit: container.exit,
            });
        }
    }

    /// It is not in the engine's list any more.
    pub(super) fn vanish(&mut self) {
        self.removed = true;
        self.settled = true;
        self.version += 1;
        if let Some(run) = self.runs.last_mut().filter(|run| run.ended.is_none()) {
            run.ended = Some(End { at: None, exit: None });
        }
    }

    fn remember(&mut self, event: &EngineEvent) {
        let attribute = |name: &str| event.attributes.get(name).map(|value| format!(" ({name} {value})"));
        let extra = attribute("exitCode").or(attribute("signal")).unwrap_or_default();
        let happened = Happened {
            at: event.at,
            what: format!("{}{extra}", event.action),
        };
        // After a reconnect the engine tells the last ones again.
        if self.history.len() < HISTORY && !self.history.contains(&happened) {
            self.history.push(happened);
        }
    }
}

/// Docker's time as nanoseconds of Unix time; 0 for never.
pub(crate) fn nanos(time: &str) -> i64 {
    let parsed = time.parse::<jiff::Timestamp>().ok();
    parsed
        .and_then(|time| i64::try_from(time.as_nanosecond()).ok())
        .filter(|time| *time > 0)
        .unwrap_or(0)
}

/// True for an event that the fold has a use for: commands in containers tell of themselves, many a second.
pub(super) fn is_of_use(event: &EngineEvent) -> bool {
    let idle = [
        "exec_",
        "top",
        "attach",
        "detach",
        "resize",
        "export",
        "archive-path",
        "extract-to-dir",
        "copy",
    ];
    match event.of.as_str() {
        "container" => !idle.iter().any(|prefix| event.action.starts_with(prefix)),
        // Containers that come and go on them are told of by themselves.
        "network" | "volume" => !matches!(event.action.as_str(), "connect" | "disconnect" | "mount" | "unmount"),
        "image" | "service" | "node" | "secret" | "config" => true,
        _ => false,
    }
}
