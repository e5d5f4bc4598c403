//! The logs of a case's containers: one follower each, from the container's start to its log's end.

mod all;
mod expected;
mod scan;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::engine::EngineResult;
use crate::engine::logs::{Mark, Spools};
use crate::engine::world::State;
use crate::mask::Masks;
use crate::step::inside::is_helper;
use crate::step::{Bound, Case, NodeHandle, Unmarked};

pub(super) use expected::Expecting;
pub(super) use scan::Scan;

/// Marks by the number of the step, or why it made none.
type Marks = BTreeMap<usize, Result<Mark, Unmarked>>;

/// The spools of a case: files in its results, with the names of its stacks.
pub(crate) fn spools(results: &Path, case: &str, masks: &Arc<Masks>) -> Spools {
    Spools::new(results.join("logs"), &format!("e2e-{case}-")).hiding(masks)
}

/// Starts a follower for each container of the case as it appears.
pub(crate) struct LogKeeper {
    case: Arc<Case>,
    /// Ends the watching, also where a panic drops it.
    end: DropGuard,
    tasks: Vec<JoinHandle<()>>,
}

impl LogKeeper {
    /// Watches the case's containers on every node.
    pub(crate) fn start(case: &Arc<Case>) -> LogKeeper {
        let end = CancellationToken::new();
        let tasks = (0..case.nodes.len()).map(|node| tokio::spawn(keep(Arc::clone(case), node, end.clone())));
        LogKeeper {
            case: Arc::clone(case),
            tasks: tasks.collect(),
            end: end.drop_guard(),
        }
    }

    /// Reads the logs to their end, or for so long; who is in a hurry has what is there by then.
    pub(crate) async fn finish(self, limit: Duration, hurry: &CancellationToken) {
        for node in &self.case.nodes {
            self.case.follow_logs(node);
        }
        // Meanwhile those who read are told what becomes of their containers.
        let read = hurry.run_until_cancelled(self.case.spools.finish(limit)).await;
        let read = match read {
            Some(read) => read,
            None => self.case.spools.finish(Duration::ZERO).await,
        };
        drop(self.end);
        for task in self.tasks {
            let _ = task.await;
        }
        if !read {
            self.case.emitter.note("the logs were not read to their end in time");
        }
    }
}

async fn keep(case: Arc<Case>, node: usize, end: CancellationToken) {
    let node = &case.nodes[node];
    loop {
        let state = case.follow_logs(node);
        tokio::select! {
            _ = node.world.changed(state.generation) => {}
            () = end.cancelled() => return,
        }
        if state.away.is_some() {
            return;
        }
    }
}

impl Case {
    /// Follows the logs of what a node has of the case by now, as far as is known.
    fn follow_logs(&self, node: &NodeHandle) -> Arc<State> {
        let state = node.world.snapshot();
        // The removed ones, too: of one that came and went at once, the missing log has to be told.
        let containers = state.ever_with_label(crate::lease::CASE, &self.id).into_iter();
        for container in containers.filter(|container| !is_helper(container)) {
            self.spools.follow(&node.engine, &container);
        }
        state
    }

    /// Marks where the logs are now, if a `since` mentions this step: it begins.
    pub(crate) async fn mark_logs(&self, step: &Bound) {
        if self.marks.contains(&step.number) {
            let mark = self.mark().await;
            let mark = mark.map_err(|why| Unmarked::Unread(why.to_string()));
            self.state().marks.insert(step.number, mark);
        }
    }

    /// Of what was started a moment ago too: of a log without a mark all lines would be taken for later ones.
    async fn mark(&self) -> EngineResult<Mark> {
        for node in &self.nodes {
            node.world.sync().await?;
            self.follow_logs(node);
        }
        self.spools.now().await
    }

    /// A step, and with it those in it, comes up anew: what it marked before is no longer meant.
    pub(crate) fn forget_marks(&self, step: &Bound) {
        self.each_marking(step, &mut |marks, number| drop(marks.remove(&number)));
    }

    /// A step, and with it those in it, does not begin; a mark of one of its rounds stays.
    pub(crate) fn no_marks(&self, step: &Bound, why: &str) {
        self.each_marking(step, &mut |marks, number| {
            marks
                .entry(number)
                .or_insert_with(|| Err(Unmarked::NotBegun(why.to_owned())));
        });
    }

    fn each_marking(&self, step: &Bound, change: &mut dyn FnMut(&mut Marks, usize)) {
        if self.marks.is_empty() {
            return;
        }
        if self.marks.contains(&step.number) {
            change(&mut self.state().marks, step.number);
        }
        for inner in step.inner() {
            self.each_marking(inner, change);
        }
    }
}
