//! `log-assert`: what a service, a container or a background process has written.

mod reading;
mod seen;
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
use crate::event::Fault;
use crate::expect::{Expectation, Field, FieldKind, Ignored, LineMatcher, LinePattern, LineText};
use crate::shape::{Rule, Text, shape, words};
use crate::template::NamePath;
use reading::Reading;
use seen::{Patterns, Seen};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "log-assert",
    does: "Checks what a service, a container or a background process has written to its log.",
    manual: "Lines are read as a stream, from the first one to the moment of the decision: none is lost, also of a \
             container that restarted or is gone, and none is read twice. `matches` (a regular expression) or `contains` \
             counts lines, at least one unless `expect` says otherwise; `ordered` wants lines one after the other; a line \
             of `never` fails at once. With `within` the rest may become true until then; without it the log is judged as \
             it is now. All output of a `process` is in a file of the results; while it runs, what has come is judged. Of a container \
             that another tool removes as it ends, the last moments may be missing: what these could change is then errored, \
             never passed; of one that another `up` replaces, a last line without a newline. With `holds-for` it is judged for that long, and at its end once more.",
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
        Rule::Some(&["matches", "contains", "ordered", "never"]),
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
            .map(|text| text.shown())
            .unwrap_or_default();
        format!("{target} {wanted}").trim().to_owned()
    }

    fn check(&self, step: &Step, binder: &mut Binder<'_>) {
        let expected = step.expect.iter().flat_map(Expectation::fields).next();
        if let Some((field, at)) = expected.filter(|_| self.matches.is_none() && self.contains.is_none()) {
            let message = format!(
                "`{field}` is of the lines that fit, and nothing says which: there is neither `matches` nor `contains`"
            );
            binder.error(at, message, "add one of them, or take the expectation out");
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
        if counted.is_none() && self.ordered.is_empty() && self.never.is_empty() {
            binder.error(
                &self.span,
                "`log-assert` checks nothing",
                "give it `matches`, `contains`, `ordered` or `never`",
            );
            return None;
        }
        let since = self.since(binder).ok()?;
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

/// What was wrong has been told.
struct Told;

impl LogAssert {
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

    /// The step since which it is read; none is from the start.
    fn since(&self, binder: &mut Binder<'_>) -> Result<Option<Since>, Told> {
        let Some(since) = self.since.as_ref().filter(|since| since.value != "start") else {
            return Ok(None);
        };
        let named: Vec<_> = binder
            .step_names
            .iter()
            .filter(|step| step.name == since.value)
            .collect();
        let problem = match named.as_slice() {
            [one] => {
                let step = one.number;
                binder.marks.insert(step);
                let name = since.clone();
                return Ok(Some(Since { step, name }));
            }
            [] => {
                let known = binder.step_names.iter().map(|step| step.name.as_str());
                let known = known.chain(["start"]);
                Diagnostic::unknown(&since.span, "step before this one,", &since.value, known)
            }
            [first, .., last] => {
                let message = format!("more than one step before this one has the name `{}`", since.value);
                Diagnostic::error(&since.span, message)
                    .related(&first.span, "one of them")
                    .related(&last.span, "another one")
                    .help("give the one that is meant a name of its own")
            }
        };
        binder.problems.push(problem);
        Err(Told)
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
    since: Option<Since>,
}

/// A step that was named, and where: what was written after it began is read.
#[derive(Debug)]
struct Since {
    step: usize,
    name: Spanned<String>,
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
        Ok(Seen::of(Patterns {
            counted: match &self.counted {
                Some(counted) => Some(cx.rendered(|scope| counted.ready(scope)).await?),
                None => None,
            },
            ordered: patterns(cx, &self.ordered).await?,
            never: patterns(cx, &self.never).await?,
            ignore: patterns(cx, &ignored).await?,
        }))
    }
}

impl Since {
    /// Where the logs were when its step began. One that did not begin marks nothing: all lines would be taken for new.
    fn mark(&self, cx: &Cx) -> Done<Mark> {
        let name = &self.name.value;
        let why = match cx.case.state().marks.get(&self.step) {
            Some(Ok(mark)) => return Ok(mark.clone()),
            Some(Err(why)) => format!("nothing is since `{name}`: that step did not begin ({why})"),
            None => format!("nothing is since `{name}`: that step was not reached"),
        };
        let fault = Fault::error(why).at(self.name.span.place());
        Err(vec![
            fault.hint("let this step have the same condition, or name another step"),
        ])
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
