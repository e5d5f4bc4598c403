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

    /// Judges what was seen so far.
    pub(super) async fn judge(&self) -> Done<()> {
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
        let nothing = Expectation::none(&self.cx.span);
        let expect = self.cx.expect.as_ref().unwrap_or(&nothing);
        let usual: &[Usual] = if self.seen.counted.is_some() { COUNT_SOME } else { &[] };
        if expect.expects("lines") && !self.seen.is_whole() {
            let message = format!(
                "`lines` cannot be judged: those that fit are longer than {} MiB",
                KEPT >> 20
            );
            let fault = Fault::error(message).at(self.cx.span.place());
            return Err(vec![fault.hint(
                "count them, or say with `matches`, `ignore` or `never` which are meant",
            )]);
        }
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

    pub(super) fn named(&self) -> String {
        match &self.target {
            Target::Container(ContainerRef::Service(service)) => service.to_string(),
            Target::Container(ContainerRef::Background(name)) | Target::Process(name) => name.clone(),
        }
    }

    /// Faults with how much was read, and the last lines, at the first of them.
    pub(super) async fn told(&self, mut faults: Vec<Fault>) -> Vec<Fault> {
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
