//! What the healthchecks of tasks say that do not run yet. No event tells of a probe that failed: they are asked now and then.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::{Converging, SHOWN};
use crate::engine::swarm::{Look, Task};

/// How often they are asked.
const OFTEN: Duration = Duration::from_secs(1);

/// What they said last.
#[derive(Default)]
pub(super) struct Health {
    asked: Option<Instant>,
    pub(super) told: Vec<String>,
}

impl Health {
    /// Asks for what they say, unless that was asked a moment ago.
    pub(super) async fn ask(&mut self, converging: &Converging<'_>, look: &Look) {
        let starts = |task: &&Task| task.state == "starting" && task.is_wanted();
        let starting: Vec<&Task> = look.tasks.iter().filter(starts).collect();
        if starting.is_empty() {
            self.told.clear();
            return;
        }
        if self.asked.is_some_and(|asked| asked.elapsed() < OFTEN) {
            return;
        }
        let starting = starting.into_iter().take(SHOWN);
        let asked = join_all(starting.map(|task| failed_probe(converging, look, task)));
        // An engine that answers late keeps nobody longer than the step may take.
        let told = timeout_at(converging.cx.deadline, asked).await.unwrap_or_default();
        self.told = told.into_iter().flatten().collect();
        self.asked = Some(Instant::now());
    }
}

/// The last probe of a task's container, if that failed.
async fn failed_probe(converging: &Converging<'_>, look: &Look, task: &Task) -> Option<String> {
    let service = look.services.iter().find(|service| service.id == task.service)?;
    let inspected = converging.node.engine.inspect(task.container.as_ref()?).await.ok()?;
    let (exit, output) = inspected.health_log.last().filter(|(exit, _)| *exit != 0)?;
    let named = super::told::named(look, &service.name, task);
    let said = match output.lines().find(|line| !line.trim().is_empty()) {
        Some(line) => line.trim().to_owned(),
        None => format!("exit code {exit}"),
    };
    Some(format!("the healthcheck of {named} failed: {said}"))
}
