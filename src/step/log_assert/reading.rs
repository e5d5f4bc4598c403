//! The logs of a target, read until it is decided what they say.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, select_all};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::super::command::TAIL;
use super::super::{ContainerRef, Cx, Done, NodeHandle, UNPLACED, golden};
use super::seen::{Before, Course, Seen};
use super::{Target, verdict};
use crate::engine::logs::{Block, LastLines, LineReader, Mark, More, Offset, Spools, Streams};
use crate::engine::world::told_apart;
use crate::event::{count_text, duration_text};

/// A log that is read.
pub(super) struct Log {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) reader: LineReader,
    pub(super) course: Course,
    /// What was read last, where only one stream is read.
    pub(super) last: LastLines,
    /// True for one that is read from its first line on.
    pub(super) is_whole: bool,
    /// True for the newest container of its replica.
    pub(super) is_newest: bool,
}

impl Log {
    fn take(&mut self, cx: &Cx) -> Done<Option<Block>> {
        let taken = self.reader.take();
        let taken = taken.map_err(|why| cx.error(format!("the log of `{}` cannot be read: {why}", self.name)))?;
        if self.reader.streams() != Streams::Both {
            taken.iter().for_each(|block| self.last.add(block));
        }
        Ok(taken)
    }
}

/// Reads the logs of a target until it is decided.
pub(super) struct Reading<'a> {
    pub(super) cx: &'a Cx,
    node: NodeHandle,
    pub(super) target: Target,
    pub(super) streams: Streams,
    mark: Mark,
    pub(super) readers: Vec<Log>,
    pub(super) seen: Seen,
    /// What there was before lines were judged that may go on: with the course of each log.
    before: Option<(Before, Vec<Course>)>,
    /// When it was last told how far it is.
    told: Option<Instant>,
    /// Which state of the world its logs were opened by.
    generation: u64,
}

/// How far it is is not told more often than this: a log may grow thousands of times a second.
const TELL: Duration = Duration::from_millis(200);

impl<'a> Reading<'a> {
    /// Nothing is read yet.
    pub(super) fn of(cx: &'a Cx, target: Target, streams: Streams, mark: Mark, seen: Seen) -> Self {
        Reading {
            cx,
            node: node_of(cx, &target),
            target,
            streams,
            mark,
            readers: Vec::new(),
            seen,
            before: None,
            told: None,
            generation: 0,
        }
    }
}

impl Reading<'_> {
    pub(super) async fn run(&mut self) -> Done<Value> {
        self.until_it_holds().await?;
        if let Some(holds) = self.cx.holds {
            self.while_it_holds(holds).await?;
        }
        self.surely()?;
        Ok(self.seen.take_outputs())
    }

    async fn until_it_holds(&mut self) -> Done<()> {
        loop {
            self.open()?;
            let all_read = self.take().await?;
            if self.decided(all_read).await? {
                return Ok(());
            }
            if all_read && !self.wait().await {
                return self.at_the_end().await;
            }
        }
    }

    /// It holds, and has to for so long: what comes meanwhile is judged as it comes, and at the end all that was written
    /// until then.
    async fn while_it_holds(&mut self, holds: Duration) -> Done<()> {
        let since = Instant::now();
        let until = since + holds;
        let observed = format!("it holds; it has to for {}", duration_text(holds.as_secs_f64()));
        self.cx.waiting(&format!("the log of `{}`", self.named()), &observed);
        loop {
            let is_over = Instant::now() >= until;
            self.open()?;
            let all_read = self.take().await?;
            if is_over {
                self.now().await?;
            }
            self.nothing_forbidden().await?;
            if let Err(faults) = self.judge().await {
                let faults = self.told(faults).await;
                return Err(self.cx.not_held(faults, since.elapsed()));
            }
            if is_over {
                return Ok(());
            }
            if all_read {
                self.news(until, pending().boxed()).await;
            }
        }
    }

    /// Opens the logs that were not read yet.
    fn open(&mut self) -> Done<()> {
        self.generation = self.node.world.snapshot().generation;
        if let Target::Process(name) = &self.target {
            let name = name.clone();
            return self.open_one(&Spools::of_process(&name), name);
        }
        let containers = match &self.target {
            Target::Container(target) => self.cx.ever(target),
            Target::Process(_) => Vec::new(),
        };
        let names = told_apart(&containers);
        for (index, container) in containers.iter().enumerate() {
            self.cx.case.spools.follow(&self.node.engine, container);
            let name = names.get(&container.id).cloned().unwrap_or_else(|| container.shown());
            self.open_one(&container.id, name.clone())?;
            // They come by replica, and those of one by age.
            let next = containers.get(index + 1);
            let is_newest = next.is_none_or(|next| next.number != container.number);
            for log in self.readers.iter_mut().filter(|log| log.id == container.id) {
                (log.name, log.is_newest) = (name.clone(), is_newest);
            }
        }
        Ok(())
    }

    fn open_one(&mut self, id: &str, name: String) -> Done<()> {
        if self.readers.iter().any(|log| log.id == id) {
            return Ok(());
        }
        let Some(spool) = self.cx.case.spools.spool(id) else {
            return Ok(());
        };
        let spool = spool.map_err(|why| self.cx.error(why))?;
        let (case, log) = (Arc::clone(&self.cx.case), id.to_owned());
        self.cx.follows(&name, move || case.spools.last_lines(&log, TAIL));
        let from = self.mark.of(id);
        self.readers.push(Log {
            id: id.to_owned(),
            name,
            reader: spool.reader(self.streams, from),
            last: LastLines::of(verdict::TAIL),
            is_whole: from == Offset::default(),
            course: self.seen.course(),
            is_newest: true,
        });
        Ok(())
    }

    /// Takes what is there, a block of each log; true when all of it was taken.
    async fn take(&mut self) -> Done<bool> {
        self.take_back();
        let mut all = true;
        for log in &mut self.readers {
            let Some(block) = log.take(self.cx)? else { continue };
            all = false;
            for line in block.lines() {
                self.seen.line(line, (&log.id, &mut log.course));
            }
        }
        // A log that grows faster than it is read must not keep limits and others from their turn.
        tokio::task::yield_now().await;
        Ok(all)
    }

    /// True when it is decided that all that is wanted is there; a forbidden line decides, too.
    async fn decided(&mut self, all_read: bool) -> Done<bool> {
        self.nothing_forbidden().await?;
        if self.cx.within.is_none() {
            self.now().await?;
            self.nothing_forbidden().await?;
            self.update().await?;
            return match self.judge().await {
                Ok(()) => Ok(true),
                Err(faults) => Err(self.told(faults).await),
            };
        }
        if all_read {
            self.gaps()?;
        }
        // Until all that is there was read, `expect` may hold only because the log was not read to its end.
        if self.readers.is_empty() || (!all_read && self.cx.expect.is_some()) || self.judge().await.is_err() {
            return Ok(false);
        }
        let patterns = &self.seen.patterns;
        if self.cx.expect.is_some() || patterns.last.is_some() || !patterns.never.is_empty() {
            self.now().await?;
            if self.seen.forbidden.is_some() || self.judge().await.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads on to what has been written until now: to a barrier, and not further. A forbidden line that may go on fails
    /// nothing yet: what comes may be what is ignored of it.
    async fn now(&mut self) -> Done<()> {
        if let Target::Container(_) = self.target {
            let synced = self.node.world.sync().await;
            synced.map_err(|error| vec![self.cx.engine_fault(&error)])?;
        }
        self.open()?;
        self.take_back();
        for log in &mut self.readers {
            let read = self.cx.case.spools.barrier(&log.id).await;
            read.map_err(|error| vec![self.cx.engine_fault(&error)])?;
            let end = log.reader.spool().progress().end;
            while log.reader.at() < end {
                let Some(block) = log.take(self.cx)? else { break };
                for line in block.lines() {
                    self.seen.line(line, (&log.id, &mut log.course));
                }
                tokio::task::yield_now().await;
            }
        }
        self.nothing_forbidden().await?;
        self.judge_pending();
        self.gaps()
    }

    /// Judges what may go on, as far as it has come: nobody knows whether it does.
    pub(super) fn judge_pending(&mut self) {
        if self.before.is_some() || !self.seen.patterns.joins {
            return;
        }
        let courses = self.readers.iter().map(|log| log.course.clone()).collect();
        self.before = Some((self.seen.before(), courses));
        for log in &mut self.readers {
            self.seen.judge_pending((&log.id, &mut log.course));
        }
    }

    /// Takes that back: there may be more.
    fn take_back(&mut self) {
        let Some((before, courses)) = self.before.take() else {
            return;
        };
        self.seen.take_back(before);
        // Those that were opened meanwhile stand where they began.
        for (log, course) in self.readers.iter_mut().zip(courses) {
            log.course = course;
        }
    }

    /// A log of which something is missing decides nothing.
    fn gaps(&self) -> Done<()> {
        let gap = self
            .readers
            .iter()
            .find_map(|log| Some((log, log.reader.spool().gap()?)));
        match gap {
            Some((log, why)) => Err(self.cx.error(format!("the log of `{}` is not whole: {why}", log.name))),
            None => Ok(()),
        }
    }

    /// Waits until there is something to judge anew; false when the time is up, or nothing more can come.
    async fn wait(&mut self) -> bool {
        let until = self.cx.within.unwrap_or(self.cx.deadline);
        if Instant::now() >= until {
            return false;
        }
        // Before it is judged whether something may go on: what ends from here on wakes.
        let ends = self.others_end();
        if self.over().await {
            self.cx.set_futile();
            return false;
        }
        let tell = self.told.map(|told| told + TELL).filter(|tell| *tell > Instant::now());
        if tell.is_none() {
            self.told = Some(Instant::now());
            self.cx.waiting(
                &format!("the log of `{}`", self.named()),
                &format!(
                    "{} read, {} fit",
                    count_text(self.seen.read, "line", "lines"),
                    self.seen.count
                ),
            );
        }
        let changed = self.news(tell.unwrap_or(until).min(until), ends).await;
        // What could not be told yet is told then.
        changed || tell.is_some()
    }

    /// Ends with one of those that may start a container again: a lane, or a process on this machine.
    fn others_end(&self) -> BoxFuture<'static, ()> {
        let mut walks = self.cx.case.walks.subscribe();
        let lane = async move { drop(walks.changed().await) }.boxed();
        let processes = self.cx.case.running_here().into_iter();
        let processes = processes.map(|process| async move { drop(process.wait().await) }.boxed());
        select_all(processes.chain([lane])).map(drop).boxed()
    }

    /// Waits for more lines, another container, or an end of those that may start one; false when there are none until
    /// then.
    async fn news(&mut self, until: Instant, ends: BoxFuture<'static, ()>) -> bool {
        let (world, generation) = (self.node.world.clone(), self.generation);
        let mut changes: Vec<_> = self
            .readers
            .iter_mut()
            .map(|log| log.reader.changed().boxed())
            .collect();
        changes.push(async move { drop(world.changed(generation).await) }.boxed());
        changes.push(ends);
        timeout_at(until, select_all(changes)).await.is_ok()
    }

    /// True when every container has ended for good, and its log was read to its end.
    async fn over(&self) -> bool {
        let closed = |log: &Log| matches!(log.reader.expected(), Some(More::Ended | More::Closed | More::Gap(_)));
        let may_go_on = matches!(self.target, Target::Container(_)) && self.cx.others_may_start();
        if self.readers.is_empty() || may_go_on || !self.readers.iter().all(closed) {
            return false;
        }
        let state = self.node.world.snapshot();
        let containers = self.readers.iter().filter_map(|log| state.container(&log.id).cloned());
        let replica = match &self.target {
            Target::Container(ContainerRef::Service(service)) => service.replica,
            Target::Container(ContainerRef::Background(_)) | Target::Process(_) => None,
        };
        self.cx
            .are_over(&self.node, &containers.collect::<Vec<_>>(), replica)
            .await
    }

    /// Why it did not become true: judged once more on all that was written until now.
    async fn at_the_end(&mut self) -> Done<()> {
        self.now().await?;
        self.nothing_forbidden().await?;
        let is_made_so = self.update().await?;
        let faults = match self.judge().await {
            Err(faults) => faults,
            Ok(()) if is_made_so => return Ok(()),
            Ok(()) => self.cx.failure("it became true only after its time was up"),
        };
        Err(self.told(faults).await)
    }

    /// Makes golden files what was found, if that is asked for; true where there are some.
    async fn update(&mut self) -> Done<bool> {
        let Some(expect) = self.cx.expect.as_ref().filter(|_| self.cx.case.update) else {
            return Ok(false);
        };
        golden::update(self.cx, expect, self.seen.outputs()).await
    }
}

fn node_of(cx: &Cx, target: &Target) -> NodeHandle {
    match target {
        Target::Container(ContainerRef::Service(service)) => cx.case.node_of(service.stack),
        Target::Container(ContainerRef::Background(name)) => {
            let node = cx
                .case
                .state()
                .backgrounds
                .get(name)
                .map_or(UNPLACED, |(node, _)| *node);
            cx.case.nodes[node].clone()
        }
        // It is no container of any node, and nothing of the node is asked for it.
        Target::Process(_) => cx.case.unplaced().clone(),
    }
}
