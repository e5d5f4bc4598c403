//! `log-assert`: what a service, a container or a background process has written.

mod between;
mod reading;
mod seen;
mod since;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::target::find_process;
use super::{About, Act, Binder, Body, ContainerRef, Cx, Done, Ref, Sort, Step, Written};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::engine::Stream;
use crate::engine::logs::{Mark, Streams};
use crate::expect::{Expectation, Field, FieldKind, Ignored, LineMatcher, LinePattern, LineText};
use crate::shape::{Rule, Text, shape, words};
use crate::template::NamePath;
use between::{Between, Part};
use reading::Reading;
use seen::{Patterns, Seen};
use since::Since;

/// See the table.
pub(super) const ABOUT: About = About {
    name: "log-assert",
    does: "Checks what a service, a container or a background process has written to its log.",
    manual: "Lines are read as a stream, from the first one to the moment of the decision: none is lost, also of a \
             container that restarted or is gone, and none is read twice. `matches` (a regular expression) or `contains` \
             counts lines, at least one unless `expect` says otherwise; `ordered` wants lines one after the other, each on a \
             later line of one log; `last` is how the last line has to be, of each replica's newest container; a line of \
             `never` fails at once. Only with `expect`, all lines are meant: `expect: {lines: {golden: web.log}}` compares \
             them with a file. `between` leaves out all that is not between two lines: `after` or `from` begins the part, \
             `before` or `to` ends it, and with `from` and `to` that line is of it. Such a part may come several times, and \
             has to come once: without it nothing is judged. With `join: tracebacks` a line and those that go on with it (indented \
             ones, `Caused by:`, all of a Python traceback) are one, with newlines in it (`(?s)` lets a `.` fit these): so \
             `ignore` can leave out a traceback by its last line. Of two streams that are written at once `stream` picks \
             one. `ignore` leaves out lines, and one that leaves out none is \
             told. Of a service, the logs of all its containers are read, also of those that are gone or were replaced; \
             `web.2` is the second replica alone. With `within` the rest may become true until then; without it the log is judged as \
             it is now. All output of a `process` is in a file of the results; while it runs, what has come is judged. Of a container \
             that something else kills and removes at once, the last moments may be missing: what these could change is then errored, \
             never passed; of one that was stopped first, as a swarm and another `up` do it, only a last line without a newline. With `holds-for` it is judged for that long, and at its end once more.",
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
        kind: FieldKind::COUNT,
        doc: "how many lines fit",
    },
    Field {
        name: "lines",
        kind: FieldKind::Lines,
        doc: "the lines that fit; not there where they are longer than 16 MiB",
    },
    Field {
        name: "matches",
        kind: FieldKind::Json,
        doc: "the named groups of the first line that fits",
    },
];

words! {
    /// Which lines are taken for one.
    pub enum JoinWord {
        /// A line and those that go on with it, as in a traceback.
        Tracebacks = "tracebacks",
    }
}

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
    pub struct LogAssert ("`log-assert`") rules [
        Rule::One(&["service", "container", "process"]),
        Rule::AtMostOne(&["matches", "contains"]),
    ] {
        /// All replicas of a service, removed ones too.
        service: Option<Text>,
        /// A container.
        container: Option<Text>,
        /// A process that an `exec` or `shell` started with `background: name`.
        process: Option<Text>,
        /// A regular expression that a line fits; named groups become `matches`.
        matches: Option<LineText>,
        /// A text that a line contains.
        contains: Option<LineText>,
        /// Lines one after the other, each on a later line.
        ordered: Vec<LineMatcher>,
        /// How the last line is.
        last: Option<LineMatcher>,
        /// Lines that fail at once.
        never: Vec<LineMatcher>,
        /// Only lines between two others.
        between: Option<Between>,
        /// Lines that do not count, each with its reason.
        ignore: Vec<Ignored>,
        /// `tracebacks`: a line and those that go on with it (indented, `Caused by:`, Python's) are one.
        join: Option<Spanned<JoinWord>>,
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
            .map(|text| text.shown())
            .unwrap_or_default();
        format!("{target} {wanted}").trim().to_owned()
    }

    fn check(&self, step: &Step, binder: &mut Binder<'_>) {
        let expected = step.expect.iter().flat_map(Expectation::fields).next();
        let is_said = self.matches.is_some() || self.contains.is_some() || self.wants_nothing();
        if let Some((field, at)) = expected.filter(|_| !is_said) {
            let message = format!(
                "`{field}` is of the lines that fit, and nothing says which: there is neither `matches` nor `contains`"
            );
            binder.error(at, message, "add one of them, or take the expectation out");
        }
        if expected.is_none() && step.save.is_empty() && self.wants_nothing() {
            let message = "`log-assert` checks nothing";
            let help =
                "give it `matches`, `contains`, `ordered`, `last` or `never`, or `expect` something of all its lines";
            binder.error(&self.span, message, help);
        }
        let saved = step.save.iter().flat_map(|(_, expression)| expression.wanted());
        let groups: Vec<&NamePath> = saved
            .filter(|path| path.parts[0] == "matches" && path.parts.len() > 1)
            .collect();
        if !groups.is_empty() {
            self.check_groups(&groups, binder);
        }
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let target = self.target(binder)?;
        let counted = self.counted(binder).ok()?;
        let between = match &self.between {
            Some(between) => Some(between.part(binder)?),
            None => None,
        };
        let since = Since::of(self.since.as_ref(), binder).ok()?;
        Some(Body::Act(Arc::new(Bound {
            target,
            all: self.wants_nothing(),
            joins: self.join.is_some(),
            counted,
            ordered: self.ordered.clone(),
            last: self.last.clone(),
            between,
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

/// What was wrong has been told.
struct Told;

impl LogAssert {
    /// True where no line is said to be wanted or not: then `expect` is of all of them.
    fn wants_nothing(&self) -> bool {
        let counts = self.matches.is_some() || self.contains.is_some();
        !counts && self.ordered.is_empty() && self.last.is_none() && self.never.is_empty()
    }

    /// Tells named groups that are kept, and that the regular expression does not have.
    fn check_groups(&self, wanted: &[&NamePath], binder: &mut Binder<'_>) {
        let named = match &self.matches {
            // One with problems of its own has none that is known.
            Some(matches) => binder
                .constant_text(matches)
                .and_then(|text| crate::template::regex(&text).ok()),
            None => crate::template::regex("").ok(),
        };
        let Some(regex) = named else { return };
        let named: Vec<&str> = regex.capture_names().flatten().collect();
        for path in wanted.iter().filter(|path| !named.contains(&path.parts[1].as_str())) {
            let group = &path.parts[1];
            let problem = Diagnostic::unknown(&path.span, "named group of `matches`,", group, named.iter().copied());
            binder.problems.push(match (named.is_empty(), &self.matches) {
                (false, _) => problem,
                (true, Some(_)) => problem.help(format!("write it into the regular expression: `(?<{group}>…)`")),
                (true, None) => problem.help(format!(
                    "only a regular expression has some: `matches: '(?<{group}>…)'`"
                )),
            });
        }
    }

    /// What counts lines, if something does.
    fn counted(&self, binder: &mut Binder<'_>) -> Result<Option<LineMatcher>, Told> {
        let (text, regex) = match (&self.matches, &self.contains) {
            (Some(_), Some(contains)) => {
                let message = "`matches` and `contains`: one of them is wanted";
                binder.error(&contains.span, message, "make it two steps");
                return Err(Told);
            }
            (Some(matches), None) => (matches, true),
            (None, Some(contains)) => (contains, false),
            (None, None) => return Ok(None),
        };
        LineMatcher::of(text.0.clone(), regex).map(Some).map_err(|problem| {
            binder.problems.push(problem);
            Told
        })
    }

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
                let message = "no target: `service`, `container` or `process` is missing";
                binder.lacks(Diagnostic::error(&self.span, message).help("say whose log is meant"));
                None
            }
            (None, Some(_)) => {
                let target = binder.target(&self.span, self.service.as_ref(), self.container.as_ref());
                target.map(Source::Container)
            }
        }
    }
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
    /// True where all lines count.
    all: bool,
    /// True where those of a traceback are one.
    joins: bool,
    counted: Option<LineMatcher>,
    ordered: Vec<LineMatcher>,
    last: Option<LineMatcher>,
    between: Option<Part<LineMatcher>>,
    never: Vec<LineMatcher>,
    ignore: Vec<Ignored>,
    streams: Streams,
    since: Option<Since>,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let target = self.target.found(cx).await?;
        let mark = match &self.since {
            Some(since) => since.mark(cx)?,
            None => Mark::default(),
        };
        let mut reading = Reading::of(cx, target, self.streams, mark, self.seen(cx).await?);
        let found = reading.run().await;
        for (ignored, dropped) in self.ignore.iter().zip(&reading.seen.dropped) {
            if *dropped == 0 {
                let place = ignored.line.span.place();
                cx.case.emitter.note(&format!("{place}: this `ignore` dropped no line"));
            }
        }
        found
    }

    fn waits_itself(&self) -> bool {
        true
    }
}

impl Bound {
    async fn seen(&self, cx: &Cx) -> Done<Seen> {
        let ignored: Vec<LineMatcher> = self.ignore.iter().map(|ignored| ignored.line.clone()).collect();
        let one = async |matcher: &Option<LineMatcher>| match matcher {
            Some(matcher) => cx.rendered(|scope| matcher.ready(scope)).await.map(Some),
            None => Ok(None),
        };
        Ok(Seen::of(Patterns {
            all: self.all,
            joins: self.joins,
            counted: one(&self.counted).await?,
            last: one(&self.last).await?,
            between: match &self.between {
                Some(part) => Some(cx.rendered(|scope| part.ready(scope)).await?),
                None => None,
            },
            ordered: patterns(cx, &self.ordered).await?,
            never: patterns(cx, &self.never).await?,
            ignore: patterns(cx, &ignored).await?,
        }))
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
