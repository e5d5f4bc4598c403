//! Why services of a swarm do not get there: their tasks fail, end again and again, or their update is undone.

use std::time::Duration;

use super::converge::current;
use super::eligible::meets;
use super::{Failed, Look, Rules, Service, SwarmNode, Task, UpdateStatus};
use crate::event::times_text;

/// So many tasks may fail in a place whose restart policy has others follow: until what they need is there.
const FOLLOWED: usize = 3;
/// Of those whose healthcheck failed as often as it may, and never succeeded: each of them had its time.
const NEVER_HEALTHY: usize = 1;
/// So often a task may complete in a place that is to run: then it is certain that it always will.
const COMPLETED: usize = 3;
/// For so long at most a task has to run after others of its place have failed.
const PROVEN: Duration = Duration::from_secs(10);

/// How the swarm says that it has ended a task for its health.
const UNHEALTHY: &str = "unhealthy container";
/// How an engine says that it cannot start a command: what it wanted to execute, and then why not.
const COMMAND: &str = "exec: \"";
/// Why not, where that lies in the image.
const UNEXECUTABLE: [&str; 4] = [
    "executable file not found",
    "no such file or directory",
    "permission denied",
    "exec format error",
];
/// How it says that the image does not have the user, or the group.
const UNKNOWN: [&str; 2] = [
    "no matching entries in passwd file",
    "no matching entries in group file",
];

impl Service {
    /// How many failed tasks in a place are borne: what was rejected, is not followed by another one, or has no command in
    /// its image does not mend itself. All else may wait for another service, and what it needs is there the next time.
    fn bears(&self, task: &Task, tasks: &[&Task], look: &Look) -> usize {
        let is_followed = self.template["RestartPolicy"]["Condition"] != "none" && !self.is_given_up(task, tasks);
        let life = task.container.as_ref().and_then(|id| look.lives.get(id));
        if task.state == "rejected" || !is_followed || self.is_incurable(task, look) {
            0
        } else if task.error.contains(UNHEALTHY) && life.is_some_and(|life| !life.was_healthy) {
            NEVER_HEALTHY
        } else {
            FOLLOWED
        }
    }

    /// True for a task that could not be started for what its image is, where those that follow it have the same one: what is
    /// mounted may get the command later, and another node may know another image by that name.
    fn is_incurable(&self, task: &Task, look: &Look) -> bool {
        let of_command = task.error.split_once(COMMAND);
        let is_of_image = of_command.is_some_and(|(_, said)| UNEXECUTABLE.iter().any(|why| said.contains(why)))
            || UNKNOWN.iter().any(|why| task.error.contains(why));
        let mounts = self.template["ContainerSpec"]["Mounts"].as_array();
        let nodes = look.nodes.iter().filter(|node| meets(&self.template, node));
        is_of_image && mounts.is_none_or(Vec::is_empty) && (self.is_global() || nodes.count() <= 1)
    }
}

/// The tasks of what a service is now that have come to some end since it was waited for, in that order.
fn news<'t>(
    service: &Service,
    tasks: &[&'t Task],
    look: &Look,
    rules: &Rules,
    ended: impl Fn(&Task) -> bool,
) -> Vec<&'t Task> {
    // How one ends whose place is scaled away is no matter.
    let is_news = |task: &&Task| {
        let counts = ended(task) && task.desired != "remove";
        counts && !rules.known.contains(&task.id) && service.made(task, &look.nodes)
    };
    let mut news: Vec<&Task> = tasks.iter().copied().filter(is_news).collect();
    news.sort_by_key(|task| task.at);
    news
}

/// Why a service has failed, if it has.
pub(super) fn failure(service: &Service, tasks: &[&Task], look: &Look, rules: &Rules) -> Option<Failed> {
    let failed = |task: Option<&Task>, why: String| Failed {
        service: service.name.clone(),
        task: task.cloned(),
        why,
        begins_again: false,
    };
    if let Some(undone) = undone(service, rules) {
        let named = named(service, tasks).filter(|task| !task.has_ended());
        if let Some(lost) = named.filter(|task| is_lost(task, &look.nodes)) {
            return Some(failed(Some(lost), format!("{undone}; its node is away")));
        }
        // A look is not of one moment: the next one has its end, too.
        if named.is_some() {
            return None;
        }
        let culprit = culprit(service, tasks, look, rules);
        let end = culprit.map(|task| format!("; it {}", end_of(task)));
        return Some(failed(culprit, format!("{undone}{}", end.unwrap_or_default())));
    }
    // Those of a former version that wait for their turn may fail: they are what is being mended.
    let news = news(service, tasks, look, rules, Task::has_failed);
    let before = |task: &Task| {
        let same = |other: &&&Task| service.place(other) == service.place(task) && other.at <= task.at;
        news.iter().filter(same).count()
    };
    let over = |task: &&&Task| before(task) > rules.may_fail.unwrap_or_else(|| service.bears(task, tasks, look));
    if let Some(one) = news.iter().rev().filter(|_| is_judged(service, rules)).find(over) {
        let count = match before(one) {
            1 => String::new(),
            count => format!("; so did {} before it", count - 1),
        };
        return Some(failed(Some(one), format!("{}{count}", end_of(one))));
    }
    let completed = completions(service, tasks, look, rules);
    (completed >= COMPLETED && is_judged(service, rules)).then(|| Failed {
        begins_again: true,
        ..failed(None, begun_again(completed))
    })
}

/// True where it counts how tasks end: where the swarm's own judgement is waited for, not before it says that all is updated.
fn is_judged(service: &Service, rules: &Rules) -> bool {
    let is_completed = || {
        service
            .update
            .as_ref()
            .is_some_and(|update| update.state == "completed")
    };
    !rules.to_the_end || is_completed()
}

/// How an update stands, and what of it has failed by now: "its update is `updating`, 7 tasks have failed, the last: …".
pub fn standing(service: &Service, look: &Look, rules: &Rules) -> Option<String> {
    let tasks: Vec<&Task> = look.tasks.iter().filter(|task| task.service == service.id).collect();
    let news = news(service, &tasks, look, rules, Task::has_failed);
    let update = service
        .update
        .as_ref()
        .map(|update| format!("its update is `{}`", update.state));
    let failed = news.last().map(|last| {
        let count = match news.len() {
            1 => "one task has failed".to_owned(),
            count => format!("{count} tasks that the swarm still knows have failed, the last"),
        };
        let why = if last.error.is_empty() {
            &last.message
        } else {
            &last.error
        };
        format!("{count}: {why}")
    });
    let told: Vec<String> = update.into_iter().chain(failed).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// How often tasks have completed in the same place of a service that is to run, and others followed them.
pub(super) fn completions(service: &Service, tasks: &[&Task], look: &Look, rules: &Rules) -> usize {
    if service.is_job() || service.may_complete() || rules.completes.contains(&service.name) {
        return 0;
    }
    let news = news(service, tasks, look, rules, |task| task.state == "complete");
    let same = |task: &Task| {
        news.iter()
            .filter(|other| service.place(other) == service.place(task))
            .count()
    };
    news.iter().map(|task| same(task)).max().unwrap_or_default()
}

/// A service whose tasks have completed, and others followed them.
pub fn begins_again<'l>(look: &'l Look, rules: &Rules) -> Option<&'l str> {
    let has_completed = |service: &&Service| {
        let tasks: Vec<&Task> = look.tasks.iter().filter(|task| task.service == service.id).collect();
        completions(service, &tasks, look, rules) > 0
    };
    let mut services = look.services.iter();
    services.find(has_completed).map(|service| service.name.as_str())
}

/// What is said of tasks that complete and are followed by others.
pub(super) fn begun_again(count: usize) -> String {
    let times = times_text(count as u64);
    format!("it completed {times}, and its restart policy starts it again")
}

/// The task that an update was undone for, and how it ended, of a service whose update was.
pub fn undone_by(look: &Look) -> Option<(&Service, &Task, String)> {
    let rules = Rules::default();
    look.services.iter().find_map(|service| {
        undone(service, &rules)?;
        let tasks: Vec<&Task> = look.tasks.iter().filter(|task| task.service == service.id).collect();
        let task = culprit(service, &tasks, look, &rules)?;
        Some((service, task, end_of(task)))
    })
}

/// The task that the swarm names as the reason.
fn named<'t>(service: &Service, tasks: &[&'t Task]) -> Option<&'t Task> {
    let (_, id) = service.update.as_ref()?.message.rsplit_once(" task ")?;
    tasks.iter().copied().find(|task| task.id == id)
}

/// True for a task of whose end nobody tells: its node is down, or no longer of the swarm.
fn is_lost(task: &Task, nodes: &[SwarmNode]) -> bool {
    let node = nodes.iter().find(|node| node.id == task.node);
    !task.node.is_empty() && node.is_none_or(|node| node.state == "down")
}

/// That one. Where it names none, as once all is rolled back, it is the first that failed of what was undone: those that
/// followed it, and those that went back, may have failed of the change itself. Else the last one that failed.
fn culprit<'t>(service: &Service, tasks: &[&'t Task], look: &Look, rules: &Rules) -> Option<&'t Task> {
    let is_why = |task: &&Task| task.has_failed() || task.state == "complete";
    let is_news = |task: &&Task| task.has_failed() && !rules.known.contains(&task.id);
    let news = || tasks.iter().copied().filter(is_news);
    let last = || news().max_by_key(|task| task.at);
    let undone = || {
        let is_back = |update: &UpdateStatus| update.state == "rollback_completed";
        service.update.as_ref().filter(|update| is_back(update))?;
        let undone = news().filter(|task| !service.made(task, &look.nodes));
        let template = &undone.max_by_key(|task| task.at)?.template;
        news()
            .filter(|task| task.template == *template)
            .min_by_key(|task| task.at)
    };
    named(service, tasks).filter(is_why).or_else(undone).or_else(last)
}

/// How the swarm says that an update did not complete.
pub(super) fn undone(service: &Service, rules: &Rules) -> Option<String> {
    let update = service
        .update
        .as_ref()
        .filter(|_| !rules.to_the_end && !rules.unchanged)?;
    let what = match update.state.as_str() {
        "paused" => "its update is paused",
        "rollback_paused" => "its rollback is paused",
        "rollback_completed" if !rules.rolls_back => "its update was rolled back",
        _ => return None,
    };
    // The swarm says that first, too: "update paused due to failure or early termination of task x", "rollback completed".
    Some(match update.message.split_once(" due to ") {
        // Which task that was, in the swarm's own numbers, helps nobody; how it ended is told beside.
        Some((_, why)) if why.contains(" of task") => format!("{what}, since a task failed or ended early"),
        Some((_, why)) => format!("{what} due to {why}"),
        None if update.message == "rollback completed" => what.to_owned(),
        None => format!("{what}: {}", update.message),
    })
}

/// How a task failed: "was rejected: No such image".
pub(super) fn end_of(task: &Task) -> String {
    let verb = match task.state.as_str() {
        "complete" => return "completed".to_owned(),
        "rejected" => "was rejected",
        _ => "failed",
    };
    let why = if task.error.is_empty() {
        &task.message
    } else {
        &task.error
    };
    // The engine tells no more of an image that it has tried to pull.
    let pulled = match why.contains("No such image") {
        true => " (it is not there, and could not be pulled)",
        false => "",
    };
    format!("{verb}: {why}{pulled}")
}

/// A task that runs where others have ended before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Restarted {
    /// The service's name in the swarm.
    pub service: String,
    /// The last task that has ended.
    pub task: Task,
    /// How it ended: "failed: task: non-zero exit (1)".
    pub end: String,
    /// How many tasks of the service have ended so.
    pub count: usize,
    /// How long it has to run, to be no longer what runs between two failures.
    pub proven: Duration,
}

/// Services that run now, and of which tasks have ended since they were waited for: what fails about every second is as it
/// should be in between.
pub fn restarted(look: &Look, rules: &Rules) -> Vec<Restarted> {
    let of = |service: &Service| {
        let tasks: Vec<&Task> = look.tasks.iter().filter(|task| task.service == service.id).collect();
        let now = current(service, &tasks, &look.nodes);
        let runs = |task: &Task| {
            let mut here = now.iter().filter(|now| service.place(now) == service.place(task));
            here.any(|now| now.state == "running")
        };
        let completes = rules.completes.contains(&service.name);
        let ended = |task: &Task| task.has_failed() || task.state == "complete" && !completes;
        let mut news = news(service, &tasks, look, rules, ended);
        news.retain(|task| runs(task));
        let last = *news.last()?;
        let longest = news.iter().map(|task| lasted(task, look)).max().unwrap_or_default();
        Some(Restarted {
            service: service.name.clone(),
            task: last.clone(),
            end: end_of(last),
            count: news.len(),
            proven: (longest + longest / 2).min(PROVEN),
        })
    };
    let services = look.services.iter().filter(|_| !rules.to_the_end);
    services.filter_map(of).collect()
}

/// How long a task's container ran; where that was not seen, at most as long as the task itself was there. One that had none
/// never ran.
fn lasted(task: &Task, look: &Look) -> Duration {
    let Some(container) = &task.container else {
        return Duration::ZERO;
    };
    let life = look.lives.get(container);
    let whole = || Duration::from_nanos(u64::try_from(task.at - task.created).unwrap_or_default());
    life.and_then(|life| life.lasted).unwrap_or_else(whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Rules, ServiceMode, UpdateStatus};
    use super::{Look, Service, Task, failure, undone_by};

    #[test]
    fn what_was_rolled_back_is_told_by_the_first_task_of_it_that_failed() {
        let failed = |at: i64, version: u64, error: &str| Task {
            id: at.to_string(),
            service: "s".into(),
            slot: Some(1),
            state: "failed".into(),
            error: error.into(),
            template: json!({"v": version}),
            at,
            ..Task::default()
        };
        let look = Look {
            services: vec![Service {
                id: "s".into(),
                mode: ServiceMode::Replicated(1),
                template: json!({"v": 1}),
                update: Some(UpdateStatus {
                    state: "rollback_completed".into(),
                    message: "rollback completed".into(),
                }),
                ..Service::default()
            }],
            tasks: vec![
                failed(1, 0, "of long ago"),
                failed(2, 2, "why"),
                failed(3, 2, "network not found"),
                failed(4, 1, "network not found"),
            ],
            ..Look::default()
        };
        let tasks: Vec<&Task> = look.tasks.iter().collect();
        let told = failure(&look.services[0], &tasks, &look, &Rules::default()).unwrap();
        assert_eq!(told.why, "its update was rolled back; it failed: why");
        let (_, task, end) = undone_by(&look).unwrap();
        assert_eq!((&*task.id, &*end), ("2", "failed: why"));
    }
}
