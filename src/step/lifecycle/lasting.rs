//! Containers that were started and run: whether they still do, once all else is done and for as long as they have to.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::describe::described;
use super::super::{Cx, Done, NodeHandle};
use crate::diagnostic::Spanned;
use crate::engine::world::{ContainerState, State, Waited};
use crate::event::{Fault, duration_text};

/// How long they have to go on running when nothing is said: as long as all else of the step takes.
pub(super) fn stable(written: Option<&Spanned<Duration>>) -> Duration {
    written.map_or(Duration::ZERO, |stable| stable.value)
}

/// Containers that a step starts.
pub(super) struct Lasting<'a> {
    cx: &'a Cx,
    node: NodeHandle,
    /// Each with the runs that it had before.
    containers: Vec<(String, usize)>,
    stable: Duration,
}

/// One that ended, with how long it had run.
struct Ended {
    container: Arc<ContainerState>,
    exit: i64,
    lasted: Option<Duration>,
}

impl<'a> Lasting<'a> {
    /// Those that a change starts, and for how long they have to go on; none where it starts none.
    pub(super) fn of(cx: &'a Cx, stable: Option<Duration>, containers: &[(NodeHandle, String)]) -> Option<Self> {
        let stable = stable?;
        let (node, _) = containers.first()?;
        let state = node.world.snapshot();
        let runs = |id: &String| state.container(id).map_or(0, |container| container.runs.len());
        Some(Lasting {
            cx,
            node: node.clone(),
            containers: containers.iter().map(|(_, id)| (id.clone(), runs(id))).collect(),
            stable,
        })
    }

    /// The faults of those that do not run any more: looked at behind a barrier, and for as long as they have to run.
    pub(super) async fn ended(&self) -> Done<Vec<Fault>> {
        let until = Instant::now() + self.stable;
        if !self.stable.is_zero() {
            let text = duration_text(self.stable.as_secs_f64());
            self.cx
                .waiting(&format!("{text} to be over"), "all run, and have to go on");
        }
        let look = |state: &State| Some(self.all_ended(state)).filter(|ended| !ended.is_empty());
        let ended = match self.node.world.until(look, until.min(self.cx.deadline)).await {
            Ok(ended) => ended,
            Err(Waited::Limit) if until > self.cx.deadline => {
                let (limit, setting) = self.cx.passed_limit();
                let message = format!("they did not run for `stable-for` within {limit}");
                return Err(self.cx.failure_with_hint(message, setting));
            }
            Err(Waited::Limit) => Vec::new(),
            Err(Waited::EngineAway(error)) => return Err(vec![self.cx.engine_fault(&error)]),
        };
        self.cx.tells_ends(ended.iter().map(|one| &one.container));
        let mut faults = Vec::new();
        for one in &ended {
            let lasted = one.lasted.map_or_else(String::new, |lasted| {
                format!(", {} after its start", duration_text(lasted.as_secs_f64()))
            });
            let when = match self.stable.is_zero() {
                true => "again at once",
                false => "within `stable-for`",
            };
            let message = format!(
                "`{}` ended {when}, with exit code {}{lasted}",
                one.container.shown(),
                one.exit
            );
            let fault = Fault::failure(message).at(self.cx.span.place());
            faults.push(described(self.cx, &self.node, &one.container.id, fault).await);
        }
        let state = self.node.world.snapshot();
        for container in self.containers.iter().filter_map(|(id, _)| state.container(id)) {
            self.cx.takes_for_running(container);
        }
        Ok(faults)
    }

    /// Those of them that ended otherwise than well after their start.
    fn all_ended(&self, state: &State) -> Vec<Ended> {
        let ended = self.containers.iter().filter_map(|(id, before)| {
            let container = state.container(id)?;
            let mut runs = container.runs.get(*before..)?.iter();
            let (run, end) = runs.find_map(|run| Some((run, run.ended.filter(|end| end.exit != Some(0))?)))?;
            let lasted = end
                .at
                .map(|at| u64::try_from(at.saturating_sub(run.started)).unwrap_or_default());
            Some(Ended {
                container: Arc::clone(container),
                exit: end.exit?,
                lasted: lasted.map(Duration::from_nanos),
            })
        });
        ended.collect()
    }
}
