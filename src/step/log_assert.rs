//! `log-assert`: what a service, a container or a background process has written.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::select_all;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

use super::target::find_process;
use super::{About, Act, Binder, Body, ContainerRef, Cx, Done, NodeHandle, Ref, Sort, Written};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::engine::Stream;
use crate::engine::logs::{LineReader, Mark, More, Spools, Streams};
use crate::engine::world::ContainerState;
use crate::event::Fault;
use crate::expect::{COUNT_SOME, Expectation, Field, FieldKind, Ignored, LineMatcher, LinePattern, Usual};
use crate::shape::{Text, shape, words};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "log-assert",
    does: "Checks what a service, a container or a background process has written to its log.",
    manual: "Lines are read as a stream, from the first one to the moment of the decision: none is lost, also of a \
             container that restarted or is gone, and none is read twice. `matches` (a regular expression) or `contains` \
             counts lines, at least one unless `expect` says otherwise; `ordered` wants lines one after the other; a line \
             of `never` fails at once. With `within` the rest may become true until then; without it the log is judged as \
             it is now. All output of a `process` is in a file of the results; while it runs, what has come is judged.",
    example: "- log-assert: {service: web, matches: 'Started (?<version>\\S+)', never: [FATAL]}\n  within: 60s\n  save: {version: matches.version}",
    sort: Sort::Check,
    limit: Duration::from_secs(60),
    results: RESULTS,
    // Its own: a step with only `never` wants no line.
    defaults: &[],
    locals: &[],
};

const RESULTS: &[Field] = &[
    Field {
        name: "count",
        kind: FieldKind::Number,
        doc: "how many lines fit",
    },
    Field {
        name: "lines",
        kind: FieldKind::Lines,
        doc: "the lines that fit, the first hundred of them",
    },
    Field {
        name: "matches",
        kind: FieldKind::Json,
        doc: "the named groups of the first line that fits",
    },
];

/// So many of the lines that fit are kept.
const KEPT: usize = 100;
/// Log lines that a fault shows of each container.
const TAIL: usize = 30;

words! {
    /// Which streams are read.
    pub enum StreamWord {
        /// Standard output.
        Stdout = "stdout",
        /// Standard error.
        Stderr = "stderr",
        /// Both.
        Both = "both",
    }
}

shape! {
    /// What must be in a log, or must not.
    pub struct LogAssert ("`log-assert`") {
        /// All replicas of a service, removed ones too.
        service: Option<Text>,
        /// A container.
        container: Option<Text>,
        /// A process that an `exec` or `shell` started with `background: name`.
        process: Option<Text>,
        /// A regular expression that a line fits; named groups become `matches`.
        matches: Option<Text>,
        /// A text that a line contains.
        contains: Option<Text>,
        /// Lines one after the other, each on a later line.
        ordered: Vec<LineMatcher>,
        /// Lines that fail at once.
        never: Vec<LineMatcher>,
        /// Lines that do not count, each with its reason.
        ignore: Vec<Ignored>,
        /// `stdout`, `stderr` or `both` (the default).
        stream: Option<Spanned<StreamWord>>,
        /// `start` (the default), or the name of a step: only what was written after it began.
        since: Option<Spanned<String>>,
    }
}

impl Written for LogAssert {
    fn title(&self) -> String {
        let target = self
            .service
            .as_ref()
            .or(self.container.as_ref())
            .or(self.process.as_ref())
            .map(Text::shown)
            .unwrap_or_default();
        let wanted = self
            .matches
            .as_ref()
            .or(self.contains.as_ref())
            .map(Text::shown)
            .unwrap_or_default();
        format!("{target} {wanted}").trim().to_owned()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let target = self.target(binder)?;
        let counted = match (&self.matches, &self.contains) {
            (Some(_), Some(contains)) => {
                binder.error(
                    &contains.span,
                    "`matches` and `contains`: one of them is wanted",
                    "make it two steps",
                );
                return None;
            }
            (Some(matches), None) => Some(matcher(matches, true, binder)?),
            (None, Some(contains)) => Some(matcher(contains, false, binder)?),
            (None, None) => None,
        };
        if counted.is_none() && self.ordered.is_empty() && self.never.is_empty() {
            binder.error(
                &self.span,
                "`log-assert` checks nothing",
                "give it `matches`, `contains`, `ordered` or `never`",
            );
            return None;
        }
        let since = self
            .since
            .as_ref()
            .map(|since| since.value.clone())
            .filter(|since| since != "start");
        if let Some(since) = &self.since
            && since.value != "start"
        {
            if !binder.step_names.contains(&since.value) {
                let known = binder.step_names.clone();
                let known = known.iter().map(String::as_str).chain(["start"]);
                binder.problems.push(Diagnostic::unknown(
                    &since.span,
                    "step before this one,",
                    &since.value,
                    known,
                ));
                return None;
            }
            binder.marks.push(since.value.clone());
        }
        Some(Body::Act(Arc::new(Bound {
            target,
            counted,
            ordered: self.ordered.clone(),
            never: self.never.clone(),
            ignore: self.ignore.clone(),
            streams: match self.stream.as_ref().map(|stream| stream.value) {
                None | Some(StreamWord::Both) => Streams::Both,
                Some(StreamWord::Stdout) => Streams::One(Stream::Stdout),
                Some(StreamWord::Stderr) => Streams::One(Stream::Stderr),
            },
            since,
        })))
    }
}

impl LogAssert {
    fn target(&self, binder: &mut Binder<'_>) -> Option<Source> {
        let container = self.service.as_ref().or(self.container.as_ref());
        match (&self.process, container) {
            (Some(process), None) => binder.process(process).map(Source::Process),
            (Some(process), Some(_)) => {
                binder.error(
                    &process.span,
                    "`process` beside `service` or `container`: one target is wanted",
                    "make it two steps",
                );
                None
            }
            (None, None) => {
                binder.error(
                    &self.span,
                    "no target: `service`, `container` or `process` is missing",
                    "say whose log is meant",
                );
                None
            }
            (None, Some(_)) => {
                let target = binder.target(&self.span, self.service.as_ref(), self.container.as_ref());
                target.map(Source::Container)
            }
        }
    }
}

fn matcher(text: &Text, regex: bool, binder: &mut Binder<'_>) -> Option<LineMatcher> {
    LineMatcher::of(text.clone(), regex)
        .map_err(|problem| binder.problems.push(problem))
        .ok()
}

/// Whose log it is, as it was bound.
#[derive(Debug)]
enum Source {
    Container(Ref<ContainerRef>),
    Process(Ref<String>),
}

/// Whose log is read.
enum Target {
    Container(ContainerRef),
    Process(String),
}

#[derive(Debug)]
struct Bound {
    target: Source,
    counted: Option<LineMatcher>,
    ordered: Vec<LineMatcher>,
    never: Vec<LineMatcher>,
    ignore: Vec<Ignored>,
    streams: Streams,
    since: Option<String>,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let target = self.target.found(cx).await?;
        let mark = self
            .since
            .as_ref()
            .and_then(|since| cx.case.state().marks.get(since).cloned())
            .unwrap_or_default();
        let mut reading = Reading {
            cx,
            node: node_of(cx, &target),
            target,
            streams: self.streams,
            mark,
            readers: Vec::new(),
            seen: self.seen(cx).await?,
            told: None,
        };
        let found = reading.run().await?;
        for (ignored, dropped) in self.ignore.iter().zip(&reading.seen.dropped) {
            if *dropped == 0 {
                let place = ignored.line.span.place();
                cx.case.emitter.note(&format!("{place}: this `ignore` dropped no line"));
            }
        }
        Ok(found)
    }

    fn waits_itself(&self) -> bool {
        true
    }
}

impl Bound {
    async fn seen(&self, cx: &Cx) -> Done<Seen> {
        let ignored: Vec<LineMatcher> = self.ignore.iter().map(|ignored| ignored.line.clone()).collect();
        Ok(Seen {
            counted: match &self.counted {
                Some(counted) => Some(cx.rendered(|scope| counted.ready(scope)).await?),
                None => None,
            },
            ordered: patterns(cx, &self.ordered).await?,
            never: patterns(cx, &self.never).await?,
            ignore: patterns(cx, &ignored).await?,
            dropped: vec![0; self.ignore.len()],
            ..Seen::default()
        })
    }
}

async fn patterns(cx: &Cx, matchers: &[LineMatcher]) -> Done<Vec<LinePattern>> {
    let mut ready = Vec::new();
    for matcher in matchers {
        ready.push(cx.rendered(|scope| matcher.ready(scope)).await?);
    }
    Ok(ready)
}

impl Source {
    /// What it is now.
    async fn found(&self, cx: &Cx) -> Done<Target> {
        match self {
            Source::Container(target) => cx.target(target).await.map(Target::Container),
            Source::Process(Ref::Bound(name)) => Ok(Target::Process(name.clone())),
            Source::Process(Ref::Late(template)) => {
                let text = cx.text(template).await?;
                let known: Vec<String> = cx.case.state().processes.keys().cloned().collect();
                cx.find(&text, |text| find_process(text, &known)).map(Target::Process)
            }
        }
    }
}

fn node_of(cx: &Cx, target: &Target) -> NodeHandle {
    match target {
        Target::Container(ContainerRef::Service(service)) => cx.case.node_of(service.stack),
        Target::Container(ContainerRef::Background(name)) => {
            let node = cx.case.state().backgrounds.get(name).map_or(0, |(node, _)| *node);
            cx.case.nodes[node].clone()
        }
        // It is no container of any node, and nothing of the node is asked for it.
        Target::Process(_) => cx.case.nodes[0].clone(),
    }
}

/// What was seen so far; each line is taken once.
#[derive(Debug, Default)]
struct Seen {
    counted: Option<LinePattern>,
    ordered: Vec<LinePattern>,
    never: Vec<LinePattern>,
    ignore: Vec<LinePattern>,
    /// How many lines each `ignore` dropped.
    dropped: Vec<u64>,
    read: u64,
    count: u64,
    lines: Vec<String>,
    groups: Map<String, Value>,
    forbidden: Option<(String, String)>,
}

impl Seen {
    /// Takes a line; `next` is the first of `ordered` that its log has not had.
    fn line(&mut self, line: &str, next: &mut usize) {
        self.read += 1;
        let bytes = line.as_bytes();
        if let Some(at) = self.ignore.iter().position(|pattern| pattern.is_match(bytes)) {
            self.dropped[at] += 1;
            return;
        }
        if let Some(never) = self.never.iter().find(|pattern| pattern.is_match(bytes)) {
            self.forbidden
                .get_or_insert_with(|| (never.shown().to_owned(), line.to_owned()));
        }
        if self.ordered.get(*next).is_some_and(|pattern| pattern.is_match(bytes)) {
            *next += 1;
        }
        let Some(counted) = self.counted.as_ref().filter(|pattern| pattern.is_match(bytes)) else {
            return;
        };
        self.count += 1;
        if self.count == 1 {
            self.groups = counted.groups(bytes).unwrap_or_default();
        }
        if self.lines.len() < KEPT {
            self.lines.push(line.to_owned());
        }
    }

    fn outputs(&self) -> Value {
        json!({"count": self.count, "lines": self.lines, "matches": self.groups})
    }
}

/// A log that is read.
struct Log {
    id: String,
    name: String,
    reader: LineReader,
    /// How many of `ordered` were found in it.
    next: usize,
}

/// Reads the logs of a target until it is decided.
struct Reading<'a> {
    cx: &'a Cx,
    node: NodeHandle,
    target: Target,
    streams: Streams,
    mark: Mark,
    readers: Vec<Log>,
    seen: Seen,
    /// When it was last told how far it is.
    told: Option<Instant>,
}

/// How far it is is not told more often than this: a log may grow thousands of times a second.
const TELL: Duration = Duration::from_millis(200);

impl Reading<'_> {
    async fn run(&mut self) -> Done<Value> {
        loop {
            let generation = self.node.world.snapshot().generation;
            self.open()?;
            let all_read = self.take().await?;
            if let Some(found) = self.decided(all_read).await? {
                return Ok(found);
            }
            if all_read && !self.wait(generation).await {
                return Err(self.at_the_end().await);
            }
        }
    }

    /// The containers of the target, those that are gone too.
    fn containers(&self) -> Vec<Arc<ContainerState>> {
        let state = self.node.world.snapshot();
        match &self.target {
            Target::Process(_) => Vec::new(),
            Target::Container(ContainerRef::Background(name)) => {
                let id = self.cx.case.state().backgrounds.get(name).map(|(_, id)| id.clone());
                id.and_then(|id| state.container(&id).cloned()).into_iter().collect()
            }
            Target::Container(ContainerRef::Service(service)) => {
                let project = self
                    .cx
                    .case
                    .state()
                    .stacks
                    .get(&service.stack)
                    .map(|stack| stack.plan.project.clone());
                let all = project.map_or_else(Vec::new, |project| state.ever_of_service(&project, &service.service));
                all.into_iter()
                    .filter(|container| service.replica.is_none_or(|replica| container.number == replica))
                    .collect()
            }
        }
    }

    /// Opens the logs that were not read yet.
    fn open(&mut self) -> Done<()> {
        if let Target::Process(name) = &self.target {
            let name = name.clone();
            return self.open_one(&Spools::of_process(&name), name);
        }
        for container in self.containers() {
            self.cx.case.spools.follow(&self.node.engine, &container);
            self.open_one(&container.id, container.shown())?;
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
        self.readers.push(Log {
            id: id.to_owned(),
            name,
            reader: spool.reader(self.streams, self.mark.of(id)),
            next: 0,
        });
        Ok(())
    }

    /// Takes what is there, a block of each log; true when all of it was taken.
    async fn take(&mut self) -> Done<bool> {
        let mut all = true;
        for log in &mut self.readers {
            let block = log.reader.take();
            let block = block.map_err(|why| {
                self.cx
                    .error(format!("the log of `{}` cannot be read: {why}", log.name))
            })?;
            let Some(block) = block else { continue };
            all = false;
            for line in block.lines() {
                self.seen.line(line, &mut log.next);
            }
        }
        // A log that grows faster than it is read must not keep limits and others from their turn.
        tokio::task::yield_now().await;
        Ok(all)
    }

    /// The result, if it is decided: a forbidden line, or all that is wanted is there.
    async fn decided(&mut self, all_read: bool) -> Done<Option<Value>> {
        if let Some((never, line)) = self.seen.forbidden.clone() {
            let mut fault =
                Fault::failure(format!("a line that must never be there: it {never}")).at(self.cx.span.place());
            fault.actual = Some(line);
            return Err(vec![self.described(fault).await]);
        }
        if self.cx.within.is_none() {
            self.now().await?;
            return match self.judge().await {
                Ok(()) => Ok(Some(self.seen.outputs())),
                Err(faults) => Err(self.told(faults).await),
            };
        }
        if all_read {
            self.gaps()?;
        }
        // Until all that is there was read, `expect` may hold only because the log was not read to its end.
        if self.readers.is_empty() || (!all_read && self.cx.expect.is_some()) || self.judge().await.is_err() {
            return Ok(None);
        }
        if self.cx.expect.is_some() || !self.seen.never.is_empty() {
            self.now().await?;
            if self.seen.forbidden.is_some() || self.judge().await.is_err() {
                return Ok(None);
            }
        }
        Ok(Some(self.seen.outputs()))
    }

    /// Reads on to what has been written until now: to a barrier, and not further.
    async fn now(&mut self) -> Done<()> {
        if let Target::Container(_) = self.target {
            let synced = self.node.world.sync().await;
            synced.map_err(|error| vec![self.cx.engine_fault(&error)])?;
        }
        self.open()?;
        for log in &mut self.readers {
            let read = self.cx.case.spools.barrier(&log.id).await;
            read.map_err(|error| vec![self.cx.engine_fault(&error)])?;
            let end = log.reader.spool().progress().end;
            while log.reader.at() < end {
                let block = log.reader.take();
                let block = block.map_err(|why| {
                    self.cx
                        .error(format!("the log of `{}` cannot be read: {why}", log.name))
                })?;
                let Some(block) = block else { break };
                for line in block.lines() {
                    self.seen.line(line, &mut log.next);
                }
                tokio::task::yield_now().await;
            }
        }
        if let Some((never, line)) = self.seen.forbidden.clone() {
            let mut fault =
                Fault::failure(format!("a line that must never be there: it {never}")).at(self.cx.span.place());
            fault.actual = Some(line);
            return Err(vec![self.described(fault).await]);
        }
        self.gaps()
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

    /// Judges what was seen so far.
    async fn judge(&self) -> Done<()> {
        if self.readers.is_empty() {
            return Err(self.cx.failure(match &self.target {
                Target::Container(_) => format!("`{}` has no container, and so no log", self.named()),
                Target::Process(name) => format!("process `{name}` was not started"),
            }));
        }
        let nothing = Expectation::none(&self.cx.span);
        let expect = self.cx.expect.as_ref().unwrap_or(&nothing);
        let usual: &[Usual] = if self.seen.counted.is_some() { COUNT_SOME } else { &[] };
        let outputs = self.seen.outputs();
        let mut faults = self.cx.rendered(|scope| expect.judge(&outputs, scope, usual)).await?;
        if self.seen.count == 0
            && let (Some(counted), Some(first)) = (&self.seen.counted, faults.first_mut())
        {
            first.message = format!("no line of `{}` {}", self.named(), counted.shown());
        }
        faults.extend(self.missing_in_order());
        if faults.is_empty() {
            return Ok(());
        }
        Err(faults.into_iter().map(|fault| fault.at(self.cx.span.place())).collect())
    }

    /// The first of `ordered` that no log has at its place: one log must have them all.
    fn missing_in_order(&self) -> Option<Fault> {
        let most = self.readers.iter().map(|log| log.next).max().unwrap_or_default();
        let missing = self.seen.ordered.get(most)?;
        let after = most.checked_sub(1).and_then(|before| self.seen.ordered.get(before));
        let after = after.map_or(String::new(), |before| {
            format!(" after the line that {}", before.shown())
        });
        Some(Fault::failure(format!(
            "no line of `{}` {}{after}",
            self.named(),
            missing.shown()
        )))
    }

    fn named(&self) -> String {
        match &self.target {
            Target::Container(ContainerRef::Service(service)) => service.to_string(),
            Target::Container(ContainerRef::Background(name)) | Target::Process(name) => name.clone(),
        }
    }

    /// Waits for more lines or another container; false when the time is up, or nothing more can come.
    async fn wait(&mut self, generation: u64) -> bool {
        let until = self.cx.within.unwrap_or(self.cx.deadline);
        if Instant::now() >= until {
            return false;
        }
        if self.over() {
            self.cx.set_futile();
            return false;
        }
        let tell = self.told.map(|told| told + TELL).filter(|tell| *tell > Instant::now());
        if tell.is_none() {
            self.told = Some(Instant::now());
            self.cx.waiting(
                &format!("the log of `{}`", self.named()),
                &format!("{} lines read, {} fit", self.seen.read, self.seen.count),
            );
        }
        let world = self.node.world.clone();
        let mut changes: Vec<_> = self
            .readers
            .iter_mut()
            .map(|log| log.reader.changed().boxed())
            .collect();
        changes.push(async move { drop(world.changed(generation).await) }.boxed());
        let changed = timeout_at(tell.unwrap_or(until).min(until), select_all(changes)).await;
        // What could not be told yet is told then.
        changed.is_ok() || tell.is_some()
    }

    /// True when every container has ended for good, and its log was read to its end.
    fn over(&self) -> bool {
        let state = self.node.world.snapshot();
        let ended = |log: &Log| {
            let closed = matches!(log.reader.expected(), Some(More::Ended | More::Closed | More::Gap(_)));
            closed
                && state
                    .container(&log.id)
                    .is_none_or(|container| container.has_ended() && !container.will_restart())
        };
        !self.readers.is_empty() && self.readers.iter().all(ended)
    }

    /// The faults when it did not become true: judged once more on all that was written until now.
    async fn at_the_end(&mut self) -> Vec<Fault> {
        if let Err(faults) = self.now().await {
            return faults;
        }
        let faults = match self.judge().await {
            Err(faults) => faults,
            Ok(()) => self.cx.failure("it became true only after its time was up"),
        };
        self.told(faults).await
    }

    /// Faults with how much was read, and the last lines, at the first of them.
    async fn told(&self, mut faults: Vec<Fault>) -> Vec<Fault> {
        if let Some(first) = faults.first().cloned() {
            let why = match (self.cx.within, self.cx.is_futile()) {
                (_, true) => "; it has ended: nothing more comes",
                (Some(_), false) => "; its time is up",
                (None, false) => "",
            };
            let read = format!("{} lines, {} fit{why}", self.seen.read, self.seen.count);
            faults[0] = self.described(first.detail("read", read)).await;
        }
        faults
    }

    async fn described(&self, mut fault: Fault) -> Fault {
        for log in self.readers.iter().take(3) {
            let tail = self.cx.case.spools.tail(&log.id, TAIL).await;
            let tail = if tail.is_empty() {
                "(it wrote nothing)".to_owned()
            } else {
                tail
            };
            fault = fault.detail(format!("last lines of `{}`", log.name), tail);
        }
        fault
    }
}
