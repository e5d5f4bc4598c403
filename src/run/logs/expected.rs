//! `expect-log`: lines that must be written while the steps of a block run.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::all::CaseLogs;
use crate::engine::logs::Mark;
use crate::event::{Fault, count_text};
use crate::run::attempt::shown;
use crate::step::{Bound, Cx, Done, Expected};

/// Log lines that a fault shows of a container.
const TAIL: usize = 30;

/// Lines that are expected from a mark on, and which of them have come.
pub(in crate::run) struct Expecting {
    logs: CaseLogs,
    lines: Expected,
    come: Vec<bool>,
    read: u64,
}

impl Expecting {
    /// Marks where the logs are, if a step expects lines; the case knows of it from now on.
    pub(in crate::run) async fn begin(step: &Bound, cx: &Cx) -> Done<Option<Expecting>> {
        if step.expect_log.is_empty() {
            return Ok(None);
        }
        let mut lines = Vec::new();
        for expected in &step.expect_log {
            let pattern = cx.rendered(|scope| expected.line.ready(scope)).await?;
            let service = match &expected.service {
                Some(service) => Some(cx.service(service).await?),
                None => None,
            };
            lines.push((pattern, service));
        }
        let now = CaseLogs::since(&cx.case, Mark::default()).now().await;
        let since = now.map_err(|fault| vec![fault.at(cx.span.place())])?;
        let lines = Expected { since, lines };
        cx.case.state().expected.push(lines.clone());
        Ok(Some(Expecting {
            logs: CaseLogs::since(&cx.case, lines.since.clone()),
            come: vec![false; lines.lines.len()],
            lines,
            read: 0,
        }))
    }

    /// Looks whether all have come by now, or come within a time; gives what has not.
    pub(in crate::run) async fn judge(mut self, step: &Bound, cx: &Cx, within: Option<Duration>) -> Vec<Fault> {
        let (until, cancel) = (cx.within, &cx.cancel);
        loop {
            let is_over = until.is_none_or(|until| Instant::now() >= until) || cancel.is_cancelled();
            let known = self.logs.generations();
            if let Err(fault) = self.look(cx, is_over).await {
                return vec![fault.at(cx.span.place())];
            }
            if is_over || self.come.iter().all(|come| *come) {
                break;
            }
            if let Some(until) = until {
                let come = self.come.iter().filter(|come| **come).count();
                let observed = format!("{come} of {} have come", self.come.len());
                cx.waiting("the lines of `expect-log`", &observed);
                let changed = cancel.run_until_cancelled(self.logs.changed(&known));
                timeout_at(until, changed).await.ok();
            }
        }
        let mut faults = Vec::new();
        for (index, expected) in step
            .expect_log
            .iter()
            .enumerate()
            .filter(|(index, _)| !self.come[*index])
        {
            faults.push(self.missing(index, cx, within).await.at(expected.line.span.place()));
        }
        faults
    }

    /// Reads what is there; behind a barrier, all that has been written until now.
    async fn look(&mut self, cx: &Cx, barrier: bool) -> Result<(), Fault> {
        let now = if barrier { Some(self.logs.now().await?) } else { None };
        self.logs.open().map_err(|why| *why)?;
        let names: Vec<String> = self.logs.logs.keys().map(|id| self.logs.name(id)).collect();
        for ((id, log), name) in self.logs.logs.iter_mut().zip(names) {
            let unread =
                |why: &dyn std::fmt::Display| Fault::error(format!("the log of `{name}` cannot be read: {why}"));
            let lines = self.lines.lines.iter().zip(&mut self.come);
            let mut of_log: Vec<_> = lines
                .filter(|((_, service), _)| service.as_ref().is_none_or(|service| log.is_of(&cx.case, service)))
                .collect();
            // Not further: it may grow as fast as it is read.
            let end = now
                .as_ref()
                .map_or_else(|| log.reader.spool().progress().end, |now| now.of(id));
            while let Some(block) = log.reader.take_until(end).map_err(|why| unread(&why))? {
                for line in block.lines() {
                    self.read += 1;
                    for ((pattern, _), come) in of_log.iter_mut().filter(|(_, come)| !**come) {
                        **come = pattern.is_match(line.as_bytes());
                    }
                }
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// A line that has not come; where its log is not whole, nobody knows.
    async fn missing(&self, index: usize, cx: &Cx, within: Option<Duration>) -> Fault {
        let (pattern, service) = &self.lines.lines[index];
        let of = |log: &&super::all::CaseLog| {
            let service = service.as_ref();
            service.is_none_or(|service| log.is_of(&cx.case, service))
        };
        let whose = match service {
            Some(service) => format!("line of `{service}`"),
            None => "line of any container".to_owned(),
        };
        let text = format!("no {whose} {} since this block began", pattern.shown());
        let logs: Vec<_> = self.logs.logs.iter().filter(|(_, log)| of(log)).collect();
        let lost = logs.iter().find_map(|(id, log)| {
            let why = log.reader.spool().not_whole()?;
            Some(format!(
                "{text}; but the log of `{}` is not whole: {why}",
                self.logs.name(id)
            ))
        });
        let mut fault = match (lost, logs.is_empty()) {
            (Some(lost), _) => Fault::error(lost),
            (None, true) => Fault::failure(format!("{text}: there is no container")),
            (None, false) => Fault::failure(text),
        };
        fault = fault.detail("read", count_text(self.read, "line", "lines"));
        fault = match within {
            Some(within) => fault.detail("waited", format!("{} after its steps", shown(within))),
            None => fault.hint("if it may come a little later, let `within: 10s` beside `expect-log` wait for it"),
        };
        for (id, _) in logs.iter().filter(|_| service.is_some()).take(3) {
            let tail = cx.case.spools.last_lines(id, TAIL);
            let tail = if tail.is_empty() {
                "(it wrote nothing)".to_owned()
            } else {
                tail
            };
            fault = fault.detail(format!("last lines of `{}`", self.logs.name(id)), tail);
        }
        fault
    }
}
