//! Containers that a step took for running as soon as they ran: of one that ended soon after, what fails next tells.

use std::time::Duration;

use super::Cx;
use super::command::TAIL;
use crate::diagnostic::Place;
use crate::engine::world::ContainerState;
use crate::event::{Detail, duration_text};

/// Who has run for so long is taken to run by Docker, too.
const SOON: Duration = Duration::from_secs(10);

/// A container that was taken for running: by which step, and in which of its runs.
#[derive(Debug, Clone)]
pub struct Taken {
    kind: String,
    place: Place,
    run: usize,
}

impl Cx {
    /// Remembers that the step took a container for running.
    pub(super) fn takes_for_running(&self, container: &ContainerState) {
        let Some(run) = container.runs.len().checked_sub(1).filter(|_| container.is_running()) else {
            return;
        };
        let taken = Taken {
            kind: self.step.kind.clone(),
            place: self.span.place(),
            run,
        };
        self.case.state().taken.insert(container.id.clone(), taken);
    }

    /// What to know about a failure: that containers ended by themselves right after a step took them for running. Each is
    /// told once.
    pub async fn explain_taken(&self) -> Vec<Detail> {
        let taken = self.case.state().taken.clone();
        if taken.is_empty() {
            return Vec::new();
        }
        let mut details = Vec::new();
        for node in &self.case.nodes {
            // What fails may be newer than what the event stream has told.
            node.world.sync().await.ok();
            let state = node.world.snapshot();
            for (id, taken) in &taken {
                let Some((container, told)) = state.container(id).and_then(|it| Some((it, taken.told(it)?))) else {
                    continue;
                };
                let case = &mut *self.case.state();
                if case.crashed.contains(id) || case.taken.remove(id).is_none() {
                    continue;
                }
                details.push((told, container.clone()));
            }
        }
        self.tells_ends(details.iter().map(|(_, container)| container));
        let mut explained = Vec::new();
        for (text, container) in details {
            let title = format!("end of `{}`", container.shown());
            explained.push(Detail { title, text });
            let tail = self.case.spools.tail(&container.id, TAIL).await;
            let title = format!("last lines of `{}`", container.shown());
            let text = if tail.is_empty() { "(it wrote nothing)" } else { &tail };
            explained.push(Detail {
                title,
                text: text.to_owned(),
            });
        }
        explained
    }
}

impl Taken {
    /// How it ended soon after, where it did, and nobody made it.
    fn told(&self, container: &ContainerState) -> Option<String> {
        let run = container.runs.get(self.run)?;
        let (ended, is_last) = (run.ended?, container.runs.len() == self.run + 1);
        let (exit, at) = (ended.exit?, ended.at?);
        let lasted = Duration::from_nanos(u64::try_from(at.saturating_sub(run.started)).unwrap_or_default());
        let is_work = exit == 0 && self.kind != "up";
        if !is_last || !container.is_over() || container.by_hand || lasted >= SOON || is_work {
            return None;
        }
        let (kind, place) = (&self.kind, &self.place);
        let longer = lasted.as_secs() + 2;
        let watch = format!("let `{kind}` watch it for longer (`stable-for: {longer}s`)");
        let advice = match container.health {
            Some(_) => format!(": {watch}, or wait until it is healthy (`state-assert`)"),
            None => {
                format!(", as it has no healthcheck: give it one, {watch}, or wait for what it writes (`log-assert`)")
            }
        };
        Some(format!(
            "`{}` ended with code {exit}, {} after its start; the `{kind}` at {place} took it for running{advice}",
            container.shown(),
            duration_text(lasted.as_secs_f64())
        ))
    }
}
