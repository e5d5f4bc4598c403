//! What the logs of a target say, once they were read as far as they are to be: the verdict, and what explains it.

use super::super::{ContainerRef, Done, golden};
use super::Target;
use super::reading::Reading;
use super::seen::KEPT;
use crate::engine::logs::Streams;
use crate::event::{Fault, count_text};
use crate::expect::{COUNT_SOME, Expectation, Usual};

/// Log lines that a fault shows of each container.
pub(super) const TAIL: usize = 30;
/// Of so many logs a fault tells more.
const SHOWN: usize = 3;

impl Reading<'_> {
    /// Fails with a line that must never be there.
    pub(super) async fn nothing_forbidden(&self) -> Done<()> {
        let Some(forbidden) = self.seen.forbidden.clone() else {
            return Ok(());
        };
        let of = self.readers.iter().find(|log| log.id == forbidden.log);
        let whose = of.filter(|_| self.readers.len() > 1);
        let whose = whose.map_or(String::new(), |log| format!(", in the log of `{}`", log.name));
        let message = format!("a line that must never be there{whose}: it {}", forbidden.why);
        let mut fault = Fault::failure(message).at(self.cx.span.place());
        fault.actual = Some(forbidden.line);
        Err(vec![self.described(fault).await])
    }

    /// What was judged to hold may not, where the last moments of a log may be missing: only what further lines cannot
    /// change is known then.
    pub(super) fn surely(&self) -> Done<()> {
        let expect = self.cx.expect.as_ref();
        // The groups are those of the first line, which is there or not.
        let grows =
            expect.is_none_or(|expect| expect.holds_with_more() && (self.seen.count > 0 || !expect.expects("matches")));
        match self.unsure() {
            Some(why) if !grows || self.changes_with_more() => Err(vec![self.unknown(&why)]),
            _ => Ok(()),
        }
    }

    /// True where a further line could make wrong what is right, whatever is expected of those that fit.
    fn changes_with_more(&self) -> bool {
        let patterns = &self.seen.patterns;
        !patterns.never.is_empty() || patterns.last.is_some()
    }

    /// Why the last moments of a log may be missing, if so.
    fn unsure(&self) -> Option<String> {
        let logs = self.readers.iter();
        let mut unsure = logs.filter_map(|log| Some((&log.name, log.reader.spool().unsure()?)));
        let (name, why) = unsure.next()?;
        Some(format!("the last moments of the log of `{name}` may be missing: {why}"))
    }

    /// It cannot be known.
    fn unknown(&self, why: &str) -> Fault {
        Fault::error(why).at(self.cx.span.place()).hint(
            "let the scenario remove it: its `down` and its end read the log before; or let the container live on until \
             it was judged",
        )
    }

    /// Judges what was seen so far.
    pub(super) async fn judge(&mut self) -> Done<()> {
        if self.readers.is_empty() {
            return Err(match &self.target {
                Target::Container(ContainerRef::Service(service)) => {
                    let (message, hint) = self.cx.no_container(service);
                    self.cx.failure_with_hint(format!("no log to judge: {message}"), hint)
                }
                Target::Container(ContainerRef::Background(name)) => {
                    self.cx.failure(format!("container `{name}` was not started"))
                }
                Target::Process(name) => self.cx.failure(format!("process `{name}` was not started")),
            });
        }
        self.judge_pending();
        let cx = self.cx;
        let nothing = Expectation::none(&cx.span);
        let expect = cx.expect.as_ref().unwrap_or(&nothing);
        if let Some(fault) = self.no_part() {
            return Err(vec![fault.at(cx.span.place())]);
        }
        let counts = self.seen.patterns.counted.is_some() || self.seen.patterns.all;
        let usual: &[Usual] = if counts { COUNT_SOME } else { &[] };
        if expect.expects("lines") && !self.seen.is_whole() {
            let message = format!(
                "`lines` cannot be judged: those that fit are longer than {} MiB",
                KEPT >> 20
            );
            let fault = Fault::error(message).at(cx.span.place());
            return Err(vec![fault.hint(
                "count them, or say with `matches`, `ignore` or `never` which are meant",
            )]);
        }
        let mut faults = golden::judge(cx, expect, self.seen.outputs(), usual).await?;
        if self.seen.count == 0
            && let Some(first) = faults.first_mut()
        {
            match &self.seen.patterns.counted {
                Some(counted) => {
                    first.message = format!("no line of {} {}{}", self.whose(), counted.shown(), self.in_part());
                }
                None if self.seen.patterns.all && !expect.expects("lines") => {
                    first.message = format!("{} has written no line{}", self.whose(), self.in_part());
                }
                None => {}
            }
        }
        faults.extend(self.missing_in_order());
        faults.extend(self.other_last());
        if faults.is_empty() {
            return Ok(());
        }
        Err(faults.into_iter().map(|fault| fault.at(cx.span.place())).collect())
    }

    /// That no log has the part that is judged: then there is nothing that could hold.
    fn no_part(&self) -> Option<Fault> {
        let part = self.seen.patterns.between.as_ref()?;
        let mut logs = self.readers.iter().filter_map(|log| log.course.within);
        let whose = self.whose();
        match (&part.begin, &part.end) {
            _ if logs
                .clone()
                .any(|log| log.has_begun && (part.end.is_none() || log.has_ended)) =>
            {
                None
            }
            (Some((begin, _)), _) if !logs.any(|log| log.has_begun) => Some(Fault::failure(format!(
                "no line of {whose} {}: nothing is between the lines of `between`",
                begin.shown()
            ))),
            (begin, Some((end, _))) => {
                let after = begin.as_ref().map_or(String::new(), |(begin, _)| {
                    format!(" after the line that {}", begin.shown())
                });
                let text = format!(
                    "no line of {whose} {}{after}: what is `between` has no end",
                    end.shown()
                );
                Some(Fault::failure(text))
            }
            (_, None) => None,
        }
    }

    /// The first of `ordered` that no log has at its place: one log must have them all.
    fn missing_in_order(&self) -> Option<Fault> {
        let ordered = &self.seen.patterns.ordered;
        let furthest = self.readers.iter().rev().max_by_key(|log| log.course.ordered.len())?;
        let found = &furthest.course.ordered;
        let missing = ordered.get(found.len())?;
        let number = found.len() + 1;
        let Some(before) = found.len().checked_sub(1).map(|last| &ordered[last]) else {
            let text = format!(
                "#{number} of `ordered`: no line of {} {}{}",
                self.whose(),
                missing.shown(),
                self.in_part()
            );
            return Some(Fault::failure(text));
        };
        let text = format!(
            "#{number} of `ordered`: no line of {} {} after the line that {}{}",
            self.of_stream(&furthest.name),
            missing.shown(),
            before.shown(),
            self.in_part()
        );
        let found = found.iter().zip(1..).map(|(line, number)| format!("#{number} {line}"));
        let title = format!("found in the log of `{}`", furthest.name);
        Some(Fault::failure(text).detail(title, found.collect::<Vec<_>>().join("\n")))
    }

    /// Newest containers of replicas whose last line is another one.
    fn other_last(&self) -> Vec<Fault> {
        let Some(wanted) = &self.seen.patterns.last else {
            return Vec::new();
        };
        let unlike = self
            .readers
            .iter()
            .filter(|log| log.is_newest)
            .filter_map(|log| match &log.course.last {
                Some(line) if wanted.is_match(line.as_bytes()) => None,
                Some(line) => {
                    let message = format!(
                        "the last line of {}{} is another one",
                        self.of_stream(&log.name),
                        self.in_part()
                    );
                    let mut fault = Fault::failure(message);
                    (fault.expected, fault.actual) = (Some(format!("it {}", wanted.shown())), Some(line.clone()));
                    Some(fault)
                }
                None => Some(Fault::failure(format!(
                    "{} has no last line: it has written none that counts{}",
                    self.of_stream(&log.name),
                    self.in_part()
                ))),
            });
        unlike.collect()
    }

    /// Where it was searched, for messages to end with, where that was not the whole log.
    fn in_part(&self) -> &'static str {
        match self.seen.patterns.between {
            Some(_) => " in the part that is `between`",
            None => "",
        }
    }

    /// Which lines were searched, where these were not all: of each log.
    fn searched(&self) -> Option<String> {
        let patterns = &self.seen.patterns;
        let only_last = patterns.last.is_some() && patterns.counted.is_none() && patterns.ordered.is_empty();
        if patterns.between.is_none() && !only_last {
            return None;
        }
        let lines = self.readers.iter().take(SHOWN).map(|log| {
            let (name, course) = (&log.name, &log.course);
            match course.judged {
                None if course.read == 1 => format!("`{name}`: not the one line of it"),
                None => format!("`{name}`: none of its {} lines", course.read),
                Some(_) if only_last => {
                    format!(
                        "`{name}`: only its last line, number {} of {}",
                        course.last_at, course.read
                    )
                }
                Some((first, last)) => format!(
                    "`{name}`: {} of its {} lines, from number {first} to {last}",
                    course.inside, course.read
                ),
            }
        });
        Some(lines.collect::<Vec<_>>().join("\n"))
    }

    /// The target in messages: with the stream, where only one is read.
    fn whose(&self) -> String {
        self.of_stream(&self.named())
    }

    fn of_stream(&self, name: &str) -> String {
        match self.streams {
            Streams::Both => format!("`{name}`"),
            Streams::One(stream) => format!("`{name}` ({stream})"),
        }
    }

    pub(super) fn named(&self) -> String {
        match &self.target {
            Target::Container(ContainerRef::Service(service)) => service.to_string(),
            Target::Container(ContainerRef::Background(name)) | Target::Process(name) => name.clone(),
        }
    }

    /// Faults with how much was read, and the last lines, at the first of them. What is not in a log whose last moments
    /// may be missing is no failure: nobody knows. What no further line can mend is one.
    pub(super) async fn told(&mut self, mut faults: Vec<Fault>) -> Vec<Fault> {
        let unsure = self.unsure();
        let lasting = match &unsure {
            Some(_) => self.lasting().await,
            None => Vec::new(),
        };
        if !lasting.is_empty() {
            faults = lasting;
        } else if let Some(why) = unsure {
            let unmet: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
            faults = vec![self.unknown(&why).detail("in what was read", unmet.join("\n"))];
        }
        if let Some(first) = faults.first().cloned() {
            let why = match (self.cx.within, self.cx.is_futile()) {
                (_, true) => "; it has ended: nothing more comes",
                (Some(_), false) => "; its time is up",
                (None, false) => "",
            };
            let lines = count_text(self.seen.read, "line", "lines");
            let read = format!("{lines}, {} fit{why}", self.seen.count);
            let first = first.detail("read", read);
            let first = match self.searched() {
                Some(lines) => first.detail("searched", lines),
                None => first,
            };
            faults[0] = self.described(first).await;
        }
        faults
    }

    /// What is wrong with what was read, whatever comes.
    async fn lasting(&mut self) -> Vec<Fault> {
        let (cx, is_known) = (self.cx, self.seen.count > 0);
        let Some(expect) = &cx.expect else { return Vec::new() };
        let outputs = self.seen.outputs();
        let faults = cx.rendered(|scope| expect.lasting(outputs, scope, is_known)).await;
        let faults = faults.unwrap_or_default().into_iter();
        faults.map(|fault| fault.at(cx.span.place())).collect()
    }

    async fn described(&self, mut fault: Fault) -> Fault {
        for log in self.readers.iter().take(SHOWN) {
            let tail = match self.streams {
                Streams::Both => self.cx.case.spools.tail(&log.id, TAIL).await,
                // As far as it was read: to know which lines are of a stream takes all that is before them.
                Streams::One(_) => log.last.text(),
            };
            let tail = match (tail.is_empty(), self.streams) {
                (false, _) => tail,
                (true, Streams::Both) => "(it wrote nothing)".to_owned(),
                (true, Streams::One(stream)) if log.is_whole => format!("(it wrote nothing to {stream})"),
                (true, Streams::One(stream)) => format!("(it wrote nothing to {stream} since that step)"),
            };
            fault = fault.detail(format!("last lines of {}", self.of_stream(&log.name)), tail);
        }
        match self.readers.len().saturating_sub(SHOWN) {
            0 => fault,
            1 => fault.detail("not shown", "the last lines of 1 more container"),
            more => fault.detail("not shown", format!("the last lines of {more} more containers")),
        }
    }
}
