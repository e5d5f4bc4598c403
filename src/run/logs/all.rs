//! All logs of a case, read on from where they were.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::select_all;

use crate::engine::logs::{LineReader, Mark, Spools, Streams};
use crate::engine::world::{ContainerState, told_apart};
use crate::event::{Fault, ScannedLog};
use crate::step::inside::is_helper;
use crate::step::{Case, ServiceRef};

/// The logs of all containers and background processes that a case ever had, each read from a mark on.
pub(super) struct CaseLogs {
    case: Arc<Case>,
    since: Mark,
    pub(super) logs: BTreeMap<String, CaseLog>,
    /// What messages call each of them.
    names: BTreeMap<String, String>,
}

/// One of them.
pub(super) struct CaseLog {
    /// Its container; none of a process in the background.
    pub(super) container: Option<Arc<ContainerState>>,
    pub(super) reader: LineReader,
}

impl CaseLog {
    /// True for a log of a service.
    pub(super) fn is_of(&self, case: &Case, service: &ServiceRef) -> bool {
        let container = self.container.as_deref();
        container.is_some_and(|container| case.is_of(container, service))
    }
}

impl CaseLogs {
    /// Nothing is read yet.
    pub(super) fn since(case: &Arc<Case>, since: Mark) -> CaseLogs {
        CaseLogs {
            case: Arc::clone(case),
            since,
            logs: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// Where all logs are now, once all that has been written is in their files; those of further containers are opened.
    pub(super) async fn now(&mut self) -> Result<Mark, Fault> {
        let unread = |why: &dyn std::fmt::Display| Fault::error(format!("the logs cannot be read: {why}"));
        for node in &self.case.nodes {
            node.world.sync().await.map_err(|error| unread(&error))?;
        }
        self.open().map_err(|why| *why)?;
        self.case.spools.now().await.map_err(|error| unread(&error))
    }

    /// Opens the logs of containers that are known by now.
    pub(super) fn open(&mut self) -> Result<(), Box<Fault>> {
        let unread = |why: String| Box::new(Fault::error(format!("the logs cannot be read: {why}")));
        let mut known = Vec::new();
        for node in &self.case.nodes {
            let of_node = node.world.snapshot().ever_with_label(crate::lease::CASE, &self.case.id);
            for container in of_node.into_iter().filter(|container| !is_helper(container)) {
                self.case.spools.follow(&node.engine, &container);
                known.push(container);
            }
        }
        self.names = told_apart(&known);
        for container in known {
            let Some(spool) = self.case.spools.spool(&container.id) else {
                continue;
            };
            let (id, from) = (container.id.clone(), self.since.of(&container.id));
            match self.logs.get_mut(&id) {
                Some(log) => log.container = Some(container),
                None => {
                    let reader = spool.map_err(unread)?.reader(Streams::Both, from);
                    let container = Some(container);
                    self.logs.insert(id, CaseLog { container, reader });
                }
            }
        }
        self.open_processes();
        Ok(())
    }

    /// Opens what processes in the background write.
    fn open_processes(&mut self) {
        let processes: Vec<String> = self.case.state().processes.keys().cloned().collect();
        for name in processes {
            let id = Spools::of_process(&name);
            // One that could not be made was told when the process was to start.
            if let Some(Ok(spool)) = self.case.spools.spool(&id) {
                let from = self.since.of(&id);
                self.logs.entry(id).or_insert_with(|| CaseLog {
                    container: None,
                    reader: spool.reader(Streams::Both, from),
                });
            }
        }
    }

    /// How many lines each has by now.
    pub(super) fn lengths(&self) -> BTreeMap<String, u64> {
        let length = |(id, log): (&String, &CaseLog)| (id.clone(), log.reader.spool().progress().lines);
        self.logs.iter().map(length).collect()
    }

    /// Where they are in the results, whose they are, and how many lines of them were looked through.
    pub(super) fn scanned(&self, lengths: &BTreeMap<String, u64>) -> Vec<ScannedLog> {
        let logs = self.logs.iter().filter_map(|(id, log)| {
            // What is hidden since the log was begun is hidden in its file's name at the case's end.
            let file = log.reader.spool().path().file_name()?.to_str()?;
            let file = self.case.emitter.masks.hide(file);
            let of = log.container.as_deref();
            Some(ScannedLog {
                file,
                name: self.name(id),
                project: of.map_or_else(String::new, |of| of.project.clone()),
                service: of.map_or_else(String::new, |of| of.service.clone()),
                number: of.map_or(0, |of| of.number),
                lines: lengths.get(id).copied(),
            })
        });
        logs.collect()
    }

    /// What messages call a container.
    pub(super) fn name(&self, id: &str) -> String {
        let known = self.names.get(id).map(String::as_str);
        known.or_else(|| Spools::process_of(id)).unwrap_or(id).to_owned()
    }

    /// What tells later whether there is another container.
    pub(super) fn generations(&self) -> Vec<u64> {
        let nodes = self.case.nodes.iter();
        nodes.map(|node| node.world.snapshot().generation).collect()
    }

    /// Waits for more lines, an end, or another container than there were.
    pub(super) async fn changed(&mut self, generations: &[u64]) {
        let worlds = self.case.nodes.iter().zip(generations).map(|(node, generation)| {
            let (world, generation) = (node.world.clone(), *generation);
            async move { drop(world.changed(generation).await) }.boxed()
        });
        let logs = self.logs.values_mut().map(|log| log.reader.changed().boxed());
        let changes: Vec<_> = worlds.chain(logs).collect();
        if changes.is_empty() {
            // Without an engine there is nothing to come.
            return std::future::pending().await;
        }
        select_all(changes).await;
    }
}
