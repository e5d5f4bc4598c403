//! `log-scan`: at the end of a case all its logs are looked through for what none may hold.
//!
//! They are looked through twice: once the scenario has done what it is for, so that `on-failure` runs after a finding, and
//! from there on when the cleanup is done. What is written after that, while containers are killed, is nobody's fault.

mod again;
mod judge;
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::all::CaseLogs;
use crate::engine::logs::{Mark, Offset};
use crate::engine::world::ContainerState;
use crate::event::{Fault, What};
use crate::expect::LinePattern;
use crate::plan::Plan;
use crate::step::{Case, Expected};
use crate::template::Scope;
use judge::{Judge, Read};
use rules::{Rule, Rules};

/// How long reading the logs may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Looks through the logs of a case.
pub(in crate::run) struct Scan<'a> {
    plan: &'a Plan,
    case: Arc<Case>,
    logs: CaseLogs,
    judge: Judge,
    read: BTreeMap<String, Read>,
    /// How many lines each log had at the last look; where there was none it is not asked for, which takes its time.
    lengths: BTreeMap<String, u64>,
    /// Rules that are none, and what kept the last look from being done.
    broken: Vec<Fault>,
    undone: Option<Fault>,
    begun: bool,
}

/// When looking is given up.
struct Until {
    limit: Instant,
    hurry: CancellationToken,
}

impl Until {
    fn is_over(&self) -> bool {
        self.hurry.is_cancelled() || Instant::now() >= self.limit
    }
}

/// What was not looked at may have what no log may have.
fn interrupted() -> Fault {
    Fault::error("interrupted: the logs were not looked through to their end")
}

impl<'a> Scan<'a> {
    /// Nothing was looked at yet.
    pub(in crate::run) fn new(plan: &'a Plan, case: &Arc<Case>) -> Self {
        Scan {
            plan,
            logs: CaseLogs::since(case, Mark::default()),
            case: Arc::clone(case),
            judge: Judge::default(),
            read: BTreeMap::new(),
            lengths: BTreeMap::new(),
            broken: Vec::new(),
            undone: None,
            begun: false,
        }
    }

    /// Looks through all that was written until now; gives whether something was found so far. Who is in a hurry does not
    /// wait for that, and is told that it was not done.
    pub(in crate::run) async fn look(&mut self, scope: &Scope, hurry: &CancellationToken) -> bool {
        if self.plan.log_scans.iter().all(|scan| scan.never.is_empty()) {
            return false;
        }
        if !self.begun {
            self.make_ready(scope);
        }
        let until = Until {
            limit: Instant::now() + self.case.scaled(LIMIT),
            hurry: hurry.clone(),
        };
        // A look reads on from where the one before it has ended: it may do what that did not.
        self.undone = self.take(&until).await.err();
        let pending = |(id, read): (&String, &Read)| self.judge.would_find(read, &self.expected_by_now(id));
        !self.judge.findings.is_empty() || self.broken().next().is_some() || self.read.iter().any(pending)
    }

    /// What is not known for it.
    fn broken(&self) -> impl Iterator<Item = &Fault> {
        self.broken.iter().chain(&self.undone)
    }

    /// True when the scenario's own rules were held against a log.
    pub(in crate::run) fn checked(&self) -> bool {
        let own = |rule: &usize| self.judge.rules.rules[*rule].own;
        self.read.values().any(|log| log.rules.iter().any(own))
    }

    /// What was found, and what could not be found out; what was in vain is noted.
    pub(in crate::run) fn told(&mut self) -> Vec<Fault> {
        for (id, mut read) in std::mem::take(&mut self.read) {
            let expected = self.expected_by_now(&id);
            self.judge.end(&mut read, &id, &expected);
            self.read.insert(id, read);
        }
        let mut faults = self.judge.found(&self.case.emitter.masks, |id| self.logs.name(id));
        let of_scan = self.plan.log_scans.last().map(|scan| scan.span.place());
        let placed = |fault: Fault| match &of_scan {
            Some(place) => fault.at(place.clone()),
            None => fault,
        };
        faults.extend(self.broken().cloned().map(&placed));
        self.tell(&faults);
        if !self.begun {
            return Vec::new();
        }
        faults.extend(self.gaps().into_iter().map(&placed));
        if self.broken().next().is_none() {
            self.note_idle();
        }
        faults
    }

    /// Tells which logs there are and by what they were judged, for whoever judges them again.
    fn tell(&mut self, faults: &[Fault]) {
        // What cannot be opened is told by who needs it.
        if self.case.nodes.is_empty() || self.logs.open().is_err() {
            return;
        }
        let logs = self.logs.scanned(&self.lengths);
        if !logs.is_empty() {
            self.case.emitter.emit(What::LogsScanned {
                rules: self.judge.rules.words(),
                logs,
                found: faults.iter().map(|fault| fault.message.clone()).collect(),
            });
        }
    }

    fn make_ready(&mut self, scope: &Scope) {
        let (rules, broken) = Rules::of(&self.plan.log_scans, &self.case, scope);
        self.judge.rules = rules;
        self.broken.extend(broken);
        self.begun = true;
    }

    async fn take(&mut self, until: &Until) -> Result<(), Fault> {
        let now = tokio::time::timeout_at(until.limit, self.logs.now());
        let now = match until.hurry.run_until_cancelled(now).await {
            None => return Err(interrupted()),
            Some(Err(_)) => return Err(self.late()),
            Some(Ok(now)) => now?,
        };
        self.lengths = self.logs.lengths();
        let expected = self.case.state().expected.clone();
        let ids: Vec<String> = self.logs.logs.keys().cloned().collect();
        for id in ids {
            self.take_one(&id, (&now, &expected), until).await?;
        }
        match until.is_over() {
            true if until.hurry.is_cancelled() => Err(interrupted()),
            true => Err(self.late()),
            false => Ok(()),
        }
    }

    fn late(&self) -> Fault {
        let limit = crate::run::attempt::shown(self.case.scaled(LIMIT));
        Fault::error(format!("the logs were not looked through to their end within {limit}"))
    }

    /// Reads a log on, up to a mark: from where a block began to expect lines on, these are allowed. It is not dropped half
    /// way: where it ends early, the next look reads on from there.
    async fn take_one(&mut self, id: &str, (now, expected): (&Mark, &[Expected]), until: &Until) -> Result<(), Fault> {
        let Some(mut log) = self.logs.logs.remove(id) else {
            return Ok(());
        };
        let read = self.read.remove(id);
        let mut read = read.unwrap_or_else(|| Read::by(self.rules_of(log.container.as_deref())));
        let mut places: Vec<_> = expected.iter().map(|expected| expected.since.of(id)).collect();
        places.push(now.of(id));
        places.retain(|place| *place <= now.of(id) && !log.reader.has_passed(*place));
        places.sort_unstable();
        // What nobody forbids need not be read.
        places.retain(|_| !read.rules.is_empty());
        let name = self.logs.name(id);
        let mut taken = Ok(());
        for place in places {
            let expected = self.expected_of(expected, (id, log.container.as_deref()), |since| {
                log.reader.has_passed(since)
            });
            while !until.is_over() {
                match log.reader.take_until(place) {
                    Ok(Some(block)) => block
                        .lines()
                        .for_each(|line| self.judge.line(&mut read, (id, line), &expected)),
                    Ok(None) => break,
                    Err(why) => {
                        taken = Err(Fault::error(format!("the log of `{name}` cannot be read: {why}")));
                        break;
                    }
                }
                tokio::task::yield_now().await;
            }
            if place < now.of(id) && log.reader.has_passed(place) {
                // What comes from here on is allowed, and this is not.
                self.judge.end(&mut read, id, &expected);
            }
        }
        self.logs.logs.insert(id.to_owned(), log);
        self.read.insert(id.to_owned(), read);
        taken
    }

    /// The lines that blocks expect of a log, of those that have begun by some place.
    fn expected_of(
        &self,
        expected: &[Expected],
        (id, container): (&str, Option<&ContainerState>),
        has_begun: impl Fn(Offset) -> bool,
    ) -> Vec<LinePattern> {
        let begun = expected.iter().filter(|expected| has_begun(expected.since.of(id)));
        let of_log = begun.flat_map(|expected| &expected.lines).filter(|(_, service)| {
            let of = |service| container.is_some_and(|container| self.case.is_of(container, service));
            service.as_ref().is_none_or(of)
        });
        of_log.map(|(pattern, _)| pattern.clone()).collect()
    }

    /// The same, of those that have begun by where the log was read to.
    fn expected_by_now(&self, id: &str) -> Vec<LinePattern> {
        let expected = self.case.state().expected.clone();
        let log = self.logs.logs.get(id);
        let container = log.and_then(|log| log.container.clone());
        let has_begun = |since| log.is_some_and(|log| log.reader.has_passed(since));
        self.expected_of(&expected, (id, container.as_deref()), has_begun)
    }

    fn rules_of(&self, container: Option<&ContainerState>) -> Vec<usize> {
        let is_of = |rule: &Rule| match &rule.services {
            Some(services) => {
                let of = |container| services.iter().any(|service| self.case.is_of(container, service));
                container.is_some_and(of)
            }
            None => true,
        };
        let rules = self.judge.rules.rules.iter().enumerate();
        rules.filter(|(_, rule)| is_of(rule)).map(|(index, _)| index).collect()
    }

    /// Logs of which something is missing: what no log may have may have been there.
    fn gaps(&self) -> Vec<Fault> {
        let judged = |id: &String| self.read.get(id).is_some_and(|read| !read.rules.is_empty());
        let logs = self.logs.logs.iter().filter(|(id, _)| judged(id));
        let lost = logs.filter_map(|(id, log)| {
            let why = log.reader.spool().not_whole()?;
            let name = self.logs.name(id);
            Some(
                Fault::error(format!(
                    "the log of `{name}` is not whole, and may have had what no log may have: {why}"
                ))
                .hint("`services` under `log-scan` names those whose logs are meant"),
            )
        });
        lost.collect()
    }

    /// Notes what did nothing; of the project's, which are for all scenarios, nothing.
    fn note_idle(&self) {
        for allowed in self
            .judge
            .rules
            .allowed
            .iter()
            .filter(|allowed| allowed.own && !allowed.used)
        {
            let text = format!("{}: this `ignore` of `log-scan` allowed no line", allowed.place);
            self.case.emitter.note(&text);
        }
        for scan in self
            .plan
            .log_scans
            .iter()
            .filter(|scan| scan.own && !scan.never.is_empty())
        {
            if !self.checked() {
                let place = scan.span.place();
                let text = format!("{place}: `log-scan` had no log to look through: there was no such container");
                self.case.emitter.note(&text);
            }
        }
    }
}
