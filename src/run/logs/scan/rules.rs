//! What no log may hold, and what may be there all the same, with the values of the case.

use std::collections::VecDeque;

use crate::diagnostic::{Place, Span};
use crate::event::Fault;
use crate::expect::{LineMatcher, LinePattern};
use crate::plan::LogScan;
use crate::step::{Case, Ref, ServiceRef, find_service};
use crate::template::{Scope, Unrendered};

/// All of them.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) rules: Vec<Rule>,
    pub(super) allowed: Vec<Allowed>,
    /// True where the lines of a traceback are one.
    pub(super) joins: bool,
}

/// What no log may hold.
pub(super) struct Rule {
    pub(super) pattern: LinePattern,
    pub(super) place: Place,
    pub(super) own: bool,
    pub(super) services: Option<Vec<ServiceRef>>,
}

/// How many lines before one may be why it is there: the first words of a trouble stand close before its errors.
pub(super) const BEFORE: usize = 10;

/// What may be there all the same.
pub(super) struct Allowed {
    pub(super) pattern: LinePattern,
    pub(super) after: Option<LinePattern>,
    pub(super) place: Place,
    pub(super) own: bool,
    pub(super) used: bool,
}

impl Allowed {
    /// True for a line of which this says that it may be there, behind those before it.
    fn covers(&self, line: &[u8], before: &VecDeque<String>) -> bool {
        let is_before = |after: &LinePattern| {
            let mut last = before.iter().rev().take(BEFORE);
            last.any(|line| after.is_match(line.as_bytes()))
        };
        self.pattern.is_match(line) && self.after.as_ref().is_none_or(is_before)
    }

    fn words(&self) -> String {
        let after = self
            .after
            .as_ref()
            .map(|after| format!(" after one that {}", after.shown()));
        format!("ignore: {}{}", self.pattern.shown(), after.unwrap_or_default())
    }
}

fn unrendered(why: Unrendered) -> Fault {
    Fault::error(match why {
        Unrendered::Failed { message, .. } => message,
        Unrendered::Needs(_) => "`log-scan` can ask for nothing: it comes at the end".to_owned(),
    })
}

impl Rules {
    /// Those of the project, and of the scenario; and what kept some from being made.
    pub(super) fn of(scans: &[LogScan], case: &Case, scope: &Scope) -> (Rules, Vec<Fault>) {
        let (mut rules, mut broken) = (Rules::default(), Vec::new());
        for scan in scans {
            rules.joins |= scan.joins;
            let services = scan.services.as_ref();
            let services: Option<Vec<ServiceRef>> = services.map(|all| {
                let found = all.iter().map(|service| found(service, case, scope));
                kept(found, &mut broken)
            });
            let never = scan.never.iter().map(|line| pattern(line, scope));
            rules
                .rules
                .extend(kept(never, &mut broken).into_iter().map(|(pattern, place)| Rule {
                    pattern,
                    place,
                    own: scan.own,
                    services: services.clone(),
                }));
            let ignore = scan.ignore.iter().map(|allowed| {
                let (of_line, place) = pattern(&allowed.line, scope)?;
                let after = allowed.after.as_ref().map(|after| pattern(after, scope)).transpose()?;
                Ok(Allowed {
                    pattern: of_line,
                    after: after.map(|(after, _)| after),
                    place,
                    own: scan.own,
                    used: false,
                })
            });
            rules.allowed.extend(kept(ignore, &mut broken));
        }
        (rules, broken)
    }

    /// Those in words, to be told apart from others.
    pub(super) fn words(&self) -> Vec<String> {
        let of = |services: &Option<Vec<ServiceRef>>| match services {
            Some(services) => services.iter().map(|service| format!(" of `{service}`")).collect(),
            None => String::new(),
        };
        let never = self
            .rules
            .iter()
            .map(|rule| format!("never: {}{}", rule.pattern.shown(), of(&rule.services)));
        let ignore = self.allowed.iter().map(Allowed::words);
        let join = self.joins.then(|| "join: tracebacks".to_owned());
        never.chain(ignore).chain(join).collect()
    }

    /// The first of some rules that a line breaks.
    pub(super) fn broken_by(&self, rules: &[usize], line: &[u8]) -> Option<usize> {
        let mut rules = rules.iter().copied();
        rules.find(|rule| self.rules[*rule].pattern.is_match(line))
    }

    /// True where a line may be there all the same, behind those before it.
    pub(super) fn allow(&self, line: &[u8], before: &VecDeque<String>) -> bool {
        self.allowed.iter().any(|allowed| allowed.covers(line, before))
    }

    /// The same, and counted as one that was.
    pub(super) fn allows(&mut self, line: &[u8], before: &VecDeque<String>) -> bool {
        let mut fitting = self.allowed.iter_mut().filter(|allowed| allowed.covers(line, before));
        fitting.next().map(|allowed| allowed.used = true).is_some()
    }
}

/// Those that could be made; why not, is told.
fn kept<T>(made: impl Iterator<Item = Result<T, Box<Fault>>>, broken: &mut Vec<Fault>) -> Vec<T> {
    made.filter_map(|made| made.map_err(|fault| broken.push(*fault)).ok())
        .collect()
}

pub(super) fn pattern(line: &LineMatcher, scope: &Scope) -> Result<(LinePattern, Place), Box<Fault>> {
    let place = line.span.place();
    match line.ready(scope) {
        Ok(pattern) => Ok((pattern, place)),
        Err(why) => Err(Box::new(unrendered(why).at(place))),
    }
}

/// A service that is meant; what is wrong with a computed name is told: its logs are not looked through.
pub(super) fn found(
    (service, at): &(Ref<ServiceRef>, Span),
    case: &Case,
    scope: &Scope,
) -> Result<ServiceRef, Box<Fault>> {
    let text = match service {
        Ref::Bound(service) => return Ok(service.clone()),
        Ref::Late(text) => text.text(scope),
    };
    let fault = match text.map(|text| find_service(&text, &case.stacks)) {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(unfound)) => Fault::error(unfound.message).hint(unfound.help),
        Err(why) => unrendered(why),
    };
    Err(Box::new(fault.at(at.place())))
}
