//! A step whose names are bound: what the interpreter walks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Act, ExpectedLine, Kind, Sort, Written};
use crate::diagnostic::{Place, Span};
use crate::expect::Expectation;
use crate::shape::Computed;
use crate::step::for_each::ForEach;
use crate::step::written::Skip;
use crate::template::{Data, Expression, Template};

/// A bound step.
#[derive(Debug, Clone)]
pub struct Bound {
    /// Its number among the steps of its scenario, those in templates and blocks too.
    pub number: usize,
    /// Its kind.
    pub kind: &'static Kind,
    /// The step's place: where its kind is written.
    pub span: Span,
    /// Where its template is used, from the inside out.
    pub used_at: Vec<Place>,
    /// Its own name.
    pub name: Option<Template>,
    /// As it was written.
    pub written: Arc<dyn Written>,
    /// See [`Step::asks`](super::Step::asks).
    pub asks: String,
    /// See [`Step::asks_with`](super::Step::asks_with).
    pub asks_with: BTreeSet<String>,
    /// Skipped unless true.
    pub condition: Option<Expression>,
    /// Skipped when one applies.
    pub skip: Vec<Skip>,
    /// Limit of one attempt.
    pub limit: Computed<Duration>,
    /// What sets it.
    pub limit_by: SetBy,
    /// Asked again until then.
    pub within: Option<Computed<Duration>>,
    /// How often it is asked again.
    pub every: Option<Computed<Duration>>,
    /// How long it must stay true.
    pub holds_for: Option<Computed<Duration>>,
    /// The name of the probe that it becomes.
    pub probe: Option<String>,
    /// One failure of the probe fails the scenario.
    pub must_hold: bool,
    /// A failure is reported and the phase goes on.
    pub soft: bool,
    /// Once for each item.
    pub for_each: Option<ForEach>,
    /// What its result must be.
    pub expect: Option<Expectation>,
    /// Lines that must be written while the steps in it run.
    pub expect_log: Vec<ExpectedLine>,
    /// The names without whose values it cannot be done.
    pub needs: BTreeSet<String>,
    /// Kept from its result.
    pub save: Vec<(String, Expression)>,
    /// What it does.
    pub body: Body,
}

/// What sets a limit: shown, it is what to do about one that has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetBy {
    /// Nobody: it is the default.
    Default,
    /// A `timeout` there.
    Timeout(Place),
    /// The project file's `timeouts`, there.
    Project(Place),
}

impl std::fmt::Display for SetBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SetBy::Default => f.write_str("its limit is `timeout`"),
            SetBy::Timeout(place) => write!(f, "its limit is `timeout` at {place}"),
            SetBy::Project(place) => write!(f, "its limit is one of the `timeouts` at {place}"),
        }
    }
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Body {
    /// Something by itself.
    Act(Arc<dyn Act>),
    /// It only holds other steps: the interpreter alone walks them.
    Block(Block),
}

/// Steps inside a step.
#[derive(Debug, Clone)]
pub struct Block {
    /// One list, or several that run at once.
    pub lanes: Vec<Lane>,
    /// A scope of its own: only its parameters and the built-in names, and what it gives back.
    pub own: Option<OwnScope>,
}

/// A list of steps in a block.
#[derive(Debug, Clone)]
pub struct Lane {
    /// Its name, for paths of events; `parallel` has one a lane.
    pub name: Option<String>,
    /// Its steps.
    pub steps: Vec<Bound>,
}

/// The scope of a template.
#[derive(Debug, Clone)]
pub struct OwnScope {
    /// Its parameters: name, value, whether it is hidden.
    pub parameters: Vec<(String, Data, bool)>,
    /// Parameters that were not given: their defaults see the parameters.
    pub defaults: Vec<(String, Data, bool)>,
    /// What it gives back.
    pub returns: Vec<(String, Expression)>,
    /// The template's folder: relative paths in it are relative to it.
    pub folder: std::path::PathBuf,
}

/// How often a question is asked again where nothing tells that it should be.
#[derive(Debug, Clone, Copy)]
pub struct Repeat;

impl Repeat {
    /// Of `within`, the first one where the author does not say how often to ask.
    pub const FIRST: Duration = Duration::from_millis(10);
    /// Of `within`, the longest.
    pub const WITHIN: Duration = Duration::from_millis(200);
    /// Of a probe.
    pub const PROBE: Duration = Duration::from_millis(50);
}

impl Bound {
    /// What it is called as it is written: its name, or else its kind and target.
    pub fn shown(&self) -> String {
        match &self.name {
            Some(name) => name.shown(),
            None => format!("{} {}", self.kind.name, self.written.title())
                .trim_end()
                .to_owned(),
        }
    }

    /// True when it is there to judge: after a failure of it the checks that follow it directly are still made.
    pub fn is_check(&self) -> bool {
        self.kind.sort == Sort::Check || (self.kind.sort == Sort::Question && self.expect.is_some())
    }

    /// True for a check that may still be made after a failed one, since it only looks. A command may do anything, whatever is
    /// expected of it, unless its author lets it be asked again and again.
    pub fn only_looks(&self) -> bool {
        let again = self.within.is_some() || self.holds_for.is_some();
        self.is_check() && (again || matches!(&self.body, Body::Act(act) if !act.may_change()))
    }

    /// The steps in it.
    pub fn inner(&self) -> impl Iterator<Item = &Bound> {
        let lanes = match &self.body {
            Body::Act(_) => &[],
            Body::Block(block) => block.lanes.as_slice(),
        };
        lanes.iter().flat_map(|lane| &lane.steps)
    }

    /// True when it, or a step in it, asks from inside a service's network.
    pub fn asks_inside(&self) -> bool {
        match &self.body {
            Body::Act(act) => act.asks_inside(),
            Body::Block(_) => self.inner().any(Bound::asks_inside),
        }
    }

    /// The names that it saves, those of the steps in it too where they are seen outside.
    pub fn saves(&self) -> impl Iterator<Item = &str> {
        self.saved().into_iter().map(|(name, _)| name.as_str())
    }

    /// The same, with what is saved.
    pub fn saved(&self) -> Vec<&(String, Expression)> {
        let inner = match &self.body {
            Body::Block(Block { lanes, own: None }) => lanes.as_slice(),
            Body::Block(_) | Body::Act(_) => &[],
        };
        let inner = inner.iter().flat_map(|lane| &lane.steps).flat_map(Bound::saved);
        self.save.iter().chain(inner).collect()
    }

    /// The images that it, or a step in it, wants, as far as they are known before anything starts; none of what may be
    /// skipped.
    pub fn images(&self) -> Vec<&str> {
        if self.condition.is_some() || !self.skip.is_empty() {
            return Vec::new();
        }
        match &self.body {
            Body::Act(act) => act.images(),
            Body::Block(_) => self.inner().flat_map(Bound::images).collect(),
        }
    }

    /// True when it judges something.
    pub fn checks(&self) -> bool {
        match &self.body {
            Body::Act(_) => self.expect.is_some() || self.kind.sort != Sort::Action,
            Body::Block(_) => !self.expect_log.is_empty() || self.inner().any(Bound::checks),
        }
    }
}
