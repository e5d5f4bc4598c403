//! What the logs of a target say, once they were read as far as they are to be: the verdict, and what explains it.

use super::super::{ContainerRef, Done};
use super::Target;
use super::reading::Reading;
use super::seen::KEPT;
use crate::event::Fault;
use crate::expect::{COUNT_SOME, Expectation, Usual};

/// Log lines that a fault shows of each container.
const TAIL: usize = 30;

impl Reading<'_> {
    /// Fails with a line that must never be there.
    pub(super) async fn nothing_forbidden(&self) -> Done<()> {
        let Some((never, line)) = self.seen.forbidden.clone() else {
            return Ok(());
        };
        let mut fault = Fault::failure(format!("a line that must never be there: it {never}")).at(self.cx.span.place());
        fault.actual = Some(line);
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
            Some(why) if !grows || !self.seen.patterns.never.is_empty() => Err(vec![self.unknown(&why)]),
            _ => Ok(()),
        }
    }

    /// Why the last moments of a log may be missing, if so. What an `up` of ours replaced was stopped first, and its follow
    /// gave all whole lines: only a last one without newline may be missing there.
    fn unsure(&self) -> Option<String> {
        let replaced = self.cx.case.state().replaced.clone();
        let mut unsure = self
            .readers
            .iter()
            .filter(|log| !replaced.contains(&log.id))
            .filter_map(|log| Some((&log.name, log.reader.spool().unsure()?)));
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
                    self.cx.failure_with_hint(format!("{message}, and so no log"), hint)
                }
                Target::Container(ContainerRef::Background(name)) => {
                    self.cx.failure(format!("container `{name}` was not started"))
                }
                Target::Process(name) => self.cx.failure(format!("process `{name}` was not started")),
            });
        }
        let cx = self.cx;
        let nothing = Expectation::none(&cx.span);
        let expect = cx.expect.as_ref().unwrap_or(&nothing);
        let counts = self.seen.patterns.counted.is_some();
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
        let outputs = self.seen.outputs();
        let mut faults = cx.rendered(|scope| expect.judge(outputs, scope, usual)).await?;
        if self.seen.count == 0
            && let (Some(counted), Some(first)) = (&self.seen.patterns.counted, faults.first_mut())
        {
            first.message = format!("no line of `{}` {}", self.named(), counted.shown());
        }
        faults.extend(self.missing_in_order());
        if faults.is_empty() {
            return Ok(());
        }
        Err(faults.into_iter().map(|fault| fault.at(cx.span.place())).collect())
    }

    /// The first of `ordered` that no log has at its place: one log must have them all.
    fn missing_in_order(&self) -> Option<Fault> {
        let most = self.readers.iter().map(|log| log.next).max().unwrap_or_default();
        let missing = self.seen.patterns.ordered.get(most)?;
        let after = most
            .checked_sub(1)
            .and_then(|before| self.seen.patterns.ordered.get(before));
        let after = after.map_or(String::new(), |before| {
            format!(" after the line that {}", before.shown())
        });
        Some(Fault::failure(format!(
            "no line of `{}` {}{after}",
            self.named(),
            missing.shown()
        )))
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
            let read = format!("{} lines, {} fit{why}", self.seen.read, self.seen.count);
            faults[0] = self.described(first.detail("read", read)).await;
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
